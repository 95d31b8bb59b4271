"""What the plots share."""

import numpy as np

from skweight._core._optional import import_optional
from skweight.metrics._scorers import _class_order


def boundary_colors(n_boundaries):
    """Return one colour per boundary, from pale to dark: boundaries are ordered."""
    colormaps = import_optional("matplotlib", "Plotting").colormaps
    return colormaps["viridis_r"](np.linspace(0.12, 0.95, n_boundaries))


def order_of(estimator):
    """Return the labels of any fitted classifier, from the lowest to the highest."""
    order = _class_order(estimator)
    return np.asarray(estimator.classes_ if order is None else order)


def exceedance_of(estimator, X):
    """Return P(y > k) of any fitted classifier."""
    if hasattr(estimator, "predict_exceedance"):
        return estimator.predict_exceedance(X)
    columns = np.searchsorted(estimator.classes_, order_of(estimator))
    p = np.asarray(estimator.predict_proba(X))[:, columns]
    return np.cumsum(p[:, :0:-1], axis=1)[:, ::-1]
