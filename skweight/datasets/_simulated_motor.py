"""A simulated motor portfolio: protected attributes, stand-ins for them, and known frequencies."""

import numpy as np
from sklearn.utils import check_random_state

from skweight._core._optional import import_optional
from skweight.datasets._bunch import sensitive_bunch

_REGIONS = list("ABCDEFGHIJ")
_SHARES = [0.22, 0.17, 0.13, 0.11, 0.09, 0.08, 0.07, 0.06, 0.04, 0.03]
_FUELS = ["petrol", "diesel", "electric"]
_FUEL_SHARES = [0.55, 0.35, 0.10]
_FUEL_EFFECTS = [0.0, 0.1, -0.1]
_SHAPE = 2.0  # of the gamma law of one claim
_MEAN_CLAIM = 1500.0


def make_motor_portfolio(
    n_samples=10_000,
    *,
    protected_effect=1.0,
    proxy_strength=1.0,
    base_frequency=0.08,
    as_frame=False,
    random_state=None,
):
    r"""Generate a motor portfolio with protected attributes, and its true claim frequencies.

    Policies with rating factors, an exposure, a number of claims and their amount. Rating factors
    stand in for gender, region and age: one by one, U-shaped in age, and for an intersection of
    gender and age only. Needs pandas (the ``data`` extra).

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of policies, at least 1.
    protected_effect : float, default=1.0
        Factor of what the protected attributes themselves contribute to the log of the
        frequency; with 0 it depends on the rating factors alone.
    proxy_strength : float, default=1.0
        Factor of how the rating factors depend on the protected attributes; with 0 they do not,
        and a model of the rating factors is independent of the attributes.
    base_frequency : float, default=0.08
        Claims a year of a policy in the middle of every range, positive.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.
    random_state : int, RandomState instance or None, default=None
        Seed or generator of the random numbers. With the same seed the policies of two calls
        differ only by what the parameters change.

    Returns
    -------
    Bunch
        The attributes ``data`` (the rating factors, without the protected attributes), ``target``
        (number of claims), ``exposure`` (years at risk, in (0, 1]), ``claim_amount`` (sum of the
        claims, 0 without one), ``expected_frequency`` (claims a year, the truth),
        ``expected_severity`` (mean of one claim, the truth), ``sensitive_features`` (a DataFrame
        in any case: gender, region, age), ``sensitive_names``, ``frame`` (everything, if
        `as_frame`), ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None),
        ``groups`` (None) and ``DESCR``.

    Raises
    ------
    ImportError
        If pandas is missing.
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    load_pg15training : Real policies, if the file is at hand.
    skweight.metrics.demographic_parity_gap : What to measure the dependence by.

    Notes
    -----
    Gender is :math:`g = 1` (male) or -1 (female) with probability 1/2; region :math:`r` one of
    ten, of shares 22, 17, 13, 11, 9, 8, 7, 6, 4 and 3 %, with the level :math:`d_r = -1.5 + r / 3`
    for :math:`r = 0, \dots, 9`; age :math:`49 + 31 a` years with :math:`a` uniform on [-1, 1]. The
    three are independent. With :math:`q` the `proxy_strength`, :math:`b = 3 a^2 - 1` and
    independent standard normal :math:`e_1, \dots, e_6`,

    - ``vehicle_power`` is :math:`80 + 15 z_1` kW, :math:`z_1 = 0.6 q g + e_1`;
    - ``annual_mileage`` is :math:`12 + 2.5 z_2` thousand km, :math:`z_2 = 0.4 q g + e_2`;
    - ``bonus_malus`` is :math:`100 + 15 z_3`, :math:`z_3 = -q a + e_3`;
    - ``harsh_braking`` is :math:`10 + 2 z_4` events per 100 km, :math:`z_4 = q b + e_4`: U-shaped
      in age, and not correlated with it;
    - ``night_share`` is :math:`20 + 4 z_5` percent, :math:`z_5 = 0.8 q g\,\mathrm{sign}(-a) + e_5`:
      independent of gender and of age, but not of both together;
    - ``log_density`` is :math:`5 + z_6`, :math:`z_6 = q d_r + e_6`;
    - ``vehicle_age`` :math:`v` is uniform on 0, 1, ..., 15, and ``fuel`` petrol, diesel or electric
      with probabilities 0.55, 0.35, 0.10, both independent of the rest.

    With :math:`s` the `protected_effect` and :math:`f` = 0, 0.1, -0.1 for the three fuels, the
    frequency is :math:`\mu` = `base_frequency` :math:`\times \exp(0.15 z_1 + 0.2 z_2 + 0.3 z_3 +
    0.25 z_4 + 0.2 z_5 + 0.15 z_6 + 0.02 (v - 7.5) + f + s\,(0.1 g + 0.1 b - 0.1 a +
    0.1 g\,\mathrm{sign}(-a) + 0.1 d_r))`, so a Poisson regression on `data` is the right model for
    ``protected_effect=0``. The exposure :math:`w` is 1 with probability 0.6 and else uniform on
    [0.05, 1]; the number of claims is Poisson with mean :math:`w \mu`. A claim is gamma with
    shape 2 and mean :math:`1500 \exp(0.15 z_1 - 0.02 (v - 7.5))`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import PoissonRegressor
    >>> from skweight.datasets import make_motor_portfolio
    >>> motor = make_motor_portfolio(random_state=0)
    >>> motor.data.shape, motor.sensitive_names
    ((10000, 9), ['gender', 'region', 'age'])
    >>> rate = motor.target / motor.exposure
    >>> model = PoissonRegressor(alpha=1e-4, solver="newton-cholesky")
    >>> model = model.fit(motor.data, rate, sample_weight=motor.exposure)
    >>> estimated = model.predict(motor.data)
    >>> round(float(np.corrcoef(motor.expected_frequency, estimated)[0, 1]), 1)
    1.0
    """
    pandas = import_optional("pandas", "make_motor_portfolio")
    _check(n_samples, protected_effect, proxy_strength, base_frequency)
    rng = check_random_state(random_state)
    gender = rng.randint(2, size=n_samples)
    region = rng.choice(len(_REGIONS), size=n_samples, p=_SHARES)
    a = rng.uniform(-1.0, 1.0, size=n_samples)
    noise = rng.standard_normal((6, n_samples))
    fuel = rng.choice(len(_FUELS), size=n_samples, p=_FUEL_SHARES)
    v = rng.randint(16, size=n_samples)
    short = rng.uniform(size=n_samples) >= 0.6
    exposure = np.where(short, rng.uniform(0.05, 1.0, size=n_samples), 1.0)

    g, b, d = 2.0 * gender - 1.0, 3 * a**2 - 1, region / 3 - 1.5
    young_men = g * np.where(a < 0, 1.0, -1.0)  # and old women; -1 for the others
    z = proxy_strength * np.array([0.6 * g, 0.4 * g, -a, b, 0.8 * young_men, d]) + noise
    eta = np.array([0.15, 0.2, 0.3, 0.25, 0.2, 0.15]) @ z + 0.02 * (v - 7.5)
    eta += np.array(_FUEL_EFFECTS)[fuel]
    eta += protected_effect * 0.1 * (g + b - a + young_men + d)
    frequency = base_frequency * np.exp(eta)
    severity = _MEAN_CLAIM * np.exp(0.15 * z[0] - 0.02 * (v - 7.5))
    claims = rng.poisson(exposure * frequency)
    # A sum of k gamma variables is gamma with k times the shape; a shape of 0 is not drawn.
    amount = np.zeros(n_samples)
    hit = claims > 0
    amount[hit] = rng.gamma(_SHAPE * claims[hit], severity[hit] / _SHAPE)

    data = pandas.DataFrame(
        {
            "vehicle_age": v,
            "vehicle_power": 80 + 15 * z[0],
            "annual_mileage": 12 + 2.5 * z[1],
            "bonus_malus": 100 + 15 * z[2],
            "harsh_braking": 10 + 2 * z[3],
            "night_share": 20 + 4 * z[4],
            "log_density": 5 + z[5],
            "fuel": pandas.Categorical.from_codes(fuel, _FUELS),
        }
    )
    sensitive = pandas.DataFrame(
        {
            "gender": pandas.Categorical.from_codes(gender, ["female", "male"]),
            "region": pandas.Categorical.from_codes(region, _REGIONS),
            "age": 49 + 31 * a,
        }
    )
    return sensitive_bunch(
        data,
        sensitive,
        pandas.Series(claims.astype(float), name="claims"),
        ["claims"],
        _DESCR.format(
            n_samples=n_samples,
            protected_effect=protected_effect,
            proxy_strength=proxy_strength,
            base_frequency=base_frequency,
        ),
        return_X_y=False,
        as_frame=as_frame,
        more={
            "exposure": exposure,
            "claim_amount": amount,
            "expected_frequency": frequency,
            "expected_severity": severity,
        },
    )


def _check(n_samples, protected_effect, proxy_strength, base_frequency):
    whole = isinstance(n_samples, (int, np.integer)) and not isinstance(n_samples, bool)
    if not whole or n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r}: want an integer of at least 1")
    for name, value in (("protected_effect", protected_effect), ("proxy_strength", proxy_strength)):
        if not _is_number(value):
            raise ValueError(f"{name}={value!r}: want a finite number")
    if not _is_number(base_frequency) or base_frequency <= 0:
        raise ValueError(f"base_frequency={base_frequency!r}: want a positive finite number")


def _is_number(value):
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return real and np.isfinite(value)


_DESCR = """\
A simulated motor portfolio
---------------------------

:Rows: {n_samples} policies
:Target: claims, the number of claims in `exposure` years
:Features: 8: vehicle_age, vehicle_power, annual_mileage, bonus_malus, harsh_braking, night_share,
    log_density, fuel
:Protected: gender (two levels), region (ten levels), age in years
:Truth: `expected_frequency` (claims a year), `expected_severity` (mean of one claim)
:Parameters: protected_effect={protected_effect}, proxy_strength={proxy_strength},
    base_frequency={base_frequency}

The rating factors stand in for the protected attributes: vehicle_power and annual_mileage for
gender, bonus_malus for age, log_density for the region; harsh_braking is U-shaped in age and not
correlated with it, and night_share depends on gender and age together, on neither alone. The
docstring of make_motor_portfolio states the law exactly. No real policies went into it.
"""
