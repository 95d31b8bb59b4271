"""Injected noise: the law it says, the rows it says, and the type of what came in."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from skweight.datasets import add_label_noise, add_target_noise

LABELS = np.arange(3000) % 3
KINDS = ["uniform", "flip", "pair"]


@pytest.mark.parametrize("seed", [0, 3])
def test_draws_are_marks_first_and_labels_second(seed):
    """The draws of 40 % noise on digits that a loop of one's own would make."""
    y = load_digits().target
    own = np.random.RandomState(seed)
    order = own.permutation(len(y))[:1000]
    expected = y[order].copy()
    marked = own.uniform(size=1000) < 0.4
    expected[marked] = own.randint(0, 10, marked.sum())

    rng = np.random.RandomState(seed)
    noisy, replaced = add_label_noise(y[rng.permutation(len(y))[:1000]], 0.4, random_state=rng)
    np.testing.assert_array_equal(replaced, marked)
    np.testing.assert_array_equal(noisy, expected)
    assert rng.uniform() == own.uniform()  # and nothing else was drawn


@pytest.mark.parametrize("kind", KINDS)
def test_new_labels_follow_the_law(kind):
    noisy, replaced = add_label_noise(LABELS, 0.3, kind=kind, random_state=0)
    assert stats.binomtest(int(replaced.sum()), 3000, 0.3).pvalue > 1e-4
    np.testing.assert_array_equal(noisy[~replaced], LABELS[~replaced])
    moves = (noisy - LABELS)[replaced] % 3
    expected = {"uniform": [1 / 3] * 3, "flip": [0, 0.5, 0.5], "pair": [0, 1, 0]}[kind]
    for old in range(3):
        counts = np.bincount(moves[LABELS[replaced] == old], minlength=3)
        possible = np.array(expected) > 0
        assert counts[~possible].sum() == 0
        if possible.sum() > 1:
            shares = np.array(expected)[possible] * counts.sum()
            assert stats.chisquare(counts[possible], shares).pvalue > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_rates_of_0_and_1_and_by_row(kind):
    noisy, replaced = add_label_noise(LABELS, 0, kind=kind)
    assert not replaced.any()
    np.testing.assert_array_equal(noisy, LABELS)
    noisy, replaced = add_label_noise(LABELS, 1.0, kind=kind, random_state=0)
    assert replaced.all()
    assert ((noisy == LABELS).sum() == 0) == (kind != "uniform")
    rate = np.where(np.arange(3000) < 1000, 0.0, 1.0)
    noisy, replaced = add_label_noise(LABELS, rate, kind=kind, random_state=0)
    np.testing.assert_array_equal(replaced, rate == 1)


def test_same_seed_same_noise_and_the_input_stays():
    y = LABELS.copy()
    y.flags.writeable = False
    first = add_label_noise(y, 0.5, random_state=1)
    for one, other in zip(first, add_label_noise(y, 0.5, random_state=np.random.RandomState(1))):
        np.testing.assert_array_equal(one, other)
    assert (first[0] != add_label_noise(y, 0.5, random_state=2)[0]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_labels_keep_their_type(kind):
    names = np.array(["ham", "jam", "spam"])
    codes, replaced = add_label_noise(LABELS[:30], 0.5, kind=kind, random_state=0)
    expected = names[codes]
    for y in (names[LABELS[:30]], names[LABELS[:30]].astype(object)):
        noisy, mask = add_label_noise(y, 0.5, kind=kind, random_state=0)
        assert noisy.dtype == y.dtype
        np.testing.assert_array_equal(noisy, expected)
        np.testing.assert_array_equal(mask, replaced)
    noisy, _ = add_label_noise(names[LABELS[:30]].tolist(), 0.5, kind=kind, random_state=0)
    assert noisy == expected.tolist()
    truth, _ = add_label_noise(LABELS[:30] > 0, 0.5, kind=kind, random_state=0)
    assert truth.dtype == bool


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_labels_of_pandas_keep_index_name_and_order(dtype):
    pandas = pytest.importorskip("pandas")
    names = np.array(["low", "middle", "high"])
    y = pandas.Series(names[LABELS[:30]], index=range(100, 130), name="risk")
    if dtype == "category":
        y = y.astype(pandas.CategoricalDtype(names, ordered=True))
    else:
        y = y.astype(dtype)
    noisy, replaced = add_label_noise(y, 0.5, random_state=0)
    expected, _ = add_label_noise(names[LABELS[:30]], 0.5, random_state=0)
    assert noisy.dtype == y.dtype
    assert noisy.name == "risk"
    assert noisy.index.equals(y.index)
    assert noisy.tolist() == expected.tolist()
    assert isinstance(replaced, np.ndarray)


def test_labels_of_polars():
    polars = pytest.importorskip("polars")
    noisy, _ = add_label_noise(polars.Series("y", LABELS[:30]), 0.5, random_state=0)
    expected, _ = add_label_noise(LABELS[:30], 0.5, random_state=0)
    assert isinstance(noisy, polars.Series)
    assert noisy.to_list() == expected.tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": 1.1}, r"rate=1\.1 to 1\.1: want probabilities in \[0, 1\]"),
        ({"rate": [0.1] * 5 + [-0.1]}, r"rate=-0\.1 to 0\.1: want probabilities"),
        (
            {"rate": [0.1, 0.2]},
            r"rate=\[0\.1, 0\.2\]: want one finite number, or one for each of 6",
        ),
        ({"rate": "half"}, "rate='half': want one finite number"),
        ({"rate": np.nan}, "rate=nan: want one finite number"),
        ({"kind": "symmetric"}, "kind='symmetric': want one of"),
        ({"y": [1] * 6}, r"y has the classes \[1\]: want at least two"),
        (
            {"y": [0.5, 1.0, 1.0, 2.0, 1.0, 2.0]},
            "y has fractions: want labels, or add_target_noise",
        ),
        ({"y": [1.0, 2.0, np.nan, 1.0, 2.0, 1.0]}, "y has missing labels"),
        ({"y": np.array(["a", None, "b", "a", "a", "b"], dtype=object)}, "y has missing labels"),
        ({"y": np.array([1, np.nan, 2, 1, 2, 1], dtype=object)}, "y has missing labels"),
        ({"y": np.eye(3)}, "y should be a 1d array"),
    ],
)
def test_label_noise_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        add_label_noise(**{"y": [0, 1, 0, 1, 0, 1], "rate": 0.2} | given)


def test_missing_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="y has missing labels"):
        add_label_noise(pandas.Series([1, None, 2, 1], dtype="Int64"), 0.5)


# ---- numbers


LAWS = {
    "gaussian": stats.norm(),
    "laplace": stats.laplace(scale=np.sqrt(0.5)),
    "student_t": stats.t(3, scale=1 / np.sqrt(3)),
}


@pytest.mark.parametrize("distribution", LAWS)
def test_noise_follows_the_law_in_units_of_the_targets(distribution):
    law = LAWS[distribution]
    assert law.std() == pytest.approx(1)
    y = np.random.default_rng(0).gamma(2, 50, size=5000)
    noise = add_target_noise(y, 0.5, distribution=distribution, random_state=1) - y
    assert stats.kstest(noise / (0.5 * y.std()), law.cdf).pvalue > 1e-3


def test_each_target_has_its_own_unit_and_each_row_its_own_scale():
    y = np.random.default_rng(0).normal(size=(4000, 2)) * [1, 100]
    scale = np.where(np.arange(4000) < 2000, 0.1, 2.0)
    noise = (add_target_noise(y, scale, random_state=0) - y) / y.std(axis=0)
    np.testing.assert_allclose(noise[:2000].std(axis=0), 0.1, rtol=0.1)
    np.testing.assert_allclose(noise[2000:].std(axis=0), 2.0, rtol=0.1)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.1
    half = add_target_noise(y, scale / 2, random_state=0) - y
    np.testing.assert_allclose(half, noise * y.std(axis=0) / 2, atol=1e-12)


def test_no_noise_is_no_change_and_seeds_repeat():
    y = [1, 5, 2]
    np.testing.assert_array_equal(add_target_noise(y, 0), y)
    first = add_target_noise(y, 1, random_state=3)
    np.testing.assert_array_equal(
        add_target_noise(y, 1, random_state=np.random.RandomState(3)), first
    )
    assert first.dtype == np.float64
    assert y == [1, 5, 2]


def test_targets_of_pandas_keep_index_and_names():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series([1, 5, 2], index=list("abc"), name="price")
    noisy = add_target_noise(y, 1, random_state=3)
    assert (noisy.name, noisy.index.tolist()) == ("price", ["a", "b", "c"])
    np.testing.assert_array_equal(noisy, add_target_noise([1, 5, 2], 1, random_state=3))
    frame = pandas.DataFrame({"u": [1.0, 2.0], "v": [3.0, 5.0]})
    assert add_target_noise(frame, 1, random_state=3).columns.tolist() == ["u", "v"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": -1}, "scale=-1: want standard deviations of at least 0"),
        ({"scale": np.inf}, "scale=inf: want one finite number, or one for each of 3 rows"),
        ({"scale": [1, 2]}, r"scale=\[1, 2\]: want one finite number, or one for each of 3 rows"),
        ({"distribution": "normal"}, "distribution='normal': want one of"),
        ({"y": [2, 2, 2]}, "y is constant: want targets that vary"),
        ({"y": [[1, 2], [2, 2], [3, 2]]}, "y is constant: want targets that vary"),
        ({"y": [1, np.nan, 2]}, "NaN"),
    ],
)
def test_target_noise_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        add_target_noise(**{"y": [1, 5, 2], "scale": 0.2} | given)
