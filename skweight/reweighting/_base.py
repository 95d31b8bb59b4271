"""What the classifier and the regressor whose rows are weighted by their losses share."""

import inspect
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._folds import check_partition, make_splits
from skweight._core._sklearn_compat import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    check_sample_weight,
    takes_sparse,
)
from skweight._core._wrapping import check_rows, copy_feature_info, route, router_of
from skweight.losses._loss_based_weights import STRATEGIES, check_temperature, loss_based_weights
from skweight.reweighting._fits import Fits


class LossReweighted(CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit an estimator whose rows are weighted by their losses; a kind gives `_default`."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "strategy": [StrOptions(set(STRATEGIES))],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "temperature_schedule": [callable, None],
        "burn_in": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "loss": [StrOptions({"auto"}), callable],
        "cv": ["cv_object"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "damping": [Interval(Real, 0, 1, closed="right")],
        "store_weights": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        strategy="linupper",
        temperature=1.0,
        temperature_schedule=None,
        burn_in=1,
        max_iter=20,
        tol=1e-3,
        loss="auto",
        cv=None,
        batch_size=None,
        damping=0.5,
        store_weights=False,
        random_state=None,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.temperature = temperature
        self.temperature_schedule = temperature_schedule
        self.burn_in = burn_in
        self.max_iter = max_iter
        self.tol = tol
        self.loss = loss
        self.cv = cv
        self.batch_size = batch_size
        self.damping = damping
        self.store_weights = store_weights
        self.random_state = random_state

    # The inner estimator validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit the estimator again and again, to rows weighted by their losses.

        A callback may stop after any fit, or with `batch_size` after any pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the estimator takes.
        y : array-like of shape (n_samples,)
            Labels or targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0, which those by loss multiply. None means 1 for all.
        **params : dict
            Further metadata for the estimator or the splitter; needs metadata routing.

        Returns
        -------
        LossReweighted
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input, or a combination of parameters, has no meaning; the message names it.

        See Also
        --------
        loss_based_weights : The weights.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skweight.reweighting import DynamicLossReweightedClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> DynamicLossReweightedClassifier(GaussianNB()).fit(X, y).n_iter_
        11
        """
        base = self._base()
        self._check(base)
        X, y = check_rows(base, X, y)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        keyword, fit_params, split_params = route(self, base, weight, params, callee=self._callee())
        if keyword is None:
            raise ValueError(
                f"estimator must take sample_weight in fit, got {type(base).__name__}."
            )
        given = fit_params.get(keyword)
        if is_classifier(self):
            _check_classes(y if given is None else y[given > 0])
        others = {name: value for name, value in fit_params.items() if name != keyword}
        fits = Fits(base, X, y, keyword, others, self.loss)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        for name in ("classes_", "sample_weight_", "weight_history_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        self.loss_curve_, self.n_iter_ = [], 0
        if self.store_weights:
            self.weight_history_ = []
        with FitTask.root(self, X, y, metadata) as task:
            if self.batch_size is None:
                splits = None
                if self.cv is not None:
                    splits = make_splits(self.cv, X, y, is_classifier(base), split_params)
                    check_partition(splits, len(y))
                self._fit_again(fits, given, splits, task)
            else:
                self._fit_batches(fits, given, task)
        if self.store_weights:
            self.weight_history_ = np.array(self.weight_history_)
            self.sample_weight_ = self.weight_history_[-1]
        return self

    def _fit_again(self, fits, given, splits, task):
        """Fit clones, each to weights by the losses of the one before."""
        start = np.ones(len(fits.every)) if given is None else given
        weight, floor = start, fits.range_floor(start)
        for step in range(1, self.max_iter + 1):
            plain = given is None and weight is start
            self._set_fitted(fits.fit(None if plain else weight))
            if splits is None:
                losses = fits.losses(self.estimator_)
            else:
                losses = fits.held_out_losses(weight, splits, getattr(self, "classes_", None))
            if self._record(weight, losses @ start / start.sum(), "fit", task):
                return
            if step < self.burn_in:
                continue
            if step == self.max_iter and self.temperature_schedule is not None:
                return  # there is no further fit that could have a temperature
            new = self._weights(losses, start, step, floor)
            if self.damping < 1:
                new = (1 - self.damping) * weight + self.damping * new
            settled = np.abs(new - weight).max() <= self.tol * weight.max()
            # At a high temperature, from which schedules start, all weights are nearly the same.
            if settled and self.temperature_schedule is None:
                return
            weight = new
        if self.burn_in <= self.max_iter and not settled:
            warnings.warn(
                f"Weights still changed by more than tol={self.tol:g} after max_iter="
                f"{self.max_iter} fits: raise max_iter or temperature, or lower damping below "
                f"{self.damping:g} in case they go round in a cycle.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _fit_batches(self, fits, given, task):
        """Update one model by batches, each with weights by the losses that it meets."""
        start = np.ones(len(fits.every)) if given is None else given
        rows = np.flatnonzero(start > 0)
        classes = np.unique(fits.y[rows]) if is_classifier(self) else None
        random_state, floor = check_random_state(self.random_state), fits.range_floor(start)
        model, weight, step = clone(fits.estimator), start.copy(), 0
        for _ in range(self.max_iter):
            order, total, met = random_state.permutation(rows), 0.0, 0.0
            for first in range(0, len(order), self.batch_size):
                part = order[first : first + self.batch_size]
                if step:  # before the first batch there is nothing that predicts
                    losses = fits.losses(model, part)
                    total, met = total + losses @ start[part], met + start[part].sum()
                if step >= self.burn_in:
                    weight[part] = self._weights(losses, start[part], step, floor)
                fits.go_on(model, weight[part], part, None if step else classes)
                step += 1
            self._set_fitted(model)
            if self._record(weight.copy(), total / met if met else np.nan, "pass", task):
                return

    def _weights(self, losses, start, step, floor):
        temperature = self.temperature
        if self.temperature_schedule is not None:
            found = self.temperature_schedule(step)
            temperature = check_temperature(found, f"temperature_schedule({step})")
        return loss_based_weights(
            losses, self.strategy, temperature, sample_weight=start, range_floor=floor
        )

    def _set_fitted(self, model):
        self.estimator_ = model
        if is_classifier(self):
            self.classes_ = model.classes_
        copy_feature_info(self, [model])

    def _record(self, weight, loss, what, task):
        """Note one fit or pass, and return whether a callback asks to stop."""
        self.loss_curve_.append(float(loss))
        self.n_iter_ += 1
        self.effective_sample_size_ = float(weight.sum() ** 2 / (weight**2).sum())
        if self.store_weights:
            self.weight_history_.append(weight)
        return task.iteration(what, reconstruction_attributes=self._needed_to_predict)

    def _needed_to_predict(self):
        names = ("estimator_", "classes_", "n_features_in_", "feature_names_in_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    # ---------------------------------------------------------------- what goes in

    def _base(self):
        return self._default() if self.estimator is None else self.estimator

    def _callee(self):
        return "fit" if self.batch_size is None else "partial_fit"

    def _check(self, base):
        name = type(base).__name__
        if isinstance(base, FrozenEstimator):
            raise ValueError(f"estimator must not be frozen, since it is fitted again, got {name}.")
        self._check_kind(base, name)
        if self.batch_size is None:
            return
        method = getattr(base, "partial_fit", None)
        if method is None or "sample_weight" not in inspect.signature(method).parameters:
            raise ValueError(
                f"estimator must have a partial_fit that takes sample_weight with batch_size="
                f"{self.batch_size}, got {name}."
            )
        if self.cv is not None:
            raise ValueError(f"cv must be None with batch_size={self.batch_size}, got {self.cv!r}.")

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The estimator and the splitter receive what they request.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.reweighting import DynamicLossReweightedClassifier
        >>> type(DynamicLossReweightedClassifier().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        inner = {} if self.estimator is None else {"estimator": self.estimator}
        return router_of(self, inner, self.cv, self._callee())

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._base())
        for name in ("classifier_tags", "regressor_tags"):
            setattr(tags, name, getattr(inner, name))
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.input_tags.sparse = takes_sparse(self._base())
        if inner.estimator_type == "classifier":
            tags.target_tags.multi_output = False
        return tags

    def predict(self, X):
        """Predict labels or targets.

        It is the last fitted estimator that predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels or predictions.

        See Also
        --------
        fit : Fit the estimator.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skweight.reweighting import DynamicLossReweightedRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> DynamicLossReweightedRegressor().fit(X, y).predict(X[:2]).shape
        (2,)
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(X)


def _check_classes(y):
    if len(np.unique(y)) < 2:
        raise ValueError(
            "y must hold at least two classes among the rows of positive weight, but it has only "
            f"1 class: {np.unique(y)}."
        )
