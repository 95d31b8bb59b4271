"""Paths of PRESTO fits, and the classifier that chooses among them by cross-validation."""

from numbers import Integral, Real

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._callbacks import FitTask
from skweight._core._sklearn_compat import (
    Interval,
    StrOptions,
    _fit_context,
    _routing_enabled,
    _safe_indexing,
)
from skweight.ordinal._presto import SHARED_CONSTRAINTS, BasePresto, PrestoClassifier
from skweight.ordinal._presto_problem import PrestoProblem


def presto_path(X, y, *, alphas=None, n_alphas=20, eps=1e-2, sample_weight=None, **params):
    """Fit PRESTO along a path of decreasing penalties.

    Every fit starts from the one before, which makes a path little dearer than its last fit.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Labels.
    alphas : array-like of shape (n_alphas,) or None, default=None
        Penalties, at least 0; they are sorted decreasing. None means `n_alphas` of them, evenly
        spaced on the log scale from ``alpha_max`` to ``eps * alpha_max``.
    n_alphas : int, default=20
        Number of penalties, if `alphas` is None.
    eps : float, default=1e-2
        Smallest penalty relative to the largest, above 0 and below 1, if `alphas` is None.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0.
    **params : dict
        Parameters of `PrestoClassifier` other than `alpha` and `warm_start`.

    Returns
    -------
    Bunch
        ``alphas`` of shape (n_alphas,), decreasing; ``coef_path`` of shape (n_alphas, n_classes -
        1, n_features) and ``intercept_path`` of shape (n_alphas, n_classes - 1) on the scale of X,
        in the orientation P(y > k); ``objectives``, ``dual_gaps`` and ``n_iters`` of shape
        (n_alphas,); ``alpha_max``; ``class_order``; ``feature_names`` (None if X has none).

    Raises
    ------
    ValueError
        If the input or a combination of parameters has no meaning; the message names it.

    See Also
    --------
    PrestoClassifierCV : Choose among the path by cross-validation.
    CoefficientPathDisplay : Plot the path.

    References
    ----------
    G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional Odds",
    Proceedings of the 40th International Conference on Machine Learning, PMLR 202, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import presto_path
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [0, 2])
    >>> path = presto_path(X, y, n_alphas=5)
    >>> path.coef_path.shape
    (5, 2, 3)
    >>> (path.coef_path != 0).any(axis=1).sum(axis=1).tolist()
    [0, 1, 3, 3, 3]
    """
    estimator = PrestoClassifier(**params)
    estimator._validate_params()
    _check_grid(alphas, n_alphas, eps)
    X, codes, weight = estimator._validate(X, y, sample_weight)
    problem = PrestoProblem(
        X, codes, weight, len(estimator.classes_), estimator.get_params(deep=False)
    )
    alphas = _grid(problem, alphas, n_alphas, eps)
    solutions = _solve_path(problem, alphas)
    coefs, intercepts = _stack(problem, solutions)
    return Bunch(
        alphas=alphas,
        coef_path=coefs,
        intercept_path=intercepts,
        objectives=np.array([s.objective for s in solutions]),
        dual_gaps=np.array([s.gap for s in solutions]),
        n_iters=np.array([s.n_iter for s in solutions]),
        alpha_max=problem.alpha_max,
        class_order=estimator.class_order_,
        feature_names=getattr(estimator, "feature_names_in_", None),
    )


def _check_grid(alphas, n_alphas, eps):
    if alphas is None:
        if not isinstance(n_alphas, Integral) or n_alphas < 1:
            raise ValueError(f"n_alphas must be a whole number of at least 1, got {n_alphas!r}.")
        if not isinstance(eps, Real) or not 0 < eps < 1:
            raise ValueError(f"eps must be between 0 and 1, got {eps!r}.")
        return
    try:
        values = np.asarray(alphas, dtype=float)
    except (TypeError, ValueError):
        values = np.full((1, 1), np.nan)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(
            "alphas must be a one-dimensional array of finite values of at least 0, "
            f"got {alphas!r}."
        )


def _grid(problem, alphas, n_alphas, eps):
    if alphas is None:
        return problem.alpha_grid(n_alphas, eps)
    return np.sort(np.asarray(alphas, dtype=float))[::-1]


def _solve_path(problem, alphas, listen_at=None, listener=None):
    """Solve at decreasing alphas, each from the one before; one of them may be listened to."""
    solutions, theta, gaps = [], None, None
    for i, alpha in enumerate(alphas):
        heard = listener if i == listen_at else None
        solutions.append(problem.solve(alpha, theta, heard, gaps))
        theta, gaps = solutions[-1].theta, solutions[-1].gaps
    return solutions


def _stack(problem, solutions):
    pairs = [problem.coefficients(s.theta)[:2] for s in solutions]
    return np.stack([coef for coef, _ in pairs]), np.stack([intercept for _, intercept in pairs])


def _score_fold(estimator, X, codes, y, weight, alphas, fold, train, test, scorer, score_params):
    """Fit the path on one fold's training rows; return its scores on the others."""
    order = estimator.class_order_
    totals = np.bincount(codes[train], weights=weight[train], minlength=len(order))
    if not (totals > 0).all():
        missing = order[~(totals > 0)].tolist()
        raise ValueError(
            f"The training rows of fold {fold} of cv have no weight in class {missing}: take fewer "
            "folds or stratified ones."
        )
    problem = PrestoProblem(
        X[train], codes[train], weight[train], len(order), estimator.get_params(deep=False)
    )
    scores = np.empty(len(alphas))
    for i, solution in enumerate(_solve_path(problem, alphas)):
        for name, value in estimator._attributes(problem, solution.theta).items():
            setattr(estimator, name, value)
        if scorer is None:
            scores[i] = _negative_brier(estimator, X[test], codes[test], weight[test])
        else:
            scores[i] = scorer(estimator, X[test], y[test], **score_params)
    return scores


def _negative_brier(estimator, X, codes, weight):
    """Return minus the weighted multi-class Brier score of the repaired probabilities."""
    p = estimator._ranked_proba(X)
    p[np.arange(len(codes)), codes] -= 1.0
    return -float(np.average((p * p).sum(axis=1), weights=weight))


class PrestoClassifierCV(BasePresto):
    """Predict ordered classes with PRESTO, its penalty chosen by cross-validation.

    One path of penalties serves all folds; the best one (or the largest within a standard error
    of it) is fitted again to all rows.

    Parameters
    ----------
    n_alphas : int, default=20
        Number of penalties on the path, if `alphas` is None.
    eps : float, default=1e-2
        Smallest penalty of the path relative to the largest, above 0 and below 1.
    alphas : array-like of shape (n_alphas,) or None, default=None
        Penalties, at least 0; they are sorted decreasing. None takes `n_alphas` of them, evenly
        spaced on the log scale from the smallest that fuses everything.
    cv : int, splitter, iterable of splits or None, default=5
        Folds; a number means that many stratified folds, None means 5.
    scoring : str or callable, default="brier"
        "brier" is minus the multi-class Brier score of `predict_proba`, weighted by
        `sample_weight`; otherwise any scorer of scikit-learn, where greater is better.
    n_jobs : int or None, default=None
        Number of folds fitted at once; None means 1.
    selection : {"best", "1se"}, default="best"
        "best" takes the penalty with the highest mean score (of equals the largest), "1se" the
        largest one within a standard error of it.
    l1_ratio : float, default=1.0
        Share of the absolute value in the penalty, from 0 to 1; the rest is the square.
    base_penalty : float, default=1.0
        Relative price of the first boundary's own coefficients, at least 0.
    family : {"cumulative", "continuation", "stopping", "adjacent"}, default="cumulative"
        What a boundary's linear predictor describes; see `PrestoClassifier`.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function; the family "adjacent" needs "logit".
    penalty : {"l1", "group"}, default="l1"
        Whether differences of coefficients vanish one by one, or for a whole feature at once.
    monotone : {"train", "observed", "box"}, default="train"
        Where boundaries must not cross.
    crossing : {"project", "rearrange", "raise"}, default="project"
        What `predict_proba` does where boundaries cross all the same.
    class_order : array-like of shape (n_classes,) or None, default=None
        Labels from the lowest to the highest.
    standardize : bool, default=True
        Whether to penalise on columns scaled to unit variance, anew in every fold.
    penalty_factor : array-like of shape (n_features,) or (n_classes - 1, n_features), default=None
        Relative price of each coefficient, finite and at least 0.
    adaptive : float, default=0.0
        Power of the adaptive weights, at least 0.
    positive : bool, default=False
        Whether every entry of `coef_` must be at least 0.
    fit_intercept : bool, default=True
        Whether boundaries have intercepts.
    tol : float, default=1e-7
        Duality gap to reach in every fit, above 0.
    max_iter : int, default=100
        Newton iterations of each fit at the most.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        As in `PrestoClassifier`.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        The path, decreasing.
    cv_scores_ : ndarray of shape (n_alphas, n_folds)
        Score of each penalty on each fold, greater is better.
    best_index_ : int
        Index of the chosen penalty in `alphas_`.
    alpha_ : float
        The chosen penalty.
    alpha_max_ : float
        The smallest penalty at which every penalised coefficient is 0.
    coef_path_ : ndarray of shape (n_alphas, n_classes - 1, n_features)
        Coefficients along the path, on all rows.
    intercept_path_ : ndarray of shape (n_alphas, n_classes - 1)
        Intercepts along the path, on all rows.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; columns of `predict_proba` follow them.
    class_order_ : ndarray of shape (n_classes,)
        Labels from the lowest to the highest.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Coefficients of each boundary at the chosen penalty.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercept of each boundary.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Minus `intercept_`.
    delta_coef_ : ndarray of shape (n_classes - 1, n_features)
        First row of `coef_`, then its differences.
    support_ : ndarray of bool of shape (n_features,)
        Features with any coefficient.
    varying_ : ndarray of bool of shape (n_features,)
        Features whose coefficients differ between boundaries.
    objective_ : float
        Penalised mean loss at the solution.
    dual_gap_ : float
        Upper bound of how far `objective_` is above the optimum.
    n_iter_ : int
        Newton iterations of the last fit.
    n_crossed_ : int
        Training rows at which boundaries cross.
    crossing_margin_ : ndarray of shape (n_classes - 2,)
        Smallest distance between neighbouring boundaries over the range of the training data.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    PrestoClassifier : The same at one given penalty.
    presto_path : The path without cross-validation.

    References
    ----------
    G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional Odds",
    Proceedings of the 40th International Conference on Machine Learning, PMLR 202, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import PrestoClassifierCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 4))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=500), [0, 2, 4])
    >>> model = PrestoClassifierCV(selection="1se").fit(X, y)
    >>> model.support_
    array([ True, False, False, False])
    """

    _parameter_constraints: dict = {
        "n_alphas": [Interval(Integral, 1, None, closed="left")],
        "eps": [Interval(Real, 0, 1, closed="neither")],
        "alphas": ["array-like", None],
        "cv": ["cv_object"],
        "scoring": [StrOptions({"brier", *get_scorer_names()}), callable],
        "n_jobs": [Integral, None],
        "selection": [StrOptions({"best", "1se"})],
        **SHARED_CONSTRAINTS,
    }

    def __init__(
        self,
        n_alphas=20,
        eps=1e-2,
        alphas=None,
        cv=5,
        scoring="brier",
        n_jobs=None,
        selection="best",
        l1_ratio=1.0,
        base_penalty=1.0,
        family="cumulative",
        link="logit",
        penalty="l1",
        monotone="train",
        crossing="project",
        class_order=None,
        standardize=True,
        penalty_factor=None,
        adaptive=0.0,
        positive=False,
        fit_intercept=True,
        tol=1e-7,
        max_iter=100,
        solver="auto",
    ):
        self.n_alphas = n_alphas
        self.eps = eps
        self.alphas = alphas
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.selection = selection
        self.l1_ratio = l1_ratio
        self.base_penalty = base_penalty
        self.family = family
        self.link = link
        self.penalty = penalty
        self.monotone = monotone
        self.crossing = crossing
        self.class_order = class_order
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.adaptive = adaptive
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, **params):
        """Choose the penalty by cross-validation and fit it to all rows.

        Scores of equal folds count equally, whatever the weights of their rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.
        **params : dict
            Metadata routed to the splitter (`groups`) and the scorer; only with scikit-learn's
            ``enable_metadata_routing=True``.

        Returns
        -------
        PrestoClassifierCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input has no meaning, or a fold lacks a class; the message names it.

        Warns
        -----
        ConvergenceWarning
            If the duality gap of a fit stays above tol.

        See Also
        --------
        presto_path : The path without cross-validation.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import PrestoClassifierCV
        >>> X = np.arange(60.0).reshape(-1, 1)
        >>> y = np.repeat([0, 1, 2], 20)
        >>> PrestoClassifierCV(n_alphas=5, cv=3).fit(X, y).cv_scores_.shape
        (5, 3)
        """
        _check_grid(self.alphas, self.n_alphas, self.eps)
        labels = y
        X, codes, weight = self._validate(X, y, sample_weight)
        y = self.class_order_[codes]
        scorer, routed = self._routed(y, sample_weight, params)
        splits = list(
            check_cv(5 if self.cv is None else self.cv, y, classifier=True).split(
                X, y, **routed.splitter.split
            )
        )
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, labels, metadata) as task:
            problem = PrestoProblem(
                X, codes, weight, len(self.classes_), self.get_params(deep=False)
            )
            self.alpha_max_ = problem.alpha_max
            self.alphas_ = _grid(problem, self.alphas, self.n_alphas, self.eps)
            score_params = routed.scorer.score
            self.cv_scores_ = np.column_stack(
                Parallel(n_jobs=self.n_jobs)(
                    delayed(_score_fold)(
                        self._bare_classifier(),
                        X,
                        codes,
                        y,
                        weight,
                        self.alphas_,
                        fold,
                        train,
                        test,
                        scorer,
                        {name: _safe_indexing(v, test) for name, v in score_params.items()},
                    )
                    for fold, (train, test) in enumerate(splits)
                )
            )
            self.best_index_ = self._select()
            self.alpha_ = float(self.alphas_[self.best_index_])
            self._fit_path(problem, task)
        return self

    def _fit_path(self, problem, task):
        """Fit the path on all rows and keep the chosen solution."""
        listener = self._listener(task, problem)
        solutions = _solve_path(problem, self.alphas_, self.best_index_, listener)
        self.coef_path_, self.intercept_path_ = _stack(problem, solutions)
        self._set_solution(problem, solutions[self.best_index_])

    def _bare_classifier(self):
        """Return a classifier with this one's parameters and classes, for the folds."""
        names = PrestoClassifier().get_params(deep=False).keys() & self.get_params(deep=False)
        bare = PrestoClassifier(**{name: getattr(self, name) for name in names})
        bare.classes_, bare.class_order_ = self.classes_, self.class_order_
        bare.n_features_in_ = self.n_features_in_
        return bare

    def _select(self):
        mean = self.cv_scores_.mean(axis=1)
        if not np.isfinite(mean).any():
            raise ValueError(
                f"scoring={self.scoring!r} gave no finite mean score for any alpha: take another "
                "one, or folds in which it is defined."
            )
        best = int(np.nanargmax(mean))
        if self.selection == "best":
            return best
        folds = self.cv_scores_.shape[1]
        error = self.cv_scores_[best].std(ddof=1) / np.sqrt(folds) if folds > 1 else 0.0
        return int(np.argmax(mean >= mean[best] - error))

    def _scorer(self):
        if isinstance(self.scoring, str) and self.scoring == "brier":
            return None
        return check_scoring(self, scoring=self.scoring)

    def _routed(self, y, sample_weight, params):
        """Return the scorer (None for "brier") and what is routed to it and to the splitter."""
        scorer = self._scorer()
        if not _routing_enabled():
            if params:
                raise TypeError(
                    f"fit got {sorted(params)}, which is passed on only with "
                    "sklearn.set_config(enable_metadata_routing=True)."
                )
            return scorer, Bunch(splitter=Bunch(split={}), scorer=Bunch(score={}))
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        if not params:  # there is nothing to route, and the answer to that is no container
            return scorer, Bunch(splitter=Bunch(split={}), scorer=Bunch(score={}))
        routed = process_routing(self, "fit", **params)
        if "scorer" not in routed:
            routed.scorer = Bunch(score={})
        return scorer, routed

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The splitter and the scorer receive what they request; `fit` itself takes the weights.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.ordinal import PrestoClassifierCV
        >>> type(PrestoClassifierCV().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        router = MetadataRouter(owner=self.__class__.__name__).add_self_request(self)
        router.add(
            splitter=check_cv(5 if self.cv is None else self.cv),
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
        scorer = self._scorer()
        if hasattr(scorer, "get_metadata_routing"):
            router.add(
                scorer=scorer,
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
        return router
