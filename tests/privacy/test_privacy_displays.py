"""The plots of the privacy room: what they hold, and what they draw."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.neighbors import KernelDensity  # noqa: E402

from skweight.privacy import (  # noqa: E402
    BudgetDisplay,
    BudgetExceededError,
    PrivacyAccountant,
    PrivacyErrorDisplay,
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateSimilarityClassifier,
    ReleasedDensityDisplay,
)

# Noise of these tests is seeded, so that they can be repeated.
pytestmark = pytest.mark.filterwarnings(
    "ignore:random_state seeds:skweight.privacy.PrivacyLeakWarning"
)
RNG = np.random.default_rng(0)
X = RNG.beta(2, 5, size=(400, 2))
Y = RNG.uniform(size=(15, 2))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def texts(artists):
    return [artist.get_text() for artist in artists]


# ---- error against epsilon


def test_error_is_the_root_of_the_mean_square_over_queries():
    exact = np.array([2.0, 6.0])
    answers = exact + np.array([[[3.0, 4.0], [0.0, 0.0]], [[0.1, -0.1], [0.2, 0.2]]])
    deviations = [[3.0, 4.0], [0.1, 0.1]]
    display = PrivacyErrorDisplay.from_results([1, 10], answers, exact, deviations)
    expected = np.array([[np.sqrt(12.5), 0], [0.1, 0.2]]) / 4
    assert_allclose(display.errors, expected)
    assert_allclose(display.predicted, [np.sqrt(12.5) / 4, 0.1 / 4])
    assert_allclose(display.dots_.get_ydata(), expected.ravel())
    assert_array_equal(display.dots_.get_xdata(), [1, 1, 10, 10])
    assert_allclose(display.line_.get_xydata(), [[1, np.sqrt(12.5) / 4], [10, 0.025]])
    assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")
    legend = texts(display.ax_.get_legend().get_texts())
    assert legend == ["releases", "predicted from the noise alone"]
    absolute = PrivacyErrorDisplay.from_results([1, 10], answers, exact, relative=False)
    assert_allclose(absolute.errors, expected * 4)
    assert absolute.line_ is None
    assert absolute.ax_.get_ylabel() == "error of answers"
    display.figure_.canvas.draw()


def _power(metric, p):
    difference = np.abs(Y[:, None] - X[None])
    if metric in ("manhattan", "minkowski_power"):
        return (difference ** (p or {"manhattan": 1, "minkowski_power": 2}[metric])).sum((1, 2))
    square = (difference**2).sum(axis=2)
    return (square if metric == "sqeuclidean" else np.sqrt(square)).sum(axis=1)


@pytest.mark.parametrize(
    ("metric", "p"),
    [("manhattan", None), ("manhattan", 1.5), ("minkowski_power", None), ("minkowski_power", 3.0),
     ("sqeuclidean", None), ("euclidean", None)],
)  # fmt: skip
def test_exact_distance_sums_and_releases_of_every_metric(metric, p):
    model = PrivateDistanceSum(metric, p, bounds=(0, 1), random_state=0, n_projections=8)
    display = PrivacyErrorDisplay.from_estimator(
        model, X, Y, epsilons=[0.5, 2], n_releases=4, relative=False
    )
    for epsilon, errors, predicted in zip((0.5, 2), display.errors, display.predicted, strict=True):
        seeds = np.random.RandomState(0)
        for error in errors:
            again = PrivateDistanceSum(
                metric, p, epsilon=epsilon, bounds=(0, 1), n_projections=8,
                random_state=seeds.randint(2**31 - 1),
            ).fit(X)  # fmt: skip
            wrong = again.distance_sum(Y) - _power(metric, p)
            assert_allclose(error, np.sqrt((wrong**2).mean()), rtol=1e-9)
        assert_allclose(predicted, np.sqrt((again.standard_error(Y) ** 2).mean()))
    assert len(np.unique(display.errors)) == 8  # every release has noise of its own


def test_releases_scatter_as_predicted():
    """The mean square of many releases is that of the line; half of the noise would be found."""
    display = PrivacyErrorDisplay.from_estimator(
        PrivateDistanceSum(bounds=(0, 1), random_state=0, depth=10),
        X, Y, epsilons=[0.1, 1], n_releases=150,
    )  # fmt: skip
    found = np.sqrt((display.errors**2).mean(axis=1))
    assert_allclose(found, display.predicted, rtol=0.25)


def test_kernels_and_classes_have_exact_answers_too():
    kernels = PrivateKernelDensity(bandwidth=0.3, bounds=(0, 1), n_features=64, random_state=0)
    shown = PrivacyErrorDisplay.from_estimator(
        kernels, X, Y, epsilons=[1], n_releases=2, relative=False
    )
    square = ((Y[:, None] - X[None]) ** 2).sum(axis=2)
    exact = np.exp(-square / (2 * 0.3**2)).sum(axis=1)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    answers = kernels.set_params(random_state=seed).fit(X).kernel_sum(Y)
    assert_allclose(shown.errors[0, 0], np.sqrt(((answers - exact) ** 2).mean()))

    y = np.where(X[:, 0] > 0.3, "b", "a")
    classes = PrivateSimilarityClassifier(bounds=(0, 1), classes=["a", "b"], random_state=0)
    shown = PrivacyErrorDisplay.from_estimator(
        classes, X, Y, y, epsilons=[1e4], n_releases=1, relative=False
    )
    # Hardly any noise is left, nor any other error but that of rounding.
    assert shown.errors[0, 0] < 5 * shown.predicted[0] < 0.01
    with pytest.raises(ValueError, match="y must be given, the labels of X"):
        PrivacyErrorDisplay.from_estimator(
            _classifier_that_ignores_labels(y), X, Y, epsilons=[1], n_releases=1
        )


def _classifier_that_ignores_labels(y):
    class Labelled(PrivateSimilarityClassifier):
        def fit(self, X, unused=None):
            return super().fit(X, y)

    return lambda epsilon: Labelled(bounds=(0, 1), classes=["a", "b"])


def test_a_function_may_change_more_than_epsilon():
    made = []

    def factory(epsilon):
        made.append(epsilon)
        return PrivateDistanceSum(
            epsilon=epsilon, delta=1e-6 * epsilon, bounds=(0, 1), random_state=len(made)
        )

    display = PrivacyErrorDisplay.from_estimator(factory, X, Y, epsilons=[0.2, 1], n_releases=2)
    assert made == [0.2, 0.2, 1, 1]
    assert len(np.unique(display.errors)) == 4


def test_other_answers_need_exact_ones_and_have_no_line():
    model = PrivateDistanceSum(bounds=(0, 1), random_state=0)
    exact = _power("manhattan", None) / len(X)
    display = PrivacyErrorDisplay.from_estimator(
        model, X, Y, epsilons=[1], n_releases=2, answer="distance_mean", exact=exact
    )
    assert display.line_ is None
    assert (display.errors < 0.2).all()
    with pytest.raises(ValueError, match="exact must be given with answer='distance_mean'"):
        PrivacyErrorDisplay.from_estimator(model, X, Y, answer="distance_mean")


def test_releases_are_paid_for():
    accountant = PrivacyAccountant(epsilon=3.0)
    model = PrivateDistanceSum(bounds=(0, 1), accountant=accountant, random_state=0)
    PrivacyErrorDisplay.from_estimator(model, X, Y, epsilons=[0.25, 0.5], n_releases=4)
    assert accountant.spent == (3.0, 0.0)
    with pytest.raises(BudgetExceededError):
        PrivacyErrorDisplay.from_estimator(model, X, Y, epsilons=[0.25], n_releases=1)


def test_errors_of_several_estimators_in_one_axes():
    one = PrivacyErrorDisplay.from_results([0.1, 1], np.ones((2, 3, 4)), np.zeros(4), name="one",
                                           relative=False)  # fmt: skip
    two = PrivacyErrorDisplay.from_results(
        [0.3, 1], 2 * np.ones((2, 1, 4)), np.zeros(4), np.ones((2, 4)), name="two",
        relative=False, ax=one.ax_,
    )  # fmt: skip
    assert two.figure_ is one.figure_
    assert one.dots_.get_color() != two.dots_.get_color() == two.line_.get_color()
    assert one.dots_.get_marker() != two.dots_.get_marker()
    assert_allclose(one.ax_.get_xticks(), [0.1, 0.3, 1])
    legend = texts(one.ax_.get_legend().get_texts())
    assert legend == ["one", "two", "two, predicted from the noise alone"]
    one.figure_.canvas.draw()


def test_error_bad_input():
    answers, exact = np.ones((2, 3, 4)), np.ones(4)
    with pytest.raises(ValueError, match="epsilons must be a list of at least one number"):
        PrivacyErrorDisplay.from_results([0, 1], answers, exact)
    with pytest.raises(ValueError, match=r"answers must have the shape .* got \(2, 3, 4\)"):
        PrivacyErrorDisplay.from_results([1, 2, 3], answers, exact)
    with pytest.raises(ValueError, match="answers must have the shape"):
        PrivacyErrorDisplay.from_results([1, 2], answers, exact[:3])
    with pytest.raises(ValueError, match=r"standard_errors must have the shape \(2, 4\)"):
        PrivacyErrorDisplay.from_results([1, 2], answers, exact, np.ones((4, 2)))
    with pytest.raises(ValueError, match="relative must be False where all exact answers are 0"):
        PrivacyErrorDisplay.from_results([1, 2], answers, np.zeros(4))
    with pytest.raises(ValueError, match="n_releases must be at least 1, got 0"):
        PrivacyErrorDisplay.from_estimator(PrivateDistanceSum(), X, Y, n_releases=0)
    with pytest.raises(TypeError, match="one of the methods distance_sum, kernel_sum"):
        PrivacyErrorDisplay.from_estimator(lambda epsilon: LinearRegression(), X, Y, X[:, 0])


# ---- released density

LINE = X[:, :1]


def density_model(**parameters):
    given = {"bandwidth": 0.05, "epsilon": 1.0, "bounds": (0, 1), "random_state": 0}
    return PrivateKernelDensity(**given | parameters).fit(LINE)


def test_density_is_that_of_the_release_beside_that_of_scikit_learn():
    model = density_model()
    display = ReleasedDensityDisplay.from_estimator(model, LINE)
    points = display.points[:, None]
    assert (points[0, 0], points[-1, 0]) == (0, 1)
    exact = KernelDensity(bandwidth=0.05).fit(LINE).score_samples(points)
    assert_allclose(display.exact, np.exp(exact), rtol=1e-9)
    unit = norm.pdf(0) / 0.05
    assert_allclose(display.density, np.maximum(model.kernel_mean(points), 0) * unit)
    assert_allclose(display.error, model.standard_error(points) / model.noisy_n_ * unit)
    high = np.exp(model.score_samples(points)) > display.error * (1 + 1e-9)
    assert high.mean() > 0.5
    assert_allclose(display.density[high], np.exp(model.score_samples(points))[high])
    band = display.band_.get_paths()[0].vertices[:, 1]
    assert_allclose(band.max(), (display.density + 2 * display.error).max())
    assert band.min() == 0
    legend = texts(display.ax_.get_legend().get_texts())
    assert legend == [
        "two standard errors of the noise", "released, epsilon 1", "exact, not private",
    ]  # fmt: skip
    display.figure_.canvas.draw()


def test_most_of_the_exact_density_is_in_the_band():
    inside = []
    for seed in range(30):
        shown = ReleasedDensityDisplay.from_estimator(density_model(random_state=seed), LINE)
        inside.append(np.abs(shown.density - shown.exact) < 2 * shown.error)
        pyplot.close(shown.figure_)
    assert 0.85 < np.mean(inside) < 0.995


def test_without_rows_nothing_exact_is_drawn():
    display = ReleasedDensityDisplay.from_estimator(
        density_model(), limits=(-1, 2), grid_resolution=7, name="mine"
    )
    assert display.exact is display.exact_ is None
    assert_allclose(display.points, [-1, -0.5, 0, 0.5, 1, 1.5, 2])
    assert display.ax_.get_xlim() == (-1, 2)
    assert "mine" in texts(display.ax_.get_legend().get_texts())


@pytest.mark.parametrize("kernel", ["exponential", "rational_sqeuclidean", "rational_manhattan"])
def test_densities_of_other_kernels(kernel):
    display = ReleasedDensityDisplay.from_estimator(density_model(kernel=kernel), LINE)
    t = np.abs(display.points[:, None] - LINE[:, 0]) / 0.05
    expected = {
        "exponential": np.exp(-t) / (2 * 0.05),
        "rational_sqeuclidean": 1 / (1 + t**2) / (np.pi * 0.05),
        "rational_manhattan": 1 / (1 + t),
    }[kernel]
    assert_allclose(display.exact, expected.mean(axis=1), rtol=1e-9)
    endless = kernel == "rational_manhattan"
    assert display.ax_.get_ylabel() == ("mean kernel" if endless else "density")


def test_names_of_frames_and_several_releases_in_one_axes(recwarn):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(LINE, columns=["income"])
    given = {"bandwidth": 0.05, "bounds": (0, 1), "random_state": 0}
    one = ReleasedDensityDisplay.from_estimator(PrivateKernelDensity(**given).fit(frame), frame)
    assert one.ax_.get_xlabel() == "income"
    assert not [each for each in recwarn if "feature names" in str(each.message)]
    two = ReleasedDensityDisplay.from_estimator(density_model(epsilon=0.1), ax=one.ax_)
    assert one.line_.get_color() != two.line_.get_color()
    legend = texts(one.ax_.get_legend().get_texts())
    assert legend.count("two standard errors of the noise") == 1
    assert legend[-1] == "released, epsilon 0.1"


def test_density_bad_input():
    model = PrivateKernelDensity(bounds=(0, 1), random_state=0)
    with pytest.raises(NotFittedError):
        ReleasedDensityDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="must be fitted to one feature, got 2"):
        ReleasedDensityDisplay.from_estimator(model.fit(X))
    with pytest.raises(TypeError, match="must be a PrivateKernelDensity, got PrivateDistanceSum"):
        ReleasedDensityDisplay.from_estimator(PrivateDistanceSum())
    with pytest.raises(ValueError, match="grid_resolution must be at least 2, got 1"):
        ReleasedDensityDisplay.from_estimator(density_model(), grid_resolution=1)
    with pytest.raises(ValueError, match="needs the number of rows"):
        ReleasedDensityDisplay.from_estimator(density_model(algorithm="features", count_share=0.0))


# ---- budget


def widths(bars):
    return [bar.get_width() for bar in bars]


def test_budget_is_a_staircase_of_epsilon_and_delta():
    accountant = PrivacyAccountant(epsilon=2.0, delta=1e-5)
    accountant.reserve(0.5, 1e-6, mechanism="gaussian", label="survey")
    for _ in range(3):
        accountant.reserve(0.2, label="census")
    accountant.reserve(0.2, mechanism="laplace")
    display = BudgetDisplay.from_accountant(accountant)
    assert display.labels == [
        "survey (epsilon 0.5, delta 1e-06)", "3 x census (epsilon 0.2 each)",
        "laplace (epsilon 0.2)",
    ]  # fmt: skip
    assert_allclose(widths(display.bars_["epsilon"]), [25, 30, 10])
    assert_allclose([bar.get_x() for bar in display.bars_["epsilon"]], [0, 25, 55], atol=1e-9)
    assert_allclose(widths(display.bars_["delta"]), [10, 0, 0], atol=1e-9)
    assert_allclose(display.remaining_["epsilon"].get_width(), 35)
    assert_allclose(display.remaining_["epsilon"].get_x(), 65)
    assert_allclose(display.remaining_["delta"].get_width(), 90)
    legend = texts(display.ax_.get_legend().get_texts())
    assert legend == ["epsilon: 1.3 of 2 spent", "delta: 1e-06 of 1e-05 spent"]
    rows = texts(display.ax_.get_yticklabels())
    assert rows == [*display.labels, "remains"]
    display.figure_.canvas.draw()
    box = display.ax_.get_legend().get_window_extent()
    assert box.x1 <= display.figure_.bbox.x1
    assert box.y1 <= display.figure_.bbox.y1


def test_a_budget_that_is_untouched_or_used_up():
    accountant = PrivacyAccountant(epsilon=1.0)
    display = BudgetDisplay.from_accountant(accountant)
    assert display.labels == []
    assert display.remaining_["epsilon"].get_width() == 100
    accountant.reserve(1.0)
    display = BudgetDisplay.from_accountant(accountant)
    assert display.remaining_["epsilon"].get_width() == 0
    assert set(display.bars_) == {"epsilon"}
    display.figure_.canvas.draw()


def test_zcdp_bars_are_what_a_release_added():
    accountant = PrivacyAccountant(epsilon=1.0, delta=1e-6, composition="zcdp")
    totals = [0.0]
    for k in range(4):
        accountant.reserve(0.1, 1e-7, mechanism="gaussian", label=f"release {k}")
        totals.append(accountant.spent[0])
    display = BudgetDisplay.from_accountant(accountant)
    assert_allclose(widths(display.bars_["epsilon"]), 100 * np.diff(totals))
    assert widths(display.bars_["epsilon"])[3] < 8  # less than its own 0.1
    (legend,) = texts(display.ax_.get_legend().get_texts())
    assert legend == f"epsilon at delta 1e-06: {totals[-1]:.4g} of 1 spent"


def test_many_releases_share_a_bar():
    accountant = PrivacyAccountant(epsilon=10.0)
    for k in range(50):
        accountant.reserve(0.1, label=f"release {k}")
    display = BudgetDisplay.from_accountant(accountant)
    assert len(display.labels) == 20
    assert display.labels[0] == "31 earlier releases"
    assert display.labels[-1] == "release 49 (epsilon 0.1)"
    assert_allclose(widths(display.bars_["epsilon"]), [31, *[1] * 19])
    assert_allclose(display.remaining_["epsilon"].get_width(), 50)


def test_estimators_name_themselves(tmp_path):
    accountant = PrivacyAccountant(epsilon=1.0, ledger=tmp_path / "ledger")
    PrivateDistanceSum(bounds=(0, 1), epsilon=0.4, accountant=accountant, random_state=0).fit(X)
    display = BudgetDisplay.from_accountant(accountant)
    assert display.labels == ["PrivateDistanceSum (epsilon 0.4)"]


def test_budget_bad_input():
    with pytest.raises(TypeError, match="accountant must be a PrivacyAccountant, got dict"):
        BudgetDisplay.from_accountant({})


# ---- all of them


def test_given_axes_are_used():
    figure, axes = pyplot.subplots(1, 3)
    made = [
        PrivacyErrorDisplay([1.0], [[0.1]]).plot(axes[0]),
        ReleasedDensityDisplay([0, 1], [1, 1]).plot(axes[1]),
        BudgetDisplay(["a"], [0.5], None, (1.0, 0.0)).plot(axes[2]),
    ]
    for display, ax in zip(made, axes, strict=True):
        assert display.ax_ is ax
        assert display.figure_ is figure
    figure.canvas.draw()
