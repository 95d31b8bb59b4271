"""COMPAS by fair networks, beside linear models with the same penalty: held-out frontiers."""

import warnings

import numpy as np
from sklearn.metrics import log_loss

from benchmarks import _fairness_sets as sets
from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.fairness import (
    DistanceCovarianceClassifier,
    FairNeuralClassifier,
    dependence_score,
)

STRENGTHS = (0, 10, 20, 40)
# Shares of the plain network's dependence at which losses are compared.
SHARES = (0.5, 0.25)
NET = {
    "hidden_layer_sizes": (32,),
    "learning_rate_init": 5e-3,
    "max_iter": 15,
    "n_iter_no_change": 15,
    "random_state": 0,
}
MODELS = {
    "linear, V of all rows": DistanceCovarianceClassifier(),
    "network, U of 200 rows": FairNeuralClassifier(**NET),
    "network, V of 200 rows": FairNeuralClassifier(statistic="V", **NET),
    "network, V of 50 rows": FairNeuralClassifier(statistic="V", batch_size=50, **NET),
}


def run(seeds):
    """Return log-loss, CCdCov_U and deviation of held-out probabilities by model.

    Parameters
    ----------
    seeds : int
        Splits.

    Returns
    -------
    dict of str to ndarray of shape (n_seeds, n_strengths, 3)
        The figures.
    """
    rows = sets.compas()
    figures = {name: [] for name in MODELS}
    for seed in range(seeds):
        train, test = sets.split(rows, "compas", seed)
        for name, model in MODELS.items():
            figures[name].append([_measure(model, s, train, test) for s in STRENGTHS])
    return {name: np.array(values) for name, values in figures.items()}


def _measure(model, strength, train, test):
    model.set_params(fairness_alpha=strength)
    model.fit(train.X, train.y, sensitive_features=train.sensitive)
    p = model.predict_proba(test.X)[:, 1]
    score = dependence_score(p, test.sensitive, encoder=model.sensitive_encoder_)
    return log_loss(test.y, p), score, p.std()


def table(figures):
    """Return the table of means and standard errors, a row for each model and strength."""
    rows = []
    for name, values in figures.items():
        for k, strength in enumerate(STRENGTHS):
            loss, score, sd = values[:, k].T
            row = (figure(loss), figure(1e3 * score, ".2f"), figure(sd, ".3f"))
            rows.append((name, strength, *row))
    header = ["model", "strength", "log-loss", "1000 CCdCov_U", "sd of p"]
    return _report.table(header, rows)


def matched(figures):
    """Return the losses at shares of the plain network's dependence, by interpolation."""
    plain = figures["network, U of 200 rows"][:, 0, 1]
    rows = []
    for name, values in figures.items():
        row = [name]
        for share in SHARES:
            losses = []
            for value, target in zip(values, share * plain):
                order = np.argsort(value[:, 1])
                score, loss = value[order, 1], value[order, 0]
                inside = score[0] <= target <= score[-1]
                losses.append(np.interp(target, score, loss) if inside else np.nan)
            reached = np.isfinite(losses)
            row.append(figure(losses) if reached.all() else f"reached in {reached.sum()} splits")
        rows.append(row)
    header = ["model", *(f"log-loss at {share:.0%} of the dependence" for share in SHARES)]
    return _report.table(header, rows)


def section(quick, targets):
    """Run all splits and return the report's section; there is no target to meet."""
    title = "## Fair networks on COMPAS\n\n"
    seeds = 1 if quick else 5
    try:
        import torch  # noqa: F401

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figures = run(seeds)
    except ImportError as error:
        return f"{title}Not run here: {error}."
    return f"""{title}{seeds} split(s) of 6172 rows, 4320 to train on, stratified by race and sex.
Race (4 levels), sex and age are the attributes, and no features. The linear model is fitted to the
optimum; networks have one hidden layer of 32 units and 15 epochs of Adam. Means over the splits and
their standard errors, on rows held out.

{table(figures)}

The same by interpolation, at shares of the dependence of the network without a penalty:

{matched(figures)}"""
