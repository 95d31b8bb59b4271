"""Linear models trained for a metric: numpy alone, against a recursion written here."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.imbalance import AnyLossClassifier, _anyloss_linear
from skweight.imbalance._batches import stratified_batches
from skweight.losses import anyloss

pytestmark = pytest.mark.filterwarnings("ignore:The loss still fell")


def problem(n_classes=2, n=120, p=3, seed=0):
    """Classes of which the first is the largest by far."""
    rng = np.random.RandomState(seed)
    y = rng.choice(n_classes, size=n, p=[0.8] + [0.2 / (n_classes - 1)] * (n_classes - 1))
    y[:n_classes] = np.arange(n_classes)
    X = rng.normal(size=(n, p)) + 1.2 * rng.normal(size=(n_classes, p))[y]
    return X, y, rng.uniform(0.5, 2, size=n)


def classifier(metric="f1", **options):
    steps = {"optimizer": "adam", "learning_rate_init": 0.01, "max_iter": 60, "tol": 0.0}
    return AnyLossClassifier(metric, **{**steps, **options})


def theta_of(model):
    return np.column_stack([model.coef_, model.intercept_])


def loss_at(theta, X, y, metric, weight, alpha=0.0):
    scores = X @ theta[:, :-1].T + theta[:, -1]
    p = expit(scores[:, 0]) if len(theta) == 1 else softmax(scores, axis=1)
    total = len(y) if weight is None else weight.sum()
    penalty = alpha / 2 * (theta[:, :-1] ** 2).sum() / total
    return anyloss(y, p, metric, sample_weight=weight) + penalty


def gradient_at(theta, *arguments):
    """The gradient by central differences of fourth order."""
    found = np.empty_like(theta)
    for place in np.ndindex(theta.shape):
        shift = np.zeros_like(theta)
        shift[place] = 1e-4
        near, far = (
            loss_at(theta + k * shift, *arguments) - loss_at(theta - k * shift, *arguments)
            for k in (1, 2)
        )
        found[place] = (8 * near - far) / 12e-4
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("metric", ["f1", "gmean", "mcc"])
def test_gradient_descent_is_the_recursion(metric, n_classes, weighted):
    X, y, weight = problem(n_classes)
    weight = weight if weighted else None
    theta = np.zeros((1 if n_classes == 2 else n_classes, 4))
    losses = []
    for _ in range(8):
        losses.append(loss_at(theta, X, y, metric, weight, 2.0))
        theta = theta - 0.05 * gradient_at(theta, X, y, metric, weight, 2.0)
    model = classifier(metric, optimizer="sgd", learning_rate_init=0.05, alpha=2.0, max_iter=8).fit(
        X, y, sample_weight=weight
    )
    assert_allclose(theta_of(model), theta, atol=1e-7)
    assert_allclose(model.loss_curve_, losses, atol=1e-7)
    assert model.n_iter_ == 8


def test_gradient_descent_of_f1_is_that_of_the_paper():
    X, y, _ = problem()
    theta, L = np.zeros(4), 73.0
    X1 = np.column_stack([X, np.ones(len(X))])
    for _ in range(30):
        p = 1 / (1 + np.exp(-X1 @ theta))
        soft = 1 / (1 + np.exp(-L * (p - 0.5)))
        S, H, R = y.sum(), soft.sum(), y @ soft
        D = L * soft * (1 - soft) * p * (1 - p)
        theta = theta + 0.05 * X1.T @ (2 * D * (y * (S + H) - R) / (S + H) ** 2)
    model = classifier(optimizer="sgd", learning_rate_init=0.05, max_iter=30).fit(X, y)
    assert_allclose(theta_of(model)[0], theta, rtol=1e-11)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_adam_is_the_recursion(n_classes):
    X, y, weight = problem(n_classes)
    theta = np.zeros((1 if n_classes == 2 else n_classes, 4))
    mean = square = 0
    for t in range(1, 7):
        gradient = gradient_at(theta, X, y, "balanced_accuracy", weight)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        step = mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        theta = theta - 0.01 * step
    model = classifier("balanced_accuracy", max_iter=6).fit(X, y, sample_weight=weight)
    assert_allclose(theta_of(model), theta, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_blocks_of_rows_change_nothing(n_classes, monkeypatch):
    X, y, weight = problem(n_classes)
    whole = classifier("gmean", alpha=0.1, max_iter=20).fit(X, y, sample_weight=weight)
    monkeypatch.setattr(_anyloss_linear, "_BLOCK_NUMBERS", 50)
    blocks = classifier("gmean", alpha=0.1, max_iter=20).fit(X, y, sample_weight=weight)
    assert_allclose(theta_of(blocks), theta_of(whole), rtol=1e-10, atol=1e-15)
    assert_allclose(blocks.loss_curve_, whole.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("batch_size", [None, 40])
def test_sparse_rows_are_dense_rows(n_classes, batch_size):
    X, y, weight = problem(n_classes)
    X = np.where(np.abs(X) < 1, 0, X)
    options = {"batch_size": batch_size, "max_iter": 10, "random_state": 0}
    dense = classifier(**options).fit(X, y, sample_weight=weight)
    other = classifier(**options).fit(sparse.csr_array(X), y, sample_weight=weight)
    assert_allclose(theta_of(other), theta_of(dense), rtol=1e-9)
    assert_allclose(other.predict_proba(sparse.csc_array(X)), dense.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("metric", ["f1", "gmean", lambda tp, fn, fp, tn: tp / (tp + fn + fp)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_repetitions(metric, n_classes):
    if callable(metric) and n_classes == 3:
        metric = lambda tp, fn, fp, tn: (tp / (tp + fn + fp)).mean()  # noqa: E731
    X, y, _ = problem(n_classes)
    times = np.random.RandomState(1).randint(4, size=len(y))
    weighted = classifier(metric, alpha=0.5).fit(X, y, sample_weight=times)
    repeated = classifier(metric, alpha=0.5).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert_allclose(theta_of(weighted), theta_of(repeated), rtol=1e-7)
    many = classifier(metric).fit(X, y, sample_weight=10.0 * times)
    assert_allclose(theta_of(many), theta_of(classifier(metric).fit(X, y, times)), rtol=1e-7)


def test_class_weight_multiplies_sample_weight():
    X, y, weight = problem()
    by_class = classifier(class_weight={0: 1.0, 1: 3.0}).fit(X, y, sample_weight=weight)
    by_row = classifier().fit(X, y, sample_weight=weight * np.where(y == 1, 3.0, 1.0))
    assert_allclose(theta_of(by_class), theta_of(by_row), rtol=1e-12)


def test_beta_and_names():
    X, y, _ = problem()
    same = [
        classifier("f1"),
        classifier("fbeta"),
        classifier(lambda tp, fn, fp, tn: 2 * tp / (2 * tp + fn + fp)),
    ]
    one, *others = (theta_of(model.fit(X, y)) for model in same)
    for other in others:
        assert_allclose(other, one, rtol=1e-6)
    recall, precision = (classifier("fbeta", beta=b).fit(X, y).predict(X).sum() for b in (5.0, 0.2))
    assert recall > precision


def test_positive_class():
    X, y, _ = problem()
    labels = np.array(["rare", "usual"])[1 - y]
    first = classifier(pos_label="rare").fit(X, labels)
    second = classifier().fit(X, y)
    assert_allclose(theta_of(first), -theta_of(second), rtol=1e-9)
    assert_array_equal(first.predict(X) == "rare", second.predict(X) == 1)


def test_intercept():
    X, y, _ = problem()
    assert_array_equal(classifier(fit_intercept=False).fit(X, y).intercept_, [0.0])
    assert classifier().fit(X, y).intercept_ != 0


def test_each_loss_is_smallest_where_it_was_the_aim():
    X, y, _ = problem(n=400, seed=3)
    names = ["accuracy", "balanced_accuracy", "f1"]
    fits = [classifier(name, max_iter=300).fit(X, y).predict_proba(X)[:, 1] for name in names]
    losses = np.array([[anyloss(y, p, name) for p in fits] for name in names])
    assert (losses.argmin(axis=1) == [0, 1, 2]).all()


@pytest.mark.parametrize("n_classes", [3, 10])
def test_many_classes_learn(n_classes):
    rng = np.random.RandomState(0)
    y = np.repeat(np.arange(n_classes), 20)
    angles = 2 * np.pi * y / n_classes
    X = np.column_stack([np.cos(angles), np.sin(angles)]) + 0.05 * rng.normal(size=(len(y), 2))
    model = classifier(max_iter=300, learning_rate_init=0.05).fit(X, y)
    assert f1_score(y, model.predict(X), average="macro") == 1


# -------------------------------------------------------------------------- batches


@pytest.mark.parametrize("counts", [(90, 7, 30), (50, 50), (100, 1), (3, 3, 3)])
@pytest.mark.parametrize("batch_size", [3, 10, 64, 1000])
def test_batches_hold_every_class(counts, batch_size):
    y = np.repeat(np.arange(len(counts)), counts)
    order = np.random.RandomState(0).permutation(len(y))
    batches = stratified_batches(y, order, batch_size)
    assert len(batches) == min(-(-len(y) // batch_size), min(counts))
    assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(y)))
    table = np.array([np.bincount(y[batch], minlength=len(counts)) for batch in batches])
    assert table.min() >= 1
    assert (np.ptp(table, axis=0) <= 1).all()
    assert np.ptp(table.sum(axis=1)) <= 1


def test_batches_are_steps():
    X, y, weight = problem()
    theta = np.zeros((1, 4))
    losses, totals = [], []
    for batch in stratified_batches(y, np.arange(len(y)), 50):
        part = X[batch], y[batch], "f1", weight[batch]
        losses.append(loss_at(theta, *part))
        totals.append(weight[batch].sum())
        theta = theta - 0.05 * gradient_at(theta, *part)
    model = classifier(
        optimizer="sgd", learning_rate_init=0.05, max_iter=1, batch_size=50, shuffle=False
    ).fit(X, y, sample_weight=weight)
    assert len(losses) == 3
    assert_allclose(theta_of(model), theta, atol=1e-8)
    assert_allclose(model.loss_, np.average(losses, weights=totals), rtol=1e-8)


def test_seeds():
    X, y, _ = problem()
    fits = [theta_of(classifier(batch_size=20, random_state=s).fit(X, y)) for s in (0, 0, 1)]
    assert_array_equal(fits[0], fits[1])
    assert np.abs(fits[0] - fits[2]).max() > 1e-4
    assert_array_equal(*(theta_of(classifier(random_state=s).fit(X, y)) for s in (0, 1)))


# -------------------------------------------------------------------------- going on


def test_partial_fit_is_an_epoch():
    X, y, weight = problem(3)
    options = {"batch_size": 30, "random_state": 0}
    steps = classifier(**options)
    for _ in range(5):
        steps.partial_fit(X, y, classes=[0, 1, 2], sample_weight=weight)
    whole = classifier(max_iter=5, **options).fit(X, y, sample_weight=weight)
    assert_array_equal(theta_of(steps), theta_of(whole))
    assert (steps.n_iter_, steps.t_) == (whole.n_iter_, whole.t_) == (5, 5 * len(y))
    assert steps.loss_curve_ == whole.loss_curve_


def test_partial_fit_survives_pickle_and_single_classes():
    X, y, _ = problem()
    model = classifier(batch_size=20, random_state=0).partial_fit(X, y, classes=[0, 1])
    copy = pickle.loads(pickle.dumps(model))
    for part in (model, copy):
        part.partial_fit(X[y == 0], y[y == 0]).partial_fit(X, y)
    assert_array_equal(theta_of(copy), theta_of(model))
    assert np.isfinite(theta_of(model)).all()
    with pytest.raises(ValueError, match="classes must be given"):
        classifier().partial_fit(X, y)


def test_warm_start_goes_on():
    X, y, _ = problem()
    model = classifier(max_iter=20, warm_start=True).fit(X, y)
    model.fit(X, y)
    whole = classifier(max_iter=40).fit(X, y)
    assert_array_equal(theta_of(model), theta_of(whole))
    assert model.loss_curve_ == whole.loss_curve_
    with pytest.raises(ValueError, match="features are 3, got 2"):
        model.fit(X[:, :2], y)
    with pytest.raises(ValueError, match="same optimizer, got another: set warm_start=False"):
        model.set_params(optimizer="sgd").fit(X, y)


def test_warm_start_takes_a_new_step_and_penalty():
    X, y, _ = problem()
    model = classifier(optimizer="sgd", max_iter=5, warm_start=True).fit(X, y)
    theta = theta_of(model)
    gradient = gradient_at(theta, X, y, "f1", None, 3.0)
    model.set_params(learning_rate_init=0.002, alpha=3.0, max_iter=1).fit(X, y)
    assert_allclose(theta_of(model), theta - 0.002 * gradient, atol=1e-9)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_broken_fit_leaves_nothing(error):
    X, y, _ = problem()

    def broken(tp, fn, fp, tn):
        raise error

    model = classifier(broken)
    with pytest.raises(error):
        model.fit(X, y)
    assert not hasattr(model, "coef_")
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_ends_without_improvement():
    X, y, _ = problem()
    model = classifier(tol=1e-3, n_iter_no_change=5, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert 10 < model.n_iter_ < 1000
    assert len(model.loss_curve_) == model.n_iter_
    with pytest.warns(ConvergenceWarning, match="max_iter=10"):
        classifier(max_iter=10).fit(X, y)


# -------------------------------------------------------------------------- scikit-learn


def test_search_over_metrics_in_a_pipeline():
    X, y, _ = problem(n=200)
    model = make_pipeline(StandardScaler(), classifier())
    search = GridSearchCV(
        model,
        {"anylossclassifier__metric": ["f1", "accuracy"], "anylossclassifier__alpha": [0, 1.0]},
        scoring="f1",
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.4


def test_needs_no_torch():
    """With torch blocked: import, construct, clone, fit, predict and pickle a linear model."""
    code = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch"):
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Missing())
import pickle
import numpy as np
from sklearn.base import clone
from skweight.imbalance import AnyLossClassifier
X = np.random.RandomState(0).normal(size=(60, 2))
y = (X[:, 0] > 1).astype(int)
model = clone(AnyLossClassifier(max_iter=200)).fit(X, y)
repr(model), model.get_params()
assert pickle.loads(pickle.dumps(model)).predict(X).sum() == model.predict(X).sum() > 0
try:
    AnyLossClassifier(hidden_layer_sizes=3).fit(X, y)
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "AnyLossClassifier.fit needs the package 'torch'" in run.stdout


def test_attributes_of_the_unfitted():
    model = AnyLossClassifier()
    assert not hasattr(model, "coef_")
    with pytest.raises(AttributeError, match="intercept_ once fitted"):
        model.intercept_  # noqa: B018


# -------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auc"}, "'metric' parameter .* must be a str among .*'gmean'.* or a callable"),
        ({"metric": "fbeta", "beta": -1.0}, "'beta' parameter"),
        ({"beta": 2.0}, "beta is for metric='fbeta', got beta=2.0 with metric='f1'"),
        ({"amplification": 0.0}, "'amplification' parameter"),
        ({"batch_size": "auto"}, "'batch_size' parameter"),
        ({"batch_size": 1}, "batch_size must be at least the number of classes, 2, .* got 1"),
        ({"pos_label": "maybe"}, "pos_label='maybe' is none of the classes"),
        (
            {"class_weight": {0: 0.0, 1: 1.0}},
            r"class_weight must give every class a weight above 0, got 0 for \[0\]",
        ),
        ({"early_stopping": True}, "early_stopping=True is for networks"),
        ({"dtype": "float32"}, "dtype='float32' is for networks: .* 'auto' or 'float64'"),
        ({"optimizer": "adamw"}, "optimizer='adamw' is for networks"),
        ({"optimizer_params": {"momentum": 0.5}}, "optimizer_params=.* is for networks"),
        ({"metric": lambda *counts: np.nan}, "metric must return one finite number, got nan"),
    ],
)
def test_bad_parameters(options, message):
    X, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        AnyLossClassifier(**options).fit(X, y)


def test_splits_without_early_stopping_are_told():
    X, y, _ = problem()
    with pytest.warns(UserWarning, match="cv chooses the rows held out"):
        classifier(cv=3).fit(X, y)


def test_bad_data():
    X, y, _ = problem()
    with pytest.raises(ValueError, match=r"at least 2 classes, got 1 class.*no"):
        classifier().fit(X, np.full(len(X), "no"))
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(np.where(X > 1, np.nan, X), y)
    with pytest.raises(ValueError, match="pos_label is for two classes, got 1 with 3"):
        classifier(pos_label=1).fit(X, np.arange(len(X)) % 3)


def test_rows_without_a_common_scale_are_told():
    X, y = 1e6 * np.array([[4.0], [1.0], [2.0], [5.0]]), np.array([0, 1, 1, 0])
    with pytest.warns(ConvergenceWarning, match="scale X, or lower learning_rate_init=0.01"):
        classifier().fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="No row moves")
        classifier().fit(X / 1e6, y)
