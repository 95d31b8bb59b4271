"""The data of the privacy room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns
from skweight._cli.rooms import privacy
from skweight._cli.splits import SEED, cross_validation

# Hundreds of years, tens of thousands of dollars, illnesses, days off work, and a health score of
# which 6 is bad. What lies beyond counts as the bound: tight ones make common answers differ more.
_VISIT_BOUNDS = {
    "age": (0, 1),
    "income": (0, 1.5),
    "illness": (0, 5),
    "reduced": (0, 3),
    "health": (0, 6),
}


def studies(quick):
    """List functions that build the studies; `quick` takes two splits."""
    return [partial(_digits, 2 if quick else 10), partial(_visits, 2 if quick else 10)]


def _digits(parts):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedShuffleSplit

    digits = load_digits(as_frame=True)
    splitter = StratifiedShuffleSplit(parts, test_size=0.3, random_state=SEED)
    frame, target = digits.data.astype("float64"), digits.target.to_numpy()
    return privacy.study_of(
        [1.0, 0.1, 0.3, 3.0],  # the one under test comes first
        1e-5,
        bounds=np.array([np.zeros(64), np.full(64, 16.0)]),
        public_classes=list(range(10)),
        name="digits",
        title="Handwritten digits",
        story="1797 digits of 8 x 8 pixels, each from 0 to 16, which is public as ten digits are. "
        f"{parts} random splits, 70% for fitting.",
        frame=frame,
        columns=Columns(list(frame), []),
        target=target,
        splits=list(splitter.split(frame, target)),
        overlap=3 / 7,
    )


def _visits(folds):
    from skweight.datasets import load_doctor_visits

    visits = load_doctor_visits(as_frame=True)
    frame = visits.data.copy()
    for name in frame:
        if name not in _VISIT_BOUNDS:  # two answers each
            frame[name] = frame[name].astype(str).isin(["yes", "female"])
    frame = frame.astype("float64")
    bounds = np.array([_VISIT_BOUNDS.get(name, (0, 1)) for name in frame], dtype=np.float64).T
    target = np.where(visits.target.astype(str).to_numpy() == "0", "none", "some")
    return privacy.study_of(
        [0.1, 0.01, 0.03, 0.3],
        1e-6,
        bounds=bounds,
        public_classes=["none", "some"],
        name="doctor visits",
        title="Who saw a doctor?",
        story=f"Whether {len(frame)} people in Australia saw a doctor within two weeks (one in "
        "five did), by age, income, illnesses and insurance. Bounds cut large answers, "
        f"such as days off work at 3. {folds}-fold cross-validation.",
        frame=frame,
        columns=Columns(list(frame), []),
        target=target,
        splits=cross_validation(target, folds, stratified=True),
        overlap=1 / (folds - 1),
    )
