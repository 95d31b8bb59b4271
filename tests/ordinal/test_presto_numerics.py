"""The row losses against arithmetic in hundreds of digits, far into every tail."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from oracles import class_probabilities as oracle_probabilities
from oracles import row_losses

from skweight.ordinal._likelihood import class_probabilities, class_terms, exceedance, touched

LINKS = ["logit", "probit", "cloglog", "loglog"]
GAPS = [1e-8, 1e-3, 1.0, 50.0, 800.0]


def _erfc_half(t):
    """Return the standard normal cdf at t by the Taylor series of erf (digits to spare)."""
    x = t / Decimal(2).sqrt()
    term = total = x
    n = 0
    while abs(term) > Decimal(10) ** -380:
        n += 1
        term *= -x * x / n
        total += term / (2 * n + 1)
    # pi by Machin's formula.
    pi = 4 * (4 * _atan_inverse(5) - _atan_inverse(239))
    return Decimal("0.5") + total / pi.sqrt()


def _atan_inverse(m):
    total, power, n = Decimal(0), Decimal(1) / m, 0
    while abs(power) > Decimal(10) ** -390:
        total += (-1) ** n * power / (2 * n + 1)
        power /= m * m
        n += 1
    return total


def _cdf(link, t):
    if link == "logit":
        return 1 / (1 + (-t).exp())
    if link == "probit":
        return _erfc_half(t)
    if link == "cloglog":
        return 1 - (-(t.exp())).exp()
    return (-((-t).exp())).exp()


def _exact_middle(link, z_low, z_high):
    """Return loss, gradient and Hessian of a middle class, by differences of size 1e-60."""
    with localcontext() as context:
        context.prec = 400
        h = Decimal(10) ** -60

        def loss(u, v):
            return -(_cdf(link, -v) - _cdf(link, -u)).ln()

        u, v = Decimal(z_low), Decimal(z_high)
        f = {(i, j): loss(u + i * h, v + j * h) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        grad = [(f[1, 0] - f[-1, 0]) / (2 * h), (f[0, 1] - f[0, -1]) / (2 * h)]
        hess = [
            (f[1, 0] - 2 * f[0, 0] + f[-1, 0]) / h**2,
            (f[1, 1] - f[1, -1] - f[-1, 1] + f[-1, -1]) / (4 * h**2),
            (f[0, 1] - 2 * f[0, 0] + f[0, -1]) / h**2,
        ]
        return float(f[0, 0]), [float(g) for g in grad], [float(x) for x in hess]


def _pairs(link, gap):
    """Return pairs (z_low, z_high) a distance `gap` apart, central and in both tails."""
    if link == "logit":
        return [(c + gap, c) for c in (-40.0, -3.0, -gap / 2, 0.5, 40.0)]
    if link == "probit":
        return [(c + gap, c) for c in (-6.0, -0.3, 5.0) if gap <= 1] + [(gap / 2, -gap / 2)] * (
            gap <= 10
        )
    # A wide interval must keep its double exponential inside the range of the arithmetic.
    sign = 1 if link == "cloglog" else -1
    centres = [2.0, -1.0, -20.0] if gap <= 1 else [-gap]
    pairs = [(-sign * t, -sign * (t + gap)) for t in centres]
    return [(max(p), min(p)) for p in pairs]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("link", LINKS)
def test_middle_class_is_exact_at_any_gap(link, gap):
    for z_low, z_high in _pairs(link, gap):
        width = z_low - z_high
        value, gradient, hessian = _exact_middle(link, z_low, z_high)
        z = np.array([[z_low], [z_high]])
        loss, grad, hess = class_terms("cumulative", link, 1, 3, z)
        # Rounding -z to the predictor already costs eps * |z| / width in the loss.
        slack = 1e-11 + 1e-15 * (1 + abs(z_low)) / width
        np.testing.assert_allclose(loss[0], value, rtol=slack, atol=1e-14)
        np.testing.assert_allclose(grad[:, 0], gradient, rtol=slack, atol=1e-14)
        found = [hess[0, 0][0], hess[0, 1][0], hess[1, 1][0]]
        # Second derivatives of order 1/d^2 cancel in any combination that leaves the gap alone.
        np.testing.assert_allclose(found, hessian, rtol=max(slack, 1e-9), atol=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_a_closed_gap_costs_infinity(link):
    z = np.array([[0.3, 0.3, -1.0], [0.3, 0.4, 5.0]])
    assert np.all(class_terms("cumulative", link, 1, 2, z, 0)[0] == np.inf)


@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
@pytest.mark.parametrize("link", LINKS)
def test_row_losses_agree_with_the_textbook_formulas(family, link):
    if family == "adjacent" and link != "logit":
        pytest.skip("the adjacent family has the logit link only")
    q, n = 4, 30
    rng = np.random.default_rng(3)
    z = -np.sort(rng.normal(scale=1.5, size=(n, q)), axis=1)
    for c in range(q + 1):
        y = np.full(n, c)
        loss, grad, hess = row_losses(z, y, family, link)
        k = list(touched(family, c, q))
        found, gradient, hessian = class_terms(family, link, c, q, z[:, k].T)
        np.testing.assert_allclose(found, loss, rtol=1e-9)
        full = np.zeros((n, q))
        full[:, k] = gradient.T
        np.testing.assert_allclose(full, grad, rtol=1e-8, atol=1e-9)
        for i, m in enumerate(k):
            for j, l in list(enumerate(k))[i:]:
                got = hessian.get((i, j), np.zeros(n))
                np.testing.assert_allclose(got, hess[:, m, l], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        class_probabilities(family, link, z), oracle_probabilities(z, family, link), atol=1e-13
    )
    tail = 1 - np.cumsum(oracle_probabilities(z, family, link), axis=1)[:, :-1]
    np.testing.assert_allclose(exceedance(family, link, z), tail, atol=1e-13)


def test_far_tail_probabilities_keep_their_digits():
    # F(41) - F(40) is exactly 0 in double precision; the class has probability 2.7e-18.
    p = class_probabilities("cumulative", "logit", np.array([[-40.0, -41.0]]))[0]
    np.testing.assert_allclose(p[1], np.exp(-40) - np.exp(-41), rtol=1e-12)
    np.testing.assert_allclose(p[2], np.exp(-41), rtol=1e-12)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping"])
@pytest.mark.filterwarnings("error")
def test_no_overflow_far_out(family, link):
    z = np.array([[700.0, 30.0, -5.0], [20.0, -30.0, -700.0]])
    for c in range(3):
        k = list(touched(family, c, 2))
        loss, grad, hess = class_terms(family, link, c, 2, z[k])
        assert not np.isnan(loss).any()
        assert np.all(loss >= 0)
        if link == "logit":
            assert np.isfinite(loss).all()
            assert np.isfinite(grad).all()
            assert all(np.isfinite(h).all() for h in hess.values())
