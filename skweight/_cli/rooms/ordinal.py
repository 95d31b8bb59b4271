"""The ordinal room: ordered outcomes whose last step is rare."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from skweight._cli import CommandError
from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate, Measure, Study
from skweight._cli.labels import read_target
from skweight._cli.numbers import is_measured
from skweight._cli.own_table import check_groups, told, usable_rows
from skweight._cli.rooms.ordinal_figures import figures
from skweight._cli.splits import SEED, cross_validation

__all__ = ["figures"]

TITLE = "Ordered outcomes with a rare last step"
QUESTION = "How likely is each level of an ordered outcome, above all the highest and rarest one?"
SNIPPET = """
from sklearn.model_selection import cross_val_predict
from skweight.datasets import load_soup
from skweight.ordinal import PrestoClassifierCV

X, y = load_soup(return_X_y=True)
model = PrestoClassifierCV().fit(X, y)
model.predict_proba(X)       # one column for each of model.classes_
model.predict_exceedance(X)  # P(y > k) for each boundary k
model.varying_               # features that break proportional odds
"""
MEASURES = [
    Measure(
        "rps",
        "ranked probability score",
        "lower",
        "Squared error of the predicted cumulative probabilities: being off by two levels costs "
        "more than being off by one.",
    ),
    Measure(
        "brier",
        "Brier score",
        "lower",
        "Squared error of the predicted class probabilities, summed over the classes; it does not "
        "know the order.",
    ),
    Measure(
        "last_log_loss",
        "last-step log loss",
        "lower",
        "How surprised the model is, on average, by whether a row reached the highest level.",
    ),
    Measure(
        "last_precision",
        "last-step average precision",
        "higher",
        "How purely the rows of the highest level stand at the top of the ranking by their "
        "predicted probability.",
    ),
]
_MOST_ROWS_TUNED = 3000  # beyond, tuning logistic regression takes long and changes little


@dataclass(kw_only=True)
class OrdinalStudy(Study):
    """A study of ordered labels.

    Parameters
    ----------
    order : ndarray
        The labels from lowest to highest.
    """

    order: np.ndarray


def candidates(n_train):
    """List ours and what a user would otherwise pick for that many training rows."""
    tuned = Candidate(
        "Logistic, tuned",
        partial(_pipeline, kind="tuned"),
        note="LogisticRegressionCV, ignores the order",
    )
    return [
        Candidate(
            "PRESTO",
            partial(_pipeline, kind="presto"),
            ours=True,
            note="PrestoClassifierCV, tunes its penalty within the training rows",
        ),
        Candidate(
            "Proportional odds",
            partial(_pipeline, kind="proportional"),
            ours=True,
            note="ProportionalOddsClassifier, one effect for all boundaries",
        ),
        Candidate(
            "Logistic, multinomial",
            partial(_pipeline, kind="logistic"),
            note="LogisticRegression, ignores the order",
        ),
        *([tuned] if n_train <= _MOST_ROWS_TUNED else []),
        Candidate(
            "Logistic, last step only",
            partial(_pipeline, kind="logistic"),
            note="LogisticRegression of the highest level against the rest",
            options={"last_only": True},
        ),
        Candidate(
            "Gradient boosting",
            partial(_pipeline, kind="boosting"),
            note="HistGradientBoostingClassifier, ignores the order",
        ),
        Candidate(
            "Class frequencies",
            partial(_pipeline, kind="frequencies"),
            note="DummyClassifier, looks at no column",
        ),
    ]


def _pipeline(study, rows, *, kind):
    """Build one candidate for the training rows."""
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.pipeline import Pipeline

    from skweight.ordinal import PrestoClassifierCV, ProportionalOddsClassifier

    # Inner folds, like outer ones, need the rarest class in every part.
    inner = max(2, min(5, np.unique(study.target[rows], return_counts=True)[1].min()))
    if kind == "presto":
        model = PrestoClassifierCV(class_order=study.order.tolist(), cv=inner)
    elif kind == "proportional":
        model = ProportionalOddsClassifier(class_order=study.order.tolist())
    elif kind == "logistic":
        model = LogisticRegression(max_iter=2000)
    elif kind == "tuned":
        model = LogisticRegressionCV(Cs=5, cv=inner, scoring="neg_log_loss", max_iter=2000)
    elif kind == "boosting":
        codes = list(range(len(study.columns.categorical))) or None
        model = HistGradientBoostingClassifier(categorical_features=codes, random_state=SEED)
    else:
        model = DummyClassifier(strategy="prior")
    columns = encoder(study.columns, native=kind == "boosting")
    return Pipeline([("columns", columns), ("model", model)])


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    labels = study.target[rows]
    if candidate.options.get("last_only"):
        labels = labels == study.order[-1]
    weights = None if study.weights is None else study.weights[rows]
    pipeline = candidate.build(study, rows)
    return pipeline.fit(study.frame.iloc[rows], labels, model__sample_weight=weights)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep its probabilities of the last step."""
    from sklearn.metrics import average_precision_score, log_loss

    from skweight.metrics import multiclass_brier_score, ranked_probability_score

    frame, truth = study.frame.iloc[test], study.target[test]
    weights = None if study.weights is None else study.weights[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        probabilities = fitted.predict_proba(frame)
        last = _last_step(fitted, candidate, study, frame, probabilities)
    scores, is_last = {}, truth == study.order[-1]
    if not candidate.options.get("last_only"):
        true_ranks = ranks(truth, study.order)
        probabilities = _in_order(probabilities, fitted.classes_, study.order)
        places = np.arange(len(study.order))
        given = {"labels": places, "sample_weight": weights}
        scores["rps"] = ranked_probability_score(true_ranks, probabilities, **given)
        scores["brier"] = multiclass_brier_score(true_ranks, probabilities, **given)
    given = {"sample_weight": weights}
    scores["last_log_loss"] = log_loss(is_last, last, labels=[False, True], **given)
    scores["last_precision"] = average_precision_score(is_last, last, **given)
    return scores, {"last": last, "is_last": is_last, "weights": weights}


def _last_step(fitted, candidate, study, frame, probabilities):
    """Give P(highest level): unrepaired where the model offers it, as its users would take it."""
    if candidate.options.get("last_only"):
        return probabilities[:, 1]
    model = fitted[-1]
    if hasattr(model, "predict_exceedance") and model.class_order_[-1] == study.order[-1]:
        return model.predict_exceedance(fitted[:-1].transform(frame))[:, -1]
    return _in_order(probabilities, fitted.classes_, study.order)[:, -1]


def ranks(labels, order):
    """Give each label's place in the order."""
    sorter = np.argsort(order)
    return sorter[np.searchsorted(order, labels, sorter=sorter)]


def _in_order(probabilities, classes, order):
    """Bring columns into the labels' order; a class the training rows lacked gets 0."""
    ordered = np.zeros((len(probabilities), len(order)))
    ordered[:, ranks(classes, order)] = probabilities
    return ordered


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading compiled code."""
    from skweight.ordinal import PrestoClassifierCV, ProportionalOddsClassifier

    generator = np.random.default_rng(SEED)
    X = generator.normal(size=(60, 3))
    y = np.digitize(X[:, 0] + generator.normal(size=60), [-0.5, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PrestoClassifierCV(n_alphas=3, cv=2).fit(X, y)
        ProportionalOddsClassifier().fit(X, y)


def suits(column):
    """Say why a target is compared as ordered labels, or give None."""
    if is_measured(column):
        return None
    return f"{column.name!r} takes {column.nunique()} different values, compared in their order"


def study_of_table(table, options):
    """Build the study of a user's own table.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``order``, ``weights``, ``groups`` and ``folds``.

    Returns
    -------
    OrdinalStudy
        With cross-validation splits.
    """
    target = read_target(table.column(options.target, "--target"), options.order)
    rows = usable_rows(table, options, target)
    labels = target.labels[rows.keep[target.known]]
    order = target.order[np.isin(target.order, labels)]
    folds = _folds(options, labels, order, rows)
    splits = cross_validation(labels, folds, rows.groups, stratified=True)
    shares = [np.mean(labels == label) for label in order]
    listed = ", ".join(f"{label} {share:.1%}" for label, share in zip(order, shares))
    name = table.path.name
    return OrdinalStudy(
        name=name,
        title=f"{options.target} in {name}",
        story=f"{len(labels)} rows, {len(rows.columns.names)} columns, levels from lowest to "
        f"highest: {listed}; {told(rows, folds)}.",
        frame=rows.frame,
        columns=rows.columns,
        target=labels,
        order=order,
        weights=rows.weights,
        splits=splits,
        candidates=candidates(len(splits[0][0])),
        measures=MEASURES,
        overlap=1 / (folds - 1),
        notes=rows.notes,
    )


def _folds(options, labels, order, rows):
    """Lower the number of folds until each holds the rarest class, or complain."""
    if len(order) < 2:
        raise CommandError(f"--target {options.target!r} has one class only, {order[0]!r}")
    counts = np.array([np.sum(labels == label) for label in order])
    rarest, count = order[counts.argmin()], counts.min()
    if count < 3:
        raise CommandError(
            f"class {str(rarest)!r} of {options.target!r} has {count} "
            f"row{'' if count == 1 else 's'}: it takes at least 3 to "
            "cross-validate, so join it with its neighbour or leave its rows out"
        )
    folds = options.folds
    if count < folds:
        folds = int(count)
        rows.notes.append(f"{folds} folds, as class {str(rarest)!r} has {count} rows only")
    check_groups(rows.groups, folds, options)
    return folds


def predictions(pipeline, frame):
    """Give the label, the class probabilities and the exceedances of new rows."""
    # The softmax of scores that a private model has is no probability.
    if not hasattr(pipeline, "classes_") or hasattr(pipeline[-1], "privacy_spent_"):
        return None
    columns = {"prediction": pipeline.predict(frame)}
    order = getattr(pipeline[-1], "class_order_", pipeline.classes_)
    if hasattr(pipeline, "predict_proba"):
        probabilities = pipeline.predict_proba(frame)
        for label in order:
            place = int(np.flatnonzero(pipeline.classes_ == label)[0])
            columns[f"p_{label}"] = probabilities[:, place]
    if hasattr(pipeline[-1], "predict_exceedance"):
        exceedance = pipeline[-1].predict_exceedance(pipeline[:-1].transform(frame))
        for label, column in zip(order[:-1], exceedance.T):
            columns[f"p_above_{label}"] = column
    return columns


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import ordinal_studies

    return ordinal_studies.studies(quick)
