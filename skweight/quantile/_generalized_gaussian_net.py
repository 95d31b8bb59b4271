"""Generalised Gaussian distributions of the outcome by an ensemble of networks."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.neural._base import BaseNeural
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters
from skweight.neural._regressor import NeuralRegressorMixin
from skweight.quantile._generalized_gaussian import check_shape_bounds
from skweight.quantile._generalized_gaussian_prediction import EnsembleDistributionMixin

DISTRIBUTION_CONSTRAINTS = {
    **NEURAL_CONSTRAINTS,
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "scale": [StrOptions({"learned"}), Interval(Real, 0, None, closed="neither")],
    "scale_floor": [Interval(Real, 0, 1, closed="neither")],
    "shape_bounds": ["array-like"],
    "risk_averse": ["boolean"],
    "detach_weights": ["boolean"],
    "epistemic_weight": [Interval(Real, 0, None, closed="left")],
    "min_batch_size": [Interval(Real, 1, None, closed="left")],
    "variance_estimator": [StrOptions({"mbbe", "sample"})],
}


@documented
class GeneralizedGaussianRegressor(EnsembleDistributionMixin, NeuralRegressorMixin, BaseNeural):
    r"""Predict a distribution whose tails may be heavier or lighter than a normal one's.

    An ensemble of networks predicts, for every row, location, scale and shape of a generalised
    Gaussian distribution by maximum likelihood [1]_. The density falls with the distance :math:`d`
    from the location as :math:`\exp(-(|d|/\text{scale})^{\text{shape}})`: a shape of 2 is a normal
    distribution and 1 Laplace's. Where members disagree, the model has seen little.

    Parameters
    ----------
    n_estimators : int, default=5
        Networks of the ensemble, trained side by side on the same rows from different weights.
    scale : "learned" or float, default="learned"
        Whether the scale is learned, or what it is for all rows, above 0, in units of the standard
        deviation of y. The paper has 1.0 and learns the shape only.
    scale_floor : float, default=1e-3
        What scales that are learned are above, between 0 and 1, in units of the standard deviation
        of y. Without it, rows that are fitted exactly have a likelihood without bound.
    shape_bounds : tuple of (float, float), default=(0.2, 4.0)
        Least and largest shape, above 0 and at most 20; two equal ones fix the shape.
    risk_averse : bool, default=True
        Whether a member counts in proportion to its shape in the loss of a row, so that members
        with light tails count more. It has no effect with a single member.
    detach_weights : bool, default=True
        Whether these proportions are constants when derivatives are taken. If not, which is what
        the authors' program does, members move their shapes for the sake of the proportions, and
        predict tails that are too light.
    epistemic_weight : float, default=5e-4
        Factor, at least 0, of the absolute errors, summed over members, in a mean over rows that
        counts those more on which the members agree. The default is what the authors' program
        comes to in batches of 200 rows. 0 leaves this out; it needs 2 members.
    min_batch_size : float, default=16
        Least effective number of rows of that mean, at least 1; at most the batch less a row.
    variance_estimator : {"mbbe", "sample"}, default="mbbe"
        How the variance of errors over members is estimated: with the least mean squared error
        among multiples of the sample variance, which takes account of their kurtosis, or by the
        sample variance.
    {neural_parameters}

    Attributes
    ----------
    {neural_attributes}

    See Also
    --------
    GeneralizedGaussianLinearRegressor : A linear model, one scale and one shape, without torch.
    GeneralizedGaussianTDRegressor : The same for values of states.
    QuantileMLPRegressor : Quantiles without the form of a distribution.

    Notes
    -----
    The loss of a batch is, for members :math:`k`, weights :math:`s_t` of rows and errors
    :math:`d_{tk}`, with :math:`\nu` minus the log density,

    .. math:: \sum_t \frac{s_t}{\sum_u s_u}
              \frac{\sum_k b_{tk} \nu_{tk}}{\sum_k b_{tk}}
              + \lambda \sum_t w_t \sum_k |d_{tk}|, \qquad
              w_t \propto \frac{s_t}{v_t + \xi}, \quad \sum_t w_t = 1,

    where :math:`b` are shapes, :math:`\lambda` is `epistemic_weight`, :math:`v_t` the variance of
    a row's errors over members, and :math:`\xi` the least number at which the weights are worth
    `min_batch_size` rows. The weights :math:`w_t` are constants in the derivatives. The authors'
    program takes the mean over rows of the second term once more: there :math:`\lambda` is .1
    divided by the rows of a batch. It also multiplies :math:`|d|` by the shape where the density
    has a power, which is not done here. The penalty `alpha` is on the weights of all members, while
    the likelihood is their mean: for the same effect on a member divide it by `n_estimators`.

    The outcome is standardised inside, by weighted moments; rows are used as they are: scale them
    in a Pipeline. Integer weights equal repeated rows, up to rounding in float64 with all rows in
    one batch. Densities of shapes below 1 have a cusp, past which steps make more and more of
    rounding: a hundred epochs with ``shape_bounds=(1, 4)`` agree to 1e-12, with smaller shapes
    not. A `module` of one's own has three outputs for each member, side by side.

    An ensemble of such distributions is a mixture and no longer of the family. What is predicted
    is the distribution with the members' mean location, and geometric means of scales and shapes.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.quantile import GeneralizedGaussianRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = GeneralizedGaussianRegressor(max_iter=30, early_stopping=True, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model.score(X, y) > 0.4
    True
    >>> net.predict_quantile(model[0].transform(X[:2]), [0.05, 0.95]).shape
    (2, 2)
    """

    _parameter_constraints: dict = {**DISTRIBUTION_CONSTRAINTS}

    def __init__(
        self,
        n_estimators=5,
        *,
        scale="learned",
        scale_floor=1e-3,
        shape_bounds=(0.2, 4.0),
        risk_averse=True,
        detach_weights=True,
        epistemic_weight=5e-4,
        min_batch_size=16,
        variance_estimator="mbbe",
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
        n_iter_no_change=20,
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
        categorical_features=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    # ---------------------------------------------------------------- training

    def _train(self, X, targets, weight, n_out, **options):
        if n_out > 1:
            raise ValueError(f"y must have shape (n_samples,), one target, got {n_out} targets.")
        if self.epistemic_weight > 0 and self.n_estimators < 2:
            raise ValueError(
                f"epistemic_weight={self.epistemic_weight} compares members and needs "
                f"n_estimators of 2 at least, got {self.n_estimators}."
            )
        lower, upper = check_shape_bounds(self.shape_bounds)
        y = targets[0][:, 0]
        if lower < upper and np.abs(y).max() < 1e-6:  # else one is 1 at least
            warnings.warn(
                "y is constant: the scale goes to its floor, and the shape says nothing.",
                UserWarning,
                stacklevel=2,
            )
        return super()._train(X, [y, *targets[1:]], weight, 3 * self.n_estimators, **options)

    def _module(self):
        from skweight.quantile._generalized_gaussian_torch import EnsembleMLP

        return partial(EnsembleMLP, n_members=self.n_estimators)

    def _builder(self, X, n_out, generator, dtype):
        from skweight.quantile._generalized_gaussian_torch import DistributionNetwork

        network = super()._builder(X, n_out, generator, dtype)
        return partial(DistributionNetwork, network, self._heads())

    def _heads(self):
        from skweight.quantile._generalized_gaussian_torch import Heads

        scale = None if self.scale == "learned" else self.scale
        bounds = check_shape_bounds(self.shape_bounds)
        return Heads(self.n_estimators, scale, self.scale_floor, bounds)

    def _criterion(self):
        from skweight.losses import GeneralizedGaussianNLL
        from skweight.quantile._generalized_gaussian_torch import EnsembleLoss

        return EnsembleLoss(
            GeneralizedGaussianNLL(self.risk_averse, self.detach_weights),
            self.epistemic_weight,
            min_effective_size=self.min_batch_size,
            estimator=self.variance_estimator,
        )

    def _renew(self):
        self.net_.module_.heads, self.net_.criterion_ = self._heads(), self._criterion()

    # ---------------------------------------------------------------- prediction

    def _members(self, X):
        """Return locations, scales and shapes of the members, each (n, n_estimators)."""
        outputs = self._outputs(self._checked_X(X))
        mean, unit, _ = self._moments
        return mean + unit * outputs[:, 0], unit * outputs[:, 1], outputs[:, 2]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags
