"""What gradient descent learns of noisy images: the rank of a convolutional network's filters beside that of its data.

Images hold an object patch, one of 2K features, before patches of background noise. The stable rank of the data
explodes with the noise; that of the filters of a two-layer network stays low. Training reduces to one clock for each
feature,

    t = tau + int_0^tau e^F(u) du,   F(tau) = m^-1 [sum_own act(Phi_tau(z)) - sum_other act(Phi_-tau(z))],

from which follow the loss, the filters' stable rank (2K only if no filter wins two features) and the noise at which
memorisation starts.

References
----------
C. Zhang, P. Gao, D. Zou, Y. Cao, arXiv 2504.08628.
"""

from __future__ import annotations

from lemmata.records import Asymptotic, Exact, LeadingOrder, Numerical, Result
from theory.cnn_rank.clock import FeatureClock, clock_margin, feature_clock
from theory.cnn_rank.data_rank import (
    data_singular_values,
    data_stable_rank,
    image_stable_rank,
    noise_transition,
    peak_stable_rank,
)
from theory.cnn_rank.error import (
    CoherentNoise,
    TrainedFilters,
    coherent_error,
    test_error,
    test_loss,
)
from theory.cnn_rank.filters import (
    SharedGrowth,
    WinnerTakesAll,
    collision_law,
    filter_stable_rank,
    mean_field_clock,
    mean_field_loss,
    no_collision_probability,
    shared_growth_rank,
    winner_takes_all_rank,
)
from theory.cnn_rank.flow import FeatureFlow, feature_flow
from theory.cnn_rank.loss import Tail, tail_loss, tail_margin
from theory.cnn_rank.memorised import NoisyStart, learned_stable_rank, memorised_images
from theory.cnn_rank.models import Balanced, Counts, Data, Multinomial, Training
from theory.cnn_rank.onset import (
    Onset,
    leading_onset,
    memorisation_onset,
    memorised_share,
    no_memory_probability,
)
from theory.cnn_rank.start import (
    Start,
    escape_times,
    feature_clocks,
    feature_margins,
    signal_stable_rank,
    trained_signals,
    training_loss,
    winner_stable_rank,
)
from theory.cnn_rank.weights import (
    HiddenSignal,
    hidden_stable_rank,
    initial_stable_rank,
    weight_stable_rank,
)

_PATCHES = Asymptotic("images", "dimension", order=1)
_STEPS = LeadingOrder("step_size")
_FILTERS = Asymptotic("filters", order=1)
_ORTHOGONAL = LeadingOrder("1/dimension")
_LATTICE_ERROR = Numerical("below 3e-3, about 1e-3 at a test error of .05")
_LATTICE_LOSS = Numerical("about 1/180 of the loss's deviation over new images")
_CLOCK = "t = tau + int_0^tau e^F(u) du"

RESULTS = (
    Result(data_stable_rank, Data, "R2", _PATCHES, "(n s^2 + v N d') / max(n_max s^2, v edge(N, d'))"),
    Result(
        image_stable_rank, Data, "R2", _PATCHES, "(n s^2 + v n D) / top(theta = n_max s^2, n, D = P_b d')"
    ),
    Result(noise_transition, Data, "R2", _PATCHES, "s sqrt(n_max / edge(N, d'))"),
    Result(peak_stable_rank, Data, "R2", _PATCHES, "2K + N d' / edge(N, d')"),
    Result(
        data_singular_values, Data, "R2", _PATCHES, "s sqrt(n_k), and sigma_p sqrt(quantiles of the bulk)"
    ),
    Result(feature_flow, FeatureFlow, "R5", Exact(), "Phi_tau(z0): dz/dtau = act'(z)"),
    Result(feature_clock, FeatureClock, "R5", _STEPS, _CLOCK),
    Result(clock_margin, FeatureClock, "R5", _STEPS, "F(tau(t))"),
    Result(feature_clocks, Start, "R5", _STEPS, _CLOCK),
    Result(feature_margins, Start, "R5", _STEPS, "F_k(tau_k(t))"),
    Result(trained_signals, Start, "R5", _STEPS, "Phi_(+-tau_k)(z_jr,k)"),
    Result(training_loss, Start, "R6", _STEPS, "sum_k (n_k/n) ln(1 + e^-F_k)"),
    Result(escape_times, Start, "R6", _STEPS, "t(tau*(z_max,k))"),
    Result(tail_margin, Tail, "R6", _STEPS, "F + e^F = (A/m)(t - T) + F* + e^F*"),
    Result(tail_loss, Tail, "R6", _STEPS, "ln(1 + e^-F) ~ m/(A t)"),
    Result(mean_field_loss, Training, "R6", _FILTERS, "ln(1 + e^-F(tau))"),
    Result(collision_law, WinnerTakesAll, "R7", Exact(), "P(L<=l) = [K! m^-K [x^K](sum_{i<=l} x^i/i!)^m]^2"),
    Result(winner_takes_all_rank, WinnerTakesAll, "R7", Exact(), "sum_L (2K/L) P(L)"),
    Result(no_collision_probability, WinnerTakesAll, "R7", Exact(), "[m!/((m-K)! m^K)]^2"),
    Result(winner_stable_rank, Start, "R7", LeadingOrder("start"), "sum z_k^2 / max_r sum_(k of r) z_k^2"),
    Result(signal_stable_rank, Start, "R7", _STEPS, "stable rank of <w_jr, mu_k>"),
    Result(shared_growth_rank, SharedGrowth, "R7", _FILTERS, "2K / [(1 + (K-1) c)(1 + (1/c - 1)/m)]"),
    Result(filter_stable_rank, Training, "R7", _FILTERS, "2Km (q+ + q-) / top(m K (mu+ - mu-)^2)"),
    Result(mean_field_clock, Training, "R7", _FILTERS, _CLOCK),
    Result(
        initial_stable_rank, Training, "R8", Asymptotic("filters", "dimension", order=1), "2m d / edge(2m, d)"
    ),
    Result(hidden_stable_rank, HiddenSignal, "R8", _FILTERS, "(sum theta + 2m d' s0^2) / top"),
    Result(weight_stable_rank, Start, "R8", _FILTERS, "(|Zs|^2/s^2 + 2m d' s0^2) / top"),
    Result(memorisation_onset, Onset, "R9", _ORTHOGONAL, "beta(r) tau*(s0 s x_k) = tau*(s0 s r x_i)"),
    Result(leading_onset, Onset, "R9", LeadingOrder("initial_scale"), "[(n/2K)(x_k/x_i)^(q-2)]^(1/q)"),
    Result(memorised_share, Training, "R9", _ORTHOGONAL, "P(r_i < r)"),
    Result(no_memory_probability, Training, "R9", _ORTHOGONAL, "P(min_i r_i > r)"),
    Result(
        learned_stable_rank, NoisyStart, "R9", _ORTHOGONAL, "stable rank of [(Zs-Zs(0))/s, (Zn-Zn(0))/|xi|]"
    ),
    Result(memorised_images, NoisyStart, "R9", _ORTHOGONAL, "max_r h_r,ip(t) > kappa"),
    Result(test_error, TrainedFilters, "R10", _LATTICE_ERROR, "(1/2K) sum_k P(y_k f_k <= 0)"),
    Result(test_loss, TrainedFilters, "R10", _LATTICE_LOSS, "(1/2K) sum_k E ln(1 + e^(-y_k f_k))"),
    Result(coherent_error, CoherentNoise, "R10", LeadingOrder("start"), "Q(x)/2 + E[Q(x+v) | v>0]/2"),
)

__all__ = [
    "RESULTS",
    "Balanced",
    "CoherentNoise",
    "Counts",
    "Data",
    "FeatureClock",
    "FeatureFlow",
    "HiddenSignal",
    "Multinomial",
    "NoisyStart",
    "Onset",
    "SharedGrowth",
    "Start",
    "Tail",
    "TrainedFilters",
    "Training",
    "WinnerTakesAll",
    "clock_margin",
    "coherent_error",
    "collision_law",
    "data_singular_values",
    "data_stable_rank",
    "escape_times",
    "feature_clock",
    "feature_clocks",
    "feature_flow",
    "feature_margins",
    "filter_stable_rank",
    "hidden_stable_rank",
    "image_stable_rank",
    "initial_stable_rank",
    "leading_onset",
    "learned_stable_rank",
    "mean_field_clock",
    "mean_field_loss",
    "memorisation_onset",
    "memorised_images",
    "memorised_share",
    "no_collision_probability",
    "no_memory_probability",
    "noise_transition",
    "peak_stable_rank",
    "shared_growth_rank",
    "signal_stable_rank",
    "tail_loss",
    "tail_margin",
    "test_error",
    "test_loss",
    "trained_signals",
    "training_loss",
    "weight_stable_rank",
    "winner_stable_rank",
    "winner_takes_all_rank",
]
