"""What the imbalance room compares: models trained for a metric, and usual remedies."""

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from skweight._cli import NETWORKS, lacking
from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED, folds_inside, groups_of

STEP = "rare"  # name of the last step of a pipeline of this room
F1, BALANCED, GMEAN = "Trained for F1", "Trained for balanced accuracy", "Trained for G-mean"
NETWORK = "Network trained for F1"
LOGISTIC = "Logistic"
_MOST_EPOCHS = 5000
_N_THRESHOLDS = 100


def candidates(two, networks):
    """List ours and what a user would otherwise pick.

    Parameters
    ----------
    two : bool
        Whether there are two labels; a threshold is for two.
    networks : bool
        Whether to list a network, if torch is installed.

    Returns
    -------
    candidates : list of Candidate
        The linear model that is trained for F1 first.
    notes : list of str
        What is left out, and why.
    """
    found = [
        Candidate(name, partial(_trained, metric=metric), ours=True,
                  note=f'AnyLossClassifier("{metric}"): linear, one fit')
        for name, metric in ((F1, "f1"), (BALANCED, "balanced_accuracy"), (GMEAN, "gmean"))
    ]  # fmt: skip
    if networks and not lacking(*NETWORKS):
        note = 'AnyLossClassifier("f1", hidden_layer_sizes=(20,))'
        found.append(Candidate(NETWORK, _network, ours=True, note=note))
    found += [
        Candidate(LOGISTIC, partial(_logistic, weight=None), note="LogisticRegression"),
        Candidate("Logistic, balanced", partial(_logistic, weight="balanced"),
                  note='LogisticRegression(class_weight="balanced")'),
        Candidate("Boosting, balanced", _boosting,
                  note='HistGradientBoostingClassifier(class_weight="balanced")'),
    ]  # fmt: skip
    if not two:
        return found, ["left out models with a threshold, which takes two labels"]
    found += [
        Candidate(f"Threshold for {words}", partial(_tuned, scoring=scoring),
                  note="TunedThresholdClassifierCV of LogisticRegression, folds within the "
                  "training rows")
        for words, scoring in (("F1", "f1"), ("balanced accuracy", "balanced_accuracy"))
    ]  # fmt: skip
    return found, []


def _trained(study, rows, *, metric):
    from skweight.imbalance import AnyLossClassifier

    model = AnyLossClassifier(metric, pos_label=_label(study), max_iter=_MOST_EPOCHS)
    return _pipeline(study, model)


def _network(study, rows):
    from skweight.imbalance import AnyLossClassifier

    label = _label(study)
    layers = {"hidden_layer_sizes": (20,), "max_iter": _MOST_EPOCHS, "random_state": SEED}
    return _pipeline(study, AnyLossClassifier(pos_label=label, **layers))


def _label(study):
    """Give the positive label as plain Python has it, None for more labels than two."""
    return None if study.positive is None else study.positive.item()


def _logistic(study, rows, *, weight):
    from sklearn.linear_model import LogisticRegression

    return _pipeline(study, LogisticRegression(class_weight=weight, max_iter=2000))


def _boosting(study, rows):
    from sklearn.ensemble import HistGradientBoostingClassifier

    codes = list(range(len(study.columns.categorical))) or None
    model = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=8,
        categorical_features=codes,
        class_weight="balanced",
        random_state=SEED,
    )
    return _pipeline(study, model, native=True)


def _tuned(study, rows, *, scoring):
    folds = folds_inside(groups_of(study, rows), stratified=True)
    return _pipeline(study, TunedThreshold(study.positive.item(), scoring, folds))


def _pipeline(study, model, native=False):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", encoder(study.columns, native=native)), (STEP, model)])


class TunedThreshold(ClassifierMixin, BaseEstimator):
    """A logistic model with the threshold of `TunedThresholdClassifierCV`.

    It passes weights on to fits and scores, which takes routing to be on, and keeps nothing but
    the model and its threshold.

    Parameters
    ----------
    positive : label
        The positive class.
    scoring : str
        Name of the metric.
    cv : cross-validation generator or list of splits
        Folds in which thresholds are compared.
    """

    def __init__(self, positive=1, scoring="f1", cv=None):
        self.positive = positive
        self.scoring = scoring
        self.cv = cv

    def fit(self, X, y, sample_weight=None):
        """Fit the model and search the threshold."""
        import sklearn
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import get_scorer
        from sklearn.model_selection import TunedThresholdClassifierCV

        self.classes_, truth = np.unique(y), (y == self.positive).astype(int)
        model = LogisticRegression(max_iter=2000)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        asked = dict.fromkeys(given, True)
        with sklearn.config_context(enable_metadata_routing=True):
            tuned = TunedThresholdClassifierCV(
                clone(model).set_fit_request(**asked),
                scoring=get_scorer(self.scoring).set_score_request(**asked),
                thresholds=_N_THRESHOLDS,
                cv=self.cv,
            ).fit(X, truth, **given)
        self.threshold_ = float(tuned.best_threshold_)
        # That of `tuned`, less what it keeps for routing, which .skops files cannot hold.
        self.estimator_ = model.fit(X, truth, sample_weight)
        return self

    def predict(self, X):
        """Give the positive label where its probability reaches the threshold."""
        reaches = self.estimator_.predict_proba(X)[:, 1] >= self.threshold_
        negative, positive = sorted(self.classes_, key=lambda label: label == self.positive)
        return np.where(reaches, positive, negative)
