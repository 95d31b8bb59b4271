"""Outputs of a fitted module, in float64 and in blocks of bounded memory."""

import copy

import numpy as np
import torch

_BLOCK_NUMBERS = 2**22


def double_of(module):
    """Return a copy of a module that computes in float64, to predict with."""
    return copy.deepcopy(module).double().eval()


def outputs(module, X, device="cpu"):
    """Return what a module makes of rows, as an array of numpy in float64.

    In float64 the output of a row does not depend on the rows beside it.

    Parameters
    ----------
    module : Module
        In float64, on the CPU, where it is again afterwards.
    X : ndarray or sparse matrix of shape (n, p)
        Rows, one at least.
    device : str, default="cpu"
        Where to compute.
    """
    module.to(device)
    widest = max([X.shape[1], *(getattr(part, "out_features", 0) for part in module.modules())])
    block = max(1, _BLOCK_NUMBERS // widest)
    with torch.inference_mode():
        parts = []
        for start in range(0, X.shape[0], block):
            part = X[start : start + block]
            part = part.toarray() if hasattr(part, "toarray") else part
            rows = torch.as_tensor(np.ascontiguousarray(part, dtype=np.float64))
            parts.append(module(rows.to(device)).cpu().numpy())
    module.to("cpu")
    return np.concatenate(parts)
