"""COMPAS and adult as the comparisons use them: columns, attributes, groups and splits."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from skweight.datasets import load_adult, load_compas


@dataclass
class Rows:
    """Some rows of a data set.

    Attributes
    ----------
    X : ndarray of shape (n, n_columns)
        Features as numbers, without the protected attributes.
    y : ndarray of shape (n,)
        Labels, 0 or 1.
    sensitive : DataFrame
        Race, sex and age.
    """

    X: np.ndarray
    y: np.ndarray
    sensitive: object

    def take(self, rows):
        """Return some of the rows."""
        return Rows(self.X[rows], self.y[rows], self.sensitive.iloc[rows])


def compas():
    """Return all rows of COMPAS, counts as log(1 + count)."""
    data = load_compas(as_frame=True)
    X = data.data.copy()
    X["c_charge_degree"] = X["c_charge_degree"] == "F"
    counts = ["priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count"]
    X[counts] = np.log1p(X[counts])
    return Rows(X.to_numpy(dtype=float), data.target.to_numpy(), data.sensitive_features)


def adult():
    """Return all rows of adult without native_country, amounts as log(1 + amount)."""
    data = load_adult(as_frame=True)
    X = data.data.drop(columns="native_country")
    amounts = ["capital_gain", "capital_loss"]
    X[amounts] = np.log1p(X[amounts])
    columns = []
    for name in X:
        if X[name].dtype == "category":  # an indicator for each level but the first
            columns += [X[name] == level for level in X[name].cat.categories[1:]]
        else:
            columns.append(X[name])
    return Rows(np.column_stack(columns).astype(float), data.target.to_numpy(),
                data.sensitive_features)  # fmt: skip


SETS = {"compas": compas, "adult": adult}
# Rows to train on and to test on; None: all others.
SIZES = {"compas": (4320, None), "adult": (10_000, 20_000)}


def intersection(sensitive, names):
    """Return the intersection of nominal attributes as one array of words."""
    words = sensitive[names[0]].astype(str)
    for name in names[1:]:
        words = words + ", " + sensitive[name].astype(str)
    return words.to_numpy()


def split(rows, name, seed):
    """Split a data set into training and test rows, stratified by race and sex.

    Features are standardised by the training rows.

    Parameters
    ----------
    rows : Rows
        The data set.
    name : str
        Its name in `SIZES`.
    seed : int
        Which split.

    Returns
    -------
    train, test : Rows
        The two parts.
    """
    n_train, n_test = SIZES[name]
    strata = intersection(rows.sensitive, ["race", "sex"])
    kept, others = train_test_split(
        np.arange(len(rows.y)),
        train_size=n_train,
        test_size=n_test,
        random_state=seed,
        stratify=strata,
    )
    train, test = rows.take(kept), rows.take(others)
    mean, sd = train.X.mean(axis=0), np.maximum(train.X.std(axis=0), 1e-12)
    train.X, test.X = (train.X - mean) / sd, (test.X - mean) / sd
    return train, test
