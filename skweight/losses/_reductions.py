"""How the losses of rows become one number, for tensors and arrays."""

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction):
    """Return the name of a reduction, or say which there are."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {REDUCTIONS}, got {reduction!r}.")
    return reduction


def reduce_rows(losses, weight, reduction):
    """Reduce the losses of rows; a mean is over the sum of their weights."""
    if reduction == "none":
        return losses
    total = losses.sum() if weight is None else weight @ losses
    if reduction == "sum":
        return total
    return total / (len(losses) if weight is None else weight.sum())
