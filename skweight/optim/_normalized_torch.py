"""A perceptron whose hidden layers are normalised, and so do not depend on their weights' norms."""

import itertools

from torch import nn

from skweight.neural._modules import ACTIVATIONS, WeightedBatchNorm1d, gain_of, linear

_NORMS = {"batch": WeightedBatchNorm1d, "layer": nn.LayerNorm}


def normalized_mlp(
    n_in, n_out, hidden_layer_sizes=(100,), activation="relu", *, norm, generator, dtype
):
    """Return hidden layers without biases, each normalised before its activation."""
    gain = gain_of(activation)
    layers = []
    sizes = [n_in, *hidden_layer_sizes]
    for before, after in itertools.pairwise(sizes):
        layers += [
            linear(before, after, generator, dtype, gain, bias=False),
            _NORMS[norm](after, dtype=dtype),
            ACTIVATIONS[activation](),
        ]
    return nn.Sequential(*layers, linear(sizes[-1], n_out, generator, dtype, gain))
