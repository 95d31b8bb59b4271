"""Weights as a saturating function of what is trained."""

import itertools
import math
import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from skweight.neural._modules import ACTIVATIONS, gain_of, linear

LAYER_TYPES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Where weights that are out of reach begin, as a share of the bound.
_CLIPPED = 0.99


class WeightCompander(nn.Module):
    r"""Bounded weights :math:`w = a \arctan(v / b)` of numbers v that are trained.

    A parametrisation for ``torch.nn.utils.parametrize.register_parametrization``. Weights cannot
    leave :math:`\pm a \pi / 2`; where :math:`a / b > 1` those near zero move faster than without
    it [1]_.

    Parameters
    ----------
    a : float, default=1.0
        Height, above 0: weights are below ``a * pi / 2`` in absolute value.
    b : float, default=1.0
        Width, above 0: ``a / b`` is the slope at 0.
    learnable : bool, default=False
        Whether a and b are trained, as the parameters ``log_a`` and ``log_b``. Give these a
        learning rate a hundredth of that of the weights and no decay, in a group of their own: all
        weights of the layer pull at them.
    init : {"inverse", "raw"}, default="inverse"
        What v is for given weights: that which keeps them, or the weights themselves.
    init_clip : bool, default=False
        Whether given weights that are out of reach are clipped to .99 of the bound, with a warning,
        instead of an error. Only for ``init="inverse"``.
    dtype : torch.dtype or None, default=None
        Type of the parameters.

    Raises
    ------
    ValueError
        If an argument is not as described.

    See Also
    --------
    add_weight_compander : Give every layer of a network one.
    CompandedMLPClassifier : A network that is made of such layers.
    torch.nn.utils.parametrizations.weight_norm : Another parametrisation.

    Notes
    -----
    The paper's abstract describes an elementwise nonlinear function that bounds weights and keeps
    them from zero, and whose parameters can be learned. Its text could not be consulted: the
    arctangent, a pair of parameters for each layer and the defaults of a and b are this package's
    reading of it.

    The derivative in v is :math:`ab / (b^2 + v^2)`; a small step on v moves w by its square times
    what it would have moved. Weight decay acts on v. In half precision the function is computed in
    float32.

    References
    ----------
    .. [1] R. Cakaj, J. Mehnert and B. Yang, "Weight Compander: A Simple Weight Reparameterization
       for Regularization", 2023, arXiv 2306.16993.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.utils.parametrize import register_parametrization
    >>> from skweight.optim import WeightCompander
    >>> layer = torch.nn.Linear(3, 2)
    >>> before = layer.weight.detach().clone()
    >>> _ = register_parametrization(layer, "weight", WeightCompander(0.5, 0.1))
    >>> torch.allclose(layer.weight, before, atol=1e-6)
    True
    """

    def __init__(
        self, a=1.0, b=1.0, *, learnable=False, init="inverse", init_clip=False, dtype=None
    ):
        super().__init__()
        for name, value in (("a", a), ("b", b)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0 and finite, got {value!r}.")
        if init not in ("inverse", "raw"):
            raise ValueError(f"init must be 'inverse' or 'raw', got {init!r}.")
        self.learnable = learnable
        self.init = init
        self.init_clip = init_clip
        if learnable:
            self.log_a = nn.Parameter(torch.tensor(math.log(a), dtype=dtype))
            self.log_b = nn.Parameter(torch.tensor(math.log(b), dtype=dtype))
        else:
            self._fixed = float(a), float(b)

    @property
    def a(self):
        """Height.

        A number, or a tensor if it is learned.

        See Also
        --------
        b : Width.

        Examples
        --------
        >>> from skweight.optim import WeightCompander
        >>> WeightCompander(0.5).a
        0.5
        """
        return self.log_a.exp() if self.learnable else self._fixed[0]

    @property
    def b(self):
        """Width.

        A number, or a tensor if it is learned.

        See Also
        --------
        a : Height.

        Examples
        --------
        >>> from skweight.optim import WeightCompander
        >>> WeightCompander(0.5, 0.1).b
        0.1
        """
        return self.log_b.exp() if self.learnable else self._fixed[1]

    def extra_repr(self):
        """Describe it.

        For ``repr``.

        Returns
        -------
        str
            Heights and widths.

        See Also
        --------
        a : Height.

        Examples
        --------
        >>> from skweight.optim import WeightCompander
        >>> WeightCompander(0.5)
        WeightCompander(a=0.5, b=1, learnable=False)
        """
        a, b = (torch.as_tensor(value).item() for value in (self.a, self.b))
        return f"a={a:.4g}, b={b:.4g}, learnable={self.learnable}"

    def forward(self, v):
        """Return weights.

        They are an odd and increasing function of what is trained.

        Parameters
        ----------
        v : Tensor
            What is trained.

        Returns
        -------
        Tensor of the shape of v
            Weights.

        See Also
        --------
        right_inverse : The way back.

        Examples
        --------
        >>> import torch
        >>> from skweight.optim import WeightCompander
        >>> round(WeightCompander(0.3, 0.1)(torch.tensor(0.1)).item(), 4)
        0.2356
        """
        wide = torch.promote_types(v.dtype, torch.float32)
        return (self.a * torch.arctan(v.to(wide) / self.b)).to(v.dtype)

    def right_inverse(self, w):
        """Return what is trained, for given weights.

        With ``init="raw"`` that is the weights.

        Parameters
        ----------
        w : Tensor
            Weights.

        Returns
        -------
        Tensor of the shape of w
            What `forward` makes them of.

        Raises
        ------
        ValueError
            If weights are out of reach, unless they are to be clipped.

        See Also
        --------
        forward : The weights.

        Examples
        --------
        >>> import torch
        >>> from skweight.optim import WeightCompander
        >>> compander = WeightCompander(0.3, 0.1)
        >>> round(compander.right_inverse(compander(torch.tensor(0.2))).item(), 4)
        0.2
        """
        if self.init == "raw":
            return w
        a = self.a.item() if self.learnable else self.a
        angle = w.to(torch.promote_types(w.dtype, torch.float32)) / self.a
        quarter = math.pi / 2
        # The angle as it is rounded: beyond a quarter of a turn the tangent has the other sign.
        if (angle.double().abs() >= quarter).any():
            needed = w.abs().max().item() * 2 / math.pi
            problem = f"Given weights need a compander with a above {needed:.4g}, got a={a:.4g}"
            if not self.init_clip:
                raise ValueError(f"{problem}.")
            warnings.warn(f"{problem}: they are clipped.", UserWarning, stacklevel=2)
            angle = angle.clamp(-_CLIPPED * quarter, _CLIPPED * quarter)
        return (self.b * torch.tan(angle)).to(w.dtype)


def add_weight_compander(
    module, *, a=1.0, b=1.0, learnable=False, init="inverse", layer_types=None
):
    """Bound the weights of a network's layers by a function of what is trained.

    Each layer gets a :class:`WeightCompander` of its own; biases stay as they are.

    Parameters
    ----------
    module : torch.nn.Module
        The network, which is changed.
    a, b : float, default=1.0
        Height and width, above 0.
    learnable : bool, default=False
        Whether heights and widths are trained.
    init : {"inverse", "raw"}, default="inverse"
        Whether the weights stay what they are, or what is trained begins as the weights.
    layer_types : tuple of type or None, default=None
        Which layers; None means linear ones and convolutions of one to three axes.

    Returns
    -------
    torch.nn.Module
        The network.

    Raises
    ------
    ValueError
        If a layer has a parametrisation of its weights already, or if weights are out of reach.
        Then nothing is changed.

    See Also
    --------
    remove_weight_compander : Make the weights plain ones.
    CompandedMLPClassifier : An estimator that pickles.

    Notes
    -----
    A module with parametrisations cannot be pickled, which is torch's: save its ``state_dict``, or
    remove the companders first. Within ``torch.nn.utils.parametrize.cached()`` weights are computed
    once.

    Examples
    --------
    >>> import torch
    >>> from skweight.optim import add_weight_compander
    >>> network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> sorted(add_weight_compander(network, a=0.8, b=0.4).state_dict())[:2]
    ['0.bias', '0.parametrizations.weight.original']
    """
    chosen = []
    for name, layer in module.named_modules():
        if not isinstance(layer, layer_types or LAYER_TYPES):
            continue
        if parametrize.is_parametrized(layer, "weight"):
            raise ValueError(f"Layer {name!r} has a parametrisation of its weights already.")
        compander = WeightCompander(a, b, learnable=learnable, init=init, dtype=layer.weight.dtype)
        try:
            with torch.no_grad():
                compander.right_inverse(layer.weight)
        except ValueError as error:
            raise ValueError(f"Layer {name!r}: {error}") from error
        chosen.append((layer, compander.to(layer.weight.device)))
    for layer, compander in chosen:
        parametrize.register_parametrization(layer, "weight", compander)
    return module


def remove_weight_compander(module):
    """Make the weights of a network plain ones, which stay what they are.

    Predictions do not change, and no longer cost the function.

    Parameters
    ----------
    module : torch.nn.Module
        The network, which is changed. Layers without companders are left alone.

    Returns
    -------
    torch.nn.Module
        The network.

    See Also
    --------
    add_weight_compander : The way there.

    Examples
    --------
    >>> import torch
    >>> from skweight.optim import add_weight_compander, remove_weight_compander
    >>> network = add_weight_compander(torch.nn.Linear(3, 2))
    >>> sorted(remove_weight_compander(network).state_dict())
    ['bias', 'weight']
    """
    for layer in list(module.modules()):
        if not parametrize.is_parametrized(layer, "weight"):
            continue
        if isinstance(layer.parametrizations["weight"][0], WeightCompander):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return module


class CompandedLinear(nn.Module):
    """A linear layer whose weights are companded, and which pickles.

    Parameters
    ----------
    layer : Linear
        Has the weights to begin with.
    compander : WeightCompander
        Their function.
    """

    def __init__(self, layer, compander):
        super().__init__()
        self.out_features = layer.out_features
        self.compander = compander
        with torch.no_grad():
            self.weight = nn.Parameter(compander.right_inverse(layer.weight))
        self.bias = nn.Parameter(layer.bias.detach())

    def folded(self):
        """Return the weights."""
        return self.compander(self.weight)

    def forward(self, X):
        """Return the outputs."""
        return functional.linear(X, self.folded(), self.bias)


class CompandedMLP(nn.Sequential):
    """A perceptron of companded layers.

    Parameters are those of `MLP` and of `WeightCompander`.
    """

    def __init__(
        self,
        n_in,
        n_out,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        a=1.0,
        b=1.0,
        learnable=False,
        generator=None,
        dtype=None,
    ):
        gain = gain_of(activation)
        layers = []
        for before, after in itertools.pairwise([n_in, *hidden_layer_sizes, n_out]):
            compander = WeightCompander(a, b, learnable=learnable, init_clip=True, dtype=dtype)
            plain = linear(before, after, generator, dtype, gain)
            layers += [CompandedLinear(plain, compander), ACTIVATIONS[activation]()]
        super().__init__(*layers[:-1])

    def companded_layers(self):
        """Return the layers without the activations."""
        return [layer for layer in self if isinstance(layer, CompandedLinear)]
