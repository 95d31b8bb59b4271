"""Choosing the strength by cross-validation."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.fairness import (
    DistanceCovarianceClassifier,
    DistanceCovarianceClassifierCV,
    DistanceCovarianceRegressor,
    DistanceCovarianceRegressorCV,
    concatenated_distance_covariance,
    dependence_score,
    fairness_path,
    refit_within_budget,
)
from skweight.fairness._selection import select_strength
from skweight.metrics import demographic_parity_gap, fairness_scorer, js_divergence_score

STRENGTHS = (0, 2, 10, 40)


def draw(n, seed, n_classes=None):
    """Draw features that follow a group and an age, an outcome, and the two attributes."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], size=n, p=[0.6, 0.4])
    age = rng.uniform(18, 80, size=n)
    first = (group == "a") + (age > 50) + 0.5 * rng.normal(size=n)
    X = np.column_stack([first, rng.normal(size=(n, 2))])
    score = X @ [0.6, 0.4, -0.3]
    S = {"group": group, "age": age}
    if n_classes is None:
        return X, rng.poisson(np.exp(score - 0.5)).astype(float), S
    cuts = [0.6] if n_classes == 2 else [0.1, 1.0]
    labels = np.array(["no", "perhaps", "yes"])
    return X, labels[np.searchsorted(cuts, score + 0.7 * rng.logistic(size=n))], S


def take(s, rows):
    return {name: values[rows] for name, values in s.items()}


def changed(s, **columns):
    return {**s, **columns}


X, Y, S = draw(240, 0)
W = np.random.default_rng(1).integers(0, 4, size=240).astype(float)


def regressor(**options):
    options = {"fairness_alphas": STRENGTHS, "loss": "poisson", "cv": 3, "tol": 1e-9, **options}
    return DistanceCovarianceRegressorCV(**options)


def quietly(call, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **kwargs)


def sentences(call, *args, **kwargs):
    """Return what a call warns of, and what it returns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(*args, **kwargs)
    return [str(w.message) for w in caught], result


# ------------------------------------------------------------------ held-out figures


@pytest.mark.parametrize("weighted", [False, True])
def test_figures_are_those_of_a_hand_written_loop(weighted):
    w = W if weighted else None
    model = regressor().fit(X, Y, sample_weight=w, sensitive_features=S)
    assert model.fairness_alphas_.tolist() == list(STRENGTHS)
    assert model.loss_path_.shape == model.unfairness_path_.shape == (4, 3)
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        for i, strength in enumerate(STRENGTHS):
            inner = DistanceCovarianceRegressor(strength, loss="poisson", tol=1e-9)
            weight = None if w is None else w[train]
            inner.fit(X[train], Y[train], weight, sensitive_features=take(S, train))
            rate = inner.predict(X[test])
            weight = None if w is None else w[test]
            loss = np.average(rate - Y[test] * np.log(rate), weights=weight)
            assert model.loss_path_[i, fold] == pytest.approx(loss, abs=1e-7)
            score = dependence_score(
                rate, take(S, test), sample_weight=weight, encoder=inner.sensitive_encoder_
            )
            assert model.unfairness_path_[i, fold] == pytest.approx(score, abs=1e-7)
    best, found = select_strength(
        STRENGTHS, model.loss_path_.mean(axis=1), model.unfairness_path_.mean(axis=1)
    )
    assert not found
    assert best > 0
    assert model.best_index_ == best
    assert model.fairness_alpha_ == STRENGTHS[best]
    alone = DistanceCovarianceRegressor(STRENGTHS[best], loss="poisson", tol=1e-9)
    alone.fit(X, Y, w, sensitive_features=S)
    np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-6)
    assert model.objective_ == pytest.approx(alone.objective_, abs=1e-10)
    assert model.penalty_ == pytest.approx(alone.penalty_, abs=1e-8)
    assert model.smoothing_ == pytest.approx(alone.smoothing_, rel=1e-6)
    np.testing.assert_allclose(model.predict(X), alone.predict(X), rtol=1e-5)
    assert model.score(X, Y) == pytest.approx(alone.score(X, Y), abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    x, y, s = draw(240, 2, n_classes)
    model = DistanceCovarianceClassifierCV((0, 10), cv=4, alpha=1e-2, tol=1e-8)
    model = quietly(model.fit, x, y, sensitive_features=s)
    assert model.classes_.tolist() == ["no", "perhaps", "yes"][:n_classes]
    for fold, (train, test) in enumerate(StratifiedKFold(4).split(x, y)):
        inner = DistanceCovarianceClassifier(10, alpha=1e-2, tol=1e-8)
        inner.fit(x[train], y[train], sensitive_features=take(s, train))
        proba = inner.predict_proba(x[test])
        hit = y[test][:, None] == inner.classes_
        assert model.loss_path_[1, fold] == pytest.approx(-np.log(proba[hit]).mean(), abs=1e-6)
        columns = proba if n_classes == 3 else proba[:, 1]
        score = dependence_score(columns, take(s, test), encoder=inner.sensitive_encoder_)
        assert model.unfairness_path_[1, fold] == pytest.approx(score, abs=1e-6)
    assert set(model.predict(x)) <= set(model.classes_)
    assert model.predict_proba(x).shape == (240, n_classes)


def test_weights_that_are_no_counts_are_brought_to_their_effective_number():
    w = np.random.default_rng(3).uniform(0.1, 1, size=240)
    options = {"scale": None, "fairness_alphas": [0, 0.1]}
    model = quietly(regressor(**options).fit, X, Y, w, sensitive_features=S)
    train, test = next(KFold(3).split(X))
    inner = DistanceCovarianceRegressor(0.1, loss="poisson", tol=1e-9, scale=None)
    inner.fit(X[train], Y[train], w[train], sensitive_features=take(S, train))
    part = w[test] * w[test].sum() / (w[test] ** 2).sum()
    s = np.column_stack([S["group"] == "b", S["age"]]).astype(float)
    value = quietly(  # it warns of weights that are not whole
        concatenated_distance_covariance,
        inner.predict(X[test]),
        [s[test]],
        statistic="U",
        sample_weight=part,
    )
    assert model.unfairness_path_[1, 0] == pytest.approx(value, rel=1e-5)
    assert value > 0.01
    twice = quietly(regressor(**options).fit, X, Y, 7 * w, sensitive_features=S)
    np.testing.assert_allclose(twice.unfairness_path_, model.unfairness_path_, rtol=1e-6)


@pytest.mark.parametrize("unfairness", ["ks", "js_divergence"])
def test_figures_of_groups(unfairness):
    x, y, s = draw(900, 4)
    model = quietly(regressor(unfairness=unfairness).fit, x, y, sensitive_features=s)
    for fold, (train, test) in enumerate(KFold(3).split(x)):
        width = {}
        for i, strength in enumerate(STRENGTHS):
            inner = DistanceCovarianceRegressor(strength, loss="poisson", tol=1e-9)
            inner.fit(x[train], y[train], sensitive_features=take(s, train))
            rate = inner.predict(x[test])
            if unfairness == "ks":
                expected = demographic_parity_gap(rate, take(s, test))
            else:  # one bandwidth for all strengths, that of strength 0
                if not width:
                    found = js_divergence_score(rate, take(s, test), return_details=True)
                    width = {"bandwidth": found.bandwidth}
                expected = js_divergence_score(rate, take(s, test), **width)
            assert model.unfairness_path_[i, fold] == pytest.approx(expected, rel=1e-4)


def test_groups_too_small_for_figures():
    with pytest.raises(ValueError, match=r"unfairness='ks' is not a number .* fold 0"):
        regressor(unfairness="ks", cv=8).fit(X, Y, sensitive_features=S)


class Correlation:
    """A measure of one's own, which keeps what it was handed."""

    def __init__(self):
        self.handed = []

    def __call__(self, y_pred, sensitive_features, sample_weight=None):
        self.handed.append((y_pred, sensitive_features, sample_weight))
        age = sensitive_features
        if not isinstance(age, np.ndarray):
            named = isinstance(age, list)
            age = age[1].values if named else np.asarray(age["age"])
        return abs(np.corrcoef(y_pred, age)[0, 1])


@pytest.mark.parametrize("form", ["frame", "array", "dict of lists"])
def test_a_measure_of_ones_own_gets_attributes_as_they_were_passed(form):
    given = {"array": S["age"], "dict of lists": {"age": S["age"].tolist()}}.get(form)
    if form == "frame":
        given = pytest.importorskip("pandas").DataFrame(S)
    measure = Correlation()
    model = regressor(unfairness=measure, fairness_alphas=[5])
    model = quietly(model.fit, X, Y, sample_weight=W, sensitive_features=given)
    assert len(measure.handed) == 2 * 3
    for k, (_, test) in enumerate(KFold(3).split(X)):
        test = test[W[test] > 0]
        y_pred, handed, weight = measure.handed[2 * k]
        assert type(handed) is type(given)
        np.testing.assert_array_equal(weight, W[test])
        if form == "frame":
            assert handed.equals(given.iloc[test])
        else:
            values = handed if form == "array" else handed["age"]
            np.testing.assert_array_equal(values, S["age"][test])
        expected = abs(np.corrcoef(y_pred, S["age"][test])[0, 1])
        assert model.unfairness_path_[0, k] == pytest.approx(expected)


def test_a_measure_of_ones_own_gets_attributes_that_are_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2"]).assign(**S)
    measure = Correlation()
    model = regressor(unfairness=measure, sensitive_columns=["group", "age"])
    model = quietly(model.fit, frame, Y)
    names = {tuple(a.name for a in handed) for _, handed, _ in measure.handed}
    assert names == {("group", "age")}
    assert np.isfinite(model.unfairness_path_).all()
    with pytest.raises(ValueError, match="unfairness=nothing is not a number"):
        regressor(unfairness=nothing).fit(X, Y, sensitive_features=S)


def nothing(y_pred, sensitive_features, sample_weight=None):
    return np.nan


# ------------------------------------------------------------------ the choice


def test_zero_is_added_and_order_does_not_matter():
    model = regressor(fairness_alphas=[40, 2, 10, 2]).fit(X, Y, sensitive_features=S)
    given = regressor().fit(X, Y, sensitive_features=S)
    assert model.fairness_alphas_.tolist() == [0, 2, 10, 40]
    np.testing.assert_array_equal(model.loss_path_, given.loss_path_)
    np.testing.assert_array_equal(model.coef_, given.coef_)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "options",
    [
        {"fairness_budget": 1.0},
        {"fairness_budget": 0.75},
        {"fairness_budget": 4e-3, "budget_type": "absolute"},
        {"rule": "knee"},
    ],
)
def test_options_reach_the_rule(options):
    model = regressor(**options).fit(X, Y, sensitive_features=S)
    means = model.loss_path_.mean(axis=1), model.unfairness_path_.mean(axis=1)
    best, found = select_strength(STRENGTHS, *means, **options)
    assert not found
    assert model.best_index_ == best
    expected = fairness_path(
        DistanceCovarianceRegressor(loss="poisson", tol=1e-9),
        X, Y, STRENGTHS, sensitive_features=S, n_bins=2, min_group_size=10,
    ).estimators[best]  # fmt: skip
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    assert model.intercept_ == expected.intercept_
    assert model.n_iter_ == expected.n_iter_


def test_the_options_choose_differently():
    budgets = [1.0, 0.75, 0.25]
    found = [
        quietly(regressor(fairness_budget=b).fit, X, Y, sensitive_features=S).fairness_alpha_
        for b in budgets
    ]
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_infeasible_budgets_say_so():
    said, model = sentences(
        regressor(fairness_alphas=[2, 3], fairness_budget=0.1).fit, X, Y, sensitive_features=S
    )
    assert len(said) == 1
    assert "No strength meets the budget" in said[0]
    assert model.best_index_ == model.unfairness_path_.mean(axis=1).argmin()


def test_nothing_to_remove_says_so():
    s = np.random.default_rng(9).permutation(240) % 2  # no part of the draws above
    said, model = sentences(regressor(cv=2).fit, X, Y, sensitive_features=s)
    assert model.unfairness_path_[0].mean() <= 0, "the draw was meant to be below 0"
    assert len(said) == 1
    assert "nothing beyond noise" in said[0]
    assert model.fairness_alpha_ == 0
    alone = DistanceCovarianceRegressor(0, loss="poisson", tol=1e-9)
    alone.fit(X, Y, sensitive_features=s)
    np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-7)


@pytest.mark.parametrize("rule", ["budget", "knee"])
def test_constant_models_say_so(rule):
    """Of one feature that is the attribute, a constant is all that is left."""
    rng = np.random.default_rng(5)
    age = rng.uniform(size=200)
    y = age + 0.3 * rng.normal(size=200)
    model = DistanceCovarianceRegressorCV([1e4, 1e5], cv=3, rule=rule)
    said, model = sentences(model.fit, age[:, None], y, sensitive_features=age)
    if rule == "budget":
        assert model.fairness_alpha_ == 1e4
        assert model.collapsed_
        assert model.coef_.tolist() == [0]
        assert len(said) == 1
        assert "only constants meet the budget" in said[0]
    else:
        assert "at least 3" in said[0]
        assert model.fairness_alpha_ == 0


def test_no_warning_where_there_is_nothing_to_say():
    said, model = sentences(regressor().fit, X, Y, sensitive_features=S)
    assert not said
    assert model.converged_
    assert not model.collapsed_


def test_warnings_point_to_the_caller():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        regressor(max_iter=2).fit(X, Y)
        regressor(fairness_budget=0.0, max_iter=2).fit(X, Y, sensitive_features=S)
    assert {w.filename for w in caught} == {__file__}
    said = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    assert "fairness_alpha=0, 2, 10, 40 on training rows of folds did not reach tol" in said[-2]
    assert said[-1].startswith("The fits at fairness_alpha=")


# ------------------------------------------------------------------ without attributes


@pytest.mark.parametrize("kind", [DistanceCovarianceRegressorCV, DistanceCovarianceClassifierCV])
def test_without_attributes_it_is_the_plain_model(kind):
    y = (Y > 0).astype(int)
    said, model = sentences(kind(cv=3).fit, X, y)
    assert len(said) == 1
    assert f"This {kind.__name__} knows no protected attributes" in said[0]
    plain = quietly(kind._plain_class(fairness_alpha=0).fit, X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-8)
    assert model.fairness_alphas_.tolist() == [0]
    assert model.fairness_alpha_ == model.best_index_ == 0
    assert model.loss_path_.shape == (1, 3)
    assert np.isfinite(model.loss_path_).all()
    assert np.isnan(model.unfairness_path_).all()
    assert model.sensitive_encoder_ is None
    assert model.penalty_ == 0


# ------------------------------------------------------------------ folds


@pytest.mark.parametrize("n_init", [1, 4])
def test_any_number_of_jobs_gives_the_same(n_init):
    s = changed(S, group=np.where(np.arange(240) == 3, "rare", S["group"]))  # unseen in two folds
    fits = []
    for n_jobs in (1, 2):
        model = regressor(n_jobs=n_jobs, n_init=n_init, random_state=0, tol=1e-6)
        fits.append(sentences(model.fit, X, Y, sensitive_features=s))
    (said, first), (said_too, second) = fits
    assert said == said_too
    assert len(said) == len(set(said))
    assert any("rare" in text for text in said)
    for name in ("loss_path_", "unfairness_path_", "coef_", "objective_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_rows_without_weight_keep_their_place_in_the_folds_only():
    s = changed(
        S, age=np.where(W > 0, S["age"], 1e6), group=np.where(W > 0, S["group"], "unheard of")
    )
    said, model = sentences(regressor().fit, X, Y, W, sensitive_features=s)
    assert not said
    kept = W > 0
    place = np.cumsum(kept) - 1
    splits = [(place[a[kept[a]]], place[b[kept[b]]]) for a, b in KFold(3).split(X)]
    less = regressor(cv=splits).fit(X[kept], Y[kept], W[kept], sensitive_features=take(s, kept))
    np.testing.assert_allclose(model.loss_path_, less.loss_path_, rtol=1e-9)
    np.testing.assert_allclose(model.unfairness_path_, less.unfairness_path_, rtol=1e-7)
    np.testing.assert_allclose(model.coef_, less.coef_, atol=1e-9)


def test_integer_weights_are_repeated_rows():
    place = np.repeat(np.arange(240), W.astype(int))
    splits = list(KFold(3).split(X))
    repeated = [(np.flatnonzero(np.isin(place, a)), np.flatnonzero(np.isin(place, b)))
                for a, b in splits]  # fmt: skip
    one = regressor(cv=splits).fit(X, Y, W, sensitive_features=S)
    other = regressor(cv=repeated).fit(X[place], Y[place], sensitive_features=take(S, place))
    np.testing.assert_allclose(one.loss_path_, other.loss_path_, rtol=1e-7)
    np.testing.assert_allclose(one.unfairness_path_, other.unfairness_path_, rtol=1e-5)
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-6)


def test_masks_and_overlapping_folds():
    masks = [(np.arange(240) % 3 != k, np.arange(240) % 3 == k) for k in range(3)]
    places = [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in masks]
    one, other = (
        regressor(cv=cv).fit(X, Y, sensitive_features=S) for cv in (masks, places + places)
    )
    np.testing.assert_array_equal(np.tile(one.loss_path_, 2), other.loss_path_)


@pytest.mark.filterwarnings("error::UserWarning")
def test_default_is_five_folds():
    assert regressor(cv=None).fit(X, Y, sensitive_features=S).loss_path_.shape == (4, 5)


def test_small_folds_are_measured_by_v():
    x, y, s = X[:30], Y[:30], take(S, slice(30))
    said, model = sentences(regressor(cv=10).fit, x, y, sensitive_features=s)
    assert sum("V statistic" in text for text in said) == 1
    assert (model.unfairness_path_ >= 0).all()
    train, test = next(KFold(10).split(x))
    inner = DistanceCovarianceRegressor(2, loss="poisson", tol=1e-9)
    inner.fit(x[train], y[train], sensitive_features=take(s, train))
    score = dependence_score(
        inner.predict(x[test]), take(s, test), statistic="V", encoder=inner.sensitive_encoder_
    )
    assert model.unfairness_path_[1, 0] == pytest.approx(score, rel=1e-5)
    # One fold too small is one too many: else folds would not compare.
    uneven = [(np.arange(3, 30), np.arange(3)), (np.arange(15), np.arange(15, 30))]
    said, model = sentences(regressor(cv=uneven).fit, x, y, sensitive_features=s)
    assert any("V statistic" in text for text in said)
    assert (model.unfairness_path_ >= 0).all()
    said, _ = sentences(regressor(cv=7).fit, x, y, sensitive_features=s)  # four rows or five
    assert not any("V statistic" in text for text in said)


def test_folds_that_cannot_be_used_are_named():
    y = np.zeros(240)
    y[:80] = Y[:80]
    splits = [(np.arange(80, 240), np.arange(80)), (np.arange(120), np.arange(120, 240))]
    with pytest.raises(ValueError, match=r"training rows of fold 0 .* mean above 0"):
        regressor(cv=splits).fit(X, y, sensitive_features=S)
    with pytest.raises(ValueError, match=r"Fold 1 of cv has no held-out rows of positive weight"):
        regressor(cv=[splits[0], (np.arange(100), np.arange(100, 200))]).fit(
            X, Y, np.arange(240) < 100, sensitive_features=S
        )
    x, labels, s = draw(240, 2, 3)
    rare = np.sort(labels)
    model = DistanceCovarianceClassifierCV(cv=KFold(3))
    with pytest.raises(ValueError, match=r"fold 0 of cv have no weight in class \['no'\]"):
        model.fit(x, rare, np.where(np.arange(240) < 80, 1, rare != "no"), sensitive_features=s)
    two = [(np.arange(240), np.arange(240)), (np.flatnonzero(rare == "no"), np.arange(240))]
    with pytest.raises(ValueError, match=r"fold 1 .* only 1 class"):
        model.set_params(cv=two).fit(x, rare, sensitive_features=s)


# ------------------------------------------------------------------ attributes and metadata


def test_attributes_among_the_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2"]).assign(**S)
    inside = regressor(sensitive_columns=["group", "age"]).fit(frame, Y, sample_weight=W)
    beside = regressor().fit(X, Y, sample_weight=W, sensitive_features=S)
    np.testing.assert_allclose(inside.unfairness_path_, beside.unfairness_path_, rtol=1e-9)
    assert inside.fairness_alpha_ == beside.fairness_alpha_ > 0
    np.testing.assert_allclose(inside.coef_, [*beside.coef_, 0, 0], atol=1e-12)
    rates = inside.predict(frame.drop(columns=["group", "age"]))
    np.testing.assert_allclose(rates, beside.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="got both"):
        inside.fit(frame, Y, sensitive_features=S)


def test_groups_reach_the_splitter_by_routing():
    groups = np.arange(240) % 12
    with config_context(enable_metadata_routing=True):
        model = regressor(cv=GroupKFold(3)).fit(X, Y, sensitive_features=S, groups=groups)
    splits = list(GroupKFold(3).split(X, Y, groups))
    given = regressor(cv=splits).fit(X, Y, sensitive_features=S)
    np.testing.assert_array_equal(model.loss_path_, given.loss_path_)
    with pytest.raises(TypeError, match="enable_metadata_routing"):
        regressor(cv=GroupKFold(3)).fit(X, Y, sensitive_features=S, groups=groups)
    with config_context(enable_metadata_routing=True), pytest.raises(TypeError, match="colour"):
        regressor(cv=3).fit(X, Y, sensitive_features=S, colour=groups)


@pytest.mark.parametrize("routing", [False, True])
def test_inside_a_search_and_a_pipeline(routing):
    s = S["age"]  # without a frame, what a search can take rows of is an array
    inner = regressor(fairness_alphas=[10], cv=2)
    grid = {"distancecovarianceregressorcv__alpha": [1e-4, 1e-1]}
    with config_context(enable_metadata_routing=routing):
        passed = {"distancecovarianceregressorcv__sensitive_features": s}
        if routing:
            inner.set_fit_request(sensitive_features=True)
            passed = {"sensitive_features": s}
        pipeline = make_pipeline(StandardScaler(), inner)
        search = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
        search = quietly(search.fit, X, Y, **passed)
        chosen = search.best_estimator_[-1]
    alone = clone(inner).set_params(alpha=chosen.alpha)
    alone = quietly(alone.fit, StandardScaler().fit_transform(X), Y, sensitive_features=s)
    np.testing.assert_array_equal(chosen.unfairness_path_, alone.unfairness_path_)
    np.testing.assert_array_equal(chosen.coef_, alone.coef_)
    if not routing:
        scores = quietly(cross_val_score, inner, X, Y, cv=2, params={"sensitive_features": s})
        assert np.isfinite(scores).all()


def test_a_search_with_our_refit_chooses_the_same():
    pd = pytest.importorskip("pandas")
    x, y, s = draw(300, 6, 2)
    frame = pd.DataFrame(x, columns=["x0", "x1", "x2"]).assign(**s)
    columns = ["group", "age"]
    # Scales of their own rows would differ between the two: leave attributes unscaled.
    shared = {"sensitive_columns": columns, "scale": None, "tol": 1e-9}
    strengths = [0, 0.02, 0.1, 0.5]
    model = DistanceCovarianceClassifierCV(strengths, cv=4, **shared)
    model = quietly(model.fit, frame, y)
    search = GridSearchCV(
        DistanceCovarianceClassifier(**shared),
        {"fairness_alpha": strengths},
        scoring={
            "loss": "neg_log_loss",
            "unfairness": fairness_scorer(dependence_score, sensitive_columns=columns, scale=None),
        },
        refit=refit_within_budget(),
        cv=4,
        error_score="raise",
    )
    search = quietly(search.fit, frame, y)
    table = search.cv_results_
    np.testing.assert_allclose(-table["mean_test_loss"], model.loss_path_.mean(axis=1), rtol=1e-6)
    unfairness = model.unfairness_path_.mean(axis=1)
    np.testing.assert_allclose(-table["mean_test_unfairness"], unfairness, rtol=1e-4)
    assert search.best_params_["fairness_alpha"] == model.fairness_alpha_ > 0
    np.testing.assert_allclose(search.best_estimator_.coef_, model.coef_, atol=1e-5)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fairness_alphas": [-1.0]}, "fairness_alphas"),
        ({"fairness_alphas": []}, "fairness_alphas"),
        ({"fairness_alphas": 3.0}, "fairness_alphas"),
        ({"fairness_budget": -0.1}, "fairness_budget"),
        ({"budget_type": "share"}, "budget_type"),
        ({"rule": "elbow"}, "rule"),
        ({"unfairness": "gini"}, "unfairness"),
        ({"cv": "all"}, "cv"),
        ({"loss": "absolute"}, "loss"),
        ({"loss": "tweedie"}, "power"),
        ({"c": 0.0}, "'c' parameter"),
        ({"measure": "jdcov", "normalize": True}, "normalize"),
        ({"sensitive_types": {"colour": "nominal"}}, "colour"),
        ({"cv": 241}, "n_splits=241"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        regressor(**options).fit(X, Y, sensitive_features=S)


def test_bad_attributes_are_named():
    with pytest.raises(ValueError, match="sensitive_features must have one row for each"):
        regressor().fit(X, Y, sensitive_features=take(S, slice(5)))
    with pytest.raises(ValueError, match="missing"):
        regressor().fit(X, Y, sensitive_features=changed(S, age=np.full(240, np.nan)))
