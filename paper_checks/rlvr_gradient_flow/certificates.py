"""What algebra proves: the optimum (R1), straight lines (R3), two patterns (R4, R7), the tail (R5), GRPO (R9)."""

from __future__ import annotations

from typing import Any

from lemmata.claims import CERTIFIED, Claim, Mutant, Symbolic

# ------------------------------------------------------------------ R1: the optimum


def _optimum_residue(reverse: bool = False) -> Any:
    """phi* - phi(pi) - beta KL(pi || pi_opt) for three patterns; `reverse` has KL(pi_opt || pi)."""
    import sympy

    beta, *weights = sympy.symbols("beta x1:4 y1:4", positive=True)
    rates = sympy.symbols("p1:4", real=True)
    policy, reference = ([w / sum(part) for w in part] for part in (weights[:3], weights[3:]))
    tilted = [r * sympy.exp(p / beta) for r, p in zip(reference, rates, strict=True)]
    optimum = [t / sum(tilted) for t in tilted]

    def divergence(one: list[Any], other: list[Any]) -> Any:
        return sum(a * (sympy.log(a) - sympy.log(b)) for a, b in zip(one, other, strict=True))

    value = sum(a * p for a, p in zip(policy, rates, strict=True)) - beta * divergence(policy, reference)
    gap = divergence(optimum, policy) if reverse else divergence(policy, optimum)
    residue = beta * sympy.log(sum(tilted)) - value - beta * gap
    return sympy.expand_log(residue, force=True)


R1 = Claim(
    "R1",
    source="Proposition 5.2",
    statement="phi* - phi(pi) = beta KL(pi || pi_opt), pi_opt = pi_ref e^(p/beta)/Z: the optimum is unique.",
    falsifier="a policy at which the two sides differ",
    design=(),
    published=Symbolic(_optimum_residue, "phi* - phi(pi) - beta KL(pi || pi_opt), three patterns"),
    mutants=(
        Mutant(
            "the divergence the other way round",
            Symbolic(lambda: _optimum_residue(reverse=True), "phi* - phi(pi) - beta KL(pi_opt || pi)"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R3: straight lines


def _lines_residues(count: int, natural: bool = False) -> tuple[Any, ...]:
    """Sum of the theta_i' and, with y = e^-theta, Z (y_i - y_j)' + (p_i - p_j); `natural`: speeds p_i - V."""
    import sympy

    theta, rates = (
        sympy.symbols(f"theta1:{count + 1}", real=True),
        sympy.symbols(f"p1:{count + 1}", real=True),
    )
    y = [sympy.exp(-x) for x in theta]
    total = sum(1 / x for x in y)
    policy = [1 / (x * total) for x in y]
    value = sum(pi * p for pi, p in zip(policy, rates, strict=True))
    speed = [(1 if natural else pi) * (p - value) for pi, p in zip(policy, rates, strict=True)]
    fall = [total * sympy.diff(x, at) * v for x, at, v in zip(y, theta, speed, strict=True)]
    lines = [fall[i] - fall[0] + rates[i] - rates[0] for i in range(1, count)]
    return (sum(speed), *lines)


R3 = Claim(
    "R3",
    source="page",
    statement="sum_i theta_i is conserved, and y_i - y_j = (y_i(0) - y_j(0)) - (p_i - p_j) s with ds = dt/Z.",
    falsifier="a state at which the derivatives differ",
    design=(),
    published=Symbolic(
        lambda: (*_lines_residues(2), *_lines_residues(3), *_lines_residues(4)),
        "sum theta_i' and d(y_i - y_j)/ds + (p_i - p_j), two to four patterns",
    ),
    mutants=(
        Mutant(
            "the natural gradient's speeds p_i - V",
            Symbolic(lambda: _lines_residues(3, natural=True), "straight lines of the replicator"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R4 and R7: two patterns


def _pair_speed(advantage: Any) -> Any:
    """dl/dt of the logit l of the better of two patterns, whose advantages differ by `advantage`, from both logits."""
    import sympy

    logit, other = sympy.symbols("l A_2", real=True)
    one = 1 / (1 + sympy.exp(-logit))
    value = one * (other + advantage) + (1 - one) * other
    return one * (other + advantage - value) - (1 - one) * (other - value)


def _sinh_residue(half: bool = False) -> Any:
    """d(l + sinh l)/dt - Delta; `half` has l + sinh(l)/2."""
    import sympy

    logit, gap = sympy.symbols("l Delta", real=True)
    law = logit + sympy.sinh(logit) / (2 if half else 1)
    return sympy.simplify((sympy.diff(law, logit) * _pair_speed(gap) - gap).rewrite(sympy.exp))


def _penalised_residue(sign: int = -1) -> Any:
    """dt/dl of the stated time under a penalty, times the flow's speed dl/dt, minus 1.

    A_i = p_i - beta ln(pi_i/pi_ref,i), so that A_1 - A_2 = Delta - beta (l - l_ref) = beta (l* - l).
    """
    import sympy

    beta, u, begin = sympy.symbols("beta u u0", positive=True)
    goal, logit = sympy.symbols("goal l", real=True)
    time = sympy.log(begin / u) + sympy.cosh(goal) * (sympy.Chi(begin) - sympy.Chi(u))
    time = (time + sign * sympy.sinh(goal) * (sympy.Shi(begin) - sympy.Shi(u))) / beta
    speed = _pair_speed(beta * u).subs(logit, goal - u)  # l = l* - u
    return sympy.simplify((-sympy.diff(time, u) * speed - 1).rewrite(sympy.exp))


def _vanishing_penalty_residue() -> Any:
    """As beta -> 0 with l* = l_ref + Delta/beta, dt/dl = (1 + cosh l)/(beta (l* - l)) tends to (1 + cosh l)/Delta."""
    import sympy

    beta, gap = sympy.symbols("beta Delta", positive=True)
    logit, reference = sympy.symbols("l l_ref", real=True)
    slope = (1 + sympy.cosh(logit)) / (beta * (reference + gap / beta - logit))
    return sympy.limit(sympy.simplify(slope), beta, 0) - (1 + sympy.cosh(logit)) / gap


R4 = Claim(
    "R4",
    source="page",
    statement="Two patterns: l + sinh l grows at the rate Delta; under a penalty time is R7, with R4 as its limit.",
    falsifier="a logit at which a derivative differs",
    design=(),
    published=Symbolic(
        lambda: (_sinh_residue(), _penalised_residue(), _vanishing_penalty_residue()),
        "d(l + sinh l)/dt - Delta; the penalised clock against the penalised speed; its limit as beta -> 0",
    ),
    mutants=(
        Mutant("l + sinh(l)/2", Symbolic(lambda: _sinh_residue(half=True), "the law with half of the sinh")),
        Mutant(
            "the wrong sign of the Shi term",
            Symbolic(lambda: _penalised_residue(sign=1), "the penalised clock with + sinh Shi"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R5: the tail


def _tail_residues(count: int, patterns_lost: int = 0) -> tuple[Any, Any]:
    """Late on y_j ~ Delta_j s and y_* = c/prod y_j: limits of e t and (p_* - V) t minus their constants."""
    import sympy

    s, c, u = sympy.symbols("s c u", positive=True)
    gaps = sympy.symbols(f"Delta1:{count}", positive=True)
    least = c / sympy.prod([gap * u for gap in gaps])
    time = sympy.integrate(1 / least, (u, 0, s))
    least = least.subs(u, s)
    error = sum(least / (gap * s) for gap in gaps)
    shortfall = sum(gap * least / (gap * s) for gap in gaps)
    size = count - patterns_lost
    constant = sum(1 / gap for gap in gaps) / size
    return sympy.simplify(error * time - constant), sympy.simplify(
        shortfall * time - sympy.Rational(count - 1, size)
    )


R5 = Claim(
    "R5",
    source="page",
    statement="e T(pi_* >= 1 - e) tends to (1/K) sum_j 1/Delta_j, and (p_* - V) t to (K-1)/K.",
    falsifier="a count of patterns for which the leading terms give another constant",
    design=(),
    published=Symbolic(
        lambda: tuple(part for count in (2, 3, 4, 5) for part in _tail_residues(count)),
        "leading terms of e t and (p_* - V) t from the straight lines, two to five patterns",
    ),
    mutants=(
        Mutant(
            "the mean over the K - 1 other patterns in place of K",
            Symbolic(lambda: _tail_residues(3, patterns_lost=1), "tail constants with K - 1"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R9: GRPO's clock


def _clock(size: int, value: Any, sample: bool = False) -> Any:
    """c_G(V) times V (1 - V), from the moments of a group: E[sqrt(k (G-k))]/G."""
    import sympy

    chance = [sympy.binomial(size, k) * value**k * (1 - value) ** (size - k) for k in range(size + 1)]
    deviation = [sympy.sqrt(sympy.Integer(k * (size - k))) for k in range(size + 1)]
    factor = sympy.sqrt(sympy.Rational(size - 1, size)) if sample else 1
    return factor * sum(a * b for a, b in zip(chance, deviation, strict=True)) / size


def _pair_clock_residue(sample: bool = False) -> Any:
    """c_2(V) V (1 - V) - V (1 - V)."""
    import sympy

    value = sympy.symbols("V", positive=True)
    return sympy.expand(_clock(2, value, sample) - value * (1 - value))


def _bound_residues(sizes: range) -> tuple[Any, ...]:
    """sqrt(G-1) V (1-V) - c_G V (1-V) minus its form with terms that are visibly >= 0 on [0, 1].

    C(G-2, k-1) V^k (1-V)^(G-k) sqrt(G-1) (1 - sqrt((G-1)/(k (G-k)))) for 0 < k < G, where
    k (G-k) - (G-1) = (k-1)(G-k-1) >= 0.
    """
    import sympy

    value, count, k = sympy.symbols("V G k", positive=True)
    residues = [sympy.expand(k * (count - k) - (count - 1) - (k - 1) * (count - k - 1))]
    for size in sizes:
        root = sympy.sqrt(sympy.Integer(size - 1))
        terms = [
            sympy.binomial(size - 2, j - 1)
            * value**j
            * (1 - value) ** (size - j)
            * root
            * (1 - root / sympy.sqrt(sympy.Integer(j * (size - j))))
            for j in range(1, size)
        ]
        residues.append(
            sympy.expand(root * value * (1 - value) - _clock(size, value)) - sympy.expand(sum(terms))
        )
    return tuple(residues)


def _moment_residues(sizes: range) -> tuple[Any, ...]:
    """E[k (G-k)] - (E sqrt(k (G-k)))^2 minus a sum of squares, and E[k (G-k)] - G (G-1) V (1-V).

    So (G V (1-V) c_G)^2 <= G (G-1) V (1-V), that is c_G <= sqrt((G-1)/(G V (1-V))).
    """
    import sympy

    value = sympy.symbols("V", positive=True)
    residues: list[Any] = []
    for size in sizes:
        chance = [sympy.binomial(size, k) * value**k * (1 - value) ** (size - k) for k in range(size + 1)]
        products = [sympy.Integer(k * (size - k)) for k in range(size + 1)]
        mean = sum(a * b for a, b in zip(chance, products, strict=True))
        squares = sum(
            chance[j] * chance[k] * (sympy.sqrt(products[j]) - sympy.sqrt(products[k])) ** 2
            for j in range(size + 1)
            for k in range(j)
        )
        residues.append(sympy.expand(mean * sum(chance) - (size * _clock(size, value)) ** 2 - squares))
        residues.append(sympy.expand(mean - size * (size - 1) * value * (1 - value)))
    return tuple(residues)


R9 = Claim(
    "R9",
    source="page",
    statement="c_2(V) = 1 for every V, and c_G(V) <= min(sqrt(G-1), sqrt((G-1)/(G V (1-V)))) for G = 2, ..., 8.",
    falsifier="a V at which c_2 differs from 1, or a negative term of the difference",
    design=(),
    published=Symbolic(
        lambda: (_pair_clock_residue(), *_bound_residues(range(2, 9)), *_moment_residues(range(2, 9))),
        "c_2 - 1; sqrt(G-1) - c_G as a sum of terms that are >= 0 since k (G-k) >= G - 1; the variance of "
        "sqrt(k (G-k)) as a sum of squares",
    ),
    mutants=(
        Mutant(
            "the sample deviation at G = 2",
            Symbolic(lambda: _pair_clock_residue(sample=True), "c_2 = 1 with the sample deviation"),
        ),
    ),
    records=CERTIFIED,
)

CERTIFICATES = (R1, R3, R4, R5, R9)
