"""Proofs replayed by computer algebra: the equivalence (C1), the moments (R3), the closed recursion (C9), depth (R11).

Each starts from the definitions: from the layers of a transformer, from the entries of a Gaussian matrix, from steps of
gradient descent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lemmata.claims import CERTIFIED, CORRECTED, Claim, Mutant, Repair, Symbolic

# ------------------------------------------------------------------ C1: the transformer is gradient descent


def _construction(
    gammas: list[Any], examples: Any, labels: list[Any], query: list[Any], start: list[Any]
) -> Any:
    """Output of the layers Z <- Z + P Z M (Z^T Q Z) after the embedding W_E."""
    import sympy

    n, d = examples.shape
    prompt = sympy.zeros(d + 1, n + 1)
    prompt[:d, :n], prompt[:d, n] = examples.T, sympy.Matrix(query)
    prompt[d, :n] = sympy.Matrix([labels])
    embedding = sympy.eye(d + 1)
    embedding[d, :d] = -sympy.Matrix([start])
    tokens = embedding * prompt
    mask, value = sympy.eye(n + 1), sympy.zeros(d + 1)
    mask[n, n], value[d, d] = 0, 1
    for gamma in gammas:
        key = sympy.zeros(d + 1)
        key[:d, :d] = -gamma
        tokens = (tokens + value * tokens * mask * (tokens.T * key * tokens)).expand()
    return -tokens[d, n]


def _descent(
    gammas: list[Any], examples: Any, labels: list[Any], query: list[Any], start: list[Any], transpose: bool
) -> Any:
    """<w_L, x_q> after w <- w - Gamma^T X^T (X w - y), or with Gamma in place of its transpose."""
    import sympy

    w = sympy.Matrix(start)
    for gamma in gammas:
        gradient = examples.T * (examples * w - sympy.Matrix(labels))
        w = (w - (gamma.T if transpose else gamma) * gradient).expand()
    return (w.T * sympy.Matrix(query))[0]


def _difference(transpose: bool, forward_sign: int = 1, layers: int = 2) -> Any:
    """Output minus gradient descent for as many examples as layers, in two dimensions, everything symbolic."""
    import sympy

    gammas = [sympy.Matrix(2, 2, sympy.symbols(f"{name}1:5")) for name in "gh"[:layers]]
    examples = sympy.Matrix(layers, 2, sympy.symbols(f"x1:{2 * layers + 1}"))
    labels, query = list(sympy.symbols(f"y1:{layers + 1}")), list(sympy.symbols("q1:3"))
    start = list(sympy.symbols("w1:3"))
    output = _construction(gammas, examples, labels, query, start)
    return sympy.expand(forward_sign * output - _descent(gammas, examples, labels, query, start, transpose))


C1 = Claim(
    "C1",
    source="Proposition 4.1",
    statement="The construction's output is that of gradient descent with preconditioners Gamma_l, from any w_0.",
    falsifier="an entry of the difference, a polynomial in all weights and tokens, that does not vanish",
    design=(),
    published=Symbolic(
        lambda: _difference(transpose=False, layers=1),
        "output = <w_L, x_q> with w <- w - Gamma_l X^T (X w - y), one layer",
    ),
    repaired=Repair(
        Symbolic(
            lambda: _difference(transpose=True),
            "output = <w_L, x_q> with w <- w - Gamma_l^T X^T (X w - y), two layers",
        ),
        "The preconditioners are the transposes of Gamma_l: no matter for symmetric ones, wrong otherwise.",
    ),
    mutants=(
        Mutant(
            "the output without its minus sign",
            Symbolic(lambda: _difference(transpose=True, forward_sign=-1, layers=1), "minus the output"),
        ),
    ),
    records=CORRECTED,
)

# ------------------------------------------------------------------ R3: the moments


def _chain_moment(order: int, first: Any, second: Any) -> Any:
    """E (B^T B)^order [0, 0] of the bidiagonal chain: squared entries chi^2 of n, d-1, n-1, d-2, ... degrees."""
    import sympy

    size = order + 1
    entries = sympy.symbols(f"c1:{2 * size + 1}")
    bidiagonal = sympy.zeros(size, size)
    for j in range(size):
        bidiagonal[j, j] = sympy.sqrt(entries[2 * j])
        if j + 1 < size:
            bidiagonal[j, j + 1] = sympy.sqrt(entries[2 * j + 1])
    moment = sympy.expand(((bidiagonal.T * bidiagonal) ** order)[0, 0])
    freedoms = [first - k // 2 if k % 2 == 0 else second - (k + 1) // 2 for k in range(2 * size)]
    return sympy.expand(_mean(moment, list(entries), freedoms))


def _mean(polynomial: Any, entries: list[Any], freedoms: list[Any]) -> Any:
    """Expectation of a polynomial in independent chi-squared variables: E c^p = nu (nu + 2) ... (nu + 2p - 2)."""
    import sympy

    total = sympy.Integer(0)
    for powers, factor in sympy.Poly(polynomial, *entries).terms():
        term = factor
        for power, freedom in zip(powers, freedoms, strict=True):
            for step in range(power):
                term *= freedom + 2 * step
        total += term
    return total


def _pairing_moment(order: int, rows: Any, columns: Any) -> Any:
    """E tr (X^T X)^order / d by Wick's theorem: one term for each pairing of the 2 order entries."""
    entries = [(i, i) for i in range(order)] + [(i, (i + 1) % order) for i in range(order)]
    total = 0
    for pairing in _pairings(list(range(2 * order))):
        row_class, column_class = list(range(order)), list(range(order))
        for a, b in pairing:
            _merge(row_class, entries[a][0], entries[b][0])
            _merge(column_class, entries[a][1], entries[b][1])
        total += rows ** len(set(row_class)) * columns ** (len(set(column_class)) - 1)
    return total


def _pairings(items: list[int]) -> Iterator[list[tuple[int, int]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for i, other in enumerate(rest):
        for pairing in _pairings(rest[:i] + rest[i + 1 :]):
            yield [(first, other), *pairing]


def _merge(classes: list[int], a: int, b: int) -> None:
    old, new = classes[b], classes[a]
    classes[:] = [new if entry == old else entry for entry in classes]


def _moment_residues(shift: int = 0) -> tuple[Any, ...]:
    """m_1 ... m_4 of the chain minus Wick's theorem; h_1 = nd + n(n-1) 2/pi from the same chain and from pairs.

    h_1 = E y^T X X^T y: with y = sign(X w*), y splits along X w* (|y . z|/|z|, mean square 1 + (n-1) 2/pi) and across.
    """
    import sympy

    n, d = sympy.symbols("n d", positive=True, integer=True)
    parts = [_chain_moment(k, n, d - shift) - _pairing_moment(k, n, d) for k in range(1, 5)]
    square = 1 + (n - 1) * 2 / sympy.pi
    along = _chain_moment(1, n, d) + d - 1  # |X^T z|^2/|z|^2: a chi^2_n entry and d - 1 more
    across = (n * d - along) / (n - 1)  # the rest of E tr X X^T, spread evenly
    chained = square * along + (n - square) * across
    # pair by pair: E y_i y_j <x_i, x_j> = E|x_1| E|x_1'| for i != j, and E|x_i|^2 = d
    return (*parts, chained - (n * d + n * (n - 1) * 2 / sympy.pi))


def _one_layer_residues(noise_label: int = 1) -> tuple[Any, ...]:
    """The general moment formula at L = 1 minus the closed form, and its optimum in the step size.

    The general formula is c^2 a + 2 c rho b + g with a = sum p_j p_k m_{j+k}, p = (1, -alpha), and b, g likewise.
    """
    import sympy

    n, d, alpha, c, rho, tau = sympy.symbols("n d alpha c rho tau", positive=True)
    m1, m2 = n, n * (n + d + 1)
    f0 = n * tau
    # f_1 = E w*^T S X^T y, first entries of the chain: chi_n^3 and chi_n chi_{d-1}^2, over E chi_n
    f1 = n * tau * ((n + 1) + (d - 1))
    h1 = noise_label * n * d * (1 - tau**2) + n * tau**2 * (n + d - 1)
    a = 1 - 2 * alpha * m1 + alpha**2 * m2
    # b = E <w*, p (Q X^T y - tau w*)> with Q X^T y = alpha X^T y
    b = alpha * f0 - alpha**2 * f1 - tau * (1 - alpha * m1)
    # E <p w*, alpha X^T y> = alpha (f_0 - alpha f_1); and -tau E <w*, p w*>
    g = alpha**2 * h1 - 2 * tau * alpha * f0 + tau**2
    excess = c**2 * a + 2 * c * rho * b + g
    e2 = c**2 - 2 * c * tau * rho + tau**2
    closed = (
        e2 * (1 - 2 * alpha * n + alpha**2 * n * (n + d + 1))
        + 2 * alpha**2 * n * tau * (c * rho - tau)
        + alpha**2 * n * d * (1 - tau**2)
    )
    at = excess.subs(c, tau * rho)
    big = tau**2 * (1 - rho**2)
    best = big / (big * (n + d - 1) + d * (1 - tau**2))
    return (
        sympy.expand(excess - closed),
        sympy.simplify(sympy.diff(at, alpha).subs(alpha, best)),
        sympy.simplify(at.subs(alpha, best) - big * (1 - n * best)),
    )


R3 = Claim(
    "R3",
    source="R3 of the page",
    statement="Moments m_1..m_4 and h_1 of the chi chain are those of the Gaussian matrix; L = 1 has a closed form.",
    falsifier="a coefficient of a polynomial in n and d, or in the step size, that differs",
    design=(),
    published=Symbolic(
        lambda: (*_moment_residues(), *_one_layer_residues()),
        "chain moments = Wick's theorem; general formula at L = 1 = closed form; its derivative vanishes at alpha*_1",
    ),
    mutants=(
        Mutant(
            "the chain's second entry with d - 2 degrees of freedom in place of d - 1",
            Symbolic(lambda: _moment_residues(shift=1), "moments of a chain with a wrong entry"),
        ),
        Mutant(
            "label noise counted twice in h_1",
            Symbolic(lambda: _one_layer_residues(noise_label=2), "closed form of one layer"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ C9: the recursion on the hijacked prompt


def _recursion_residues(label_sign: int = -1) -> tuple[Any, ...]:
    """D.1 by induction, and the margin of R7.

    On N copies of x with label y_hc every step is w <- w - a N (<w, x> - y_hc) x, so w = w_0 - m x. If m = (1 - kappa)
    (p - y_hc)/r^2 with p = <w_0, x>, then after a further step the same holds with kappa (1 - a N r^2). The margin
    y_q <w, x_perp + sigma w*> follows with p = c sqrt(1 - rho^2) y_q g, y_hc = -y_q.
    """
    import sympy

    r2, kappa, a, count, p, y = sympy.symbols("r2 kappa a N p y", real=True)
    moved = (1 - kappa) * (p - y) / r2
    stepped = moved + a * count * (p - moved * r2 - y)
    after = (1 - kappa * (1 - a * count * r2)) * (p - y) / r2
    s, c, rho, b, g = sympy.symbols("s c rho b g", real=True)
    answers = []
    for label in (1, -1):
        perp = b * g * label  # <w_0, x_perp>; g carries the label's sign
        travelled = (1 - kappa) * (perp - label_sign * label)  # times r^2 / r^2
        answer = label * (perp + label * s * c * rho - travelled)
        answers.append(sympy.expand(answer - (s * c * rho + kappa * b * g - (1 - kappa))))
    return (sympy.simplify(stepped - after), *answers)


C9 = Claim(
    "C9",
    source="Lemma D.1",
    statement="On N copies of one hijacker, L steps end at w_0 - (1 - kappa)(<w_0, x> - y_hc) x / r^2.",
    falsifier="a step of the induction, or of the margin, that does not reduce to zero",
    design=(),
    published=Symbolic(
        _recursion_residues, "one step of gradient descent multiplies kappa by 1 - alpha N r^2"
    ),
    mutants=(
        Mutant(
            "the hijacker with the query's own label",
            Symbolic(lambda: _recursion_residues(label_sign=1), "the margin with y_hc = y_q"),
        ),
    ),
    records=CERTIFIED,
)

# ------------------------------------------------------------------ R11, R12: power means and the phase boundary


def _power_mean_residues(scale: Callable[[Any], Any] = lambda rho: rho) -> tuple[Any, ...]:
    """Contractions at the leading-order step are power means; the boundary kappa_c = q; the 1/L correction of N*."""
    import sympy

    q, dose, n, kappa_c = sympy.symbols("q s n kappa_c", positive=True)
    depth, r2 = sympy.symbols("L r2", positive=True)
    step = (1 - q ** (1 / depth)) / n
    kappa = (1 - step * (dose * n / r2) * r2) ** depth
    mean = ((1 - dose) + dose * q ** (1 / depth)) ** depth
    meeting = sympy.powsimp(sympy.simplify(mean.subs(dose, 1)), force=True) - q
    # N*(L) = (1 - kappa_c^(1/L))/(alpha_L r^2): constant in L at kappa_c = q
    count = (1 - kappa_c ** (1 / depth)) / (step * r2)
    small = sympy.symbols("h", positive=True)  # 1/L
    ratio = (1 - sympy.exp(small * sympy.log(kappa_c))) / (1 - sympy.exp(small * sympy.log(q)))
    series = sympy.series(ratio * sympy.log(q) / sympy.log(kappa_c), small, 0, 2).removeO()
    expected = 1 + small * (sympy.log(kappa_c) - sympy.log(q)) / 2
    # the typical query (g = 0) flips at kappa = 1 - s c rho, with c = tau rho
    s, tau, rho = sympy.symbols("margin tau rho", positive=True)
    margin = s * tau * scale(rho) * rho - (1 - kappa_c)
    critical = sympy.solve(margin, kappa_c)[0]
    return (
        sympy.simplify(kappa - mean),
        meeting,
        sympy.simplify(count.subs(kappa_c, q) - n / r2),
        sympy.simplify(series - expected),
        sympy.expand(critical - (1 - s * tau * rho**2)),
    )


R11 = Claim(
    "R11",
    source="R11 and R12 of the page",
    statement="Contractions are power means of 1 and q that meet at dose 1; N* depends on depth unless kappa_c = q.",
    falsifier="one of the five identities that does not reduce to zero",
    design=(),
    published=Symbolic(
        _power_mean_residues,
        "kappa_L = M_{1/L}(1, q); M(dose 1) = q; N*(L) = n/r^2 at kappa_c = q; 1/L term; kappa_c = 1 - s tau rho^2",
    ),
    mutants=(
        Mutant(
            "the initial scale tau in place of tau rho",
            Symbolic(lambda: _power_mean_residues(scale=lambda rho: 1), "the boundary with c = tau"),
        ),
    ),
    records=CERTIFIED,
)
