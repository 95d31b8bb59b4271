"""What losses of pairs are called, and what their parameters must be."""

from numbers import Real

import numpy as np

PAIR_LOSSES = ("binomial", "contrastive", "lifted", "multi_similarity", "triplet")


def check_pair_options(loss, scale_pos, scale_neg, threshold, mining_margin):
    """Raise unless the parameters of a loss of pairs are what they must be.

    Parameters
    ----------
    loss : object
        One of `PAIR_LOSSES`.
    scale_pos, scale_neg : object
        Numbers above 0.
    threshold : object
        A finite number.
    mining_margin : object
        A number, at least 0.

    Raises
    ------
    ValueError
        Naming the first that is something else.
    """
    if not (isinstance(loss, str) and loss in PAIR_LOSSES):
        raise ValueError(f"loss must be one of {PAIR_LOSSES}, got {loss!r}.")
    for name, value in (("scale_pos", scale_pos), ("scale_neg", scale_neg)):
        if not (isinstance(value, Real) and 0 < value < np.inf):
            raise ValueError(f"{name} must be above 0 and finite, got {value!r}.")
    if not (isinstance(threshold, Real) and np.isfinite(threshold)):
        raise ValueError(f"threshold must be a finite number, got {threshold!r}.")
    if not (isinstance(mining_margin, Real) and 0 <= mining_margin < np.inf):
        raise ValueError(f"mining_margin must be at least 0 and finite, got {mining_margin!r}.")
