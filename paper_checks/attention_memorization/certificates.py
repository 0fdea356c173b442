"""What is proved about the limits, each time anew: R0, R2 to R6 and R10, and the ends of R1, by exact algebra."""

from __future__ import annotations

from typing import Any

from lemmata.claims import CERTIFIED, Claim, Mutant, Symbolic
from paper_checks.attention_memorization.certified_laws import R0, R1E, R2, cancelled

# ------------------------------------------------------------------ R3: the bulk, from the matrix Dyson equation


def _bulk(noise_sign: int = 1, swaps: bool = True) -> tuple[Any, ...]:
    """The linearised resolvent at one eigenvalue b of B, bare and with the noise's mean effect.

    L = [[gamma, K^T, 0], [K, 0, 1], [0, 1, B]] has the block (L^-1)_11 = (gamma + K^T B K)^-1. The noise N is symmetric
    and stands in both off-diagonal blocks, L = L_0 + E N with E = [[0, 1], [1, 0]], so that L_0 becomes L_0 - s2 E g E,
    g the normalised trace of the inverse's first two blocks. For a non-symmetric N the entries g_12 drop out.
    """
    import sympy

    gamma, b, s2 = sympy.symbols("gamma b s2", positive=True)
    kernel, r = sympy.symbols("K r", real=True)  # K = a_1 b/c + d - a_1
    q, h = sympy.symbols("q h", positive=True)  # int phi, int eta
    bare = sympy.Matrix([[gamma, kernel, 0], [kernel, 0, 1], [0, 1, b]])
    g = sympy.Matrix([[q, r], [r, -h]])
    swap = sympy.Matrix([[0, 1], [1, 0]]) if swaps else sympy.eye(2)
    effect = s2 * swap * g * swap
    effect[0, 1], effect[1, 0] = noise_sign * effect[0, 1], noise_sign * effect[1, 0]
    dressed = bare - sympy.diag(effect, sympy.zeros(1, 1))

    def above_tokens(matrix: Any) -> Any:
        """The inverse of the first two blocks of the inverse (Schur)."""
        return matrix[:2, :2] - matrix[:2, 2] * matrix[2, :2] / matrix[2, 2]

    return (gamma, b, s2, kernel, q, r, h), above_tokens(bare), above_tokens(dressed)


def _stated(gamma: Any, b: Any, s2: Any, kernel: Any, q: Any, r: Any, h: Any) -> tuple[Any, ...]:
    """A, D, C, P and phi, theta, eta as R3 states them."""
    level, filling, shifted = gamma + s2 * h, s2 * q, kernel - s2 * r
    cubic = level * (1 + b * filling) + b * shifted**2
    return level, shifted, (1 + b * filling) / cubic, b * shifted / cubic, level * b / cubic


def _bulk_residues(noise_sign: int = 1, swaps: bool = True) -> tuple[Any, ...]:
    import sympy

    (gamma, b, s2, kernel, q, r, h), bare, dressed = _bulk(noise_sign, swaps)
    level, shifted, phi, theta, eta = _stated(gamma, b, s2, kernel, q, r, h)
    product = dressed * sympy.Matrix([[phi, theta], [theta, -eta]]) - sympy.eye(2)
    return cancelled(
        bare.inv()[0, 0] - 1 / (gamma + b * kernel**2),
        *product,
        level * phi + shifted * theta - 1,
    )


def _slope_residues(cross_sign: int = 1) -> tuple[Any, ...]:
    """The stated differentials of phi, theta, eta against derivatives in A, D and r."""
    import sympy

    a, d, b, s2 = sympy.symbols("A D b s2", positive=True)
    r, kernel = sympy.symbols("r K", real=True)
    c = kernel - s2 * r
    cubic = a * (1 + b * d) + b * c**2
    phi, theta, eta = (1 + b * d) / cubic, b * c / cubic, a * b / cubic
    stated = (
        (phi, (-(phi**2), theta**2, 2 * s2 * phi * theta)),
        (theta, (-phi * theta, -theta * eta, -cross_sign * s2 * (phi * eta - theta**2))),
        (eta, (theta**2, -(eta**2), 2 * s2 * theta * eta)),
    )
    return cancelled(
        *(
            sympy.diff(f, x) - slope
            for f, slopes in stated
            for x, slope in zip((a, d, r), slopes, strict=True)
        )
    )


def _partial_fraction_residues(with_curvature: bool = True) -> tuple[Any, ...]:
    """N/P and N/P^2 as sums over simple and double poles, for numerators of degree 2 and 4.

    Every side is linear in N, and the numerators of a degree are mapped on themselves by shifts, so that one of three
    general roots may stand at 0, and by scales, so that another may stand at 1 and P may begin with b^3.
    """
    import sympy

    b, free = sympy.symbols("b b_3")
    roots = (sympy.Integer(0), sympy.Integer(1), free)
    cubic = sympy.expand(sympy.prod(b - root for root in roots))
    slope, bend = sympy.diff(cubic, b), sympy.diff(cubic, b, 2)

    def total(terms: Any) -> Any:
        return sum(terms(root) for root in roots)

    parts = []
    for power in range(3):
        simple = b**power / slope
        parts.append(total(lambda root, f=simple: f.subs(b, root) / (b - root)) - b**power / cubic)
    for power in range(5):
        n = b**power
        alpha = n / slope**2
        beta = sympy.diff(n, b) / slope**2 - int(with_curvature) * n * bend / slope**3
        squared = total(lambda root, f=alpha: f.subs(b, root) / (b - root) ** 2)
        parts.append(squared + total(lambda root, f=beta: f.subs(b, root) / (b - root)) - n / cubic**2)
    return cancelled(*parts)


R3 = Claim(
    "R3",
    source="Theorem 1",
    statement="Averaged over symmetric noise, the linearised resolvent has the blocks phi, theta and -eta of R3, with "
    "A phi + C theta = 1 and the stated differentials; and N/P, N/P^2 are the stated sums over the roots of the cubic.",
    falsifier="an eigenvalue b at which a block, a differential or a sum over roots differs",
    design=(),
    published=(
        Symbolic(_bulk_residues, "blocks of (L_0 - s2 E g E)^-1 from the definition of L"),
        Symbolic(_slope_residues, "d phi, d theta, d eta by differentiation"),
        Symbolic(_partial_fraction_residues, "partial fractions at three roots, simple and double"),
    ),
    mutants=(
        Mutant(
            "C with + s2 r",
            Symbolic(
                lambda: _bulk_residues(noise_sign=-1), "the sign of the noise's mean off-diagonal effect"
            ),
        ),
        Mutant(
            "noise that is not symmetric: no r in C",
            Symbolic(lambda: _bulk_residues(noise_sign=0), "iid noise"),
        ),
        Mutant(
            "blocks not exchanged by the noise: s2 g in place of s2 E g E",
            Symbolic(lambda: _bulk_residues(swaps=False), "self-energy without exchange"),
        ),
        Mutant(
            "d theta with the wrong sign of its r-part",
            Symbolic(lambda: _slope_residues(cross_sign=-1), "+ s2 dr (phi eta - theta^2)"),
        ),
        Mutant(
            "double poles without the curvature of P",
            Symbolic(lambda: _partial_fraction_residues(with_curvature=False), "N'/P'^2 alone"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R4: weights as a perturbation of rank two


def _weight_residues(is_exchanged: bool = False) -> tuple[Any, ...]:
    """Psi with weights, from forms of the resolvent of L without them.

    The weights add a_1/c X^T w_K w_Q^T X to K, hence to L the terms (X^T w_Q; 0)(0; X^T w_K)^T and its transpose: with
    F the forms between u = (y; 0), v_1 = (X^T w_Q; 0) and v_2 = (0; X^T w_K), the perturbed ones are (1 + F W)^-1 F.
    """
    import sympy

    slope = sympy.Symbol("alpha", positive=True)
    uu, uq, qq = sympy.symbols("phi_uu phi_uq phi_qq")
    uk, qk, kk = sympy.symbols("theta_uk theta_qk eta_kk")
    forms = sympy.Matrix([[uu, uq, uk], [uq, qq, qk], [uk, qk, -kk]])
    coupling = sympy.Matrix([[0, 0, 0], [0, 0, slope], [0, slope, 0]])
    perturbed = ((sympy.eye(3) + forms * coupling).inv() * forms)[0, 0]
    g = sympy.Matrix([uq, uk] if is_exchanged else [uk, uq])
    m = sympy.Matrix([[-kk, 1 / slope + qk], [1 / slope + qk, qq]])
    return cancelled(perturbed - (uu - (g.T * m.inv() * g)[0, 0]))


R4 = Claim(
    "R4",
    source="Theorem 1",
    statement="With weights, Psi = <phi>_uu - g^T M^-1 g, g = (<theta>_{u,wK}, <phi>_{u,wQ}): w_K belongs to rows.",
    falsifier="forms for which the perturbed resolvent and the stated one differ",
    design=(),
    published=Symbolic(_weight_residues, "Psi from the perturbation of rank two"),
    mutants=(
        Mutant(
            "w_K and w_Q exchanged in g", Symbolic(lambda: _weight_residues(is_exchanged=True), "g exchanged")
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R5: what the tokens show of the labels


def _mixture_residues(noise_share: int = 1, mass_power: int = 1) -> tuple[Any, ...]:
    """Forms of the resolvent between u = y/sqrt n and s = X^T mu/sqrt n, bordered as in R1, with the law's own data.

    s = rho u + Z^T mu/sqrt n, |s|^2 -> rho^2 + rho and u . s -> rho. The part of u beside s is u - s/(1 + rho).
    """
    import sympy

    m, c, rho, b = sympy.symbols("m c rho b", positive=True)
    ridge = 1 / m - c / (1 + m)
    transposed = (m - (1 - c) / ridge) / c
    noise = sympy.diag(m, rho * (1 - ridge * transposed))
    signal = sympy.Matrix([[rho, 1], [1, 0]])
    forms = (sympy.eye(2) + noise * signal).inv() * noise  # between u and Z^T mu/sqrt n
    label, filtered = sympy.Matrix([1, 0]), sympy.Matrix([rho, 1])
    beside = label - filtered / (1 + rho)
    matched = m / (1 + (1 + rho) * m)
    # on the support |m|^2 = 1/b and 2 Re m = -(b + 1 - c)/b: the density of F_x relative to F
    modulus = 1 - (1 + rho) * (b + 1 - c) / b + (1 + rho) ** 2 / b
    atom = -1 / (1 + rho)  # where 1 + (1+rho) m vanishes
    inverse_slope = (1 / m**2 - c / (1 + m) ** 2).subs(m, atom)
    return cancelled(
        (filtered.T * forms * filtered)[0, 0] / (rho * (1 + rho)) - matched,
        (beside.T * forms * filtered)[0, 0],
        (beside.T * forms * beside)[0, 0] - m / (1 + noise_share * rho),
        (label.T * forms * label)[0, 0] - (m / (1 + noise_share * rho) + rho / (1 + rho) * matched),
        1 / modulus - b / ((1 + rho) * (c + rho) - rho * b),
        -ridge.subs(m, atom) - (1 + rho) * (1 + c / rho),
        -atom / (1 + rho) * inverse_slope - (1 - c / rho ** (2 * mass_power)),
    )


R5 = Claim(
    "R5",
    source="R5",
    statement="y = (noise beside X^T mu) + y's part along it: the cross form vanishes, the first sees R_0/(1+rho), and "
    "the matched filter the measure F_x, of density b/((1+rho)(c+rho) - rho b) relative to F and mass 1 - c/rho^2 at "
    "(1+rho)(1+c/rho).",
    falsifier="a point z at which R_uu is not R_0/(1+rho) + rho/(1+rho) R_x",
    design=(),
    published=Symbolic(_mixture_residues, "the mixture and F_x, from the pure-noise limits by bordering"),
    mutants=(
        Mutant(
            "the noise part not reduced: R_0 in place of R_0/(1+rho)",
            Symbolic(lambda: _mixture_residues(noise_share=0), "weight 1 on F"),
        ),
        Mutant(
            "the outlier's mass 1 - c/rho^4",
            Symbolic(lambda: _mixture_residues(mass_power=2), "c/rho^2 squared"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R6: the ridge vanishes


def _ridgeless_residues(rank_share: int = 1) -> tuple[Any, ...]:
    """With A = gamma A_1 and D = D_1/gamma: limits of gamma phi, theta, eta/gamma, and what R3 makes of A_1 and D_1.

    I = int_{b>0} dF/(w + C^2); at b = 0, of mass 1 - c, phi = 1/A and theta = eta = 0.
    """
    import sympy

    gamma, b, s2, c = sympy.symbols("gamma b s2 c", positive=True)
    level, filling, integral = sympy.symbols("A_1 D_1 I", positive=True)
    kernel = sympy.Symbol("C", real=True)
    a, d = gamma * level, filling / gamma
    cubic = a * (1 + b * d) + b * kernel**2
    w = level * filling

    def limit(expression: Any) -> Any:
        return sympy.cancel(sympy.together(expression)).subs(gamma, 0)

    level_equation = level - (1 + s2 * level * integral)
    filling_equation = filling - s2 * ((1 - c) / level + filling * integral)
    solved = sympy.solve([level_equation, filling_equation], [level, filling], dict=True)[0]
    return cancelled(
        limit(gamma * (1 + b * d) / cubic) - filling / (w + kernel**2),
        limit(b * kernel / cubic) - kernel / (w + kernel**2),
        limit(a * b / cubic / gamma) - level / (w + kernel**2),
        solved[filling] - s2 * (1 - rank_share * c),
        (w - s2 * (1 - rank_share * c + w * integral)).subs(solved),
        ((1 - c) / level + filling * integral - (1 - c)).subs(solved),
    )


R6 = Claim(
    "R6",
    source="R6",
    statement="As gamma -> 0 at c < 1: gamma phi -> s2 (1-c)/(w + C^2), theta -> C/(w + C^2), w = s2 [1-c + w I], and "
    "T tends to 1-c for every activation.",
    falsifier="limits of phi and theta at which the equation of w fails",
    design=(),
    published=Symbolic(_ridgeless_residues, "A = gamma A_1 and D = D_1/gamma put into R3"),
    mutants=(
        Mutant(
            "w = s2 [1 + w I], the mass of F in place of its atom",
            Symbolic(lambda: _ridgeless_residues(rank_share=0), "the whole mass at zero"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R10: no linear component, large ridge


def _even_residues(edge_sign: int = 1, power_share: int = 1) -> tuple[Any, ...]:
    """a_1 = d = 0, hence C = -s2 r: the fixed point of R3, and E = -gamma^2 d(1/A)/dgamma along it; x = A/s2."""
    import sympy

    b, s2, x = sympy.symbols("b s2 x", positive=True)
    r, m, c = sympy.Symbol("r", real=True), *sympy.symbols("m c", positive=True)
    filling = 1 / x  # D = s2/A
    eta = b / (1 + b * filling)
    # int dF/(b + x) = m(-x)
    level = s2 * x - s2 * x * (1 - x * m)  # gamma = A - s2 int eta
    place = 1 / m - c / (1 + m)  # -z = x as a function of m
    ridge = (s2 * x**2 * m).subs(x, place)
    error = ridge**2 / (s2 * place) ** 2 * sympy.diff(s2 * place, m) / sympy.diff(ridge, m)
    slope = 1 / (1 / m**2 - edge_sign * c / (1 + m) ** 2)
    return cancelled(
        eta - x * (1 - x / (b + x)),
        level - (s2 * x**2 * m) ** power_share,
        sympy.diff(b * (-s2 * r), r) + s2 * b,
        error - ridge**2 / ((s2 * place) ** 2 * (2 * place * m - place**2 * slope)),
        error - place * m**2 / (2 * m - place * slope),
    )


def _moment_residues(mixed: int = 2) -> tuple[Any, ...]:
    """Moments of the measures of R0 from their transforms at m -> 0, and (1/n) tr G of a zeroed diagonal."""
    import sympy

    m, c, rho, a1, power = sympy.symbols("m c rho a_1 nu", positive=True)
    z = -1 / m + c / (1 + m)
    a = 1 + rho + c
    laws = (
        (m, (1, c, c + c**2, c + 3 * c**2 + c**3)),
        (m / (1 + (1 + rho) * m), (1, a, a**2 + c, a**3 + 2 * a * c + c * (1 + c))),
        (m / (1 + m), (1, 1 + c)),
        (m / ((1 + m) * (1 + (1 + rho) * m)), (1, mixed + rho + c)),
    )
    parts = []
    for transform, moments in laws:
        rest = sympy.together(transform + sum(moment / z ** (k + 1) for k, moment in enumerate(moments)))
        numerator, denominator = (sympy.Poly(side, m) for side in sympy.fraction(rest))
        first = min(k for (k,), _ in denominator.terms())  # both may carry powers of m
        parts += [numerator.coeff_monomial(m**k) for k in range(first + len(moments) + 1)]
    b1, b2, b3 = laws[0][1][1:]
    slope, shift = a1 / c, -a1
    trace = slope**2 * b3 + 2 * slope * shift * b2 + shift**2 * b1 + power - a1**2
    return cancelled(*parts, trace - (power + a1**2 / c))


R10 = Claim(
    "R10",
    source="R10",
    statement="Without linear component and diagonal, s2 x^2 m(-x) = gamma and E = gamma^2/(A^2 [2x m(-x) - x^2 "
    "m'(-x)]), x = A/s2; the stated moments of F, F_x and F_ww, and (1/n) tr G = nu + a_1^2/c with a zeroed diagonal.",
    falsifier="a point at which the closed form and the fixed point of R3 differ, or a moment",
    design=(),
    published=(
        Symbolic(_even_residues, "the closed form for a_1 = 0 from the fixed point of R3"),
        Symbolic(_moment_residues, "moments from transforms at large z"),
    ),
    mutants=(
        Mutant(
            "m' with the wrong sign in its slope",
            Symbolic(lambda: _even_residues(edge_sign=-1), "1/m^2 + c/(1+m)^2"),
        ),
        Mutant(
            "s2 x^2 m(-x) = sqrt gamma",
            Symbolic(lambda: _even_residues(power_share=2), "the fixed point squared"),
        ),
        Mutant(
            "the mean of the signal's share of F_ww: 1 + rho + c",
            Symbolic(lambda: _moment_residues(mixed=1), "the mean of F_x"),
        ),
    ),
    records=CERTIFIED,
)

CERTIFICATES = (R0, R1E, R2, R3, R4, R5, R6, R10)
