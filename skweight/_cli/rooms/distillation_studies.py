"""The real data of the distillation room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns, of_loader
from skweight._cli.rooms import distillation
from skweight._cli.splits import SEED, separate_samples

_MOST_TEST_ROWS = 1000
_TARGET_NOISE = 1.0  # as large as the targets' own spread
_LABEL_NOISE = 0.4


def studies(quick):
    """List functions that build the studies; `quick` takes two splits and fewer rows."""
    parts, n_rows = (2, 200) if quick else (5, 400)
    return [
        partial(_diabetes, parts, 0.0),
        partial(_diabetes, parts, _TARGET_NOISE),
        partial(_diamonds, parts, n_rows, 0.0),
        partial(_diamonds, parts, n_rows, _TARGET_NOISE),
        partial(_digits, 2 if quick else 5),
    ]


def _diabetes(parts, noise):
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import ShuffleSplit

    data = load_diabetes(as_frame=True)
    splitter = ShuffleSplit(parts, test_size=0.25, random_state=SEED)
    splits = list(splitter.split(data.data))
    n_train, n_test = map(len, splits[0])
    return _numbers(
        "diabetes",
        "Diabetes a year later",
        "scikit-learn's diabetes data: ten measurements of 442 patients, and how far the disease "
        f"had gone a year later. {parts} random splits into {n_train} and {n_test} rows.",
        noise,
        frame=data.data,
        columns=Columns(list(data.data), []),
        target=data.target.to_numpy(),
        splits=splits,
        overlap=n_test / n_train,
    )


def _diamonds(parts, n_train, noise):
    from skweight.datasets import load_diamonds

    data = load_diamonds(as_frame=True)
    frame, columns = of_loader(data.data)
    splits = separate_samples(len(data.target), parts, n_train, _MOST_TEST_ROWS)
    return _numbers(
        "diamonds",
        "Prices of diamonds",
        "Logarithms of the prices of diamonds, by weight, cut, colour, clarity and size. "
        f"{parts} samples of {n_train} rows without a common one, tested on {len(splits[0][1])} "
        "others.",
        noise,
        frame=frame,
        columns=columns,
        target=np.log(data.target.to_numpy()),
        splits=splits,
        overlap=0.0,
    )


def _numbers(name, title, story, noise, **parts):
    """Build a study of numbers, with noise or without."""
    if noise:
        name, title = f"{name}, noise", f"{title}, with noise"
        story += (
            " Noise as large as the spread of the targets is on those of the training rows, none "
            "on those of the test rows."
        )
    return distillation.study_of(
        "numbers", name=name, title=title, story=story, noise=noise, weights=None, **parts
    )


def _digits(parts, n_train=250):
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True)
    splits = separate_samples(len(digits.target), parts, n_train, _MOST_TEST_ROWS)
    return distillation.study_of(
        "classes",
        name="digits, noise",
        title="Handwritten digits, with wrong labels",
        story=f"Digits of 8 x 8 pixels. {parts} samples of {n_train} without a common one, "
        f"{_LABEL_NOISE:.0%} of whose labels are drawn anew, tested on {len(splits[0][1])} others "
        "with the right labels.",
        noise=_LABEL_NOISE,
        frame=digits.data.astype("float64"),
        columns=Columns(list(digits.data), []),
        target=digits.target.to_numpy(),
        weights=None,
        splits=splits,
        overlap=0.0,
    )
