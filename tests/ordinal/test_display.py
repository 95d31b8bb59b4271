"""The plots: what they hold, and what they draw."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from skweight.ordinal import (  # noqa: E402
    CoefficientPathDisplay,
    ExceedanceDisplay,
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    RareClassCalibrationDisplay,
    presto_path,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def make(n=400, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    noise = rng.logistic(size=n) * np.exp(0.5 * X[:, 1])
    return X, np.digitize(2 * X[:, 0] + noise, [-1, 1, 4])


# ---- coefficient paths -------------------------------------------------------------------------


def test_path_of_an_estimator():
    pandas = pytest.importorskip("pandas")
    X, y = make()
    frame = pandas.DataFrame(X, columns=["age", "dose", "noise"])
    model = PrestoClassifierCV(n_alphas=6, cv=2).fit(frame, y)
    display = CoefficientPathDisplay.from_estimator(model)
    assert display.alpha == model.alpha_
    assert [axes.get_title() for axes in display.axes_] == [
        ["age", "dose", "noise"][feature] for feature in display.features_
    ]
    for lines, feature in zip(display.lines_, display.features_):
        assert len(lines) == 3
        for k, line in enumerate(lines):
            assert_array_equal(line.get_xdata(), model.alphas_)
            assert_array_equal(line.get_ydata(), model.coef_path_[:, k, feature])
    assert display.axes_[0].xaxis_inverted()
    names = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert names == ["P(y > 0)", "P(y > 1)", "P(y > 2)"]
    display.figure_.canvas.draw()


def test_path_shows_first_what_breaks_proportional_odds():
    X, y = make(n=2000, p=12)
    display = CoefficientPathDisplay.from_path(presto_path(X, y, n_alphas=8), max_features=4)
    assert len(display.axes_) == 4
    assert 1 in display.features_[:2]


def test_path_on_given_axes_and_given_features():
    X, y = make()
    path = presto_path(X, y, n_alphas=4)
    figure, axes = pyplot.subplots(1, 2)
    display = CoefficientPathDisplay.from_path(
        path, ax=axes[1], features=["x2", 0], line_kw={"linestyle": "--"}
    )
    assert display.figure_ is figure
    assert display.ax_ is axes[1]
    assert display.features_.tolist() == [2, 0]
    assert display.lines_[0][0].get_linestyle() == "--"
    figure.canvas.draw()


def test_path_needs_a_path():
    X, y = make()
    with pytest.raises(ValueError, match="PrestoClassifierCV"):
        CoefficientPathDisplay.from_estimator(PrestoClassifier().fit(X, y))


# ---- exceedance --------------------------------------------------------------------------------


def test_exceedance_along_a_feature_is_partial_dependence():
    X, y = make()
    model = PrestoClassifier(alpha=0.01).fit(X, y)
    display = ExceedanceDisplay.from_estimator(model, X, 0, grid_resolution=7)
    assert_allclose(display.x[[0, -1]], np.quantile(X[:, 0], [0.01, 0.99]))
    at_third = X.copy()
    at_third[:, 0] = display.x[3]
    assert_allclose(display.above[3], model.predict_exceedance(at_third).mean(axis=0))
    for k, line in enumerate(display.lines_):
        assert_array_equal(line.get_ydata(), display.above[:, k])
    assert display.dots_ == []
    named = {text.get_text() for text in display.ax_.texts}
    assert {"0", "2"} <= named


def test_exceedance_of_a_named_column_with_few_values():
    pandas = pytest.importorskip("pandas")
    X, y = make()
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    frame["b"] = (frame["b"] > 0).astype(float)
    model = ProportionalOddsClassifier().fit(frame, y)
    display = ExceedanceDisplay.from_estimator(model, frame, "b")
    assert display.x.tolist() == [0, 1]
    assert display.ax_.get_xlabel() == "b"
    with pytest.raises(ValueError, match="feature must be a column"):
        ExceedanceDisplay.from_estimator(model, frame, "z")
    with pytest.raises(ValueError, match="feature must be from 0 to 2"):
        ExceedanceDisplay.from_estimator(model, frame, 3)


def test_exceedance_of_any_classifier():
    X, y = make()
    model = LogisticRegression().fit(X, y)
    display = ExceedanceDisplay.from_estimator(model, X, 0, grid_resolution=3, max_rows=50)
    rows = X[np.unique(np.linspace(0, 399, 50).astype(int))].copy()
    rows[:, 0] = display.x[0]
    p = model.predict_proba(rows).mean(axis=0)
    assert_allclose(display.above[0], [p[1:].sum(), p[2:].sum(), p[3]])


def test_exceedance_of_sorted_rows():
    X, y = make()
    model = ProportionalOddsClassifier().fit(X, y)
    above = model.predict_exceedance(X)
    display = ExceedanceDisplay.from_predictions(y, above, class_order=[0, 1, 2, 3], n_bins=8)
    places, shares = display.observed
    order = np.argsort(above.sum(axis=1))
    assert_allclose(shares[0], [(y[order[:50]] > k).mean() for k in range(3)])
    assert_allclose(places, (np.arange(8) + 0.5) / 8)
    assert_array_equal(display.dots_[2].get_ydata(), shares[:, 2])
    assert (np.diff(display.above, axis=0) >= 0).all()  # parallel boundaries agree on the order
    display.plot(log=True)
    assert display.ax_.get_yscale() == "log"
    display.figure_.canvas.draw()


def test_exceedance_refuses_in_sentences():
    X, y = make()
    above = ProportionalOddsClassifier().fit(X, y).predict_exceedance(X)
    with pytest.raises(ValueError, match="one column less"):
        ExceedanceDisplay.from_predictions(y, above, class_order=[0, 1, 2])
    with pytest.raises(ValueError, match=r"lacks \['3'\]"):
        ExceedanceDisplay.from_predictions(y, above, class_order=[0, 1, 2, 4])


# ---- calibration -------------------------------------------------------------------------------


def test_calibration_bins_by_hand():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.2, 1000)
    y = rng.uniform(size=1000) < p
    display = RareClassCalibrationDisplay.from_predictions(y, p, n_bins=5, name="truth")
    for rows, b in zip(np.array_split(np.argsort(p), 5), range(5)):
        assert_allclose(display.prob_pred[b], p[rows].mean())
        assert_allclose(display.prob_true[b], y[rows].mean())
        assert display.n_events[b] == y[rows].sum()
    assert [c.get_text() for c in display.counts_] == [f"{n:.0f}" for n in display.n_events]
    low, high = np.array([s[:, 1] for s in display.dots_.lines[2][0].get_segments()]).T
    for b in range(5):
        wilson = stats.binomtest(int(display.n_events[b]), 200).proportion_ci(method="wilson")
        assert_allclose([low[b], high[b]], [wilson.low, wilson.high], rtol=1e-9)


def test_calibration_weights_are_counts_and_ties_share_a_bin():
    rng = np.random.default_rng(1)
    p, y, w = rng.uniform(size=200).round(1), rng.integers(0, 2, 200), rng.integers(0, 4, 200)
    weighted = RareClassCalibrationDisplay.from_predictions(y, p, sample_weight=w, n_bins=4)
    repeated = RareClassCalibrationDisplay.from_predictions(
        np.repeat(y, w), np.repeat(p, w), n_bins=4
    )
    assert_allclose(weighted.prob_true, repeated.prob_true)
    assert_allclose(weighted.n_rows, repeated.n_rows)
    shuffle = rng.permutation(200)
    again = RareClassCalibrationDisplay.from_predictions(
        y[shuffle], p[shuffle], sample_weight=w[shuffle], n_bins=4
    )
    assert_allclose(again.prob_true, weighted.prob_true)
    constant = RareClassCalibrationDisplay.from_predictions(y, np.full(200, 0.5))
    assert constant.n_rows.tolist() == [200]


def test_calibration_of_an_estimator_is_that_of_its_last_class():
    X, y = make()
    names = np.array(["none", "some", "much", "all"])
    model = PrestoClassifier(class_order=names).fit(X, names[y])
    display = RareClassCalibrationDisplay.from_estimator(model, X, names[y], n_bins=4, log=True)
    p = model.predict_exceedance(X)[:, -1]
    expected = RareClassCalibrationDisplay.from_predictions(names[y], p, pos_label="all", n_bins=4)
    assert_allclose(display.prob_true, expected.prob_true)
    assert_allclose(display.prob_pred, expected.prob_pred)
    assert display.ax_.get_xlabel().endswith("class all")
    assert display.ax_.get_legend().get_texts()[0].get_text() == "PrestoClassifier"
    display.figure_.canvas.draw()
