"""Exact leave-one-out predictions of every step, penalty and target from one decomposition.

Leaving a row out of all steps changes the fitted values of step t by a combination of the vectors
``A^k e_i``, so that the diagonals of powers of the smoother A are all that is needed: ``e_k`` below
are the coefficients of the combination, which each step shifts by one power.
"""

from skweight._core._array_api import concat, namespace, take, zeros


class SpectralRows:
    """Fits, residuals and diagonals at the rows, from a `Spectrum`.

    Parameters
    ----------
    spectrum : Spectrum
        The decomposition.
    y : array of shape (n, m)
        Targets.
    penalties : array of shape (n_steps, n_alphas)
        Penalty of each step, for several chains at once.
    """

    def __init__(self, spectrum, y, penalties):
        xp = namespace(spectrum.vectors)
        self.spectrum = spectrum
        self.centred, self.mean = spectrum.centre(y)
        self.targets = spectrum.project(self.centred)[:, None, :]  # (r, 1, m)
        self.beyond = spectrum.beyond(self.centred, self.targets[:, 0, :])
        self.same_penalty = bool(xp.all(penalties == penalties[:1, :]))
        self.squares = spectrum.vectors**2
        penalties = xp.reshape(penalties, (1, *penalties.shape))  # (1, T, L)
        self.values = spectrum.values[:, None, None]
        self.total = self.values + penalties
        self.a = self.values / self.total
        self.rest = penalties / self.total

    def fit(self, t, coefficients):
        """Return the fit to what coefficients fit.

        Returns
        -------
        coefficients : array of shape (r, n_alphas, m)
            Of the new fit.
        values, residuals : array of shape (n, n_alphas, m)
            At the rows, centred.
        """
        light = None
        if self.spectrum.light is not None:
            light = self.spectrum.at_light(coefficients)
        return self._fit(t, self.values * coefficients, None, light)

    def fit_first(self, t):
        """Return the fit to the original targets, likewise."""
        light = None
        if self.spectrum.light is not None:
            light = take(self.centred, self.spectrum.light)[:, None, :]
        return self._fit(t, self.targets, self.beyond, light)

    def _fit(self, t, targets, beyond, light):
        """Fit targets in coordinates, given their part beyond reach and those of light rows."""
        xp = namespace(targets)
        spectrum = self.spectrum
        coefficients = targets / self.total[:, t, :, None]
        parts = [filters[:, t, :, None] * targets for filters in (self.a, self.rest)]
        values, residuals = _halves(spectrum.rows(concat(parts, axis=1)))
        if beyond is not None:
            residuals = residuals + beyond[:, None, :]
        if light is not None:
            places = spectrum.light
            fitted = spectrum.at_light(coefficients)
            values[places, ...] = fitted
            # A difference keeps its digits unless the row makes most of its own fitted value.
            left = take(self.diagonals(t, None)[0], places)
            old = take(residuals, places)
            residuals[places, ...] = xp.where(left > 0.5, light - fitted, old)
        return coefficients, values, residuals

    def diagonals(self, t, power):
        """Return the diagonals of R P and A P, for the filters of P; None is the identity."""
        a, rest = self.a[:, t, :], self.rest[:, t, :]
        spectrum = self.spectrum
        filters = concat([rest, a], axis=1)
        if power is not None:
            filters = filters * concat([power, power], axis=1)
        left, through = _halves(self.squares @ filters)
        if power is None and spectrum.outside is not None:
            left = left + spectrum.outside
        if spectrum.share is not None:
            through = through + spectrum.share
        return left[:, :, None], through[:, :, None]

    def power(self, t, power):
        """Return the filters of A P."""
        a = self.a[:, t, :]
        return a if power is None else a * power


def _halves(values):
    """Return the two halves of columns that were made by one product, one pass over its matrix."""
    half = values.shape[1] // 2
    return values[:, :half, ...], values[:, half:, ...]


class InverseRows:
    """The same for one penalty and two steps at the most, from the inverse of ``K + alpha I``.

    Parameters
    ----------
    inverse : array of shape (n, n)
        The inverse.
    y : array of shape (n, m)
        Targets.
    penalty : float
        The penalty.
    scale : array of shape (n, 1) or None, default=None
        Roots of the rows' weights, by which kernel and targets were multiplied.
    """

    same_penalty = True

    def __init__(self, inverse, y, penalty, scale=None):
        xp = namespace(inverse)
        self.inverse = inverse
        self.penalty = penalty
        self.scale = scale
        self.targets = (y if scale is None else scale * y)[:, None, :]
        self.mean = zeros((1, y.shape[1]), like=y)
        h1 = xp.linalg.diagonal(inverse) if hasattr(xp.linalg, "diagonal") else inverse.diagonal()
        self.h1 = xp.reshape(h1, (-1, 1, 1))
        self.h2 = xp.reshape(xp.sum(inverse**2, axis=1), (-1, 1, 1))

    def fit(self, t, targets):
        """Return scaled fitted values, fitted values and residuals at the rows."""
        residuals = self.penalty * (self.inverse @ targets[:, 0, :])[:, None, :]
        fitted = targets - residuals
        if self.scale is None:
            return fitted, fitted, residuals
        scale = self.scale[:, :, None]
        return fitted, fitted / scale, residuals / scale

    def fit_first(self, t):
        """Return the same for the original targets."""
        return self.fit(t, self.targets)

    def diagonals(self, t, power):
        """Return the diagonals of R P and A P; P is the identity or, marked by 1, A."""
        left = self.penalty * self.h1
        square = self.penalty**2 * self.h2
        if power is None:
            return left, 1 - left
        return left - square, 1 - 2 * left + square

    def power(self, t, power):
        """Return the mark of A P."""
        return 1


def leave_one_out(rows, n_steps, choose):
    """Predict every row of every step from all other rows.

    Parameters
    ----------
    rows : SpectralRows or InverseRows
        Fits and diagonals.
    n_steps : int
        Number of steps.
    choose : callable
        ``choose(t, first, student)`` returns the weight of the ground truth in the step t (from
        1), an array that broadcasts to (n_alphas, m), given leave-one-out predictions, of shape
        (n, n_alphas, m), of the fit to the targets and of the fit to the last step's predictions.

    Returns
    -------
    predictions : list of array of shape (n, n_alphas, m)
        By step.
    weights : list of array
        What `choose` returned.
    """
    mean = rows.mean[:, None, :]
    known = {}

    def diagonals(t, power, place):
        """Look the diagonals up where all steps have one penalty."""
        if not rows.same_penalty:
            return rows.diagonals(t, power)
        if place not in known:
            known[place] = rows.diagonals(t, power)
        return known[place]

    predictions, weights = [], []
    fitted = changes = powers = first = None
    for t in range(n_steps):
        left, through = diagonals(t, None, 0)
        if t == 0 or not rows.same_penalty:
            coordinates, values, residuals = rows.fit_first(t)
            change = -residuals / left
            first = coordinates, change, values + change * through
        if t == 0:
            fitted, changes, powers = first[0], [first[1]], [rows.power(t, None)]
            predictions.append(first[2] + mean)
            continue
        coordinates, values, residuals = rows.fit(t, fitted)
        for k, (old, power) in enumerate(zip(changes, powers)):
            on_residuals, on_values = diagonals(t, power, k + 1)
            residuals = residuals + old * on_residuals
            values = values + old * on_values
        change = -residuals / left
        student = values + change * through
        w = choose(t, first[2] + mean, student + mean)
        weights.append(w)
        predictions.append(w * first[2] + (1 - w) * student + mean)
        fitted = w * first[0] + (1 - w) * coordinates
        changes = [w * first[1] + (1 - w) * change, *((1 - w) * old for old in changes)]
        powers = [rows.power(t, power) for power in (None, *powers)]
    return predictions, weights


def pooled_squared_error(y, predictions, weight=None):
    """Return the weighted mean squared error, mean over targets, of (n, ..., m) predictions."""
    xp = namespace(predictions)
    middle = (1,) * (predictions.ndim - 2)
    y = xp.reshape(y, (y.shape[0], *middle, y.shape[1]))
    squares = xp.mean((y - predictions) ** 2, axis=-1)
    if weight is None:
        return xp.mean(squares, axis=0)
    share = xp.reshape(weight / xp.sum(weight), (-1, *middle))
    return xp.sum(share * squares, axis=0)


def check_enough_rows(n):
    """Raise if there is one row alone."""
    if n < 2:
        raise ValueError(
            f"Leave-one-out needs at least 2 rows of positive weight, got n_samples={n}."
        )
