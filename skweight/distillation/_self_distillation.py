"""Distil any regressor or classifier into itself, by fitting it again."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.linear_model import Ridge
from sklearn.utils import get_tags

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
from skweight.distillation._self_distillation_folds import (
    cross_fitted_weights,
    make_folds,
    teacher_predictions,
)
from skweight.distillation._self_distillation_inputs import (
    check_can_be_distilled,
    check_weights,
    make_learner,
)
from skweight.distillation._self_distillation_prediction import StepPredictionMixin


class SelfDistillation(
    CallbackSupportMixin, StepPredictionMixin, MetaEstimatorMixin, BaseEstimator
):
    """Fit any model several times, each time to its own predictions mixed with the ground truth.

    The first step is the ordinary fit. Every later step fits a fresh clone to ``w * y + (1 - w) *
    teacher``, where the teacher is the step before [1]_. For classifiers the teacher's
    probabilities are mixed with the true classes. Whether `estimator` is a regressor or a
    classifier decides what this is.

    Parameters
    ----------
    estimator : estimator or None, default=None
        A regressor, or a classifier with `predict_proba` whose ``fit`` takes `sample_weight`. None
        means ``Ridge()``.
    n_steps : int, default=2
        Number of steps, the ordinary fit included, at least 1.
    ground_truth_weight : "auto", float or array-like of shape (n_steps - 1,), default="auto"
        Weight of the ground truth in the second step and later ones: any number for a regressor,
        between 0 and 1 for a classifier. "auto" finds each by cross-fitting.
    weight_bounds : tuple of (float, float) or None, default=None
        Lowest and highest weight that "auto" may take; either may be infinite. None means any for
        a regressor; for a classifier they never leave [0, 1].
    teacher_predictions : {"in-sample", "out-of-fold"}, default="in-sample"
        What a teacher says of the training rows: the model's own fit of them, or the predictions
        of models that were fitted in folds, each without the rows that it predicts. The latter is
        for learners that reproduce their targets, such as forests, whose own fit teaches nothing.
    cv : int, cross-validation generator, iterable or None, default=None
        Splits for "auto" and "out-of-fold"; not used without either. None means 5 folds, a number
        that many, of neighbouring rows (stratified for classifiers): sorted rows need a shuffled
        splitter. For one held-out part give a splitter with one split, such as
        ``ShuffleSplit(1)``. "out-of-fold" needs folds that hold out each row once, together with
        "auto" at least three.
    n_jobs : int or None, default=None
        How many folds are fitted at once, as in joblib.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted model of every step.
    estimator_ : estimator
        The model of the last step, which predicts.
    ground_truth_weights_ : ndarray of shape (n_steps - 1,)
        Weights of the ground truth in the second step and later ones.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels. Only for a classifier.
    n_features_in_ : int
        Number of features, if the fitted models know it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the fitted models have them.

    See Also
    --------
    SelfDistilledKernelRidge : All steps of a kernel ridge for about the price of one.
    SelfDistilledRidge : The same for linear models.
    self_distillation_weights : The weight in closed form, for a loop of one's own.

    Notes
    -----
    "auto" keeps one chain of steps in each fold. Beside the step itself it fits a student to the
    teacher's predictions alone; the weight for which the mixture of the ordinary fit and the
    student has the smallest squared error on the held-out rows is a formula, not a search. That
    makes ``n_folds * (2 * n_steps - 1) + n_steps`` fits with "in-sample" teachers. The mixture of
    the two fits is the fit to the mixture for learners that are linear in their targets, such as
    ridge regression; for trees and boosting the weight is a good guess, not an optimum. A step
    that does worse on the held-out rows than the ordinary fit is given up: its weight is 1, if the
    bounds allow it. It may still do worse than the step before. Weights of regressors may make
    mixed targets negative; a model of positive targets needs ``weight_bounds=(0, 1)``.

    A classifier gets one copy of each row for each class, with the class's share in the mixture
    as weight. If it minimises a log loss, that is exactly the cross-entropy with the mixed
    probabilities. What counts rows instead of weights (the smallest leaf of a tree, subsamples,
    early stopping) sees several times the rows.

    Steps help a model that follows noise: trees with small leaves, forests and long boosting
    gained most where targets are noisy, trees and forests mainly by "out-of-fold" teachers, which
    for boosting were about as good as its own fit. Short boosting on clean targets gains by
    weights above 1, as it would by more rounds, and loses by a fixed weight below 1. A tree with
    large leaves reproduces its own predictions, and does not change "in-sample". Classifiers
    seldom gain accuracy; "out-of-fold" teachers make the probabilities of single trees better,
    while those of boosting and of a well regularised logistic regression stay as they are or get
    a little worse.

    Sample weights reach the models, with metadata routing if they were requested, and the squared
    error that "auto" minimises. Integer weights equal repeated rows if they do so for `estimator`
    and all copies of a row share a fold.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    This penalty is too large; a weight above 1 undoes a part of it.

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skweight.distillation import SelfDistillation
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SelfDistillation(Ridge(alpha=1.0)).fit(X, y)
    >>> model.ground_truth_weights_.round(2)
    array([2.75])
    >>> [round(float(((y - step) ** 2).mean())) for step in model.staged_predict(X)]
    [3254, 2902]
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "ground_truth_weight": [
            StrOptions({"auto"}),
            Interval(Real, None, None, closed="neither"),
            "array-like",
        ],
        "weight_bounds": [tuple, list, None],
        "teacher_predictions": [StrOptions({"in-sample", "out-of-fold"})],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_steps=2,
        ground_truth_weight="auto",
        weight_bounds=None,
        teacher_predictions="in-sample",
        cv=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.teacher_predictions = teacher_predictions
        self.cv = cv
        self.n_jobs = n_jobs

    # The inner estimator validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit all steps.

        A callback may stop the fit after any step.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the model takes; for a model of precomputed kernels
            the kernel of all pairs.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, or labels of two or more classes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        **params : dict
            Further metadata for the model or, such as `groups`, for the splitter; needs metadata
            routing.

        Returns
        -------
        SelfDistillation
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input, or a combination of parameters, has no meaning; the message names it.

        See Also
        --------
        staged_predict : Predict by every step.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skweight.distillation import SelfDistillation
        >>> X, y = load_wine(return_X_y=True)
        >>> model = SelfDistillation(GaussianNB(), ground_truth_weight=0.5).fit(X, y)
        >>> model.predict_proba(X).shape
        (178, 3)
        """
        inner = self._inner()
        check_can_be_distilled(inner)
        how = (self.ground_truth_weight, self.weight_bounds, self.n_steps)
        weights, bounds = check_weights(inner, *how)
        X, y = check_rows(inner, X, y)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        keyword, fit_params, split_params = route(self, inner, weight, params)
        learner, strata = make_learner(inner, X, y, keyword, fit_params)
        self.__dict__.pop("classes_", None)  # of an earlier fit
        if is_classifier(inner):
            self.classes_ = learner.classes
        out_of_fold = self.teacher_predictions == "out-of-fold" and self.n_steps > 1
        splits = None
        if weights is None or out_of_fold:
            splits = make_splits(self.cv, X, strata, is_classifier(inner), split_params)
        if out_of_fold:
            check_partition(splits, len(y), " with teacher_predictions='out-of-fold'")
        if weights is None:
            folds = make_folds(splits, out_of_fold)
            weights = cross_fitted_weights(learner, folds, weight, bounds, self.n_jobs)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            self._fit_steps(learner, iter(weights), splits if out_of_fold else None, task)
        return self

    def _fit_steps(self, learner, weights, splits, task):
        every, targets = learner.every, learner.targets
        self.estimators_, used = [], []
        for step in range(self.n_steps):
            if step:
                taught = teacher_predictions(
                    learner, targets, every, self.estimator_, splits, self.n_jobs
                )
                w = next(weights)
                targets = w * learner.targets + (1 - w) * taught
                used.append(w)
            self.estimator_ = learner.fit(every, targets)
            self.estimators_.append(self.estimator_)
            self.ground_truth_weights_ = np.array(used, dtype=float)
            copy_feature_info(self, self.estimators_)
            if task.iteration("step", reconstruction_attributes=self._needed_to_predict):
                break

    def _needed_to_predict(self):
        names = ("estimators_", "estimator_", "ground_truth_weights_", "classes_")
        names += ("n_features_in_", "feature_names_in_")
        state = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {**state, "estimators_": list(self.estimators_)}

    # ---------------------------------------------------------------- what goes in

    def _inner(self):
        return Ridge() if self.estimator is None else self.estimator

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The model and the splitter receive what they request, and `fit` itself takes the weights.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.distillation import SelfDistillation
        >>> type(SelfDistillation().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        given = {} if self.estimator is None else {"estimator": self.estimator}
        return router_of(self, given, self.cv)

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._inner())
        for name in ("estimator_type", "classifier_tags", "regressor_tags"):
            setattr(tags, name, getattr(inner, name))
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.input_tags.sparse = takes_sparse(self._inner())
        if inner.estimator_type == "classifier":
            tags.target_tags.multi_output = False
        return tags
