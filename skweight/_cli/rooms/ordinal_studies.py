"""The real data of the ordinal room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import Columns
from skweight._cli.evaluate import Study
from skweight._cli.rooms import ordinal


def studies(quick):
    """List functions that build the studies; `quick` takes two folds instead of five."""
    folds = 2 if quick else 5
    return [partial(build, folds) for build in (_diabetes, _soup, _crashes)]


def _diabetes(folds):
    from skweight.datasets import load_diabetes_progression

    story = (
        "scikit-learn's diabetes data: ten measurements of 442 patients and how far the disease "
        "had gone a year later, cut into five stages of which the last is rare. Few rows: what "
        "the common stages teach about the rare one should count most here."
    )
    data = load_diabetes_progression(as_frame=True)
    return _study("diabetes", "Diabetes, a rare last stage", story, data, folds)


def _soup(folds):
    from skweight.datasets import load_soup

    story = (
        "185 people tasted soups and said how sure they were that a sample was not, or was, the "
        "reference. All answers of one person stay in one fold."
    )
    data = load_soup(as_frame=True)
    return _study("soup", "Soup, how sure are the tasters?", story, data, folds)


def _crashes(folds):
    from skweight.datasets import load_nass_cds

    story = (
        "Front-seat occupants in car crashes in the United States, 1997 to 2002, from uninjured "
        "to killed, with the weights of the survey in fitting and scoring. Many rows: a flexible "
        "model can learn the interactions that a linear one lacks. Occupants of one vehicle stay "
        "in one fold."
    )
    data = load_nass_cds(as_frame=True)
    return _study("crashes", "Crashes, who is killed?", story, data, folds)


def _study(name, title, story, data, folds):
    """Turn one loaded data set into a study with cross-validation."""
    frame = data.data.copy()
    kinds = {column: frame[column].dtype.kind in "iuf" for column in frame.columns}
    for column, is_number in kinds.items():
        frame[column] = (
            frame[column]
            .astype("float64" if is_number else str)
            .astype("float64" if is_number else object)
        )
    columns = Columns(
        [column for column in kinds if kinds[column]],
        [column for column in kinds if not kinds[column]],
    )
    frame = frame[columns.names].reset_index(drop=True)
    order = np.array([str(label) for label in data.target_names])
    labels = order[ordinal.ranks(np.asarray(data.target), np.asarray(data.class_order))]
    weights, groups = data.sample_weight, data.groups
    if weights is not None:
        weights = np.asarray(weights, dtype=np.float64)
        keep = weights > 0
        frame, labels, weights = frame[keep].reset_index(drop=True), labels[keep], weights[keep]
        groups = None if groups is None else np.asarray(groups)[keep]
        weights = weights / weights.mean()
    splits = ordinal.cross_validation(labels, folds, groups)
    last = np.mean(labels == order[-1])
    story += f" {len(labels)} rows, {last:.1%} in the last level, {folds}-fold cross-validation."
    candidates = ordinal.candidates(len(labels))
    parts = frame, columns, labels, order, weights, splits, candidates
    return Study(name, title, story, *parts, overlap=1 / (folds - 1))
