"""Regression by networks that pay for depending on protected attributes."""

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import _fit_context
from skweight.fairness._neural_base import FAIR_CONSTRAINTS
from skweight.fairness._neural_means import FairMeans
from skweight.fairness._regressor import DistanceCovarianceRegressor
from skweight.neural import NeuralRegressor
from skweight.neural._docs import documented
from skweight.neural._parameters import store_parameters


@documented
class FairNeuralRegressor(FairMeans, NeuralRegressor):
    """Predict numbers by a network whose predictions depend little on attributes.

    The mean loss of a network for means, counts or claims is minimised together with
    `fairness_alpha` times a distance covariance between predictions and protected attributes, batch
    by batch [1]_. Attributes may be nominal, ordered or numeric, several at once, and the joint
    measures see their intersections. Predictions never need the attributes.

    Parameters
    ----------
    fairness_alpha : float, default=1.0
        Strength of the dependence penalty, at least 0; it means what it means in
        `DistanceCovarianceRegressor`.
    loss : {"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"}, \
default="squared_error"
        Half the deviance to minimise.
    power : float or None, default=None
        Power of the variance for ``loss="tweedie"``, at most 0 or at least 1; None for all other
        losses.
    link : {"auto", "identity", "log"}, default="auto"
        How the mean is made of the network's output. "auto" is the identity for squared error (and
        the power 0), else the logarithm, which only squared error may do without.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes taken as one vector, joint distance covariance, or
        the sum over the attributes, which does not see intersections.
    statistic : {"U", "V"}, default="U"
        The unbiased statistic, whose mean over batches is that of all rows, or the biased one,
        which is for batches of a thousand rows or more.
    c : float, default=1.0
        Constant of "jdcov", above 0, in units of the attributes' distances: the larger, the more
        pairs count beside higher orders.
    sensitive_columns : str, int, list, mask, callable, dict or None, default=None
        Which columns of X hold the attributes: names, positions, a boolean mask or a function of
        X, resolved in each fit; a dict gives columns by attribute, for an attribute that is several
        columns. None if attributes are passed to `fit`, or if there are none.
    drop_sensitive : bool, default=True
        Whether the network does not see `sensitive_columns`, which may then hold text.
    sensitive_types : "auto" or dict, default="auto"
        Kind by attribute, "nominal", "ordered" or "numeric", where the values do not tell it.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance between different levels of a nominal attribute: the root of 2 for three or more
        levels and 1 for two, or 1 for any number.
    missing : {"error", "category"}, default="error"
        Whether a missing value of a nominal attribute is an error or a level of its own.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        Unit of the attributes' distances, which the penalty is proportional to: range or standard
        deviation of the numeric ones, or mean distance of every one.
    {neural_parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_,)
        Weights of a linear network, exactly 0 for columns that were kept out. Only for
        ``hidden_layer_sizes=()``.
    intercept_ : float
        Its bias. Only for ``hidden_layer_sizes=()``.
    sensitive_encoder_ : SensitiveEncoder or None
        Encoding and scale of the attributes, for held-out rows. It holds no rows.
    {neural_attributes}

    See Also
    --------
    DistanceCovarianceRegressor : A generalised linear model, fitted to the optimum.
    FairNeuralClassifier : The same for classes.
    skweight.losses.DistanceCovarianceLoss : The penalty, for networks of one's own.

    Notes
    -----
    The loss of a batch is ``sum(w * loss) / sum(w) + fairness_alpha * penalty``. If y is multiplied
    by t, the same network needs `fairness_alpha` times t for squared error and ``t**(1 - power)``
    for the other losses. For claim counts with an exposure take ``y = counts / exposure`` and
    ``sample_weight = exposure``: then rates are penalised, weighted by exposure.

    The statistic "U" takes weights as counts of rows. If not all are whole numbers, they are
    multiplied so that they add up to their effective number of rows, ``sum(w)**2 / sum(w**2)``. A
    batch in which they sum to 3 or less is not penalised by it.

    Targets are standardised inside, or divided by their mean where the link is the logarithm, and
    the strength is converted; `loss_` is in those units. At ``fairness_alpha=0`` and with squared
    error the network is that of :class:`~skweight.neural.NeuralRegressor`. Means with a logarithmic
    link can grow without bound where the statistic "U" is below 0, which a strong penalty rewards.

    A step takes memory and time in proportion to the square of its rows, so `batch_size` should
    stay at some thousand. Rows held out for `early_stopping` are scored with the penalty, too.

    What is driven down is the dependence of predictions on the given attributes in the training
    rows. Nothing follows for errors or calibration within groups, or for attributes not given.

    References
    ----------
    .. [1] H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype
       Protected Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163,
       2025.

    Examples
    --------
    The feature follows the square of the attribute, so that no correlation shows between them.

    >>> import numpy as np
    >>> from skweight.fairness import FairNeuralRegressor, dependence_score
    >>> rng = np.random.default_rng(0)
    >>> s = rng.uniform(-1, 1, size=500)
    >>> proxy = 3 * s**2 - 1 + 0.3 * rng.normal(size=500)
    >>> X = np.column_stack([proxy, rng.normal(size=500)])
    >>> y = X.sum(axis=1) + 0.5 * rng.normal(size=500)
    >>> options = {"max_iter": 60, "learning_rate_init": 0.01, "tol": 0.01, "random_state": 0}
    >>> for strength in [0, 50]:
    ...     model = FairNeuralRegressor(strength, **options).fit(X, y, sensitive_features=s)
    ...     print(round(dependence_score(model.predict(X), s), 2))
    0.02
    0.0
    """

    _parameter_constraints: dict = {
        **FAIR_CONSTRAINTS,
        **{
            name: DistanceCovarianceRegressor._parameter_constraints[name]
            for name in ("loss", "power", "link")
        },
    }

    def __init__(
        self,
        fairness_alpha=1.0,
        *,
        loss="squared_error",
        power=None,
        link="auto",
        measure="ccdcov",
        statistic="U",
        c=1.0,
        sensitive_columns=None,
        drop_sensitive=True,
        sensitive_types="auto",
        nominal_metric="euclidean",
        missing="error",
        scale="minmax",
        hidden_layer_sizes=(100,),
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        alpha=1e-4,
        batch_size="auto",
        learning_rate_init=1e-3,
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        cv=None,
        warm_start=False,
        random_state=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        module=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, sensitive_features=None):
        """Train a network.

        Attributes are columns of X that `sensitive_columns` names, or come beside it. Rows are used
        as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Targets, in the range of the loss.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. An integer weight equals that many copies of a row.
            None means 1 for all.
        sensitive_features : array-like or data frame of shape (n_samples,) or \
(n_samples, n_attributes), or None, default=None
            Protected attributes by position of the rows, where `sensitive_columns` is None.

        Returns
        -------
        FairNeuralRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        UserWarning
            If there are no attributes, or batches are too small for the statistic "U".
        ConvergenceWarning
            If the loss still fell in the last epoch.

        See Also
        --------
        partial_fit : One pass over the rows.

        Examples
        --------
        >>> from skweight.fairness import FairNeuralRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = FairNeuralRegressor(max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> model.fit(X, y, sensitive_features=list("abab")).predict(X).shape
        (4,)
        """
        if not self.warm_start:
            self._forget()
        return self._fit_means(X, y, sample_weight, sensitive_features)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, *, sensitive_features=None):
        """Train for one pass over the rows, on top of what was learned before.

        The unit of the targets, and levels and scales of attributes are those of the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Targets, in the range of the loss.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.
        sensitive_features : array-like or data frame of shape (n_samples,) or \
(n_samples, n_attributes), or None, default=None
            Protected attributes of these rows, where `sensitive_columns` is None.

        Returns
        -------
        FairNeuralRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`.

        Warns
        -----
        UserWarning
            As in `fit`, or if an attribute has levels that the first call did not see.

        See Also
        --------
        fit : Passes until the loss falls no more.

        Examples
        --------
        >>> from skweight.fairness import FairNeuralRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> FairNeuralRegressor().partial_fit(X, y, sensitive_features=list("abab")).n_iter_
        1
        """
        options = {"first": not hasattr(self, "net_"), "incremental": True}
        return self._fit_means(X, y, sample_weight, sensitive_features, **options)

    def _fit_means(self, X, y, weight, sensitive_features, first=True, incremental=False):
        seen = X, y, weight
        rows, weight = self._rows_to_train(X, y, weight, sensitive_features, reset=first)
        Z = self._in_units_of_the_net(rows, weight, first)
        options = {"seen": seen, "incremental": incremental}
        return self._train_fairly(rows, [Z], weight, 1, **options)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags
