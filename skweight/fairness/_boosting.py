"""The penalty as an objective of gradient boosting, for LightGBM and XGBoost."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skweight._core._attributes import attributes_of
from skweight._core._sklearn_compat import check_sample_weight
from skweight.fairness._boosting_parts import check_parameters, mean_bend, second_slope
from skweight.fairness._losses import Binomial, regression_loss
from skweight.fairness._penalty import DependencePenalty
from skweight.fairness._sensitive import SensitiveEncoder


class DistanceCovarianceObjective:
    r"""Penalise dependence on protected attributes in gradient boosting.

    An instance is a custom objective for the scikit-learn interfaces of LightGBM and XGBoost: it
    is called with outcomes and raw scores and returns the gradient and a second derivative of

    .. math:: N F = \sum_i w_i \ell(y_i, f_i) + N \cdot \mathrm{fairness\_alpha} \cdot
        P(\hat y, S),

    the sum of losses of a model with the raw scores f plus the dependence P of its predictions on
    the attributes. So `fairness_alpha` means the same as in `DistanceCovarianceRegressor` and
    `DistanceCovarianceClassifier`, and no attribute is needed for prediction. As with any custom
    objective, boosting starts at the score 0 and predicts raw scores: see the Notes.

    Parameters
    ----------
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Protected attributes of the rows that the model is fitted to, in their order; also a
        Series, a data frame or a dict of columns.
    loss : str, default="squared_error"
        The loss, and with it the link: "squared_error" (identity), "log_loss" of two classes
        (logit), or "poisson", "gamma", "tweedie" and "inverse_gaussian" (log).
    power : float or None, default=None
        Power of the variance for "tweedie", at most 0 or at least 1; None for other losses.
    fairness_alpha : float, default=1.0
        Strength of the penalty, at least 0.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes concatenated, which sees their intersections; joint
        distance covariance, which does too; or the sum over attributes, which does not.
    statistic : {"V", "U"}, default="V"
        Biased and never negative, or unbiased.
    normalize : bool, default=False
        Whether to penalise the squared distance correlation; not with "jdcov".
    c : float, default=1.0
        Constant of "jdcov", above 0, in units of the attributes' distances.
    sensitive_types : "auto" or dict, default="auto"
        Kinds of attributes by name, "nominal", "ordered" or "numeric", where the type of the
        column says another.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance between levels of a nominal attribute of more than two: the root of 2, or 1.
    missing : {"error", "category"}, default="error"
        Whether a missing value of a nominal attribute is refused or a level of its own.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        How attributes are scaled; "minmax" and "std" touch numeric ones alone.
    max_levels : int or None, default=None
        Number of equal steps to which a numeric attribute is rounded, which makes each round
        faster where attributes have many distinct rows; None means not at all.
    smoothing : float, default=0.0
        Half the width, in units of the prediction, in which the distance between two predictions
        is made smooth; 0 for none.
    hessian : {"loss", "bound"}, default="loss"
        Second derivative to boost with: the one of the loss alone, or that plus a bound of the
        penalty's, which needs `smoothing` above 0.

    Raises
    ------
    ValueError
        If a parameter has no meaning; when called, if rows are not those of the attributes or
        outcomes not of the loss.

    See Also
    --------
    DistanceCovarianceRegressor : Linear models with the same penalty.
    DistanceCovarianceClassifier : The same for classes.
    dependence_score : Measure what is left on rows that were not fitted to.

    Notes
    -----
    *Starting score and predictions.* `init_score` returns the score of the constant model, and
    `inverse_link` the predictions of raw scores. With LightGBM::

        objective = DistanceCovarianceObjective(S, loss="poisson", fairness_alpha=10)
        start = objective.init_score(y, w)
        model = LGBMRegressor(objective=objective, learning_rate=0.1)
        model.fit(X, y, sample_weight=w, init_score=np.full(len(y), start))
        rate = objective.inverse_link(start + model.predict(X_new, raw_score=True))

    XGBoost remembers a starting score and adds it back::

        model = XGBRegressor(objective=objective, learning_rate=0.1, base_score=start)
        rate = objective.inverse_link(model.fit(X, y).predict(X_new, output_margin=True))

    but its classifier wants ``base_score=objective.inverse_link(start)``, a probability, and gives
    probabilities in ``predict_proba`` by itself. Sample weights go to ``fit`` alone: the libraries
    hand them on, and they count once, as repetitions of rows.

    *Rows.* The objective holds the attributes of all training rows, so it must see these rows and
    no others: a search or cross-validation that splits rows needs an objective for each fold, made
    in a loop over the folds with ``S[train]``. Sampling of rows within a round is harmless, as
    derivatives are computed before. The fitted model keeps the objective and with it the
    attributes; the `booster_` of LightGBM and ``get_booster()`` of XGBoost do not.

    *Second derivative.* The one of P is 0 almost everywhere. With ``hessian="loss"`` a step is
    as long as without penalty, hence too long for it at large strengths: a `learning_rate` of at
    most 0.1 is advised, and `value` shows whether F falls. The loss's is its second derivative or,
    where larger, its expectation, which is never negative. ``hessian="bound"`` adds a diagonal
    that lies above all second derivatives of the smoothed penalty. It is safe and slow, and stalls
    at a constant start, where all pairs of predictions are within the width: start from the raw
    scores of a model without penalty, as `init_score` or ``base_margin``, and take about a tenth
    of the standard deviation of its predictions as `smoothing`.

    *What it does not promise.* The penalty drives the dependence on the given attributes down in
    the training rows. Trees can do so by fitting noise, so on other rows more of it is left, which
    `dependence_score` measures; fewer leaves and shorter steps, those of ``hessian="bound"`` too,
    narrow the gap. Nothing follows for error rates, calibration within groups, or attributes that
    were not given.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import DistanceCovarianceObjective
    >>> S = np.array(["F", "F", "F", "M", "M", "M"])
    >>> y = np.array([0, 0, 1, 0, 1, 1])
    >>> raw_score = np.array([-1.0, -0.8, 0.1, 0.2, 0.9, 1.0])
    >>> objective = DistanceCovarianceObjective(S, loss="log_loss", fairness_alpha=10)
    >>> gradient, hessian = objective(y, raw_score)
    >>> gradient.round(2)
    array([-0.06, -0.76, -2.55,  2.61,  0.74,  0.06])
    >>> objective.inverse_link(raw_score).round(2)
    array([0.27, 0.31, 0.52, 0.55, 0.71, 0.73])
    """

    def __init__(
        self,
        sensitive_features,
        *,
        loss="squared_error",
        power=None,
        fairness_alpha=1.0,
        measure="ccdcov",
        statistic="V",
        normalize=False,
        c=1.0,
        sensitive_types="auto",
        nominal_metric="euclidean",
        missing="error",
        scale="minmax",
        max_levels=None,
        smoothing=0.0,
        hessian="loss",
    ):
        self.loss = loss
        self.power = power
        self.fairness_alpha = fairness_alpha
        self.measure = measure
        self.statistic = statistic
        self.normalize = normalize
        self.c = c
        self.sensitive_types = sensitive_types
        self.nominal_metric = nominal_metric
        self.missing = missing
        self.scale = scale
        self.max_levels = max_levels
        self.smoothing = smoothing
        self.hessian = hessian
        check_parameters(self)
        self._loss = Binomial() if loss == "log_loss" else regression_loss(loss, power)
        self._attributes = attributes_of(sensitive_features)
        self._cache = None

    def __repr__(self):
        """Name the objective, its loss and its strength."""
        return (
            f"{type(self).__name__}(<{len(self._attributes)} attributes of {self._n_rows} rows>, "
            f"loss={self.loss!r}, fairness_alpha={self.fairness_alpha!r}, "
            f"measure={self.measure!r}, statistic={self.statistic!r})"
        )

    def __getstate__(self):
        """Leave the penalty out: it is rebuilt from the attributes where it is needed."""
        return self.__dict__ | {"_cache": None}

    # LightGBM passes weights as the third argument, XGBoost by this name.
    def __call__(self, y_true, raw_score, sample_weight=None):
        """Return the gradient and the second derivatives in the raw scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Outcomes; 0 and 1 for "log_loss".
        raw_score : array-like of shape (n_samples,)
            Raw scores.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        gradient : ndarray of shape (n_samples,)
            Derivative of N F.
        hessian : ndarray of shape (n_samples,)
            Second derivatives, or what stands for them.
        """
        y, f, weight = self._check_rows(y_true, raw_score, sample_weight)
        mu = self._loss.mean(f)
        gradient = weight * self._loss.value_and_slope(y, f)[1]
        hessian = weight * second_slope(self._loss, y, mu)
        if self.fairness_alpha > 0:
            rows, penalty = self._penalty(weight)
            mean, slope = mu[rows], self._loss.mean_slope(mu[rows])
            strength = penalty.total_weight * self.fairness_alpha
            descent = strength * penalty.value_and_gradient(mean, self.smoothing)[1]
            gradient[rows] += descent * slope
            if self.hessian == "bound":
                from skweight.fairness._boosting_bound import curvature_bound

                bound = strength * curvature_bound(penalty, mean, self.smoothing)
                bend = np.abs(descent * mean_bend(self._loss, mean))
                hessian[rows] += bound * slope**2 + bend
        return gradient, hessian

    def value(self, y_true, raw_score, sample_weight=None):
        """Compute F, the mean loss plus the penalty.

        It is the objective that boosting brings down, up to the factor N, with the exact penalty
        whatever `smoothing` is.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Outcomes of the training rows.
        raw_score : array-like of shape (n_samples,)
            Their raw scores, the starting score included.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        float
            The objective.

        See Also
        --------
        inverse_link : Predictions of the scores.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceObjective
        >>> objective = DistanceCovarianceObjective([0, 0, 1, 1], fairness_alpha=2)
        >>> objective.value([1, 2, 3, 4], [1, 2, 3, 4])
        0.75
        """
        y, f, weight = self._check_rows(y_true, raw_score, sample_weight)
        total = float(np.average(self._loss.value(y, f), weights=weight))
        if self.fairness_alpha > 0:
            rows, penalty = self._penalty(weight)
            dependence = penalty.constant + penalty.value(self._loss.mean(f[rows]))
            total += self.fairness_alpha * dependence
        return total

    def init_score(self, y_true, sample_weight=None):
        """Compute the raw score of the constant model.

        It has the lowest loss of all constants, and no dependence on anything.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        float
            The link of the weighted mean.

        See Also
        --------
        inverse_link : The way back.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceObjective
        >>> objective = DistanceCovarianceObjective(["F", "M", "M"], loss="poisson")
        >>> round(objective.init_score([0, 2, 1]), 3)
        0.0
        """
        y = column_or_1d(y_true, dtype=np.float64)
        weight = check_sample_weight(sample_weight, y)
        self._check_outcomes(y, weight)
        mean = np.average(y, weights=weight)
        if self.loss == "log_loss" and not 0 < mean < 1:
            raise ValueError(f"y_true must have both classes, 0 and 1, got {int(mean)} alone.")
        return float(self._loss.link(mean))

    def inverse_link(self, raw_score):
        """Compute predictions from raw scores.

        Models with a custom objective predict raw scores, and LightGBM without the starting score.

        Parameters
        ----------
        raw_score : array-like of shape (n_samples,)
            Raw scores, the starting score included.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted means, or probabilities of the class 1.

        See Also
        --------
        init_score : The score to start at.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceObjective
        >>> objective = DistanceCovarianceObjective(["F", "M"], loss="poisson")
        >>> objective.inverse_link([0.0, 1.0]).round(2)
        array([1.  , 2.72])
        """
        return self._loss.mean(np.asarray(raw_score, dtype=np.float64))

    @property
    def _n_rows(self):
        return len(self._attributes[0].values)

    def _check_rows(self, y_true, raw_score, sample_weight):
        """Return outcomes, raw scores and weights of the rows whose attributes are held."""
        y, f = np.asarray(y_true, dtype=np.float64), np.asarray(raw_score, dtype=np.float64)
        if f.ndim == 2 and f.shape[1] > 1:
            raise ValueError(
                f"raw_score must have one column, got {f.shape[1]}: with more than two classes fit "
                "a model for each class against the rest."
            )
        y, f = y.ravel(), f.ravel()
        check_consistent_length(y, f)
        if len(y) != self._n_rows:
            raise ValueError(
                f"sensitive_features has {self._n_rows} rows and y_true {len(y)}: want the rows "
                "that the model is fitted to, so make an objective for each training set, also in "
                "cross-validation."
            )
        weight = check_sample_weight(sample_weight, y)
        self._check_outcomes(y, weight)
        return y, f, weight

    def _check_outcomes(self, y, weight):
        """Raise if the loss is not defined for some outcome of positive weight."""
        y, weight = y[weight > 0], weight[weight > 0]
        if self.loss == "log_loss":
            if not np.isin(y, (0, 1)).all():
                strange = y[~np.isin(y, (0, 1))][0]
                raise ValueError(f"y_true must be 0 or 1 with loss='log_loss', got {strange:g}.")
        else:
            self._loss.check_target(y, np.average(y, weights=weight))

    def _penalty(self, weight):
        """Return rows of positive weight and the penalty on them, built once for given weights."""
        if self._cache is None or not np.array_equal(self._cache[0], weight):
            rows = np.flatnonzero(weight > 0)
            attributes = [attribute.take(rows) for attribute in self._attributes]
            encoder = SensitiveEncoder(
                types=self.sensitive_types,
                nominal_metric=self.nominal_metric,
                missing=self.missing,
                scale=self.scale,
                max_levels=self.max_levels,
            ).fit(attributes, weight[rows])
            penalty = DependencePenalty(
                encoder.transform(attributes),
                weight[rows],
                measure=self.measure,
                statistic=self.statistic,
                c=self.c,
                normalize=self.normalize,
            )
            self._cache = weight, rows, penalty
        return self._cache[1:]
