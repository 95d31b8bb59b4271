"""Distributions of the outcome by ensembles: tails that are learned, and normal ones."""

import warnings

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import load_concrete, load_diamonds
from skweight.quantile import GeneralizedGaussianRegressor

OPTIONS = {"hidden_layer_sizes": (50,), "max_iter": 150, "early_stopping": True}
# The same networks and data for each.
MODELS = {
    "GeneralizedGaussianRegressor": {},
    "the same without epistemic term": {"epistemic_weight": 0.0},
    "the same, normal (shape 2)": {"shape_bounds": (2.0, 2.0)},
    "normal without epistemic term": {"shape_bounds": (2.0, 2.0), "epistemic_weight": 0.0},
}


def sine(noise, n=1500):
    """Return rows and outcomes around a sine, whose spread grows to both sides."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(n, 1))
    draw = rng.laplace(size=n) if noise == "Laplace" else rng.standard_t(3, size=n)
    return X, np.sin(3 * X[:, 0]) + (0.1 + 0.2 * np.abs(X[:, 0])) * draw


def tables(quick):
    """Return rows and outcomes by name, at most 1500 of them."""
    found = {"sine, Laplace": sine("Laplace"), "sine, t(3)": sine("t")}
    if not quick:
        loaders = {"diabetes": load_diabetes, "concrete": load_concrete, "diamonds": load_diamonds}
        for name, load in loaders.items():
            X, y = load(return_X_y=True)
            X = X.select_dtypes("number") if hasattr(X, "select_dtypes") else X
            rows = np.random.default_rng(0).permutation(len(X))[:1500]
            found[name] = np.asarray(X, dtype=float)[rows], np.asarray(y, dtype=float)[rows]
    return found


def scores(X, y, n_splits):
    """Return log likelihoods and shares in the 90 % interval of test rows, (model, 2, split)."""
    found = []
    for train, test in ShuffleSplit(n_splits, test_size=0.3, random_state=0).split(X):
        row = []
        for options in MODELS.values():
            net = GeneralizedGaussianRegressor(**OPTIONS, **options, random_state=0)
            model = make_pipeline(StandardScaler(), net)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X[train], y[train])
            rows = model[0].transform(X[test])
            low, high = net.predict_quantile(rows, [0.05, 0.95]).T
            inside = (low <= y[test]) & (y[test] <= high)
            row.append([net.score_samples(rows, y[test]).mean(), inside.mean()])
        found.append(row)
    return np.moveaxis(np.array(found), 0, -1)


def section(quick, targets):
    """Return the report's section, and check that learned tails pay."""
    rows, wins = [], {}
    for name, (X, y) in tables(quick).items():
        found = scores(X, y, 1 if quick else 3)
        gain = found[0, 0] - found[2, 0]
        wins[name] = gain.mean() > 0
        for model, (likelihood, inside) in zip(MODELS, found, strict=True):
            rows.append([name, model, figure(likelihood), figure(inside)])
    made = [name for name in wins if name.startswith("sine")]
    text = ", ".join(f"{name} {'yes' if won else 'no'}" for name, won in wins.items())
    targets.check(
        "log likelihood above that of normal tails on the made data"
        + ("" if quick else " and on two real sets at least"),
        text,
        all(wins[name] for name in made) and (quick or sum(wins.values()) - len(made) >= 2),
    )
    table = _report.table(["data", "model", "log likelihood", "in the 90 % interval"], rows)
    return f"""## Distributions whose tails are learned

Rows of three random splits that were held out, means with standard errors.

{table}"""
