"""An audit of privacy from outside: how far apart are releases of neighbouring data sets?"""

import warnings
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skweight.privacy._audit_bounds import best_event
from skweight.privacy._exceptions import PrivacyLeakWarning


@dataclass(frozen=True)
class AuditResult:
    """Say what an audit found.

    A bound above the epsilon that a release claims proves the claim wrong, up to `confidence`; a
    bound below it proves nothing.

    Parameters
    ----------
    epsilon_lower : float
        Lower bound on epsilon, at least 0.
    threshold : float
        What the statistic is compared with.
    above : bool
        Whether the event is a statistic above the threshold, rather than at most the threshold.
    counts : tuple of int
        How often the event happened among the tested releases of each data set.
    n_tested : int
        How many releases of each data set were tested.
    confidence : float
        With what probability the bound holds.
    delta : float
        The delta that was taken as given.

    See Also
    --------
    audit_epsilon : Make an audit.

    Examples
    --------
    >>> from skweight.privacy import AuditResult
    >>> found = AuditResult(0.8, 1.5, True, (610, 240), 1000, confidence=0.95, delta=0.0)
    >>> found.epsilon_lower <= 1.0
    True
    """

    epsilon_lower: float
    threshold: float
    above: bool
    counts: tuple
    n_tested: int
    confidence: float
    delta: float


def audit_epsilon(
    estimator_factory,
    D,
    D_neighbour,
    *,
    statistic,
    n_runs=2000,
    confidence=0.95,
    delta=0.0,
    vectorized=False,
    random_state=None,
    n_jobs=None,
):
    """Bound epsilon from below by experiment.

    Both data sets are released many times, and each release is reduced to one number. The event
    "the number is above (or at most) a threshold" is chosen on the first half of the releases, and
    the second half says how much likelier it is on one data set than on the other. A sound release
    of a given epsilon has a bound above it with probability ``1 - confidence`` at the most; a bound
    that is above proves that something is wrong. A bound below proves nothing: another statistic,
    or more runs, may find more.

    Parameters
    ----------
    estimator_factory : callable
        Takes nothing and returns a new estimator, which is then fitted. It must not be given an
        accountant: an audit is for data that are nobody's. With ``vectorized=True``: takes
        ``(D, n_runs, random_state)`` and returns what `statistic` takes.
    D : array-like or tuple
        Rows, or a tuple of the arguments of `fit`.
    D_neighbour : array-like or tuple
        The same with one row more, less, or changed, as far from all others as bounds allow.
    statistic : callable
        From a fitted estimator to a number. Those that find most are the log-likelihood ratio of
        the whole release, and the one noisy sum that the row moves most. With ``vectorized=True``:
        from what `estimator_factory` returned to an array of shape (n_runs,).
    n_runs : int, default=2000
        Number of releases of each data set, at least 4.
    confidence : float, default=0.95
        With what probability at least the bound holds, in (0, 1).
    delta : float, default=0.0
        The delta that is taken as given, in [0, 1).
    vectorized : bool, default=False
        Whether `estimator_factory` makes all releases of a data set at once.
    random_state : int, RandomState instance or None, default=None
        None for noise as it is; otherwise each fit gets a seed, so that the audit can be repeated.
    n_jobs : int or None, default=None
        Number of workers that fit. None means 1 unless a joblib backend says otherwise.

    Returns
    -------
    AuditResult
        The bound, the event, and how often it happened.

    Raises
    ------
    ValueError
        If a parameter has no meaning, or the statistic is not a finite number each time.

    See Also
    --------
    AuditResult : What is returned.

    Notes
    -----
    The bounds on both proportions are those of Clopper and Pearson, so that the confidence is no
    approximation. With n releases of each data set in the tested half, no bound above about
    ``log(n / 4)`` can be found.

    References
    ----------
    .. [1] M. Jagielski, J. Ullman and A. Oprea, "Auditing Differentially Private Machine Learning:
       How Private is Private SGD?", NeurIPS 2020.
    .. [2] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.

    Examples
    --------
    Noise of scale 1 on a count is what epsilon = 1 takes, and of scale 1/4 is too little.

    >>> import numpy as np
    >>> from skweight.privacy import audit_epsilon
    >>> def noisy_count(scale):
    ...     def release(D, n_runs, random_state):
    ...         return len(D) + np.random.RandomState(random_state).laplace(0, scale, n_runs)
    ...     return release
    >>> D, D_neighbour = np.zeros((10, 1)), np.zeros((11, 1))
    >>> options = dict(statistic=lambda counts: counts, n_runs=20_000, vectorized=True)
    >>> bounds = [
    ...     audit_epsilon(noisy_count(s), D, D_neighbour, random_state=0, **options).epsilon_lower
    ...     for s in (1.0, 0.25)
    ... ]
    >>> bounds[0] < 1 < bounds[1]
    True
    """
    _check_parameters(n_runs, confidence, delta)
    rng = None if random_state is None else check_random_state(random_state)
    draw = _all_at_once if vectorized else _one_by_one
    sample, neighbour = (
        _checked(draw(estimator_factory, data, statistic, n_runs, rng, n_jobs), n_runs)
        for data in (D, D_neighbour)
    )
    half = n_runs // 2
    event = best_event(sample[:half], neighbour[:half], delta, confidence)
    epsilon, counts = event.epsilon(sample[half:], neighbour[half:], delta, confidence)
    return AuditResult(
        epsilon_lower=epsilon,
        threshold=event.threshold,
        above=event.above,
        counts=counts,
        n_tested=n_runs - half,
        confidence=confidence,
        delta=delta,
    )


def _check_parameters(n_runs, confidence, delta):
    if not isinstance(n_runs, Integral) or n_runs < 4:
        raise ValueError(f"n_runs must be an integer of at least 4, got {n_runs!r}.")
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence!r}.")
    if not isinstance(delta, Real) or not 0 <= delta < 1:
        raise ValueError(f"delta must be in [0, 1), got {delta!r}.")


def _all_at_once(mechanism, data, statistic, n_runs, rng, n_jobs):
    seed = None if rng is None else _seeds(rng, 1)[0]
    return statistic(mechanism(data, n_runs, seed))


def _one_by_one(factory, data, statistic, n_runs, rng, n_jobs):
    seeds = [None] * n_runs if rng is None else _seeds(rng, n_runs)
    arguments = data if isinstance(data, tuple) else (data,)
    n_batches = min(n_runs, 4 * effective_n_jobs(n_jobs))
    cuts = np.linspace(0, n_runs, n_batches + 1).astype(int).tolist()
    batches = Parallel(n_jobs=n_jobs)(
        delayed(_fit_many)(factory, arguments, statistic, seeds[start:end])
        for start, end in pairwise(cuts)
    )
    return [value for batch in batches for value in batch]


def _seeds(rng, n):
    return rng.randint(np.iinfo(np.int32).max, size=n).tolist()


def _fit_many(factory, arguments, statistic, seeds):
    values = []
    with warnings.catch_warnings():
        # Once for all seeds would be enough, and whoever audits knows.
        warnings.simplefilter("ignore", PrivacyLeakWarning)
        for seed in seeds:
            estimator = factory()
            if seed is not None:
                estimator.set_params(random_state=seed)
            values.append(statistic(estimator.fit(*arguments)))
    return values


def _checked(values, n_runs):
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (n_runs,) or not np.isfinite(values).all():
        raise ValueError("statistic must return one finite number for each of n_runs releases.")
    return values
