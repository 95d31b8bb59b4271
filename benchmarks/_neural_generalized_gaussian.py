"""Distributions by lines, ensembles and values of states: tails that are learned or normal."""

import warnings

import numpy as np
from scipy.stats import laplace, t
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import _neural_generalized_gaussian_lines as lines
from benchmarks import _neural_generalized_gaussian_values as values
from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import load_concrete, load_cps_wages, load_diamonds
from skweight.quantile import GeneralizedGaussianRegressor

MADE_ROWS, MOST_ROWS = 600, 1500
NOISES = {"Laplace": laplace(), "t(3)": t(3)}


class NormalRegressor(GeneralizedGaussianRegressor):
    """The same networks with normal errors, by torch's loss times a power of the variance.

    The power is the beta of Seitzer et al. (2022), "On the pitfalls of heteroscedastic uncertainty
    estimation with probabilistic neural networks". Rows held out are always judged by likelihood.
    """

    beta = 0.0

    def _criterion(self):
        import torch

        beta = self.beta

        class Loss(torch.nn.GaussianNLLLoss):
            def forward(self, output, target, weight=None):
                loc, scale, _ = output.unbind(dim=1)
                variance = scale**2 / 2
                loss = super().forward(loc, target[:, None].expand_as(loc), variance)
                return (variance.detach() ** (beta * torch.is_grad_enabled()) * loss).mean()

        return Loss(reduction="none")


class BetaNormalRegressor(NormalRegressor):
    """The same with the power that its authors advise."""

    beta = 0.5


LEARNED, NORMAL = "GeneralizedGaussianRegressor", "normal, GaussianNLLLoss"
OPTIONS = {"hidden_layer_sizes": (50,), "early_stopping": True, "random_state": 0}
PROGRAM = {"epistemic_weight": 0.1, "detach_weights": False}
PLAIN = {"shape_bounds": (2.0, 2.0), "epistemic_weight": 0.0}
# Of one size, step and rule of stopping, and on the same data.
MODELS = {
    LEARNED: GeneralizedGaussianRegressor(**OPTIONS),
    "with epistemic_weight=.1, detach_weights=False": GeneralizedGaussianRegressor(
        **OPTIONS, **PROGRAM
    ),
    NORMAL: NormalRegressor(**OPTIONS, **PLAIN),
    "normal, beta-NLL (.5)": BetaNormalRegressor(**OPTIONS, **PLAIN),
}


def spread(X):
    """Return the scale of the errors around the sine, which grows to both sides."""
    return 0.1 + 0.2 * np.abs(X[:, 0])


def sine(noise, n):
    """Return rows and outcomes around a sine."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(n, 1))
    return X, np.sin(3 * X[:, 0]) + spread(X) * noise.rvs(size=n, random_state=rng)


def tables(quick):
    """Return rows and outcomes by name, not too many of them."""
    found = {
        f"sine, {name}": sine(noise, 200 if quick else MOST_ROWS) for name, noise in NOISES.items()
    }
    loaders = {
        "diabetes": load_diabetes,
        "concrete": load_concrete,
        "diamonds": load_diamonds,
        "wages": load_cps_wages,
    }
    for name, load in {} if quick else loaders.items():
        X, y = load(return_X_y=True)
        X = X.select_dtypes("number") if hasattr(X, "select_dtypes") else X
        rows = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]
        found[name] = np.asarray(X, dtype=float)[rows], np.asarray(y, dtype=float)[rows]
    return found


def scores(X, y, n_splits):
    """Return log likelihoods and shares in the 90 % interval of test rows, (model, 2, split)."""
    found = []
    for train, test in splits(X, n_splits):
        row = []
        for net in map(clone, MODELS.values()):
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


def splits(X, n_splits):
    """Return random splits into rows to train on and rows held out."""
    return ShuffleSplit(n_splits, test_size=0.3, random_state=0).split(X)


def truth(name, X, y, n_splits):
    """Return log likelihoods of test rows by what made them."""
    errors = (y - np.sin(3 * X[:, 0])) / spread(X)
    likelihood = NOISES[name.removeprefix("sine, ")].logpdf(errors) - np.log(spread(X))
    return [likelihood[test].mean() for _, test in splits(X, n_splits)]


def section(quick, targets):
    """Return the report's section, and check that learned tails pay."""
    rows, gains = [], {}
    n_splits, data = 1 if quick else 3, tables(quick)
    for name, (X, y) in data.items():
        found = dict(zip(MODELS, scores(X, y, n_splits), strict=True))
        gains[name] = found[LEARNED][0] - found[NORMAL][0]
        for model, (likelihood, inside) in found.items():
            rows.append([name, model, figure(likelihood), figure(inside, ".3f")])
        if name.startswith("sine"):
            rows.append([name, "the truth", figure(truth(name, X, y, n_splits)), ""])
    won = [name for name, gain in gains.items() if gain.mean() > 0]
    real = [name for name in won if not name.startswith("sine")]
    if not quick:
        targets.check(
            "log likelihood above that of normal tails on the made data and on two real sets",
            ", ".join(f"{name} {figure(gain)}" for name, gain in gains.items()),
            len(won) - len(real) == len(NOISES) and len(real) >= 2,
        )
    table = _report.table(["data", "model", "log likelihood", "in the 90 % interval"], rows)
    real_data = {name: found for name, found in data.items() if quick or "sine" not in name}
    return f"""## Distributions whose tails are learned

Rows of three random splits that were held out, means with standard errors.

{table}

Lines on the same data, standardised: losses are minus the mean log likelihood of the rows that were
fitted, seconds the least CPU time of one fit.

{lines.section(real_data, targets)}

Values of {values.N_STATES} states from {values.N_ROWS} transitions, whose rewards have errors
of t(2): means over seeds with standard errors.

{values.section(quick, targets)}"""
