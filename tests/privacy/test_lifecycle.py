"""The life of a private estimator: what is public is frozen, budgets come first, rows vanish."""

import pickle
import re
import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import check_is_fitted

from skweight.privacy import (
    BudgetExceededError,
    PrivacyAccountant,
    PrivacyLeakWarning,
    PrivateDistanceSum,
)
from skweight.privacy._accumulator import LARGEST_SUM, Accumulator, hashable
from skweight.privacy._private_rows import integer_weights

pytest.importorskip("cryptography")

SECRET = 0.6173294501


def rows(n=997, d=3, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d))


def private(**parameters):
    return PrivateDistanceSum(**{"bounds": (0, 1), **parameters})


# ---------------------------------------------------------------- budget


class Unreadable:
    """Rows that tell their shape and nothing else."""

    shape = (10, 3)

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("a row was read")


def test_budget_is_checked_before_a_row_is_read():
    accountant = PrivacyAccountant(epsilon=1.0)
    with pytest.raises(BudgetExceededError):
        private(epsilon=2.0, accountant=accountant).fit(Unreadable())
    assert accountant.spent == (0.0, 0.0)


def test_budget_stays_spent_if_the_fit_fails():
    accountant = PrivacyAccountant(epsilon=1.0)
    with pytest.raises(AssertionError, match="a row was read"):
        private(epsilon=0.75, accountant=accountant).fit(Unreadable())
    assert accountant.spent == (0.75, 0.0)
    bad = rows()
    bad[4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        private(epsilon=0.25, accountant=accountant).fit(bad)
    assert accountant.remaining == (0.0, 0.0)


def test_partial_fit_and_merge_spend_nothing_and_release_spends_once():
    accountant = PrivacyAccountant(epsilon=1.0)
    one = private(accountant=accountant).partial_fit(rows()).partial_fit(rows(seed=1))
    one.merge(private().partial_fit(rows(seed=2)))
    assert accountant.spent == (0.0, 0.0)
    one.release()
    assert accountant.spent == (1.0, 0.0)
    again = private(accountant=accountant).partial_fit(rows())
    with pytest.raises(BudgetExceededError):
        again.release()
    # What was added up is still there for an accountant that has a budget.
    again.set_params(accountant=PrivacyAccountant(epsilon=1.0)).release()


def test_a_refit_spends_again():
    accountant = PrivacyAccountant(epsilon=2.0)
    model = private(accountant=accountant).fit(rows())
    first = model.release_["counts_2"].copy()
    model.fit(rows())
    assert accountant.spent == (2.0, 0.0)
    assert not np.array_equal(first, model.release_["counts_2"])
    with pytest.raises(BudgetExceededError):
        model.fit(rows())
    # The budget is asked before the earlier release is dropped.
    assert model.distance_sum(rows()[:2]).shape == (2,)


def test_the_accountant_hears_of_the_noise_that_is_drawn():
    accountant = PrivacyAccountant(epsilon=10.0, delta=1e-3)
    # In one dimension Laplace noise is less at this epsilon, and costs no delta.
    private(epsilon=1.0, delta=1e-6, accountant=accountant).fit(rows(d=1))
    private(epsilon=0.1, delta=1e-6, accountant=accountant).fit(rows(d=30))
    kinds = [(record.mechanism, record.delta) for record in accountant.records]
    assert kinds == [("laplace", 0.0), ("gaussian", 1e-6)]
    assert accountant.records[0].label == "PrivateDistanceSum"


def test_containers_without_a_shape_cost_the_same():
    X = rows(d=30)
    for same in (X.tolist(), tuple(map(tuple, X))):
        accountant = PrivacyAccountant(epsilon=10.0, delta=1e-3)
        model = private(epsilon=0.1, delta=1e-6, accountant=accountant).fit(same)
        assert accountant.records[0].mechanism == model.privacy_spent_.mechanism == "gaussian"


# ---------------------------------------------------------------- what is frozen

CHANGES = {
    "metric": "minkowski_power",
    "p": 2.0,
    "epsilon": 100.0,
    "delta": 1e-3,
    "bounds": (0, 0.5),
    "adjacency": "replace",
    "method": "rings",
    "alpha": 0.5,
    "consistency": False,
    "isotonic": True,
    "depth": 6,
    "n_hint": 10,
    "n_projections": 3,
    "projection_seed": 1,
    "max_weight": 2.0,
    "nonfinite": "clip",
    "compute_dtype": "float32",
}


def test_every_parameter_is_either_frozen_or_free():
    free = {"accountant", "random_state", "norm_bound"}  # norm_bound: below
    assert set(CHANGES) | free == set(PrivateDistanceSum().get_params())


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_a_changed_parameter_stops_every_next_step(name, value):
    def changed():
        return private(n_hint=500).partial_fit(rows()).set_params(**{name: value})

    with pytest.raises(ValueError, match=f"{name} must not change"):
        changed().release()
    with pytest.raises(ValueError, match=f"{name} must not change"):
        changed().partial_fit(rows())
    with pytest.raises(ValueError, match=f"{name} must not change"):
        changed().merge(private(n_hint=500).partial_fit(rows()))
    with pytest.raises(ValueError, match=f"{name} must not change"):
        private(n_hint=500).partial_fit(rows()).merge(changed())
    # Set back, it goes on.
    changed().set_params(**private(n_hint=500).get_params()).release()


def test_a_changed_norm_bound_stops_the_release():
    model = PrivateDistanceSum("sqeuclidean", norm_bound=2.0).partial_fit(rows())
    with pytest.raises(ValueError, match="norm_bound must not change"):
        model.set_params(norm_bound=0.1).release()


def test_bounds_written_in_another_way_are_the_same():
    model = private(bounds=[0, 1]).partial_fit(rows())
    model.set_params(bounds=np.array([0.0, 1.0])).release()
    one = private(bounds=(0, 1)).partial_fit(rows())
    one.merge(private(bounds=([0, 0, 0], np.ones(3))).partial_fit(rows())).release()


def test_parameters_set_after_the_release_change_nothing():
    X = rows()
    model = private(epsilon=0.5, max_weight=2.0).fit(X)
    before = (
        model.privacy_spent_,
        model.standard_error(X[:5]),
        model.distance_sum(X[:5]),
        model.distance_mean(X[:5]),
    )
    changed = {**CHANGES, "metric": "euclidean", "max_weight": 9.0, "bounds": (0, 7), "p": None}
    model.set_params(**changed)
    after = (
        model.privacy_spent_,
        model.standard_error(X[:5]),
        model.distance_sum(X[:5]),
        model.distance_mean(X[:5]),
    )
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)
    assert model.privacy_spent_.epsilon == 0.5
    with pytest.raises(AttributeError):
        model.privacy_spent_.epsilon = 0.1


def test_bounds_of_the_first_block_stay():
    with pytest.warns(PrivacyLeakWarning, match="bounds"):
        model = PrivateDistanceSum().partial_fit([[0.0], [1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit([[5.0]]).release()
    np.testing.assert_array_equal(model.bounds_, [[0.0], [1.0]])
    assert model.privacy_spent_.valid is False
    assert "bounds" in model.privacy_spent_.reasons[0]


def test_bounds_taken_from_rows_refuse_to_merge():
    with pytest.warns(PrivacyLeakWarning):
        one, two = (PrivateDistanceSum().partial_fit([[0.0], [1.0]]) for _ in range(2))
    with pytest.raises(ValueError, match="bounds"):
        one.merge(two)


# ---------------------------------------------------------------- after the release


def test_a_released_estimator_takes_no_more_rows():
    model = private().fit(rows())
    other = private().partial_fit(rows())
    assert not hasattr(model, "partial_fit")
    for call in (
        lambda: model.partial_fit(rows()),
        lambda: model.merge(other),
        lambda: model.release(),
    ):
        with pytest.raises(ValueError, match="not released"):
            call()
    with pytest.raises(ValueError, match="not released"):
        other.merge(model)
    assert hasattr(clone(model), "partial_fit")


def test_raw_sums_are_overwritten_by_the_release():
    model = private().partial_fit(rows())
    array = model._accumulator.arrays["counts"]
    assert array.sum() == 3 * 997
    model.release()
    assert not array.any()
    assert model._accumulator is None
    assert model._frozen is None


def test_a_merged_estimator_loses_its_rows():
    one, two = private().partial_fit(rows()), private().partial_fit(rows(seed=1))
    array = two._accumulator.arrays["counts"]
    one.merge(two)
    assert not array.any()
    with pytest.raises(ValueError, match="partial_fit first"):
        two.release()
    for other in (one, two, private(), "rows"):
        with pytest.raises(ValueError, match="other must be another"):
            one.merge(other)


def test_queries_wait_for_the_release():
    model = private()
    for wanted in ("is not fitted", "holds raw sums"):
        for query in ("distance_sum", "distance_mean", "score_samples", "standard_error"):
            with pytest.raises(NotFittedError, match=wanted):
                getattr(model, query)(rows())
        with pytest.raises(NotFittedError):
            check_is_fitted(model)
        model.partial_fit(rows())
    check_is_fitted(model.release())


def test_a_refit_forgets_what_is_ours_and_nothing_else():
    model = private().fit(rows(d=3))
    model.note_ = "mine"
    model.partial = "mine too"
    model.set_params(metric="sqeuclidean").fit(rows(d=2))
    assert model.note_ == "mine"
    assert model.partial == "mine too"
    assert set(model.release_) == {"sum", "squares", "number"}
    assert model.n_features_in_ == 2
    failed = private().fit(rows())
    with pytest.raises(ValueError, match="2D"):
        failed.fit(rows()[0])
    assert not hasattr(failed, "release_")
    assert not hasattr(failed, "_answer")


def test_a_failed_block_leaves_the_others():
    model, bad = private().partial_fit(rows()), rows()
    bad[3, 2] = np.nan
    before = model._accumulator.arrays["counts"].copy()
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(bad)
    with pytest.raises(ValueError, match="2 features"):
        model.partial_fit(rows(d=2))
    np.testing.assert_array_equal(model._accumulator.arrays["counts"], before)
    model.release()


# ---------------------------------------------------------------- blocks


def test_a_block_that_comes_twice_is_refused():
    model = private().partial_fit(rows(), block_id="ward 7")
    with pytest.raises(ValueError, match="'ward 7' a second time"):
        model.partial_fit(rows(), block_id="ward 7")
    other = private().partial_fit(rows(), block_id=("ward 7",)).partial_fit(rows(), block_id=3)
    model.merge(other)
    for block in (3, ("ward 7",), "ward 7"):
        with pytest.raises(ValueError, match="second time"):
            model.merge(private().partial_fit(rows(), block_id=block))
    with pytest.raises(ValueError, match="block_id must be hashable"):
        model.partial_fit(rows(), block_id=[1])


def test_accumulators_refuse_what_does_not_fit_together():
    def make(value=1, shape=2, schema=(("depth", 3),), names=("counts",)):
        return Accumulator(dict(schema), {k: np.full(shape, value) for k in names})

    one = make()
    one.add(make(value=2))
    np.testing.assert_array_equal(one.arrays["counts"], [3, 3])
    with pytest.raises(ValueError, match="depth must be the same"):
        one.add(make(schema=(("depth", 4),)))
    with pytest.raises(ValueError, match="more must be the same"):
        one.add(make(schema=(("depth", 3), ("more", 1))))
    for other in (make(shape=3), make(names=("counts", "offsets")), make(shape=(1, 2))):
        with pytest.raises(ValueError, match="names and shapes"):
            one.add(other)
    with pytest.raises(ValueError, match="64 bits"):
        one.add(make(value=LARGEST_SUM - 3))
    with pytest.raises(ValueError, match="64 bits"):
        one.add(make(value=3 - LARGEST_SUM))
    np.testing.assert_array_equal(one.arrays["counts"], [3, 3])
    one.add(make(value=LARGEST_SUM - 4))
    with pytest.raises(TypeError, match="int64"):
        Accumulator({}, {"counts": np.ones(2)})


def test_equal_parameters_compare_equal_in_any_container():
    assert hashable([1, np.float64(2)]) == hashable(np.array([1, 2])) == (1, 2)
    assert hashable(np.array(3.0)) == 3.0
    assert hashable({"a": [1]}) == (("a", (1,)),)
    assert hashable([[0, 0], [1, 1]]) == ((0, 0), (1, 1))


# ---------------------------------------------------------------- pickles and copies


def test_unreleased_sums_pickle_with_a_warning_and_merge():
    X = rows()
    model = private().partial_fit(X[:500], block_id=0)
    with pytest.warns(PrivacyLeakWarning, match="raw private data"):
        copy = pickle.loads(pickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        repr(model)
    copy.partial_fit(X[500:], block_id=1)
    np.testing.assert_array_equal(
        copy._accumulator.arrays["counts"],
        private().partial_fit(X)._accumulator.arrays["counts"],
    )
    assert repr(copy._accumulator) == "Accumulator(unreleased)"
    copy.release()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.dumps(copy)


def test_a_clone_holds_no_rows():
    model = private().partial_fit(rows())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not clone(model)._holds_rows()


# ---------------------------------------------------------------- messages


def bad_inputs():
    X = rows()
    X[41, 1] = SECRET
    spoiled = {"NaN": np.nan, "infinity": np.inf}
    for name, value in spoiled.items():
        bad = X.copy()
        bad[5, 2] = value
        yield name, bad
    text = X.astype(object)
    text[7, 0] = f"secret {SECRET}"
    yield "text", text
    mixed = X.astype(object)
    mixed[7, 0] = {"name": SECRET}
    yield "an object", mixed
    yield "ragged", [[SECRET, 1.0], [SECRET]]
    yield "one dimension", X[:, 1]
    yield "three dimensions", X[:, :, None]
    yield "a number", SECRET
    yield "no features", X[:, :0]
    yield "complex", X + 1j * SECRET
    yield "sparse", sparse.csr_matrix(X)
    yield "a wrong number of features", X[:, :2]
    yield "too large", [[10**400, SECRET, 1]]


@pytest.mark.parametrize(("what", "X"), list(bad_inputs()), ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("random_state", [None, 0])
def test_errors_tell_nothing_of_rows(what, X, random_state):
    model = private(bounds=([0, 0, 0], [1, 1, 1]), random_state=random_state)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises((ValueError, TypeError)) as raised:
            model.fit(X)
    said = [str(raised.value), *(str(warning.message) for warning in caught)]
    for sentence in said:
        for secret in ("61", "secret", "997", "name", "41", "inf,", "nan,"):
            assert secret not in sentence, sentence
        assert re.search(r"\d{3}", sentence) is None, sentence
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_errors_of_weights_tell_nothing_of_them():
    X = rows()
    for bad in (np.full(996, SECRET), np.full((997, 2), SECRET), np.full(997, f"{SECRET}")):
        bad = bad.astype(object)
        bad.flat[0] = "secret"
        with pytest.raises(ValueError, match="one number for each row") as raised:
            private(max_weight=1.0).fit(X, sample_weight=bad)
        assert re.search(r"\d", str(raised.value)) is None
    weight = np.ones(997)
    weight[3] = np.nan
    with pytest.raises(ValueError, match=r"^sample_weight must be finite\.$"):
        private(max_weight=1.0).fit(X, sample_weight=weight)


def test_clipped_rows_leave_no_trace():
    X = rows()
    X[3] = [1.7e308, -1.7e308, 17.0]
    X[4] = [1.7e308, -1.7e308, -17.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        private().fit(X)
        private(compute_dtype="float32").fit(X)
        private(metric="sqeuclidean").fit(X)
        PrivateDistanceSum("sqeuclidean", norm_bound=1.0, compute_dtype="float32").fit(X)
        PrivateDistanceSum("euclidean", norm_bound=1.0).fit(X)


def test_too_many_rows_for_64_bits_are_refused(monkeypatch):
    model = private()
    public = model._public(rows(), None)
    public.largest = LARGEST_SUM // 900
    monkeypatch.setattr(model, "_public", lambda X, y: public)
    with pytest.raises(ValueError, match="too many rows for sums of 64 bits"):
        model.fit(rows())


# ---------------------------------------------------------------- weights


def test_weights_need_a_public_bound():
    with pytest.raises(ValueError, match="sample_weight needs max_weight"):
        private().fit(rows(), sample_weight=np.ones(997))
    with pytest.raises(ValueError, match="sample_weight needs max_weight"):
        private().partial_fit(rows(), sample_weight=np.ones(997))
    with pytest.raises(TypeError, match="fit takes sample_weight"):
        private().fit(rows(), weight=np.ones(997))


def test_weights_become_integers_of_their_own_row():
    weight = [0.0, -3.0, 0.4999, 0.5, 1.0, 1.9999, 2.0, 7.0, np.inf]
    units = integer_weights(weight, 9, 2.0, 1024, finite=False)
    np.testing.assert_array_equal(units, [0, 0, 255, 256, 512, 1023, 1024, 1024, 1024])
    assert units.dtype == np.int64
    np.testing.assert_array_equal(integer_weights([np.nan], 1, 2.0, 1024, finite=False), [0])
    np.testing.assert_array_equal(integer_weights(None, 2, 4.0, 1024, finite=True), [256, 256])
    np.testing.assert_array_equal(integer_weights(None, 1, 0.5, 1024, finite=True), [1024])
    alone = [integer_weights([w], 1, 3.3, 1024, finite=False)[0] for w in weight]
    np.testing.assert_array_equal(integer_weights(weight, 9, 3.3, 1024, finite=False), alone)


@pytest.mark.parametrize("metric", ["manhattan", "sqeuclidean", "euclidean"])
@pytest.mark.parametrize("method", ["integrated", "sums"])
def test_whole_weights_are_repeated_rows(metric, method):
    if metric == "sqeuclidean":
        method = "integrated"
    X, rng = rows(), np.random.default_rng(1)
    weight = rng.integers(0, 5, size=len(X))
    weighted = private(metric=metric, method=method, max_weight=4.0)
    weighted.partial_fit(X, sample_weight=weight)
    repeated = private(metric=metric, method=method, max_weight=4.0)
    repeated.partial_fit(np.repeat(X, weight, axis=0))
    for name, array in weighted._accumulator.arrays.items():
        np.testing.assert_array_equal(array, repeated._accumulator.arrays[name])
    plain = private(metric=metric, method=method).partial_fit(np.repeat(X, weight, axis=0))
    for name, array in weighted._accumulator.arrays.items():
        np.testing.assert_array_equal(array, 256 * plain._accumulator.arrays[name])


def test_noise_is_in_proportion_to_the_largest_weight():
    X = rows()
    plain = private(depth=8).fit(X)
    for bound in (0.5, 2.0):
        weighted = private(depth=8, max_weight=bound).fit(X)
        ratio = weighted.standard_error(X[:4]) / plain.standard_error(X[:4])
        # Not exactly, since finer steps make the lattice's variance that of the continuous law.
        np.testing.assert_allclose(ratio, bound, rtol=0.01)
        scale = {name: 1024 * value for name, value in plain.noise_scale_.items()}
        for name, value in scale.items():
            np.testing.assert_allclose(weighted.noise_scale_[name], value, rtol=1e-9)


def test_weights_are_routed():
    X, weight = rows(), np.full(997, 2.0)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = private(max_weight=2.0).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), asked).fit(X, sample_weight=weight)
        assert abs(pipeline[-1].noisy_n_ - 2 * 997) < 300
        deaf = make_pipeline(MinMaxScaler(), private(max_weight=2.0))
        with pytest.raises(ValueError, match="sample_weight"):
            deaf.fit(X, sample_weight=weight)
    pipeline = make_pipeline(MinMaxScaler(), private(max_weight=2.0))
    pipeline.fit(X, privatedistancesum__sample_weight=weight)
    assert abs(pipeline[-1].noisy_n_ - 2 * 997) < 300


# ---------------------------------------------------------------- public parameters


def test_public_parameters_that_mean_nothing_are_refused():
    for parameters, word in (
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": np.nan}, "epsilon"),
        ({"epsilon": np.inf}, "epsilon"),
        ({"delta": 1.0}, "delta"),
        ({"delta": -1e-9}, "delta"),
        ({"delta": np.nan}, "delta"),
        ({"n_hint": 0}, "n_hint"),
        ({"max_weight": 0.0}, "max_weight"),
        ({"max_weight": np.inf}, "max_weight"),
        ({"adjacency": "row"}, "adjacency"),
        ({"accountant": 1.0}, "accountant"),
    ):
        for step in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match=word):
                getattr(private(**parameters), step)(rows())


def test_a_large_delta_warns():
    with pytest.warns(UserWarning, match="at least 1 / n_hint"):
        private(delta=1e-4, n_hint=10_000).fit(rows())


def test_seeded_noise_is_not_valid():
    with pytest.warns(PrivacyLeakWarning, match="random_state"):
        model = private(random_state=0).fit(rows())
    assert model.privacy_spent_.valid is False
    assert model.privacy_spent_.reasons == ("random_state seeds the noise",)
    model = private().fit(rows())
    assert model.privacy_spent_.valid is True
    assert model.privacy_spent_.reasons == ()


def test_a_seeded_fit_is_partial_fit_and_release():
    X = rows()
    parts = private(random_state=3).partial_fit(X[:10]).partial_fit(X[10:])
    with pytest.warns(PrivacyLeakWarning):
        once = private(random_state=3).fit(X)
    with pytest.warns(PrivacyLeakWarning):
        parts.release()
    for name, array in once.release_.items():
        np.testing.assert_array_equal(array, parts.release_[name])
    np.testing.assert_array_equal(once.distance_sum(X), parts.distance_sum(X))
