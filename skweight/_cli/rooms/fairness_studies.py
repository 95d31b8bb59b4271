"""The data of the fairness room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns
from skweight._cli.rooms import fairness
from skweight._cli.splits import SEED, cross_validation

_N_TRAIN = 4320  # of the COMPAS rows, as in published comparisons


def studies(quick):
    """List functions that build the studies; `quick` takes two splits and fewer rows."""
    parts, n_rows = (2, 1500) if quick else (5, 3000)
    real = _compas if _at_hand() else _mortgages
    return [partial(real, parts), partial(_motor, parts, n_rows)]


def _at_hand():
    """Whether the package is installed that ships the COMPAS file."""
    from skweight.datasets import load_compas

    try:
        load_compas(return_X_y=True)
    except ImportError:
        return False
    return True


def _compas(parts):
    from sklearn.model_selection import StratifiedShuffleSplit

    from skweight.datasets import load_compas

    compas = load_compas(as_frame=True)
    frame = compas.data.copy()
    counts = [name for name in frame if name.endswith("_count")]
    frame[counts] = np.log1p(frame[counts])
    sensitive = _typed(compas.sensitive_features)
    splitter = StratifiedShuffleSplit(
        parts, train_size=_N_TRAIN, test_size=len(frame) - _N_TRAIN, random_state=SEED
    )
    strata = sensitive["race"] + sensitive["sex"]
    frame = _typed(frame)
    return fairness.study_of(
        "classes",
        name="compas",
        title="Arrests after a COMPAS score, by race, sex and age",
        story="Whether 6172 defendants in Florida were arrested again within two years, by earlier "
        "offences and the charge. A historical benchmark whose labels are known to be biased, and "
        f"no use case to copy. {parts} random splits into {_N_TRAIN} and {len(frame) - _N_TRAIN} "
        "rows, with equal shares of race x sex.",
        frame=frame,
        columns=_columns(frame),
        sensitive=sensitive,
        target=compas.target.to_numpy(),
        weights=None,
        splits=list(splitter.split(np.zeros(len(frame)), strata)),
        overlap=(len(frame) - _N_TRAIN) / _N_TRAIN,
    )


def _mortgages(folds):
    from skweight.datasets import load_hmda

    hmda = load_hmda(as_frame=True)
    frame, target = _typed(hmda.data), hmda.target.to_numpy()
    return fairness.study_of(
        "classes",
        name="mortgages",
        title="Denied mortgages in Boston, by race and marital status",
        story=f"Whether {len(frame)} applications for a mortgage were denied, by income, debts and "
        f"credit history; {folds}-fold cross-validation.",
        frame=frame,
        columns=_columns(frame),
        sensitive=_typed(hmda.sensitive_features),
        target=target,
        weights=None,
        splits=cross_validation(target, folds, stratified=True),
        overlap=1 / (folds - 1),
    )


def _motor(parts, n_train, n_test=10_000):
    from skweight.datasets import make_motor_portfolio

    n_rows = parts * n_train + n_test
    motor = make_motor_portfolio(n_rows, as_frame=True, random_state=SEED)
    rows = np.arange(n_rows)  # simulated one by one, so in no order
    test = rows[parts * n_train :]
    frame = _typed(motor.data)
    return fairness.study_of(
        "counts",
        name="motor",
        title="Claims of a simulated motor portfolio, by gender, region and age",
        story="How many claims a policy has in a year, with the exposure as weight. Rating factors "
        "stand in for the attributes one by one, U-shaped in age, and for gender and age together "
        f"only. {parts} samples of {n_train} policies without a common one, tested on {n_test} "
        "others.",
        frame=frame,
        columns=_columns(frame),
        sensitive=_typed(motor.sensitive_features),
        target=(motor.target / motor.exposure).to_numpy(),
        weights=motor.exposure / motor.exposure.mean(),
        splits=[(rows[part * n_train :][:n_train], test) for part in range(parts)],
        overlap=0.0,
    )


def _typed(frame):
    """Give numbers as float64 and all else as text."""
    return frame.astype(
        {
            name: "float64" if column.dtype.kind in "iuf" else object
            for name, column in frame.items()
        }
    )


def _columns(frame):
    numbers = [name for name, column in frame.items() if column.dtype.kind == "f"]
    return Columns(numbers, [name for name in frame if name not in numbers])
