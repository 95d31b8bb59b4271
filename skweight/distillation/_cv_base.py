"""What the models that search penalty, step and weights share: folds, the choice, the last fit."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MethodMapping, process_routing

from skweight._core._array_api import as_type, follow, namespace, to_numpy
from skweight._core._callbacks import FitTask
from skweight._core._labels import checked_labels
from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context, _routing_enabled
from skweight._core._wrapping import of_rows, router_of
from skweight.distillation._base import warn_of_growth
from skweight.distillation._cv_observers import (
    GivenPredictions,
    GivenScores,
    Scores,
    SquaredErrors,
)
from skweight.distillation._cv_scores import (
    SAME_ERROR,
    Fold,
    HeldOut,
    LeftOut,
    charged,
    count_rows,
    first_best,
    given,
    is_worth_it,
    search,
)
from skweight.distillation._leave_one_out import check_enough_rows, pooled_squared_error
from skweight.distillation._problem import fit_of
from skweight.distillation._rows import pick
from skweight.distillation._rules import Rule, distil_rule, make_rule
from skweight.distillation._weights import check_bounds

# Constraints of the parameters that all these models share.
CV_CONSTRAINTS = {
    "alphas": ["array-like"],
    "n_steps": [Interval(Integral, 1, None, closed="left")],
    "ground_truth_weight": [
        Interval(Real, None, None, closed="neither"),
        "array-like",
        StrOptions({"auto"}),
    ],
    "weight_bounds": [tuple, list, None],
    "cv": ["cv_object"],
    "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    "store_cv_results": ["boolean"],
}


class BaseSelfDistilledCV:
    """Search penalty, step and weights, then fit all steps to all rows.

    The other base, for kernels or for features, has `_decomposing`, the name of its exact solver,
    ``_attributes(X, rows, penalties, fit, solver, last)`` and

    - ``_weighted_rows(X, y, weight)``, which returns the `WeightedRows`;
    - ``_decomposed(rows)``, which returns their `Spectrum`, and the function from coordinates to
      coefficients of the model;
    - ``_outward(rows, spectrum, to_coefficients, X)``, which returns the matrix from coordinates to
      predictions for other rows, about the mean of the targets;
    - ``_folds(rows, y, splits)``, which yields a `Fold` for each split of the rows with weight.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, **params):
        """Search penalty, step and weights, and fit all steps to all rows with the best ones.

        Rows left out count by their weights; one that several folds hold out counts as often.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; for a precomputed kernel their kernel matrix of shape
            (n_samples, n_samples).
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, or one column of labels of at least two classes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. A row of weight 0 has a place in the folds, but counts
            nowhere. None means 1 for all.
        **params : dict
            `groups` for the splitter `cv`; with scikit-learn's ``enable_metadata_routing=True``
            whatever the splitter and the scorer request.

        Returns
        -------
        BaseSelfDistilledCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        UserWarning
            If weights multiply rounding errors.

        See Also
        --------
        predict : Predict by the step that was chosen, or by any other.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.model_selection import GroupKFold
        >>> from skweight.distillation import SelfDistilledRidgeCV
        >>> rng = np.random.default_rng(0)
        >>> X = np.repeat(rng.normal(size=(20, 5)), 3, axis=0)
        >>> y = X[:, 0] + rng.normal(size=60)
        >>> model = SelfDistilledRidgeCV(cv=GroupKFold(5))
        >>> model.fit(X, y, groups=np.repeat(np.arange(20), 3)).scores_.shape
        (3, 5)
        """
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            if self.store_cv_results and self.cv is not None:
                raise ValueError(
                    "store_cv_results=True keeps the errors of leave-one-out, for which cv must be "
                    f"None, got {self.cv!r}."
                )
            scorer, split_params, score_params = self._routed(metadata, params)
            given = X, y
            X, y, weight = self._checked(X, y, sample_weight, ("csr",))
            alphas, rule = self._space(y.shape[1])
            rows = self._weighted_rows(X, y, weight)
            score = None
            if scorer is not None:
                score = partial(self._score_left_out, scorer, given[1], y, score_params)
            splits = None if self.cv is None else self._splits(*given, rows, split_params)
            chosen, fit = self._search(X, y, rows, alphas, rule, splits, score)
            penalties = np.full(self.n_steps, chosen["alpha_"])

            def attributes(last=None):
                fitted = self._attributes(X, rows, penalties, fit, self._decomposing, last)
                return {**fitted, **chosen}

            self._replace(attributes(self._report_steps(task, attributes)))
        warn_of_growth(fit.distilled.weights)
        return self

    # ---------------------------------------------------------------- search

    def _space(self, n_targets):
        """Return the penalties, and the rule of the weights, after checking both."""
        alphas = np.asarray(self.alphas)
        numeric = alphas.dtype.kind in "iuf" and alphas.ndim == 1 and alphas.size
        if not numeric or not (np.isfinite(alphas) & (alphas > 0)).all():
            raise ValueError(
                f"alphas must be one or more finite numbers above 0, got {self.alphas!r}."
            )
        # The columns of a classifier share weights: others could change which score is highest.
        per_target = getattr(self, "weight_per_target", None)
        if isinstance(self.ground_truth_weight, str):
            rule = Rule("auto", None, check_bounds(self.weight_bounds), bool(per_target))
        else:
            n_targets = None if per_target is None else n_targets
            rule, _ = make_rule(self.ground_truth_weight, 1.0, self.n_steps, n_targets)
        return alphas.astype(float), rule

    def _search(self, X, y, rows, alphas, rule, splits, score):
        """Return the attributes that say what was chosen, and the fit to all rows."""
        y_kept = rows.take(y)
        places = np.arange(y_kept.shape[0])
        if splits is None:
            check_enough_rows(len(places))
            system = self._decomposed(rows)
            left_out = LeftOut(system[0], y_kept)
        else:
            left_out = HeldOut(list(self._folds(rows, y_kept, splits)))
            places = np.concatenate([test for _, test in splits])
        y_out = pick(y_kept, places)
        weight_out = None if rows.weight is None else pick(rows.weight, places)
        scores = squares = None
        if score is not None:
            kept = places if rows.kept is None else rows.kept[places]
            scores = Scores(partial(score, kept), len(alphas), self.n_steps)
        if self.store_cv_results:
            squares = SquaredErrors(y_out)
        observers = [observer for observer in (scores, squares) if observer is not None]
        errors, weights = search(
            left_out, y_out, weight_out, follow(y, alphas)[0], self.n_steps, rule, observers
        )
        if scores is None:
            # Errors of this size are rounding.
            slack = SAME_ERROR * float(pooled_squared_error(y_out, 0.0 * y_out, weight_out))
            table = -errors
            # A row that several folds hold out is one row.
            once = np.unique(places, return_index=True)[1]
            n_rows = count_rows(len(once), None if weight_out is None else pick(weight_out, once))
            judged = -charged(errors, rule, n_rows, y_out.shape[1])
        else:
            slack, table = 0.0, self._finite(scores.values)
            judged = table
        place, step = first_best(judged, slack)
        if step and scores is None and rule.kind != "fixed":
            ordinary, _ = first_best(judged[:, :1], slack)
            both = [ordinary, place]
            predictions, _ = left_out.chain(
                follow(y, alphas[both])[0], step + 1, given(follow(y, weights[both])[0])
            )
            before, after = predictions[0][:, 0, :], predictions[step][:, 1, :]
            charge = float(table[place, step] - judged[place, step])
            if not is_worth_it(y_out, before, after, weight_out, n_rows, charge):
                place, step = ordinary, 0
        chosen = {
            "alpha_": float(alphas[place]),
            "best_score_": float(table[place, step]),
            "scores_": follow(y, table)[0],
        }
        if squares is not None:
            squares = self._of_all_rows(X, y, rows, system, alphas, weights, squares.values)
            squares = namespace(squares).moveaxis(self._shaped(squares), (0, 1), (-1, -2))
            chosen["cv_results_"] = as_type(squares, X.dtype)
        if splits is not None:
            del left_out  # folds and all rows need not be there at a time
            system = self._decomposed(rows)
        own = rule.per_target or np.ndim(rule.weights) == 2
        weights = weights[place] if own else weights[place, :, 0]
        return chosen, self._fit_steps(system, y_kept, chosen["alpha_"], weights, step + 1)

    def _fit_steps(self, system, y, alpha, weights, step):
        """Return the fit of all steps to all rows."""
        spectrum, to_coefficients = system
        penalties = np.full(self.n_steps, alpha)
        targets = spectrum.project(spectrum.centre(y)[0])
        distilled = distil_rule(spectrum, targets, penalties, Rule("fixed", weights))
        distilled.best_step = step
        limit_alpha = self._limit_penalty(penalties)
        return fit_of(spectrum, y, distilled, to_coefficients, limit_alpha)

    def _of_all_rows(self, X, y, rows, system, alphas, weights, squares):
        """Return squared errors of all rows: without weight, of predictions by all the others."""
        if rows.kept is None:
            return squares
        outward = self._outward(rows, *system, rows.take_others(X))
        others = HeldOut([Fold.of(system[0], rows.take(y), outward)])
        alphas, weights = (follow(y, values)[0] for values in (alphas, weights))
        observer = SquaredErrors(rows.take_others(y))
        observer(None, others.chain(alphas, self.n_steps, given(weights))[0])
        return rows.merge(squares, observer.values)

    def _splits(self, X, y, rows, params):
        """Return training rows and rows held out by fold, among the rows of positive weight."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self))
        every = np.arange(rows.n_rows)
        place = every
        if rows.kept is not None:
            place = np.full(rows.n_rows, -1)
            place[rows.kept] = np.arange(len(rows.kept))
        splits = []
        for fold, parts in enumerate(cv.split(X, y, **params)):
            # Masks are taken too, as by scikit-learn's own cross-validation.
            train, test = (place[every[part]] for part in parts)
            train, test = train[train >= 0], test[test >= 0]
            if not len(train):
                raise ValueError(
                    f"Fold {fold} of cv has no training rows of positive weight: take fewer folds, "
                    "or others."
                )
            if len(test):  # else the fold has nothing to say
                splits.append((train, test))
        if not splits:
            raise ValueError("cv must hold out rows of positive weight, got none in any fold.")
        return splits

    # ---------------------------------------------------------------- scores and metadata

    def _score_left_out(self, scorer, y_given, y, params, places, predictions):
        """Return the score of predictions of shape (n, m) for rows at some places."""
        if is_classifier(self):
            judged, y = GivenScores(to_numpy(self.classes_)), to_numpy(checked_labels(y_given))
        else:
            judged, y = GivenPredictions(), self._shaped(to_numpy(y))
        params = {name: of_rows(value, places, len(y)) for name, value in params.items()}
        return scorer(judged, self._shaped(predictions), y[places], **params)

    def _finite(self, scores):
        """Return scores, some of which are numbers."""
        if not np.isfinite(scores).any():
            raise ValueError(
                f"scoring={self.scoring!r} gave no finite score for any penalty and step: take "
                "another one."
            )
        return scores

    def _scorer(self):
        return None if self.scoring is None else check_scoring(self, scoring=self.scoring)

    def _routed(self, metadata, params):
        """Return the scorer or None, and what is routed to the splitter and to the scorer."""
        scorer = self._scorer()
        if _routing_enabled():
            given = {**metadata, **params}
            routed = process_routing(self, "fit", **given) if given else {}
            return (
                scorer,
                routed.get("splitter", {}).get("split", {}),
                routed.get("scorer", {}).get("score", {}),
            )
        if params.keys() - {"groups"}:
            raise TypeError(
                f"fit got {sorted(params)}, of which only groups is passed on without "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        if params and self.cv is None:
            raise ValueError("groups is for a splitter, which cv must be then, got cv=None.")
        return scorer, params, metadata

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
        >>> from skweight.distillation import SelfDistilledRidgeCV
        >>> type(SelfDistilledRidgeCV().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        router = router_of(self, {}, self.cv)
        scorer = self._scorer()
        if hasattr(scorer, "get_metadata_routing"):
            mapping = MethodMapping().add(caller="fit", callee="score")
            router.add(scorer=scorer, method_mapping=mapping)
        return router
