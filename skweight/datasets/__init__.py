"""Real data without a download, and simulated data whose law is known."""

from skweight.datasets._bundled import load_diabetes_progression, load_era, load_esl, load_lev
from skweight.datasets._distillation import load_self_distillation_toy
from skweight.datasets._fairness import load_adult, load_compas, load_hmda
from skweight.datasets._fairness_numbers import load_law_school, load_pg15training
from skweight.datasets._german_credit import load_german_credit
from skweight.datasets._noise import add_label_noise, add_target_noise
from skweight.datasets._real import (
    load_doctor_visits,
    load_housing_satisfaction,
    load_nass_cds,
    load_soup,
    load_wine_ratings,
)
from skweight.datasets._regression import (
    load_ames,
    load_concrete,
    load_cps_wages,
    load_diamonds,
    load_hotel_rates,
)
from skweight.datasets._simulated import make_ordinal
from skweight.datasets._simulated_motor import make_motor_portfolio
from skweight.datasets._simulated_regression import make_heteroscedastic

__all__ = [
    "add_label_noise",
    "add_target_noise",
    "load_adult",
    "load_ames",
    "load_compas",
    "load_concrete",
    "load_cps_wages",
    "load_diabetes_progression",
    "load_diamonds",
    "load_doctor_visits",
    "load_era",
    "load_esl",
    "load_german_credit",
    "load_hmda",
    "load_hotel_rates",
    "load_housing_satisfaction",
    "load_law_school",
    "load_lev",
    "load_nass_cds",
    "load_pg15training",
    "load_self_distillation_toy",
    "load_soup",
    "load_wine_ratings",
    "make_heteroscedastic",
    "make_motor_portfolio",
    "make_ordinal",
]
