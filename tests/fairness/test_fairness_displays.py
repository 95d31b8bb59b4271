"""The plots of dependence and its price: what they hold, and what they draw."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
matplotlib.use("Agg")
pd = pytest.importorskip("pandas", reason="attributes come in frames")

from matplotlib import pyplot  # noqa: E402
from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.dummy import DummyRegressor  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from skweight.fairness import (  # noqa: E402
    ConditionalMeanDisplay,
    DistanceCovarianceRegressor,
    DistanceCovarianceRegressorCV,
    FairnessFrontierDisplay,
    GroupDistributionDisplay,
    fairness_path,
)
from skweight.metrics import conditional_mean_curve, js_divergence_score  # noqa: E402

STRENGTHS = [0, 1, 3, 10, 30, 100]
LOSS = np.array([0.600, 0.601, 0.605, 0.620, 0.660, 0.690])
UNFAIRNESS = np.array([1.0, 0.8, 0.5, 0.2, 0.05, 0.0])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def texts(artists):
    return [artist.get_text() for artist in artists]


def boxes_of(display, artists):
    display.figure_.canvas.draw()
    renderer = display.figure_.canvas.get_renderer()
    return [artist.get_window_extent(renderer) for artist in artists]


def overlap(boxes):
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


# ---- frontier ----------------------------------------------------------------------------------


def test_frontier_shows_points_strengths_and_the_chosen_one():
    display = FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS, STRENGTHS, chosen=10)
    assert_array_equal(display.line_.get_xdata(), UNFAIRNESS)
    assert_array_equal(display.line_.get_ydata(), LOSS)
    assert display.mark_.get_xydata().tolist() == [[0.2, 0.62]]
    assert texts(display.labels_) == ["0", "1", "3", "10", "30", "100"]
    assert texts(display.ax_.get_legend().get_texts()) == ["chosen: fairness_alpha = 10"]
    assert display.bars_ is None
    boxes = boxes_of(display, [*display.labels_, display.ax_.get_legend()])
    assert not overlap(boxes)
    dots = display.ax_.transData.transform(display.line_.get_xydata())
    assert not any(box.count_contains(dots) for box in boxes)


def test_frontier_over_folds_has_means_and_standard_errors():
    rng = np.random.default_rng(0)
    loss, unfairness = rng.normal(size=(2, 6, 5))
    display = FairnessFrontierDisplay.from_points(loss, unfairness, STRENGTHS)
    assert_array_equal(display.line_.get_ydata(), loss.mean(axis=1))
    assert_allclose(display.loss_error, loss.std(axis=1, ddof=1) / np.sqrt(5))
    vertical = display.bars_.lines[2][1].get_segments()
    for i, segment in enumerate(vertical):
        ends = loss[i].mean() + display.loss_error[i] * np.array([-1, 1])
        assert_allclose(segment[:, 1], ends)
    alone = FairnessFrontierDisplay.from_points(loss[:, :1], unfairness[:, :1], STRENGTHS)
    assert alone.bars_ is None


def test_frontiers_side_by_side_in_one_axes():
    one = FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS, STRENGTHS, name="ccdcov")
    two = FairnessFrontierDisplay.from_points(
        LOSS + 0.01, UNFAIRNESS, STRENGTHS, name="sum", chosen=3, ax=one.ax_
    )
    assert two.figure_ is one.figure_
    assert one.line_.get_color() != two.line_.get_color()
    assert one.line_.get_marker() != two.line_.get_marker()
    legend = texts(one.ax_.get_legend().get_texts())
    assert legend == ["ccdcov", "sum", "chosen: fairness_alpha = 3"]
    assert not overlap(boxes_of(two, two.labels_))


def test_crowded_labels_are_left_out_but_not_the_chosen_one_and_the_ends():
    alphas = np.arange(60)
    near, loss = 1 - alphas * 1e-4, 1 + alphas * 1e-4
    near[-1], loss[-1] = 0, 2
    display = FairnessFrontierDisplay.from_points(loss, near, alphas, chosen=30)
    shown = texts(display.labels_)
    assert len(shown) < 20
    assert {"0", "30", "59"} <= set(shown)
    assert not overlap(boxes_of(display, display.labels_))


def test_labels_in_a_subfigure_and_for_vector_files(tmp_path):
    figure = pyplot.figure()
    ax = figure.subfigures(1, 2)[1].subplots()
    display = FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS, STRENGTHS, ax=ax)
    assert len(display.labels_) == 6
    pyplot.switch_backend("svg")
    try:
        display = FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS, STRENGTHS)
        assert len(display.labels_) == 6
        display.figure_.savefig(tmp_path / "frontier.svg")
    finally:
        pyplot.switch_backend("agg")


def test_frontier_on_a_logarithmic_axis_leaves_out_what_is_not_above_0():
    display = FairnessFrontierDisplay.from_points(
        LOSS, UNFAIRNESS, STRENGTHS, chosen=100, xscale="log"
    )
    assert np.isnan(display.line_.get_xdata()).tolist() == [False] * 5 + [True]
    assert texts(display.labels_) == ["0", "1", "3", "10", "30"]
    display.figure_.canvas.draw()


def test_frontier_of_a_path():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    S = {"sex": np.where(X[:, 0] + rng.normal(size=300) > 0, "F", "M"), "age": X[:, 1]}
    y = X.sum(axis=1) + rng.normal(size=300)
    held_out = {name: values[200:] for name, values in S.items()}
    path = fairness_path(
        DistanceCovarianceRegressor(),
        X[:200],
        y[:200],
        [0, 1, 5],
        sensitive_features={name: values[:200] for name, values in S.items()},
        X_val=X[200:],
        y_val=y[200:],
        sensitive_features_val=held_out,
        min_group_size=5,
    )
    display = FairnessFrontierDisplay.from_path(path, chosen=5)
    assert_array_equal(display.line_.get_xdata(), path.dependence)
    assert_array_equal(display.line_.get_ydata(), path.loss)
    assert display.ax_.get_xlabel().startswith("held-out dependence on the attributes")
    assert display.ax_.get_ylabel() == "held-out loss"
    for x, values in {
        "dependence_sex": path.dependence_by_attribute["sex"],
        "js_divergence": path.js_divergence,
        "variance_ratio": path.variance_ratio,
        "ks_gap": path.ks_gap,
    }.items():
        shown = FairnessFrontierDisplay.from_path(path, x=x)
        assert_array_equal(shown.line_.get_xdata(), values)
    with pytest.raises(ValueError, match=r"x must be one of .*'dependence_age'.*, got 'n_iter'"):
        FairnessFrontierDisplay.from_path(path, x="n_iter")
    trained = SimpleNamespace(**vars(path) | {"measured_on": "training"})
    assert FairnessFrontierDisplay.from_path(trained).ax_.get_ylabel() == "training loss"


def test_frontier_of_a_cross_validated_choice():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    s = X[:, 0] + rng.normal(size=200)
    y = X.sum(axis=1) + rng.normal(size=200)
    model = DistanceCovarianceRegressorCV(fairness_alphas=(1, 30, 100), cv=3)
    pipe = make_pipeline(StandardScaler(), model)
    pipe.fit(X, y, distancecovarianceregressorcv__sensitive_features=s)
    fitted = pipe[-1]
    display = FairnessFrontierDisplay.from_estimator(pipe)
    assert_array_equal(display.line_.get_xdata(), fitted.unfairness_path_.mean(axis=1))
    assert_array_equal(display.line_.get_ydata(), fitted.loss_path_.mean(axis=1))
    assert display.fairness_alphas[display.chosen] == fitted.fairness_alpha_
    assert display.bars_ is not None
    assert display.ax_.get_xlabel().startswith("held-out dependence on the attributes")
    fitted.set_params(unfairness="ks")
    named = FairnessFrontierDisplay.from_estimator(fitted).ax_.get_xlabel()
    assert named.startswith("held-out largest Kolmogorov-Smirnov gap")


def test_frontier_bad_input():
    points = LOSS, UNFAIRNESS, STRENGTHS
    with pytest.raises(ValueError, match=r"chosen must be one of fairness_alphas.*got 7"):
        FairnessFrontierDisplay.from_points(*points, chosen=7)
    with pytest.raises(ValueError, match="loss must have a value, or a row of folds, for each of"):
        FairnessFrontierDisplay.from_points(LOSS[:3], UNFAIRNESS, STRENGTHS)
    with pytest.raises(ValueError, match="unfairness must have a value"):
        FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS[None], STRENGTHS)
    with pytest.raises(ValueError, match="fairness_alphas must be a list of at least one"):
        FairnessFrontierDisplay.from_points([], [], [])
    with pytest.raises(ValueError, match="xscale must be 'linear' or 'log'"):
        FairnessFrontierDisplay.from_points(*points, xscale="symlog")
    with pytest.raises(TypeError, match="estimator must be a fitted DistanceCovarianceRegressorCV"):
        FairnessFrontierDisplay.from_estimator(LinearRegression().fit([[0.0], [1.0]], [0, 1]))


# ---- groups ------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
SEX = np.repeat(["F", "M", "X"], [400, 350, 12])
AGE = RNG.integers(18, 80, 762)
SCORE = RNG.normal(size=762) + (SEX == "M")
LATER = RNG.normal(size=762)


def density(points, y, weight, width):
    """Return a kernel density that has the area 1 over the points."""
    heights = norm.pdf((points[:, None] - y) / width) @ weight
    return heights / (heights.sum() * (points[1] - points[0]))


def test_groups_have_densities_of_one_width():
    weight = RNG.integers(1, 4, 762)
    display = GroupDistributionDisplay.from_predictions(
        LATER, SEX, y_pred_before=SCORE, sample_weight=weight
    )
    assert display.groups == ["F", "M"]
    assert display.rows.tolist() == [400, 350]
    assert display.left_out == {"X": 12}
    assert list(display.panels) == ["before", "after"]
    for panel, lines, y in zip(
        display.panels.values(), display.lines_, (SCORE, LATER), strict=True
    ):
        details = js_divergence_score(y, SEX, sample_weight=weight, return_details=True)
        assert panel.bandwidth == details.bandwidth
        assert panel.divergence == details.value
        assert (panel.points[0], panel.points[-1]) == (y.min(), y.max())
        for group, line in zip("FM", lines, strict=True):
            rows = group == SEX
            expected = density(panel.points, y[rows], weight[rows], panel.bandwidth)
            assert_allclose(line.get_ydata(), expected, atol=1e-7)
        assert_allclose(panel.overall, density(panel.points, y, weight, panel.bandwidth), atol=1e-7)
    legend = texts(display.axes_[1].get_legend().get_texts())
    assert legend == ["F (400)", "M (350)", "all rows", "too few rows for a curve:", "  X (12)"]
    display.figure_.canvas.draw()


def test_panels_share_values_and_not_densities():
    display = GroupDistributionDisplay.from_predictions(
        LATER / 10, SEX, y_pred_before=SCORE, names=("plain", "penalised")
    )
    left, right = display.axes_
    assert left.get_xlim() == right.get_xlim()
    assert right.get_ylim()[1] > 5 * left.get_ylim()[1]
    assert left.get_title(loc="left").startswith("plain\ndivergence 0.")
    boxes = boxes_of(display, [left, right, right.get_legend()])
    assert not overlap(boxes)
    whole = display.figure_.bbox
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 for box in boxes)


def test_intersections_have_names_and_a_legend_that_fits():
    S = {"sex": SEX, "age": AGE, "urban": AGE % 2}
    display = GroupDistributionDisplay.from_predictions(SCORE, S, n_bins=3)
    assert len(display.groups) == 12
    assert display.groups[0] == "F, age [18, 39], urban 0"
    assert sum(display.left_out.values()) == 12
    legend = display.axes_[0].get_legend()
    names = texts(legend.get_texts())
    assert len(names) == 12 + 2 + len(display.left_out)
    (box,) = boxes_of(display, [legend])
    assert box.y0 >= 0
    assert box.y1 <= display.figure_.bbox.y1
    styles = {(line.get_color(), line.get_linestyle()) for line in display.lines_[0]}
    assert len(styles) == 12


def test_many_small_groups_are_counted():
    many = np.concatenate([["big"] * 100, [f"small {i:02d}" for i in range(30)]])
    display = GroupDistributionDisplay.from_predictions(RNG.normal(size=130), many)
    names = texts(display.axes_[0].get_legend().get_texts())
    assert names[-2:] == ["  small 04 (1)", "  and 25 more"]
    assert len(display.left_out) == 30


def test_constant_predictions_are_a_line():
    display = GroupDistributionDisplay.from_predictions(np.full(762, 0.3), SEX, y_pred_before=SCORE)
    (line,) = display.lines_[1]
    assert line.get_xdata()[0] == 0.3
    assert display.axes_[1].get_title(loc="left") == "after\nconstant predictions"
    display.figure_.canvas.draw()


def test_groups_of_estimators():
    X = np.column_stack([SEX == "M", RNG.normal(size=762)]).astype(float)
    label = np.where(X.sum(axis=1) + RNG.normal(size=762) > 0, "yes", "no")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, label)
    display = GroupDistributionDisplay.from_estimator(model, X, SEX)
    y = model.predict_proba(X)[:, 1]
    assert display.panels["after"].divergence == js_divergence_score(y, SEX)
    assert display.axes_[0].get_xlabel() == "predicted probability of yes"
    other = GroupDistributionDisplay.from_estimator(model, X, SEX, pos_label="no")
    assert_allclose(other.panels["after"].points[0], 1 - y.max())
    mean = DummyRegressor().fit(X, X[:, 0])
    both = GroupDistributionDisplay.from_estimator(mean, X, SEX, before=Ridge().fit(X, X[:, 0]))
    assert len(both.axes_) == 2
    with pytest.raises(ValueError, match="pos_label must be None for a regressor"):
        GroupDistributionDisplay.from_estimator(mean, X, SEX, pos_label=1)
    with pytest.raises(ValueError, match=r"pos_label must be one of the classes .*'yes'.*got 'y'"):
        GroupDistributionDisplay.from_estimator(model, X, SEX, pos_label="y")
    three = LogisticRegression().fit(X, np.arange(762) % 3)
    with pytest.raises(ValueError, match="pos_label must name one of the 3 classes"):
        GroupDistributionDisplay.from_estimator(three, X, SEX)


def test_groups_bad_input():
    with pytest.raises(ValueError, match="min_group_size=1000 leaves no group to show"):
        GroupDistributionDisplay.from_predictions(SCORE, SEX, min_group_size=1000)
    with pytest.raises(ValueError, match="names must be two different titles"):
        GroupDistributionDisplay.from_predictions(SCORE, SEX, names=("a", "a"))
    with pytest.raises(ValueError, match="bandwidth=0: want 'scott' or a number above 0"):
        GroupDistributionDisplay.from_predictions(SCORE, SEX, bandwidth=0)
    with pytest.raises(ValueError, match="sensitive_features has 10 rows"):
        GroupDistributionDisplay.from_predictions(SCORE, SEX[:10])


# ---- conditional means -------------------------------------------------------------------------


def test_conditional_means_of_several_models():
    weight = RNG.integers(1, 4, 762)
    models = {"one": SCORE, "two": LATER}
    display = ConditionalMeanDisplay.from_predictions(models, AGE, n_bins=6, sample_weight=weight)
    for (name, y), line, mean, bar in zip(
        models.items(), display.lines_, display.means_, display.bands_, strict=True
    ):
        curve = conditional_mean_curve(y, AGE, 6, weight)
        assert_array_equal(line.get_xdata(), curve.centres)
        assert_array_equal(line.get_ydata(), curve.means)
        assert display.overall[name] == np.average(y, weights=weight)
        assert mean.get_ydata()[0] == display.overall[name]
        ends = np.array(bar.lines[2][0].get_segments())[:, :, 1]
        assert_allclose(ends[:, 1] - ends[:, 0], 4 * curve.standard_errors)
    assert texts(display.ax_.get_legend().get_texts()) == ["one", "two"]
    assert len({line.get_color() for line in display.lines_}) == 2
    display.figure_.canvas.draw()


def test_quartiles_are_those_of_repeated_rows_in_the_bins_of_the_curve():
    weight = RNG.integers(0, 4, 762)
    display = ConditionalMeanDisplay.from_predictions(
        SCORE, AGE, n_bins=4, sample_weight=weight, band="quartiles"
    )
    edges = display.curves["prediction"].edges
    for k in range(4):
        inside = (edges[k] < AGE) | ((k == 0) & (edges[0] == AGE))
        inside &= edges[k + 1] >= AGE
        values = np.repeat(SCORE[inside], weight[inside])
        expected = np.quantile(values, [0.25, 0.75], method="inverted_cdf")
        assert_array_equal(display.quartiles["prediction"][:, k], expected)
    assert len(display.bands_) == 1
    assert display.plot(band=None).bands_ == []


def test_conditional_means_of_estimators_and_outcomes():
    X = pd.DataFrame({"age": AGE, "noise": RNG.normal(size=762)})
    label = RNG.integers(0, 2, 762)
    model = LogisticRegression().fit(X, label)
    display = ConditionalMeanDisplay.from_estimator({"logistic": model}, X, "age", label, n_bins=5)
    assert list(display.curves) == ["logistic", "observed"]
    assert_array_equal(
        display.curves["logistic"].means,
        conditional_mean_curve(model.predict_proba(X)[:, 1], AGE, 5).means,
    )
    assert_array_equal(
        display.curves["observed"].means, conditional_mean_curve(label, AGE, 5).means
    )
    assert display.lines_[1].get_color() == "black"
    assert display.ax_.get_xlabel() == "age"
    assert display.ax_.get_ylabel() == "mean predicted probability of 1"
    plain = Ridge().fit(X.to_numpy(), label)
    by_number = ConditionalMeanDisplay.from_estimator(plain, X.to_numpy(), 0, name="ridge")
    assert by_number.ax_.get_xlabel() == "feature 0"
    assert list(by_number.curves) == ["ridge"]
    apart = ConditionalMeanDisplay.from_estimator(plain, X.to_numpy(), pd.Series(AGE, name="years"))
    assert apart.ax_.get_xlabel() == "years"
    assert list(apart.curves) == ["Ridge"]


def test_conditional_means_bad_input():
    with pytest.raises(ValueError, match="band must be one of"):
        ConditionalMeanDisplay.from_predictions(SCORE, AGE, band="sd")
    with pytest.raises(ValueError, match="s has 10 rows and y_pred 762"):
        ConditionalMeanDisplay.from_predictions(SCORE, AGE[:10])
    with pytest.raises(ValueError, match="y_pred must have at least one entry"):
        ConditionalMeanDisplay.from_predictions({}, AGE)
    with pytest.raises(ValueError, match="name must be None where y_pred is a dict"):
        ConditionalMeanDisplay.from_predictions({"a": SCORE}, AGE, name="b")
    display = ConditionalMeanDisplay.from_predictions(SCORE, AGE)
    with pytest.raises(ValueError, match="band='quartiles' needs a display made with"):
        display.plot(band="quartiles")
    model = Ridge().fit(AGE[:, None], SCORE)
    with pytest.raises(ValueError, match=r"attribute must name a column of X.*got 'age'"):
        ConditionalMeanDisplay.from_estimator(model, AGE[:, None], "age")


# ---- all of them -------------------------------------------------------------------------------


def test_given_axes_are_used():
    figure, axes = pyplot.subplots(2, 2)
    made = [
        FairnessFrontierDisplay.from_points(LOSS, UNFAIRNESS, STRENGTHS, ax=axes[0, 0]),
        GroupDistributionDisplay.from_predictions(SCORE, SEX, ax=axes[0, 1]),
        ConditionalMeanDisplay.from_predictions(SCORE, AGE, ax=axes[1, 0]),
        GroupDistributionDisplay.from_predictions(LATER, SEX, y_pred_before=SCORE, ax=axes[1, 1]),
    ]
    for display, ax in zip(made, axes.ravel()[[0, 1, 2, 3]], strict=True):
        assert display.ax_ is ax
        assert display.figure_ is figure
    assert all(panel.figure is figure for panel in made[3].axes_)
    figure.canvas.draw()


def test_unfitted_estimators_are_refused():
    class Unfitted(BaseEstimator):
        def fit(self, X, y):
            return self

    for call in (
        lambda: GroupDistributionDisplay.from_estimator(Ridge(), AGE[:, None], SEX),
        lambda: ConditionalMeanDisplay.from_estimator(Ridge(), AGE[:, None], 0),
        lambda: FairnessFrontierDisplay.from_estimator(Unfitted()),
    ):
        with pytest.raises(ValueError, match="not fitted"):
            call()
