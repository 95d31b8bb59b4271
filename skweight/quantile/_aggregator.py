"""Weights of quantile forecasts that are there already."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import StrOptions, _fit_context, check_sample_weight
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._stacking_base import (
    WEIGHT_CONSTRAINTS,
    BaseQuantileStacking,
    sorted_base,
)
from skweight.quantile._stacking_missing import combine_present, fill_missing, missing_models
from skweight.quantile._weights import combine

# Numbers of X that are combined at a time: 32 MB in double precision.
_BLOCK = 4_000_000


class QuantileAggregator(CallbackSupportMixin, BaseQuantileStacking, BaseEstimator):
    """Combine ready quantile forecasts of several models by weights that fit the outcomes best.

    The columns of X are the forecasts: the levels of the first model, then those of the second
    one, and so on. They should be made for rows that the models did not see.

    Parameters
    ----------
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1) of each model's columns, strictly increasing.
    weighting : {"coarse", "medium", "fine"}, default="medium"
        What has a weight: each model; each model at each level; each model, input level and output
        level.
    level_groups : array-like of shape (n_quantiles,) or None, default=None
        Labels; levels with the same label share their weights. Only with "medium".
    constraint : {"simplex", "nonneg", "none"}, default="simplex"
        Weights of at least 0 that sum to 1, of at least 0, or any.
    fit_intercept : bool, default=False
        Whether a shift is added, one for each group of weights.
    noncrossing : {"sort", "isotonic", "minmax", "constrain"} or None, default="sort"
        How the levels of a row are ordered: the first three when predicting. "constrain" finds
        weights under which no row of `fit` crosses, and sorts the others when predicting.
    sort_base : bool, default=False
        Whether the quantiles of each model are sorted before they are combined.
    missing : {"error", "renormalize"}, default="error"
        What NaN in X means: an error, or that a model with any NaN in a row has no forecast there.
        The weights of the others are then scaled to the unit sum, so "renormalize" needs
        ``constraint="simplex"``.
    solver : {"auto", "ipm", "first-order", "highs"}, default="auto"
        What finds the weights, as in `quantile_stacking_weights`; "auto" chooses by the problem.
    tol : float, default=1e-9
        Duality gap to reach, above 0, relative to the objective or to the mean deviation of `y`,
        whichever is larger; see `quantile_stacking_weights`.
    max_iter : int, default=200
        Iterations at the most.

    Attributes
    ----------
    weights_ : ndarray of shape (p,), (n_quantiles, p) or (n_quantiles, p, n_quantiles)
        Weights of the p models for "coarse", "medium" and "fine"; the axes of the last are output
        level, model and input level.
    intercept_ : ndarray of shape (n_quantiles,)
        Shift of each level.
    objective_ : float
        Weighted interval score of the rows of `fit`: mean over rows and levels of twice the
        pinball loss, before rows are ordered and with missing forecasts filled in.
    dual_gap_ : float
        Upper bound of how far `objective_` is above the optimum, inf where no bound is known.
    n_iter_ : int
        Iterations made.
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    crossing_rate_ : float
        Weighted share of the rows of `fit` at which the ensemble crosses before it is ordered.
    base_crossing_rate_ : ndarray of shape (p,)
        The same share for each model.
    n_features_in_ : int
        Number of columns, p times the number of levels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X had any.

    See Also
    --------
    QuantileStackingRegressor : Fit the models as well.

    Notes
    -----
    Where models are missing, `fit` fills in the equal mean of those present at the same row and
    level, which keeps the problem convex, and prediction scales the weights of those present; if
    these are all 0, it takes the equal mean.

    X may be a memory map: prediction takes blocks of its rows, and float32 stays as it is until
    it is summed.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import QuantileAggregator
    >>> rng = np.random.default_rng(0)
    >>> x, noise = rng.normal(size=(2, 500))
    >>> good, bad = x[:, None] + [-1.28, 0.0, 1.28], np.tile([-1.8, 0.0, 1.8], (500, 1))
    >>> model = QuantileAggregator([0.1, 0.5, 0.9], weighting="coarse")
    >>> model.fit(np.hstack([good, bad]), x + noise).weights_.round(1)
    array([1., 0.])
    """

    # They say what the columns of X are: whoever wraps the estimator must not set others.
    _quantiles_name_columns = True

    _parameter_constraints: dict = {
        **WEIGHT_CONSTRAINTS,
        "missing": [StrOptions({"error", "renormalize"})],
    }

    def __init__(
        self,
        quantiles=DEFAULT_QUANTILES,
        weighting="medium",
        level_groups=None,
        constraint="simplex",
        fit_intercept=False,
        noncrossing="sort",
        sort_base=False,
        missing="error",
        solver="auto",
        tol=1e-9,
        max_iter=200,
    ):
        self.quantiles = quantiles
        self.weighting = weighting
        self.level_groups = level_groups
        self.constraint = constraint
        self.fit_intercept = fit_intercept
        self.noncrossing = noncrossing
        self.sort_base = sort_base
        self.missing = missing
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the weights.

        Rows of weight 0 count in no way.

        Parameters
        ----------
        X : array-like of shape (n_samples, p * n_quantiles)
            Forecasts of p models, the levels of the first one first.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0; an integer weight equals that many copies of a row.

        Returns
        -------
        QuantileAggregator
            The fitted estimator.

        Raises
        ------
        ValueError
            If the columns are no multiple of the levels, a row has no forecast, or a combination
            of parameters has no meaning; the message names it.

        Warns
        -----
        ConvergenceWarning
            If the duality gap stays above tol.

        See Also
        --------
        predict_quantiles : Combine forecasts.

        Examples
        --------
        >>> from skweight.quantile import QuantileAggregator
        >>> X, y = [[0.0, 1.0], [1.0, 0.0], [2.0, 5.0]], [0.0, 1.0, 2.0]
        >>> QuantileAggregator(quantiles=[0.5]).fit(X, y).weights_.round(6)
        array([[1., 0.]])
        """
        levels = check_quantiles(self.quantiles)
        if self.missing == "renormalize" and self.constraint != "simplex":
            raise ValueError(
                "missing='renormalize' scales weights to the unit sum, so it needs "
                f"constraint='simplex', got {self.constraint!r}."
            )
        X, y = validate_data(self, X, y, y_numeric=True, **self._rules())
        y = np.asarray(y, dtype=np.float64)
        weight = check_sample_weight(sample_weight, X)
        n, columns = X.shape
        if columns % len(levels):
            raise ValueError(
                f"X must have {len(levels)} columns for each model, one for each of quantiles, "
                f"got {columns} columns."
            )
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            given = X.reshape(n, -1, len(levels))
            if self.missing == "renormalize" and not weight.all():
                used = weight > 0  # other rows count in no way
                given, y, weight = given[used], y[used], weight[used]
            Q = sorted_base(given, self.sort_base)
            if self.missing == "renormalize":
                Q = fill_missing(Q, missing_models(given))
            n_features = {"n_features_in_": self.n_features_in_}
            self._fit_weights(Q, y, weight, levels, task, lambda: n_features)
            forecast = _by_blocks(Q, lambda part: combine(part, self.weights_, self.intercept_))
            self._set_crossing_rates(given, forecast, y, weight)
        return self

    def _rules(self):
        finite = "allow-nan" if self.missing == "renormalize" else True
        return {"dtype": [np.float64, np.float32], "ensure_all_finite": finite}

    def _forecast(self, X):
        X = validate_data(self, X, reset=False, **self._rules())
        Q = X.reshape(len(X), -1, len(self.quantiles_))
        return self._ordered(_by_blocks(Q, self._combined))

    def _combined(self, Q):
        if self.missing == "error":
            return combine(sorted_base(Q, self.sort_base), self.weights_, self.intercept_)
        absent = missing_models(Q)
        return combine_present(
            sorted_base(Q, self.sort_base), absent, self.weights_, self.intercept_
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "renormalize"
        return tags


def _by_blocks(Q, function):
    """Apply a function to blocks of rows in double precision, and put the results together."""
    n, p, m = Q.shape
    step = max(1, _BLOCK // (p * m))
    out = np.empty((n, m))
    for start in range(0, n, step):
        out[start : start + step] = function(Q[start : start + step].astype(np.float64))
    return out
