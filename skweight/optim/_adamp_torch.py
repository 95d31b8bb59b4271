"""Optimisers that do not let the norms of scale-invariant weights grow."""

import math

import torch
from torch.optim import Optimizer

__all__ = ["SGDP", "AdamP"]


def project(parameter, gradient, update, delta, wd_ratio, eps):
    """Remove from an update what is along the parameter, if the gradient is orthogonal to it.

    Returns the update, a new tensor where it is changed, and what decay is multiplied by.
    """
    if parameter.ndim < 2:
        return update, 1.0
    # In half precision the threshold is below what a cosine can resolve.
    wide = torch.promote_types(parameter.dtype, torch.float32)
    for rows in (parameter.shape[0], 1):
        p, g = (part.reshape(rows, -1).to(wide) for part in (parameter, gradient))
        norm = p.norm(dim=1)
        scale = norm.clamp(min=eps) * g.norm(dim=1).clamp(min=eps)
        cosine = (p * g).sum(dim=1).abs() / scale
        if cosine.max() < delta / math.sqrt(p.shape[1]):
            unit = p / (norm + eps).unsqueeze(1)
            q = update.reshape(rows, -1).to(wide)
            q = q - unit * (unit * q).sum(dim=1, keepdim=True)
            return q.reshape(update.shape).to(update.dtype), wd_ratio
    return update, 1.0


class _Projected(Optimizer):
    """The loop over parameters; a subclass says what one step is."""

    def __init__(self, params, defaults):
        for name in ("lr", "eps", "weight_decay", "delta"):
            if not defaults[name] >= 0:
                raise ValueError(f"{name} must be at least 0, got {defaults[name]!r}.")
        if not 0 <= defaults["wd_ratio"] <= 1:
            raise ValueError(f"wd_ratio must be between 0 and 1, got {defaults['wd_ratio']!r}.")
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """Take one step, and return what the closure returns."""
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


class AdamP(_Projected):
    """AdamW whose steps leave the norms of scale-invariant weights alone."""

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
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be at least 0 and below 1, got {betas!r}.")
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

    def _update(self, p, g, state, group):
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
        state["step"] += 1
        (b1, b2), eps, lr = group["betas"], group["eps"], group["lr"]
        mean = state["exp_avg"].mul_(b1).add_(g, alpha=1 - b1)
        square = state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        scale = square.sqrt().div_(math.sqrt(1 - b2 ** state["step"])).add_(eps)
        q = (mean.mul(b1).add_(g, alpha=1 - b1) if group["nesterov"] else mean) / scale
        q, ratio = project(p, g, q, group["delta"], group["wd_ratio"], eps)
        if group["weight_decay"] > 0:
            p.mul_(1 - lr * group["weight_decay"] * ratio)
        p.add_(q, alpha=-lr / (1 - b1 ** state["step"]))


class SGDP(_Projected):
    """Descent with momentum whose steps leave the norms of scale-invariant weights alone."""

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
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {momentum!r}.")
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

    def _update(self, p, g, state, group):
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum, lr = group["momentum"], group["lr"]
        buffer = state["momentum"].mul_(momentum).add_(g, alpha=1 - group["dampening"])
        d = g.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        q, ratio = project(p, g, d, group["delta"], group["wd_ratio"], group["eps"])
        if group["project_buffer"] and not group["nesterov"]:
            buffer.copy_(q)
        if group["weight_decay"] > 0:
            p.mul_(1 - lr * group["weight_decay"] * ratio / (1 - momentum))
        p.add_(q, alpha=-lr)
