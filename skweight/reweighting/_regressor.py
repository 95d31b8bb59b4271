"""Regressors whose rows are weighted by their losses."""

from sklearn.base import RegressorMixin, is_regressor
from sklearn.linear_model import Ridge

from skweight.reweighting._base import LossReweighted
from skweight.reweighting._docs import documented


@documented(
    loss='"auto" is the squared error, the mean over targets.',
    raw="predictions",
    unit=", times the variance of y unless `loss` is a callable,",
)
class DynamicLossReweightedRegressor(RegressorMixin, LossReweighted):
    """Fit any regressor to rows that are weighted by their current loss.

    Rows that the model has learnt already count less, and no row can take over, since weights are
    bounded [1]_. Around any regressor with `sample_weight` the fit is repeated; with `batch_size`
    one that has ``partial_fit`` is trained by weighted batches.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Regressor whose fit takes `sample_weight`. None means ``Ridge()``.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    DynamicLossReweightedClassifier : The same for classifiers.
    loss_based_weights : The weights, for a loop of one's own.
    skweight.losses.LossReweightedCriterion : The same inside of a network's training.

    Notes
    -----
    {notes}

    References
    ----------
    {references}

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skweight.reweighting import DynamicLossReweightedRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = DynamicLossReweightedRegressor().fit(X, y)
    >>> model.n_iter_, round(model.effective_sample_size_)
    (10, 400)
    """

    _default = Ridge

    def _check_kind(self, base, name):
        if not is_regressor(base):
            raise ValueError(f"estimator must be a regressor, got {name}.")
