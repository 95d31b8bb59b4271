"""Who races for accuracy and independence: fit on training rows, predict held-out ones.

All get the same features, without the protected attributes. Those in `SEES_ATTRIBUTES` look at the
attributes of the rows that they predict as well; the others may not.
"""

import importlib.util
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks._fairness_sets import intersection
from skweight.fairness import DistanceCovarianceClassifier

RIDGE = 1e-4
AGE_BINS = 3  # for those who know groups alone

OURS, OURS_WITH = "ours", "ours, S among the features"
REMOVER, EQUIPY = "CorrelationRemover", "equipy"
GRADIENT, GRADIENT_AGE = "ExponentiatedGradient, race x sex", "ExponentiatedGradient, with age"
STRENGTHS = (0, 1, 3, 6, 10, 15, 20, 30, 40, 50, 70, 100, 150, 300, 1000, 3000)
KNOBS = {
    OURS: STRENGTHS,
    OURS_WITH: STRENGTHS,
    REMOVER: (0.25, 0.5, 0.75, 1.0),  # share of the correlation that is removed
    EQUIPY: (0.75, 0.5, 0.25, 0.0),  # share of the original prediction that is kept
    GRADIENT: (0.2, 0.1, 0.05, 0.01),  # bound on the difference of selection rates
    GRADIENT_AGE: (0.2, 0.1, 0.05, 0.01),
}
KNOB_NAMES = {
    OURS: "fairness_alpha",
    OURS_WITH: "fairness_alpha",
    REMOVER: "alpha",
    EQUIPY: "epsilon",
    GRADIENT: "bound",
    GRADIENT_AGE: "bound",
}
SEES_ATTRIBUTES = (OURS_WITH, REMOVER, EQUIPY)  # of the rows to predict
RANDOMISED = (GRADIENT, GRADIENT_AGE)
_PACKAGES = {
    REMOVER: "fairlearn",
    EQUIPY: "equipy",
    GRADIENT: "fairlearn",
    GRADIENT_AGE: "fairlearn",
}


def installed():
    """Return the knobs of those whose package is there."""
    return {
        name: knobs
        for name, knobs in KNOBS.items()
        if name not in _PACKAGES or importlib.util.find_spec(_PACKAGES[name]) is not None
    }


def logistic(n):
    """Return the logistic regression that all of the others start from."""
    return LogisticRegression(C=1 / (RIDGE * n), solver="newton-cholesky")


def attribute_columns(train, test):
    """Return the attributes as columns: indicators of the nominal ones, and age in training sds."""
    mean, sd = train.sensitive["age"].mean(), train.sensitive["age"].std(ddof=0)
    columns = []
    for rows in (train, test):
        parts = [(rows.sensitive["age"].to_numpy() - mean) / sd]
        for name in ("race", "sex"):
            levels = train.sensitive[name].cat.categories
            parts += [(rows.sensitive[name] == level).to_numpy(dtype=float) for level in levels]
        columns.append(np.column_stack(parts))
    return columns


def groups(train, test, names):
    """Return intersections, in which age has bins of equal size in the training rows."""
    cuts = np.quantile(train.sensitive["age"], np.arange(1, AGE_BINS) / AGE_BINS)
    found = []
    for rows in (train, test):
        binned = rows.sensitive.assign(age=np.digitize(rows.sensitive["age"], cuts))
        found.append(intersection(binned, names))
    return found


def ours(train, test, strength, with_attributes=False):
    """Return probabilities of held-out rows, and the fitted model."""
    X, X_test = train.X, test.X
    if with_attributes:
        columns, columns_test = attribute_columns(train, test)
        X, X_test = np.hstack([X, columns]), np.hstack([X_test, columns_test])
    model = DistanceCovarianceClassifier(fairness_alpha=strength, alpha=RIDGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the strongest leave a constant
        model.fit(X, train.y, sensitive_features=train.sensitive)
    return model.predict_proba(X_test)[:, 1], model


def correlation_remover(train, test, alpha):
    """Return probabilities by fairlearn's linear removal; held-out rows need their attributes."""
    from fairlearn.preprocessing import CorrelationRemover

    columns, columns_test = attribute_columns(train, test)
    X, X_test = np.hstack([train.X, columns]), np.hstack([test.X, columns_test])
    remover = CorrelationRemover(
        sensitive_feature_ids=list(range(train.X.shape[1], X.shape[1])), alpha=alpha
    )
    model = logistic(len(train.y)).fit(remover.fit_transform(X), train.y)
    return model.predict_proba(remover.transform(X_test))[:, 1]


def wasserstein(train, test, epsilon):
    """Return equipy's probabilities; held-out rows need their attributes.

    One attribute of all intersections: its sequential way over three attributes comes to the same
    figures here and takes 30 times as long.
    """
    import pandas
    from equipy.fairness import FairWasserstein

    model = logistic(len(train.y)).fit(train.X, train.y)
    known, wanted = groups(train, test, ["race", "sex", "age"])
    repair = FairWasserstein()
    repair.fit(model.predict_proba(train.X)[:, 1], pandas.DataFrame({"group": known}))
    p = model.predict_proba(test.X)[:, 1]
    seen = np.isin(wanted, known)  # it refuses groups that it did not see
    frame = pandas.DataFrame({"group": wanted[seen]})
    p[seen] = np.clip(repair.transform(p[seen], frame, epsilon=epsilon), 0, 1)
    return p


def exponentiated_gradient(train, test, bound, names):
    """Return the chance of a positive label by fairlearn's randomised classifier."""
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient

    known, _ = groups(train, test, names)
    constraint = DemographicParity(difference_bound=bound)
    model = ExponentiatedGradient(logistic(len(train.y)), constraint)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, inside fairlearn
        model.fit(train.X, train.y, sensitive_features=known)
    return np.clip(model._pmf_predict(test.X)[:, 1], 0, 1)  # weights add up to 1 but for rounding


def predict(name, train, test, knob):
    """Return the held-out probabilities of one contestant."""
    if name in (OURS, OURS_WITH):
        return ours(train, test, knob, with_attributes=name == OURS_WITH)[0]
    if name == REMOVER:
        return correlation_remover(train, test, knob)
    if name == EQUIPY:
        return wasserstein(train, test, knob)
    names = ["race", "sex"] if name == GRADIENT else ["race", "sex", "age"]
    return exponentiated_gradient(train, test, knob, names)
