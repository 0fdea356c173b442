"""Images, starts and clocks that satisfy the hypotheses of the results by construction."""

from __future__ import annotations

from hypothesis import strategies as st

from theory.cnn_rank import Counts, Data, FeatureClock, Start, Training

orders = st.one_of(st.sampled_from([2.0, 3.0, 4.0]), st.floats(2, 6))
knees = st.floats(0.05, 20)


@st.composite
def images(draw: st.DrawFn, most_features: int = 6, noise_laws: tuple[str, ...] = ("projected",)) -> Data:
    """Balanced images of one object, patches of many more dimensions than features."""
    features = draw(st.integers(1, most_features))
    return Data(
        features,
        2 * features * draw(st.integers(1, 20)),
        2 * features + draw(st.integers(2, 500)),
        background=draw(st.integers(1, 4)),
        strength=draw(st.floats(0.1, 10)),
        noise=draw(st.floats(0.01, 10)),
        noise_law=draw(st.sampled_from(noise_laws)),
    )


@st.composite
def clocks(draw: st.DrawFn, most: int = 8) -> FeatureClock:
    """Starts of both blocks within reach of the knee, at least one of the feature's sign positive; times 0 to 1000."""
    filters, knee = draw(st.integers(1, most)), draw(knees)
    start = st.floats(-2, 2).map(lambda z: z * knee)
    block = st.lists(start, min_size=filters, max_size=filters)
    own = [abs(z) + 1e-3 * knee if i == 0 else z for i, z in enumerate(draw(block))]
    times = sorted(draw(st.lists(st.floats(0, 1000), min_size=2, max_size=5)))
    return FeatureClock(
        tuple(own),
        tuple(draw(block)),
        tuple(t * knee for t in times),
        order=draw(orders),
        knee=knee,
        output_exponent=draw(st.floats(0.3, 1)),
    )


@st.composite
def starts(draw: st.DrawFn) -> Start:
    """Small networks with given starts, any counts with an image for every feature, one object."""
    features, filters, knee = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(knees)
    counts = draw(st.lists(st.integers(1, 6), min_size=2 * features, max_size=2 * features))
    row = st.lists(st.floats(-1.5, 1.5).map(lambda z: z * knee), min_size=2 * features, max_size=2 * features)
    signals = draw(st.lists(row, min_size=2 * filters, max_size=2 * filters))
    model = Training(
        features,
        sum(counts),
        100,
        counts=Counts(tuple(counts)),
        filters=filters,
        order=draw(orders),
        knee=knee,
        steps=draw(st.integers(0, 300)),
    ).advancing(knee * draw(st.floats(0.01, 10)))
    fields = {name: getattr(model, name) for name in Training.parameters()}
    return Start(**fields, signals=tuple(map(tuple, signals)))
