"""Linear ridge classification of several steps that searches penalty, step and weights."""

from skweight.distillation._classification import CLASS_CONSTRAINTS, SelfDistilledClassifierMixin
from skweight.distillation._ridge_cv_base import RIDGE_CV_CONSTRAINTS, BaseRidgeSelfDistilledCV


class SelfDistilledRidgeClassifierCV(SelfDistilledClassifierMixin, BaseRidgeSelfDistilledCV):
    """Classify by ridge in several steps, and find penalty, step and weights by itself.

    A `SelfDistilledRidgeClassifier` is tried with every penalty of a list and every
    number of steps, and for each pair with the weights of the ground truth that are best for rows
    left out [1]_. All of it, exact leave-one-out included, comes from one decomposition. The first
    step is the ordinary fit, so that `RidgeClassifierCV` is among what is tried.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Ridge penalties to try, above 0, as in `RidgeClassifierCV`; all steps share one.
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not penalised.
    n_steps : int, default=5
        Number of steps to try, at least 1.
    ground_truth_weight : "auto", float or array-like of shape (n_steps - 1,), default="auto"
        Weight w of the labels in the second step and later ones. "auto" finds for each step in
        turn, and for each penalty, the one with the smallest error on rows left out; else any
        number, or one for each step.
    weight_bounds : tuple of (float, float) or None, default=(0.0, 2.0)
        Lowest and highest weight for those that are found. None means any number, which fits the
        rows left out better and new ones often worse: see Notes.
    cv : int, cross-validation splitter, iterable of splits or None, default=None
        How rows are left out. None is exact leave-one-out, all of it from the one decomposition
        of the fit; else every fold takes one of its training rows.
    scoring : str, callable or None, default=None
        A scorer by which penalty and step are chosen, given scores of the classes for all rows left
        out at once, and the rows' weights. None is the negative weighted mean squared error from
        the targets +1 and -1. Weights w minimise the squared error whatever it is.
    store_cv_results : bool, default=False
        Whether squared errors of leave-one-out are kept in `cv_results_`, for `cv=None` alone.
    class_weight : dict, "balanced" or None, default=None
        Factors of the rows' weights by class, at least 0; 1 for classes that a dict leaves out.
        "balanced" gives all classes the same total weight. None means 1 for all.

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
    ground_truth_weights_ : ndarray of shape (n_steps - 1,)
        Weights of the labels from the second step on, at the chosen penalty.
    cv_results_ : ndarray of shape (n_samples, n_alphas, n_steps) or \
(n_samples, n_classes, n_alphas, n_steps)
        Squared errors of leave-one-out, not multiplied by the rows' weights. Only if
        `store_cv_results` is True.
    classes_ : ndarray of shape (n_classes,)
        The classes that some row of positive weight has.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of the step `best_step_`, of the fit to all rows.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its intercepts.
    coef_path_ : ndarray of shape (n_steps, 1, n_features) or \
(n_steps, n_classes, n_features)
        Coefficients of every step.
    intercept_path_ : ndarray of shape (n_steps, 1) or (n_steps, n_classes)
        Intercepts of every step.
    limit_alpha_ : float
        Penalty of the ordinary fit that infinitely many steps end in. Only for one weight that is
        given, above 0 and at most 2.
    solver_ : {"svd"}
        The solver of the fit to all rows.
    n_iter_ : int
        1: nothing is iterated.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    SelfDistilledRidgeClassifier : The same at one given penalty.
    SelfDistilledKernelRidgeClassifierCV : The same with kernels.
    SelfDistilledRidgeCV : The same for targets that are numbers.

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

    Memory is about three times that of X, and n_samples squared numbers at most for each fold;
    beside these, penalties are tried in blocks that take 256 MB. Sparse rows with more features
    than rows are never made dense.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Of 100 digits, 40 % get a label at random. Both penalties are too small for that, and steps
    shrink the scores that have learned such labels by heart.

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skweight.distillation import SelfDistilledRidgeClassifierCV
    >>> X, y = load_digits(return_X_y=True)
    >>> X, rng = X / 16, np.random.default_rng(0)
    >>> noisy = np.where(rng.uniform(size=100) < 0.4, rng.integers(0, 10, 100), y[:100])
    >>> model = SelfDistilledRidgeClassifierCV(alphas=[0.1, 1.0]).fit(X[:100], noisy)
    >>> model.alpha_, model.best_step_
    (1.0, 5)
    >>> [round(float(np.mean(labels == y[100:])), 2) for labels in model.staged_predict(X[100:])]
    [0.56, 0.6, 0.61, 0.62, 0.63]
    """

    _parameter_constraints: dict = {**RIDGE_CV_CONSTRAINTS, **CLASS_CONSTRAINTS}

    def __init__(
        self,
        alphas=(0.1, 1.0, 10.0),
        *,
        fit_intercept=True,
        n_steps=5,
        ground_truth_weight="auto",
        weight_bounds=(0.0, 2.0),
        cv=None,
        scoring=None,
        store_cv_results=False,
        class_weight=None,
    ):
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.n_steps = n_steps
        self.ground_truth_weight = ground_truth_weight
        self.weight_bounds = weight_bounds
        self.cv = cv
        self.scoring = scoring
        self.store_cv_results = store_cv_results
        self.class_weight = class_weight
