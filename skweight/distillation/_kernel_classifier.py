"""Kernel ridge classification that is taught by its own scores."""

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import _fit_context
from skweight.distillation._base import STEP_CONSTRAINTS
from skweight.distillation._classification import CLASS_CONSTRAINTS, SelfDistilledClassifierMixin
from skweight.distillation._kernel_base import KERNEL_CONSTRAINTS, BaseKernelSelfDistilled


class SelfDistilledKernelRidgeClassifier(SelfDistilledClassifierMixin, BaseKernelSelfDistilled):
    """Classify by kernel ridge on mixtures of the labels and the model's own scores.

    Labels become targets of +1 and -1, one column for two classes and else one for each, and these
    are fitted as in `SelfDistilledKernelRidge` [1]_: the first step fits the targets, each later
    one ``w * targets + (1 - w) * (scores of the step before)``. The class of the highest score is
    predicted. With wrong labels among the right ones the steps can undo what the first has learned
    by heart.

    Parameters
    ----------
    alpha : float or array-like of shape (n_steps,), default=1.0
        Ridge penalty, above 0, as in `KernelRidge`. An array has one for each step.
    kernel : str or callable, default="rbf"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`, "precomputed" for X that holds the
        kernel matrix, or a function of two rows.
    gamma : float or None, default=None
        Parameter of several kernels, at least 0. None leaves it to the kernel.
    degree : float, default=3
        Degree of the polynomial kernel.
    coef0 : float, default=1
        Constant of the polynomial and sigmoid kernels.
    kernel_params : dict or None, default=None
        More parameters for a kernel that is a function.
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
    solver : {"auto", "cholesky", "eigh", "lanczos"}, default="auto"
        How steps are computed. "cholesky" is fastest for weights that are given or "validation",
        "eigh" finds everything from eigenvalues, "lanczos" iterates with products of the kernel
        matrix, in memory that grows with n_samples times iterations where the matrix does not fit.
        "auto" takes the faster of the first two.
    tol : float, default=1e-8
        "lanczos" stops when the residual of no step is larger than `tol` times the norm of the
        targets.
    max_iter : int or None, default=None
        Iterations of "lanczos" at the most. None means 500.
    store_loo : bool, default=False
        Whether leave-one-out scores are computed and kept, if nothing else asks for them.
    class_weight : dict, "balanced" or None, default=None
        Factors of the rows' weights by class, at least 0; 1 for classes that a dict leaves out.
        "balanced" gives all classes the same total weight. None means 1 for all.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes that some row of positive weight has.
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Dual coefficients of the step `best_step_`.
    dual_coef_path_ : ndarray of shape (n_steps, n_samples) or (n_steps, n_samples, n_classes)
        Those of every step; of the last one alone, with "loo-joint".
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
        none. It is somewhat optimistic for weights that were found on it. Only if leave-one-out was
        asked for.
    solver_ : {"cholesky", "eigh", "lanczos"}
        The solver that ran.
    n_iter_ : int
        Iterations of "lanczos"; 1 for the others.
    X_fit_ : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Training rows, or their kernel matrix, needed for prediction.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    SelfDistilledKernelRidgeClassifierCV : Find penalty, step and weights together.
    SelfDistilledRidgeClassifier : The same for linear models.
    SelfDistilledKernelRidge : The same for targets that are numbers.

    Notes
    -----
    Steps help most where the ordinary fit is regularised too little, and little or not at all where
    its penalty is well chosen; with ``w = 0`` many steps shrink all scores to 0. Scores of
    infinitely many steps with one weight are those of the ordinary fit with penalty `alpha / w`.

    Scores are no probabilities; `sklearn.calibration.CalibratedClassifierCV` makes such of them.

    Leave-one-out drops a row with all its weight, as `RidgeCV` does. A row of weight 2 and two
    copies of it are the same for given weights and for "validation", but not for "loo" and "gcv":
    with repeated or grouped rows, search with `SelfDistilledKernelRidgeClassifierCV` and a grouped
    splitter.

    Memory is one matrix of n_samples squared numbers for "cholesky", and two for "eigh".

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Of 300 digits, 40 % get a label at random. In steps without ground truth the model learns from
    its own scores alone, and does better and better on the other digits.

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skweight.distillation import SelfDistilledKernelRidgeClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, rng = X / 16, np.random.default_rng(0)
    >>> noisy = np.where(rng.uniform(size=300) < 0.4, rng.integers(0, 10, 300), y[:300])
    >>> model = SelfDistilledKernelRidgeClassifier(alpha=0.1, gamma=0.1, n_steps=6,
    ...                                            ground_truth_weight=0.0).fit(X[:300], noisy)
    >>> [round(float(np.mean(labels == y[300:])), 2) for labels in model.staged_predict(X[300:])]
    [0.74, 0.8, 0.82, 0.83, 0.83, 0.84]
    """

    _parameter_constraints: dict = {
        **KERNEL_CONSTRAINTS,
        **STEP_CONSTRAINTS,
        **CLASS_CONSTRAINTS,
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        kernel="rbf",
        gamma=None,
        degree=3,
        coef0=1,
        kernel_params=None,
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
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.step_selection = step_selection
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.store_loo = store_loo
        self.class_weight = class_weight

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit all steps.

        Data held out for "validation" are no part of cross-validation: a search slices whatever has
        the length of X, and a `Pipeline` transforms `X_val` only with
        ``transform_input=["X_val"]``. Searches are better served by "loo" and by
        `SelfDistilledKernelRidgeClassifierCV`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, or their kernel matrix of shape (n_samples, n_samples).
        y : array-like of shape (n_samples,)
            Labels of at least two classes: numbers, text or booleans.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Rows held out for "validation"; with a precomputed kernel their kernel with the training
            rows.
        y_val : array-like of shape (n_val,) or None, default=None
            Their labels, of the same classes.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Their weights.

        Returns
        -------
        SelfDistilledKernelRidgeClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.
        MemoryError
            If the kernel matrix or its decomposition does not fit; the message says what does.

        Warns
        -----
        UserWarning
            If "gcv" cannot tell the weight of a step, if weights multiply rounding errors, or if
            `alpha` is too small for "cholesky".
        ConvergenceWarning
            If "lanczos" did not reach `tol` in `max_iter` iterations.

        See Also
        --------
        SelfDistilledKernelRidgeClassifier.predict : Predict by any step.

        Examples
        --------
        The weight that is best for rows held out.

        >>> from skweight.distillation import SelfDistilledKernelRidgeClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"]
        >>> model = SelfDistilledKernelRidgeClassifier(ground_truth_weight="validation")
        >>> model = model.fit(X, y, X_val=[[0.5], [2.5]], y_val=["no", "yes"])
        >>> model.ground_truth_weights_.round(2)
        array([2.05])
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))
