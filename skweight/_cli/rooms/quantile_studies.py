"""The real data of the quantile room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import of_loader
from skweight._cli.rooms import quantile
from skweight._cli.splits import cross_validation, separate_samples

_MOST_TEST_ROWS = 2000

# Of the 41 columns, those that tell most.
_AMES = [
    "Lot_Area",
    "Year_Built",
    "Year_Remod_Add",
    "Total_Bsmt_SF",
    "First_Flr_SF",
    "Second_Flr_SF",
    "Gr_Liv_Area",
    "Full_Bath",
    "Fireplaces",
    "Garage_Cars",
    "Garage_Area",
]


def studies(quick):
    """List functions that build the studies; `quick` takes two splits and fewer rows."""
    folds, parts, n_rows = (2, 2, 200) if quick else (5, 5, 400)
    few, many = partial(_folds, folds), partial(_samples, parts, n_rows)
    return [
        partial(build, split)
        for build, split in [(_diabetes, few), (_concrete, few), (_ames, many), (_diamonds, many)]
    ]


def _diabetes(split):
    from sklearn.datasets import load_diabetes

    story = (
        "scikit-learn's diabetes data: ten measurements of 442 patients, and how far the disease "
        "had gone a year later. Few rows and much noise: there is little to choose between models."
    )
    data = load_diabetes(as_frame=True)
    return _study("diabetes", "Diabetes a year later", story, data, split)


def _concrete(split):
    from skweight.datasets import load_concrete

    story = (
        "Compressive strength of concrete (MPa) by its ingredients and its age. Samples of one "
        "mixture stay in one fold."
    )
    data = load_concrete(as_frame=True)
    return _study("concrete", "Strength of concrete", story, data, split)


def _ames(split):
    from skweight.datasets import load_ames

    story = "Prices of houses in Ames, Iowa (dollars), by size, age, quality and neighbourhood."
    data = load_ames(as_frame=True)
    return _study("ames", "House prices in Ames", story, data, split, _AMES)


def _diamonds(split):
    from skweight.datasets import load_diamonds

    story = (
        "Prices of diamonds (dollars) by weight, cut, colour, clarity and size: the dearer, the "
        "less certain."
    )
    data = load_diamonds(as_frame=True)
    return _study("diamonds", "Prices of diamonds", story, data, split)


def _folds(folds, target, groups):
    """Cross-validate; give splits, overlap and words for the story."""
    splits = cross_validation(target, folds, groups, stratified=False)
    grouped = "grouped " if groups is not None else ""
    return splits, 1 / (folds - 1), f"{len(target)} rows, {folds}-fold {grouped}cross-validation."


def _samples(parts, n_train, target, groups):
    """Fit on small samples without a common row, and test all of them on the same other rows."""
    splits = separate_samples(len(target), parts, n_train, _MOST_TEST_ROWS)
    n_test = len(splits[0][1])
    told = f"{parts} samples of {n_train} rows without a common one, tested on {n_test} others."
    return splits, 0.0, told


def _study(name, title, story, data, split, names=None):
    """Build a study of what a loader gives with ``as_frame=True``."""
    target = np.asarray(data.target, dtype=np.float64)
    groups = data.get("groups")
    groups = None if groups is None else np.asarray(groups)
    splits, overlap, told = split(target, groups)
    frame, columns = of_loader(data.data if names is None else data.data[names])
    return quantile.study_of(
        quantile.LEVELS,
        min(len(train) for train, _ in splits),
        name=name,
        title=title,
        story=f"{story} {told}",
        frame=frame,
        columns=columns,
        target=target,
        weights=None,
        groups=groups,
        splits=splits,
        overlap=overlap,
    )
