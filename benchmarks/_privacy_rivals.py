"""Private classifiers of other packages, run as a script of its own in another environment.

``python _privacy_rivals.py diffprivlib|opacus FILE`` reads rows, labels and splits from the file
and writes accuracies and CPU seconds, as JSON, on its last line. It imports nothing of ours.
"""

import functools
import json
import sys
import time
import warnings

import numpy as np

EPSILONS = (0.5, 1.0, 3.0)
DELTA = 1e-5
PENALTIES = (1e-3, 1e-2, 0.1, 1.0, 10.0)  # C of the logistic regression
# Epochs and rows a step of DP-SGD; of the learning rates that were tried, this was the best.
RECIPES = ((5, 256), (10, 256), (20, 256), (40, 256), (40, 512))
RATE, NORM = 4.0, 1.0


def clock(prepare, fit, X, y, splits):
    """Return accuracies over splits, the least CPU seconds of a fit, and those before the first."""
    start = time.process_time()
    prepared = prepare(int(splits[0].sum()))
    before = time.process_time() - start
    scores, seconds = [], []
    for train in splits:
        start = time.process_time()
        predict = fit(X[train], y[train], prepared)
        seconds.append(time.process_time() - start)
        scores.append(float((predict(X[~train]) == y[~train]).mean()))
    return scores, min(seconds), before


def diffprivlib_fits(epsilon):
    """Return what diffprivlib's classifiers do before a fit (nothing), and in it, by name."""
    from diffprivlib.accountant import BudgetAccountant
    from diffprivlib.models import GaussianNB, LogisticRegression

    def naive_bayes(X, y, prepared):
        bounds = -np.ones(X.shape[1]), np.ones(X.shape[1])
        model = GaussianNB(epsilon=epsilon, bounds=bounds, accountant=BudgetAccountant())
        return model.fit(X, y).predict

    def logistic(X, y, prepared, C):
        accountant = BudgetAccountant()
        model = LogisticRegression(epsilon=epsilon, data_norm=1.0, C=C, accountant=accountant)
        model.fit(unit_rows(X), y)
        return lambda Z: model.predict(unit_rows(Z))

    fits = {"GaussianNB": naive_bayes}
    for C in PENALTIES:
        fits[f"LogisticRegression, C = {C:g}"] = functools.partial(logistic, C=C)
    return {name: (lambda n: None, fit) for name, fit in fits.items()}


def opacus_fits(epsilon):
    """Return what DP-SGD of a softmax regression does before and in a fit, by recipe."""
    import torch
    from opacus import PrivacyEngine
    from opacus.accountants.utils import get_noise_multiplier

    torch.set_num_threads(1)

    def prepare(n, epochs, batch):
        return get_noise_multiplier(
            target_epsilon=epsilon,
            target_delta=DELTA,
            sample_rate=1 / -(-n // batch),
            epochs=epochs,
        )

    def fit(X, y, multiplier, epochs, batch):
        rows = torch.tensor(unit_rows(X), dtype=torch.float32), torch.tensor(y)
        data = torch.utils.data.TensorDataset(*rows)
        loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True)
        model = torch.nn.Linear(X.shape[1], 10)
        torch.nn.init.zeros_(model.weight)
        torch.nn.init.zeros_(model.bias)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        model, optimizer, loader = PrivacyEngine().make_private(
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=multiplier,
            max_grad_norm=NORM,
        )
        for _ in range(epochs):
            for X_part, y_part in loader:
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(X_part), y_part).backward()
                optimizer.step()
        weight, bias = (part.detach().numpy().copy() for part in model.parameters())
        return lambda Z: (unit_rows(Z) @ weight.T + bias).argmax(axis=1)

    return {
        f"{epochs} epochs, {batch} rows a step": (
            functools.partial(prepare, epochs=epochs, batch=batch),
            functools.partial(fit, epochs=epochs, batch=batch),
        )
        for epochs, batch in RECIPES
    }


def unit_rows(X):
    """Divide rows by their norm, as ours does."""
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)


def main(package, file):
    """Run a package on the rows in a file, which lie in the cube from -1 to 1."""
    warnings.simplefilter("ignore")
    data = np.load(file)
    fits = {"diffprivlib": diffprivlib_fits, "opacus": opacus_fits}[package]
    found = {}
    for epsilon in EPSILONS:
        for name, steps in fits(epsilon).items():
            found[f"{epsilon:g}: {name}"] = clock(*steps, data["X"], data["y"], data["splits"])
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
