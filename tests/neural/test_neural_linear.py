"""Without hidden layers: linear models, and autoencoders that find principal components."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import NEWTON, problem
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge

from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights(n=60):
    return np.random.default_rng(5).uniform(0.1, 3, n)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_coefficients_give_the_scores_of_a_classifier(n_classes):
    X, y = problem(n_classes=n_classes)
    net = NeuralClassifier((), max_iter=5, random_state=0).fit(X, y)
    rows = 1 if n_classes == 2 else n_classes
    assert net.coef_.shape == (rows, 3)
    assert net.intercept_.shape == (rows,)
    scores = X @ net.coef_.T + net.intercept_
    scores = scores[:, 0] if rows == 1 else scores
    assert_allclose(net.decision_function(X), scores, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_coefficients_give_the_predictions_of_a_regressor(n_targets):
    X, _ = problem()
    y = 1000 + 30 * X @ np.arange(1.0, 1 + 3 * (n_targets or 1)).reshape(3, -1)
    y = y[:, 0] if n_targets is None else y
    net = NeuralRegressor((), max_iter=5, random_state=0)
    if n_targets == 1:
        with pytest.warns(UserWarning, match="column-vector"):
            net.fit(X, y)
    else:
        net.fit(X, y)
    assert net.coef_.shape == ((2, 3) if n_targets == 2 else (3,))
    assert np.shape(net.intercept_) == ((2,) if n_targets == 2 else ())
    assert net.n_outputs_ == (n_targets or 1)
    assert_allclose(net.predict(X), X @ net.coef_.T + net.intercept_, rtol=1e-12)


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
@pytest.mark.parametrize(
    "options", [{"hidden_layer_sizes": (3,)}, {"module": torch.nn.Linear}], ids=str
)
@pytest.mark.parametrize("name", ["coef_", "intercept_"])
def test_other_networks_have_no_coefficients(make, options, name):
    X, y = problem()
    net = make(max_iter=1, **{"hidden_layer_sizes": (), **options})
    with pytest.raises(AttributeError, match=f"has {name} once fitted with hidden_layer_sizes"):
        getattr(net, name)
    with pytest.raises(AttributeError, match=f"has {name} once fitted with hidden_layer_sizes"):
        getattr(net.fit(X, y), name)
    assert not hasattr(net, name)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_that_of_ridge(weighted):
    X, _ = problem()
    rng = np.random.default_rng(0)
    y = 50 + 7 * (X @ [1.0, -2.0, 0.5] + rng.normal(size=60))
    w = weights() if weighted else None
    total = 60.0 if w is None else w.sum()
    net = NeuralRegressor(alpha=0.3 * total, **NEWTON).fit(X, y, sample_weight=w)
    # Mean squared error, and alpha / 2 over the sum of weights: Ridge has the sum of both.
    mean = np.average(y, weights=w)
    scale = np.sqrt(np.average((y - mean) ** 2, weights=w))
    ridge = Ridge(alpha=0.3 * total / 2).fit(X, (y - mean) / scale, sample_weight=w)
    assert_allclose(net.coef_, scale * ridge.coef_, rtol=1e-6)
    assert_allclose(net.intercept_, mean + scale * ridge.intercept_, rtol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_minimum_is_that_of_logistic_regression(weighted, n_classes):
    X, y = problem(n_classes=n_classes)
    w = weights() if weighted else None
    net = NeuralClassifier(alpha=2.0, **NEWTON).fit(X, y, sample_weight=w)
    # Two outputs share the penalty of one: each has half the coefficient, with opposite signs.
    C = 1.0 if n_classes == 2 else 0.5
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=1000).fit(X, y, sample_weight=w)
    assert_allclose(net.coef_, theirs.coef_, rtol=1e-5, atol=1e-6)
    assert_allclose(net.predict_proba(X), theirs.predict_proba(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_components", [1, 2])
def test_a_linear_autoencoder_reaches_the_error_of_principal_components(weighted, n_components):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 3
    w = weights() if weighted else np.ones(60)
    options = NEWTON | {"alpha": 0.0}
    net = NeuralTransformer(n_components, **options).fit(X, sample_weight=w if weighted else None)
    # The best subspace for weighted rows, by a singular value decomposition.
    centred = X - np.average(X, axis=0, weights=w)
    _, values, vectors = np.linalg.svd(np.sqrt(w)[:, None] * centred)
    error = (values[n_components:] ** 2).sum() / w.sum() / 4
    rebuilt = net.inverse_transform(net.transform(X))
    assert_allclose(w @ ((rebuilt - X) ** 2).mean(axis=1) / w.sum(), error, rtol=1e-6)
    assert_allclose(net.best_loss_, error, rtol=1e-6)
    span = vectors[:n_components]
    assert_allclose(centred @ span.T @ span, rebuilt - np.average(X, axis=0, weights=w), atol=1e-2)
    if not weighted:
        pca = PCA(n_components).fit(X)
        theirs = pca.inverse_transform(pca.transform(X))
        assert_allclose(((theirs - X) ** 2).mean(), error, rtol=1e-9)


def test_codes_and_rows_are_those_of_the_two_networks():
    X, _ = problem()
    net = NeuralTransformer(2, hidden_layer_sizes=(5, 4), max_iter=3, random_state=0).fit(X)
    sizes = [part.out_features for part in net.module_.modules() if hasattr(part, "out_features")]
    assert sizes == [5, 4, 2, 4, 5, 3]
    codes = net.transform(X)
    assert codes.shape == (60, 2)
    assert list(net.get_feature_names_out()) == ["neuraltransformer0", "neuraltransformer1"]
    with torch.no_grad():
        rows = net.module_(torch.as_tensor(X)).numpy()
    assert_allclose(net.inverse_transform(codes), rows, rtol=1e-10)
    with pytest.raises(ValueError, match=r"codes of 2 number\(s\), got 3"):
        net.inverse_transform(X)
    frames = net.set_output(transform="pandas").transform(X)
    assert list(frames.columns) == ["neuraltransformer0", "neuraltransformer1"]
