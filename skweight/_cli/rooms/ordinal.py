"""The ordinal room: ordered outcomes whose last step is rare."""

import warnings
from functools import partial

import numpy as np

from skweight._cli import CommandError
from skweight._cli.columns import encoder, plan_columns
from skweight._cli.evaluate import Candidate, Measure, Study
from skweight._cli.labels import read_target, read_weights
from skweight._cli.rooms.ordinal_figures import figures

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
SEED = 0
_MOST_ROWS_TUNED = 3000  # beyond, tuning logistic regression takes long and changes little


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
    inner = max(2, min(5, np.unique(study.labels[rows], return_counts=True)[1].min()))
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
    labels = study.labels[rows]
    if candidate.options.get("last_only"):
        labels = labels == study.order[-1]
    weights = None if study.weights is None else study.weights[rows]
    pipeline = candidate.build(study, rows)
    return pipeline.fit(study.frame.iloc[rows], labels, model__sample_weight=weights)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep its probabilities of the last step."""
    from sklearn.metrics import average_precision_score, log_loss

    from skweight.metrics import multiclass_brier_score, ranked_probability_score

    frame, truth = study.frame.iloc[test], study.labels[test]
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
    Study
        With cross-validation splits.
    """
    notes = list(table.notes)
    target = read_target(table.column(options.target, "--target"), options.order)
    notes += target.notes
    keep, weights, groups = target.known.copy(), None, None
    if options.weights is not None:
        weights = read_weights(table.column(options.weights, "--weights"))
        useless = keep & ~(weights > 0)
        if useless.any():
            notes.append(f"left out {useless.sum()} rows whose weight is zero or missing")
            keep &= ~useless
        weights = weights[keep] / weights[keep].mean()
    if options.groups is not None:
        groups = table.column(options.groups, "--groups").astype(str).to_numpy()[keep]
    labels = target.labels[keep[target.known]]
    order = target.order[np.isin(target.order, labels)]
    used = {options.target, options.weights, options.groups}
    raw = table.frame.loc[keep, [name for name in table.frame.columns if name not in used]]
    if raw.shape[1] == 0:
        raise CommandError(f"{table.path} has no column besides the named ones to predict from")
    frame, columns = plan_columns(raw.reset_index(drop=True))
    folds = _folds(options, labels, order, groups, notes)
    splits = cross_validation(labels, folds, groups)
    n_rows, shares = len(labels), np.array([np.mean(labels == label) for label in order])
    listed = ", ".join(f"{label} {share:.1%}" for label, share in zip(order, shares))
    story = (
        f"{n_rows} rows, {len(columns.names)} columns, levels from lowest to highest: {listed}; "
        f"{folds}-fold {'grouped ' if groups is not None else ''}cross-validation"
        f"{', weighted' if weights is not None else ''}."
    )
    name = table.path.name
    notes += columns.notes
    parts = frame, columns, labels, order, weights, splits, candidates(len(splits[0][0]))
    return Study(name, f"{options.target} in {name}", story, *parts, 1 / (folds - 1), notes)


def _folds(options, labels, order, groups, notes):
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
        notes.append(f"{folds} folds, as class {str(rarest)!r} has {count} rows only")
    if groups is not None:
        n_groups = len(np.unique(groups))
        if n_groups < folds:
            raise CommandError(
                f"--groups {options.groups!r} has {n_groups} groups, fewer than {folds} folds"
            )
    return folds


def cross_validation(labels, folds, groups=None):
    """Split into folds with equal class shares, rows of one group together."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=SEED)
    return list(splitter.split(np.zeros(len(labels)), labels, groups))


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import ordinal_studies

    return ordinal_studies.studies(quick)
