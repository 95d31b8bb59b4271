"""Lines with generalised Gaussian errors beside those of scikit-learn, statsmodels and scipy."""

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression, QuantileRegressor

from benchmarks import _report
from benchmarks._timing import measure
from skweight.losses import ggd_nll
from skweight.quantile import GeneralizedGaussianLinearRegressor

BOUNDS = (1.0, 4.0)


def quantreg(X, y):
    """Return what statsmodels predicts by median regression, and the shape."""
    from statsmodels.regression.quantile_regression import QuantReg

    rows = np.column_stack([np.ones(len(X)), X])
    return QuantReg(y, rows).fit(q=0.5).predict(rows), 1.0


def median(X, y):
    """Return what scikit-learn predicts by median regression, and the shape."""
    return QuantileRegressor(alpha=0.0).fit(X, y).predict(X), 1.0


def least_squares(X, y):
    """Return what scikit-learn predicts by least squares, and the shape."""
    return LinearRegression().fit(X, y).predict(X), 2.0


def quasi_newton(X, y):
    """Return predictions and the shape of the largest likelihood by BFGS of scipy."""
    rows = np.column_stack([X, np.ones(len(X))])
    least, most = BOUNDS

    def shape(number):
        return least + (most - least) / (1 + np.exp(-number))

    def loss(p):
        return ggd_nll(y - rows @ p[:-2], np.exp(p[-2]), shape(p[-1])).mean()

    start = np.linalg.lstsq(rows, y, rcond=None)[0]
    spread = np.log(2 * np.mean((y - rows @ start) ** 2)) / 2
    found = minimize(loss, np.r_[start, spread, -np.log(2)], method="BFGS").x
    return rows @ found[:-2], shape(found[-1])


RIVALS = {
    "QuantReg of statsmodels": (quantreg, (1.0, 1.0)),
    "QuantileRegressor": (median, (1.0, 1.0)),
    "LinearRegression": (least_squares, (2.0, 2.0)),
    "BFGS of scipy, shape learned": (quasi_newton, BOUNDS),
}


def loss(residual, shape):
    """Return minus the mean log likelihood with the scale that makes it largest."""
    scale = (shape * np.mean(np.abs(residual) ** shape)) ** (1 / shape)
    return ggd_nll(residual, scale, shape).mean()


def section(tables, targets):
    """Return a table of losses and CPU seconds of ours and of rivals on the same data."""
    rows, worst = [], -np.inf
    for name, (X, y) in tables.items():
        X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
        for rival, (fit, bounds) in RIVALS.items():

            def ours(X=X, y=y, bounds=bounds):
                line = GeneralizedGaussianLinearRegressor(bounds).fit(X, y)
                return line.predict(X), line.shape_

            def theirs(X=X, y=y, fit=fit):
                return fit(X, y)

            mine, other = measure(ours, repeats=2), measure(theirs, repeats=2)
            found = [loss(y - at, shape) for at, shape in (mine.value, other.value)]
            worst = max(worst, found[0] - found[1])
            apart = np.abs(mine.value[0] - other.value[0]).max()
            seconds = _report.significant(mine.seconds), _report.significant(other.seconds)
            cells = f"{found[1] - found[0]:.1e}", f"{apart:.1e}", *seconds
            rows.append([name, rival, f"{mine.value[1]:.3f}", *cells])
    targets.check(
        "losses of lines above those of rivals by 1e-8 at most", f"{worst:.1e}", worst <= 1e-8
    )
    header = ["data", "rival", "shape", "its loss above ours", "predictions apart", "ours, s"]
    return _report.table([*header, "rival, s"], rows)
