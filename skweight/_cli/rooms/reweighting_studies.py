"""The real data of the reweighting room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns, of_loader
from skweight._cli.rooms import reweighting
from skweight._cli.splits import SEED, separate_samples

_MOST_TEST_ROWS = 1000
_LABEL_NOISE = 0.4  # drawn anew, so that half of them are wrong


def studies(quick):
    """List functions that build the studies; `quick` takes fewer splits and rows."""
    parts, n_rows = (2, 200) if quick else (5, 400)
    return [
        partial(_tumours, parts, 0.0),
        partial(_tumours, parts, _LABEL_NOISE),
        partial(_diamonds, parts, n_rows),
    ]


def _tumours(parts, noise):
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import StratifiedShuffleSplit

    data = load_breast_cancer(as_frame=True)
    target = np.asarray(data.target_names)[data.target]
    splitter = StratifiedShuffleSplit(parts, test_size=0.5, random_state=SEED)
    splits = list(splitter.split(data.data, target))
    n_train, n_test = map(len, splits[0])
    name, title, labels = "tumours", "Tumours", ""
    if noise:
        name, title = "tumours, noise", "Tumours, with wrong labels"
        labels = (
            f" {noise:.0%} of the labels of training rows are drawn anew, half of which are wrong "
            "then; those of test rows are right."
        )
    return reweighting.study_of(
        "classes",
        name=name,
        title=title,
        story="scikit-learn's breast cancer data: thirty measurements of 569 tumours, benign or "
        f"malignant. {parts} random splits into {n_train} and {n_test} rows.{labels}",
        noise=noise,
        frame=data.data,
        columns=Columns(list(data.data), []),
        target=target,
        weights=None,
        splits=splits,
        overlap=n_test / n_train,
    )


def _diamonds(parts, n_train):
    from skweight.datasets import load_diamonds

    data = load_diamonds(as_frame=True)
    frame, columns = of_loader(data.data)
    splits = separate_samples(len(data.target), parts, n_train, _MOST_TEST_ROWS)
    return reweighting.study_of(
        "numbers",
        name="diamonds",
        title="Prices of diamonds",
        story="Logarithms of the prices of diamonds, by weight, cut, colour, clarity and size. "
        f"{parts} samples of {n_train} rows without a common one, tested on {len(splits[0][1])} "
        "others.",
        frame=frame,
        columns=columns,
        target=np.log(data.target.to_numpy()),
        weights=None,
        splits=splits,
        overlap=0.0,
    )
