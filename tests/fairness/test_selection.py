"""Choosing a strength by loss and unfairness."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.fairness import refit_within_budget
from skweight.fairness._selection import select_strength

STRENGTHS = np.array([0.0, 1, 3, 10, 30, 100])
LOSS = np.array([0.600, 0.601, 0.605, 0.620, 0.660, 0.690])
UNFAIR = np.array([1.0, 0.8, 0.5, 0.2, 0.05, 0.0])


def chosen(loss=LOSS, unfairness=UNFAIR, strengths=STRENGTHS, **options):
    """Return the chosen strength, and the sentences."""
    index, sentences = select_strength(strengths, loss, unfairness, **options)
    assert isinstance(index, int)
    return strengths[index], sentences


@pytest.mark.parametrize(
    ("expected", "options"),
    [
        (10, {"fairness_budget": 0.25}),
        (30, {"fairness_budget": 0.1}),
        (100, {"fairness_budget": 0.04, "budget_type": "absolute"}),
        (10, {"rule": "knee"}),
        (0, {"fairness_budget": 1.0}),
        (100, {"fairness_budget": 0.0}),
    ],
)
def test_worked_example(expected, options):
    assert chosen(**options) == (expected, [])


def test_lower_loss_at_a_larger_strength_wins():
    loss = np.where(STRENGTHS == 30, 0.615, LOSS)
    assert chosen(loss, fairness_budget=0.25) == (30, [])


@pytest.mark.parametrize("unfairness", [-UNFAIR, np.zeros(6), UNFAIR - 1.0])
def test_nothing_to_remove_means_strength_0(unfairness):
    strength, sentences = chosen(unfairness=unfairness)
    assert strength == 0
    assert len(sentences) == 1
    assert "nothing beyond noise" in sentences[0]
    assert "budget_type='absolute'" in sentences[0]


def test_absolute_budgets_look_at_no_reference():
    loss = np.where(STRENGTHS == 3, 0.5, LOSS)
    assert chosen(loss, np.full(6, -1.0), budget_type="absolute") == (3, [])


def test_infeasible_takes_the_least_unfair_and_says_so():
    strength, sentences = chosen(unfairness=UNFAIR + 1, fairness_budget=0.25)
    assert strength == 100
    assert len(sentences) == 1
    for figure in ("smallest unfairness is 1 at", "fairness_alpha=100", "0.25", "allows 0.5"):
        assert figure in sentences[0]
    # The least unfair one need not be the strongest; of equals the one of lower loss.
    bent = np.array([2, 1.5, 1, 1, 1.2, 1.4])
    assert chosen(LOSS[[0, 1, 3, 2, 4, 5]], bent, fairness_budget=0.1)[0] == 10


def test_ties_go_to_smaller_unfairness_then_smaller_strength():
    loss = np.array([0.6, 0.62, 0.62 * (1 + 5e-13), 0.62, 0.62 * (1 + 5e-12), 0.7])
    unfairness = np.array([1, 0.2, 0.1, 0.15, 0.0, 0.0])
    assert chosen(loss, unfairness)[0] == 3  # equal but for rounding, and less unfair
    assert chosen(np.full(6, 0.6), np.array([1, 0.2, 0.1, 0.1, 0.2, 0.1]))[0] == 3
    assert chosen(-loss, unfairness)[0] == 100  # a negative loss: the lowest is -0.7


def test_order_of_the_strengths_does_not_matter():
    order = np.array([3, 5, 0, 4, 2, 1])
    for options in ({}, {"fairness_budget": 0.1}, {"rule": "knee"}):
        found = chosen(LOSS[order], UNFAIR[order], STRENGTHS[order], **options)
        assert found == chosen(**options)


def test_knee_of_a_front_with_dominated_points():
    # 3 is dominated, and would be the knee by its own coordinates if the front were all points.
    strengths = np.array([0.0, 1, 2, 3, 4])
    loss = np.array([0.0, 0.1, 0.3, 0.31, 1.0])
    unfairness = np.array([1.0, 0.6, 0.1, 0.4, 0.0])
    assert chosen(loss, unfairness, strengths, rule="knee") == (2, [])
    # A dominated point far away does not move the scale: 1 - x - y is .3 at 1 and .6 at 2.
    far = chosen(
        np.append(loss, 9.0), np.append(unfairness, 5.0), np.append(strengths, 5.0), rule="knee"
    )
    assert far == (2, [])


@pytest.mark.parametrize(
    ("loss", "unfairness", "words"),
    [
        ([0.6, 0.6, 0.7, 0.7], [1, 1, 0.5, 0.5], "got 2"),  # equal points count once
        ([0.6, 0.7, 0.8, 0.9], [0.0, 1, 2, 3], "got 1"),
        ([0.0, 0.5, 0.75, 1.0], [1, 0.5, 0.25, 0.0], "no knee"),  # on the line
        ([0.0, 0.7, 0.9, 1.0], [1, 0.5, 0.4, 0.0], "no knee"),  # above it
    ],
)
def test_no_knee_means_strength_0(loss, unfairness, words):
    strengths = np.array([0.0, 1, 2, 3])
    strength, sentences = chosen(np.array(loss), np.array(unfairness), strengths, rule="knee")
    assert strength == 0
    assert len(sentences) == 1
    assert words in sentences[0]
    assert "rule='budget'" in sentences[0]


def test_rules_against_loops_over_random_candidates():
    """The rule written out point by point; coarse values, so that ties are common."""
    rng = np.random.default_rng(0)
    n_knees = n_infeasible = 0
    for _ in range(300):
        n = rng.integers(3, 12)
        strengths = np.append(0.0, np.sort(rng.choice(100, n - 1, replace=False) + 1.0))
        loss, unfairness = rng.integers(0, 11, size=(2, n)) / 10
        unfairness[0] = 1.0
        budget = rng.choice([0.0, 0.2, 0.4])
        points = list(zip(loss, unfairness, strengths))
        within = [p for p in points if p[1] <= budget]
        best = min(within) if within else min(points, key=lambda p: (p[1], p[0], p[2]))
        strength, sentences = chosen(loss, unfairness, strengths, fairness_budget=budget)
        assert strength == best[2]
        assert bool(sentences) == (not within)
        n_infeasible += not within

        front = {}
        for x, y, a in reversed(points):  # of equal points the smallest strength stays
            if not any(p[0] <= x and p[1] <= y and p[:2] != (x, y) for p in points):
                front[x, y] = a
        (x0, x1), (y0, y1) = [(min(v), max(v)) for v in zip(*front)]
        gains = [
            (round(1 - (x - x0) / (x1 - x0) - (y - y0) / (y1 - y0), 9), -a)
            for (x, y), a in front.items()
            if len(front) >= 3
        ]
        gain, minus_a = max(gains, default=(0, 0))
        knee = -minus_a if gain > 0 else 0
        strength, sentences = chosen(loss, unfairness, strengths, rule="knee")
        assert strength == knee
        assert bool(sentences) == (gain <= 0)
        n_knees += gain > 0
    assert n_knees > 50
    assert n_infeasible > 50


def test_candidates_without_scores_are_left_out():
    loss = np.where(STRENGTHS == 10, np.nan, LOSS)
    strength, sentences = chosen(loss)
    assert strength == 30
    assert "1 of 6 candidates" in sentences[0]
    assert "fairness_alpha=10" in sentences[0]
    with pytest.raises(ValueError, match="must hold fairness_alpha=0"):
        chosen(np.where(STRENGTHS == 0, np.nan, LOSS))
    with pytest.raises(ValueError, match="must hold fairness_alpha=0"):
        chosen(LOSS, np.full(6, np.inf))


def results(**columns):
    """Build what a search hands over; scores are minus the losses."""
    found = {
        "param_fairness_alpha": np.ma.array(STRENGTHS, dtype=object),
        "mean_test_loss": -LOSS,
        "mean_test_unfairness": -UNFAIR,
    }
    return {**found, **columns}


def test_refit_reads_scores_as_negated_losses():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refit_within_budget()(results()) == 3
        assert refit_within_budget(fairness_budget=0.1)(results()) == 4
        absolute = refit_within_budget(fairness_budget=0.04, budget_type="absolute")
        assert absolute(results()) == 5
        assert refit_within_budget(rule="knee")(results()) == 3
        full = refit_within_budget("mean_test_loss", "mean_test_unfairness")
        assert full(results()) == 3
    with pytest.warns(UserWarning, match="nothing beyond noise"):
        assert refit_within_budget()(results(mean_test_unfairness=UNFAIR)) == 0
    with pytest.warns(UserWarning, match="No strength meets the budget"):
        assert refit_within_budget()(results(mean_test_unfairness=-UNFAIR - 1)) == 5


def test_refit_compares_with_the_best_model_of_strength_0():
    """Two ridges: the weaker has the lower loss at strength 0, and so sets the budget."""
    columns = {
        "param_alpha": np.repeat([0.1, 10.0], 6),
        "param_fairness_alpha": np.tile(STRENGTHS, 2),
        "mean_test_loss": -np.concatenate([LOSS, LOSS + 0.01]),
        "mean_test_unfairness": -np.concatenate([UNFAIR, UNFAIR / 2]),
    }
    # .25 allows .25 everywhere: the stronger ridge at strength 3 has just that, and loss .615.
    assert refit_within_budget()(columns) == 6 + 2
    flipped = {key: values[::-1] for key, values in columns.items()}
    assert refit_within_budget()(flipped) == 12 - 1 - (6 + 2)


def test_refit_can_be_pickled_and_shown():
    refit = refit_within_budget("neg_mse", "dcov", rule="knee", param="step__fairness_alpha")
    again = pickle.loads(pickle.dumps(refit))
    assert repr(again) == repr(refit)
    columns = results(mean_test_neg_mse=-LOSS, mean_test_dcov=-UNFAIR)
    columns["param_step__fairness_alpha"] = columns.pop("param_fairness_alpha")
    assert again(columns) == 3
    assert repr(refit) == (
        "refit_within_budget('neg_mse', 'dcov', fairness_budget=0.25, rule='knee', "
        "param='step__fairness_alpha')"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fairness_budget": -0.1}, "fairness_budget .* got -0.1"),
        ({"fairness_budget": np.inf}, "fairness_budget"),
        ({"fairness_budget": "small"}, "fairness_budget"),
        ({"fairness_budget": True}, "fairness_budget"),
        ({"budget_type": "share"}, "budget_type"),
        ({"rule": "elbow"}, "rule"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        refit_within_budget(**options)


def test_bad_results_are_named():
    refit = refit_within_budget()
    with pytest.raises(ValueError, match=r"unfairness='dcov' must name a score .*'loss'"):
        refit_within_budget(unfairness="dcov")(results())
    without = results()
    del without["mean_test_loss"]
    without["mean_test_score"] = -LOSS
    with pytest.raises(ValueError, match="scoring of several names"):
        refit(without)
    with pytest.raises(ValueError, match="must hold fairness_alpha=0"):
        refit({key: values[1:] for key, values in results().items()})
    masked = np.ma.array(STRENGTHS, mask=STRENGTHS == 3, dtype=object)
    with pytest.raises(ValueError, match="1 of 6 have none, candidate 2"):
        refit(results(param_fairness_alpha=masked))
    with pytest.raises(ValueError, match="must be numbers"):
        refit(results(param_fairness_alpha=np.array(["a"] * 6, dtype=object)))
    two = results(param_a__fairness_alpha=STRENGTHS, param_b__fairness_alpha=STRENGTHS)
    assert refit(two) == 3  # the exact name wins
    del two["param_fairness_alpha"]
    with pytest.raises(ValueError, match="must name one parameter"):
        refit(two)
    renamed = results(param_strength=STRENGTHS)
    del renamed["param_fairness_alpha"]
    with pytest.raises(ValueError, match=r"varies \['strength'\]"):
        refit(renamed)
    assert refit_within_budget(param="strength")(renamed) == 3


class _Shrunk(Ridge):
    """A ridge whose penalty goes by the name of the strength."""

    def __init__(self, fairness_alpha=0.0):
        super().__init__(alpha=fairness_alpha)
        self.fairness_alpha = fairness_alpha

    def fit(self, X, y):
        self.alpha = self.fairness_alpha
        return super().fit(X, y)


def _spread(y_true, y_pred):
    return np.var(y_pred)


def test_refit_in_a_search_over_a_pipeline():
    """Shrinking a forecast stands in for a penalty: its variance is what has a budget."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 3))
    y = X[:, 0] + 0.3 * rng.normal(size=80)
    scoring = {
        "loss": make_scorer(mean_squared_error, greater_is_better=False),
        "unfairness": make_scorer(_spread, greater_is_better=False),
    }
    search = GridSearchCV(
        make_pipeline(StandardScaler(), _Shrunk()),
        {"_shrunk__fairness_alpha": [100, 10, 0, 30]},
        scoring=scoring,
        refit=refit_within_budget(fairness_budget=0.6),
        cv=3,
        error_score="raise",
    ).fit(X, y)
    table = search.cv_results_
    allowed = -table["mean_test_unfairness"] <= 0.6 * -table["mean_test_unfairness"][2]
    assert 0 < allowed.sum() < 4
    loss = np.where(allowed, -table["mean_test_loss"], np.inf)
    assert search.best_index_ == loss.argmin()
    assert search.best_params_["_shrunk__fairness_alpha"] == [100, 10, 0, 30][loss.argmin()]
