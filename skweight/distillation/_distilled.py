"""Compress any classifier into a linear model or a small network."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin
from skweight._core._sklearn_compat import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    takes_sparse,
)
from skweight._core._wrapping import route, router_of, weight_keyword
from skweight.distillation._distilled_students import (
    OF_THE_NET,
    check_student,
    fit_student,
    is_linear,
)
from skweight.distillation._distilled_teacher import (
    TeacherLearner,
    check_teacher,
    taught_logits,
    teacher_splits,
)
from skweight.neural._base import checked_rows, import_torch
from skweight.neural._classifier import LogitsMixin
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters


@documented
class DistilledClassifier(CallbackSupportMixin, LogitsMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Compress a classifier into a linear model or a small network.

    The teacher, a large or slow classifier of any kind, is fitted first. The student learns from
    the labels and from what the teacher says of the training rows, and predicts alone. By default
    it learns an order of the classes, the true one first and the others as the teacher ranks them
    [1]_. A linear student needs no torch.

    Parameters
    ----------
    teacher : classifier or None, default=None
        A classifier with `predict_proba` or `decision_function`; a fitted one comes as
        ``FrozenEstimator(teacher)``. None means a `HistGradientBoostingClassifier`.
    loss : {"plackett_luce", "kl", "cross_entropy"}, default="plackett_luce"
        What the student minimises: how ill it agrees with the teacher's order of the classes, which
        needs no mixing weight; the cross-entropy of the labels mixed with the Kullback-Leibler
        divergence from the teacher's probabilities [2]_; or the cross-entropy of the labels alone,
        for comparison, which asks no teacher.
    temperature : float, default=1.0
        Temperature of the teacher's softmax, above 0; in "kl" of the student's, too.
    label_weight : float, default=0.1
        Of "kl": the share of the labels, between 0 and 1.
    cv : int, cross-validation generator, iterable or None, default=5
        How rows are held out from the teachers that are asked of them; each row once. A number is
        that many stratified folds, or as many as the rarest class has rows. None asks a teacher of
        its own training rows, of which an overfitted one knows the labels by heart. Not used with a
        frozen teacher.
    n_jobs : int or None, default=None
        Teachers fitted at the same time, as in joblib.
    store_teacher_logits : bool, default=False
        Whether to keep what the teacher said.
    hidden_layer_sizes : tuple of int or int, default=()
        Units of the student's hidden layers; () is a linear model, fitted by L-BFGS without torch.
    alpha : float, default=0.1
        Strength of the penalty on the squared weights, at least 0: ``alpha / 2 * ||W||^2`` over the
        sum of sample weights (of a batch, in a network) is added to the mean loss; biases are free.
        It is 1 / C of `LogisticRegression` for three or more classes, 2 / C for two.
    max_iter : int, default=500
        Iterations of a linear model, or epochs of a network, at the most.
    tol : float or "auto", default="auto"
        A linear model is done when no entry of the gradient is larger; an epoch of a network that
        does not lower the loss by this much is one without improvement. "auto" is 1e-6 and 1e-4.
    random_state : int, RandomState instance or None, default=None
        Source of the default teacher's random numbers and of those of a network.
    module : callable or None, default=None
        Class or function that builds the student's network, as in
        :class:`~skweight.neural.NeuralClassifier`.
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    teacher_ : classifier
        The teacher, fitted to all rows. Only for a `loss` that asks it.
    teacher_logits_ : ndarray of shape (n_samples, n_classes)
        What teachers said of the training rows, NaN for those of weight 0. Only for
        ``store_teacher_logits=True``.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights. Only for a linear student.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants. Only for a linear student.
    net_ : StudentNet
        The fitted network, for predictions only; ``net_.module_`` is the module of torch. Only for
        a student that is one.
    n_iter_ : int
        Iterations or epochs.
    loss_curve_ : list of float
        The penalised loss after every iteration, or of every epoch.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features. Only for X with names that are strings.

    See Also
    --------
    skweight.losses.plackett_luce_distillation_loss : The loss, for arrays.
    SelfDistillation : A model of any kind as its own teacher.
    sklearn.calibration.CalibratedClassifierCV : Makes good probabilities of the student's.

    Notes
    -----
    The loss of a linear student is convex, and its minimum is found from 0, the same whatever the
    random numbers. For two classes "plackett_luce" is the cross-entropy, each row weighted by the
    teacher's probability of its label.

    "plackett_luce" is no proper scoring rule: the student is more sure than the truth even after a
    perfect teacher, see the user guide. Where probabilities matter, take ``loss="kl"``, or wrap it
    in a `CalibratedClassifierCV`.

    X is numeric and scaled, as for any linear model or network; the teacher gets it as it came.
    Sample weights enter the student's mean, and reach the teacher if it takes them. Integer weights
    equal repeated rows with ``cv=None`` and a teacher of which this is true, for a network in
    float64 with all rows in one batch. The parameters of networks from `activation` on must be left
    as they are for a linear student.

    References
    ----------
    .. [1] E. Bassam, D. Zhu and K. Bian, "PLD: A Choice-Theoretic List-Wise Knowledge
       Distillation", NeurIPS 2025, arXiv 2506.12542.
    .. [2] G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015,
       arXiv 1503.02531.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.preprocessing import scale
    >>> from skweight.distillation import DistilledClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> forest = RandomForestClassifier(20, random_state=0)
    >>> student = DistilledClassifier(forest, cv=3).fit(scale(X), y)
    >>> student.coef_.shape, student.score(scale(X), y)
    ((3, 13), 1.0)
    """

    _parameter_constraints: dict = {
        **{name: NEURAL_CONSTRAINTS[name] for name in OF_THE_NET},
        "teacher": [HasMethods(["fit", "predict"]), None],
        "loss": [StrOptions({"plackett_luce", "kl", "cross_entropy"})],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "label_weight": [Interval(Real, 0, 1, closed="both")],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
        "store_teacher_logits": ["boolean"],
        "tol": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        teacher=None,
        *,
        loss="plackett_luce",
        temperature=1.0,
        label_weight=0.1,
        cv=5,
        n_jobs=None,
        store_teacher_logits=False,
        hidden_layer_sizes=(),
        alpha=0.1,
        max_iter=500,
        tol="auto",
        random_state=None,
        module=None,
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        batch_size="auto",
        learning_rate_init=1e-3,
        shuffle=True,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        device="auto",
        dtype="auto",
        callbacks=None,
    ):
        store_parameters(self, locals())

    @property
    def _needs_torch(self):
        return not is_linear(self)

    # The teacher validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit the teacher, ask it of the training rows, and fit the student.

        Callbacks hear of the student's iterations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; sparse ones if the teacher takes them.
        y : array-like of shape (n_samples,)
            Labels of two or more classes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        **params : dict
            Further metadata for the teacher or, such as `groups`, for the splitter; needs metadata
            routing.

        Returns
        -------
        DistilledClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input, the teacher or a combination of parameters has no meaning; the message
            names it.

        See Also
        --------
        predict : Labels, by the student alone.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skweight.distillation import DistilledClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> DistilledClassifier(GaussianNB()).fit(X, y).predict(X[:1])
        array([0])
        """
        if not is_linear(self):
            import_torch(self)  # before the teacher takes its time
        check_student(self)
        if self.loss == "cross_entropy":  # no teacher is asked, but nothing is taken in silence
            route(self, self._teacher(), None, params, "teacher")
        self._forget()
        rows, y, weight = checked_rows(self, X, y, sample_weight, reset=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        used = np.arange(len(y)) if weight is None else np.flatnonzero(weight)
        classes, places = np.unique(y[used], return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                "DistilledClassifier needs samples of at least 2 classes, got 1 class: "
                f"{classes.tolist()[0]!r}."
            )
        logits = None
        if self.loss != "cross_entropy":
            given = X if hasattr(X, "columns") else rows  # a teacher may go by names of columns
            logits = self._ask_teacher(given, y, weight, used, (classes, places), params)
        self.classes_ = classes
        fit_student(self, (rows, used, weight), places, logits, (X, y, sample_weight))
        return self

    def _ask_teacher(self, X, y, weight, used, labels, params):
        """Fit the teacher, and return its logits for the rows of positive weight."""
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        teacher = self._teacher(seed)
        check_teacher(teacher)
        taken = weight if weight_keyword(teacher) or self.teacher is None else None
        _, fit_params, split_params = route(self, teacher, taken, params, "teacher")
        fit_params = {name: value for name, value in fit_params.items() if value is not None}
        classes, places = labels
        splits = None
        if self.cv is not None and not isinstance(teacher, FrozenEstimator):
            splits = teacher_splits(self.cv, used, len(y), places, classes, split_params)
        learner = TeacherLearner(teacher, X, y, fit_params, classes)
        self.teacher_, logits = taught_logits(learner, used, splits, self.n_jobs)
        if self.store_teacher_logits:
            self.teacher_logits_ = np.full((len(y), len(classes)), np.nan)
            self.teacher_logits_[used] = logits
        return logits

    def _teacher(self, seed=None):
        if self.teacher is None:
            return HistGradientBoostingClassifier(random_state=seed)
        return self.teacher

    def _forget(self):
        """Drop everything fitted, which may have been a student of another kind."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _logits(self, X):
        check_is_fitted(self, "loss_curve_")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        if hasattr(self, "net_"):
            return self.net_._outputs(X)
        scores = safe_sparse_dot(X.astype(np.float64, copy=False), self.coef_.T) + self.intercept_
        return scores if scores.shape[1] > 1 else np.column_stack([np.zeros(len(scores)), scores])

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The teacher and the splitter receive what they request, and `fit` itself takes the weights.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.distillation import DistilledClassifier
        >>> type(DistilledClassifier().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        given = {} if self.teacher is None else {"teacher": self.teacher}
        return router_of(self, given, self.cv)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        teacher = HistGradientBoostingClassifier() if self.teacher is None else self.teacher
        tags.input_tags.sparse = self.loss == "cross_entropy" or takes_sparse(teacher)
        return tags
