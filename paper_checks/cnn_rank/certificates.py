"""What algebra proves: the data's peak rank (R2), the outlier (R3), the clock (R5), the law of collisions (R7)."""

from __future__ import annotations

from itertools import product
from typing import Any

from lemmata.claims import CERTIFIED, Claim, Mutant, Symbolic

# ------------------------------------------------------------------ R2: the peak


def _peak_residues(edge_at_peak: bool = True) -> tuple[Any, ...]:
    """SR(sigma_c) - SR(infinity) - 2K from the two branches of R2; else with the peak where they are halfway.

    Also that the branches meet there, and what R2 says of the lower one, N = n P_b: 2K (1 + P_b v d'/s^2).
    """
    import sympy

    k, n, s, patches, d, edge, v = sympy.symbols("K n s P_b d' edge v", positive=True)
    largest = n * s**2 / (2 * k)
    energy = n * s**2 + v * n * patches * d
    below, above = energy / largest, energy / (v * edge)
    critical = largest / edge if edge_at_peak else 2 * largest / edge
    return (
        above.subs(v, critical) - sympy.limit(above, v, sympy.oo) - 2 * k,
        (above - below).subs(v, critical),
        below - 2 * k * (1 + patches * v * d / s**2),
    )


R2 = Claim(
    "R2",
    source="page",
    statement="Up to the transition the data's stable rank is 2K (1 + P_b v d'/s^2), and there it exceeds its value at "
    "infinite noise by exactly 2K.",
    falsifier="balanced counts with another difference",
    design=(),
    published=Symbolic(
        _peak_residues, "SR(sigma_c) - SR(infinity) - 2K; the two branches at sigma_c; the lower one"
    ),
    mutants=(
        Mutant(
            "the noise's top at twice the features'",
            Symbolic(lambda: _peak_residues(edge_at_peak=False), "SR(sqrt 2 sigma_c) - SR(infinity) - 2K"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R3: the outlier


def _outlier_residues(swapped: bool = False) -> tuple[Any, ...]:
    """G(outlier) - 1/theta by the law's own quadratic, and the outlier's value and slope at the threshold.

    The Cauchy transform G of v x (Wishart of N rows in dimension d)/1 obeys z G (1 - v d G) = 1 - v d G + v N G, the
    fixed point of removing one row at a time: z = 1/G + N v/(1 - v d G).
    """
    import sympy

    theta, v, rows, d, g = sympy.symbols("theta v N d g", positive=True)
    # removing a row xi: (z - S)^-1 changes by a rank-one term, and xi^T (z - S)^-1 xi concentrates at v d G
    moved = 1 / g + rows * v / (1 - v * d * g)
    outlier = theta + (d if swapped else rows) * v * theta / (theta - v * (rows if swapped else d))
    threshold = v * (d + sympy.sqrt(rows * d))
    edge = v * (sympy.sqrt(rows) + sympy.sqrt(d)) ** 2
    at_one = moved.subs(g, 1 / theta) - outlier
    return at_one, outlier.subs(theta, threshold) - edge, sympy.diff(outlier, theta).subs(theta, threshold)


R3 = Claim(
    "R3",
    source="page",
    statement="The outlier is theta + N v theta/(theta - v d); at the threshold it meets the edge, with slope 0.",
    falsifier="a spike at which the resolvent has its pole elsewhere",
    design=(),
    published=Symbolic(
        _outlier_residues, "outlier from the R-transform, continuity and slope at the threshold"
    ),
    mutants=(
        Mutant(
            "rows and columns exchanged",
            Symbolic(lambda: _outlier_residues(swapped=True), "theta + d v theta/(theta - v N)"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R5: flow and clock


def _flow_residues(power: int = 1) -> tuple[Any, ...]:
    """dPhi/dtau - (Phi/kappa)^(q-1), Phi_0 - id and Phi_b(Phi_a) - Phi_(a+b) below the knee; q = 2 and every q > 2.

    In units of kappa. For q = 2 Phi_t(z) = z e^t; beyond, with p = q - 2 and y = z^-p, Phi_t(z) = (y - p t)^(-1/p).
    """
    import sympy

    z, y, p, a, b, t = sympy.symbols("z y p a b t", positive=True)

    def bent(start: Any, time: Any) -> Any:
        return sympy.expand(sympy.powdenest(start**-p, force=True) - p * time) ** (-1 / p)

    def grown(start: Any, time: Any) -> Any:
        return start * sympy.exp(time)

    # y is what is left at the end, so that every power is one of a positive number
    residues = [
        (sympy.diff(bent(z, t), t) - bent(z, t) ** (p + power)).subs(z, (y + p * t) ** (-1 / p)),
        sympy.diff(grown(z, t), t) - grown(z, t) ** power,
    ]
    for flow, start in ((bent, sympy.expand(y + p * (a + b)) ** (-1 / p)), (grown, z)):
        residues.append(flow(start, 0) - start)
        residues.append(flow(flow(start, a), b) - flow(start, a + b))
    return tuple(residues)


def _clock_residues(opposed: int = -1) -> tuple[Any, ...]:
    """sum_i y_i g_i dF(x_i)/dw along the features, minus +-act'(z) times one speed for each feature.

    Two features (K = 1), two filters of each sign in three dimensions, four images with a background patch orthogonal
    to the features; act(z) = z^3, g_i = 1/(1 + e^(y_i F_i)) any number.
    """
    import sympy

    s, m, shown = sympy.Symbol("s", positive=True), 2, (0, 0, 1, 1)
    features = [sympy.Matrix([[s, 0, 0]]), sympy.Matrix([[0, s, 0]])]
    noise = [sympy.Matrix([[0, 0, x]]) for x in sympy.symbols("x1:5", real=True)]
    gates = sympy.symbols("g1:5", positive=True)
    filters = [sympy.Matrix([sympy.symbols(f"w{r}_1:4", real=True)]) for r in range(2 * m)]
    outputs = [
        sum(
            (1 if r < m else -1) * w.dot(patch) ** 3
            for r, w in enumerate(filters)
            for patch in (features[k], xi)
        )
        / m
        for k, xi in zip(shown, noise, strict=True)
    ]
    residues = []
    for (r, w), k in product(enumerate(filters), (0, 1)):
        parts = [
            g * (1 - 2 * j) * sympy.Matrix([output]).jacobian(w)
            for g, j, output in zip(gates, shown, outputs, strict=True)
        ]
        change = sum(parts, sympy.zeros(1, 3)) / len(shown)
        speed = s**2 / (len(shown) * m) * sum(g for g, j in zip(gates, shown, strict=True) if j == k)
        direction = 1 if (r < m) == (k == 0) else opposed
        residues.append(
            sympy.expand(change.dot(features[k]) - direction * speed * 3 * w.dot(features[k]) ** 2)
        )
    return tuple(residues)


R5 = Claim(
    "R5",
    source="page",
    statement="Phi is the flow of dz/dtau = act'(z), and every filter sees one clock for each feature, +- by its sign.",
    falsifier="a pre-activation whose speed is not +-act' times the feature's",
    design=(),
    published=(
        Symbolic(_flow_residues, "speed, identity and semigroup of the flow, q = 2 and every q > 2"),
        Symbolic(_clock_residues, "the gradient along the features, four filters and four images"),
    ),
    mutants=(
        Mutant(
            "the speed of act in place of act'", Symbolic(lambda: _flow_residues(power=2), "dz/dtau = act(z)")
        ),
        Mutant(
            "filters of the other sign forward in time too",
            Symbolic(lambda: _clock_residues(opposed=1), "all filters grow"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R7: collisions


def _collision_residues(signs: int = 2) -> tuple[Any, ...]:
    """P(L <= l) by generating function, minus by listing every outcome of both signs; K, m <= 3."""
    import sympy

    x = sympy.Symbol("x")
    residues = []
    for balls, bins in product((1, 2, 3), repeat=2):
        loads = [max(places.count(b) for b in range(bins)) for places in product(range(bins), repeat=balls)]
        pairs = [max(pair) for pair in product(loads, repeat=2)]
        for load in range(1, balls + 1):
            series = sum(x**i / sympy.factorial(i) for i in range(load + 1))
            whole = sympy.Poly(sympy.expand(series**bins), x).coeff_monomial(x**balls)
            law = (sympy.factorial(balls) * whole / sympy.Integer(bins) ** balls) ** signs
            residues.append(law - sympy.Rational(sum(pair <= load for pair in pairs), len(pairs)))
    return tuple(residues)


R7 = Claim(
    "R7",
    source="page",
    statement="P(L <= l) = [K! m^-K [x^K] (sum_{i<=l} x^i/i!)^m]^2, by listing all outcomes for K, m <= 3.",
    falsifier="numbers of features and filters whose outcomes have another law",
    design=(),
    published=Symbolic(_collision_residues, "generating function minus enumeration"),
    mutants=(
        Mutant("one sign only", Symbolic(lambda: _collision_residues(signs=1), "the law without its square")),
    ),
    records=CERTIFIED,
)
