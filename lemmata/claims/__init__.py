"""Claims and their referee: published and repaired statements, mutants, certificates, derived verdicts."""

from lemmata.claims.certificates import Certificate, Enclosed, MissingExtraError, Proof, Symbolic
from lemmata.claims.claim import CLAIM_ALPHA, SUITE_ALPHA, Claim, Control, Mutant, Repair
from lemmata.claims.evidence import Evidence, Judgement
from lemmata.claims.referee import judge, judge_claim
from lemmata.claims.statements import (
    Bound,
    Identity,
    Law,
    Limit,
    Margin,
    Ordering,
    Rate,
    Statement,
    Threshold,
)
from lemmata.claims.tools import beta_binomial, empirical_bernstein, normal_mixture, t_mixture
from lemmata.claims.verdicts import FULL, LEVELS, QUICK, Level, Outcome, Verdict, derive

CERTIFIED = Verdict.CERTIFIED
CONFIRMED = Verdict.CONFIRMED
CORRECTED = Verdict.CORRECTED
NARROWED = Verdict.NARROWED
NOT_EXECUTABLE = Verdict.NOT_EXECUTABLE
REFUTED = Verdict.REFUTED

__all__ = [
    "CERTIFIED",
    "CLAIM_ALPHA",
    "CONFIRMED",
    "CORRECTED",
    "FULL",
    "LEVELS",
    "NARROWED",
    "NOT_EXECUTABLE",
    "QUICK",
    "REFUTED",
    "SUITE_ALPHA",
    "Bound",
    "Certificate",
    "Claim",
    "Control",
    "Enclosed",
    "Evidence",
    "Identity",
    "Judgement",
    "Law",
    "Level",
    "Limit",
    "Margin",
    "MissingExtraError",
    "Mutant",
    "Ordering",
    "Outcome",
    "Proof",
    "Rate",
    "Repair",
    "Statement",
    "Symbolic",
    "Threshold",
    "Verdict",
    "beta_binomial",
    "derive",
    "empirical_bernstein",
    "judge",
    "judge_claim",
    "normal_mixture",
    "t_mixture",
]
