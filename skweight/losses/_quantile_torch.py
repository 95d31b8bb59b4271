"""Losses of quantile forecasts, and operators that put quantiles into order, as modules."""

import numpy as np
import torch
from torch import nn

from skweight._core._quantiles import anchor_index, check_quantiles
from skweight.losses._reductions import check_reduction, reduce_rows


class QuantileLoss(nn.Module):
    r"""Pinball loss of several quantiles at once.

    The loss of a row is the mean over levels of the pinball loss, half its weighted interval
    score, as in `skweight.metrics.mean_quantile_loss`.

    Parameters
    ----------
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean of the rows' losses, their weighted sum, or the unweighted loss of each row.

    Raises
    ------
    ValueError
        If `quantiles` are no levels or `reduction` is none of the three.

    See Also
    --------
    CrossingPenalty : A term that keeps quantiles in order.
    skweight.metrics.mean_quantile_loss : The same of arrays.

    Notes
    -----
    For a target :math:`y` and quantiles :math:`g_k` of the levels :math:`\tau_k` it is

    .. math:: \frac{1}{m} \sum_k \max(\tau_k (y - g_k), (\tau_k - 1) (y - g_k)) .

    References
    ----------
    .. [1] R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import QuantileLoss
    >>> loss = QuantileLoss([0.1, 0.5, 0.9])
    >>> round(loss(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([3.0])).item(), 4)
    0.7333
    """

    def __init__(self, quantiles, reduction="mean"):
        super().__init__()
        self.register_buffer("quantiles", torch.tensor(check_quantiles(quantiles)))
        self.reduction = check_reduction(reduction)

    def forward(self, forecast, target, weight=None):
        """Compute the loss.

        Losses are means over the levels.

        Parameters
        ----------
        forecast : Tensor of shape (n, n_quantiles)
            Quantiles.
        target : Tensor of shape (n,) or (n, 1)
            Outcomes.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number, or shape (n,) for ``reduction="none"``.

        See Also
        --------
        CrossingPenalty.forward : What is added to it.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import QuantileLoss
        >>> QuantileLoss([0.5]).forward(torch.tensor([[0.0]]), torch.tensor([3.0])).item()
        1.5
        """
        m = len(self.quantiles)
        if forecast.ndim != 2 or forecast.shape[1] != m:
            raise ValueError(
                f"forecast must have a column for each of the {m} quantiles, got shape "
                f"{tuple(forecast.shape)}."
            )
        error = target.reshape(-1, 1) - forecast
        levels = self.quantiles.to(forecast.dtype)
        return reduce_rows(
            (levels * error + torch.relu(-error)).mean(dim=1), weight, self.reduction
        )


class CrossingPenalty(nn.Module):
    r"""Penalty on quantiles that cross, or come too near to each other.

    The penalty of a row is the mean over all pairs of levels of how far the lower quantile exceeds
    the higher one, plus a margin, where this is positive [1]_.

    Parameters
    ----------
    margin : float or array-like of shape (n_quantiles, n_quantiles), default=0.0
        How far apart levels a < b shall be, in the units of the forecast: the same for every pair,
        or ``margin[a, b]``, of which the entries above the diagonal count. See
        `skweight.quantile.crossing_margins`.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean of the rows' penalties, their weighted sum, or the unweighted penalty of each.

    Raises
    ------
    ValueError
        If `margin` has another shape or is not finite, or `reduction` is none of the three.

    See Also
    --------
    QuantileLoss : What it is added to.
    skweight.quantile.crossing_penalty : The same of arrays, with its gradient.

    Notes
    -----
    For m quantiles :math:`g_k` and margins :math:`\delta_{ab}` it is

    .. math:: \frac{2}{m (m - 1)} \sum_{a < b} (g_a - g_b + \delta_{ab})_+ ,

    which takes memory of the order of the rows of a batch times the square of m.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import CrossingPenalty
    >>> CrossingPenalty()(torch.tensor([[1.0, 4.0, 2.5]])).item()
    0.5
    """

    def __init__(self, margin=0.0, reduction="mean"):
        super().__init__()
        margin = np.asarray(margin, dtype=np.float64)
        if not np.isfinite(margin).all():
            raise ValueError("margin must be finite, got NaN or infinite values.")
        if margin.ndim not in (0, 2) or (margin.ndim and margin.shape[0] != margin.shape[1]):
            raise ValueError(
                "margin must be a number or a square matrix with a margin for each pair of "
                f"quantiles, got shape {margin.shape}."
            )
        self.register_buffer("margin", torch.tensor(margin))
        self.reduction = check_reduction(reduction)

    def forward(self, forecast, weight=None):
        """Compute the penalty.

        Penalties are means over all pairs of levels.

        Parameters
        ----------
        forecast : Tensor of shape (n, n_quantiles)
            Quantiles, lowest level first.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number, or shape (n,) for ``reduction="none"``; 0 for a single level.

        See Also
        --------
        QuantileLoss.forward : What it is added to.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import CrossingPenalty
        >>> CrossingPenalty().forward(torch.tensor([[1.0, 0.5]])).item()
        0.5
        """
        m = forecast.shape[1]
        if self.margin.ndim and len(self.margin) != m:
            raise ValueError(
                f"margin has {len(self.margin)} rows, and the forecast {m} quantiles: they must "
                "be as many."
            )
        # Other pairs than a < b are infinitely far apart.
        margin = self.margin.to(forecast.dtype).expand(m, m)
        others = torch.ones(m, m, dtype=torch.bool, device=forecast.device).tril()
        margin = margin.masked_fill(others, -torch.inf)
        excess = torch.relu(forecast[:, :, None] - forecast[:, None, :] + margin)
        return reduce_rows(
            excess.sum(dim=(1, 2)) * (2 / max(m * (m - 1), 1)), weight, self.reduction
        )


class NonCrossing(nn.Module):
    """Put the quantiles of each row into order, with gradients that go through.

    A layer without parameters, for training on ordered forecasts [1]_.

    Parameters
    ----------
    method : {"sort", "isotonic", "minmax"}, default="sort"
        Sort them; project them on ordered rows by least squares; or take the running maximum
        upwards and the running minimum downwards from the middle.
    quantiles : array-like of shape (n_quantiles,) or None, default=None
        Levels, for "minmax", which starts from the first of at least 0.5. None means the column
        ``n_quantiles // 2``.

    Raises
    ------
    ValueError
        If `method` is none of the three or `quantiles` are no levels.

    See Also
    --------
    skweight.quantile.noncross_vjp : The same gradients of arrays.

    Notes
    -----
    The Jacobian of sorting is the permutation that sorts; that of the isotonic projection averages
    within each pooled block; that of "minmax" sends each output to the input that it is a copy of.
    Ordered rows pass as they are. The projection is computed as a maximum over starts of minima
    over ends of means, which takes memory of the order of the rows times the square of the levels.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import NonCrossing
    >>> NonCrossing("isotonic")(torch.tensor([[1.0, 3.0, 2.0]]))
    tensor([[1.0000, 2.5000, 2.5000]])
    """

    def __init__(self, method="sort", quantiles=None):
        super().__init__()
        if method not in ("sort", "isotonic", "minmax"):
            raise ValueError(f"method must be 'sort', 'isotonic' or 'minmax', got {method!r}.")
        self.method = method
        self.quantiles = None if quantiles is None else check_quantiles(quantiles)

    def forward(self, forecast):
        """Order the rows.

        Rows that are in order stay as they are.

        Parameters
        ----------
        forecast : Tensor of shape (n, n_quantiles)
            Quantiles.

        Returns
        -------
        Tensor of shape (n, n_quantiles)
            The ordered rows.

        See Also
        --------
        CrossingPenalty.forward : A penalty instead.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import NonCrossing
        >>> NonCrossing("sort").forward(torch.tensor([[1.0, 0.5]])).tolist()
        [[0.5, 1.0]]
        """
        if self.method == "sort":
            return torch.sort(forecast, dim=1, stable=True).values
        if self.method == "isotonic":
            return _isotonic(forecast)
        m = forecast.shape[1]
        if self.quantiles is not None and len(self.quantiles) != m:
            raise ValueError(
                f"forecast must have a column for each of the {len(self.quantiles)} quantiles, got "
                f"{m} columns."
            )
        anchor = m // 2 if self.quantiles is None else anchor_index(self.quantiles)
        upper = torch.cummax(forecast[:, anchor:], dim=1).values
        lower = torch.cummin(forecast[:, : anchor + 1].flip(1), dim=1).values
        return torch.cat([lower.flip(1)[:, :-1], upper], dim=1)


def _isotonic(forecast):
    """Return max over i <= k of min over j >= k of the mean of columns i to j."""
    m = forecast.shape[1]
    before = nn.functional.pad(forecast.cumsum(dim=1), (1, 0))
    places = torch.arange(m, device=forecast.device)
    count = (places[None, :] - places[:, None] + 1).clamp(min=1)
    means = (before[:, None, 1:] - before[:, :-1, None]) / count
    means = torch.where(places[None, :] == places[:, None], forecast[:, :, None], means)
    least = torch.cummin(means.flip(2), dim=2).values.flip(2)
    too_late = places[:, None] > places[None, :]
    ordered = least.masked_fill(too_late, -torch.inf).max(dim=1).values
    in_order = (forecast[:, :-1] <= forecast[:, 1:]).all(dim=1, keepdim=True)
    return torch.where(in_order, forecast, ordered)
