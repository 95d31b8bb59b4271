"""Losses made of metrics, for arrays: limits, identities and gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    jaccard_score,
    matthews_corrcoef,
    recall_score,
)

from skweight.losses import anyloss, soft_confusion_matrix
from skweight.losses._anyloss import (
    confusion,
    decisions_of_scores,
    parts,
    score_slopes,
)
from skweight.losses._confusion_metrics import METRICS, metric_function

NAMES = sorted(METRICS)
L = 73.0


def kappa(tp, fn, fp, tn):
    """Cohen's, for two classes."""
    n = tp + fn + fp + tn
    chance = ((tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)) / n**2
    return ((tp + tn) / n - chance) / (1 - chance)


def macro_f1(tp, fn, fp, tn):
    return (2 * tp / (2 * tp + fn + fp)).mean()


def problem(n_classes, n=60, seed=0, scale=0.25):
    """Classes of different sizes, scores near 0, where soft decisions have a gradient."""
    rng = np.random.RandomState(seed)
    y = np.sort(rng.randint(n_classes, size=n) * rng.randint(2, size=n))
    y[:n_classes] = np.arange(n_classes)
    scores = scale * rng.uniform(-1, 1, size=(n, 1 if n_classes == 2 else n_classes))
    return y, scores, rng.uniform(0.5, 2, size=n)


def probabilities(scores):
    return expit(scores[:, 0]) if scores.shape[1] == 1 else softmax(scores, axis=1)


def loss_of_scores(y, scores, metric, weight=None, **options):
    return anyloss(y, probabilities(scores), metric, sample_weight=weight, **options)


def gradient(y, scores, metric, weight, beta=1.0, positive=1):
    """The closed form that the linear solver uses."""
    p, soft = decisions_of_scores(scores, L)
    value = metric_function(metric, beta, positive)
    _, by_hits, by_columns = value(*parts(confusion(y, soft, weight)))
    return -weight[:, None] * score_slopes(y, p, soft, by_hits, by_columns, L)


def differences(function, at, step=1e-5):
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        shift = np.zeros_like(at)
        shift[place] = step
        found[place] = (function(at + shift) - function(at - shift)) / (2 * step)
    return found


# -------------------------------------------------------------------------- hard decisions


def hard_problem(n_classes, n=500):
    rng = np.random.RandomState(n_classes)
    y = rng.choice(
        n_classes,
        size=n,
        p=np.arange(1, n_classes + 1) ** 2 / sum(k**2 for k in range(1, n_classes + 1)),
    )
    decided = np.where(rng.uniform(size=n) < 0.7, y, rng.randint(n_classes, size=n))
    return y, decided, rng.randint(1, 4, size=n).astype(float)


def gmean_score(y, decided, sample_weight):
    recalls = recall_score(y, decided, average=None, sample_weight=sample_weight)
    return np.exp(np.log(recalls).mean())


def scores_of_sklearn(n_classes):
    average = "binary" if n_classes == 2 else "macro"
    return {
        "accuracy": accuracy_score,
        "balanced_accuracy": balanced_accuracy_score,
        "f1": lambda *a, **k: f1_score(*a, average=average, **k),
        "fbeta": lambda *a, **k: fbeta_score(*a, beta=2.0, average=average, **k),
        "gmean": gmean_score,
        "jaccard": lambda *a, **k: jaccard_score(*a, average=average, **k),
        "mcc": matthews_corrcoef,
    }


@pytest.mark.parametrize("amplification", [73.0, 200.0])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_hard_decisions_give_the_metric(name, n_classes, amplification):
    y, decided, weight = hard_problem(n_classes)
    p = np.eye(n_classes)[decided]
    options = {"beta": 2.0} if name == "fbeta" else {}
    got = anyloss(y, p, name, amplification=amplification, sample_weight=weight, **options)
    expected = 1 - scores_of_sklearn(n_classes)[name](y, decided, sample_weight=weight)
    assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_hard_decisions_give_the_confusion_matrix(n_classes):
    y, decided, weight = hard_problem(n_classes)
    got = soft_confusion_matrix(y, np.eye(n_classes)[decided], sample_weight=weight)
    assert_allclose(got, confusion_matrix(y, decided, sample_weight=weight), atol=1e-11)


def test_nothing_found_is_zero_over_zero():
    y, p = [0, 0, 1], np.zeros(3)
    for name in ("f1", "gmean", "jaccard", "mcc"):
        assert anyloss(y, p, name) == pytest.approx(1, abs=1e-7)
    assert anyloss([0, 0], [0.0, 0.0], "f1") == pytest.approx(1)
    assert anyloss([0, 0], [0.0, 0.0], "mcc") == 1
    assert anyloss([0, 0], [0.0, 0.0], "balanced_accuracy") == pytest.approx(0.5)


# -------------------------------------------------------------------------- identities


def test_sums_of_the_soft_matrix():
    y, scores, weight = problem(2, scale=2.0)
    p = probabilities(scores)
    (tn, fp), (fn, tp) = soft_confusion_matrix(y, p, sample_weight=weight)
    soft = 1 / (1 + np.exp(-L * (p - 0.5)))
    n, S, H, R = weight.sum(), weight @ y, weight @ soft, (weight * y) @ soft
    assert_allclose([tp, tp + fn, tp + fp, tp + fn + fp + tn], [R, S, H, n], rtol=1e-12)


def test_forms_of_the_paper():
    y, scores, _ = problem(2)
    p = probabilities(scores)
    soft = 1 / (1 + np.exp(-L * (p - 0.5)))
    n, S, H, R = len(y), y.sum(), soft.sum(), y @ soft
    forms = {
        "accuracy": (n - S - H + 2 * R) / n,
        "f1": 2 * R / (S + H),
        "gmean": np.sqrt(R * (n - H - S + R) / (S * (n - S))),
        "balanced_accuracy": (n * (R + S) - S * (H + S)) / (2 * S * (n - S)),
        "jaccard": R / (S + H - R),
    }
    for name, value in forms.items():
        assert_allclose(anyloss(y, p, name), 1 - value, rtol=1e-12)
    assert_allclose(anyloss(y, p, "fbeta", beta=0.5), 1 - 1.25 * R / (0.25 * S + H), rtol=1e-12)
    # The ends of the scale of beta.
    assert_allclose(anyloss(y, p, "fbeta", beta=0.0), 1 - R / H, rtol=1e-12)
    assert_allclose(anyloss(y, p, "fbeta", beta=1e8), 1 - R / S, rtol=1e-12)


def test_balanced_accuracy_of_equal_classes_is_accuracy():
    y = np.repeat([0, 1], 20)
    p = np.random.RandomState(0).uniform(0.3, 0.7, size=40)
    assert_allclose(anyloss(y, p, "balanced_accuracy"), anyloss(y, p, "accuracy"), rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_swapped_classes(name):
    y, scores, weight = problem(2)
    before = loss_of_scores(y, scores, name, weight)
    after = loss_of_scores(1 - y, -scores, name, weight)
    if name in ("f1", "fbeta", "jaccard"):
        assert abs(after - before) > 0.05
        after = loss_of_scores(1 - y, -scores, name, weight, pos_label=0)
    assert_allclose(after, before, rtol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, kappa])
def test_two_columns_are_one(name):
    y, scores, weight = problem(2)
    p = probabilities(scores)
    one = anyloss(y, p, name, sample_weight=weight)
    for two in (np.column_stack([1 - p, p]), p[:, None]):
        assert_allclose(anyloss(y, two, name, sample_weight=weight), one, rtol=1e-13)


def test_start_of_three_equal_classes():
    y, p = np.repeat([0, 1, 2], 7), np.full((21, 3), 1 / 3)
    assert_allclose(anyloss(y, p, "f1"), 2 / 3, rtol=1e-14)
    assert_allclose(soft_confusion_matrix(y, p), np.full((3, 3), 7 / 3), rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_decisions_agree_with_the_most_probable_class(n_classes):
    _, scores, _ = problem(n_classes, scale=3.0)
    for amplification in (1.0, 73.0):
        p, soft = decisions_of_scores(scores, amplification)
        p = np.column_stack([1 - p, p]) if n_classes == 2 else p
        assert_allclose(soft.sum(axis=1), 1, rtol=1e-14)
        assert (soft.argmax(axis=1) == p.argmax(axis=1)).all()
    assert_allclose(decisions_of_scores(np.zeros((1, 1)), L)[1], [[0.5, 0.5]], rtol=0)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", [*NAMES, macro_f1])
def test_weights_are_repetitions(name, n_classes):
    y, scores, _ = problem(n_classes)
    if name is macro_f1 and n_classes == 2:
        name = kappa
    times = np.random.RandomState(1).randint(3, size=len(y))
    weighted = loss_of_scores(y, scores, name, times.astype(float))
    repeated = loss_of_scores(np.repeat(y, times), np.repeat(scores, times, axis=0), name)
    assert_allclose(weighted, repeated, rtol=1e-12)
    assert_allclose(loss_of_scores(y, scores, name, 10.0 * times), weighted, rtol=1e-12)


def test_callables_get_numbers_of_two_classes_and_vectors_of_more():
    seen = []

    def metric(*counts):
        seen.append([np.shape(part) for part in counts])
        return counts[0] * 0.0 if np.ndim(counts[0]) == 0 else 0.0

    for n_classes in (2, 4):
        y, scores, _ = problem(n_classes)
        loss_of_scores(y, scores, metric)
    assert seen[0] == [()] * 4
    assert seen[-1] == [(4,)] * 4


@pytest.mark.parametrize("n_classes", [2, 3])
def test_callables_agree_with_names(n_classes):
    y, scores, weight = problem(n_classes)
    metric = macro_f1 if n_classes == 3 else (lambda tp, fn, fp, tn: 2 * tp / (2 * tp + fn + fp))
    named, own = (loss_of_scores(y, scores, f, weight) for f in ("f1", metric))
    assert_allclose(own, named, rtol=1e-12)
    assert_allclose(
        gradient(y, scores, metric, weight), gradient(y, scores, "f1", weight), atol=1e-9
    )


def test_differences_of_callables_stay_within_the_counts():
    """A metric that is undefined for negative counts, at counts of 0."""
    root = metric_function(lambda tp, fn, fp, tn: (tp * tn) ** 0.5 + (fp * fn) ** 0.5)
    with np.errstate(invalid="raise"):
        value, by_hits, by_columns = root(
            np.array([4.0, 0]), np.array([4.0, 2]), np.array([6.0, 0])
        )
    assert value == 0
    assert np.isfinite([by_hits, by_columns]).all()


# -------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("name", [*NAMES, kappa])
def test_gradient_against_differences(name, n_classes):
    if name is kappa and n_classes > 2:
        name = macro_f1
    y, scores, weight = problem(n_classes, n=30)
    options = {"beta": 2.0} if name == "fbeta" else {}
    expected = differences(lambda z: loss_of_scores(y, z, name, weight, **options), scores)
    got = gradient(y, scores, name, weight, **options)
    assert np.abs(expected).max() > 1e-3
    assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["f1", "fbeta", "jaccard"])
def test_gradient_for_the_first_class(name):
    y, scores, weight = problem(2, n=30)
    expected = differences(lambda z: loss_of_scores(y, z, name, weight, pos_label=0), scores)
    got = gradient(y, scores, name, weight, positive=0)
    assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())


def test_gradients_of_the_paper():
    """The closed forms, with 1/2 (not 2) in that of the G-mean."""
    y, scores, _ = problem(2)
    p = probabilities(scores)
    soft = 1 / (1 + np.exp(-L * (p - 0.5)))
    n, S, H, R = len(y), y.sum(), soft.sum(), y @ soft
    D = L * soft * (1 - soft) * p * (1 - p)
    found, T = np.sqrt(R * (n - H - S + R) / (S * (n - S))), n - H - S + R
    forms = {
        "accuracy": D * (1 - 2 * y) / n,
        "f1": -2 * D * (y * (S + H) - R) / (S + H) ** 2,
        "balanced_accuracy": -D * (n * y - S) / (2 * S * (n - S)),
        "gmean": -D * (y * T + (y - 1) * R) / (2 * found * S * (n - S)),
    }
    for name, expected in forms.items():
        got = gradient(y, scores, name, np.ones(n))[:, 0]
        assert_allclose(got, expected, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_stay_finite(name, n_classes):
    """Where all decisions are for one class, recalls are 0 and roots have no derivative."""
    y = np.repeat(np.arange(n_classes), 3)
    scores = np.zeros((len(y), 1 if n_classes == 2 else n_classes))
    scores[:, 0] = 200.0
    value = metric_function(name)
    _, soft = decisions_of_scores(scores, L)
    empty_class = np.diag(np.arange(n_classes) * 1.0)
    for matrix in (confusion(y, soft, None), np.eye(n_classes)[::-1] * 3, empty_class):
        _, by_hits, by_columns = value(*parts(matrix))
        assert np.isfinite([by_hits, by_columns]).all()
    assert np.isfinite(gradient(y, scores, name, np.ones(len(y)))).all()


def test_start_has_a_gradient_for_any_number_of_classes():
    """A steep curve on each probability by itself has none at 1 / n_classes."""
    for n_classes in (3, 10):
        y = np.repeat(np.arange(n_classes), 5)
        slope = gradient(y, np.zeros((len(y), n_classes)), "f1", np.ones(len(y)))
        assert np.abs(slope).max() > 1e-3


# -------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"metric": "auc"},
            r"metric must be one of \['accuracy', .*'mcc'\] or a callable, got 'auc'",
        ),
        ({"metric": "fbeta", "beta": -1.0}, "beta must be a finite number of at least 0, got -1.0"),
        ({"metric": "fbeta", "beta": np.inf}, "beta must be a finite number"),
        ({"beta": 2.0}, "beta is for metric='fbeta', got beta=2.0 with metric='f1'"),
        ({"amplification": 0}, "amplification must be a finite number above 0, got 0"),
        ({"pos_label": 2}, "pos_label must be 0 or 1, got 2"),
        ({"y": [0, 1, 2]}, "y must hold whole numbers from 0 to 1"),
        ({"y": [0, 1, 0.5]}, "y must hold whole numbers"),
        ({"y": [0, 1]}, "as many rows, got 2 and 3"),
        ({"p": [0.5, 1.5, 0]}, r"p must be in \[0, 1\], got values from 0.0 to 1.5"),
        ({"p": np.full((3, 2), 0.4)}, "rows that sum to 1"),
        ({"p": [0.5, np.nan, 0]}, "NaN"),
        ({"sample_weight": [1, -1, 1]}, "sample_weight must be at least 0"),
        ({"metric": lambda *counts: np.nan}, "one finite number, got nan"),
        ({"metric": lambda *counts: np.ones(2)}, r"one finite number, got \[1.0, 1.0\]"),
    ],
)
def test_bad_arguments(options, message):
    arguments = {"y": [0, 1, 0], "p": [0.1, 0.7, 0.4], **options}
    with pytest.raises(ValueError, match=message):
        anyloss(**arguments)


def test_positive_class_of_many():
    with pytest.raises(ValueError, match="pos_label is for two classes, got 0 with 3 columns"):
        anyloss([0, 1, 2], np.full((3, 3), 1 / 3), pos_label=0)
