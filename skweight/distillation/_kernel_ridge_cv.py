"""Kernel ridge regression of several steps that searches penalty, step and weights."""

from skweight.distillation._kernel_cv import KERNEL_CV_CONSTRAINTS, BaseKernelSelfDistilledCV
from skweight.distillation._regression import SelfDistilledRegressorMixin


class SelfDistilledKernelRidgeCV(SelfDistilledRegressorMixin, BaseKernelSelfDistilledCV):
    """Regress by kernel ridge in several steps, and find penalty, step and weights by itself.

    A `SelfDistilledKernelRidge` is tried with every penalty of a list and every
    number of steps, and for each pair with the weights of the ground truth that are best for rows
    left out [1]_. All of it, exact leave-one-out included, comes from one decomposition. The first
    step is the ordinary fit, so that `KernelRidge` is among what is tried.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Ridge penalties to try, above 0, as in `KernelRidge`; all steps share one.
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
    n_steps : int, default=5
        Number of steps to try, at least 1.
    ground_truth_weight : "auto", float or array-like of shape (n_steps - 1,) or \
(n_steps - 1, n_targets), default="auto"
        Weight w of the original targets in the second step and later ones. "auto" finds for each
        step in turn, and for each penalty, the one with the smallest error on rows left out; else
        any number, one for each step, or for each step and target.
    weight_bounds : tuple of (float, float) or None, default=(0.0, 2.0)
        Lowest and highest weight for those that are found. None means any number, which fits the
        rows left out better and new ones often worse: see Notes.
    weight_per_target : bool, default=False
        Whether weights that are found differ between targets.
    cv : int, cross-validation splitter, iterable of splits or None, default=None
        How rows are left out. None is exact leave-one-out, all of it from the one decomposition
        of the fit; else every fold takes one of its training rows.
    scoring : str, callable or None, default=None
        A scorer by which penalty and step are chosen, given predictions for all rows left out at
        once, and the rows' weights. None is the negative weighted mean squared error. Weights w
        minimise the squared error whatever it is.
    store_cv_results : bool, default=False
        Whether squared errors of leave-one-out are kept in `cv_results_`, for `cv=None` alone.

    Attributes
    ----------
    alpha_ : float
        The chosen penalty.
    best_step_ : int
        The chosen step, from 1, which predicts.
    best_score_ : float
        Its score on rows left out: optimistic for what was chosen by it.
    scores_ : ndarray of shape (n_alphas, n_steps)
        Scores of all penalties and steps, greater is better.
    ground_truth_weights_ : ndarray of shape (n_steps - 1,) or (n_steps - 1, n_targets)
        Weights of the original targets from the second step on, at the chosen penalty.
    cv_results_ : ndarray of shape (n_samples, n_alphas, n_steps) or \
(n_samples, n_targets, n_alphas, n_steps)
        Squared errors of leave-one-out, not multiplied by the rows' weights. Only if
        `store_cv_results` is True.
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Dual coefficients of the step `best_step_`, of the fit to all rows.
    dual_coef_path_ : ndarray of shape (n_steps, n_samples) or (n_steps, n_samples, n_targets)
        Those of every step.
    limit_alpha_ : float
        Penalty of the ordinary fit that infinitely many steps end in. Only for one weight that is
        given, above 0 and at most 2.
    solver_ : {"eigh"}
        The solver of the fit to all rows.
    n_iter_ : int
        1: nothing is iterated.
    X_fit_ : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Training rows, or their kernel matrix, needed for prediction.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    SelfDistilledKernelRidge : The same at one given penalty.
    SelfDistilledRidgeCV : The same for linear models.
    SelfDistilledKernelRidgeClassifierCV : The same for classes.

    Notes
    -----
    Penalties are compared in the order given, then steps. Scores that agree to ten digits count as
    equal, of which the first is taken: where nothing is gained, that is the ordinary fit.

    A weight that was found on the rows left out makes their error look better than it is, by about
    one fitted number, and the best of many pairs of penalty and step is partly best by chance.
    Without a scorer a chain of t steps is therefore charged a share of ``2 (t - 1) / n_samples`` of
    its error, and taken only if it gains more than half a standard error (of the paired
    differences of squared errors) over the best ordinary fit. The sum of the weights of rows stands
    for `n_samples` where that is more. `scores_` and `best_score_` are without all this, and
    weights that are given are compared as they are.

    Bounds matter. Many pairs of penalty and step fit the rows left out nearly alike, and weights
    far outside of [0, 2] combine them into differences that follow the noise. Between 0 and 1 a
    step shrinks, between 1 and 2 it undoes part of the shrinkage of the first.

    Leave-one-out drops a row with all its weight, as `RidgeCV` does. A row of weight 2 and two
    copies of it are the same for a `cv` that keeps copies together, but not for `cv=None`: with
    repeated or grouped rows, take a grouped splitter.

    Memory is two matrices of n_samples squared numbers for `cv=None` and, for folds, about as many
    again; beside these, penalties are tried in blocks that take 256 MB.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Three penalties are a coarse choice, and a second step makes up for it.

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skweight.distillation import SelfDistilledKernelRidgeCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SelfDistilledKernelRidgeCV(gamma=0.1, n_steps=3).fit(scale(X), scale(y))
    >>> model.alpha_, model.best_step_
    (1.0, 2)
    >>> model.scores_.round(3)
    array([[-0.648, -0.584, -0.562],
           [-0.534, -0.519, -0.52 ],
           [-0.556, -0.52 , -0.54 ]])
    """

    _parameter_constraints: dict = {**KERNEL_CV_CONSTRAINTS, "weight_per_target": ["boolean"]}

    def __init__(
        self,
        alphas=(0.1, 1.0, 10.0),
        *,
        kernel="rbf",
        gamma=None,
        degree=3,
        coef0=1,
        kernel_params=None,
        n_steps=5,
        ground_truth_weight="auto",
        weight_bounds=(0.0, 2.0),
        weight_per_target=False,
        cv=None,
        scoring=None,
        store_cv_results=False,
    ):
        self.alphas = alphas
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.weight_per_target = weight_per_target
        self.cv = cv
        self.scoring = scoring
        self.store_cv_results = store_cv_results
