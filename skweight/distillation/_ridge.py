"""Linear ridge regression that is taught by its own predictions."""

from skweight._core._sklearn_compat import _fit_context
from skweight.distillation._regression import SelfDistilledRegressorMixin
from skweight.distillation._ridge_base import RIDGE_CONSTRAINTS, BaseRidgeSelfDistilled


class SelfDistilledRidge(SelfDistilledRegressorMixin, BaseRidgeSelfDistilled):
    """Regress by linear ridge on mixtures of the targets and the model's own predictions.

    The first step is ordinary ridge regression. Each later step fits
    ``w * y + (1 - w) * (predictions of the step before)`` with the same features [1]_. One
    factorisation serves all steps, their limit, exact leave-one-out predictions of each, and
    weights w in closed form.

    Parameters
    ----------
    alpha : float or array-like of shape (n_steps,), default=1.0
        Ridge penalty, above 0, as in `Ridge`. An array has one for each step.
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not penalised.
    n_steps : int, default=2
        Number of steps, at least 1.
    ground_truth_weight : float, array-like of shape (n_steps - 1,) or (n_steps - 1, n_targets), \
or {"loo", "gcv", "loo-joint", "validation"}, default=0.5
        Weight w of the original targets in the second step and later ones: any number, one for each
        step, or for each step and target. "loo" takes for each step in turn the one with the
        smallest leave-one-out error, "gcv" that of generalised cross-validation, "validation" the
        best one for `X_val` and `y_val` of `fit`; "loo-joint" takes those of all steps that are
        best together for the last one, which alone means something then.
    weight_bounds : tuple of (float, float) or None, default=None
        Lowest and highest weight for those that are found. None means any number.
    weight_per_target : bool, default=False
        Whether weights that are found differ between targets.
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
        Whether leave-one-out predictions are computed and kept, if nothing else asks for them.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients of the step `best_step_`.
    intercept_ : float or ndarray of shape (n_targets,)
        Its intercept; 0 without one.
    coef_path_ : ndarray of shape (n_steps, n_features) or (n_steps, n_targets, n_features)
        Coefficients of every step; of the last one alone, with "loo-joint".
    intercept_path_ : ndarray of shape (n_steps,) or (n_steps, n_targets)
        Their intercepts.
    ground_truth_weights_ : ndarray of shape (n_steps - 1,) or (n_steps - 1, n_targets)
        Weights of the original targets from the second step on; NaN where a joint optimum has
        none.
    best_step_ : int
        The step that predicts, from 1.
    limit_alpha_ : float
        Penalty of the ordinary fit that infinitely many steps end in. Only for one weight above 0
        and at most 2 and one penalty.
    loo_predictions_ : ndarray of shape (n_steps, n_samples) or (n_steps, n_samples, n_targets)
        Prediction for each row from a fit of all steps without it; of the last step alone, with
        "loo-joint". Only if leave-one-out was asked for.
    loo_mse_ : ndarray of shape (n_steps,)
        Weighted mean squared error of these; NaN for steps that have none. It is somewhat
        optimistic for weights that were found on it. Only if leave-one-out was asked for.
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
    SelfDistilledRidgeCV : Find penalty, step and weights together.
    SelfDistilledRidgeClassifier : The same for classes.
    SelfDistilledKernelRidge : The same with kernels.

    Notes
    -----
    Steps help most where the ordinary fit is regularised too little, and little or not at all where
    its penalty is well chosen; with ``w = 0`` many steps shrink all coefficients to 0. Infinitely
    many steps with one weight are the ordinary fit with penalty `alpha / w`.

    Leave-one-out drops a row with all its weight, as `RidgeCV` does. A row of weight 2 and two
    copies of it are the same for given weights and for "validation", but not for "loo" and "gcv":
    with repeated or grouped rows, search with `SelfDistilledRidgeCV` and a grouped splitter.
    Leave-one-out predictions for rows of weight 0 are plain predictions.

    After `sklearn.kernel_approximation.Nystroem` or `RBFSampler` in a pipeline, the model without
    intercept is exactly the kernel model for the approximate kernel. Its leave-one-out holds the
    approximation fixed, which knows the row that is left out; cross-validate the pipeline where
    there are not many more rows than components.

    "cholesky" keeps a square matrix of min(n_samples, n_features) for each penalty and neither
    copies X nor makes it dense. "svd" copies X, dense, a few times, and its singular vectors are as
    many numbers as X has; only sparse X with more features than rows stays as it is, and is
    decomposed by the products of the rows in a square of n_samples: singular values below about
    1e-8 times the root of n_samples times the largest are lost in rounding there, and count as 0.
    "lsqr" keeps n_samples + n_features numbers for each iteration and target. Nothing of the
    training rows is kept. Factorisations are in float64; for X in float32 coefficients and
    predictions come in float32.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Thirty rows of forty features need more shrinkage than the penalty gives. Weights that are found
    by leave-one-out make up for it, and a third step adds nothing.

    >>> import numpy as np
    >>> from skweight.distillation import SelfDistilledRidge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 40))
    >>> y = X[:, 0] + rng.normal(size=30)
    >>> model = SelfDistilledRidge(alpha=1.0, n_steps=3, ground_truth_weight="loo",
    ...                            step_selection="loo").fit(X, y)
    >>> model.loo_mse_.round(3)
    array([3.872, 1.959, 1.592])
    """

    _parameter_constraints: dict = {**RIDGE_CONSTRAINTS, "weight_per_target": ["boolean"]}

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        n_steps=2,
        ground_truth_weight=0.5,
        weight_bounds=None,
        weight_per_target=False,
        step_selection="last",
        solver="auto",
        tol=1e-8,
        max_iter=None,
        store_loo=False,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.weight_per_target = weight_per_target
        self.step_selection = step_selection
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.store_loo = store_loo

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit all steps.

        Data held out for "validation" are no part of cross-validation: a search slices whatever has
        the length of X, and a `Pipeline` transforms `X_val` only with
        ``transform_input=["X_val"]``. Searches are better served by "loo" and by
        `SelfDistilledRidgeCV`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Rows held out for "validation".
        y_val : array-like of shape (n_val,) or (n_val, n_targets) or None, default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Their weights.

        Returns
        -------
        SelfDistilledRidge
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
        SelfDistilledRidge.predict : Predict by any step.

        Examples
        --------
        The weight that is best for rows held out.

        >>> from sklearn.datasets import load_diabetes
        >>> from skweight.distillation import SelfDistilledRidge
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = SelfDistilledRidge(alpha=1.0, ground_truth_weight="validation")
        >>> model = model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
        >>> model.ground_truth_weights_.round(2)
        array([2.58])
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))
