"""Trees of counts against brute force: exactness, sensitivity, consistency, errors, budgets."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from skweight.privacy import PrivateDistanceSum, _tree_split
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SeededWords
from skweight.privacy._tree import (
    cell_indices,
    consistent_cells,
    distance_table,
    increasing_cells,
    interpolate,
    on_level,
    prefix_and_suffix,
    refined_variances,
)
from skweight.privacy._tree_error import (
    consistent_power_variance,
    consistent_variance,
    plain_variance,
)
from skweight.privacy._tree_offsets import offset_height, offsets_on_levels
from skweight.privacy._tree_plan import TreePlan
from skweight.privacy._tree_split import (
    CONSISTENT,
    Budget,
    check_division,
    coordinate_groups,
    divide,
    noise_variance,
)


def budget(epsilon=1.0, delta=0.0, copies=1, units=1):
    return Budget(epsilon, delta, "gaussian" if delta else "laplace", copies, units)


def released(plan, counts, total=None, noise=None):
    """Answer from given cells with given noise, by name of the part."""
    noisy = {part.name: on_level(counts, part.level) for part in plan.parts}
    for name, array in (noise or {}).items():
        noisy[name] = noisy[name] + array
    return plan.released(noisy, total)


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(_tree_split, "add_noise", lambda sums, mechanism, source: sums.copy())


# ---------------------------------------------------------------- without noise


def test_cells_hold_what_lies_in_them():
    x = np.array([0.0, 0.124, 0.125, 0.5, 0.999, 1.0])
    np.testing.assert_array_equal(cell_indices(x, 0.0, 1.0, 8), [0, 0, 1, 4, 7, 7])
    for dtype in (np.float32, np.float64):
        low, width = dtype(-3.1), dtype(7.7)
        inside = np.linspace(low, low + width, 10_001, dtype=dtype)
        cell = cell_indices(inside, low, width, 1 << 16)
        assert cell[0] == 0
        assert cell[-1] == (1 << 16) - 1
        assert (np.diff(cell) >= 0).all()


@pytest.mark.parametrize("consistency", [True, False])
@pytest.mark.parametrize("depth", [6, 10])
def test_without_noise_rows_in_the_middle_of_cells_are_exact(no_noise, depth, consistency):
    rng = np.random.default_rng(0)
    low, high = np.array([-1.0, 3.0]), np.array([1.0, 3.5])
    steps = rng.integers(0, 2**depth, size=(500, 2))
    X = low + (steps + 0.5) / 2**depth * (high - low)
    edges = rng.integers(0, 2**depth + 1, size=(100, 2))
    Y = low + edges / 2**depth * (high - low)
    model = PrivateDistanceSum(bounds=(low, high), depth=depth, consistency=consistency).fit(X)
    exact = [np.abs(X - y).sum() for y in Y]
    np.testing.assert_allclose(model.distance_sum(Y), exact, rtol=1e-9)
    assert model.noisy_n_ == pytest.approx(500, rel=1e-12)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
def test_without_noise_the_error_is_at_most_the_width_of_cells(no_noise, p):
    rng = np.random.default_rng(0)
    X = rng.beta(2, 5, size=(400, 1))
    X[:200] = np.floor(X[:200] * 64) / 64  # on left edges, which is worst
    Y = np.linspace(0, 1, 333)[:, None]
    exact = np.array([(np.abs(X - y) ** p).sum() for y in Y])
    for depth in (6, 8, 10):
        model = PrivateDistanceSum(p=p, bounds=(0, 1), depth=depth).fit(X)
        error = np.abs(model.distance_sum(Y) - exact)
        # Half a cell for rows and, between edges, no more than that for queries.
        assert error.max() <= len(X) * p / 2**depth
        edges = np.arange(2**depth + 1)[:, None] / 2**depth
        at_edges = np.array([(np.abs(X - y) ** p).sum() for y in edges])
        assert np.abs(model.distance_sum(edges) - at_edges).max() <= len(X) * p / 2 ** (depth + 1)


def test_without_noise_answers_are_convex_with_slopes_of_at_most_n(no_noise):
    X = np.random.default_rng(0).beta(2, 5, size=(400, 1))
    Y = np.linspace(-1, 2, 1500)[:, None]
    for consistency in (True, False):
        model = PrivateDistanceSum(bounds=(0, 1), consistency=consistency).fit(X)
        with pytest.warns(UserWarning, match="outside of the bounds"):
            slopes = np.diff(model.distance_sum(Y)) / np.diff(Y[:, 0])
        assert (np.diff(slopes) >= -1e-6).all()
        np.testing.assert_allclose(slopes[[0, -1]], [-400, 400])


def test_isotonic_answers_are_convex_with_noise_too():
    pytest.importorskip("cryptography")
    X = np.random.default_rng(0).beta(2, 5, size=(200, 1))
    Y = np.linspace(0, 1, 1025)[:, None]
    for p in (1.0, 2.0):
        for adjacency in ("add_remove", "replace"):
            model = PrivateDistanceSum(
                p=p, epsilon=0.1, bounds=(0, 1), depth=10, isotonic=True, adjacency=adjacency
            ).fit(X)
            slopes = np.diff(model.distance_sum(Y)) * 1024
            assert (np.diff(slopes) >= -1e-6 * np.abs(slopes).max()).all()
            assert np.abs(slopes).max() <= p * max(model.noisy_n_, 0) + 1e-6


def test_increasing_cells_are_the_nearest_cumulation():
    rng = np.random.default_rng(0)
    cells = rng.normal(0.5, 2.0, size=(3, 32))
    fixed = increasing_cells(cells, 16.0)
    assert (fixed >= 0).all()
    np.testing.assert_allclose(fixed.sum(axis=1), 16.0)
    np.testing.assert_allclose(increasing_cells(fixed, 16.0), fixed, atol=1e-12)
    assert not increasing_cells(cells, -3.0).any()


# ---------------------------------------------------------------- sensitivity


@pytest.mark.parametrize("depth", [6, 9])
@pytest.mark.parametrize("consistency", [True, False])
@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_a_row_changes_one_node_on_each_level_and_a_replaced_one_two(depth, consistency, delta):
    plan = TreePlan([1.0], budget(delta=delta), 1000, consistency=consistency, depth=depth)
    levels = [part.level for part in plan.parts]
    assert depth in levels
    if not consistency or delta:
        assert levels == list(range(1, depth + 1))
    rng, size = np.random.default_rng(0), 2**depth
    counts = rng.integers(0, 9, size=(1, size))
    worst = 0
    for leave in range(size):
        for enter in (None, size - 1 - leave, leave ^ 1):
            other = counts.copy()
            other[0, leave] += 1 if enter is None else -1
            if enter is not None:
                other[0, enter] += 1
            moved = [np.abs(on_level(other, level) - on_level(counts, level)) for level in levels]
            changed = sum(int(each.sum()) for each in moved)
            if enter is None:
                assert changed == len(levels)
            worst = max(worst, changed)
    assert worst == 2 * len(levels)


def test_offsets_of_a_row_stay_within_half_of_each_node():
    depth = 6
    for leaf in (0, 17, 63):
        for offset in (1 - 1024, 0, 1023):
            counts, offsets = (np.zeros((1, 64), dtype=np.int64) for _ in range(2))
            counts[0, leaf], offsets[0, leaf] = 1, offset
            for level, sums in offsets_on_levels(counts, offsets).items():
                assert np.abs(sums).sum() <= offset_height(depth, level)
                # From the middle of its node to the row, in half steps.
                node = leaf >> (depth - level)
                row = (leaf + 0.5) * 2048 + offset
                middle = (node + 0.5) * 2048 * 2 ** (depth - level)
                assert sums[0, node] == row - middle


def spent(plan):
    """Add up what the plan's scales cost, from sensitivities that brute force gave."""
    total = Fraction(0)
    for j in range(len(plan.importance)):
        scales = plan.scales[plan.group[j]]
        for name, scale in scales.items():
            kind, level = name.split("_")
            height = offset_height(plan.depth, int(level)) if kind == "offsets" else 1
            moved = height * plan.budget.units
            copies = plan.budget.copies
            if plan.budget.kind == "laplace":
                total += copies * moved / Fraction(scale)
            else:
                total += copies * moved**2 / Fraction(scale) ** 2
    return total


@pytest.mark.parametrize("method", ["integrated", "sums", "rings"])
@pytest.mark.parametrize("delta", [0.0, 1e-6])
@pytest.mark.parametrize("epsilon", [0.1, 1 / 3, 1.0, 7.3])
def test_scales_spend_no_more_than_epsilon_and_nearly_all_of_it(method, delta, epsilon):
    for importance in ([1.0], [1.0] * 7, [1e-3, 1.0, 3.0, 1e6]):
        for copies, units in ((1, 1), (2, 1), (1, 1024), (2, 1024)):
            plan = TreePlan(
                importance, budget(epsilon, delta, copies, units), 10_000, method=method
            )
            limit = Fraction(repr(epsilon))
            limit = min(limit, Fraction(epsilon))
            if delta:
                limit = 1 / Fraction(gaussian_z(epsilon, delta)) ** 2
            assert limit * (1 - Fraction(1, 10**9)) < spent(plan) <= limit


def test_scales_that_spend_too_much_are_caught():
    plan = TreePlan([1.0, 2.0], budget(), 1000, depth=6)
    scales = [dict(each) for each in plan.scales]
    check_division(plan.parts, plan.group, scales, plan.budget)
    scales[0]["counts_6"] *= 1 - Fraction(1, 10**6)
    with pytest.raises(ArithmeticError):
        check_division(plan.parts, plan.group, scales, plan.budget)
    plan = TreePlan([1.0, 2.0], budget(delta=1e-6), 1000, depth=6)
    scales = [dict(each) for each in plan.scales]
    scales[1]["counts_1"] *= 1 - 1e-6
    with pytest.raises(ArithmeticError):
        check_division(plan.parts, plan.group, scales, plan.budget)


def test_shares_follow_the_ranges_of_coordinates():
    importance = np.array([1.0, 1.0, 8.0, 1000.0])
    for kind, power in (("laplace", 2 / 3), ("gaussian", 1.0)):
        group, shares = coordinate_groups(importance, kind)
        each = np.array([float(shares[g]) for g in group])
        assert sum(shares[g] for g in group.tolist()) == 1
        assert group[0] == group[1]
        wanted = importance**power / (importance**power).sum()
        np.testing.assert_allclose(each, wanted, rtol=0.1)


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_unequal_ranges_cost_what_the_formulas_say(delta):
    """An equal split would spend on a millimetre what a metre needs."""
    ranges, epsilon = np.array([1e-3, 1e-3, 1.0, 1.0, 20.0]), 1.0
    plan = TreePlan(ranges, budget(epsilon, delta), 1000, depth=10, consistency=False)
    levels = np.arange(1, 11)
    if delta:
        constant = gaussian_z(epsilon, delta) / np.sqrt(2) * (2.0 ** (-levels / 2)).sum()
        wanted = constant * ranges.sum()
    else:
        wanted = (2.0 ** (-levels / 3)).sum() ** 1.5 * (ranges ** (2 / 3)).sum() ** 1.5
    assert plan.predicted_std() == pytest.approx(wanted, rel=0.01)
    equal = divide(plan.parts, [Fraction(1, 5)], plan.budget)
    worse = sum(
        noise_variance(plan.budget.kind, equal[0][part.name]) * 2.0**-part.level / 2
        for part in plan.parts
    )
    assert np.sqrt(worse * (ranges**2).sum()) > 1.25 * plan.predicted_std()


# ---------------------------------------------------------------- levels


def mean_variance(shares, levels, depth, known):
    """The variance of a consistent answer, averaged over queries, for Laplace noise of scale 1."""
    variances = {level: 2 / share**2 for level, share in zip(levels, shares)}
    refined = refined_variances({k: np.array([v]) for k, v in variances.items()}, depth)
    total = 0.0 if known else refined[0, 0]
    position = (np.arange(500)[:, None] + 0.5) / 500 * 2**depth
    return consistent_variance(refined, total, np.ones(1), position).mean()


@pytest.mark.parametrize("depth", [6, 8, 11, 16])
@pytest.mark.parametrize("known", [False, True])
def test_the_shares_of_levels_are_the_best_ones(depth, known):
    table = CONSISTENT[known][depth]
    assert sum(table.values()) == 1000
    assert max(table) == depth
    shares = np.array(list(table.values())) / 1000
    here = mean_variance(shares, list(table), depth, known)

    def logarithm(x):
        share = np.exp(x - x.max())
        return np.log(mean_variance(share / share.sum(), list(table), depth, known))

    best = np.exp(minimize(logarithm, np.log(shares), method="Nelder-Mead").fun)
    assert here <= 1.001 * best
    # Nor does any other level help: all of them, with the shares that plain trees want, are worse.
    every = np.arange(1, depth + 1)
    plain = 2.0 ** (-every / 3)
    assert here < 0.75 * mean_variance(plain / plain.sum(), every, depth, known)
    for extra in set(range(1, depth)) - set(table):
        with_extra = np.append(shares * 0.97, 0.03)
        assert here < mean_variance(with_extra, [*table, extra], depth, known)


def test_depth_follows_public_numbers_alone():
    plans = {
        (n, epsilon, d): TreePlan([1.0] * d, budget(epsilon), n).depth
        for n in (10, 10_000, 10**6, 10**9)
        for epsilon in (0.1, 1.0)
        for d in (1, 100)
    }
    assert plans[10, 0.1, 1] == 6
    assert plans[10**9, 1.0, 1] == 16
    for (n, epsilon, d), depth in plans.items():
        # Just deep enough for rows on the edges of cells to bias less than the noise.
        plan = TreePlan([1.0] * d, budget(epsilon), n, depth=depth)
        assert depth == 16 or n * d / 2 ** (depth + 1) <= plan.predicted_std()
        if depth > 6:
            shallow = TreePlan([1.0] * d, budget(epsilon), n, depth=depth - 1)
            assert n * d / 2**depth > shallow.predicted_std()
    X = np.random.default_rng(0).uniform(size=(5000, 1))
    depths = {
        PrivateDistanceSum(bounds=(0, 1), n_hint=777).partial_fit(X[:n])._frozen.plan.depth
        for n in (0, 1, 5000)
    }
    assert len(depths) == 1


# ---------------------------------------------------------------- consistency and errors


def impulses(plan_levels, d):
    for level in plan_levels:
        for j in range(d):
            for node in range(2**level):
                noise = np.zeros((d, 2**level))
                noise[j, node] = 1.0
                yield level, j, noise


@pytest.mark.parametrize("known", [False, True])
def test_consistent_cells_are_weighted_least_squares(known):
    rng, depth, d = np.random.default_rng(0), 4, 2
    cells = np.stack([rng.permutation(16), rng.permutation(16)])
    variances = {2: np.array([1.0, 2.0]), 4: np.array([3.0, 0.5])}
    noisy = {level: on_level(cells, level) + rng.normal(size=(d, 2**level)) for level in (2, 4)}
    rows, values = [], []
    for level, j, impulse in impulses((2, 4), d):
        row = np.zeros((d, 16))
        row[j] = np.repeat(impulse[j], 16 >> level)
        weight = 1 / np.sqrt(variances[level][j])
        rows.append(weight * row.ravel())
        values.append(weight * noisy[level][j, impulse[j].argmax()])
    bound = np.zeros((d, 16))
    bound[0], bound[1] = 1, -1  # both coordinates count the same rows
    rows.append(1e6 * bound.ravel())
    values.append(0.0)
    if known:
        rows.append(1e6 * (bound[0][None] * [[1], [0]]).ravel())
        values.append(1e6 * 120.0)
    wanted = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].reshape(d, 16)
    got, total = consistent_cells(noisy, variances, depth, 120.0 if known else None)
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    np.testing.assert_allclose(total, wanted[0].sum(), atol=1e-6)
    if not known:
        precision = 1 / refined_variances(variances, depth)[0]
        sums = wanted.sum(axis=1)
        assert total == pytest.approx(precision @ sums / precision.sum(), abs=1e-6)


def queries(depth, p, d=2):
    rng, m = np.random.default_rng(1), 2**depth
    Y = np.vstack([rng.uniform(0, m, size=(6, d)), [[0, m], [m, m], [0, 0], [3, m / 2]]])
    return np.vstack([Y, [[-5, 3], [m + 9, -2]]]) if p == 1 else Y


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("kind", ["consistent", "total known", "plain"])
def test_variances_are_those_of_the_linear_map(p, kind):
    """Put a unit of noise on every node in turn, and see what comes out."""
    depth, d, m = 5, 2, 32
    rng, importance, Y = np.random.default_rng(0), np.array([1.0, 3.0]), queries(5, p)
    levels = range(1, 6) if kind == "plain" else (2, 4, 5)
    variances = {level: rng.uniform(0.5, 3, size=d) for level in levels}

    def answer(noise):
        if kind == "plain":
            prefix, suffix = prefix_and_suffix(noise, depth)
            slopes = noise[1].sum(axis=1)
        else:
            cells, slopes = consistent_cells(
                noise, variances, depth, 0.0 if kind == "total known" else None
            )
            prefix = np.hstack([np.zeros((d, 1)), np.cumsum(cells, axis=1)])
            suffix = slopes - prefix
        inside = np.clip(Y, 0, m)
        table = distance_table(prefix, suffix, p)
        return (interpolate(table, inside) + np.abs(Y - inside) / m * slopes) @ importance

    wanted = np.zeros(len(Y))
    for level, j, impulse in impulses(levels, d):
        noise = {k: np.zeros((d, 2**k)) for k in levels}
        noise[level] = impulse
        wanted += variances[level][j] * answer(noise) ** 2
    if kind == "plain":
        got = plain_variance(variances, importance, Y, p)
    else:
        refined = refined_variances(variances, depth)
        total = 0.0 if kind == "total known" else 1 / (1 / refined[0]).sum()
        got = consistent_power_variance(refined, total, importance, np.clip(Y, 0, m), p)
        if p == 1:
            inside = ((Y >= 0) & (m >= Y)).all(axis=1)
            np.testing.assert_allclose(got[inside], wanted[inside], rtol=1e-9)
            got = consistent_variance(refined, total, importance, Y)
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


@pytest.mark.parametrize("p", [1.0, 1.5])
def test_consistency_never_adds_noise(p):
    for delta in (0.0, 1e-6):
        for importance in ([1.0], [1.0, 5.0, 25.0]):
            Y = np.random.default_rng(0).uniform(size=(20, len(importance)))
            plain, consistent = (
                released(
                    TreePlan(importance, budget(1.0, delta), 1, depth=8, consistency=c, p=p),
                    np.zeros((len(importance), 256), dtype=np.int64),
                ).std(Y)
                for c in (False, True)
            )
            assert (consistent < plain).all()


def test_standard_errors_are_those_of_the_formulas():
    levels = np.arange(1, 11)
    model = PrivateDistanceSum(bounds=(0, 1), depth=10, consistency=False)
    model = fitted_without_rows(model)
    # In the limit of many cells: (sum 2 ** (-l / 3)) ** 1.5 / epsilon at both ends.
    wanted = (2.0 ** (-levels / 3)).sum() ** 1.5
    np.testing.assert_allclose(model.standard_error([[0.0], [1.0]]), wanted, rtol=2e-3)
    np.testing.assert_allclose(model.standard_error([[0.5]]), 5.66, rtol=2e-3)
    average = np.sqrt((model.standard_error(np.linspace(0, 1, 2001)[:, None]) ** 2).mean())
    assert average == pytest.approx(5.61, rel=1e-2)
    power = PrivateDistanceSum(p=2, bounds=(0, 1), depth=10, consistency=False)
    assert fitted_without_rows(power).standard_error([[1.0]])[0] == pytest.approx(6.22, rel=2e-3)
    # Six levels, with the weights of trapezoids and both nodes of the first level; the noise on the
    # lattice has a little less variance than the continuous law of its scale.
    plan = TreePlan([1.0], budget(), 1, depth=6, consistency=False)
    scales = {part.level: plan.scale_of(part.name) for part in plan.parts}
    end = np.array([[64.0]])
    continuous = plain_variance({k: 2 * t**2 for k, t in scales.items()}, np.ones(1), end, 1.0)
    assert np.sqrt(continuous[0]) == pytest.approx(4.923, rel=1e-4)
    lattice = {k: 1 / (2 * np.sinh(1 / (2 * t)) ** 2) for k, t in scales.items()}
    wanted = np.sqrt(plain_variance(lattice, np.ones(1), end, 1.0))
    shallow = fitted_without_rows(PrivateDistanceSum(bounds=(0, 1), depth=6, consistency=False))
    np.testing.assert_allclose(shallow.standard_error([[1.0]]), wanted, rtol=1e-9)
    gaussian = PrivateDistanceSum(
        bounds=(0, 1), depth=10, consistency=False, epsilon=0.1, delta=1e-6
    )
    wanted = gaussian_z(0.1, 1e-6) / np.sqrt(2) * (2.0 ** (-levels / 2)).sum()
    assert fitted_without_rows(gaussian).standard_error([[1.0]])[0] == pytest.approx(wanted, 2e-3)


def fitted_without_rows(model):
    pytest.importorskip("cryptography")
    return model.fit(np.empty((0, 1)))


@pytest.mark.parametrize("consistency", [True, False])
@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_noise_has_the_standard_error(consistency, delta):
    """2000 releases, whose standard deviation is known to 1.6%."""
    plan = TreePlan([1.0], budget(1.0, delta), 1, depth=10, consistency=consistency)
    counts, source = np.zeros((1, 1024), dtype=np.int64), SeededWords(np.random.RandomState(0))
    Y = np.array([[1.0], [0.3]])
    answers = np.array(
        [plan.released(plan.noisy_levels({"counts": counts}, source)).sums(Y) for _ in range(2000)]
    )
    error = released(plan, counts).std(Y)
    np.testing.assert_allclose(answers.std(axis=0), error, rtol=0.06)
    assert np.abs(answers.mean(axis=0) / (error / np.sqrt(2000))).max() < 4.5
    if not consistency and not delta:
        formula = (2.0 ** (-np.arange(1, 11) / 3)).sum() ** 1.5
        np.testing.assert_allclose(answers[:, 0].std(), formula, rtol=0.08)


# ---------------------------------------------------------------- beside a flat histogram


def sorted_distances(x, y):
    """Sums of absolute distances in one dimension, exactly."""
    x = np.sort(x)
    sums, k = np.concatenate([[0.0], np.cumsum(x)]), np.searchsorted(x, y)
    return k * y - sums[k] + sums[-1] - sums[k] - (len(x) - k) * y


def flat_histogram(x, y, epsilon, source, n_cells=64):
    cells = np.bincount(np.minimum((x * n_cells).astype(int), n_cells - 1), minlength=n_cells)
    noisy = cells + DiscreteLaplace(1 / Fraction(epsilon)).draw(n_cells, source)
    return np.abs(y[:, None] - (np.arange(n_cells) + 0.5) / n_cells) @ noisy


@pytest.mark.parametrize("n", [10_000, 100_000])
@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_smooth_data_come_out_better_than_from_a_flat_histogram(n, epsilon):
    """The error of a release varies by its own size, so that it takes more than a few."""
    rng, source = np.random.default_rng(0), SeededWords(np.random.RandomState(0))
    x, y = rng.beta(2, 5, size=n), rng.uniform(size=400)
    exact = sorted_distances(x, y)
    errors = {"flat": [], "ours": [], "rings": []}
    model = PrivateDistanceSum(epsilon=epsilon, bounds=(0, 1), n_hint=n).partial_fit(x[:, None])
    rings = PrivateDistanceSum(epsilon=epsilon, bounds=(0, 1), n_hint=n, method="rings")
    rings.partial_fit(x[:, None])
    for k in range(200):
        for name, estimator in (("ours", model), ("rings", rings)):
            if name == "rings" and k >= 20:
                continue
            plan = estimator._frozen.plan
            noisy = plan.noisy_levels(estimator._accumulator.arrays, source)
            errors[name].append(np.abs(plan.released(noisy).sums(y[:, None]) / exact - 1).mean())
        errors["flat"].append(np.abs(flat_histogram(x, y, epsilon, source) / exact - 1).mean())
    mean = {name: np.mean(values) for name, values in errors.items()}
    assert mean["ours"] <= 0.95 * mean["flat"]
    assert mean["rings"] >= 10 * mean["ours"]
