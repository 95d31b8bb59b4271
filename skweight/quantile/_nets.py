"""Quantiles of a network."""

from functools import partial

import numpy as np
from scipy.special import ndtri

from skweight._core._sklearn_compat import StrOptions
from skweight.neural._base import BaseNeural
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters
from skweight.neural._regressor import NeuralRegressorMixin
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._noncross import order_rows
from skweight.quantile._prediction import QuantileRegressorMixin


@documented
class QuantileMLPRegressor(QuantileRegressorMixin, NeuralRegressorMixin, BaseNeural):
    """Predict quantiles by a network.

    Three ways: an output for each level; one output, and the level as an input more [1]_; or the
    mean and standard deviation of a normal distribution.

    Parameters
    ----------
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    method : {"multi", "level", "gaussian"}, default="multi"
        "multi" has an output for each level, "level" takes the level minus a half as an input,
        which costs a pass for each level; both minimise the mean pinball loss. "gaussian" predicts
        a mean and a standard deviation by maximum likelihood, whose quantiles never cross.
    noncrossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How the levels of a row are ordered when predicting.
    {neural_parameters}

    Attributes
    ----------
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    {neural_attributes}

    See Also
    --------
    LocalQuantileStackingRegressor : Combine networks with other models.
    skweight.losses.QuantileLoss : The loss.

    Notes
    -----
    The outcome is standardised inside, by weighted moments; rows are used as they are: scale them
    in a Pipeline. Integer weights equal repeated rows, exactly so in float64 with all rows in one
    batch. In a search or a stack that fits it often, ``early_stopping=True`` is what keeps a
    network from learning its rows by heart.

    References
    ----------
    .. [1] N. Tagasovska and D. Lopez-Paz, "Single-Model Uncertainties for Deep Learning",
       Advances in Neural Information Processing Systems 32, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.quantile import QuantileMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = QuantileMLPRegressor([0.1, 0.5, 0.9], early_stopping=True, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model.predict(X[:2], quantiles="all").shape
    (2, 3)
    """

    _parameter_constraints: dict = {
        **{k: v for k, v in NEURAL_CONSTRAINTS.items() if k != "categorical_features"},
        "quantiles": ["array-like"],
        "method": [StrOptions({"multi", "level", "gaussian"})],
        "noncrossing": [StrOptions({"sort", "isotonic", "minmax"}), None],
    }

    def __init__(
        self,
        quantiles=DEFAULT_QUANTILES,
        *,
        method="multi",
        noncrossing="sort",
        hidden_layer_sizes=(100,),
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        alpha=1e-4,
        batch_size="auto",
        learning_rate_init=5e-3,
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        cv=None,
        warm_start=False,
        random_state=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        module=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    def _train(self, X, targets, weight, n_out, **options):
        if n_out > 1:
            raise ValueError(f"y must have shape (n_samples,), one target, got {n_out} targets.")
        self.quantiles_ = check_quantiles(self.quantiles)
        n_out = {"multi": len(self.quantiles_), "level": 1, "gaussian": 2}[self.method]
        return super()._train(X, [targets[0][:, 0]], weight, n_out, **options)

    def _criterion(self):
        from skweight.losses import QuantileLoss
        from skweight.quantile._nets_torch import GaussianLoss

        return GaussianLoss() if self.method == "gaussian" else QuantileLoss(self.quantiles_)

    def _builder(self, X, n_out, generator, dtype):
        if self.method != "level":
            return super()._builder(X, n_out, generator, dtype)
        from skweight.quantile._nets_torch import LevelNetwork

        wider = np.empty((0, X.shape[1] + 1))
        network = super()._builder(wider, n_out, generator, dtype)
        return partial(LevelNetwork, network, self.quantiles_)

    def _reconstruction(self):
        return {**super()._reconstruction(), "quantiles_": self.quantiles_}

    def _forecast(self, X):
        outputs = self._outputs(self._checked_X(X))
        if self.method == "gaussian":
            from skweight.quantile._nets_torch import LEAST_SCALE

            deviation = np.logaddexp(0, outputs[:, 1:]) + LEAST_SCALE
            outputs = outputs[:, :1] + deviation * ndtri(self.quantiles_)
        mean, scale, _ = self._moments
        return order_rows(mean + scale * outputs, self.noncrossing, self.quantiles_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags
