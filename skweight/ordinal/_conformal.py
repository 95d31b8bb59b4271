"""Sets of neighbouring classes that hold the true one with a chosen probability."""

import warnings
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import StratifiedShuffleSplit, check_cv
from sklearn.utils import Bunch, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skweight._core._sklearn_compat import (
    HasMethods,
    Interval,
    _fit_context,
    _routing_enabled,
    _safe_indexing,
    check_sample_weight,
)
from skweight.metrics._scorers import _class_order
from skweight.ordinal._conformal_scores import conformal_threshold, entry_masses
from skweight.ordinal._order import check_class_totals, resolve_class_order
from skweight.ordinal._presto import PrestoClassifier


class OrdinalConformalClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Predict intervals of classes that hold the true one with a chosen probability.

    Split conformal prediction around any classifier of ordered classes: on rows that the
    classifier was not fitted to, it finds how much probability an interval of neighbouring
    classes has to gather so that it holds the true class often enough.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Classifier with `predict_proba`. None means ``PrestoClassifier()``.
    confidence_level : float, default=0.9
        Probability that the interval holds the true class, between 0 and 1.
    cv : int, cross-validation generator, iterable or None, default=None
        Which rows fit the classifier and which calibrate. None is one stratified half split. An
        iterable with one random split that is not stratified has the exact guarantee. With an int
        or several splits all rows calibrate, and the classifier that predicts is fitted to all.
    conditional : bool, default=False
        Whether the level shall hold for the rows of each class, instead of over all rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the half split; other splits bring their own.

    Attributes
    ----------
    estimator_ : estimator
        The fitted classifier that predicts.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; columns of `predict_proba` follow them.
    class_order_ : ndarray of shape (n_classes,)
        Labels from the lowest to the highest; columns of `predict_set` follow them.
    score_thresholds_ : ndarray of shape (n_classes,)
        How much probability an interval may have gathered when it takes in each class, inf where
        the calibration rows are too few. All are equal and count the class itself, unless
        `conditional`, where they count what was gathered before.
    n_features_in_ : int
        Number of features, if `estimator_` knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if `estimator_` has them.

    See Also
    --------
    PrestoClassifier : The default classifier.

    Notes
    -----
    Intervals are never empty and never have holes. Marginal coverage says nothing about a single
    class: a rare last class can be missed half of the time at a level of .9, and ``conditional``
    mends that at the price of longer intervals. With one split drawn at random without regard to
    the classes, coverage of a new row is at least `confidence_level` whatever the classifier and
    the distribution. A stratified split keeps rare classes on both sides and gives up the exact
    argument; several splits, where calibration scores are pooled over classifiers that do not
    predict later, have no guarantee in finite samples. Weights count rows: `sample_weight` of 2 is
    a row twice.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World",
       Springer, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import OrdinalConformalClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 2))
    >>> y = np.digitize(2 * X[:, 0] + rng.logistic(size=600), [-2, 0, 2])
    >>> model = OrdinalConformalClassifier(random_state=0).fit(X, y)
    >>> model.predict_interval([[-3.0, 0.0], [0.5, 0.0]])
    array([[0, 0],
           [1, 3]])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "cv": ["cv_object"],
        "conditional": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator=None, confidence_level=0.9, cv=None, conditional=False, random_state=None
    ):
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.cv = cv
        self.conditional = conditional
        self.random_state = random_state

    # The inner estimator has validated its own parameters or will do so.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit the classifier and calibrate its intervals.

        Without metadata routing `sample_weight` reaches the inner classifier if its `fit` takes
        it; with routing, if it was requested.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the inner classifier takes.
        y : array-like of shape (n_samples,)
            Labels, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts, in the fit and in the calibration.
        **params : dict
            Further metadata, such as `groups` for the splitter; needs metadata routing.

        Returns
        -------
        OrdinalConformalClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a split leaves the classifier without rows of some class; the message names it.

        See Also
        --------
        predict_interval : The intervals.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> X, y = np.arange(40.0).reshape(-1, 1), np.repeat([0, 1, 2, 3], 10)
        >>> model = OrdinalConformalClassifier(LogisticRegression(), cv=5).fit(X, y)
        >>> model.class_order_
        array([0, 1, 2, 3])
        """
        with warnings.catch_warnings():  # the inner classifier says it, if it matters
            warnings.simplefilter("ignore", UserWarning)
            classes, order, codes = resolve_class_order(y)
        X, y = indexable(X, y)
        weight = check_sample_weight(sample_weight, X)
        check_class_totals(codes, weight, order)
        routed = self._routed(None if sample_weight is None else weight, params)
        splits = self._splits(X, codes, weight, order, routed.splitter.split)
        self.classes_ = classes
        folds = []
        for number, (train, test) in enumerate(splits):
            _check_fold(number, codes[train], weight[train], order)
            with warnings.catch_warnings():
                if len(splits) > 1:  # the last fit, on all rows, warns for all
                    warnings.filterwarnings("ignore", "y holds .* string classes", UserWarning)
                model = self._fit_on(X, y, train, routed.estimator.fit)
            folds.append((test, np.asarray(model.predict_proba(_safe_indexing(X, test)))))
        self.estimator_ = model
        if len(splits) > 1:
            self.estimator_ = self._fit_on(X, y, np.arange(len(codes)), routed.estimator.fit)
        found = _class_order(self.estimator_)
        self.class_order_ = resolve_class_order(y)[1] if found is None else np.asarray(found)
        self._calibrate(folds, codes, order, weight)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _inner(self):
        return PrestoClassifier() if self.estimator is None else clone(self.estimator)

    def _routed(self, sample_weight, params):
        """Return what goes to the fit of the inner classifier and to the splitter."""
        if _routing_enabled():
            if sample_weight is not None:
                params = {**params, "sample_weight": sample_weight}
            if not params:
                return Bunch(estimator=Bunch(fit={}), splitter=Bunch(split={}))
            routed = process_routing(self, "fit", **params)
            if "splitter" not in routed:
                routed.splitter = Bunch(split={})
            if self.estimator is None:  # the default takes whatever weights come here
                weights = {} if sample_weight is None else {"sample_weight": sample_weight}
                routed.estimator = Bunch(fit=weights)
            return routed
        if params:
            raise TypeError(
                f"fit got {sorted(params)}, which is passed on only with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        fit = {}
        if sample_weight is not None:
            inner = self._inner()
            if not has_fit_parameter(inner, "sample_weight"):
                warnings.warn(
                    f"{type(inner).__name__}.fit takes no sample_weight, so the weights are used "
                    "in the calibration only.",
                    UserWarning,
                    stacklevel=3,
                )
            else:
                fit["sample_weight"] = sample_weight
        return Bunch(estimator=Bunch(fit=fit), splitter=Bunch(split={}))

    def _splits(self, X, codes, weight, order, split_params):
        if self.cv is not None:
            cv = check_cv(self.cv, codes, classifier=True)
            return list(cv.split(X, codes, **split_params))
        used = np.flatnonzero(weight > 0)
        alone = np.bincount(codes[used]) < 2
        if alone.any():
            raise ValueError(
                f"cv=None halves the rows of every class, but class {order[alone].tolist()} has "
                "one row only: give more rows, or splits in cv."
            )
        half = StratifiedShuffleSplit(1, test_size=0.5, random_state=self.random_state)
        return [(used[a], used[b]) for a, b in half.split(used, codes[used])]

    def _fit_on(self, X, y, rows, params):
        params = {name: _rows_of(value, rows) for name, value in params.items()}
        return self._inner().fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **params)

    def _scores(self, p):
        """Return how late each class enters the interval, from probabilities in rank order."""
        entered = entry_masses(p)
        # With its own mass counted, an end class that enters last always has the score 1: a rare
        # one would then have the threshold 1 for itself and belong to every interval. Scores
        # before it enters tell its rows apart.
        return entered - p if self.conditional else entered

    def _calibrate(self, folds, codes, order, weight):
        """Find the thresholds from the probabilities of rows that their classifier did not see."""
        rank = {label: i for i, label in enumerate(self.class_order_.tolist())}
        true = np.array([rank[label] for label in order.tolist()], dtype=np.intp)[codes]
        columns = np.searchsorted(self.classes_, self.class_order_)
        scores, ranks, counts = [], [], []
        for test, p in folds:
            ranks.append(true[test])
            counts.append(weight[test])
            scores.append(self._scores(p[:, columns])[np.arange(len(test)), true[test]])
        scores, ranks, counts = map(np.concatenate, (scores, ranks, counts))
        level = self.confidence_level
        n_classes = len(self.class_order_)
        if self.conditional:
            of_class = [ranks == c for c in range(n_classes)]
            thresholds = [conformal_threshold(scores[a], counts[a], level) for a in of_class]
        else:
            thresholds = [conformal_threshold(scores, counts, level)] * n_classes
        self.score_thresholds_ = np.array(thresholds)

    def predict(self, X):
        """Predict one class with the fitted classifier.

        It is what `estimator_` predicts; the intervals are in `predict_interval`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        predict_interval : Lowest and highest class.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> X, y = np.arange(40.0).reshape(-1, 1), np.repeat([0, 1, 2, 3], 10)
        >>> OrdinalConformalClassifier(random_state=0).fit(X, y).predict([[0.0], [39.0]])
        array([0, 3])
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        """Predict class probabilities with the fitted classifier.

        They are those of `estimator_`, which conformal calibration leaves as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities with columns as in `classes_`.

        See Also
        --------
        predict_set : Which classes the intervals hold.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> X, y = np.arange(40.0).reshape(-1, 1), np.repeat([0, 1, 2, 3], 10)
        >>> OrdinalConformalClassifier(random_state=0).fit(X, y).predict_proba(X).shape
        (40, 4)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict_set(self, X):
        """Predict which classes each row's interval holds.

        Every row holds at least one class, and the classes it holds are neighbours.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes)
            True for the classes held, with columns as in `class_order_`.

        See Also
        --------
        predict_interval : The same as lowest and highest class.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> X, y = np.arange(40.0).reshape(-1, 1), np.repeat([0, 1, 2, 3], 10)
        >>> model = OrdinalConformalClassifier(random_state=0).fit(X, y)
        >>> bool(model.predict_set(X).any(axis=1).all())
        True
        """
        low, high = self._bounds(X)
        ranks = np.arange(len(self.class_order_))
        return (low[:, None] <= ranks) & (ranks <= high[:, None])

    def predict_interval(self, X):
        """Predict the lowest and the highest class of each row's interval.

        The classes between the two, in the order of `class_order_`, belong to the interval.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Labels.

        See Also
        --------
        predict_set : The same as a table of booleans.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> X, y = np.arange(40.0).reshape(-1, 1), np.repeat([0, 1, 2, 3], 10)
        >>> model = OrdinalConformalClassifier(random_state=0).fit(X, y)
        >>> model.predict_interval([[0.0]]).shape
        (1, 2)
        """
        low, high = self._bounds(X)
        return np.column_stack([self.class_order_[low], self.class_order_[high]])

    def _bounds(self, X):
        """Return the lowest and highest rank of each row's interval."""
        check_is_fitted(self)
        columns = np.searchsorted(self.classes_, self.class_order_)
        p = np.asarray(self.predict_proba(X))[:, columns]
        held = self._scores(p) <= self.score_thresholds_ + 1e-12
        held[np.arange(len(p)), np.argmax(p, axis=1)] = True  # never empty
        # With thresholds of their own, classes between two that are held may be missing.
        return np.argmax(held, axis=1), held.shape[1] - 1 - np.argmax(held[:, ::-1], axis=1)

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The inner classifier and the splitter receive what they request; `fit` itself takes the
        weights.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.ordinal import OrdinalConformalClassifier
        >>> type(OrdinalConformalClassifier().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        router = MetadataRouter(owner=self.__class__.__name__).add_self_request(self)
        if self.estimator is not None:
            mapping = MethodMapping().add(caller="fit", callee="fit")
            router.add(estimator=self.estimator, method_mapping=mapping)
        if hasattr(self.cv, "get_metadata_routing"):
            mapping = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=self.cv, method_mapping=mapping)
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(PrestoClassifier() if self.estimator is None else self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


def _rows_of(value, rows):
    """Take the rows of metadata, if it has any."""
    if hasattr(value, "__len__") and not isinstance(value, str):
        return _safe_indexing(value, rows)
    return value


def _check_fold(number, codes, weight, order):
    """Raise if the training rows of a split lack a class."""
    missing = np.bincount(codes, weights=weight, minlength=len(order)) == 0
    if missing.any():
        raise ValueError(
            f"cv must leave rows of every class to fit on, but split {number} leaves none of "
            f"class {order[missing].tolist()}."
        )
