"""What the fairness room compares: ours, and what a user would otherwise pick."""

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skweight._cli import NETWORKS, lacking
from skweight._cli.columns import Columns, encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED, folds_inside, groups_of, rows_to_stop_by

STRENGTHS = (3, 10, 30, 100)  # each a candidate of its own
NETWORK_STRENGTHS = (10, 100)
_BETWEEN = (15, 20, 25, 40)  # may be chosen too
BUDGET = 0.25
CHOSEN = "Strength chosen"
RIDGE = 1e-4  # the same in all linear models, so that only the penalty differs
MOST_LEVELS = 40  # of a numeric attribute; rounding to so many steps leaves few distinct rows
_READS = "; reads the attributes at prediction too, so no verdict counts it"


def candidates(outcome, networks=False):
    """List ours and what a user would otherwise pick for an outcome of some kind.

    Parameters
    ----------
    outcome : {"classes", "counts", "numbers"}
        What is predicted.
    networks : bool, default=False
        Whether to list fair networks, if torch is installed.

    Returns
    -------
    list of Candidate
        The model with a chosen strength first; those with a fixed strength have it in their
        options, as ``"strength"``, networks as ``"network"``.
    """
    kind = "Classifier" if outcome == "classes" else "Regressor"
    chosen = Candidate(
        CHOSEN,
        partial(_ours, strength=None),
        ours=True,
        note=f"DistanceCovariance{kind}CV: the lowest loss within {BUDGET:.0%} of the dependence "
        "without a penalty, on rows held out within the training rows",
    )
    fixed = [
        Candidate(
            f"Strength {strength}",
            partial(_ours, strength=strength),
            ours=True,
            note=f"DistanceCovariance{kind}, the strength fixed",
            options={"strength": strength},
        )
        for strength in STRENGTHS
    ]
    if networks and not lacking(*NETWORKS):
        fixed += [
            Candidate(
                f"Network, strength {strength}",
                partial(_network, strength=strength),
                ours=True,
                note=f"FairNeural{kind}, the strength fixed, early stopping",
                options={"network": strength},
            )
            for strength in NETWORK_STRENGTHS
        ]
    plain, boosting = _NAMES[outcome]
    others = [
        Candidate(plain_name(outcome), _plain, note=f"{plain}, without the attributes",
                  options={"plain": True}),
        Candidate("Correlation removed", _uncorrelated, note=f"{plain}, of features from which a "
                  "linear regression on the attributes is taken" + _READS,
                  options={"reads": True}, on_par=False),
        Candidate("With attributes", _with_attributes, note=plain + _READS,
                  options={"reads": True}, on_par=False),
        Candidate("Gradient boosting", _boosting, note=f"{boosting}, without the attributes"),
    ]  # fmt: skip
    return [chosen, *fixed, *others]


_NAMES = {
    "classes": ("LogisticRegression", "HistGradientBoostingClassifier"),
    "counts": ("PoissonRegressor", "HistGradientBoostingRegressor"),
    "numbers": ("Ridge", "HistGradientBoostingRegressor"),
}


def plain_name(outcome):
    """Name the candidate that is ours without the penalty."""
    return {"classes": "Logistic", "counts": "Poisson", "numbers": "Least squares"}[outcome]


def plain_model(study, rows):
    """Build the linear model without a penalty on dependence."""
    from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

    total = len(rows) if study.weights is None else study.weights[rows].sum()
    if study.outcome == "classes":
        return LogisticRegression(C=1 / (RIDGE * total), max_iter=2000)
    if study.outcome == "counts":
        return PoissonRegressor(alpha=RIDGE, solver="newton-cholesky", max_iter=1000)
    return Ridge(alpha=RIDGE * total)


def _ours(study, rows, *, strength):
    from skweight import fairness

    kind, unit, options = _setting(study, rows)
    options |= {"alpha": RIDGE, "max_levels": MOST_LEVELS}
    if strength is None:
        model = getattr(fairness, f"DistanceCovariance{kind}CV")(
            fairness_alphas=[unit * value for value in sorted((0, *STRENGTHS, *_BETWEEN))],
            fairness_budget=BUDGET,
            cv=folds_inside(groups_of(study, rows), stratified=study.outcome == "classes"),
            **options,
        )
    else:
        model = getattr(fairness, f"DistanceCovariance{kind}")(unit * strength, **options)
    return _pipeline(encoder(study.columns), model)


def _network(study, rows, *, strength):
    from skweight import fairness

    kind, unit, options = _setting(study, rows)
    model = getattr(fairness, f"FairNeural{kind}")(
        unit * strength,
        early_stopping=True,
        cv=rows_to_stop_by(groups_of(study, rows)),
        random_state=SEED,
        **options,
    )
    return _pipeline(encoder(study.columns), model)


def _setting(study, rows):
    """Give the end of a class's name, the unit of strengths, and options that all of ours have."""
    options = {"sensitive_types": study.kinds}
    if study.outcome == "classes":
        return "Classifier", 1.0, options
    options["loss"] = "poisson" if study.outcome == "counts" else "squared_error"
    # Least squares is the one loss in which a strength has the unit of the target.
    unit = float(np.std(study.target[rows])) if study.outcome == "numbers" else 1.0
    return "Regressor", unit, options


def _plain(study, rows):
    return _pipeline(encoder(study.columns), plain_model(study, rows))


def _uncorrelated(study, rows):
    columns = CorrelationRemoved(encoder(study.columns), encoder(study.attributes))
    return _pipeline(columns, plain_model(study, rows))


def _with_attributes(study, rows):
    both = Columns(
        study.columns.numeric + study.attributes.numeric,
        study.columns.categorical + study.attributes.categorical,
    )
    return _pipeline(encoder(both), plain_model(study, rows))


def _boosting(study, rows):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    codes = list(range(len(study.columns.categorical))) or None
    small = {"max_iter": 60, "max_leaf_nodes": 10, "random_state": SEED}
    if study.outcome == "classes":
        model = HistGradientBoostingClassifier(categorical_features=codes, **small)
    else:
        loss = "poisson" if study.outcome == "counts" else "squared_error"
        model = HistGradientBoostingRegressor(loss=loss, categorical_features=codes, **small)
    return _pipeline(encoder(study.columns, native=True), model)


def _pipeline(columns, model):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", columns), ("model", model)])


class CorrelationRemoved(TransformerMixin, BaseEstimator):
    """Features less what a linear regression on the attributes says of them.

    What is left has no correlation with the attributes on the training rows, and may depend on
    them in any other way.

    Parameters
    ----------
    features, attributes : transformer
        They pick and code the columns of a frame that holds both.
    """

    def __init__(self, features=None, attributes=None):
        self.features = features
        self.attributes = attributes

    def fit(self, X, y=None):
        """Fit both transformers and the regression."""
        from sklearn.base import clone

        self.features_ = clone(self.features).fit(X)
        self.attributes_ = clone(self.attributes).fit(X)
        coded = self._design(X)
        self.coef_ = np.linalg.lstsq(coded, self.features_.transform(X), rcond=None)[0]
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X):
        """Take the regression's predictions off the features."""
        return self.features_.transform(X) - self._design(X) @ self.coef_

    def _design(self, X):
        coded = self.attributes_.transform(X)
        return np.hstack([np.ones((len(coded), 1)), coded])
