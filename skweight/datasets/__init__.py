"""Real ordinal data without a download, and simulated data with known probabilities."""

from skweight.datasets._bundled import load_diabetes_progression, load_era, load_esl, load_lev
from skweight.datasets._real import (
    load_doctor_visits,
    load_housing_satisfaction,
    load_nass_cds,
    load_soup,
    load_wine_ratings,
)
from skweight.datasets._simulated import make_ordinal

__all__ = [
    "load_diabetes_progression",
    "load_doctor_visits",
    "load_era",
    "load_esl",
    "load_housing_satisfaction",
    "load_lev",
    "load_nass_cds",
    "load_soup",
    "load_wine_ratings",
    "make_ordinal",
]
