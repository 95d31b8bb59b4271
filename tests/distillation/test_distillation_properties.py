"""What must hold for any rows, targets, weights and steps, on examples that hypothesis draws."""

import numpy as np
import pytest
from distillation_oracles import rbf_data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledRidge,
    joint_self_distillation_weights,
    self_distillation_coefficients,
    self_distillation_filters,
    self_distillation_weights,
)

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10**6)
penalties = st.floats(-2, 2).map(lambda power: 10.0**power)
weights = st.floats(-1, 2)
bounded = st.floats(0, 1)


def chains(n_max=5, weight=weights):
    """Return a strategy for the weights of the later steps, one by one."""
    return st.lists(weight, min_size=1, max_size=n_max - 1)


def kernel_model(alpha, chain, **params):
    return SelfDistilledKernelRidge(
        alpha, gamma=0.5, n_steps=len(chain) + 1, ground_truth_weight=chain, **params
    )


def linear_model(alpha, chain, **params):
    return SelfDistilledRidge(alpha, n_steps=len(chain) + 1, ground_truth_weight=chain, **params)


MODELS = {"kernel": kernel_model, "linear": linear_model}


def all_steps(model, new):
    return np.array(list(model.staged_predict(new)))


# Arrays


@quick
@given(chain=chains(8), seed=seeds)
def test_polynomials_sum_to_1(chain, seed):
    polynomials = self_distillation_coefficients(chain)
    assert_allclose(polynomials.sum(axis=1), 1.0, rtol=0, atol=1e-10)
    a = np.random.default_rng(seed).uniform(size=9)
    # A row of 1s keeps an eigenvector that the penalty does not shrink.
    kept = polynomials @ a ** np.arange(len(chain) + 1)[:, None]
    filters = self_distillation_filters(a / (1 - a), 1.0, chain)
    assert_allclose(filters, a * kept, rtol=0, atol=1e-9)


@quick
@given(chain=chains(8, bounded), alpha=penalties, scale=penalties)
def test_filters_stay_between_nothing_and_the_ordinary_fit(chain, alpha, scale):
    values = np.geomspace(1e-3, 1e3, 15)
    filters = self_distillation_filters(values, alpha, chain)
    assert (filters >= 0).all()
    assert (filters <= filters[0] * (1 + 1e-14)).all()
    assert (np.diff(filters, axis=1) > 0).all()
    scaled = self_distillation_filters(scale * values, scale * alpha, chain)
    assert_allclose(scaled, filters, rtol=1e-12)


@quick
@given(seed=seeds, size=st.floats(-60, 60), shift=st.floats(-10, 10))
def test_closed_form_weight_has_no_unit(seed, size, shift):
    y, first, student = np.random.default_rng(seed).normal(size=(3, 12))
    weight = self_distillation_weights(y, first, student)
    scale = 10.0**size
    scaled = self_distillation_weights(scale * y, scale * first, scale * student)
    assert scaled == pytest.approx(weight, rel=1e-9)
    shifted = self_distillation_weights(y + shift, first + shift, student + shift)
    assert shifted == pytest.approx(weight, rel=1e-6, abs=1e-9)
    swapped = self_distillation_weights(y, student, first)
    assert swapped == pytest.approx(1 - weight, rel=1e-9, abs=1e-9)


@quick
@given(seed=seeds, n_steps=st.integers(2, 5), weighted=st.booleans())
def test_joint_mixture_is_a_minimum(seed, n_steps, weighted):
    rng = np.random.default_rng(seed)
    g, y = rng.normal(size=(n_steps, 15)), rng.normal(size=15)
    s = rng.uniform(size=15) if weighted else None
    chain, mixture, _ = joint_self_distillation_weights(y, g, sample_weight=s)
    error = (y - mixture @ g) * (1 if s is None else s)
    assert_allclose((g[1:] - g[0]) @ error, 0, rtol=0, atol=1e-9)
    if np.abs(chain).max() < 100:
        # The last polynomial of these weights has the mixture as its coefficients.
        assert_allclose(self_distillation_coefficients(chain)[-1], mixture, rtol=0, atol=1e-8)


# Models


@pytest.mark.parametrize("kind", MODELS)
@quick
@given(seed=seeds, alpha=penalties, chain=chains(), weighted=st.booleans())
def test_order_of_rows_does_not_matter(kind, seed, alpha, chain, weighted):
    X, _, y, new, _ = rbf_data(n=15, n_targets=2, seed=seed)
    rng = np.random.default_rng(seed)
    s = rng.uniform(0, 2, len(y)) if weighted else np.ones(len(y))
    order = rng.permutation(len(y))
    one = MODELS[kind](alpha, chain, store_loo=True).fit(X, y, s)
    other = MODELS[kind](alpha, chain, store_loo=True).fit(X[order], y[order], s[order])
    assert_allclose(all_steps(one, new), all_steps(other, new), rtol=0, atol=1e-8)
    assert_allclose(one.loo_predictions_[:, order], other.loo_predictions_, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", MODELS)
@quick
@given(seed=seeds, alpha=penalties, chain=chains())
def test_rotations_and_moves_of_rows_do_not_matter(kind, seed, alpha, chain):
    X, _, y, new, _ = rbf_data(n=15, seed=seed)
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    move = rng.normal(size=3)
    one = MODELS[kind](alpha, chain).fit(X, y)
    other = MODELS[kind](alpha, chain).fit(X @ rotation + move, y)
    found = all_steps(other, new @ rotation + move)
    assert_allclose(all_steps(one, new), found, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", MODELS)
@quick
@given(seed=seeds, alpha=penalties, chain=chains(), scale=penalties)
def test_steps_are_linear_in_targets(kind, seed, alpha, chain, scale):
    X, _, y, new, _ = rbf_data(n=15, seed=seed)
    z = np.random.default_rng(seed).normal(size=len(y))
    steps = [
        all_steps(MODELS[kind](alpha, chain).fit(X, targets), new)
        for targets in (y, z, scale * y - 2 * z)
    ]
    assert_allclose(steps[2], scale * steps[0] - 2 * steps[1], rtol=1e-9, atol=1e-8 * (1 + scale))


@quick
@given(seed=seeds, alpha=penalties, chain=chains(), shift=st.floats(-100, 100))
def test_intercept_takes_a_shift_of_targets(seed, alpha, chain, shift):
    X, _, y, new, _ = rbf_data(n=15, seed=seed)
    one = linear_model(alpha, chain, store_loo=True).fit(X, y)
    other = linear_model(alpha, chain, store_loo=True).fit(X, y + shift)
    assert_allclose(all_steps(one, new) + shift, all_steps(other, new), rtol=0, atol=1e-9)
    assert_allclose(one.coef_path_, other.coef_path_, rtol=0, atol=1e-9)
    assert_allclose(one.loo_mse_, other.loo_mse_, rtol=1e-7)


@quick
@given(seed=seeds, alpha=penalties, chain=chains(), wide=st.booleans())
def test_linear_kernel_is_the_linear_model(seed, alpha, chain, wide):
    X, _, y, new, _ = rbf_data(n=8 if wide else 20, p=12 if wide else 3, seed=seed)
    params = {"n_steps": len(chain) + 1, "ground_truth_weight": chain, "store_loo": True}
    dual = SelfDistilledKernelRidge(alpha, kernel="linear", **params).fit(X, y)
    primal = SelfDistilledRidge(alpha, fit_intercept=False, **params).fit(X, y)
    assert_allclose(all_steps(dual, new), all_steps(primal, new), rtol=0, atol=1e-7)
    assert_allclose(dual.loo_predictions_, primal.loo_predictions_, rtol=1e-6, atol=1e-7)
    assert_allclose(X.T @ dual.dual_coef_, primal.coef_, rtol=0, atol=1e-7)


@quick
@given(seed=seeds, alpha=penalties, chain=chains(), with_intercept=st.booleans())
def test_sparse_rows_are_dense_rows(seed, alpha, chain, with_intercept):
    X, _, y, new, _ = rbf_data(n=15, seed=seed)
    X = np.where(np.abs(X) < 0.8, 0, X)
    dense = linear_model(alpha, chain, fit_intercept=with_intercept).fit(X, y)
    thin = linear_model(alpha, chain, fit_intercept=with_intercept, tol=1e-13)
    thin.fit(sparse.csr_array(X), y)
    assert_allclose(all_steps(dense, new), all_steps(thin, new), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", MODELS)
@quick
@given(seed=seeds, alpha=penalties, chain=chains())
def test_integer_weights_are_repeated_rows(kind, seed, alpha, chain):
    X, _, y, new, _ = rbf_data(n=15, n_targets=2, seed=seed)
    counts = np.random.default_rng(seed).integers(0, 4, len(y))
    counts[:2] = 1, 2
    weighted = MODELS[kind](alpha, chain).fit(X, y, sample_weight=counts)
    repeated = MODELS[kind](alpha, chain)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    assert_allclose(all_steps(weighted, new), all_steps(repeated, new), rtol=0, atol=1e-7)


# Weights that are found, and several targets


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("rule", ["loo", "gcv", "validation"])
@pytest.mark.filterwarnings("ignore:Step .* moves:UserWarning")
def test_targets_with_weights_of_their_own_are_targets_alone(kind, rule):
    X, _, y, new, _ = rbf_data(n_targets=3)
    y_val = np.random.default_rng(0).normal(size=(len(new), 3))

    def fit(targets, targets_val):
        model = MODELS[kind](0.3, [0.5, 0.5]).set_params(
            ground_truth_weight=rule, weight_per_target=True
        )
        held_out = {"X_val": new, "y_val": targets_val} if rule == "validation" else {}
        return model.fit(X, targets, **held_out)

    together = fit(y, y_val)
    for j in range(3):
        alone = fit(y[:, j], y_val[:, j])
        found = all_steps(together, new)[:, :, j]
        assert_allclose(found, all_steps(alone, new), rtol=0, atol=1e-9)
        assert_allclose(
            together.ground_truth_weights_[:, j], np.ravel(alone.ground_truth_weights_), rtol=1e-8
        )


@pytest.mark.parametrize("kind", MODELS)
def test_integer_weights_are_repeated_rows_on_data_held_out(kind):
    X, _, y, new, _ = rbf_data()
    rng = np.random.default_rng(0)
    y_val, counts = rng.normal(size=len(new)), rng.integers(0, 3, len(y))
    counts_val = rng.integers(0, 3, len(new))
    model = MODELS[kind](0.3, [0.5, 0.5]).set_params(ground_truth_weight="validation")
    model.fit(X, y, counts, X_val=new, y_val=y_val, sample_weight_val=counts_val)
    found, weights_found = all_steps(model, new), model.ground_truth_weights_
    model.fit(
        np.repeat(X, counts, axis=0),
        np.repeat(y, counts),
        X_val=np.repeat(new, counts_val, axis=0),
        y_val=np.repeat(y_val, counts_val),
    )
    assert_allclose(weights_found, model.ground_truth_weights_, rtol=1e-9)
    assert_allclose(found, all_steps(model, new), rtol=0, atol=1e-10)
