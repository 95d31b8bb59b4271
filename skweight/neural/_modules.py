"""Networks for tables: layers with their own random numbers, whatever happens elsewhere."""

import functools
import itertools
import math

import torch
from torch import nn

ACTIVATIONS = {
    # In place: what a linear layer puts out, nothing else needs.
    "relu": functools.partial(nn.ReLU, inplace=True),
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}


def gain_of(activation):
    """Return the gain of first weights before an activation, as scikit-learn's perceptrons do."""
    return 2.0 if activation == "logistic" else 6.0


def linear(n_in, n_out, generator, dtype, gain=6.0, bias=True):
    """Return a layer with uniform weights and biases, as `MLPClassifier` begins.

    The bounds are those of Glorot and Bengio: the root of `gain` over the number of inputs and
    outputs.
    """
    layer = nn.utils.skip_init(nn.Linear, n_in, n_out, bias=bias, dtype=dtype)
    bound = math.sqrt(gain / (n_in + n_out))
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    if bias:
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


class MLP(nn.Sequential):
    """A multi-layer perceptron with a linear last layer.

    Weights and biases begin as those of :class:`~sklearn.neural_network.MLPClassifier` do.

    Parameters
    ----------
    n_in, n_out : int
        Number of features and of outputs.
    hidden_layer_sizes : tuple of int, default=(100,)
        Units of the hidden layers; () is a linear model.
    activation : str, default="relu"
        Name of a function between layers.
    dropout : float, default=0.0
        Share of hidden units that are left out of a training step.
    generator : torch.Generator or None, default=None
        Source of the random numbers.
    dtype : torch.dtype or None, default=None
        Type of the weights.

    See Also
    --------
    ResidualMLP : A deeper network.

    Examples
    --------
    >>> from skweight.neural import MLP
    >>> MLP(4, 2, (10,), activation="tanh")
    MLP(
      (0): Linear(in_features=4, out_features=10, bias=True)
      (1): Tanh()
      (2): Linear(in_features=10, out_features=2, bias=True)
    )
    """

    def __init__(
        self,
        n_in,
        n_out,
        hidden_layer_sizes=(100,),
        activation="relu",
        dropout=0.0,
        *,
        generator=None,
        dtype=None,
    ):
        gain = gain_of(activation)
        layers = []
        sizes = [n_in, *hidden_layer_sizes]
        for before, after in itertools.pairwise(sizes):
            layers += [linear(before, after, generator, dtype, gain), ACTIVATIONS[activation]()]
            if dropout > 0:
                layers.append(Dropout(dropout, generator))
        super().__init__(*layers, linear(sizes[-1], n_out, generator, dtype, gain))


class Autoencoder(nn.Module):
    """Two perceptrons: one to a code, and one with the same layers in reverse back to rows.

    Parameters
    ----------
    n_in, n_out : int
        Number of features.
    n_components : int, default=2
        Numbers of the code.
    hidden_layer_sizes : tuple of int, default=(100,)
        Units of the encoder's hidden layers.
    activation : str, default="relu"
        Name of a function between layers.
    generator : torch.Generator or None, default=None
        Source of the random numbers.
    dtype : torch.dtype or None, default=None
        Type of the weights.
    """

    def __init__(
        self,
        n_in,
        n_out,
        n_components=2,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        generator=None,
        dtype=None,
    ):
        super().__init__()
        options = {"activation": activation, "generator": generator, "dtype": dtype}
        self.encoder = MLP(n_in, n_components, hidden_layer_sizes, **options)
        self.decoder = MLP(n_components, n_out, hidden_layer_sizes[::-1], **options)

    def forward(self, X):
        """Return rows as rebuilt from their codes."""
        return self.decoder(self.encoder(X))


class ResidualMLP(nn.Module):
    """A perceptron whose blocks add to what they get, normalised by layer.

    Deep networks of this kind train where plain ones stall. Parameters are those of `MLP`; all
    hidden layers have the width of the first.

    Parameters
    ----------
    n_in, n_out : int
        Number of features and of outputs.
    hidden_layer_sizes : tuple of int, default=(128, 128, 128)
        Width, once for each block.
    activation : str, default="relu"
        Name of a function between layers.
    dropout : float, default=0.0
        Share of hidden units that are left out of a training step.
    generator : torch.Generator or None, default=None
        Source of the random numbers.
    dtype : torch.dtype or None, default=None
        Type of the weights.

    See Also
    --------
    MLP : Layers one after the other.

    Examples
    --------
    >>> import torch
    >>> from skweight.neural import ResidualMLP
    >>> ResidualMLP(4, 2, (32, 32))(torch.zeros(5, 4)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        n_in,
        n_out,
        hidden_layer_sizes=(128, 128, 128),
        activation="relu",
        dropout=0.0,
        *,
        generator=None,
        dtype=None,
    ):
        super().__init__()
        if not hidden_layer_sizes:
            raise ValueError("hidden_layer_sizes of a ResidualMLP must hold one width at least.")
        width = hidden_layer_sizes[0]
        self.first = linear(n_in, width, generator, dtype)
        self.blocks = nn.ModuleList()
        for _ in hidden_layer_sizes:
            self.blocks.append(
                nn.Sequential(
                    nn.LayerNorm(width, dtype=dtype),
                    linear(width, width, generator, dtype),
                    ACTIVATIONS[activation](),
                    Dropout(dropout, generator),
                    linear(width, width, generator, dtype),
                )
            )
        self.norm = nn.LayerNorm(width, dtype=dtype)
        self.last = linear(width, n_out, generator, dtype)

    def forward(self, X):
        """Return the outputs.

        Features become outputs.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_in)
            What comes in.

        Returns
        -------
        Tensor of shape (n_rows, n_out)
            What goes out.

        See Also
        --------
        MLP : Layers one after the other.

        Examples
        --------
        >>> import torch
        >>> from skweight.neural import ResidualMLP
        >>> ResidualMLP(4, 2, (8,)).forward(torch.zeros(5, 4)).shape
        torch.Size([5, 2])
        """
        hidden = self.first(X)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(self.norm(hidden))


class Dropout(nn.Module):
    """Leave out random units, by a generator of its own.

    It draws the same units whatever else happens in the process, which ``torch.nn.Dropout`` does
    not.

    Parameters
    ----------
    p : float
        Share that is left out, at least 0 and below 1.
    generator : torch.Generator or None, default=None
        Source of the random numbers; a child of it is used.

    See Also
    --------
    MLP : A perceptron, which may drop out.

    Examples
    --------
    >>> import torch
    >>> from skweight.neural import Dropout
    >>> layer = Dropout(0.5, torch.Generator().manual_seed(0))
    >>> sorted(set(layer(torch.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p, generator=None):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p must be at least 0 and below 1, got {p}.")
        self.p = p
        self.generator = torch.Generator()
        seed = torch.randint(2**31 - 1, (), generator=generator)
        self.generator.manual_seed(int(seed))

    def forward(self, X):
        """Return the units that are kept, scaled up.

        In evaluation all are kept.

        Parameters
        ----------
        X : Tensor
            What comes in.

        Returns
        -------
        Tensor of the shape of X
            What goes out.

        See Also
        --------
        torch.nn.Dropout : By torch's global random state.

        Examples
        --------
        >>> import torch
        >>> from skweight.neural import Dropout
        >>> Dropout(0.5).eval().forward(torch.ones(3))
        tensor([1., 1., 1.])
        """
        if not self.training or self.p == 0:
            return X
        kept = torch.rand(X.shape, generator=self.generator, dtype=X.dtype) >= self.p
        return X * kept.to(X.device) / (1 - self.p)


class WeightedBatchNorm1d(nn.Module):
    """Batch normalisation in which a row of weight 2 counts as two rows.

    The networks of this package tell it the weights of each batch. With equal ones it is
    ``torch.nn.BatchNorm1d``, up to the running variance, which is the biased one here.

    Parameters
    ----------
    num_features : int
        Number of features.
    eps : float, default=1e-5
        Added to variances.
    momentum : float, default=0.1
        Share of a batch in the running mean and variance, both of which are weighted and biased.
    dtype : torch.dtype or None, default=None
        Type of the parameters.

    See Also
    --------
    MLP : A perceptron without normalisation.

    Examples
    --------
    >>> import torch
    >>> from skweight.neural import WeightedBatchNorm1d
    >>> layer = WeightedBatchNorm1d(1)
    >>> layer.sample_weight = torch.tensor([3.0, 1.0])
    >>> layer(torch.tensor([[0.0], [4.0]])).round(decimals=3).flatten().tolist()
    [-0.5770000219345093, 1.7319999933242798]
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, dtype=None):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(num_features, dtype=dtype))
        self.register_buffer("running_mean", torch.zeros(num_features, dtype=dtype))
        self.register_buffer("running_var", torch.ones(num_features, dtype=dtype))
        self.sample_weight = None  # of the batch, which the net sets

    def forward(self, X):
        """Return normalised features.

        In evaluation running moments are used.

        Parameters
        ----------
        X : Tensor of shape (n_rows, num_features)
            What comes in.

        Returns
        -------
        Tensor of shape (n_rows, num_features)
            What goes out.

        See Also
        --------
        torch.nn.BatchNorm1d : Without weights.

        Examples
        --------
        >>> import torch
        >>> from skweight.neural import WeightedBatchNorm1d
        >>> WeightedBatchNorm1d(2).forward(torch.ones(3, 2)).abs().max().item()
        0.0
        """
        if self.training:
            mean, var = self._moments(X)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (X - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias

    def _moments(self, X):
        if self.sample_weight is None:
            return X.mean(dim=0), X.var(dim=0, unbiased=False)
        share = (self.sample_weight / self.sample_weight.sum())[:, None]
        mean = (share * X).sum(dim=0)
        return mean, (share * (X - mean) ** 2).sum(dim=0)
