"""The embedding: its training by hand, its modes, its losses, its errors."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.losses._pair_options import PAIR_LOSSES
from skweight.metrics import mean_average_precision_at_r
from skweight.representation import (
    BalancedBatchSampler,
    MultiSimilarityEmbedding,
    multi_similarity_loss,
    pair_weights,
)

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.losses import GeneralPairWeighting, MultiSimilarityLoss  # noqa: E402
from skweight.neural import ResidualMLP  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:The loss still fell")
WHOLE = {"n_per_class": 200, "tol": 0.0}


def problem(n=60, seed=0):
    """Three classes in two directions of five; the others are loud."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    signal = np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])[y] + 0.3 * rng.normal(size=(n, 2))
    return np.hstack([signal, 2.0 * rng.normal(size=(n, 3))]), y


def embedding(**options):
    options = {"n_components": 3, "hidden_layer_sizes": (), "random_state": 0} | options
    return MultiSimilarityEmbedding(**options)


def test_steps_of_a_linear_map_are_those_of_arrays():
    """Plain gradient descent, with the gradient by the weights of pairs, in numpy."""
    X, y = problem(24)
    rate, steps, alpha = 0.1, 6, 0.5
    options = {"optimizer": "sgd", "optimizer_params": {"momentum": 0.0, "nesterov": False}}
    options |= {"learning_rate_init": rate, "alpha": alpha, **WHOLE}
    W = embedding(max_iter=1, **options | {"learning_rate_init": 1e-300}).fit(X, y).components_
    model = embedding(max_iter=steps, **options).fit(X, y)
    losses = []
    for _ in range(steps):
        Z = X @ W.T
        length = np.linalg.norm(Z, axis=1, keepdims=True)
        E = Z / length
        sign = np.where(y[:, None] == y, -1.0, 1.0)
        slopes = sign * pair_weights(np.clip(E @ E.T, -1, 1), y) / len(y)
        by_E = (slopes + slopes.T) @ E
        by_Z = (by_E - (by_E * E).sum(axis=1, keepdims=True) * E) / length
        losses.append(multi_similarity_loss(E, y) + alpha / 2 * (W**2).sum() / len(y))
        W = W - rate * (by_Z.T @ X + alpha * W / len(y))
    assert_allclose(model.loss_curve_, losses, rtol=1e-12)
    assert_allclose(model.components_, W, rtol=1e-10)
    Z = X @ W.T
    assert_allclose(model.transform(X), Z / np.linalg.norm(Z, axis=1, keepdims=True), rtol=1e-9)


def test_batches_are_those_of_the_sampler():
    """An epoch of drawn batches is the mean of their losses, before any step."""
    X, y = problem()
    options = {"n_classes_per_batch": 2, "n_per_class": 3, "max_iter": 1, "alpha": 0.0}
    model = embedding(learning_rate_init=1e-300, **options).fit(X, y)
    E = model.transform(X)
    losses = []
    for seed in range(40):
        sampler = BalancedBatchSampler(y, 2, 3, random_state=seed)
        losses += [multi_similarity_loss(E[batch], y[batch]) for batch in sampler]
    assert len(sampler) == 10
    spread = np.std(losses) / np.sqrt(10)
    assert abs(model.loss_ - np.mean(losses)) < 5 * spread
    assert model.t_ == 60


@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_it_learns_where_neighbours_are_of_other_classes(loss, hidden_layer_sizes):
    X, y = problem(90)
    X_new, y_new = problem(60, seed=1)
    model = embedding(
        loss=loss, hidden_layer_sizes=hidden_layer_sizes, max_iter=15, learning_rate_init=0.02
    ).fit(X, y)
    before = mean_average_precision_at_r(X_new, y_new)
    after = mean_average_precision_at_r(model.transform(X_new), y_new)
    assert before < 0.4
    assert after > 0.6


def test_losses_by_name_by_instance_and_by_function():
    X, y = problem()
    by_name = embedding(loss="binomial", scale_neg=20.0, max_iter=3).fit(X, y)
    instance = GeneralPairWeighting("binomial", scale_neg=20.0)
    by_instance = embedding(loss=instance, max_iter=3).fit(X, y)
    assert_array_equal(by_name.transform(X), by_instance.transform(X))
    # A class of two rows, drawn five times: only what knows the rows sees no pairs in these.
    y = np.where(np.arange(len(y)) < 2, 7, y)
    found = [
        embedding(loss=loss, n_per_class=5, max_iter=3).fit(X, y).loss_
        for loss in ("multi_similarity", MultiSimilarityLoss(), MultiSimilarityLoss().forward)
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_loss_that_was_given_is_left_alone():
    X, y = problem()
    loss = torch.nn.Module()
    loss.register_buffer("scale", torch.ones((), dtype=torch.float16))
    loss.forward = lambda E, y: (E.sum() * loss.scale) ** 2
    embedding(loss=loss, max_iter=1).fit(X, y)
    assert loss.scale.dtype == torch.float16


@pytest.mark.parametrize("loss", [lambda E, y: E.sum(dim=1), lambda E, y: 1.0])
def test_a_loss_that_is_no_number_is_refused(loss):
    with pytest.raises(ValueError, match=r"loss must return a tensor of one number, got (sh|1\.0)"):
        embedding(loss=loss, max_iter=1).fit(*problem())


def test_linear_maps_and_networks():
    X, y = problem()
    linear = embedding(max_iter=2).fit(X, y)
    assert linear.components_.shape == (3, 5)
    assert [name for name, _ in linear.module_.named_parameters()] == ["0.weight"]
    Z = X @ linear.components_.T
    assert_allclose(linear.transform(X), Z / np.linalg.norm(Z, axis=1, keepdims=True), rtol=1e-12)
    assert_array_equal(linear.transform(np.zeros((1, 5))), np.zeros((1, 3)))
    deep = embedding(hidden_layer_sizes=(4,), max_iter=2).fit(X, y)
    with pytest.raises(AttributeError, match="has components_ once fitted with hidden_layer"):
        deep.components_  # noqa: B018
    own = embedding(hidden_layer_sizes=(4, 4), module=ResidualMLP, max_iter=2).fit(X, y)
    assert own.transform(X).shape == (60, 3)
    wide = embedding(n_components=9, hidden_layer_sizes=(4,), max_iter=2).fit(X, y)
    assert wide.get_feature_names_out().tolist() == [
        f"multisimilarityembedding{k}" for k in range(9)
    ]


def test_labels_of_any_kind_and_sparse_rows():
    X, y = problem()
    expected = embedding(max_iter=3).fit(X, y).transform(X)
    names = np.array(["c", "a", "b"])[y]
    # Classes are drawn by place: the same draws for the same order of names.
    order = np.array(["a", "b", "c"])[y]
    assert_array_equal(embedding(max_iter=3).fit(X, order).transform(X), expected)
    whole = [embedding(max_iter=3, **WHOLE).fit(X, each).transform(X) for each in (y, names)]
    assert_allclose(whole[0], whole[1], rtol=1e-9)
    rows = sparse.csr_matrix(X)
    assert_allclose(embedding(max_iter=3).fit(rows, y).transform(rows), expected, rtol=1e-9)


def test_partial_fit_warm_start_and_pickles():
    X, y = problem()
    one = embedding(max_iter=1).fit(X, y)
    other = embedding().partial_fit(X, y)
    assert_array_equal(one.transform(X), other.transform(X))
    copied = pickle.loads(pickle.dumps(other))
    # Classes that were not seen before.
    for model in (other, copied):
        model.partial_fit(X, y + 10)
    assert_array_equal(copied.transform(X), other.transform(X))
    assert other.n_iter_ == 2
    warm = embedding(max_iter=2, tol=0.0, warm_start=True).fit(X, y).fit(X, y)
    assert len(warm.loss_curve_) == 4
    assert_array_equal(clone(warm).fit(X, y).loss_curve_, warm.loss_curve_[:2])


def test_early_stopping_needs_a_pair():
    X, y = problem()
    model = embedding(early_stopping=True, validation_fraction=0.2, max_iter=5).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_
    with pytest.raises(ValueError, match="must hold out two rows of a class"):
        embedding(early_stopping=True, validation_fraction=0.05).fit(X, y)


def test_rows_of_classes_with_one_row_are_negatives():
    X, y = problem()
    alone = np.where(np.arange(60) < 10, 100 + np.arange(60), y)
    model = embedding(max_iter=2, **WHOLE | {"alpha": 0.0, "learning_rate_init": 1e-300})
    E = model.fit(X, alone).transform(X)
    assert model.loss_ == pytest.approx(multi_similarity_loss(E, alone), rel=1e-12)
    assert np.isfinite(embedding(max_iter=2).fit(X, alone).loss_)


def test_in_a_pipeline_and_a_search():
    X, y = (part[::2] for part in load_wine(return_X_y=True))
    pipeline = make_pipeline(
        StandardScaler(), embedding(max_iter=8, learning_rate_init=0.02), KNeighborsClassifier()
    )
    grid = {"multisimilarityembedding__n_components": [4]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 0, 0, 0], "needs samples of at least 2 classes.* got 1 class"),
        ([0, 1, 2, 3], r"one of which has 2 rows or more, got 4 class\(es\) with 1 row"),
    ],
)
def test_labels_without_pairs_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        embedding().fit(np.eye(4), y)


@pytest.mark.parametrize(
    "change",
    [
        {"scale_pos": 0.0}, {"scale_neg": -1.0}, {"mining_margin": -0.1}, {"n_components": 0},
        {"n_per_class": 1}, {"loss": "hinge"}, {"n_classes_per_batch": 1},
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        embedding(**change).fit(*problem())
