"""What the docstrings of the classifier and of the regressor share, written once."""

_PARAMETERS = """strategy : str, default="linupper"
        Which losses count more: "linupper" (large ones, with all of the upper half of their range
        alike), "quadratic" (the middle of the range), "extremes" (both ends), "upper" (large ones)
        or "uniform", which is the plain fit. See `loss_based_weights`.
    temperature : float, default=1.0
        Above 0; weights differ by a factor of at most exp(1 / `temperature`).
    temperature_schedule : callable or None, default=None
        Takes the number of the fit (with `batch_size`, of the batch) that the weights are for,
        counted from 0, and returns the temperature. With it there are always `max_iter` fits. None
        is always `temperature`.
    burn_in : int, default=1
        Fits, or with `batch_size` batches, at the start that are not reweighted, at least 1.
    max_iter : int, default=20
        Fits at most, the first one included; with `batch_size` the passes over the rows.
    tol : float, default=1e-3
        No more fits where no weight would change by more than this share of the largest, at least
        0. Without `batch_size` only.
    loss : "auto" or callable, default="auto"
        {loss} A callable takes y and {raw}, and returns the loss of each row.
    cv : int, cross-validation generator, iterable or None, default=None
        Folds whose rows' losses are those of a model that was fitted to the others. None takes the
        losses of the training rows by the model itself. Without `batch_size` only.
    batch_size : int or None, default=None
        None fits clones again and again to all rows. A number updates one model by ``partial_fit``
        with so many rows, weighted by the losses just before: what the paper does with networks.
    damping : float, default=0.5
        Share of the new weights in those of the next fit, in (0, 1]; the rest is the old ones. At 1
        weights often go round in a cycle. Without `batch_size` only.
    store_weights : bool, default=False
        Whether the weights are kept in the attributes below.
    random_state : int, RandomState instance or None, default=None
        Source of the order of the rows with `batch_size`."""

_ATTRIBUTES = """estimator_ : estimator
        The last fit, which predicts.
    n_iter_ : int
        Number of fits or passes.
    loss_curve_ : list of float of length n_iter_
        Mean loss after each fit, by `sample_weight` alone; with `batch_size` of the batches of each
        pass before their updates, NaN if there was only the first batch.
    effective_sample_size_ : float
        Squared sum of the last weights over the sum of their squares: n if all are alike.
    sample_weight_ : ndarray of shape (n_samples,)
        Weights of the last fit or pass. Only if `store_weights`.
    weight_history_ : ndarray of shape (n_iter_, n_samples)
        Weights of all of them. Only if `store_weights`.
    n_features_in_ : int
        Number of features, if the estimator knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the estimator has them."""

_NOTES = """After the first fit, which is the plain one, every fit has the weights of
    `loss_based_weights` by the losses of the fit before, mixed with the weights of that fit. No fit
    is a step down of any objective, and the weights need not settle: they can go round in a cycle,
    the more so without `damping`, of which a `ConvergenceWarning` tells. Weighted fits aim at other
    rows than those that will come{bias}. A range of losses below
    1e-6{unit} is taken for that, so that weights then are nearly alike.

    Integer weights equal repeated rows if they do so for `estimator`, without `batch_size`, and
    with `cv` if all copies of a row share a fold."""

_REFERENCES = """.. [1] D. Sow, H. Woisetschlaeger, S. Bulusu, S. Wang, H.-A. Jacobsen and Y. Liang,
       "Dynamic Loss-Based Sample Reweighting for Improved Large Language Model Pretraining",
       ICLR 2025, arXiv 2502.06733."""


def documented(loss, raw, bias="", unit=""):
    """Return a decorator of classes that fills in what their docstrings share."""
    parts = {
        "{parameters}": _PARAMETERS.replace("{loss}", loss).replace("{raw}", raw),
        "{attributes}": _ATTRIBUTES,
        "{notes}": _NOTES.replace("{bias}", bias).replace("{unit}", unit),
        "{references}": _REFERENCES,
    }

    def fill(cls):
        for mark, text in parts.items():
            cls.__doc__ = cls.__doc__ and cls.__doc__.replace(mark, text)
        return cls

    return fill
