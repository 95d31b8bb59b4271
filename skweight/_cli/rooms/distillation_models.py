"""What the distillation room compares: models in steps, the same without, and usual others."""

from functools import partial

import numpy as np

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED, folds_inside, groups_of, whole_groups

STEP = "learner"  # name of the last step of a pipeline of this room
PENALTIES = tuple(np.logspace(-3, 3, 13).tolist())
MOST_EXACT = 2000  # training rows; beyond, kernels are approximated
N_LANDMARKS = 500
_N_STEPS = 5
_N_TREES = 100
_BOOSTING = {"max_iter": 40, "max_leaf_nodes": 8, "random_state": SEED}

KERNEL, DEFAULT, LINEAR = "Kernel ridge", "Kernel ridge at alpha 1", "Linear ridge"
BOOSTING, LOGISTIC = "Boosting", "Logistic"
STUDENT = "Linear student of a forest"
_OF = {
    KERNEL: "of kernels",
    DEFAULT: "at alpha 1",
    LINEAR: "of linear models",
    BOOSTING: "of boosting",
    LOGISTIC: "of logistic regression",
}


def in_steps(name):
    """Name the candidate that is another one in steps."""
    return f"{name} in steps"


def candidates(outcome, exact, grouped):
    """List ours and what a user would otherwise pick for an outcome of some kind.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    exact : bool
        Whether training rows are few enough for kernels that are not approximated.
    grouped : bool
        Whether rows of one group must stay together.

    Returns
    -------
    candidates : list of Candidate
        Kernel ridge in steps first.
    notes : list of str
        What is left out or approximated, and why.
    """
    notes = []
    if not exact:
        notes.append(
            f"more than {MOST_EXACT} training rows: kernels are those of Nystroem with "
            f"{N_LANDMARKS} landmarks"
        )
    kind, kernel = ("Classifier" if outcome == "classes" else ""), "Kernel" if exact else ""
    how = "folds of whole groups" if grouped else "leave-one-out"
    kernels = f"SelfDistilled{kernel}Ridge{kind}"
    around = _logistic if outcome == "classes" else _boosting
    name = LOGISTIC if outcome == "classes" else BOOSTING
    model = "LogisticRegression" if outcome == "classes" else "HistGradientBoostingRegressor"
    ours = {
        KERNEL: (_kernel, f"{kernels}CV: penalty, step and weights by {how}"),
        DEFAULT: (_default, f"{kernels}: the default penalty of KernelRidge; step and weights by "
                  "leave-one-out"),
        LINEAR: (_linear, f"SelfDistilledRidge{kind}CV: penalty, step and weights by {how}"),
        name: (around, f"SelfDistillation of {model}: the weight by folds"),
    }  # fmt: skip
    if grouped:
        del ours[DEFAULT]
        notes.append(f"left out {in_steps(DEFAULT)!r}: its leave-one-out would part groups")
    theirs = {
        KERNEL: (_kernel, f"the same with n_steps=1, which is KernelRidge, its penalty by {how}"),
        DEFAULT: (_default, "the same with n_steps=1, which is KernelRidge(alpha=1)"),
        LINEAR: (_linear, f"Ridge{kind}CV: the penalty by {how}"),
        name: (around, model),
    }
    found = [
        Candidate(in_steps(name), partial(build, steps=True), ours=True, note=note)
        for name, (build, note) in ours.items()
    ]
    found += [
        Candidate(name, partial(build, steps=False), note=note)
        for name, (build, note) in theirs.items()
    ]
    if outcome == "classes":
        note = "DistilledClassifier: a linear model that learns the order of the classes"
        found.insert(len(ours), Candidate(STUDENT, _student, ours=True, note=note))
        found.append(Candidate(BOOSTING, _boosted_classes, note="HistGradientBoostingClassifier"))
        if exact:
            found.append(Candidate("Support vectors", _support_vectors, note="SVC"))
    return found, notes


def twins(found):
    """Give the pairs of candidates that differ in steps alone, by what they are."""
    names = {candidate.name for candidate in found}
    return {
        what: (in_steps(name), name)
        for name, what in _OF.items()
        if {name, in_steps(name)} <= names
    }


def learner(pipeline):
    """Give the model of a fitted pipeline, out of what scales its targets."""
    return getattr(pipeline[-1], "regressor_", pipeline[-1])


def _kernel(study, rows, *, steps):
    options = {"n_steps": _N_STEPS if steps else 1, "cv": whole_groups(groups_of(study, rows))}
    return _kernels(study, rows, "CV", PENALTIES, **options)


def _default(study, rows, *, steps):
    options = {"n_steps": 1}
    if steps:
        options = {"n_steps": _N_STEPS, "ground_truth_weight": "loo", "step_selection": "loo"}
    return _kernels(study, rows, "", 1.0, **options)


def _kernels(study, rows, search, penalties, **options):
    """Build a kernel ridge, of the rows or of features that approximate the kernel."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.kernel_approximation import Nystroem
    from sklearn.preprocessing import StandardScaler

    from skweight import distillation

    columns = encoder(study.columns)
    # A wider kernel than scikit-learn's default, with which many columns of text and noise leave
    # every row alone.
    gamma = 0.25 / columns.fit_transform(study.frame.iloc[rows]).shape[1]
    kind = f"Ridge{_kind(study)}{search}"
    features = []
    if study.exact:
        model = getattr(distillation, f"SelfDistilledKernel{kind}")
        model = model(penalties, gamma=gamma, **options)
    else:
        nystroem = Nystroem(gamma=gamma, n_components=N_LANDMARKS, random_state=SEED)
        features = [("kernel", nystroem)]
        model = getattr(distillation, f"SelfDistilled{kind}")
        model = model(penalties, fit_intercept=False, **options)
    if study.outcome == "numbers":  # there is no intercept
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return _pipeline(columns, model, features)


def _linear(study, rows, *, steps):
    from sklearn import linear_model

    from skweight import distillation

    cv = whole_groups(groups_of(study, rows))
    if steps:
        model = getattr(distillation, f"SelfDistilledRidge{_kind(study)}CV")
        model = model(PENALTIES, n_steps=_N_STEPS, cv=cv)
    else:
        model = getattr(linear_model, f"Ridge{_kind(study)}CV")(PENALTIES, cv=cv)
    return _pipeline(encoder(study.columns), model)


def _boosting(study, rows, *, steps):
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(categorical_features=_codes(study), **_BOOSTING)
    model = _distilled(study, rows, model) if steps else model
    return _pipeline(encoder(study.columns, native=True), model)


def _logistic(study, rows, *, steps):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=2000)
    model = _distilled(study, rows, model) if steps else model
    return _pipeline(encoder(study.columns), model)


def _student(study, rows):
    from sklearn.ensemble import ExtraTreesClassifier

    from skweight.distillation import DistilledClassifier

    forest = ExtraTreesClassifier(_N_TREES, min_samples_leaf=2, random_state=SEED)
    folds = whole_groups(groups_of(study, rows)) or 5  # or as many as the rarest class has rows
    student = DistilledClassifier(forest, cv=folds, alpha=1.0, tol=1e-4)
    return _pipeline(encoder(study.columns), student)


def _distilled(study, rows, model):
    from skweight.distillation import SelfDistillation

    folds = folds_inside(groups_of(study, rows), stratified=study.outcome == "classes")
    return SelfDistillation(model, cv=folds)


def _boosted_classes(study, rows):
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(categorical_features=_codes(study), **_BOOSTING)
    return _pipeline(encoder(study.columns, native=True), model)


def _support_vectors(study, rows):
    from sklearn.svm import SVC

    return _pipeline(encoder(study.columns), SVC())


def _kind(study):
    return "Classifier" if study.outcome == "classes" else ""


def _codes(study):
    return list(range(len(study.columns.categorical))) or None


def _pipeline(columns, model, features=()):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", columns), *features, (STEP, model)])
