"""Models whose predictions do not depend on protected attributes, nor on their intersections."""

from skweight.fairness._selection import refit_within_budget

__all__ = ["refit_within_budget"]
