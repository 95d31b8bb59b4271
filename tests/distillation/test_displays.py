"""The plots of self-distillation: what they hold, and what they draw."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skweight.datasets import load_self_distillation_toy

matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.colors import same_color  # noqa: E402

from skweight.distillation import (  # noqa: E402
    EffectiveDegreesOfFreedomDisplay,
    FilterFactorsDisplay,
    SelfDistillation,
    SelfDistilledKernelRidge,
    SelfDistilledKernelRidgeClassifier,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidge,
    SelfDistilledRidgeCV,
    StepErrorDisplay,
    self_distillation_filters,
)

TOY = load_self_distillation_toy()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.column_stack([X[:, 0] + X[:, 1] ** 2, np.sin(2 * X[:, 2])]) + 0.3 * RNG.normal(size=(40, 2))
S = RNG.integers(0, 4, size=40).astype(float)
K = rbf_kernel(X, gamma=0.3)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def texts(display):
    display.figure_.canvas.draw()
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def smoothers(model, X, weights, sample_weight=None):
    """Return the matrix of each step that maps targets to fitted values, by fits to unit vectors.

    A penalty for each step, where `model` is a list.
    """
    models = model if isinstance(model, list) else [model] * (len(weights) + 1)
    unit = np.eye(len(X))
    found = [models[0].fit(X, unit, sample_weight).predict(X)]
    for model, w in zip(models[1:], weights):
        targets = w * unit + (1 - w) * found[-1]
        found.append(model.fit(X, targets, sample_weight).predict(X))
    return found


def eigenvalues(matrix):
    return np.sort(np.linalg.eigvals(matrix).real)


def fitted(alpha=0.5, y=Y[:, 0], rows=X, cls=SelfDistilledKernelRidge, weight=None, **given):
    return cls(alpha=alpha, gamma=0.3, **given).fit(rows, y, weight)


# ---- filter factors


@pytest.mark.parametrize("sample_weight", [None, S], ids=["plain", "weighted"])
def test_filters_are_the_eigenvalues_of_the_smoothers(sample_weight):
    weights = [0.3, 1.2, 0.0]
    model = fitted(weight=sample_weight, n_steps=4, ground_truth_weight=weights)
    expected = smoothers(KernelRidge(alpha=0.5, kernel="rbf", gamma=0.3), X, weights, sample_weight)
    given = FilterFactorsDisplay.from_estimator(model, X, sample_weight=sample_weight)
    kept = FilterFactorsDisplay.from_estimator(model)
    n = 40 if sample_weight is None else (S > 0).sum()
    for display in (given, kept):
        assert display.eigenvalues.shape == (n,)
        for filters, smoother in zip(display.filters, expected, strict=True):
            assert_allclose(np.sort(filters), eigenvalues(smoother)[-n:], atol=1e-10)
        assert display.limit is display.limit_ is None


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("shape", ["tall", "wide"])
def test_linear_models_with_intercept_weights_and_sparse_rows(shape, fit_intercept, is_sparse):
    rng = np.random.default_rng(1)
    rows = rng.normal(2, 1, size=(40, 60 if shape == "wide" else 5))
    rows *= rng.uniform(size=rows.shape) < 0.3
    ridge = Ridge(0.5, fit_intercept=fit_intercept, solver="svd")
    expected = smoothers(ridge, rows, [0.3, 1.2], S)
    given = sparse.csr_matrix(rows) if is_sparse else rows
    model = SelfDistilledRidge(
        0.5, fit_intercept=fit_intercept, n_steps=3, ground_truth_weight=[0.3, 1.2]
    ).fit(given, Y[:, 0], S)
    filters = FilterFactorsDisplay.from_estimator(model, given, sample_weight=S).filters
    for filter_, smoother in zip(filters, expected, strict=True):
        whole = np.sort(np.append(filter_[filter_ > 1e-9], [1.0] * fit_intercept))
        assert_allclose(whole, eigenvalues(smoother)[-len(whole) :], atol=1e-9)
    display = EffectiveDegreesOfFreedomDisplay.from_estimator(
        model, given, sample_weight=S, name="linear"
    )
    assert_allclose(display.degrees["linear"], [np.trace(each) for each in expected])
    with pytest.raises(ValueError, match=r"X must be given for a linear model, .* got None"):
        FilterFactorsDisplay.from_estimator(model)


def test_lines_limit_ticks_and_legend_of_filters():
    model = fitted(0.2, TOY.target, TOY.data, n_steps=3, ground_truth_weight=0.25)
    display = FilterFactorsDisplay.from_estimator(model, TOY.data)
    assert len(display.lines_) == 3
    for t, line in enumerate(display.lines_):
        order = np.argsort(display.eigenvalues)
        seen = np.isin(display.eigenvalues[order], line.get_xdata())
        assert_allclose(line.get_ydata(), display.filters[t][order][seen])
    d = display.limit_.get_xdata()
    assert_allclose(display.limit_.get_ydata(), d / (d + 0.2 / 0.25))
    assert_allclose([line[0, 0] for line in display.ticks_.get_segments()], d)
    assert texts(display) == ["1 (ordinary fit)", "2", "3", "limit: penalty 0.8"]
    assert display.ax_.get_xscale() == "log"
    assert len({line.get_linewidth() for line in display.lines_}) == 1


def test_only_a_step_that_was_chosen_is_bold():
    model = fitted(0.01, n_steps=4, ground_truth_weight=0, step_selection="loo")
    assert 1 < model.best_step_ < 5
    display = FilterFactorsDisplay.from_estimator(model, X)
    widths = [line.get_linewidth() for line in display.lines_]
    assert np.argmax(widths) + 1 == display.chosen == model.best_step_
    assert f"{model.best_step_} (chosen)" in texts(display)


def test_smallest_eigenvalues_are_left_out_of_the_picture_and_counted():
    values = np.array([0, 1e-9, 1e-7, 0.5, 3, 20])
    display = FilterFactorsDisplay.from_eigenvalues(values, 1.0, 0.0, 30)
    assert len(display.lines_) == 30
    assert_array_equal(display.lines_[0].get_xdata(), [0.5, 3, 20])
    assert "(3 smaller ones, with factors near 0, left out)" in display.ax_.get_xlabel()
    assert display.filters.shape == (30, 6)
    assert len(texts(display)) == 6  # of thirty steps some are named, the ends among them
    assert texts(display)[0] == "1 (ordinary fit)"
    assert texts(display)[-1] == "30"


def test_filters_from_eigenvalues_of_penalties_by_step():
    display = FilterFactorsDisplay.from_eigenvalues([2.0, 1.0], [1.0, 0.5, 2.0], 0.4)
    first = np.array([2.0, 1.0]) / np.array([3.0, 2.0])
    second = np.array([2.0, 1.0]) / np.array([2.5, 1.5]) * (0.4 + 0.6 * first)
    third = np.array([2.0, 1.0]) / np.array([4.0, 3.0]) * (0.4 + 0.6 * second)
    assert_allclose(display.filters, [first, second, third])
    assert display.limit is None  # steps differ: there is none
    for weight in (0.0, 2.5, -0.1):
        assert FilterFactorsDisplay.from_eigenvalues([2.0], 1.0, weight, 2).limit is None


def test_filters_of_targets_with_weights_of_their_own():
    given = {"ground_truth_weight": "loo", "weight_per_target": True, "n_steps": 3}
    model = fitted(0.1, Y, **given)
    with pytest.raises(ValueError, match=r"target must be one of \[0, 1\].*got None"):
        FilterFactorsDisplay.from_estimator(model, X)
    with pytest.raises(ValueError, match=r"target must be one of \[0, 1\].*got 2"):
        FilterFactorsDisplay.from_estimator(model, X, target=2)
    for j in range(2):
        alone = FilterFactorsDisplay.from_estimator(fitted(0.1, Y[:, j], **given), X)
        display = FilterFactorsDisplay.from_estimator(model, X, target=j)
        assert_allclose(display.filters, alone.filters, atol=1e-9)
    degrees = EffectiveDegreesOfFreedomDisplay.from_estimator(model, X, name="two").degrees
    assert list(degrees) == ["two, target 0", "two, target 1"]
    assert_allclose(degrees["two, target 1"], display.filters.sum(axis=1))


def test_precomputed_kernels_pipelines_and_searches():
    expected = FilterFactorsDisplay.from_estimator(fitted(), X).filters
    given = {"kernel": "precomputed"}
    precomputed = fitted(rows=K, **given)
    before = K.copy()
    for rows in (K, None):
        shown = FilterFactorsDisplay.from_estimator(precomputed, rows)
        assert_allclose(shown.filters, expected, atol=1e-12)
    assert_array_equal(K, before)
    assert_array_equal(precomputed.X_fit_, before)
    pipe = make_pipeline(StandardScaler(), SelfDistilledKernelRidge(gamma=0.3)).fit(X, Y[:, 0])
    scaled = StandardScaler().fit_transform(X)
    assert_allclose(
        FilterFactorsDisplay.from_estimator(pipe, X).eigenvalues,
        np.clip(np.linalg.eigvalsh(rbf_kernel(scaled, gamma=0.3)), 0, None),
        atol=1e-12,
    )
    search = GridSearchCV(pipe, {"selfdistilledkernelridge__alpha": [0.1, 1.0]}, cv=2)
    search.fit(X, Y[:, 0])
    best = search.best_params_["selfdistilledkernelridge__alpha"]
    shown = FilterFactorsDisplay.from_estimator(search, X)
    assert_allclose(shown.filters[0], shown.eigenvalues / (shown.eigenvalues + best))


def test_filters_bad_input():
    with pytest.raises(NotFittedError):
        FilterFactorsDisplay.from_estimator(SelfDistilledKernelRidge(), X)
    with pytest.raises(TypeError, match=r"must be a self-distilled ridge .* got KernelRidge"):
        FilterFactorsDisplay.from_estimator(KernelRidge().fit(X, Y), X)
    with pytest.raises(ValueError, match="X has 2 features, but SelfDistilledKernelRidge"):
        FilterFactorsDisplay.from_estimator(fitted(), X[:, :2])
    with pytest.raises(ValueError, match="eigenvalues must be one array of numbers"):
        FilterFactorsDisplay.from_eigenvalues([-1.0], 1.0, 0.5, 2)
    with pytest.raises(ValueError, match="eigenvalues must hold one above 0, got none"):
        FilterFactorsDisplay.from_eigenvalues([0.0], 1.0, 0.5, 2)
    with pytest.raises(ValueError, match=r"shape \(n_steps, 2\), got \(2, 1\)"):
        FilterFactorsDisplay([1.0, 2.0], [[0.5], [0.3]]).plot()
    with pytest.raises(ValueError, match="chosen must be a step from 1 to 2 or None, got 3"):
        FilterFactorsDisplay.from_eigenvalues([1.0], 1.0, 0.5, 2, chosen=3)


# ---- degrees of freedom


@pytest.mark.parametrize("sample_weight", [None, S], ids=["plain", "weighted"])
def test_degrees_are_traces_of_the_smoothers(sample_weight):
    model = fitted(weight=sample_weight, n_steps=4, ground_truth_weight=0.3)
    kernel_ridge = KernelRidge(alpha=0.5, kernel="rbf", gamma=0.3)
    expected = smoothers(kernel_ridge, X, [0.3] * 3, sample_weight)
    display = EffectiveDegreesOfFreedomDisplay.from_estimator(
        model, X, sample_weight=sample_weight, name="ours"
    )
    assert_allclose(display.degrees["ours"], [np.trace(each) for each in expected], rtol=1e-9)
    kernel_ridge.set_params(alpha=0.5 / 0.3)
    (limit,) = smoothers(kernel_ridge, X, [], sample_weight)
    assert_allclose(display.limits["ours"], np.trace(limit), rtol=1e-9)
    (line,), (dashed,) = display.lines_, display.limits_
    assert_array_equal(line.get_xydata(), np.column_stack([range(1, 5), display.degrees["ours"]]))
    assert_allclose(dashed.get_ydata(), display.limits["ours"])
    assert texts(display) == ["ours", "limit of the steps"]
    assert display.marks_ == []


def test_degrees_of_several_penalties_and_weights():
    values = np.linalg.eigvalsh(K)
    display = EffectiveDegreesOfFreedomDisplay.from_eigenvalues(
        np.clip(values, 0, None), [0.1, 1.0], [0.0, 0.5], 3, fit_intercept=True
    )
    assert list(display.degrees) == [
        "alpha 0.1, weight 0", "alpha 0.1, weight 0.5", "alpha 1, weight 0", "alpha 1, weight 0.5",
    ]  # fmt: skip
    smoother = np.linalg.solve(K + np.eye(40), K)
    traces = [np.trace(np.linalg.matrix_power(smoother, t)) for t in (1, 2, 3)]
    assert_allclose(display.degrees["alpha 1, weight 0"], np.add(traces, 1), rtol=1e-9)
    assert set(display.limits) == {"alpha 0.1, weight 0.5", "alpha 1, weight 0.5"}
    limit = np.trace(np.linalg.solve(K + 2 * np.eye(40), K))
    assert_allclose(display.limits["alpha 1, weight 0.5"], limit + 1)
    assert len(display.lines_) == 4
    assert len({line.get_color() for line in display.lines_}) == 4
    alone = EffectiveDegreesOfFreedomDisplay.from_eigenvalues([1.0], 0.5, 0.0, 2)
    assert list(alone.degrees) == ["alpha 0.5, weight 0"]


def test_many_penalties_are_told_by_shade_and_some_by_name():
    alphas = np.logspace(-3, 3, 15)
    display = EffectiveDegreesOfFreedomDisplay.from_eigenvalues([2.0, 1.0], alphas, 0.0, 3)
    assert len(display.lines_) == 15
    assert len({tuple(line.get_color()) for line in display.lines_}) == 15
    named = texts(display)
    assert len(named) == 6
    assert (named[0], named[-1]) == ("alpha 0.001", "alpha 1e+03")
    near = EffectiveDegreesOfFreedomDisplay.from_eigenvalues([2.0], [1.0, 1.0001], 0.0, 3)
    assert list(near.degrees) == ["alpha 1.0", "alpha 1.0001"]


def test_degrees_of_any_filters_and_several_models_in_one_axes():
    filters = self_distillation_filters([3.0, 1.0], [1.0, 0.1], 0.0)
    one = EffectiveDegreesOfFreedomDisplay.from_filters(filters, name="one")
    assert_allclose(one.degrees["one"], filters.sum(axis=1))
    two = EffectiveDegreesOfFreedomDisplay.from_filters(
        {"two": filters[:1], "three": filters}, fit_intercept=True, ax=one.ax_
    )
    assert two.figure_ is one.figure_
    assert_allclose(two.degrees["three"], filters.sum(axis=1) + 1)
    lines = [*one.lines_, *two.lines_]
    assert len({line.get_color() for line in lines}) == 3
    assert len({line.get_marker() for line in lines}) == 3
    assert texts(two) == ["one", "two", "three"]
    assert two.ax_.get_xticks().tolist() == [1, 2]


def test_degrees_bad_input():
    Display = EffectiveDegreesOfFreedomDisplay
    with pytest.raises(ValueError, match=r"filters must have the shape .* got \(2,\) for 'steps'"):
        Display.from_filters([0.5, 0.2])
    with pytest.raises(ValueError, match="filters must have at least one entry"):
        Display.from_filters({})
    with pytest.raises(ValueError, match="name must be None where estimator is a dict"):
        Display.from_estimator({"a": fitted()}, X, name="b")
    with pytest.raises(ValueError, match=r"alpha must be above 0, got 0\."):
        Display.from_eigenvalues([1.0], [1.0, 0.0], 0.5, 2)
    with pytest.raises(ValueError, match="n_steps must be a whole number of at least 1, got 0"):
        Display.from_eigenvalues([1.0], 1.0, 0.5, 0)
    with pytest.raises(ValueError, match=r"limits must have names among \['a'\], got \['b'\]"):
        Display({"a": [1.0]}, limits={"b": 1.0}).plot()
    with pytest.raises(ValueError, match="chosen must be a step from 1 to 1 for 'a', got 2"):
        Display({"a": [1.0]}, chosen={"a": 2}).plot()
    with pytest.raises(ValueError, match=r"'a' must have one number for each step, got shape \(\)"):
        Display({"a": 1.0}).plot()
    with pytest.raises(ValueError, match="of at least one model to plot, got an empty dict"):
        Display({}).plot()


# ---- error by step


def test_errors_on_rows_held_out_are_those_of_refits():
    model = fitted(0.2, TOY.target, TOY.data, n_steps=3, ground_truth_weight=0.25)
    display = StepErrorDisplay.from_estimator(model.set_params(gamma=0.3), TOY.grid, TOY.truth)
    ridge = KernelRidge(alpha=0.2, kernel="rbf", gamma=0.3)
    targets, expected = TOY.target, []
    for _ in range(3):
        step = ridge.fit(TOY.data, targets)
        expected.append(((step.predict(TOY.grid) - TOY.truth) ** 2).mean())
        targets = 0.25 * TOY.target + 0.75 * step.predict(TOY.data)
    limit = ridge.set_params(alpha=0.8).fit(TOY.data, TOY.target).predict(TOY.grid)
    assert_allclose(display.errors["SelfDistilledKernelRidge"], expected)
    assert_allclose(display.lines_[0].get_ydata(), expected)
    assert_allclose(display.limits_[0].get_ydata(), ((limit - TOY.truth) ** 2).mean())
    assert display.ax_.get_ylabel() == "mean squared error"
    assert display.ax_.get_xlabel() == "step (1 is the ordinary fit)"
    assert display.marks_ == []  # the last step was not chosen by data


def test_errors_by_weights_targets_and_other_metrics():
    model = fitted(0.1, Y[:30], X[:30], n_steps=3, ground_truth_weight=0)
    rows = X[30:], Y[30:]
    predictions = list(model.staged_predict(X[30:]))
    plain = StepErrorDisplay.from_estimator(model, *rows, name="a").errors["a"]
    assert_allclose(plain, [((p - Y[30:]) ** 2).mean() for p in predictions])
    weight = S[30:] + 1
    display = StepErrorDisplay.from_estimator(model, *rows, sample_weight=weight, name="a")
    squares = [((p - Y[30:]) ** 2).mean(axis=1) for p in predictions]
    assert_allclose(display.errors["a"], [np.average(each, weights=weight) for each in squares])
    display = StepErrorDisplay.from_estimator(
        model, *rows, metric=mean_absolute_error, name="a", yscale="log"
    )
    assert_allclose(display.errors["a"], [np.abs(p - Y[30:]).mean() for p in predictions])
    assert display.ax_.get_ylabel() == "mean absolute error"
    assert display.ax_.get_yscale() == "log"

    def largest(y, predicted):
        return np.abs(y - predicted).max()

    display = StepErrorDisplay.from_predictions(Y[30:], predictions, metric=largest, chosen=2)
    assert_allclose(display.errors["steps"], [np.abs(p - Y[30:]).max() for p in predictions])
    assert display.marks_[0].get_xydata().tolist() == [[2, display.errors["steps"][1]]]
    assert texts(display) == ["steps", "chosen: step 2"]


def test_errors_of_classifiers_are_shares_of_wrong_labels():
    y = np.array(["no", "yes"])[(Y[:, 0] > 0.5).astype(int)]
    model = fitted(0.01, y[:30], X[:30], SelfDistilledKernelRidgeClassifier, n_steps=4)
    display = StepErrorDisplay.from_estimator(model, X[30:], y[30:], name="a")
    expected = [(each != y[30:]).mean() for each in model.staged_predict(X[30:])]
    assert_allclose(display.errors["a"], expected)
    assert display.ax_.get_ylabel() == "share of wrong labels"


def test_errors_that_a_fit_found_by_leave_one_out():
    model = fitted(0.01, n_steps=4, ground_truth_weight=0, step_selection="loo")
    display = StepErrorDisplay.from_estimator(model)
    squares = np.zeros(4)
    for i in range(40):
        others = np.arange(40) != i
        left_out = fitted(0.01, Y[others, 0], X[others], n_steps=4, ground_truth_weight=0)
        squares += [(p[0] - Y[i, 0]) ** 2 for p in left_out.staged_predict(X[[i]])]
    assert_allclose(display.errors["SelfDistilledKernelRidge"], squares / 40)
    best = np.argmin(squares)
    assert display.marks_[0].get_xydata().tolist() == [[best + 1, model.loo_mse_[best]]]
    assert display.ax_.get_ylabel() == "leave-one-out mean squared error"
    assert f"chosen: step {best + 1}" in texts(display)


def test_errors_of_several_models_and_in_one_axes():
    model = fitted(0.01, n_steps=3, ground_truth_weight=0, step_selection="loo")
    other = fitted(0.01, n_steps=4, ground_truth_weight=0.5, step_selection="loo")
    one = StepErrorDisplay.from_estimator({"zero": model, "half": other}, X, Y[:, 0])
    assert list(one.errors) == ["zero", "half"]
    assert [len(line.get_xdata()) for line in one.lines_] == [3, 4]
    assert list(one.limits) == ["half"]
    assert len(one.marks_) == 2
    assert texts(one)[:2] == ["zero", "half"]  # lines come before what goes with them
    assert set(texts(one)[2:]) == {"limit of the steps", "chosen step"}
    for line, ring in zip(one.lines_, one.marks_, strict=True):
        assert same_color(line.get_color(), ring.get_color())
    two = StepErrorDisplay.from_estimator(make_pipeline(model), X, Y[:, 0], name="z", ax=one.ax_)
    assert two.figure_ is one.figure_
    assert two.lines_[0].get_color() not in {line.get_color() for line in one.lines_}


@pytest.mark.parametrize(
    ("cls", "given"),
    [(SelfDistilledKernelRidgeCV, {"gamma": 0.3}), (SelfDistilledRidgeCV, {})],
)
def test_searches_have_a_line_for_each_penalty(cls, given):
    alphas = np.array([0.01, 1.0, 30.0])
    model = cls(alphas, n_steps=4, **given).fit(X, Y[:, 0])
    display = StepErrorDisplay.from_estimator(make_pipeline(model))
    assert list(display.errors) == ["alpha 0.01", "alpha 1", "alpha 30"]
    assert_allclose([line.get_ydata() for line in display.lines_], -model.scores_)
    colors = np.array([line.get_color() for line in display.lines_])
    assert (np.diff(colors.sum(axis=1)) > 0).all()  # from dark to light
    name = f"alpha {model.alpha_:g}"
    assert display.chosen == {name: model.best_step_}
    (ring,) = display.marks_
    assert ring.get_xydata().tolist() == [[model.best_step_, -model.best_score_]]
    assert texts(display)[-1] == f"chosen: {name}, step {model.best_step_}"
    assert display.ax_.get_ylabel() == "leave-one-out mean squared error"
    filters = FilterFactorsDisplay.from_estimator(model, X)
    expected = self_distillation_filters(
        filters.eigenvalues, model.alpha_, model.ground_truth_weights_
    )
    assert_allclose(filters.filters, expected)
    assert filters.chosen == model.best_step_
    assert_allclose(filters.filters[0].sum(), np.trace(smoother_of_first_step(model)) - (not given))


def smoother_of_first_step(model):
    if hasattr(model, "coef_path_"):
        return smoothers(Ridge(model.alpha_, solver="svd"), X, [])[0]
    return smoothers(KernelRidge(alpha=model.alpha_, kernel="rbf", gamma=0.3), X, [])[0]


def test_searches_by_folds_and_by_scores_and_several_of_them():
    search = SelfDistilledKernelRidgeCV([0.1, 1.0], gamma=0.3, n_steps=3)
    folds = clone(search).set_params(cv=3).fit(X, Y[:, 0])
    display = StepErrorDisplay.from_estimator(folds)
    assert_allclose([line.get_ydata() for line in display.lines_], -folds.scores_)
    assert display.ax_.get_ylabel() == "cross-validated mean squared error"
    scored = clone(search).set_params(cv=3, scoring="r2").fit(X, Y[:, 0])
    display = StepErrorDisplay.from_estimator(scored)
    assert_allclose([line.get_ydata() for line in display.lines_], scored.scores_)
    assert display.ax_.get_ylabel() == "cross-validated score (larger is better)"
    left_out, plain = search.fit(X, Y[:, 0]), fitted(n_steps=3, store_loo=True)
    display = StepErrorDisplay.from_estimator({"search": left_out, "plain": plain})
    best = [0.1, 1.0].index(left_out.alpha_)
    assert_allclose(display.errors["search"], -left_out.scores_[best])
    assert_allclose(display.errors["plain"], plain.loo_mse_)
    assert display.chosen == {"search": left_out.best_step_}
    with pytest.raises(ValueError, match=r"own errors differ in kind, as cross-.* and leave-one-"):
        StepErrorDisplay.from_estimator({"a": folds, "b": left_out})
    held_out = StepErrorDisplay.from_estimator(scored, X, Y[:, 0], name="a")
    expected = [((p - Y[:, 0]) ** 2).mean() for p in scored.staged_predict(X)]
    assert_allclose(held_out.errors["a"], expected)


def test_error_bad_input():
    model = fitted(n_steps=3)
    with pytest.raises(ValueError, match="X and y must be given together"):
        StepErrorDisplay.from_estimator(model, X)
    with pytest.raises(ValueError, match=r"X and y must be given for .* without store_loo=True"):
        StepErrorDisplay.from_estimator(model)
    with pytest.raises(TypeError, match="must be a self-distilled model of steps, got Ridge"):
        StepErrorDisplay.from_estimator(Ridge().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match=r"metric must be one of .* or a function, got 'r2'"):
        StepErrorDisplay.from_estimator(model, X, Y[:, 0], metric="r2")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        StepErrorDisplay.from_predictions([1.0, 2.0], [[1.0]])
    with pytest.raises(ValueError, match="yscale must be 'linear' or 'log', got 'symlog'"):
        StepErrorDisplay({"a": [1.0]}).plot(yscale="symlog")
    with pytest.raises(ValueError, match="chosen must be a step from 1 to 1 for 'steps', got 2"):
        StepErrorDisplay.from_predictions([1.0], [[1.0]], chosen=2)


def test_errors_of_refits_of_any_estimator():
    tree = DecisionTreeRegressor(max_depth=2, random_state=0)
    model = SelfDistillation(tree, n_steps=3, ground_truth_weight=0.5).fit(X[:30], Y[:30, 0])
    display = StepErrorDisplay.from_estimator(model, X[30:], Y[30:, 0], name="tree")
    expected = [((step.predict(X[30:]) - Y[30:, 0]) ** 2).mean() for step in model.estimators_]
    assert_allclose(display.errors["tree"], expected)
    assert display.marks_ == display.limits_ == []
    with pytest.raises(TypeError, match=r"whose steps are filters .* got SelfDistillation"):
        FilterFactorsDisplay.from_estimator(model, X)


def test_steps_of_a_joint_optimum_mean_nothing_before_the_last():
    model = fitted(0.01, n_steps=3, ground_truth_weight="loo-joint")
    held_out = StepErrorDisplay.from_estimator(model, X, Y[:, 0], name="a").errors["a"]
    for errors in (StepErrorDisplay.from_estimator(model, name="a").errors["a"], held_out):
        assert np.isfinite(errors).tolist() == [False, False, True]
    assert_allclose(held_out[-1], ((model.predict(X) - Y[:, 0]) ** 2).mean())


def test_size_of_text_beside_lines():
    """No legend hides a line in a figure of half a column."""
    alphas = np.logspace(-3, 2, 12)
    errors = 0.3 + 0.1 * (np.log10(alphas)[:, None] + 0.4 * np.log(np.arange(1, 9))) ** 2
    names = [f"alpha {alpha:.3g}" for alpha in alphas]
    _, ax = pyplot.subplots(figsize=(5.4, 4.4), layout="constrained")
    display = StepErrorDisplay(dict(zip(names, errors)), chosen={names[4]: 6}, in_order=True).plot(
        ax
    )
    display.figure_.canvas.draw()
    box = ax.get_legend().get_window_extent()
    dots = np.concatenate([ax.transData.transform(line.get_xydata()) for line in display.lines_])
    assert not box.count_contains(dots)
    assert display.figure_.bbox.x1 > box.x1
    assert display.figure_.bbox.y1 > box.y1
    assert names[4] in texts(display)
    assert f"chosen: {names[4]}, step 6" in texts(display)
