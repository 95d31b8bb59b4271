"""Choosing a strength: the lowest loss within a budget of unfairness, or the knee."""

import warnings
from numbers import Real

import numpy as np

BUDGET_TYPES = ("relative", "absolute")
RULES = ("budget", "knee")

# Losses that differ by less than this share are equal.
_EQUAL_LOSS = 1e-12

# Distances of a knee from the line between the ends that differ by less are equal.
_ROUNDING = 1e-12


def check_selection(fairness_budget, budget_type, rule):
    """Raise the sentence that names what has no meaning."""
    if (
        not isinstance(fairness_budget, Real)
        or isinstance(fairness_budget, bool)
        or not 0 <= fairness_budget < np.inf
    ):
        raise ValueError(
            f"fairness_budget must be a finite number of at least 0, got {fairness_budget!r}."
        )
    if budget_type not in BUDGET_TYPES:
        raise ValueError(f"budget_type must be one of {BUDGET_TYPES}, got {budget_type!r}.")
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}.")


def select_strength(
    strengths, loss, unfairness, *, fairness_budget=0.25, budget_type="relative", rule="budget"
):
    """Choose among candidates by loss and unfairness, both lower is better.

    Parameters
    ----------
    strengths : array-like of shape (n_candidates,)
        Strength of each candidate, 0 among them. Several candidates may share one.
    loss : array-like of shape (n_candidates,)
        Loss of each; not finite where it could not be had.
    unfairness : array-like of shape (n_candidates,)
        Unfairness of each; not finite where it could not be had.
    fairness_budget : float, default=0.25
        Unfairness allowed, at least 0.
    budget_type : {"relative", "absolute"}, default="relative"
        Whether the budget is a share of the unfairness at strength 0.
    rule : {"budget", "knee"}, default="budget"
        What to choose by.

    Returns
    -------
    index : int
        The chosen candidate.
    sentences : list of str
        What to warn of.

    Raises
    ------
    ValueError
        If no candidate of strength 0 has a finite loss and unfairness.

    Notes
    -----
    Of several candidates of strength 0 the one with the lowest loss is the reference: it is the
    model that would be taken if nobody looked at unfairness.
    """
    a, l, u = (np.asarray(v, dtype=float) for v in (strengths, loss, unfairness))
    known = np.flatnonzero(np.isfinite(l) & np.isfinite(u))
    sentences = []
    if len(known) < len(a):
        lost = np.setdiff1d(np.arange(len(a)), known)
        sentences.append(
            f"{len(lost)} of {len(a)} candidates have no finite loss or unfairness and are left "
            f"out, the first at fairness_alpha={a[lost[0]]:g}."
        )
    zeros = known[a[known] == 0]
    if not len(zeros):
        raise ValueError(
            "The candidates must hold fairness_alpha=0 with a finite loss and unfairness, to "
            f"compare with; the strengths are {np.unique(a).tolist()}."
        )
    reference = zeros[np.lexsort((u[zeros], l[zeros]))[0]]
    if rule == "knee":
        chosen, sentence = _knee(a, l, u, known)
    else:
        chosen, sentence = _within(a, l, u, known, reference, fairness_budget, budget_type)
    if sentence is not None:
        sentences.append(sentence)
    return int(reference if chosen is None else chosen), sentences


def _within(a, l, u, known, reference, budget, budget_type):
    """Return the candidate of lowest loss within the budget (None: the reference), a sentence."""
    limit = budget
    if budget_type == "relative":
        if u[reference] <= 0:
            return None, (
                f"The unfairness at fairness_alpha=0 is {u[reference]:.3g}, which is nothing "
                "beyond noise to remove: strength 0 is chosen. To choose by a level of your own, "
                "set budget_type='absolute'."
            )
        limit = budget * u[reference]
    feasible = known[u[known] <= limit]
    if not len(feasible):
        best = known[np.lexsort((a[known], l[known], u[known]))[0]]
        return best, (
            f"No strength meets the budget: the smallest unfairness is {u[best]:.3g} at "
            f"fairness_alpha={a[best]:g}, while fairness_budget={budget:g} ({budget_type}) allows "
            f"{limit:.3g}. That strength is chosen; try larger ones, or raise fairness_budget."
        )
    lowest = l[feasible].min()
    equal = feasible[l[feasible] <= lowest + _EQUAL_LOSS * abs(lowest)]
    return equal[np.lexsort((a[equal], u[equal]))[0]], None


def _knee(a, l, u, known):
    """Return the candidate farthest below the line between the ends of the Pareto front."""
    front = _pareto(a, l, u, known)
    if len(front) < 3:
        return None, (
            f"A knee needs at least 3 candidates of which none is better in both loss and "
            f"unfairness, got {len(front)}: strength 0 is chosen. Try more strengths, or "
            "rule='budget'."
        )
    x, y = (_unit(values[front]) for values in (u, l))
    gain = 1 - x - y
    # The front is sorted by strength: of equals the smallest.
    best = int(np.argmax(gain >= gain.max() - _ROUNDING))
    if gain[best] <= _ROUNDING:
        return None, (
            "The front of loss against unfairness has no knee, as no candidate lies below the "
            "line between its ends: strength 0 is chosen. Try other strengths, or rule='budget'."
        )
    return front[best], None


def _unit(values):
    # Three points of a front differ in both coordinates, so the range is not 0.
    return (values - values.min()) / np.ptp(values)


def _pareto(a, l, u, known):
    """Return distinct candidates that no other dominates, by increasing strength."""
    order = known[np.lexsort((a[known], u[known], l[known]))]
    front, smallest = [], np.inf
    for i in order:  # by loss, then unfairness, then strength
        if u[i] < smallest:
            front.append(i)
            smallest = u[i]
    front = np.array(front)
    return front[np.argsort(a[front], kind="stable")]


def refit_within_budget(
    loss="loss",
    unfairness="unfairness",
    *,
    fairness_budget=0.25,
    budget_type="relative",
    rule="budget",
    param="fairness_alpha",
):
    """Make a `refit` for `GridSearchCV` that chooses within a budget of unfairness.

    A search for the best accuracy always prefers the weakest strength. This callable takes the
    candidate of lowest loss among those that meet the budget, or the knee of the front.

    Parameters
    ----------
    loss : str, default="loss"
        Name of the score of accuracy among the search's `scoring`, or its column of
        ``cv_results_`` such as ``"mean_test_loss"``. Greater is better, as for every score of a
        search.
    unfairness : str, default="unfairness"
        Likewise for the score of unfairness: minus a measure that is 0 where there is none, as
        scorers made with ``greater_is_better=False`` return it.
    fairness_budget : float, default=0.25
        Unfairness allowed, finite and at least 0: a share of the one at strength 0 or, with
        ``budget_type="absolute"``, in units of the measure.
    budget_type : {"relative", "absolute"}, default="relative"
        What the budget is relative to.
    rule : {"budget", "knee"}, default="budget"
        "budget" takes the lowest loss within the budget; "knee" the candidate with the largest
        ``1 - x - y``, where x and y are unfairness and loss scaled to 0 to 1 over the candidates
        that no other beats in both.
    param : str, default="fairness_alpha"
        Name of the parameter that holds the strength. In a Pipeline the step's prefix may be left
        out, if only one parameter of the grid ends in that name. The grid must hold strength 0.

    Returns
    -------
    callable
        Called with ``cv_results_``, it returns the index of the chosen candidate. It can be
        pickled.

    Raises
    ------
    ValueError
        If a parameter has no meaning; when called, also if ``cv_results_`` lacks a column or
        strength 0.

    Warns
    -----
    UserWarning
        When called: if no candidate meets the budget (the least unfair one is chosen), if there is
        no unfairness to remove or no knee (strength 0 is chosen), or if scores are missing.

    See Also
    --------
    DistanceCovarianceRegressorCV : Choose the strength of a regression along warm-started paths.
    DistanceCovarianceClassifierCV : The same for classes.
    fairness_path : Fit a path of strengths.

    Notes
    -----
    If the grid holds other parameters too, a relative budget is a share of the unfairness of one
    reference: the candidate of strength 0 with the lowest loss. Losses within 1e-12 of each other,
    relatively, are equal; then the smaller unfairness is taken, then the smaller strength.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import refit_within_budget
    >>> refit = refit_within_budget(fairness_budget=0.25)
    >>> refit
    refit_within_budget('loss', 'unfairness', fairness_budget=0.25)
    >>> refit({  # what GridSearchCV hands over, shortened
    ...     "param_fairness_alpha": np.array([0, 1, 3, 10, 30]),
    ...     "mean_test_loss": -np.array([0.600, 0.601, 0.605, 0.620, 0.660]),
    ...     "mean_test_unfairness": -np.array([1.0, 0.8, 0.5, 0.2, 0.05]),
    ... })
    3
    """
    check_selection(fairness_budget, budget_type, rule)
    return _RefitWithinBudget(loss, unfairness, fairness_budget, budget_type, rule, param)


class _RefitWithinBudget:
    """Choose a candidate of a search; a class and no closure, so that it can be pickled."""

    def __init__(self, loss, unfairness, fairness_budget, budget_type, rule, param):
        self.loss = loss
        self.unfairness = unfairness
        self.fairness_budget = fairness_budget
        self.budget_type = budget_type
        self.rule = rule
        self.param = param

    def __repr__(self):
        shown = {"fairness_budget": self.fairness_budget}
        defaults = {"budget_type": "relative", "rule": "budget", "param": "fairness_alpha"}
        shown.update({k: getattr(self, k) for k, v in defaults.items() if getattr(self, k) != v})
        options = "".join(f", {name}={value!r}" for name, value in shown.items())
        return f"refit_within_budget({self.loss!r}, {self.unfairness!r}{options})"

    def __call__(self, cv_results):
        """Return the index of the chosen candidate."""
        loss = -_scores(cv_results, self.loss, "loss")
        unfairness = -_scores(cv_results, self.unfairness, "unfairness")
        index, sentences = select_strength(
            _strengths(cv_results, self.param),
            loss,
            unfairness,
            fairness_budget=self.fairness_budget,
            budget_type=self.budget_type,
            rule=self.rule,
        )
        for sentence in sentences:
            warnings.warn(sentence, UserWarning, stacklevel=2)
        return index


def _scores(results, name, parameter):
    """Return a column of mean test scores, by its name or the scorer's."""
    for key in (name, f"mean_test_{name}"):
        if key in results:
            return np.asarray(results[key], dtype=float)
    present = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    raise ValueError(
        f"{parameter}={name!r} must name a score of the search, which are {present}: give the "
        "search a scoring of several names."
    )


def _strengths(results, name):
    """Return the strength of every candidate."""
    key = _strength_key(results, name)
    strengths = results[key]
    lacking = np.ma.getmaskarray(np.ma.asarray(strengths))
    if lacking.any():
        raise ValueError(
            f"Every candidate must have {key.removeprefix('param_')}, but {lacking.sum()} of "
            f"{len(lacking)} have none, candidate {np.argmax(lacking)} first: give all parts of "
            "the grid the parameter."
        )
    try:
        return np.asarray(np.ma.getdata(strengths), dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{key.removeprefix('param_')} must be numbers to choose among, got "
            f"{np.ma.getdata(strengths).tolist()}."
        ) from None


def _strength_key(results, name):
    for key in (name, f"param_{name}"):
        if key in results:
            return key
    found = [key for key in results if key.startswith("param_") and key.endswith(f"__{name}")]
    if len(found) == 1:
        return found[0]
    varied = [key.removeprefix("param_") for key in results if key.startswith("param_")]
    raise ValueError(
        f"param={name!r} must name one parameter of the search, which varies {varied}: give its "
        "full name."
    )
