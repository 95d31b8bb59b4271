"""Timings of the ordinal room that asv follows over the history of the project."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skweight.datasets import load_soup, make_ordinal
from skweight.ordinal import (
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    presto_path,
)

warnings.simplefilter("ignore", ConvergenceWarning)


def simulated(n, p):
    """Return X and y with about three differences between boundaries, whatever p."""
    X, y, _ = make_ordinal(n, p, sparsity=min(1 / 3, 3 / p), random_state=0)
    return X, y


class Fit:
    """One penalty, few and many non-zeros, by the rule for crossing boundaries."""

    params = (
        [(2500, 10), (1000, 100), (10_000, 100), (100_000, 10)],
        [0.1, 0.01],
        ["train", "observed", "box"],
    )
    param_names = ("shape", "share", "monotone")
    timeout = 120

    def setup(self, shape, share, monotone):
        self.X, self.y = simulated(*shape)
        alpha_max = PrestoClassifier().fit(self.X, self.y).alpha_max_
        self.model = PrestoClassifier(alpha=share * alpha_max, monotone=monotone)

    def time_fit(self, shape, share, monotone):
        self.model.fit(self.X, self.y)

    def peakmem_fit(self, shape, share, monotone):
        self.model.fit(self.X, self.y)

    def track_iterations(self, shape, share, monotone):
        return self.model.fit(self.X, self.y).n_iter_


class Soup:
    """Real data: the path, cross-validation, proportional odds, and predictions."""

    timeout = 120

    def setup(self):
        soup = load_soup()
        self.X, self.y = soup.data, soup.target
        self.fitted = PrestoClassifier().fit(self.X, self.y)

    def time_fit(self):
        PrestoClassifier().fit(self.X, self.y)

    def time_path(self):
        presto_path(self.X, self.y)

    def time_cross_validation(self):
        PrestoClassifierCV().fit(self.X, self.y)

    def time_proportional_odds(self):
        ProportionalOddsClassifier().fit(self.X, self.y)

    def time_predict_proba(self):
        self.fitted.predict_proba(self.X)

    def time_predict_proba_of_one_row(self):
        self.fitted.predict_proba(self.X[:1])
