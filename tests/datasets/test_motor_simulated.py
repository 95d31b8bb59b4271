"""The simulated motor portfolio: its law is the one that its docstring states."""

import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import PoissonRegressor

from skweight.datasets import make_motor_portfolio

pandas = pytest.importorskip("pandas", reason="needs the data extra")

SHARES = [22, 17, 13, 11, 9, 8, 7, 6, 4, 3]
FEATURES = ["vehicle_age", "vehicle_power", "annual_mileage", "bonus_malus", "harsh_braking",
            "night_share", "log_density", "fuel"]  # fmt: skip


def pieces(motor):
    """Recover the variables of the docstring from what was returned."""
    frame = motor.frame
    g = np.where(frame["gender"] == "male", 1.0, -1.0)
    a = (frame["age"].to_numpy() - 49) / 31
    d = (
        -1.5
        + frame["region"].map({name: r for r, name in enumerate("ABCDEFGHIJ")}).astype(float) / 3
    )
    z = np.array([
        (frame["vehicle_power"] - 80) / 15,
        (frame["annual_mileage"] - 12) / 2.5,
        (frame["bonus_malus"] - 100) / 15,
        (frame["harsh_braking"] - 10) / 2,
        (frame["night_share"] - 20) / 4,
        frame["log_density"] - 5,
    ])  # fmt: skip
    return g, a, d.to_numpy(), z


def means(g, a, d, q):
    """Return the means of z given the protected attributes."""
    return q * np.array([0.6 * g, 0.4 * g, -a, 3 * a**2 - 1, 0.8 * g * np.sign(-a), d])


@pytest.mark.parametrize(
    ("s", "q", "base"), [(1.0, 1.0, 0.08), (0.0, 1.0, 0.1), (2.0, 0.0, 0.05), (-1, 2, 0.3)]
)
def test_expected_values_are_those_of_the_docstring(s, q, base):
    motor = make_motor_portfolio(
        500, protected_effect=s, proxy_strength=q, base_frequency=base, as_frame=True,
        random_state=1,
    )  # fmt: skip
    g, a, d, z = pieces(motor)
    v = motor.frame["vehicle_age"].to_numpy()
    f = motor.frame["fuel"].map({"petrol": 0.0, "diesel": 0.1, "electric": -0.1}).astype(float)
    eta = (
        0.15 * z[0] + 0.2 * z[1] + 0.3 * z[2] + 0.25 * z[3] + 0.2 * z[4] + 0.15 * z[5]
        + 0.02 * (v - 7.5) + f
        + s * (0.1 * g + 0.1 * (3 * a**2 - 1) - 0.1 * a + 0.1 * g * np.sign(-a) + 0.1 * d)
    )  # fmt: skip
    np.testing.assert_allclose(motor.expected_frequency, base * np.exp(eta), rtol=1e-9)
    severity = 1500 * np.exp(0.15 * z[0] - 0.02 * (v - 7.5))
    np.testing.assert_allclose(motor.expected_severity, severity, rtol=1e-9)


def test_marginal_laws():
    n = 40_000
    motor = make_motor_portfolio(n, proxy_strength=1.5, as_frame=True, random_state=2)
    frame = motor.frame
    assert abs((frame["gender"] == "male").mean() - 0.5) < 4.5 * 0.5 / np.sqrt(n)
    for column, expected in (
        ("region", dict(zip("ABCDEFGHIJ", np.array(SHARES) / 100))),
        ("fuel", {"petrol": 0.55, "diesel": 0.35, "electric": 0.10}),
        ("vehicle_age", dict.fromkeys(range(16), 1 / 16)),
    ):
        counts = frame[column].value_counts()
        assert set(counts.index) == set(expected)
        counted = [counts[level] for level in expected]
        assert stats.chisquare(counted, n * np.array(list(expected.values()))).pvalue > 1e-4
    g, a, d, z = pieces(motor)
    assert stats.kstest((a + 1) / 2, "uniform").pvalue > 1e-4
    noise = z - means(g, a, d, 1.5)
    for row in noise:
        assert stats.kstest(row, "norm").pvalue > 1e-4
    # What is said to be independent is uncorrelated, in the values and in their squares.
    parts = np.vstack([noise, g, a, d, frame["vehicle_age"], frame["fuel"] == "diesel",
                       motor.exposure]).astype(float)  # fmt: skip
    for values in (parts, np.delete(parts, 6, axis=0) ** 2):  # g^2 is constant
        correlations = np.corrcoef(values)[np.triu_indices(len(values), 1)]
        assert np.abs(correlations).max() < 5 / np.sqrt(n)
    full = motor.exposure == 1
    assert abs(full.mean() - 0.6) < 4.5 * np.sqrt(0.24 / n)
    assert stats.kstest(motor.exposure[~full], stats.uniform(0.05, 0.95).cdf).pvalue > 1e-4


def test_counts_are_poisson_with_the_stated_mean():
    n = 100_000
    motor = make_motor_portfolio(n, base_frequency=0.3, as_frame=True, random_state=3)
    expected = motor.exposure * motor.expected_frequency
    claims = motor.target.to_numpy()
    assert np.array_equal(claims, np.round(claims))
    g, a, d, z = pieces(motor)
    everywhere = np.ones(n, dtype=bool)
    for rows in (everywhere, g > 0, a > 0.5, d > 0, z[4] > 1, expected > np.median(expected)):
        total, mean = claims[rows].sum(), expected[rows].sum()
        assert abs(total - mean) < 4.5 * np.sqrt(mean)
    # a Poisson variable's Pearson residuals have variance 1 and these third moments
    pearson = (claims - expected) / np.sqrt(expected)
    spread = np.sqrt((2 + 1 / expected).mean() / n)
    assert abs((pearson**2).mean() - 1) < 4.5 * spread
    none = np.exp(-expected)
    assert abs((claims == 0).mean() - none.mean()) < 4.5 * np.sqrt((none * (1 - none)).mean() / n)


def test_amounts_are_sums_of_gamma_claims():
    motor = make_motor_portfolio(100_000, base_frequency=0.3, random_state=4)
    claims, amount = motor.target, motor.claim_amount
    assert (amount[claims == 0] == 0).all()
    hit = claims > 0
    rank = stats.gamma(2 * claims[hit], scale=motor.expected_severity[hit] / 2).cdf(amount[hit])
    assert stats.kstest(rank, "uniform").pvalue > 1e-4
    several = rank[claims[hit] > 1]
    assert len(several) > 1000
    assert stats.kstest(several, "uniform").pvalue > 1e-4


def test_stand_ins_are_what_the_docstring_says():
    motor = make_motor_portfolio(50_000, as_frame=True, random_state=5)
    g, a, _, z = pieces(motor)
    slack = 4.5 / np.sqrt(len(g))
    braking, night = z[3], z[4]
    assert abs(np.corrcoef(braking, a)[0, 1]) < slack
    assert np.corrcoef(braking, a**2)[0, 1] > 0.5
    # night driving: the same law for either gender and any age, not for both together
    assert stats.ks_2samp(night[g > 0], night[g < 0]).pvalue > 1e-4
    assert stats.ks_2samp(night[a > 0], night[a < 0]).pvalue > 1e-4
    assert stats.ks_2samp(night[np.abs(a) > 0.5], night[np.abs(a) < 0.5]).pvalue > 1e-4
    young_men = (g > 0) & (a < 0)
    assert night[young_men].mean() == pytest.approx(0.8, abs=0.05)
    assert night[(g > 0) & (a > 0)].mean() == pytest.approx(-0.8, abs=0.05)


def test_poisson_regression_finds_the_law_without_a_protected_effect():
    motor = make_motor_portfolio(100_000, protected_effect=0, base_frequency=0.3, random_state=6)
    scale = motor.data.std(axis=0)
    rate = motor.target / motor.exposure
    model = PoissonRegressor(alpha=0, tol=1e-8, max_iter=1000)
    model.fit(motor.data / scale, rate, sample_weight=motor.exposure)
    truth = [0.02, 0.15 / 15, 0.2 / 2.5, 0.3 / 15, 0.25 / 2, 0.2 / 4, 0.15, 0.1, -0.1]
    # standard errors are near 1 / sqrt(number of claims)
    slack = 4.5 / np.sqrt(motor.target.sum())
    assert np.abs(model.coef_ - np.array(truth) * scale).max() < slack


def test_bunch():
    motor = make_motor_portfolio(300, random_state=0)
    framed = make_motor_portfolio(300, as_frame=True, random_state=0)
    assert motor.data.shape == (300, 9)
    assert motor.feature_names == [*FEATURES[:-1], "fuel_diesel", "fuel_electric"]
    assert framed.feature_names == FEATURES
    assert list(framed.frame.columns) == [
        *FEATURES, "gender", "region", "age", "claims", "exposure", "claim_amount",
        "expected_frequency", "expected_severity",
    ]  # fmt: skip
    assert motor.sensitive_names == ["gender", "region", "age"]
    assert motor.sensitive_features.equals(framed.sensitive_features)
    assert motor.target_names == ["claims"]
    assert np.array_equal(motor.target, framed.target)
    for name in ("exposure", "claim_amount", "expected_frequency", "expected_severity"):
        assert np.array_equal(motor[name], framed.frame[name])
    assert motor.frame is None
    assert ":Rows: 300 policies" in motor.DESCR
    assert "base_frequency=0.08" in motor.DESCR


def test_same_seed_same_policies():
    first = make_motor_portfolio(200, as_frame=True, random_state=7)
    again = make_motor_portfolio(200, as_frame=True, random_state=np.random.RandomState(7))
    assert first.frame.equals(again.frame)
    changed = make_motor_portfolio(200, protected_effect=0, as_frame=True, random_state=7)
    same = [*FEATURES, "gender", "region", "age", "exposure", "expected_severity"]
    assert first.frame[same].equals(changed.frame[same])
    assert not np.array_equal(first.expected_frequency, changed.expected_frequency)
    other = make_motor_portfolio(200, as_frame=True, random_state=8)
    assert not first.frame.equals(other.frame)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_samples", 0, "n_samples=0: want an integer of at least 1"),
        ("n_samples", 10.0, r"n_samples=10\.0: want an integer"),
        ("n_samples", True, "n_samples=True: want an integer"),
        ("protected_effect", np.nan, "protected_effect=nan: want a finite number"),
        ("protected_effect", "1", "protected_effect='1': want a finite number"),
        ("proxy_strength", np.inf, "proxy_strength=inf: want a finite number"),
        ("base_frequency", 0.0, r"base_frequency=0\.0: want a positive finite number"),
        ("base_frequency", None, "base_frequency=None: want a positive finite number"),
    ],
)
def test_parameter_out_of_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        make_motor_portfolio(**{name: value})


def test_missing_pandas_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"make_motor_portfolio needs.*pandas.*skweight\[data\]"):
        make_motor_portfolio()
