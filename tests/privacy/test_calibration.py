"""The analytic Gaussian mechanism, against multiprecision and against published constants."""

import math

import pytest
from scipy.stats import norm

from skweight.privacy._calibration import gaussian_delta, gaussian_z

EPSILONS = [1e-12, 1e-6, 0.01, 0.1, 1.0, 3.0, 8.0, 20.0, 50.0, 700.0]
DELTAS = [1e-300, 1e-100, 1e-15, 1e-10, 1e-6, 1e-5, 0.01, 0.3, 0.9, 0.999999]


@pytest.fixture
def exact_delta():
    mpmath = pytest.importorskip("mpmath")

    def delta(epsilon, z):
        with mpmath.workdps(80):
            epsilon, z = mpmath.mpf(epsilon), mpmath.mpf(z)

            def below(x):
                return mpmath.erfc(-x / mpmath.sqrt(2)) / 2

            a, b = 1 / (2 * z), epsilon * z
            return below(a - b) - mpmath.exp(epsilon) * below(-a - b)

    return delta


@pytest.mark.parametrize(
    ("epsilon", "delta", "z"),
    [
        (1.0, 1e-6, 4.2247),
        (1.0, 1e-5, 3.7306),
        (0.1, 1e-6, 36.3047),
        (3.0, 1e-6, 1.5439),
    ],
)
def test_known_standard_deviations(epsilon, delta, z):
    assert gaussian_z(epsilon, delta) == pytest.approx(z, abs=5e-5)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_noise_is_enough_and_no_more(epsilon, delta, exact_delta):
    z = gaussian_z(epsilon, delta)
    assert exact_delta(epsilon, z) <= delta
    assert exact_delta(epsilon, z * (1 - 1.1e-9)) > delta


@pytest.mark.parametrize("delta", [1e-100, 1e-6, 0.3, 0.999])
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_delta_has_no_cancellation(epsilon, delta, exact_delta):
    for factor in (0.7, 1.0, 1.3):
        z = factor * gaussian_z(epsilon, delta)
        exact = exact_delta(epsilon, z)
        if exact > 1e-290:
            assert abs(gaussian_delta(epsilon, z) / exact - 1) < 1e-11


def test_classical_formula_is_no_calibration():
    # Too much noise at small epsilon, and too little at large.
    def classical(epsilon, delta):
        return math.sqrt(2 * math.log(1.25 / delta)) / epsilon

    assert classical(0.5, 1e-6) > 1.3 * gaussian_z(0.5, 1e-6)
    assert gaussian_delta(10.0, classical(10.0, 1e-6)) > 1e-6


def test_delta_at_epsilon_zero_is_total_variation():
    for z in (0.3, 1.0, 20.0):
        assert gaussian_delta(0.0, z) == pytest.approx(2 * norm.cdf(1 / (2 * z)) - 1, rel=1e-13)
