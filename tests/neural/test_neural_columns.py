"""Columns that hold categories, sparse rows, and tables of odd sizes."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

import pandas as pd
import torch
from neural_cases import ESTIMATORS, NEWTON, SMALL, assert_same_bits, outputs, problem
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer
from skweight.neural._embedding import vector_size
from skweight.neural._forward import outputs as outputs_in_blocks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)
SUPERVISED = pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])


def mixed(n=80):
    """Make rows with two categorical columns, of 4 and of 3 categories."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 4, n), rng.normal(size=n), rng.integers(0, 3, n)])
    effect = np.array([2.0, -2.0, 1.0, -1.0])[X[:, 0].astype(int)]
    return X, (effect + X[:, 1] + 0.3 * rng.normal(size=n) > 0).astype(int)


@SUPERVISED
@pytest.mark.parametrize(
    "categorical",
    [[0, 2], [2, 0], [-1, 0], (0, -1, 2), [True, False, True], np.array([0, 2])],
    ids=str,
)
def test_all_ways_to_name_columns(make, categorical):
    X, y = mixed()
    expected = make(**SMALL, categorical_features=[0, 2]).fit(X, y)
    assert expected.module_.n_categories == [4, 3]
    assert_array_equal(expected.module_.others, [1])
    assert_same_bits(expected, make(**SMALL, categorical_features=categorical).fit(X, y))


@SUPERVISED
def test_columns_by_name(make):
    X, y = mixed()
    frame = pd.DataFrame(X, columns=["shop", "price", "day"])
    expected = make(**SMALL, categorical_features=[0, 2]).fit(X, y)
    for names in (["shop", "day"], np.array(["day", "shop"]), np.array(["day", "shop"], object)):
        net = make(**SMALL, categorical_features=names).fit(frame, y)
        assert_same_bits(expected, net)
        assert_array_equal(net.predict(frame), expected.predict(X))


@pytest.mark.parametrize("categorical", [[], None, [False, False, False]], ids=str)
def test_no_columns(categorical):
    X, y = mixed()
    expected = NeuralClassifier(**SMALL).fit(X, y)
    assert_same_bits(
        expected, NeuralClassifier(**SMALL, categorical_features=categorical).fit(X, y)
    )


@SUPERVISED
@pytest.mark.parametrize(
    "categorical", [[3], [-4], ["shop"], [True, False], [0.5], [[0, 2]], "shop"], ids=str
)
def test_columns_that_are_none(make, categorical):
    X, y = mixed()
    with pytest.raises(ValueError, match=r"categorical_features.*must be"):
        make(**SMALL, categorical_features=categorical).fit(X, y)


def test_names_that_are_none():
    X, y = mixed()
    frame = pd.DataFrame(X, columns=["shop", "price", "day"])
    with pytest.raises(
        ValueError, match=r"got \['hour'\] for 3 feature.*\['shop', 'price', 'day'\]"
    ):
        NeuralClassifier(**SMALL, categorical_features=["hour"]).fit(frame, y)
    with pytest.raises(ValueError, match=r"got \['shop'\] for 3 feature.*columns without names"):
        NeuralClassifier(**SMALL, categorical_features=["shop"]).fit(X, y)


@SUPERVISED
def test_categories_that_are_no_whole_numbers(make):
    X, y = mixed()
    with pytest.raises(ValueError, match=r"names column 1, which must hold whole numbers"):
        make(**SMALL, categorical_features=[0, 1]).fit(X, y)


def test_the_network_reads_the_vectors():
    X, y = mixed()
    net = NeuralClassifier((), **{k: v for k, v in SMALL.items() if k != "hidden_layer_sizes"})
    net.set_params(categorical_features=[0, 2]).fit(X, y)
    vectors = [part.detach().numpy() for part in net.module_.vectors]
    assert [part.shape for part in vectors] == [(5, vector_size(4)), (4, vector_size(3))]
    # Numbers first, then the vectors of each category.
    codes = X[:, [0, 2]].astype(int)
    hidden = np.hstack([X[:, [1]], vectors[0][codes[:, 0]], vectors[1][codes[:, 1]]])
    (layer,) = net.module_.module
    logits = hidden @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    assert_allclose(net.decision_function(X), logits[:, 1] - logits[:, 0], rtol=1e-9)
    with pytest.raises(AttributeError, match="categorical_features"):
        _ = net.coef_


def test_unknown_categories_are_one_more():
    X, y = mixed()
    net = NeuralClassifier(**SMALL, categorical_features=[0, 2]).fit(X, y)
    unknown = np.repeat(X[:1], 5, axis=0)
    unknown[:, 0] = [-1, 4, 99, 1.5, -0.5]
    P = net.predict_proba(unknown)
    assert_array_equal(P, np.repeat(P[:1], 5, axis=0))
    assert (P[0] != net.predict_proba(X[:1])[0]).all()
    # Rows of theirs train that vector and leave those of the others alone.
    before = [part.detach().clone() for part in net.module_.vectors]
    net.set_params(alpha=0.0).partial_fit(np.where([True, False, False], -1, X), y)
    after = net.module_.vectors
    assert (after[0][4] != before[0][4]).all()


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 10**6])
def test_sizes_of_vectors(n):
    assert 1 <= vector_size(n) <= 100
    assert vector_size(n) <= vector_size(n + 1)


def test_vectors_fit_as_well_as_indicators_in_a_linear_model():
    """With vectors long enough for any effect of a category, the models are the same."""
    X, y = mixed(200)
    options = {"alpha": 0.0, **NEWTON}
    net = NeuralClassifier(categorical_features=[0], **options).fit(X[:, :2], y)
    indicators = np.column_stack(
        [OneHotEncoder(sparse_output=False).fit_transform(X[:, :1]), X[:, 1]]
    )
    linear = LogisticRegression(C=np.inf, tol=1e-10).fit(indicators, y)
    loss = -np.log(linear.predict_proba(indicators)[np.arange(200), y]).mean()
    assert_allclose(net.loss_, loss, rtol=1e-5)
    assert net.loss_ > loss - 1e-9
    numbers = NeuralClassifier(**options).fit(X[:, :2], y)
    assert numbers.loss_ > 1.5 * net.loss_


def test_an_encoder_before():
    X, y = mixed()
    words = X.astype(object)
    words[:, 0] = np.array(list("dbca"))[X[:, 0].astype(int)]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    net = NeuralClassifier(**SMALL, categorical_features=[0])
    model = make_pipeline(encoder, net).fit(words[:, :1], y)
    assert_allclose(model.predict_proba([["?"], ["a"]]).sum(axis=1), 1)
    assert model[-1].module_.n_categories == [4]


@SUPERVISED
@pytest.mark.parametrize("layout", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"categorical_features": [0]}])
def test_sparse_rows_are_rows(make, layout, options):
    X, y = mixed()
    w = np.random.default_rng(0).integers(0, 3, 80)
    dense = make(**SMALL, **options).fit(X, y, sample_weight=w)
    net = make(**SMALL, **options).fit(layout(X), y, sample_weight=w)
    assert_same_bits(dense, net)
    assert_array_equal(net.predict(layout(X)), dense.predict(X))
    if not net.early_stopping:
        assert_same_bits(dense.partial_fit(X, y), net.partial_fit(layout(X), y))


def test_sparse_rows_of_an_autoencoder():
    X, _ = mixed()
    dense = NeuralTransformer(**SMALL).fit(X)
    net = NeuralTransformer(**SMALL).fit(sparse.csr_matrix(X))
    assert_same_bits(dense, net)
    assert_array_equal(net.transform(sparse.csr_matrix(X)), dense.transform(X))


@SUPERVISED
@pytest.mark.parametrize("layout", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_rows_through_a_loader(make, layout):
    from torch.utils.data import DataLoader

    X, y = mixed()
    options = SMALL | {"iterator_train": DataLoader, "max_iter": 2}
    dense = make(**options).fit(X, y, sample_weight=np.ones(80))
    assert_same_bits(dense, make(**options).fit(layout(X), y, sample_weight=np.ones(80)))


# ---------------------------------------------------------------- odd sizes


@ALL
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_last_batch_of_one_row_joins_the_one_before(make, shuffle):
    sizes = []

    class Watching(torch.nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.layer = torch.nn.Linear(n_in, n_out)
            self.norm = torch.nn.BatchNorm1d(n_out)  # fails for one row

        def forward(self, X):
            if self.training:
                sizes.append(len(X))
            return self.norm(self.layer(X))

    X, y = problem(49)
    if make in (NeuralClassifier, NeuralRegressor):
        make(module=Watching, max_iter=2, batch_size=16, shuffle=shuffle).fit(X, y)
        assert sizes == [16, 16, 17] * 2
    else:
        make(max_iter=2, batch_size=16, shuffle=shuffle).fit(X)


@ALL
def test_batches_larger_than_the_table_are_the_table(make):
    X, y = problem()
    options = SMALL | {"max_iter": 3}
    whole = make(**options | {"batch_size": None}).fit(X, y)
    for size in (59, 60, 61, 10**6, "auto"):  # the last row joins a batch of 59
        assert_same_bits(whole, make(**options | {"batch_size": size}).fit(X, y))
    # All rows in one batch keep their order: shuffling changes nothing.
    assert_same_bits(whole, make(**options | {"batch_size": None}, shuffle=False).fit(X, y))
    assert whole.loss_curve_ != make(**options | {"batch_size": 58}).fit(X, y).loss_curve_


@ALL
def test_the_order_of_rows_is_new_in_every_epoch(make):
    X, y = problem()
    parts = [
        make(**SMALL | {"shuffle": shuffle, "random_state": 0}).fit(X, y)
        for shuffle in (False, True)
    ]
    assert parts[0].loss_curve_ != parts[1].loss_curve_
    # Without shuffling the first rows are the first batch.
    one = make(**SMALL | {"shuffle": False, "batch_size": 30, "max_iter": 1}).fit(X, y)
    two = make(**SMALL | {"shuffle": False, "batch_size": 30, "max_iter": 1}).fit(
        np.vstack([X[29::-1], X[30:]]), np.concatenate([y[29::-1], y[30:]])
    )
    assert_allclose(outputs(one, X), outputs(two, X), rtol=1e-9, atol=1e-12)


def test_one_row():
    X = np.array([[1.0, -2.0]])
    net = NeuralRegressor(alpha=0, **NEWTON).fit(X, [7.0])
    assert_allclose(net.predict(X), 7.0, atol=1e-6)
    with pytest.raises(ValueError, match=r"needs samples of at least 2 classes, got 1 class: 7."):
        NeuralClassifier().fit(X, [7])


@ALL
@pytest.mark.parametrize("n_features", [1, 300])
def test_one_feature_and_more_features_than_rows(make, n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = np.arange(20) % 2
    net = make(**SMALL).fit(X, y)
    assert np.isfinite(outputs(net, X)).all()
    assert net.n_features_in_ == n_features


@pytest.mark.parametrize("value", [0.0, 3.5, 1e12])
def test_constant_targets(value):
    X, _ = problem()
    net = NeuralRegressor(alpha=0, **NEWTON).fit(X, np.full(60, value))
    assert_allclose(net.predict(X), value, atol=1e-6, rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_the_unit_of_targets_is_free(scale, shift):
    X, y = problem()
    y = X @ [1.0, 2.0, 3.0]
    expected = NeuralRegressor(**SMALL).fit(X, y).predict(X)
    found = NeuralRegressor(**SMALL).fit(X, scale * (y + shift)).predict(X)
    assert_allclose(found / scale - shift, expected, atol=1e-6 if shift else 1e-9)


@ALL
def test_a_prediction_does_not_depend_on_the_rows_beside_it(make, monkeypatch):
    X, y = problem()
    net = make(**SMALL, dtype="float32").fit(X, y)
    together = outputs(net, X)
    assert_allclose(
        np.vstack([outputs(net, X[[i]]) for i in range(60)]).ravel(), together.ravel(), rtol=1e-12
    )
    monkeypatch.setattr("skweight.neural._forward._BLOCK_NUMBERS", 50)
    assert_allclose(outputs(net, X), together, rtol=1e-12)
    assert_allclose(outputs(net, sparse.csr_matrix(X)), together, rtol=1e-12)


def test_blocks_of_a_prediction_are_bounded(monkeypatch):
    seen = []

    class Spy(torch.nn.Linear):
        def forward(self, X):
            seen.append(len(X))
            return super().forward(X)

    monkeypatch.setattr("skweight.neural._forward._BLOCK_NUMBERS", 70)
    module = Spy(3, 7).double()
    X = np.random.default_rng(0).normal(size=(25, 3))
    found = outputs_in_blocks(module, X)
    assert seen == [10, 10, 5]
    assert_allclose(found, X @ module.weight.detach().numpy().T + module.bias.detach().numpy())


def test_orders_of_large_tables_are_gathered_by_batches(monkeypatch):
    X, y = problem()
    expected = NeuralClassifier(**SMALL).fit(X, y)
    monkeypatch.setattr("skweight.neural._rows._GATHER_BYTES", 0)
    assert_same_bits(expected, NeuralClassifier(**SMALL).fit(X, y))
