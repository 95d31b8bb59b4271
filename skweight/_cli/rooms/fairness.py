"""The fairness room: predictions that do not depend on protected attributes."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skweight._cli.columns import Columns
from skweight._cli.evaluate import Measure, Study
from skweight._cli.rooms.fairness_figures import figures
from skweight._cli.rooms.fairness_models import (
    CHOSEN,
    MOST_LEVELS,
    candidates,
)
from skweight._cli.splits import SEED

__all__ = ["figures"]

TITLE = "Predictions that do not depend on protected attributes"
QUESTION = (
    "How much accuracy does it cost if predictions are not to depend on attributes of any type, "
    "nor on their intersections?"
)
SNIPPET = """
from skweight.datasets import make_motor_portfolio
from skweight.fairness import DistanceCovarianceRegressorCV

motor = make_motor_portfolio(2000, random_state=0)
model = DistanceCovarianceRegressorCV(loss="poisson", cv=3)
model.fit(motor.data, motor.target / motor.exposure, sample_weight=motor.exposure,
          sensitive_features=motor.sensitive_features)
model.predict(motor.data)    # needs no protected attribute
model.fairness_alpha_        # the strength that was chosen
"""
N_BINS = 3  # of a numeric attribute, in groups
SMALLEST_GROUP = 30
_MOST_MEASURED = 4000  # held-out rows of which the dependence is taken


@dataclass(kw_only=True)
class FairnessStudy(Study):
    """A study of predictions beside protected attributes.

    Parameters
    ----------
    outcome : {"classes", "counts", "numbers"}
        What is predicted: one of two labels, a number of events (or their rate), a number.
    sensitive : pandas.DataFrame of shape (n_samples, n_attributes)
        The attributes: numbers, or text for groups.
    groups : ndarray of shape (n_samples,) or None
        Rows of one group stay together, in the folds inside of training rows as well.
    bandwidth : float or None
        Of the densities, the same for all models, as divergences compare only so.
    """

    outcome: str
    sensitive: object
    groups: np.ndarray | None = None
    bandwidth: float | None = None

    @cached_property
    def classes(self):
        """The two labels in sorted order; the probability of the second is what is looked at."""
        return np.unique(self.target)

    @cached_property
    def attributes(self):
        """Names of the attributes by kind."""
        numeric = [name for name in self.sensitive if self.sensitive[name].dtype.kind == "f"]
        return Columns(numeric, [name for name in self.sensitive if name not in numeric])

    @cached_property
    def kinds(self):
        """The kinds of the attributes, as our estimators take them."""
        numeric = self.attributes.numeric
        return {name: "numeric" if name in numeric else "nominal" for name in self.sensitive}

    @cached_property
    def intersections(self):
        """The attributes as text, numbers in bins with the same edges for all models."""
        from skweight.metrics._groups import quantile_bins

        found = self.sensitive.copy()
        for name in self.attributes.numeric:
            values = found[name].to_numpy()
            code, labels, _ = quantile_bins(values, np.ones(len(values)), N_BINS)
            found[name] = np.array(labels, dtype=object)[code]
        return found

    @cached_property
    def group(self):
        """The intersection of each row, one text."""
        return self.intersections.astype(str).agg(", ".join, axis=1).to_numpy()

    @cached_property
    def encoding(self):
        """The attributes as numbers, in one scale for all models and splits."""
        from skweight._core._attributes import attributes_of, check_types
        from skweight.fairness._sensitive import SensitiveEncoder

        attributes = check_types(attributes_of(self.sensitive), self.kinds)
        coded = SensitiveEncoder(max_levels=MOST_LEVELS)
        coded = coded.fit(attributes, np.ones(len(self.sensitive)))
        return np.hstack(coded.transform(attributes))


def study_of(outcome, networks=False, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    outcome : {"classes", "counts", "numbers"}
        What is predicted.
    networks : bool, default=False
        Whether to compare fair networks, too, if torch is installed.
    **parts : dict
        The other fields of `FairnessStudy`.

    Returns
    -------
    FairnessStudy
        Without figures of groups, and with a note, where test rows are too few for them.
    """
    found = candidates(outcome, networks)
    study = FairnessStudy(outcome=outcome, candidates=found, measures=[], **parts)
    sizes = [_counted(study.group[test]) for _, test in study.splits]
    smallest = min((size.min() for size in sizes if len(size) > 1), default=0)
    if min(map(len, sizes)) < 2:
        smallest = 0
        study.notes.append(
            f"no figures of groups: test rows hold fewer than two groups of {SMALLEST_GROUP} rows "
            f"by {' x '.join(study.sensitive)}"
        )
    study.measures = measures(study, smallest)
    return study


def _counted(group):
    """Give the sizes of the groups that are large enough to count."""
    sizes = np.unique(group, return_counts=True)[1]
    return sizes[sizes >= SMALLEST_GROUP]


def measures(study, smallest):
    """List the scores, the most important first.

    Parameters
    ----------
    study : FairnessStudy
        Whose predictions are scored.
    smallest : int
        Rows of the smallest group that counts, 0 for no groups.

    Returns
    -------
    list of Measure
        Loss and dependence, and two of groups.
    """
    loss = {
        "classes": ("log-loss", "How surprised the model is by the labels, on average."),
        "counts": ("Poisson deviance", "How far the numbers are from those that were expected."),
        "numbers": ("squared error", "Mean squared error."),
    }[study.outcome]
    found = [
        Measure("loss", loss[0], "lower", loss[1] + " Independence is paid for in it."),
        Measure(
            "dependence",
            "CCdCov",
            "lower",
            "Squared distance covariance of predictions and all attributes together, unbiased: 0 "
            "on average if they are independent. Numeric attributes count by their range.",
        ),
    ]
    if smallest:
        study.bandwidth = _bandwidth(study, smallest)
        shown = f"groups by {' x '.join(study.sensitive)}, numbers in {N_BINS} bins"
        found += [
            Measure(
                "gap",
                "worst KS gap",
                "lower",
                f"Largest distance of the distributions of predictions in two {shown}, of those "
                f"with {SMALLEST_GROUP} rows at least; far from 0 by chance alone if groups are "
                "small.",
                is_share=True,
            ),
            Measure(
                "divergence",
                "JSD",
                "lower",
                "Jensen-Shannon divergence of predictions between these groups, in bits, by "
                f"densities of bandwidth {study.bandwidth:.3g}.",
            ),
        ]
    return found


def _bandwidth(study, smallest):
    """Give one bandwidth for all models: that of Scott for predictions without a penalty."""
    rows = np.arange(len(study.target))
    plain = next(c for c in study.candidates if c.options.get("plain"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spread = predicted(fit(plain, study, rows), plain, study, rows).std()
    return float(spread * smallest**-0.2)


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    given = {"model__sample_weight": None if study.weights is None else study.weights[rows]}
    if candidate.ours:
        given["model__sensitive_features"] = study.sensitive.iloc[rows]
    pipeline = candidate.build(study, rows)
    return pipeline.fit(_frame(candidate, study, rows), study.target[rows], **given)


def _frame(candidate, study, rows):
    """Give what a candidate predicts from: the attributes for those only that read them."""
    frame = study.frame.iloc[rows]
    return frame.join(study.sensitive) if candidate.options.get("reads") else frame


def predicted(fitted, candidate, study, rows):
    """Give predicted numbers, or probabilities of the second label."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        frame = _frame(candidate, study, rows)
        if study.outcome == "classes":
            return fitted.predict_proba(frame)[:, 1]
        return fitted.predict(frame)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep its predictions."""
    from sklearn.metrics import log_loss, mean_poisson_deviance, mean_squared_error

    from skweight.fairness import distance_covariance
    from skweight.metrics import demographic_parity_gap, js_divergence_score

    truth, found = study.target[test], predicted(fitted, candidate, study, test)
    given = {"sample_weight": None if study.weights is None else study.weights[test]}
    if study.outcome == "classes":
        loss = log_loss(truth == study.classes[1], found, labels=[False, True], **given)
    elif study.outcome == "counts":
        loss = mean_poisson_deviance(truth, found, **given)
    else:
        loss = mean_squared_error(truth, found, **given)
    few = np.arange(len(test))
    if len(test) > _MOST_MEASURED:
        few = np.random.default_rng(SEED).choice(len(test), _MOST_MEASURED, replace=False)
    scores = {
        "loss": loss,
        "dependence": distance_covariance(found[few], study.encoding[test[few]], statistic="U"),
    }
    if any(measure.key == "gap" for measure in study.measures):
        groups = study.group[test], {"min_group_size": SMALLEST_GROUP}
        scores["gap"] = demographic_parity_gap(found, groups[0], **groups[1])
        scores["divergence"] = js_divergence_score(
            found, groups[0], bandwidth=study.bandwidth, **groups[1]
        )
    strength = getattr(fitted[-1], "fairness_alpha_", None)
    return scores, {"predicted": found, "group": study.group[test], "strength": strength}


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading compiled code."""
    from skweight.fairness import DistanceCovarianceClassifier, DistanceCovarianceRegressor

    generator = np.random.default_rng(SEED)
    X = generator.normal(size=(60, 2))
    columns = {"number": X[:, 0], "group": np.where(X[:, 1] > 0, "a", "b")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # One number is computed in another way than several columns.
        for sensitive in ({"number": X[:, 0]}, columns):
            given = {"sensitive_features": sensitive}
            DistanceCovarianceClassifier().fit(X, X[:, 0] > 0, **given)
            DistanceCovarianceRegressor(max_levels=5).fit(X, X[:, 0], **given)


def suits(column):
    """Say why this room is taken without being asked for: never, as it needs attributes."""
    return None


def study_of_table(table, options):
    """Build the study of a user's own table.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``sensitive``, ``exposure``, ``weights``, ``groups`` and ``folds``.

    Returns
    -------
    FairnessStudy
        With cross-validation splits.
    """
    from skweight._cli.rooms import fairness_table

    return fairness_table.study_of_table(table, options)


def to_save(outcome):
    """Give the candidate that ``--save`` writes, and words for it."""
    return outcome.ours, f"The pipeline of {CHOSEN!r}"


def predictions(pipeline, frame):
    """Give the predicted numbers of new rows, which need no attribute."""
    if not hasattr(pipeline[-1], "sensitive_encoder_"):
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import fairness_studies

    return fairness_studies.studies(quick)
