"""Classes that arrive over time, for several tests."""

import numpy as np

# All rows in each step, and few steps.
SMALL = {
    "hidden_layer_sizes": (8,),
    "batch_size": None,
    "max_iter": 5,
    "dtype": "float64",
    "memory_per_class": 3,
    "random_state": 0,
}


def problem(n_classes=4, n_rows=12, seed=0):
    """Make rows around as many centres as there are classes."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_classes), n_rows)
    return rng.normal(size=(n_classes, 5))[y] * 2 + rng.normal(size=(len(y), 5)), y


def tasks(model, X, y, arrivals, **options):
    """Teach a model classes one group after the other."""
    for labels in arrivals:
        rows = np.isin(y, labels)
        model.partial_fit(X[rows], y[rows], **options)
    return model
