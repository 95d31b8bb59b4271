"""The real data of the ordinal room's tour."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from skweight._cli.columns import Columns, of_loader
from skweight._cli.rooms import ordinal
from skweight._cli.splits import SEED, cross_validation


def studies(quick):
    """List functions that build the studies; `quick` takes two splits instead of more."""
    folds, parts = (2, 2) if quick else (5, 10)
    # The quickest first: what they leave of their time goes to those after them.
    builders = [(_diabetes, folds), (_few_crashes, parts), (_crashes, folds), (_soup, folds)]
    return [partial(build, n_splits) for build, n_splits in builders]


def _diabetes(folds):
    from skweight.datasets import load_diabetes_progression

    story = (
        "scikit-learn's diabetes data: ten measurements of 442 patients and how far the disease "
        "had gone a year later, cut into five stages of which the last is rare."
    )
    table = _table(load_diabetes_progression(as_frame=True))
    return _cross_validated("diabetes", "Diabetes, a rare last stage", story, table, folds)


def _soup(folds):
    from skweight.datasets import load_soup

    story = (
        "185 people tasted soups and said how sure they were that a sample was not, or was, the "
        "reference. All answers of one person stay in one fold."
    )
    table = _table(load_soup(as_frame=True))
    return _cross_validated("soup", "Soup, how sure are the tasters?", story, table, folds)


def _crashes(folds):
    from skweight.datasets import load_nass_cds

    story = (
        "Front-seat occupants in car crashes in the United States, 1997 to 2002, from uninjured "
        "to killed, with the weights of the survey in fitting and scoring. Many rows: nothing "
        "has to be borrowed from common outcomes. Occupants of one vehicle stay in one fold."
    )
    table = _table(load_nass_cds(as_frame=True))
    title = "All crashes, with survey weights"
    return _cross_validated("all crashes", title, story, table, folds)


def _few_crashes(n_parts, n_rows=400, n_test=10_000):
    from skweight.datasets import load_nass_cds

    story = (
        "The same question with little to learn from, as most studies have it: the models see "
        f"{n_rows} crashes, in which some 17 people died, and are scored on {n_test} others. "
        f"{n_parts} such samples without a common row; no weights."
    )
    table = _table(load_nass_cds(as_frame=True))
    # Whole vehicles in random order, so that none is on both sides.
    generator = np.random.default_rng(SEED)
    vehicles, vehicle = np.unique(table.groups, return_inverse=True)
    rows = np.argsort(generator.permutation(len(vehicles))[vehicle], kind="stable")
    test = rows[-n_test:]
    splits = [(rows[part * n_rows :][:n_rows], test) for part in range(n_parts)]
    name, title = f"{n_rows} crashes", f"{n_rows} crashes, who is killed?"
    return _study(name, title, story, table, None, splits, overlap=0.0)


@dataclass
class _Table:
    """A loaded data set in the form of a user's table; the fields are those of a `Study`."""

    frame: object
    columns: Columns
    labels: np.ndarray
    order: np.ndarray
    weights: np.ndarray | None
    groups: np.ndarray | None


def _table(data):
    """Turn what a loader gives with ``as_frame=True`` into a table without useless rows."""
    order = np.array([str(label) for label in data.target_names])
    labels = order[ordinal.ranks(np.asarray(data.target), np.asarray(data.class_order))]
    frame, columns = of_loader(data.data)
    weights, groups = data.sample_weight, data.groups
    keep = np.ones(len(labels), dtype=bool) if weights is None else np.asarray(weights) > 0
    if weights is not None:
        weights = np.asarray(weights, dtype=np.float64)[keep]
        weights = weights / weights.mean()
    groups = None if groups is None else np.asarray(groups)[keep]
    return _Table(frame[keep].reset_index(drop=True), columns, labels[keep], order, weights, groups)


def _cross_validated(name, title, story, table, folds):
    splits = cross_validation(table.labels, folds, table.groups, stratified=True)
    last = np.mean(table.labels == table.order[-1])
    story += (
        f" {len(table.labels)} rows, {last:.1%} in the last level, {folds}-fold cross-validation."
    )
    return _study(name, title, story, table, table.weights, splits, overlap=1 / (folds - 1))


def _study(name, title, story, table, weights, splits, overlap):
    return ordinal.OrdinalStudy(
        name=name,
        title=title,
        story=story,
        frame=table.frame,
        columns=table.columns,
        target=table.labels,
        order=table.order,
        weights=weights,
        splits=splits,
        candidates=ordinal.candidates(len(splits[0][0])),
        measures=ordinal.MEASURES,
        overlap=overlap,
    )
