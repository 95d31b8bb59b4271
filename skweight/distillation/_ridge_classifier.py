"""Linear ridge classification that is taught by its own scores."""

from skweight._core._sklearn_compat import _fit_context
from skweight.distillation._classification import CLASS_CONSTRAINTS, SelfDistilledClassifierMixin
from skweight.distillation._ridge_base import RIDGE_CONSTRAINTS, BaseRidgeSelfDistilled


class SelfDistilledRidgeClassifier(SelfDistilledClassifierMixin, BaseRidgeSelfDistilled):
    """Classify by linear ridge on mixtures of the labels and the model's own scores.

    Labels become targets of +1 and -1, one column for two classes and else one for each, and these
    are fitted as in `SelfDistilledRidge` [1]_: the first step fits the targets as `RidgeClassifier`
    does, each later one ``w * targets + (1 - w) * (scores of the step before)``. The class of the
    highest score is predicted.

    Parameters
    ----------
    alpha : float or array-like of shape (n_steps,), default=1.0
        Ridge penalty, above 0, as in `RidgeClassifier`. An array has one for each step.
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not penalised.
    n_steps : int, default=2
        Number of steps, at least 1.
    ground_truth_weight : float, array-like of shape (n_steps - 1,) or {"loo", "gcv", "loo-joint", \
"validation"}, default=0.5
        Weight w of the labels in the second step and later ones: any number, or one for each step.
        "loo" takes for each step in turn the one with the smallest leave-one-out error of the
        scores, "gcv" that of generalised cross-validation, "validation" the best one for `X_val`
        and `y_val` of `fit`; "loo-joint" takes those of all steps that are best together for the
        last one, which alone means something then. All of them look at squared errors of the
        targets +1 and -1, not at accuracy.
    weight_bounds : tuple of (float, float) or None, default=None
        Lowest and highest weight for those that are found. None means any number.
    step_selection : {"last", "loo"}, default="last"
        Which step predicts: the last, or the one with the smallest leave-one-out error.
    solver : {"auto", "cholesky", "svd", "lsqr"}, default="auto"
        How steps are computed. "cholesky" factorises the products of the features, or of the rows
        if they are fewer, and is fastest for weights that are given or "validation". "svd" finds
        everything from singular values. "lsqr" iterates with products of the rows with vectors,
        for sparse rows of many features. "auto" takes "svd" where leave-one-out or "gcv" is wanted,
        "lsqr" for sparse X with more than 5000 rows and features, and else "cholesky".
    tol : float, default=1e-8
        "lsqr" stops when the residual of no step in the normal equations is larger than `tol` times
        their right-hand side for the targets.
    max_iter : int or None, default=None
        Iterations of "lsqr" at the most. None means 500.
    store_loo : bool, default=False
        Whether leave-one-out scores are computed and kept, if nothing else asks for them.
    class_weight : dict, "balanced" or None, default=None
        Factors of the rows' weights by class, at least 0; 1 for classes that a dict leaves out.
        "balanced" gives all classes the same total weight. None means 1 for all.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes that some row of positive weight has.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of the step `best_step_`.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its intercepts; 0 without them.
    coef_path_ : ndarray of shape (n_steps, 1, n_features) or (n_steps, n_classes, n_features)
        Coefficients of every step; of the last one alone, with "loo-joint".
    intercept_path_ : ndarray of shape (n_steps, 1) or (n_steps, n_classes)
        Their intercepts.
    ground_truth_weights_ : ndarray of shape (n_steps - 1,)
        Weights of the labels from the second step on; NaN where a joint optimum has
        none.
    best_step_ : int
        The step that predicts, from 1.
    limit_alpha_ : float
        Penalty of the ordinary fit that infinitely many steps end in. Only for one weight above 0
        and at most 2 and one penalty.
    loo_predictions_ : ndarray of shape (n_steps, n_samples) or (n_steps, n_samples, n_classes)
        Scores of each row from a fit of all steps without it; of the last step alone, with
        "loo-joint". Only if leave-one-out was asked for.
    loo_mse_ : ndarray of shape (n_steps,)
        Weighted mean squared error of these from the targets +1 and -1; NaN for steps that have
        none. It is somewhat optimistic for weights that were found on it. Only if leave-one-out
        was asked for.
    solver_ : {"cholesky", "svd", "lsqr"}
        The solver that ran.
    n_iter_ : int
        Iterations of "lsqr"; 1 for the others.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    SelfDistilledRidgeClassifierCV : Find penalty, step and weights together.
    SelfDistilledKernelRidgeClassifier : The same with kernels.
    SelfDistilledRidge : The same for targets that are numbers.

    Notes
    -----
    Steps help most where the ordinary fit is regularised too little, and little or not at all where
    its penalty is well chosen; with ``w = 0`` many steps shrink all coefficients to 0. Scores of
    infinitely many steps with one weight are those of the ordinary fit with penalty `alpha / w`.

    Scores are no probabilities; `sklearn.calibration.CalibratedClassifierCV` makes such of them.

    Leave-one-out drops a row with all its weight, as `RidgeCV` does. A row of weight 2 and two
    copies of it are the same for given weights and for "validation", but not for "loo" and "gcv":
    with repeated or grouped rows, search with `SelfDistilledRidgeClassifierCV` and a grouped
    splitter. Leave-one-out scores for rows of weight 0 are plain scores.

    What the solvers keep in memory is said in `SelfDistilledRidge`, and how the model follows
    `Nystroem` in a pipeline.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Of 300 digits, 40 % get a label at random. In steps without ground truth the model learns from
    its own scores alone, and does better on the other digits until it shrinks too much.

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skweight.distillation import SelfDistilledRidgeClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, rng = X / 16, np.random.default_rng(0)
    >>> noisy = np.where(rng.uniform(size=300) < 0.4, rng.integers(0, 10, 300), y[:300])
    >>> model = SelfDistilledRidgeClassifier(alpha=1.0, n_steps=5,
    ...                                      ground_truth_weight=0.0).fit(X[:300], noisy)
    >>> [round(float(np.mean(labels == y[300:])), 2) for labels in model.staged_predict(X[300:])]
    [0.72, 0.75, 0.76, 0.76, 0.77]
    """

    _parameter_constraints: dict = {**RIDGE_CONSTRAINTS, **CLASS_CONSTRAINTS}

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        n_steps=2,
        ground_truth_weight=0.5,
        weight_bounds=None,
        step_selection="last",
        solver="auto",
        tol=1e-8,
        max_iter=None,
        store_loo=False,
        class_weight=None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.step_selection = step_selection
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.store_loo = store_loo
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit all steps.

        Data held out for "validation" are no part of cross-validation: a search slices whatever has
        the length of X, and a `Pipeline` transforms `X_val` only with
        ``transform_input=["X_val"]``. Searches are better served by "loo" and by
        `SelfDistilledRidgeClassifierCV`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels of at least two classes: numbers, text or booleans.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Rows held out for "validation".
        y_val : array-like of shape (n_val,) or None, default=None
            Their labels, of the same classes.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Their weights.

        Returns
        -------
        SelfDistilledRidgeClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        ConvergenceWarning
            If "lsqr" needs more than `max_iter` iterations.
        UserWarning
            If "gcv" cannot tell the weight of a step, if weights multiply rounding errors, or if
            `alpha` is too small for "cholesky".

        See Also
        --------
        SelfDistilledRidgeClassifier.predict : Predict by any step.

        Examples
        --------
        The weight that is best for the scores of rows held out.

        >>> from sklearn.datasets import load_wine
        >>> from skweight.distillation import SelfDistilledRidgeClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> model = SelfDistilledRidgeClassifier(alpha=1.0, ground_truth_weight="validation")
        >>> model = model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> model.ground_truth_weights_.round(2)
        array([1.68])
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))
