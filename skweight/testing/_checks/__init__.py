"""Our own checks, one file for each thing that can go wrong; importing them registers them."""

from skweight.testing._checks import (  # noqa: F401
    callbacks,
    composition,
    errors,
    frames,
    labels,
    layouts,
    parameters,
    persistence,
    scikit_learn,
    weights,
)
