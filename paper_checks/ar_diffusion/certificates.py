"""Identities behind the closed forms, proved by exact algebra from the definitions: R2, R3, R8, R9, R13."""

from __future__ import annotations

from typing import Any

from lemmata.claims import CERTIFIED, Claim, Mutant, Symbolic

# ------------------------------------------------------------------ R2: the error of one step


def _step_residue(square: bool = True) -> Any:
    """One step Y' = e^h Y + 2(e^h - 1) s(Y) + sqrt(e^2h - 1) Z from Y ~ N(0, lambda_tau), s(Y) = -Y/lambda_tau.

    Its variance minus lambda_{tau-h}, which runs the noising backwards: lambda_tau - 1 = e^-2h (lambda_{tau-h} - 1).
    """
    import sympy

    h, variance, before = sympy.symbols("h lambda_tau lambda_before", positive=True)
    factor = sympy.exp(h) - 2 * (sympy.exp(h) - 1) / variance
    after_step = factor**2 * variance + sympy.exp(2 * h) - 1
    (earlier,) = sympy.solve(variance - 1 - sympy.exp(-2 * h) * (before - 1), before)
    size = sympy.exp(h) - 1 if square else sympy.sqrt(h * (sympy.exp(h) - 1))
    return sympy.simplify(after_step - earlier - 2 * size**2 * (2 - variance) / variance)


R2 = Claim(
    "R2",
    source="R2 of the page",
    statement="A step from the exact variance lambda_tau errs by exactly 2 (e^h - 1)^2 (2 - lambda_tau)/lambda_tau.",
    falsifier="a step and a variance at which the two sides differ",
    design=(),
    published=Symbolic(_step_residue, "variance after the step minus lambda_{tau-h} minus the stated error"),
    mutants=(
        Mutant(
            "h (e^h - 1) in place of (e^h - 1)^2",
            Symbolic(lambda: _step_residue(False), "a wrong local error"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R3: the chain rule of the stages


def _kl(mean: Any, truth: Any, model_mean: Any, model: Any) -> Any:
    """KL(N(mean, truth) || N(model_mean, model)) by the textbook formula, matrices (d, d)."""
    import sympy

    inverse = model.inv()
    shift = ((model_mean - mean).T * inverse * (model_mean - mean))[0]
    return (
        (inverse * truth).trace() - truth.rows + sympy.log(model.det()) - sympy.log(truth.det()) + shift
    ) / 2


def _chain_residue(averaged_over_truth: bool = True) -> Any:
    """Joint KL minus that of x_1 minus E over x_1 of the conditional ones; laws from two regressions each."""
    import sympy

    v, s, w, t = sympy.symbols(
        "v s w t", positive=True
    )  # variances of x_1 and of the residual, true and model's
    g, k, m, n, a, b = sympy.symbols(
        "g k m n a b", real=True
    )  # slopes, means, offsets of the conditional means
    truth = sympy.Matrix([[v, g * v], [g * v, g**2 * v + s]])
    model = sympy.Matrix([[w, k * w], [k * w, k**2 * w + t]])
    mean, model_mean = sympy.Matrix([m, g * m + a]), sympy.Matrix([n, k * n + b])
    joint = _kl(mean, truth, model_mean, model)
    first = _kl(mean[:1, :], truth[:1, :1], model_mean[:1, :], model[:1, :1])
    x = sympy.symbols("x", real=True)
    gap = sympy.expand(((k - g) * x + b - a) ** 2)
    variance, centre = (v, m) if averaged_over_truth else (w, n)
    averaged = gap.coeff(x, 2) * (variance + centre**2) + gap.coeff(x, 1) * centre + gap.coeff(x, 0)
    second = (s / t - 1 + sympy.log(t) - sympy.log(s) + averaged / t) / 2
    return sympy.simplify(sympy.expand_log(sympy.simplify(joint - first - second), force=True))


R3 = Claim(
    "R3",
    source="R3 of the page",
    statement="The joint KL is the sum of the stages' divergences, each averaged over true prefixes.",
    falsifier="two Gaussians for which the two differ",
    design=(),
    published=Symbolic(_chain_residue, "KL of two bivariate Gaussians, as a whole and stage by stage"),
    mutants=(
        Mutant(
            "the average taken over the sampler's own prefixes",
            Symbolic(lambda: _chain_residue(False), "the chain rule with the wrong prefixes"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R8: a step of the path KL


def _martingale_residue() -> Any:
    """Gaussian direction: E[e^-tau s_tau(X_tau) | X_late] = e^-late s_late(X_late), s_t(x) = -x/lambda_t.

    The data, of variance lambda, are noised for a time tau and then for h: X_t+h = e^-h X_t + sqrt(1 - e^-2h) Z. The
    score has the stated lambda_t = 1 + e^-2t (lambda - 1).
    """
    import sympy

    tau, h, variance = sympy.symbols("tau h lambda", positive=True)

    def stated(t: Any) -> Any:
        return 1 + sympy.exp(-2 * t) * (variance - 1)

    def noised(parts: Any, time: Any) -> Any:
        """Coefficients on independent variables of variance 1, after more noise."""
        kept = sympy.exp(-time)
        return (kept * parts).col_join(sympy.Matrix([sympy.sqrt(1 - kept**2)]))

    early = noised(sympy.Matrix([sympy.sqrt(variance)]), tau)
    later = noised(early, h)
    regression = later[:2, :].dot(early) / later.dot(later)  # E[X_tau | X_late] = regression X_late
    late = tau + h
    return sympy.simplify(sympy.exp(-tau) * regression / stated(tau) - sympy.exp(-late) / stated(late))


def _path_step_residue(decay: int = 1) -> Any:
    """Derivative in h of a step's path KL, E|s_{late-h} - s_late|^2 with E s.s_late = e^-h J_late, and the closed form.

    The martingale gives E s_tau.s_late = e^-(late - tau) J_late, hence J_tau - (2 e^-h - 1) J_late. The step is its
    integral over h from 0; c(h) = 2(1 - e^-h) - h, and for a Gaussian direction J = 1/lambda.
    """
    import sympy

    h, r = sympy.symbols("h r", positive=True)  # r = J_late = 1/lambda_late
    earlier = 1 + sympy.exp(2 * h) * (1 / r - 1)  # lambda_{late - h}
    increment = 1 / earlier + r - 2 * sympy.exp(-decay * h) * r
    area = -sympy.log(1 - r * (1 - sympy.exp(-2 * h))) / 2
    closed = area - (2 * (1 - sympy.exp(-h)) - h) * r
    return sympy.simplify(sympy.diff(closed, h) - increment), closed.subs(h, 0)


R8 = Claim(
    "R8",
    source="R8 of the page",
    statement="e^-tau s_tau(X_tau) is a martingale, and a step of the path KL is int J - (2(1 - e^-h) - h) J_n.",
    falsifier="a variance and a step for which the integrated squared increments of the score differ from it",
    design=(),
    published=Symbolic(
        lambda: (_martingale_residue(), *_path_step_residue()),
        "the regression of the score on the noisier one; the derivative in h of a step, and its value at h = 0",
    ),
    mutants=(
        Mutant(
            "the correlation e^-2h of the scores, as if they were rescaled like variances",
            Symbolic(lambda: _path_step_residue(2), "a step with a wrong martingale"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R9: the dependence functional


def _dependence_residue(size: int, through_noise: bool = True) -> Any:
    """Sum over j > k of E (d/dx_k log p(x_j | x_<j))^2, minus tr Sigma^-1 + sum of 1/S_k, patches of one number.

    A Gaussian is made by x = L z, L lower triangular: S_k = L_kk^2, and z_j depends on x_k by (L^-1)_jk, so that
    log p(x_j | x_<j) = -z_j^2/2 + const has the derivative -z_j (L^-1)_jk.
    """
    import sympy

    entries = {
        (i, j): sympy.Symbol(f"l{i}{j}", positive=i == j, real=True)
        for i in range(size)
        for j in range(i + 1)
    }
    factor = sympy.Matrix(size, size, lambda i, j: entries.get((i, j), 0))
    inverse = factor.inv()
    lower = 0 if through_noise else 1
    dependence = sum(inverse[j, k] ** 2 for j in range(size) for k in range(lower, j))
    precision = (factor * factor.T).inv()
    return sympy.simplify(dependence - precision.trace() + sum(1 / factor[k, k] ** 2 for k in range(size)))


R9 = Claim(
    "R9",
    source="R9 of the page",
    statement="Dep = sum_k E |d/dx_k log p(x_>k | x_<=k)|^2 is tr Sigma^-1 - sum_k tr S_k^-1 for Gaussians.",
    falsifier="a covariance for which the two differ",
    design=(),
    published=Symbolic(
        lambda: (_dependence_residue(2), _dependence_residue(3)),
        "a general 2 x 2 and a general 3 x 3 Gaussian",
    ),
    mutants=(
        Mutant(
            "what later patches know of the first one left out",
            Symbolic(lambda: _dependence_residue(3, False), "dependence without the first patch"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R13: the response to a constant bias


def _response_residues(power: int = 1) -> Any:
    """R(lambda) from its integral, R(1) = 2, and sup R^2/(2 lambda) = pi^2/2.

    A bias b(tau) shifts the mean by int 2 b(tau) e^-tau lambda/lambda_tau dtau (R2). With c = lambda - 1 the claimed
    antiderivative is -2 lambda arctan(sqrt(c) e^-tau)/sqrt c. With sqrt c = tan t, R^2/(2 lambda) = 2 (t/sin t)^2,
    which increases on (0, pi/2): the derivative of t/sin t is (tan t - t) cos t/sin^2 t, and tan t - t grows from 0.
    """
    import sympy

    c, tau, t = sympy.symbols("c tau t", positive=True)
    variance = 1 + c
    antiderivative = -2 * variance * sympy.atan(sympy.sqrt(c) * sympy.exp(-tau)) / sympy.sqrt(c)
    integrand = 2 * sympy.exp(-power * tau) * variance / (1 + c * sympy.exp(-2 * tau))
    response = sympy.limit(antiderivative, tau, sympy.oo) - antiderivative.subs(tau, 0)
    cost = response**2 / (2 * variance)
    by_angle = 2 * (t / sympy.sin(t)) ** 2
    return (
        sympy.simplify(sympy.diff(antiderivative, tau) - integrand),
        sympy.limit(response, c, 0) - 2,
        sympy.limit(cost, c, sympy.oo) - sympy.pi**2 / 2,
        sympy.simplify(
            (cost - by_angle).subs(c, sympy.tan(t) ** 2).subs(sympy.atan(sympy.sqrt(sympy.tan(t) ** 2)), t)
        ),
        sympy.simplify(
            sympy.diff(t / sympy.sin(t), t) - (sympy.tan(t) - t) * sympy.cos(t) / sympy.sin(t) ** 2
        ),
        sympy.simplify(sympy.diff(sympy.tan(t) - t, t) - sympy.tan(t) ** 2),
    )


R13 = Claim(
    "R13",
    source="R13 of the page",
    statement="A constant unit bias of the score shifts the mean by R(lambda), R(1) = 2, sup R^2/(2 lambda) = pi^2/2.",
    falsifier="a variance at which R differs from its integral, or exceeds the bound",
    design=(),
    published=Symbolic(
        _response_residues,
        "R from its integral; its limits at 1 and infinity; R^2/(2 lambda) = 2 (t/sin t)^2 rises",
    ),
    mutants=(
        Mutant(
            "a weight e^-2tau of the bias, as for variances",
            Symbolic(lambda: _response_residues(2)[0], "R from a wrong integral"),
        ),
    ),
    records=CERTIFIED,
)

CERTIFICATES = (R2, R3, R8, R9, R13)
