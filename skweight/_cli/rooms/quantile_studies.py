"""The real data of the quantile room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns
from skweight._cli.rooms import quantile


def studies(quick):
    """List functions that build the studies; `quick` takes two splits and fewer rows."""
    folds, n_rows = (2, 300) if quick else (5, 1200)
    return [partial(build, folds, n_rows) for build in (_diabetes, _concrete, _ames, _diamonds)]


def _diabetes(folds, n_rows):
    from sklearn.datasets import load_diabetes

    story = (
        "scikit-learn's diabetes data: ten measurements of 442 patients, and how far the disease "
        "had gone a year later. Few rows and much noise: there is little to choose between models."
    )
    data = load_diabetes(as_frame=True)
    return _study("diabetes", "Diabetes a year later", story, data, folds, n_rows)


def _concrete(folds, n_rows):
    from skweight.datasets import load_concrete

    story = (
        "Compressive strength of concrete (MPa) by its ingredients and its age. Samples of one "
        "mixture stay in one fold."
    )
    data = load_concrete(as_frame=True)
    return _study("concrete", "Strength of concrete", story, data, folds, n_rows)


def _ames(folds, n_rows):
    from skweight.datasets import load_ames

    story = "Prices of houses in Ames, Iowa (dollars), by size, age, quality and neighbourhood."
    data = load_ames(as_frame=True)
    return _study("ames", "House prices in Ames", story, data, folds, n_rows, _AMES)


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


def _diamonds(folds, n_rows):
    from skweight.datasets import load_diamonds

    story = (
        "Prices of diamonds (dollars) by weight, cut, colour, clarity and size: the dearer, the "
        "less certain."
    )
    data = load_diamonds(as_frame=True)
    return _study("diamonds", "Prices of diamonds", story, data, folds, n_rows)


def _study(name, title, story, data, folds, n_rows, names=None):
    """Cross-validate on a random part of the rows that a loader gives with ``as_frame=True``."""
    values = np.asarray(data.target, dtype=np.float64)
    names = list(data.data) if names is None else [name for name in names if name in data.data]
    rows = np.arange(len(values))
    if len(rows) > n_rows:
        rows = np.sort(np.random.default_rng(quantile.SEED).permutation(rows)[:n_rows])
        story += f" A random {n_rows} of {len(values)} rows"
    else:
        story += f" {len(rows)} rows"
    groups = data.get("groups")
    groups = None if groups is None else np.asarray(groups)[rows]
    splits = quantile.cross_validation(len(rows), folds, groups)
    numbers = [name for name in names if data.data[name].dtype.kind in "iuf"]
    columns = Columns(numbers, [name for name in names if name not in numbers])
    frame = data.data[columns.names].iloc[rows].reset_index(drop=True)
    frame = frame.astype({name: "float64" if name in numbers else str for name in columns.names})
    frame = frame.astype(dict.fromkeys(columns.categorical, object))
    return quantile.study_of(
        quantile.LEVELS,
        min(len(train) for train, _ in splits),
        name=name,
        title=title,
        story=f"{story}, {folds}-fold {'grouped ' if groups is not None else ''}cross-validation.",
        frame=frame,
        columns=columns,
        target=values[rows],
        weights=None,
        groups=groups,
        splits=splits,
        overlap=1 / (folds - 1),
    )
