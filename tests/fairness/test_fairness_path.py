"""Paths of strengths: fits, and the table beside them."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skweight.fairness._path as path_module
from skweight.fairness import (
    DistanceCovarianceClassifier,
    DistanceCovarianceRegressor,
    DistanceCovarianceRegressorCV,
    FairnessPath,
    dependence_score,
    fairness_path,
)
from skweight.fairness._glm import GLMProblem
from skweight.fairness._held_out import Dependence, GroupFigures, counts
from skweight.metrics import (
    between_group_variance_ratio,
    demographic_parity_gap,
    js_divergence_score,
)

pytestmark = pytest.mark.filterwarnings("error")
STRENGTHS = [0.0, 1.0, 5.0, 20.0]


def draw(n, seed, n_classes=None):
    """Draw features that follow a group and an age, an outcome, and the two attributes."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], size=n, p=[0.5, 0.3, 0.2])
    age = rng.uniform(18, 80, size=n)
    first = (group == "a") + (age > 50) + 0.5 * rng.normal(size=n)
    X = np.column_stack([first, rng.normal(size=(n, 2))])
    score = X @ [0.6, 0.4, -0.3]
    S = {"group": group, "age": age}
    if n_classes is None:
        return X, rng.poisson(np.exp(score - 0.5)).astype(float), S
    cuts = [0.6] if n_classes == 2 else [0.1, 1.0]
    return X, np.searchsorted(cuts, score + 0.7 * rng.logistic(size=n)), S


def take(s, rows):
    return {name: values[rows] for name, values in s.items()}


def changed(s, **columns):
    return {**s, **columns}


X, Y, S = draw(300, 0)
X_VAL, Y_VAL, S_VAL = draw(200, 1)
W_VAL = np.random.default_rng(2).integers(0, 4, size=200).astype(float)
MODEL = DistanceCovarianceRegressor(loss="poisson", tol=1e-9)


GROUPS = {"n_bins": 2, "min_group_size": 10}  # so that all groups have figures


def path_of(model=MODEL, x=X, y=Y, s=S, strengths=STRENGTHS, **options):
    return fairness_path(model, x, y, strengths, sensitive_features=s, **{**GROUPS, **options})


def on_validation(**options):
    given = {"X_val": X_VAL, "y_val": Y_VAL, "sensitive_features_val": S_VAL}
    return path_of(**{**given, **options})


@pytest.fixture(scope="module")
def weighted():
    return on_validation(sample_weight_val=W_VAL)


def test_fits_are_those_of_the_estimator(weighted):
    for i, strength in enumerate(STRENGTHS):
        alone = DistanceCovarianceRegressor(strength, loss="poisson", tol=1e-9)
        alone.fit(X, Y, sensitive_features=S)
        model = weighted.estimators[i]
        assert type(model) is DistanceCovarianceRegressor
        assert model.fairness_alpha == weighted.fairness_alphas[i] == strength
        assert weighted.objective[i] == model.objective_
        assert model.objective_ == pytest.approx(alone.objective_, abs=1e-8)
        assert weighted.penalty[i] == pytest.approx(alone.penalty_, abs=1e-8)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-5)
        np.testing.assert_allclose(model.predict(X_VAL), alone.predict(X_VAL), atol=1e-5)
        assert model.smoothing_ == pytest.approx(alone.smoothing_, rel=1e-6)
        assert weighted.n_iter[i] == model.n_iter_
        assert not weighted.collapsed[i]
        assert weighted.converged[i]


def test_table_on_validation_rows(weighted):
    """Every column against the formula, or the public measure, of the estimator's predictions."""
    assert weighted.measured_on == "validation"
    assert weighted.statistic == "U"
    groups = {"sample_weight": W_VAL, **GROUPS}
    for i, model in enumerate(weighted.estimators):
        rate = model.predict(X_VAL)
        loss = np.average(rate - Y_VAL * np.log(rate), weights=W_VAL)
        assert weighted.loss[i] == pytest.approx(loss, rel=1e-12)
        encoder = model.sensitive_encoder_
        joint = dependence_score(rate, S_VAL, sample_weight=W_VAL, encoder=encoder)
        assert weighted.dependence[i] == pytest.approx(joint, rel=1e-10)
        ratio = between_group_variance_ratio(rate, S_VAL, **groups)
        assert weighted.variance_ratio[i] == pytest.approx(ratio, rel=1e-12)
        gap = demographic_parity_gap(rate, S_VAL, **groups)
        assert weighted.ks_gap[i] == pytest.approx(gap, rel=1e-12)
        divergence = js_divergence_score(rate, S_VAL, **groups, bandwidth=weighted.bandwidth)
        assert weighted.js_divergence[i] == pytest.approx(divergence, rel=1e-12)
    assert list(weighted.dependence_by_attribute) == ["group", "age"]
    low = np.where(W_VAL == 0, S["age"].min(), S_VAL["age"])  # scaled as the training rows are
    span = S["age"].max() - S["age"].min()
    for values, expected in zip(
        weighted.dependence_by_attribute["age"], [m.predict(X_VAL) for m in weighted.estimators]
    ):
        alone = dependence_score(expected, low / span, sample_weight=W_VAL, scale=None)
        assert values == pytest.approx(alone, rel=1e-9)
    # One bandwidth for all, that of the plain model.
    plain = weighted.estimators[0].predict(X_VAL)
    details = js_divergence_score(plain, S_VAL, **groups, return_details=True)
    assert weighted.bandwidth == details.bandwidth


def test_more_strength_less_dependence(weighted):
    assert (np.diff(weighted.penalty) < 0).all()
    assert weighted.penalty[-1] < 0.5 * weighted.penalty[0]
    assert weighted.dependence[-1] < 0.5 * weighted.dependence[0]
    assert (np.diff(weighted.loss) > -1e-3).all()


def test_training_rows_are_measured_without_others():
    weight = np.random.default_rng(3).integers(0, 3, size=300).astype(float)
    path = path_of(sample_weight=weight)
    assert path.measured_on == "training"
    for i, model in enumerate(path.estimators):
        rate = model.predict(X)
        loss = np.average(rate - Y * np.log(rate), weights=weight)
        assert path.loss[i] == pytest.approx(loss, rel=1e-12)
        score = dependence_score(rate, S, sample_weight=weight, encoder=model.sensitive_encoder_)
        assert path.dependence[i] == pytest.approx(score, rel=1e-10)
        biased = dependence_score(rate, S, sample_weight=weight, statistic="V")
        assert path.penalty[i] == pytest.approx(biased, rel=1e-9)


def test_validation_rows_without_weight_count_nowhere():
    kept = W_VAL > 0
    S_odd = changed(S_VAL, age=np.where(kept, S_VAL["age"], 1e9))
    S_odd["group"] = np.where(kept, S_VAL["group"], "unheard of")
    with_them = on_validation(sample_weight_val=W_VAL, sensitive_features_val=S_odd)
    without = on_validation(
        X_val=X_VAL[kept],
        y_val=Y_VAL[kept],
        sensitive_features_val=take(S_VAL, kept),
        sample_weight_val=W_VAL[kept],
    )
    for name in ("loss", "dependence", "js_divergence", "variance_ratio", "ks_gap"):
        np.testing.assert_allclose(getattr(with_them, name), getattr(without, name), rtol=1e-10)


def test_one_problem_and_every_fit_from_the_one_before(monkeypatch):
    problems, starts, solutions = set(), [], []
    original = GLMProblem.solve

    def watched(self, strength, *, start=None, **options):
        problems.add(id(self))
        starts.append(start)
        solutions.append(original(self, strength, start=start, **options))
        return solutions[-1]

    monkeypatch.setattr(GLMProblem, "solve", watched)
    path = path_of(strengths=[0, 5, 20, 1e4, 1e5])
    assert len(problems) == 1
    assert path.collapsed.tolist() == [False, False, False, True, True]
    # At a constant model all predictions tie: the last other one is a better start.
    assert starts[0] is None
    assert all(a is b for a, b in zip(starts[1:], [*solutions[:3], solutions[2]]))


def test_strengths_are_sorted_and_joined():
    path = path_of(strengths=[5, 0, 5, 1])
    assert path.fairness_alphas.tolist() == [0, 1, 5]
    assert [model.fairness_alpha for model in path.estimators] == [0, 1, 5]
    alone = path_of(strengths=[5])  # no 0 needed
    assert alone.objective[0] == pytest.approx(path.objective[2], abs=1e-8)
    for bad in ([], [-1.0], [np.inf], [np.nan], [[0, 1]], ["a"], None):
        with pytest.raises(ValueError, match="fairness_alphas"):
            path_of(strengths=bad)


def test_collapse_is_a_column_and_no_warning():
    path = path_of(strengths=[0, 1e4, 1e5])
    assert path.collapsed.tolist() == [False, True, True]
    assert np.abs(path.dependence[1:]).max() < 1e-15
    assert path.js_divergence[1:].tolist() == [0, 0]
    assert path.ks_gap[1:].tolist() == [0, 0]
    for model in path.estimators[1:]:
        assert not model.coef_.any()
        assert model.intercept_ == pytest.approx(np.log(Y.mean()))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    x, y, s = draw(300, 4, n_classes)
    xv, yv, sv = draw(200, 5, n_classes)
    names = np.array(["no", "perhaps", "yes"])
    model = DistanceCovarianceClassifier(alpha=1e-3)
    path = fairness_path(
        model,
        x,
        names[y],
        [0, 10],
        sensitive_features=s,
        X_val=xv,
        y_val=names[yv],
        sensitive_features_val=sv,
        n_bins=2,
        min_group_size=10,
    )
    for i, fitted in enumerate(path.estimators):
        assert fitted.classes_.tolist() == names[:n_classes].tolist()
        proba = fitted.predict_proba(xv)
        loss = -np.log(proba[np.arange(200), yv]).mean()
        assert path.loss[i] == pytest.approx(loss, rel=1e-12)
        columns = proba if n_classes == 3 else proba[:, 1:]
        score = dependence_score(columns, sv, encoder=fitted.sensitive_encoder_)
        assert path.dependence[i] == pytest.approx(score, rel=1e-10)
        gaps = [demographic_parity_gap(c, sv, n_bins=2, min_group_size=10) for c in columns.T]
        assert path.ks_gap[i] == max(gaps)
        widths = np.atleast_1d(path.bandwidth)
        assert len(widths) == columns.shape[1]
        divergences = [
            js_divergence_score(c, sv, n_bins=2, min_group_size=10, bandwidth=width)
            for c, width in zip(columns.T, widths)
        ]
        assert path.js_divergence[i] == pytest.approx(max(divergences), rel=1e-12)
    with pytest.raises(ValueError, match=r"y_val must hold labels that y holds too.*'maybe'"):
        fairness_path(
            model, x, names[y], sensitive_features=s,
            X_val=xv[:1], y_val=["maybe"], sensitive_features_val=take(sv, slice(1)),
        )  # fmt: skip


def test_attributes_among_the_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2"]).assign(**S)
    frame_val = pd.DataFrame(X_VAL, columns=["x0", "x1", "x2"]).assign(**S_VAL)
    model = DistanceCovarianceRegressor(
        loss="poisson", tol=1e-9, sensitive_columns=["group", "age"]
    )
    inside = fairness_path(model, frame, Y, STRENGTHS, X_val=frame_val, y_val=Y_VAL, **GROUPS)
    beside = on_validation()
    for name in ("loss", "dependence", "ks_gap", "objective", "penalty"):
        np.testing.assert_allclose(getattr(inside, name), getattr(beside, name), rtol=1e-9)
    rates = inside.estimators[2].predict(frame_val.drop(columns=["group", "age"]))
    np.testing.assert_allclose(rates, beside.estimators[2].predict(X_VAL), rtol=1e-9)
    with pytest.raises(ValueError, match="sensitive_features_val must be None"):
        fairness_path(model, frame, Y, X_val=frame_val, y_val=Y_VAL, sensitive_features_val=S_VAL)


def test_frame_and_text(weighted):
    pytest.importorskip("pandas")
    frame = weighted.to_frame()
    assert list(frame.columns[:4]) == ["fairness_alpha", "loss", "objective", "penalty"]
    assert list(frame["fairness_alpha"]) == STRENGTHS
    for name in ("loss", "dependence", "js_divergence", "variance_ratio", "ks_gap", "n_iter"):
        np.testing.assert_array_equal(frame[name], getattr(weighted, name))
    np.testing.assert_array_equal(frame["dependence_age"], weighted.dependence_by_attribute["age"])
    lines = repr(weighted).split("\n")
    assert len(lines) == 2 + len(STRENGTHS)
    assert "validation" in lines[0]
    assert lines[1].split()[:3] == ["fairness_alpha", "loss", "dependence"]
    assert lines[-1].split()[:2] == ["20", f"{weighted.loss[-1]:.4g}"]
    assert len({len(line) for line in lines[1:]}) == 1


def test_the_path_can_be_pickled_and_the_estimator_stays_as_it_was():
    model = DistanceCovarianceRegressor(7.0, loss="poisson", warm_start=True)
    path = path_of(model)
    assert model.fairness_alpha == 7.0
    assert not hasattr(model, "coef_")
    again = pickle.loads(pickle.dumps(path))
    assert isinstance(again, FairnessPath)
    np.testing.assert_array_equal(again.estimators[1].predict(X), path.estimators[1].predict(X))


def test_starts_of_several_runs_are_seeded():
    model = DistanceCovarianceRegressor(loss="poisson", n_init=4, random_state=0)
    first, second = path_of(model), path_of(model)
    np.testing.assert_array_equal(first.objective, second.objective)
    assert (first.objective <= path_of().objective + 1e-9).all()


def test_small_groups_are_nan_with_one_warning_each():
    with pytest.warns(UserWarning, match="min_group_size") as caught:
        path = on_validation(min_group_size=100)
    assert np.isnan(path.ks_gap).all()
    assert np.isnan(path.js_divergence).all()
    assert np.isfinite(path.dependence).all()
    assert len(caught) == len({str(w.message) for w in caught}) == 3  # one for each figure
    assert {w.filename for w in caught} == {__file__}


def test_unfinished_fits_are_named():
    model = DistanceCovarianceRegressor(loss="poisson", max_iter=3)
    with pytest.warns(ConvergenceWarning, match=r"fairness_alpha=0, 1, 5, 20 did not") as caught:
        path = path_of(model)
    assert len(caught) == 1
    assert not path.converged.any()


def test_penalties_without_bound_are_named():
    """A Gamma loss with the unbiased statistic has no minimum as soon as it is negative."""
    rng = np.random.default_rng(0)
    x, s = rng.normal(size=(40, 3)), rng.normal(size=40)
    y = rng.gamma(2.0, size=40)
    model = DistanceCovarianceRegressor(loss="gamma", statistic="U", alpha=0.0)
    with pytest.warns(ConvergenceWarning, match="fairness_alpha=50 a prediction went to"):
        path = fairness_path(model, x, y, [0, 50], sensitive_features=s, min_group_size=5)
    assert path.converged.tolist() == [True, False]
    assert np.isfinite(path.objective).all()


@pytest.mark.parametrize("weight", [None, [0.5, 0.25, 0.5]])
def test_three_rows_are_measured_by_v(weight):
    rows = {"X_val": X_VAL[:3], "y_val": Y_VAL[:3], "sensitive_features_val": take(S_VAL, slice(3))}
    path = on_validation(**rows, sample_weight_val=weight, min_group_size=1)
    assert path.statistic == "V"
    model = path.estimators[1]
    score = dependence_score(
        model.predict(X_VAL[:3]),
        take(S_VAL, slice(3)),
        statistic="V",
        sample_weight=weight,
        encoder=model.sensitive_encoder_,
    )
    assert path.dependence[1] == pytest.approx(score, rel=1e-10)


def test_weights_that_are_no_counts():
    """Their effective number of rows takes nearly all of the bias of V away."""
    whole = np.array([0.0, 3.0, 2.0])
    assert counts(whole) is whole
    np.testing.assert_allclose(counts(np.full(7, 0.3)), np.ones(7))
    w = np.array([0.2, 0.7, 0.4, 1.0])
    np.testing.assert_allclose(counts(w), counts(5 * w), rtol=1e-14)
    assert counts(w).sum() == pytest.approx(w.sum() ** 2 / (w**2).sum())
    rng = np.random.default_rng(0)
    u, v = [], []
    for _ in range(1500):
        y, s, w = rng.normal(size=40), rng.normal(size=(40, 1)), rng.uniform(size=40)
        u.append(Dependence([s], w, "U")(y))
        v.append(Dependence([s], w, "V")(y))
    error = np.std(u) / np.sqrt(len(u))
    assert np.mean(v) > 20 * error
    assert abs(np.mean(u)) < 0.05 * np.mean(v)


def test_missing_values_as_a_category():
    missing = np.arange(300) % 7 == 0
    group = np.where(missing, None, S["group"].astype(object))
    with pytest.raises(ValueError, match="missing"):
        path_of(s=changed(S, group=group))
    model = DistanceCovarianceRegressor(loss="poisson", missing="category")
    path = path_of(model, s=changed(S, group=group))
    filled = path_of(s=changed(S, group=np.where(missing, "(missing)", S["group"])))
    for name in ("ks_gap", "variance_ratio", "js_divergence", "dependence"):
        np.testing.assert_allclose(getattr(path, name), getattr(filled, name), rtol=1e-4)


def test_kinds_of_attributes_reach_every_figure():
    coded = changed(S, group=np.searchsorted(["a", "b", "c"], S["group"]))
    model = DistanceCovarianceRegressor(loss="poisson", sensitive_types={"group": "nominal"})
    path, named = path_of(model, s=coded), path_of()
    for name in ("ks_gap", "variance_ratio", "js_divergence", "dependence"):
        np.testing.assert_allclose(getattr(path, name), getattr(named, name), rtol=1e-4)


def test_bandwidth_of_constant_predictions():
    figures = GroupFigures(path_module.attributes_of(S), np.ones(300), "auto", "error", **GROUPS)
    assert figures.js_divergence(np.full(300, 0.2)) == 0
    assert np.isnan(figures.bandwidth_used())
    assert figures.js_divergence(X[:, 0]) > 0


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), MODEL),
        DistanceCovarianceRegressorCV(),
        DistanceCovarianceRegressor,
    ],
    ids=["other", "pipeline", "cv", "class"],
)
def test_other_estimators(estimator):
    with pytest.raises(TypeError, match="estimator must be a DistanceCovarianceRegressor or"):
        path_of(estimator)


def test_bad_input_is_named_before_the_fits(monkeypatch):
    def no_fit(*args, **kwargs):
        raise AssertionError("the fits began")

    monkeypatch.setattr(path_module, "follow", no_fit)
    with pytest.raises(ValueError, match="needs protected attributes"):
        path_of(s=None)
    with pytest.raises(ValueError, match="y_val must be given"):
        on_validation(y_val=None)
    with pytest.raises(ValueError, match="sensitive_features_val must be given"):
        on_validation(sensitive_features_val=None)
    with pytest.raises(ValueError, match="sample_weight_val needs X_val"):
        path_of(sample_weight_val=W_VAL)
    with pytest.raises(ValueError, match="sensitive_features_val must have one row for each"):
        on_validation(sensitive_features_val=take(S_VAL, slice(5)))
    with pytest.raises(ValueError, match="inconsistent"):
        on_validation(y_val=Y_VAL[:5])
    with pytest.raises(ValueError, match="features"):
        on_validation(X_val=X_VAL[:, :2])
    with pytest.raises(ValueError, match="out of the valid range"):
        on_validation(y_val=-Y_VAL - 1)
    with pytest.raises(ValueError, match="bandwidth"):
        path_of(bandwidth="silverman")
    with pytest.raises(ValueError, match="n_bins"):
        path_of(n_bins=0)
    with pytest.raises(ValueError, match="min_group_size"):
        path_of(min_group_size=0)
    with pytest.raises(ValueError, match="'tol' parameter"):
        path_of(DistanceCovarianceRegressor(tol=-1.0))
    with pytest.raises(ValueError, match="attributes are"):
        on_validation(sensitive_features_val={"group": S_VAL["group"], "years": S_VAL["age"]})


def test_warnings_of_the_encoding_come_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        on_validation(sensitive_features_val=changed(S_VAL, group=np.full(200, "new")))
    text = [str(w.message) for w in caught]
    assert len(text) == len(set(text)) == 1
    assert "group" in text[0]
