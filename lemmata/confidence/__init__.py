"""Intervals with stated error rates: confidence sequences that may be watched, and tools for a fixed sample.

Every tool offers the triple: the interval (or decision), the smallest discrepancy that it would detect with a
given probability, and the trials that a given discrepancy needs. All are pure functions of merged moments.
"""

from lemmata.confidence.beta_binomial import BetaBinomial
from lemmata.confidence.binomial import CLOPPER_PEARSON, WILSON, clopper_pearson, wilson
from lemmata.confidence.dkw import DKWBand, dkw_band, dkw_radius, kolmogorov_distance
from lemmata.confidence.empirical_bernstein import EmpiricalBernstein
from lemmata.confidence.first_look import FirstLook
from lemmata.confidence.interval import Interval
from lemmata.confidence.maurer_pontil import MaurerPontil, maurer_pontil
from lemmata.confidence.normal_mixture import NormalMixture
from lemmata.confidence.sequence import Sequence, look_sizes
from lemmata.confidence.slope import Slope, slope_detectable, slope_interval, slope_trials_needed
from lemmata.confidence.spending import Fixed, FixedTool, Spending, spend
from lemmata.confidence.student import STUDENT, TOST, Equivalence, tost
from lemmata.confidence.tmixture import TMixture

__all__ = [
    "CLOPPER_PEARSON",
    "STUDENT",
    "TOST",
    "WILSON",
    "BetaBinomial",
    "DKWBand",
    "EmpiricalBernstein",
    "Equivalence",
    "FirstLook",
    "Fixed",
    "FixedTool",
    "Interval",
    "MaurerPontil",
    "NormalMixture",
    "Sequence",
    "Slope",
    "Spending",
    "TMixture",
    "clopper_pearson",
    "dkw_band",
    "dkw_radius",
    "kolmogorov_distance",
    "look_sizes",
    "maurer_pontil",
    "slope_detectable",
    "slope_interval",
    "slope_trials_needed",
    "spend",
    "tost",
    "wilson",
]
