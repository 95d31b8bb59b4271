"""Values of states from transitions, as generalised Gaussian distributions."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import column_or_1d, validate_data

from skweight._core._callbacks import with_callbacks
from skweight._core._moments import root_mean_square
from skweight._core._sklearn_compat import Interval, _fit_context, _num_samples, _safe_indexing
from skweight.neural._base import checked_rows, positive_rows
from skweight.neural._docs import documented
from skweight.neural._parameters import store_parameters
from skweight.quantile._generalized_gaussian_net import (
    DISTRIBUTION_CONSTRAINTS,
    GeneralizedGaussianRegressor,
)


@documented
class GeneralizedGaussianTDRegressor(GeneralizedGaussianRegressor):
    r"""Learn values of states from transitions, and how sure they are.

    The value of a state is the expected sum of rewards to come, each worth `discount` times the one
    before. The networks of :class:`GeneralizedGaussianRegressor` are trained on the reward plus
    the discounted value of the next state, which a frozen copy of them predicts [1]_: fitted
    policy evaluation, with tails of the errors that may be heavy.

    Parameters
    ----------
    n_estimators : int, default=5
        Networks of the ensemble, trained side by side on the same rows from different weights.
    discount : float, default=0.99
        What a reward is worth a step later, at least 0 and below 1.
    target_update : int, default=10
        Epochs after which the copy that predicts values of next states is renewed.
    scale : "learned" or float, default="learned"
        Whether the scale is learned, or what it is for all rows, above 0, in units of the largest
        value that is to be expected: the root mean square of the rewards over ``1 - discount``.
        The paper has 1.0 and learns the shape only.
    scale_floor : float, default=1e-3
        What scales that are learned are above, between 0 and 1, in the same units.
    shape_bounds : tuple of (float, float), default=(1.0, 4.0)
        Least and largest shape, above 0 and at most 20; two equal ones fix the shape. A shape of 2
        aims at means, which values are, whatever the targets' distribution; others do where it is
        symmetric.
    risk_averse : bool, default=True
        Whether a member counts in proportion to its shape in the loss of a row, so that members
        with light tails count more. It has no effect with a single member.
    detach_weights : bool, default=True
        Whether these proportions are constants when derivatives are taken.
    epistemic_weight : float, default=5e-4
        Factor, at least 0, of the absolute errors, summed over members, in a mean over rows that
        counts those more on which the members agree. 0 leaves this out; it needs 2 members.
    min_batch_size : float, default=16
        Least effective number of rows of that mean, at least 1; at most the batch less a row.
    variance_estimator : {"mbbe", "sample"}, default="mbbe"
        How the variance of errors over members is estimated, see the regressor.
    {neural_parameters}

    Attributes
    ----------
    {neural_attributes}

    See Also
    --------
    GeneralizedGaussianRegressor : The same for outcomes that are known.

    Notes
    -----
    For a transition from :math:`x` to :math:`x'` with reward :math:`r` the target is
    :math:`r + \gamma V(x')`, and :math:`r` alone if the transition is terminal; :math:`V` is the
    mean of the members' locations. Training ends once no target moves by more than `tol` when the
    copy is renewed, in the unit of the values. A renewal leaves a share of about `discount` of a
    value's error, and there are ``max_iter / target_update`` of them: with a `discount` near 1 take
    a small `target_update` or many epochs. The rule of `n_iter_no_change` is for data in which
    all transitions are terminal. Then everything is as in :class:`GeneralizedGaussianRegressor`.

    What a distribution describes is the reward plus the discounted value of the next state, not
    the return, whose spread is larger.

    In a Pipeline, `X_next` has to go through the steps before, as X does: that is
    ``Pipeline(..., transform_input=["X_next"])``, with metadata routing enabled and
    ``set_fit_request(X_next=True, done=True)``.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    Two states follow one another, and the second pays 1: the values are 0.5 / 0.75 and 1 / 0.75.

    >>> import numpy as np
    >>> from skweight.quantile import GeneralizedGaussianTDRegressor
    >>> X, reward = np.eye(2), [0.0, 1.0]
    >>> options = {"shape_bounds": (2, 2), "hidden_layer_sizes": (), "learning_rate_init": 0.05}
    >>> net = GeneralizedGaussianTDRegressor(discount=0.5, scale=1.0, **options, random_state=0)
    >>> net.fit(X, reward, X_next=X[::-1]).predict(X).round(1)
    array([0.7, 1.3])
    """

    _parameter_constraints: dict = {
        **DISTRIBUTION_CONSTRAINTS,
        "discount": [Interval(Real, 0, 1, closed="left")],
        "target_update": [Interval(Integral, 1, None, closed="left")],
    }
    # What is known of the transitions while it trains.
    _transitions = None

    def __init__(
        self,
        n_estimators=5,
        *,
        discount=0.99,
        target_update=10,
        scale="learned",
        scale_floor=1e-3,
        shape_bounds=(1.0, 4.0),
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

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, X_next=None, done=None, sample_weight=None):
        """Learn the values of states.

        Every row is a transition. Rows are used as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States.
        y : array-like of shape (n_samples,)
            Rewards: what each transition pays.
        X_next : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
            States that follow. Rows of terminal transitions are not read and may hold anything.
            None if all transitions are terminal.
        done : array-like of shape (n_samples,) or None, default=None
            Whether a transition is terminal, 0 or 1. None means that none is if there is `X_next`.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        GeneralizedGaussianTDRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If `X_next` does not go with X, or `done` is neither 0 nor 1.

        See Also
        --------
        partial_fit : Train for one pass more.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianTDRegressor
        >>> X, X_next = [[0.0], [1.0], [2.0]], [[1.0], [2.0], [float("nan")]]
        >>> net = GeneralizedGaussianTDRegressor(2, discount=0.5, tol=1.0, target_update=1)
        >>> net.fit(X, [1.0, 1.0, 1.0], X_next, done=[0, 0, 1]).n_iter_
        1
        """
        if not self.warm_start:
            self._forget()
        return self._learn(X, y, X_next, done, sample_weight, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, X_next=None, done=None, sample_weight=None):
        """Train for one pass over the rows, on top of what was learned before.

        Values of next states are predicted by what was learned before the call. The unit of the
        values is that of the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States.
        y : array-like of shape (n_samples,)
            Rewards: what each transition pays.
        X_next : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
            States that follow. None if all transitions are terminal.
        done : array-like of shape (n_samples,) or None, default=None
            Whether a transition is terminal, 0 or 1. None means that none is if there is `X_next`.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        GeneralizedGaussianTDRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`.

        See Also
        --------
        fit : Train until values settle.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianTDRegressor
        >>> net = GeneralizedGaussianTDRegressor(2, discount=0.5)
        >>> for _ in range(3):
        ...     net = net.partial_fit([[0.0], [1.0]], [1.0, 1.0], [[1.0], [0.0]])
        >>> net.n_iter_
        3
        """
        reset = not hasattr(self, "net_")
        return self._learn(X, y, X_next, done, sample_weight, reset, incremental=True)

    def _learn(self, X, reward, X_next, done, sample_weight, reset, incremental=False):
        X, reward, weight = checked_rows(
            self, X, reward, sample_weight, reset=reset, y_numeric=True
        )
        reward = np.asarray(reward, dtype=float)
        place, ahead = self._checked_next(X_next, done, len(reward))
        X, weight, reward, place = positive_rows(self, X, weight, reward, place)
        options = {"seen": (X, reward, weight), "incremental": incremental}
        if (place < 0).all():
            Z = self._standardised(reward, weight, reset)
            return self._train(X, [Z], weight, 1, **options)
        if reset and not (self.warm_start and hasattr(self, "net_")):
            self._moments = self._unit(reward, weight)
        self._transitions = reward, place, ahead
        try:
            # Targets are set before the first epoch.
            targets = [np.ones((len(reward), 1)), np.arange(len(reward))]
            return self._train(X, targets, weight, 1, **options)
        finally:
            del self._transitions

    def _checked_next(self, X_next, done, n):
        """Return by transition the place of its next state, -1 for none, and these states."""
        if done is None:
            done = np.full(n, X_next is None)
        done = column_or_1d(done)
        if len(done) != n or not np.isin(done, (0, 1)).all():
            raise ValueError(
                f"done must hold {n} numbers that are 0 or 1, as X has rows, got {done!r}."
            )
        ahead = np.flatnonzero(done == 0)
        place = np.full(n, -1)
        place[ahead] = np.arange(len(ahead))
        if not len(ahead):
            return place, None
        if X_next is None:
            raise ValueError(
                f"done says that {len(ahead)} transition(s) are not terminal, which needs X_next."
            )
        if _num_samples(X_next) != n:
            raise ValueError(f"X_next must have {n} rows, as X has, got {_num_samples(X_next)}.")
        try:
            return place, validate_data(
                self,
                _safe_indexing(X_next, ahead),
                accept_sparse="csr",
                dtype=[np.float64, np.float32],
                reset=False,
            )
        except ValueError as error:
            raise ValueError(f"X_next must be as X is: {error}") from error

    def _unit(self, reward, weight):
        """Return the moments that make values of order 1 of the largest to be expected."""
        unit = float(root_mean_square(reward, weight)) or 1.0
        return np.zeros(1), np.array([unit / (1 - self.discount)]), True

    @property
    def _stops_by_loss(self):
        return self._transitions is None

    @property
    def _unsettled(self):
        if self._transitions is None:
            return super()._unsettled
        return "Targets still moved", "max_iter or tol, or lower target_update"

    def _epochs(self, rows, epochs, task):
        if self._transitions is not None:
            self._renew_targets(rows)
            self._progress.best = np.inf  # losses of other targets compare with nothing
        super()._epochs(rows, epochs, task)

    def _after_epoch(self, epoch, rows):
        last = epoch == self.max_iter
        if self._transitions is None or last or epoch % self.target_update:
            return False
        settled = self._renew_targets(rows) <= self.tol
        if not settled:
            self._progress.best = np.inf  # losses of other targets compare with nothing
        return settled

    def _renew_targets(self, rows):
        """Set targets by the values of next states now, and return by how much one moves at most.

        Every row knows its number, by the second of its targets.
        """
        reward, place, ahead = self._transitions
        mean, unit, _ = self._moments
        values = mean + unit * self._outputs(ahead)[:, 0].mean(axis=1)
        values = np.where(place < 0, 0.0, values[place])
        new = (reward + self.discount * values - mean) / unit
        moves = []
        for part in rows:
            if part is not None:
                target, number = part.targets
                moved = target.new_tensor(new)[number]
                moves.append(float((moved - target).abs().max()))
                target.copy_(moved)
        return max(moves)
