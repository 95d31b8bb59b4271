"""What the estimators that choose their strength share: folds, the choice, and the last fit."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._callbacks import FitTask
from skweight._core._sklearn_compat import (
    Interval,
    StrOptions,
    _fit_context,
    _routing_enabled,
    check_sample_weight,
)
from skweight.fairness._cv_folds import HeldOut, score_fold, some_rows
from skweight.fairness._glm_base import SHARED_CONSTRAINTS
from skweight.fairness._held_out import rows_of, statistic_for
from skweight.fairness._path_common import check_strengths, each_warning_once, follow, warn_of_fits
from skweight.fairness._selection import BUDGET_TYPES, RULES, select_strength

# Constraints of the parameters that both estimators have.
CV_CONSTRAINTS = {
    "fairness_alphas": ["array-like"],
    "fairness_budget": [Interval(Real, 0, None, closed="left")],
    "budget_type": [StrOptions(set(BUDGET_TYPES))],
    "rule": [StrOptions(set(RULES))],
    "unfairness": [StrOptions({"ccdcov", "js_divergence", "ks"}), callable],
    "cv": ["cv_object"],
    "n_jobs": [Integral, None],
    **SHARED_CONSTRAINTS,
}

# A model whose predictions vary by less than this share of those at strength 0 is constant.
_CONSTANT = 1e-6


class BaseDistanceCovarianceCV:
    """Choose the strength by cross-validation; a subclass says which estimator it chooses for."""

    # The estimator of one strength.
    _plain_class = None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, sensitive_features=None, **params):
        """Choose the strength by cross-validation and fit it to all rows.

        Losses and figures of unfairness of all folds count equally, whatever the weights of their
        rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; sparse ones are never made dense.
        y : array-like of shape (n_samples,)
            Targets in the range of the loss, or labels of two or more classes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0; they enter the fits and what is measured on held-out
            rows. A row of weight 0 has a place in the folds, but counts nowhere. None means 1 for
            all.
        sensitive_features : array-like or data frame of shape (n_samples,) or \
(n_samples, n_attributes), or None, default=None
            Protected attributes by position of the rows, where `sensitive_columns` is None.
        **params : dict
            Metadata routed to the splitter, such as `groups`; only with scikit-learn's
            ``enable_metadata_routing=True``.

        Returns
        -------
        BaseDistanceCovarianceCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning, or a fold cannot be fitted
            or measured; the message names it.

        Warns
        -----
        UserWarning
            If there are no attributes, if no strength meets the budget or nothing has to be
            removed, if the chosen model is constant, or if folds are too small for the unbiased
            statistic.
        ConvergenceWarning
            If fits did not reach `tol`, or predictions ran away.

        See Also
        --------
        fairness_path : All strengths in a table, without cross-validation.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.fairness import DistanceCovarianceRegressorCV
        >>> rng = np.random.default_rng(0)
        >>> s = rng.choice(["a", "b"], size=200)
        >>> X = np.column_stack([(s == "a") + rng.normal(size=200), rng.normal(size=200)])
        >>> y = X.sum(axis=1) + rng.normal(size=200)
        >>> model = DistanceCovarianceRegressorCV(cv=3).fit(X, y, sensitive_features=s)
        >>> model.loss_path_.shape
        (6, 3)
        """
        with each_warning_once(stacklevel=3):
            strengths = np.union1d(0.0, check_strengths(self.fairness_alphas))
            rows = self._fit_rows(X, y, sample_weight, sensitive_features)
            split_params = self._split_params(params)
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            with FitTask.root(self, X, y, metadata) as task:
                problem, encoder = self._problem(rows)
                if rows.attributes is None:
                    strengths = strengths[:1]
                kept = np.flatnonzero(check_sample_weight(sample_weight, X))
                splits = self._splits(X, y, rows, kept, split_params)
                # Drawn before the folds, so that their order in time does not matter.
                rng = check_random_state(self.random_state)
                *seeds, last = rng.randint(2**31 - 1, size=len(splits) + 1)
                given = None  # what a measure of the user's is handed, in the user's form
                if callable(self.unfairness) and rows.attributes is not None:
                    named = sensitive_features is None
                    given = rows.attributes if named else rows_of(sensitive_features, kept)
                self._score(problem, rows, splits, strengths, seeds, given)
                self._choose(rows)
                self._refit(problem, encoder, rows, task, last)
        return self

    # ---------------------------------------------------------------- folds

    def _splits(self, X, y, rows, kept, params):
        """Return the folds as places among the rows of positive weight, the `kept` ones."""
        y = self._checked_target(y)
        cv = check_cv(5 if self.cv is None else self.cv, y, classifier=is_classifier(self))
        every = np.arange(len(y))
        place = np.full(len(y), -1)
        place[kept] = np.arange(len(kept))
        splits = []
        for fold, parts in enumerate(cv.split(X, y, **params)):
            # Masks are taken too, as by scikit-learn's own cross-validation.
            train, test = (place[every[part]] for part in parts)
            train, test = train[train >= 0], test[test >= 0]
            for part, name in ((train, "training"), (test, "held-out")):
                if not len(part):
                    raise ValueError(
                        f"Fold {fold} of cv has no {name} rows of positive weight: take fewer "
                        "folds, or others."
                    )
            self._check_training(rows, train, fold)
            splits.append((train, test))
        return splits

    def _check_training(self, rows, train, fold):
        """Raise if a fold's training rows cannot be fitted."""
        bare = self._plain()
        try:
            bare._target(some_rows(rows, train))
        except ValueError as error:
            raise ValueError(
                f"The training rows of fold {fold} of cv cannot be fitted, take fewer folds or "
                f"others: {error}"
            ) from error
        missing = set(getattr(self, "classes_", ())) - set(getattr(bare, "classes_", ()))
        if missing:
            raise ValueError(
                f"The training rows of fold {fold} of cv have no weight in class "
                f"{sorted(map(str, missing))}: take fewer folds or stratified ones."
            )

    def _plain(self):
        """Return the estimator of one strength, with the parameters of this one."""
        names = self._plain_class._get_param_names()
        mine = self.get_params(deep=False)
        return self._plain_class(**{name: mine[name] for name in names if name in mine})

    def _score(self, problem, rows, splits, strengths, seeds, given):
        """Set the held-out loss and unfairness of each strength in each fold."""
        statistic = statistic_for([rows.weight[test] for _, test in splits])
        if statistic == "V" and self.unfairness == "ccdcov" and rows.attributes is not None:
            warnings.warn(
                "Some fold holds out rows or weights that add up to at most 3, so dependence is "
                "measured by the V statistic, which is above 0 without dependence: take fewer "
                "folds, or more rows.",
                UserWarning,
                stacklevel=2,
            )

        def held_out(test):
            part = some_rows(rows, test)
            handed = None if given is None else rows_of(given, test)
            return HeldOut(part.X, problem.y[test], part.weight, part.attributes, handed)

        jobs = (
            delayed(score_fold)(
                self._plain(),
                some_rows(rows, train),
                held_out(test),
                strengths,
                self.unfairness,
                statistic,
                int(seed),
            )
            for (train, test), seed in zip(splits, seeds)
        )
        scores = Parallel(n_jobs=self.n_jobs)(jobs)
        for category, message in (said for score in scores for said in score.said):
            warnings.warn(message, category, stacklevel=2)
        diverged, unfinished = (
            np.any([getattr(score, name) for score in scores], axis=0)
            for name in ("diverged", "unfinished")
        )
        warn_of_fits(strengths, diverged, unfinished, " on training rows of folds")
        self.fairness_alphas_ = strengths
        self.loss_path_ = np.column_stack([score.loss for score in scores])
        self.unfairness_path_ = np.column_stack([score.unfairness for score in scores])
        self._check_measured()

    def _check_measured(self):
        """Raise if unfairness could not be measured where predictions were sound."""
        lost = np.isnan(self.unfairness_path_) & np.isfinite(self.loss_path_)
        if len(self.fairness_alphas_) > 1 and lost.any():
            fold = int(np.argmax(lost.any(axis=0)))
            shown = getattr(self.unfairness, "__name__", repr(self.unfairness))
            raise ValueError(
                f"unfairness={shown} is not a number on the rows that fold {fold} of cv holds out: "
                "take fewer folds, fewer attributes, or unfairness='ccdcov', which needs no groups."
            )

    # ---------------------------------------------------------------- choice and last fit

    def _choose(self, rows):
        """Set the chosen strength."""
        self.best_index_ = 0
        if rows.attributes is not None:
            self.best_index_, sentences = select_strength(
                self.fairness_alphas_,
                self.loss_path_.mean(axis=1),
                self.unfairness_path_.mean(axis=1),
                fairness_budget=self.fairness_budget,
                budget_type=self.budget_type,
                rule=self.rule,
            )
            for sentence in sentences:
                warnings.warn(sentence, UserWarning, stacklevel=2)
        self.fairness_alpha_ = float(self.fairness_alphas_[self.best_index_])

    def _refit(self, problem, encoder, rows, task, seed):
        """Follow the path on all rows up to the chosen strength."""
        strengths = self.fairness_alphas_[: self.best_index_ + 1]
        rng = np.random.RandomState(seed)
        listener = self._listener(task, problem.loss, rows)
        chosen = follow(problem, strengths, self.n_init, rng, listener)[-1]
        self._set_solution(problem, chosen, rows, encoder)
        unfinished = not (chosen.converged or chosen.stopped or chosen.diverged)
        warn_of_fits(strengths[-1:], [chosen.diverged], [unfinished])
        self._warn_of_model(problem, chosen)

    def _warn_of_model(self, problem, chosen):
        if problem.penalty is None:
            warnings.warn(
                f"This {type(self).__name__} knows no protected attributes and is a plain "
                "generalised linear model: give sensitive_columns, or sensitive_features to fit.",
                UserWarning,
                stacklevel=2,
            )
            return
        if self.fairness_alpha_ > 0 and self.statistic == "U" and chosen.penalty < 0:
            warnings.warn(
                f"The unbiased penalty is below 0 ({chosen.penalty:.3g}), where it rewards noise "
                "instead of removing dependence: use statistic='V' or lower strengths.",
                UserWarning,
                stacklevel=2,
            )
        if _spread(problem, chosen) < _CONSTANT * _spread(problem, problem.baseline()):
            what = "only constants meet the budget" if self.rule == "budget" else "it is the knee"
            warnings.warn(
                f"The chosen model, of fairness_alpha={self.fairness_alpha_:g}, is constant: "
                f"{what}. Raise fairness_budget, or add lower strengths, for predictions that "
                "differ.",
                UserWarning,
                stacklevel=2,
            )

    # ---------------------------------------------------------------- metadata

    def _split_params(self, params):
        """Return what is routed to the splitter."""
        if not params:
            return {}
        if not _routing_enabled():
            raise TypeError(
                f"fit got {sorted(params)}, which is passed on only with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        return process_routing(self, "fit", **params).splitter.split

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The splitter receives what it requests; `fit` itself takes weights and attributes.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceRegressorCV
        >>> type(DistanceCovarianceRegressorCV().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        router.add(
            splitter=check_cv(5 if self.cv is None else self.cv),
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
        return router


def _spread(problem, solution):
    """Return the weighted standard deviation of predictions, over all classes."""
    mu = problem.loss.mean(problem.design.scores(solution.coef, solution.intercept))
    centred = mu - problem.share @ mu
    return float(np.sqrt(np.sum(problem.share @ centred**2)))
