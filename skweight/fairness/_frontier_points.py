"""The points of a frontier: means over folds, and columns of a path."""

import numpy as np

_NAMES = {
    "dependence": "dependence on the attributes",
    "js_divergence": "Jensen-Shannon divergence of groups (bits)",
    "variance_ratio": "share of variance between groups",
    "ks_gap": "largest Kolmogorov-Smirnov gap of groups",
}
# What a cross-validated fit calls its unfairness.
_CROSS_VALIDATED = {"ccdcov": "dependence", "js_divergence": "js_divergence", "ks": "ks_gap"}
_ROWS = {"validation": "held-out", "training": "training"}


def over_folds(values, n_alphas, name):
    """Return means over folds and their standard errors, which one fold has none of."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != n_alphas or not values.size:
        raise ValueError(
            f"{name} must have a value, or a row of folds, for each of {n_alphas} strengths, got "
            f"shape {values.shape}."
        )
    if values.ndim == 1:
        return values, None
    if values.shape[1] == 1:
        return values[:, 0], None
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])


def index_of(chosen, alphas):
    """Return the place of a strength among others, None for None."""
    if chosen is None:
        return None
    found = np.flatnonzero(alphas == chosen)
    if not len(found):
        raise ValueError(
            f"chosen must be one of fairness_alphas, {alphas.tolist()}, got {chosen!r}."
        )
    return int(found[0])


def column_of(path, x):
    """Return a column of a path by name, what it is, and which rows it and the loss are of."""
    rows = _ROWS[path.measured_on]
    columns = {name: (getattr(path, name), f"{rows} {_NAMES[name]}") for name in _NAMES}
    for name, values in path.dependence_by_attribute.items():
        columns[f"dependence_{name}"] = values, f"{rows} dependence on {name}"
    if x not in columns:
        raise ValueError(f"x must be one of {tuple(columns)}, got {x!r}.")
    return *columns[x], rows


def unfairness_of(model):
    """Return what a cross-validated fit measured on held-out rows."""
    measured = model.unfairness
    if isinstance(measured, str):
        return f"held-out {_NAMES[_CROSS_VALIDATED[measured]]}"
    return f"held-out {getattr(measured, '__name__', 'unfairness')}"
