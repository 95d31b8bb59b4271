"""Bounded weights of rows by their current loss, for arrays and for tensors."""

import sys
from numbers import Real

import numpy as np

# Strategy -> what a loss mapped to h in [-d, d] counts, before the softmax.
_SHAPES = {
    "linupper": lambda h, d: (h + d).clip(None, d),
    "quadratic": lambda h, d: 1 - (h / d) ** 2,
    "extremes": lambda h, d: abs(h),
    "upper": lambda h, d: (h + d) / 2,
    "uniform": lambda h, d: h * 0,
}
STRATEGIES = tuple(_SHAPES)
RANGE_FLOOR = 1e-6


def loss_based_weights(
    losses,
    strategy="linupper",
    temperature=1.0,
    delta=1.0,
    sum_to="n",
    sample_weight=None,
    range_floor=RANGE_FLOOR,
):
    r"""Weight rows by a bounded function of their current losses.

    The losses of a batch are mapped to an interval, a strategy says how much each place in it
    counts, and a softmax makes weights of that [1]_. No row can take over: the largest weight is at
    most :math:`e^{\delta / T}` times the smallest, :math:`e^{1 / T}` times for "quadratic".

    Parameters
    ----------
    losses : array-like or Tensor of shape (n_samples,)
        Current losses of the rows of a batch, finite. There is no gradient through a tensor.
    strategy : str, default="linupper"
        What counts more: "linupper", large losses, with all of the upper half of the range alike;
        "quadratic", losses in the middle of it; "extremes", both ends; "upper", large losses.
        "uniform" leaves all rows alike.
    temperature : float, default=1.0
        Above 0. The higher, the closer weights are to uniform.
    delta : float, default=1.0
        Half the length of the interval that losses are mapped to, above 0. For all strategies but
        "quadratic", which does not depend on it, it does what 1 / `temperature` does.
    sum_to : "n" or 1, default="n"
        Sum of the weights: the number of rows, or with `sample_weight` the sum of those; or 1.
    sample_weight : array-like or Tensor of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0 and not all 0: how often each is meant to be there.
    range_floor : float, default=1e-6
        Losses whose range is below it, at least 0, are mapped as if it were the range: losses that
        are all nearly the same get weights that are.

    Returns
    -------
    ndarray or Tensor of shape (n_samples,)
        The weights: float64, or for a tensor of floats of its type.

    Raises
    ------
    ValueError
        If losses are not finite, or another argument is not as described.

    See Also
    --------
    DynamicLossReweightedClassifier : Fits any classifier with such weights.
    skweight.losses.LossReweightedCriterion : A loss of torch with such weights.

    Notes
    -----
    With :math:`R` the range of losses, at least `range_floor`, and :math:`d` for `delta`,

    .. math::

       h_i = d \left(2\, \frac{l_i - \min l}{R} - 1\right), \qquad
       w_i = \frac{s_i\, e^{f(h_i) / T}}{\sum_j s_j\, e^{f(h_j) / T}},

    where :math:`f(h)` is :math:`\min(h + d, d)` for "linupper", :math:`1 - h^2/d^2` for
    "quadratic", :math:`|h|` for "extremes" and :math:`(h + d) / 2` for "upper". For weights
    :math:`s` of 1 these are the :math:`w` of the simplex that maximise :math:`\sum_i w_i f(h_i)`
    less :math:`T` times the divergence of Kullback and Leibler from uniform weights.

    References
    ----------
    .. [1] D. Sow, H. Woisetschlaeger, S. Bulusu, S. Wang, H.-A. Jacobsen and Y. Liang, "Dynamic
       Loss-Based Sample Reweighting for Improved Large Language Model Pretraining", ICLR 2025,
       arXiv 2502.06733.

    Examples
    --------
    >>> from skweight.reweighting import loss_based_weights
    >>> loss_based_weights([0, 0.5, 1, 2, 4]).round(2)
    array([0.53, 0.69, 0.88, 1.45, 1.45])
    >>> loss_based_weights([0, 0.5, 1, 2, 4], "quadratic").round(2)
    array([0.6 , 0.92, 1.26, 1.62, 0.6 ])
    """
    check_weighting(strategy, temperature, delta, range_floor)
    if sum_to != 1 and sum_to != "n":
        raise ValueError(f"sum_to must be 'n' or 1, got {sum_to!r}.")
    losses, given, xp = _checked(losses, sample_weight)
    if strategy == "uniform":
        return given if sum_to == "n" else given / given.sum()
    met = losses[given > 0]
    low, high = met.min(), met.max()
    width = max(float(high - low), range_floor)
    if width == 0:
        return given if sum_to == "n" else given / given.sum()
    # The losses of rows of weight 0 may be anywhere, and their exponentials are not to overflow.
    h = delta * (2 * (losses.clip(low, high) - low) / width - 1)
    score = _SHAPES[strategy](h, delta)
    grown = xp.exp((score - score[given > 0].max()) / temperature)
    total = given.sum() if sum_to == "n" else 1
    return given * (grown * (total / (given * grown).sum()))


def check_weighting(strategy, temperature, delta=1.0, range_floor=RANGE_FLOOR):
    """Raise unless these parameters of weights have a meaning."""
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}.")
    check_temperature(temperature)
    if not (isinstance(delta, Real) and 0 < delta < np.inf):
        raise ValueError(f"delta must be above 0 and finite, got {delta!r}.")
    if not (isinstance(range_floor, Real) and 0 <= range_floor < np.inf):
        raise ValueError(f"range_floor must be at least 0 and finite, got {range_floor!r}.")


def check_temperature(temperature, name="temperature"):
    """Return a temperature, or say what it must be."""
    if not (isinstance(temperature, Real) and 0 < temperature < np.inf):
        raise ValueError(f"{name} must be above 0 and finite, got {temperature!r}.")
    return temperature


def _checked(losses, sample_weight):
    """Return losses and weights, ones where there are none, and the library of both."""
    torch = sys.modules.get("torch")  # without torch there are no tensors
    if torch is not None and isinstance(losses, torch.Tensor):
        losses = losses.detach()
        if not losses.is_floating_point():
            losses = losses.to(torch.get_default_dtype())
        if sample_weight is None:
            given = torch.ones_like(losses)
        else:
            given = torch.as_tensor(sample_weight).detach().to(losses)
        xp = torch
    else:
        losses = np.asarray(losses, dtype=np.float64)
        given = np.ones(losses.shape) if sample_weight is None else sample_weight
        given, xp = np.array(given, dtype=np.float64), np
    if losses.ndim != 1 or not len(losses):
        raise ValueError(f"losses must have shape (n_samples,), got {tuple(losses.shape)}.")
    if given.shape != losses.shape:
        raise ValueError(
            f"sample_weight must have the shape of losses, {tuple(losses.shape)}, got "
            f"{tuple(given.shape)}."
        )
    if not xp.isfinite(losses).all():
        raise ValueError("losses must be finite, got NaN or infinity.")
    if not (xp.isfinite(given).all() and (given >= 0).all() and given.any()):
        raise ValueError(
            "sample_weight must be finite, at least 0 and not all 0, got other weights."
        )
    return losses, given, xp
