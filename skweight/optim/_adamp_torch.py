"""Optimisers that do not let the norms of scale-invariant weights grow."""

import math

import torch
from torch.linalg import vecdot, vector_norm
from torch.optim import Optimizer

__all__ = ["SGDP", "AdamP"]


def project(parameter, gradient, update, delta, eps):
    """Remove from an update what is along the parameter, if the gradient is orthogonal to it.

    Returns the update, a new tensor where it is changed, and whether it is.
    """
    if parameter.ndim < 2 or delta == 0:
        return update, False
    # In half precision the threshold is below what a cosine can resolve.
    wide = torch.promote_types(parameter.dtype, torch.float32)
    p, g = (part.flatten(1).to(wide) for part in (parameter, gradient))
    dot, p_norm, g_norm = vecdot(p, g), vector_norm(p, dim=1), vector_norm(g, dim=1)
    for length in (p.shape[1], p.numel()):
        if length == p.numel():  # the whole as one row, whose products are sums of those of rows
            dot = dot.sum(0, keepdim=True)
            p_norm, g_norm = (vector_norm(part, dim=0, keepdim=True) for part in (p_norm, g_norm))
        scale = p_norm.clamp(min=eps).mul_(g_norm.clamp(min=eps))
        if (dot.abs() < scale.mul_(delta / math.sqrt(length))).all():
            q = update.flatten(1).to(wide)
            along = vecdot(p, q)
            if length == p.numel():
                along = along.sum(0, keepdim=True)
            share = along / (p_norm + eps).square_()
            q = torch.addcmul(q, p, share.unsqueeze(1), value=-1)
            return q.reshape(update.shape).to(update.dtype), True
    return update, False


class _Projected(Optimizer):
    """The loop over parameters; a subclass says what one step is."""

    def add_param_group(self, param_group):
        """Add parameters, which may have options of their own.

        Options that are not given are those that the optimiser was made with.

        Parameters
        ----------
        param_group : dict
            The parameters, under "params", and options by their names.

        Raises
        ------
        ValueError
            If an option is out of its range.

        See Also
        --------
        step : Move the parameters.

        Examples
        --------
        >>> import torch
        >>> from skweight.optim import AdamP
        >>> network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
        >>> optimizer = AdamP(network[0].parameters())
        >>> optimizer.add_param_group({"params": network[1].parameters(), "delta": 0.0})
        >>> [group["delta"] for group in optimizer.param_groups]
        [0.1, 0.0]
        """
        self._check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def _check(self, options):
        """Raise if an option is out of its range."""
        for name in ("lr", "eps", "weight_decay", "delta"):
            if not options[name] >= 0:
                raise ValueError(f"{name} must be at least 0, got {options[name]!r}.")
        if not 0 <= options["wd_ratio"] <= 1:
            raise ValueError(f"wd_ratio must be between 0 and 1, got {options['wd_ratio']!r}.")

    @torch.no_grad()
    def step(self, closure=None):
        """Move the parameters, once.

        Those without a gradient stay where they are.

        Parameters
        ----------
        closure : callable or None, default=None
            Computes the loss and the gradients anew.

        Returns
        -------
        Tensor or None
            What the closure returns.

        Raises
        ------
        RuntimeError
            If a gradient is sparse or a parameter complex.

        See Also
        --------
        torch.optim.Optimizer.zero_grad : Forget the gradients.

        Examples
        --------
        >>> import torch
        >>> from skweight.optim import AdamP
        >>> w = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
        >>> optimizer = AdamP([w], lr=0.1)
        >>> (w / w.norm()).sum().backward()
        >>> optimizer.step()
        >>> w.norm() > 5
        tensor(True)
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse or p.is_complex():
                    kind = "sparse gradients" if p.grad.is_sparse else "complex parameters"
                    raise RuntimeError(f"{type(self).__name__} does not support {kind}.")
                self._update(p, p.grad, self.state[p], group)
        return loss

    def _project(self, p, g, update, state, group):
        """Return an update, projected or not, and what decay is multiplied by; count."""
        update, projected = project(p, g, update, group["delta"], group["eps"])
        state["projected"] = state.get("projected", 0) + projected
        return update, group["wd_ratio"] if projected else 1.0


class AdamP(_Projected):
    r"""AdamW whose steps leave the norms of scale-invariant weights alone.

    A drop-in optimiser [1]_ for networks with batch or layer normalisation, in a training loop, or
    in skorch as ``optimizer=AdamP, optimizer__delta=...``.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts of groups of them with options of their own.
    lr : float, default=1e-3
        Step size, at least 0.
    betas : tuple of (float, float), default=(0.9, 0.999)
        Shares that the running means of gradients and of their squares keep, at least 0 and below
        1.
    eps : float, default=1e-8
        Added to the root of the mean square and to norms, at least 0.
    weight_decay : float, default=0
        Decoupled decay, at least 0: in a step weights are multiplied by ``1 - lr * weight_decay``.
    delta : float, default=0.1
        At least 0. A tensor of at least two axes is projected in steps in which the cosines between
        rows of its gradient and of itself are below ``delta / sqrt(d)``, d being the length of a
        row; failing that, if that of the whole tensor is. At 0 none is, above ``sqrt(d)`` all are.
    wd_ratio : float, default=0.1
        What decay is multiplied by in steps that are projected, between 0 and 1.
    nesterov : bool, default=False
        Whether the gradient of this step counts in advance, as in Nesterov's momentum.

    Raises
    ------
    ValueError
        If an argument, or an option of a group of parameters, is out of its range.

    See Also
    --------
    SGDP : The same for descent with momentum.
    EffectiveLearningRate : How long steps are on the sphere, and how many were projected.
    NormalizedMLPClassifier : A network with normalised layers, trained so.
    torch.optim.AdamW : The same with ``delta=0``.

    Notes
    -----
    A layer that batch or layer normalisation follows is scale-invariant: only the direction of its
    weights :math:`p` matters, and their gradient is orthogonal to them. Momentum is not, and makes
    them grow; then the effective step :math:`\eta / \|p\|^2` falls. So from each update
    :math:`q_i` of a row what is along the row is removed,
    :math:`q_i - u_i (u_i \cdot q_i)` with :math:`u_i = p_i / \|p_i\|`, wherever the gradient of
    this very step says that the layer is scale-invariant. That test is made in every step, and
    weights that are not scale-invariant pass it now and then.

    Its ``state_dict`` holds for each parameter "step", "exp_avg" and "exp_avg_sq", as Adam's does,
    and in "projected" the number of steps that were projected.

    References
    ----------
    .. [1] B. Heo, S. Chun, S. J. Oh, D. Han, S. Yun, G. Kim, Y. Uh and J.-W. Ha, "AdamP: Slowing
       Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", ICLR 2021,
       arXiv 2006.08217.

    Examples
    --------
    >>> import torch
    >>> from skweight.optim import AdamP
    >>> for optimizer in (torch.optim.AdamW, AdamP):
    ...     w = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    ...     optimizer = optimizer([w], lr=1.0, weight_decay=0.0)
    ...     for _ in range(9):
    ...         optimizer.zero_grad()
    ...         (w / w.norm()).sum().backward()  # depends on the direction only
    ...         optimizer.step()
    ...     print(round(w.norm().item(), 1))
    9.2
    6.1
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        *,
        delta=0.1,
        wd_ratio=0.1,
        nesterov=False,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "delta": delta,
                "weight_decay": weight_decay,
                "wd_ratio": wd_ratio,
                "nesterov": nesterov,
            },
        )

    def _check(self, options):
        super()._check(options)
        if not all(0 <= beta < 1 for beta in options["betas"]):
            raise ValueError(f"betas must be at least 0 and below 1, got {options['betas']!r}.")

    def _update(self, p, g, state, group):
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
        state["step"] += 1
        (b1, b2), eps, lr = group["betas"], group["eps"], group["lr"]
        mean = state["exp_avg"].lerp_(g, 1 - b1)
        square = state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        scale = square.sqrt().div_(math.sqrt(1 - b2 ** state["step"])).add_(eps)
        q = scale.reciprocal_().mul_(mean.lerp(g, 1 - b1) if group["nesterov"] else mean)
        q, ratio = self._project(p, g, q, state, group)
        if group["weight_decay"] > 0:
            p.mul_(1 - lr * group["weight_decay"] * ratio)
        p.add_(q, alpha=-lr / (1 - b1 ** state["step"]))


class SGDP(_Projected):
    r"""Descent with momentum whose steps leave the norms of scale-invariant weights alone.

    A drop-in optimiser [1]_ for networks with batch or layer normalisation, in a training loop, or
    in skorch as ``optimizer=SGDP, optimizer__momentum=0.9``.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts of groups of them with options of their own.
    lr : float
        Step size, at least 0.
    momentum : float, default=0
        Share of the buffer that a step keeps, at least 0 and below 1.
    dampening : float, default=0
        Share of a gradient that does not enter the buffer, of the first one, too.
    weight_decay : float, default=0
        Decoupled decay, at least 0: in a step weights are multiplied by
        ``1 - lr * weight_decay / (1 - momentum)``.
    nesterov : bool, default=False
        Whether the momentum is Nesterov's.
    eps : float, default=1e-8
        Added to norms, at least 0.
    delta : float, default=0.1
        At least 0. A tensor of at least two axes is projected in steps in which the cosines between
        rows of its gradient and of itself are below ``delta / sqrt(d)``, d being the length of a
        row; failing that, if that of the whole tensor is. At 0 none is, above ``sqrt(d)`` all are.
    wd_ratio : float, default=0.1
        What decay is multiplied by in steps that are projected, between 0 and 1.
    project_buffer : bool, default=False
        Whether the buffer is projected with the step, as in the authors' code, where the step is
        the buffer. The paper's algorithm leaves it alone. With ``nesterov=True`` both do.

    Raises
    ------
    ValueError
        If an argument, or an option of a group of parameters, is out of its range.

    See Also
    --------
    AdamP : The same for Adam.
    EffectiveLearningRate : How long steps are on the sphere, and how many were projected.
    torch.optim.SGD : The same with ``delta=0``, without decay and dampening.

    Notes
    -----
    A layer that batch or layer normalisation follows is scale-invariant: only the direction of its
    weights :math:`p` matters, and their gradient is orthogonal to them. Momentum is not, and makes
    them grow; then the effective step :math:`\eta / \|p\|^2` falls. So from each update
    :math:`q_i` of a row what is along the row is removed,
    :math:`q_i - u_i (u_i \cdot q_i)` with :math:`u_i = p_i / \|p_i\|`, wherever the gradient of
    this very step says that the layer is scale-invariant. That test is made in every step, and
    weights that are not scale-invariant pass it now and then.

    Its ``state_dict`` holds for each parameter the buffer, as "momentum", and in "projected" the
    number of steps that were projected.

    References
    ----------
    .. [1] B. Heo, S. Chun, S. J. Oh, D. Han, S. Yun, G. Kim, Y. Uh and J.-W. Ha, "AdamP: Slowing
       Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", ICLR 2021,
       arXiv 2006.08217.

    Examples
    --------
    >>> import torch
    >>> from skweight.optim import SGDP
    >>> for delta in (0.0, 0.1):
    ...     w = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    ...     optimizer = SGDP([w], lr=50.0, momentum=0.9, delta=delta)
    ...     for _ in range(9):
    ...         optimizer.zero_grad()
    ...         (w / w.norm()).sum().backward()  # depends on the direction only
    ...         optimizer.step()
    ...     print(round(w.norm().item(), 1))
    80.4
    16.1
    """

    def __init__(
        self,
        params,
        lr,
        momentum=0,
        dampening=0,
        weight_decay=0,
        *,
        nesterov=False,
        eps=1e-8,
        delta=0.1,
        wd_ratio=0.1,
        project_buffer=False,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "eps": eps,
                "delta": delta,
                "wd_ratio": wd_ratio,
                "project_buffer": project_buffer,
            },
        )

    def _check(self, options):
        super()._check(options)
        if not 0 <= options["momentum"] < 1:
            raise ValueError(
                f"momentum must be at least 0 and below 1, got {options['momentum']!r}."
            )

    def _update(self, p, g, state, group):
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum, lr = group["momentum"], group["lr"]
        buffer = state["momentum"].mul_(momentum).add_(g, alpha=1 - group["dampening"])
        d = g.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        q, ratio = self._project(p, g, d, state, group)
        if group["project_buffer"] and not group["nesterov"]:
            buffer.copy_(q)
        if group["weight_decay"] > 0:
            p.mul_(1 - lr * group["weight_decay"] * ratio / (1 - momentum))
        p.add_(q, alpha=-lr)
