"""Stack quantile models by weights that depend on the row."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.neural._base import import_torch
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters
from skweight.quantile._levels import DEFAULT_QUANTILES
from skweight.quantile._local_net import LocalWeightsNet
from skweight.quantile._stacking import QuantileStackingRegressor

# Parameters that go to the network as they are.
_OF_THE_NET = (
    "hidden_layer_sizes",
    "activation",
    "optimizer",
    "optimizer_params",
    "alpha",
    "batch_size",
    "learning_rate_init",
    "max_iter",
    "shuffle",
    "tol",
    "n_iter_no_change",
    "early_stopping",
    "validation_fraction",
    "random_state",
    "device",
    "dtype",
    "module",
    "callbacks",
)


@documented
class LocalQuantileStackingRegressor(QuantileStackingRegressor):
    r"""Combine quantile models by weights that a network makes of each row.

    As in :class:`QuantileStackingRegressor` the weights are learned on rows that the base models
    did not see, but one model may count more in one region and another elsewhere. A perceptron maps
    the features to logits, whose softmax are the weights; it minimises the pinball loss plus a
    penalty on quantiles that cross [1]_. With the defaults, fine weights, the penalty and rows that
    are sorted at the end, this is the method that its authors call DQA.

    Parameters
    ----------
    estimators : list of (str, estimator) or None, default=None
        Names and base models, as in :class:`QuantileStackingRegressor`.
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    weighting : {"coarse", "medium", "fine"}, default="fine"
        What has a weight: each model; each model at each level; each model, input level and output
        level.
    init : {"global", "equal"}, default="global"
        Weights that every row starts from: the best that are the same for all rows, found exactly
        on the rows that the network is trained on (mixed with 5 % of equal ones, since a weight of
        0 would stay there), or equal ones.
    passthrough_features : list of int or str, or None, default=None
        Columns of X that the weights depend on, all of them numbers; they are standardised inside.
        None means all. An empty list makes weights that are the same for all rows.
    crossing_weight : float, default=100.0
        Factor of the penalty on crossing, at least 0; the loss that it is added to is the mean
        pinball loss of the standardised outcome.
    crossing_margin : float or array-like of shape (n_quantiles, n_quantiles), default=0.005
        How far apart quantiles shall be for the penalty to be 0, in standard deviations of the
        outcome; an array has a margin for each pair, see :func:`crossing_margins`.
    crossing_share : float, default=0.1
        More of it, at least 0 and below 1: how far they shall be apart as a share of how far they
        are in the mean of the base models at that row.
    noncrossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How the levels of a row are ordered when predicting.
    sort_base : bool, default=True
        Whether the quantiles of each base model are sorted before they are combined, without which
        many more rows cross.
    cv : int, cross-validation generator, iterable or None, default=5
        Folds of the base models, as in :class:`QuantileStackingRegressor`.
    store_oof : bool, default=False
        Whether to keep the out-of-fold quantiles.
    n_jobs : int or None, default=None
        Number of base models fitted at the same time, as in joblib.
    early_stopping : bool, default=True
        Whether out-of-fold rows are held out, whose loss decides when to end; the network of the
        best epoch is restored.
    module : callable or None, default=None
        Class or function that builds the network from the numbers of features and weights, as in
        :class:`~skweight.neural.NeuralRegressor`; its last linear layer begins at 0.
    {neural_parameters}

    Attributes
    ----------
    estimators_ : list of estimator
        The base models, fitted to all rows, without dropped ones.
    named_estimators_ : Bunch
        The same by name, "drop" included.
    net_ : LocalWeightsNet
        The network, as an estimator of its own.
    weights_ : ndarray of shape (p,), (n_quantiles, p) or (n_quantiles, p, n_quantiles)
        Mean of the local weights over the out-of-fold rows; axes as in
        :class:`QuantileStackingRegressor`.
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    crossing_rate_ : float
        Weighted share of out-of-fold rows at which the ensemble crosses before it is ordered.
    base_crossing_rate_ : ndarray of shape (p,)
        The same share for each base model, before it is sorted.
    oof_quantiles_ : ndarray of shape (n_samples, p, n_quantiles)
        Out-of-fold quantiles, NaN where there are none; None without `store_oof`.
    n_iter_ : int
        Epochs.
    loss_curve_ : list of float
        Loss of every epoch, penalties included.
    validation_scores_ : list of float or None
        Minus the loss of the rows held out for every epoch; None without `early_stopping`.
    n_features_in_ : int
        Number of features, if a base model knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if a base model has them.

    See Also
    --------
    QuantileStackingRegressor : Weights that are the same for all rows, found exactly.
    ConformalQuantileRegressor : Intervals with a promised coverage on top.
    skweight.losses.CrossingPenalty : The penalty.

    Notes
    -----
    For features :math:`x`, base quantiles :math:`q` and weights :math:`w(x)` that are a softmax,
    the network minimises the weighted mean over rows of

    .. math:: \frac{1}{m} \sum_k \psi_{\tau_k}(y - g_k)
        + \lambda \frac{2}{m (m - 1)} \sum_{a < b} (g_a - g_b + \delta_{ab})_+ ,

    with :math:`g = w(x) q` and :math:`\delta_{ab}` the margin plus the share of the distance of
    the mean base quantiles. Outcome and features are standardised by the moments of the
    out-of-fold rows, weighted by `sample_weight`. The penalty `alpha` on the network's weight
    matrices, whose biases are free, shrinks towards weights that are the same for all rows.

    Integer weights equal repeated rows, where copies share a fold and the base models have that
    property, with ``early_stopping=False``, ``batch_size=None`` and ``dtype="float64"``.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from sklearn.linear_model import QuantileRegressor
    >>> from skweight.quantile import LocalQuantileStackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bases = [
    ...     ("linear", QuantileRegressor(alpha=0)),
    ...     ("forest", RandomForestRegressor(20, min_samples_leaf=5, random_state=0)),
    ... ]
    >>> model = LocalQuantileStackingRegressor(bases, [0.1, 0.5, 0.9], random_state=0).fit(X, y)
    >>> model.predict_interval(X[:1], coverage=0.8).shape
    (1, 2)
    >>> model.local_weights(X[:1]).shape
    (1, 3, 2, 3)
    """

    _needs_torch = True
    _parameter_constraints: dict = {
        **{name: NEURAL_CONSTRAINTS[name] for name in _OF_THE_NET},
        "estimators": [list, None],
        "quantiles": ["array-like"],
        "weighting": [StrOptions({"coarse", "medium", "fine"})],
        "init": [StrOptions({"global", "equal"})],
        "passthrough_features": ["array-like", None],
        "crossing_weight": [Interval(Real, 0, None, closed="left")],
        "crossing_margin": [Interval(Real, None, None, closed="neither"), "array-like"],
        "crossing_share": [Interval(Real, 0, 1, closed="left")],
        "noncrossing": [StrOptions({"sort", "isotonic", "minmax"}), None],
        "sort_base": ["boolean"],
        "cv": ["cv_object"],
        "store_oof": ["boolean"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimators=None,
        quantiles=DEFAULT_QUANTILES,
        *,
        weighting="fine",
        init="global",
        passthrough_features=None,
        crossing_weight=100.0,
        crossing_margin=0.005,
        crossing_share=0.1,
        noncrossing="sort",
        sort_base=True,
        cv=5,
        store_oof=False,
        n_jobs=None,
        early_stopping=True,
        module=None,
        hidden_layer_sizes=(64, 64),
        activation="elu",
        optimizer="adam",
        optimizer_params=None,
        alpha=0.0,
        batch_size=128,
        learning_rate_init=1e-3,
        max_iter=200,
        shuffle=True,
        tol=1e-5,
        n_iter_no_change=10,
        validation_fraction=0.2,
        random_state=None,
        device="auto",
        dtype="auto",
        callbacks=None,
    ):
        store_parameters(self, locals())

    def local_weights(self, X):
        """Return the weights with which the base models are combined at each row.

        They are at least 0 and sum to 1 over the models, for "fine" over models and input levels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Weights, with the axes of `weights_` after that of the rows. Fine weights are many:
            take a few rows at a time.

        See Also
        --------
        predict_quantiles : The quantiles that come out.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import BayesianRidge, QuantileRegressor
        >>> from skweight.quantile import LocalQuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0)), ("bayes", BayesianRidge())]
        >>> model = LocalQuantileStackingRegressor(bases, [0.1, 0.9], weighting="coarse")
        >>> model.fit(X, y).local_weights(X[:4]).sum(axis=1).round(6)
        array([1., 1., 1., 1.])
        """
        check_is_fitted(self)
        return self.net_.weights(X)

    def _fit_models(self, models, X, y, routed):
        import_torch(self)  # before the base models take their time
        return super()._fit_models(models, X, y, routed)

    def _fit_combination(self, Q, X, y, weight, levels, task):
        self.quantiles_ = levels
        margin = np.asarray(self.crossing_margin, dtype=np.float64)
        net = LocalWeightsNet(
            levels,
            self.weighting,
            self.init,
            (self.crossing_weight, margin, self.crossing_share),
            self.passthrough_features,
            **{name: getattr(self, name) for name in _OF_THE_NET},
        )

        def attributes(net):
            return {"net_": net, "quantiles_": levels, **self._needed_to_predict()}

        self.net_ = net.fit(Q, X, y, weight, task, attributes)
        for name in ("n_iter_", "loss_curve_", "validation_scores_"):
            setattr(self, name, getattr(net, name))
        self.weights_ = net.mean_weights(X, weight)
        return self._combined(Q, X)

    def _combined(self, Q, X):
        return self.net_.combine(Q, X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = False
        return tags
