"""Networks that are trained on mixtures of their targets and of another network's outputs."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.distillation._steps import check_steps
from skweight.distillation._weights import check_bounds, self_distillation_weights
from skweight.neural._base import BaseNeural
from skweight.neural._hold_out import hold_out
from skweight.neural._parameters import NEURAL_CONSTRAINTS

# Every network trains on the same rows to the end, and from new weights.
_NO_MEANING = ("early_stopping", "warm_start")


class SelfDistilledNet(BaseNeural):
    """A chain of networks, each of which learns from the one before.

    A subclass says what a network's outputs are in units of the targets by `_answers`, and which
    weights of the ground truth mean something by `_allowed`. Its `fit` ends in `_distil`.
    """

    _parameter_constraints: dict = {
        **{name: kind for name, kind in NEURAL_CONSTRAINTS.items() if name not in _NO_MEANING},
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "ground_truth_weight": [
            StrOptions({"auto"}),
            Interval(Real, None, None, closed="neither"),
            "array-like",
        ],
        "weight_bounds": ["array-like", None],
    }
    early_stopping = warm_start = False
    # It says on which rows weights are found.
    _cv_stops = False
    # Lowest and highest weight of the ground truth that the loss can do with.
    _allowed = (-np.inf, np.inf)

    def _answers(self, X):
        """Return what targets are mixed with: outputs for checked rows, in units of targets."""
        return self._outputs(X)

    def _given_weights(self):
        """Return weights of shape (n_steps - 1,), None if they are to be found, and bounds."""
        low, high = check_bounds(self.weight_bounds)
        lowest, highest = self._allowed
        if low > highest or high < lowest:
            raise ValueError(
                f"weight_bounds must meet [{lowest}, {highest}] for this loss, got "
                f"{self.weight_bounds!r}."
            )
        bounds = max(low, lowest), min(high, highest)
        if isinstance(self.ground_truth_weight, str):
            return (None if self.n_steps > 1 else np.empty(0)), bounds
        given, _ = check_steps(self.ground_truth_weight, 1.0, self.n_steps)
        if ((given < lowest) | (given > highest)).any():
            raise ValueError(
                f"ground_truth_weight must be between {lowest} and {highest} for this loss, got "
                f"{self.ground_truth_weight!r}."
            )
        return given, bounds

    def _places_to_use(self, X, weight, strata):
        """Return places of rows to train on and of those held out, all of positive weight."""
        kept, held = np.arange(X.shape[0]), np.arange(0)
        if self._given_weights()[0] is None:
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            if strata is not None:
                counts = np.unique(strata, return_counts=True)[1]
                n_held = np.ceil(self.validation_fraction * len(strata))
                strata = strata if counts.min() > 1 and n_held >= len(counts) else None
            kept, held = hold_out(self, X, strata, seed, 'ground_truth_weight="auto"')
            kept, held = (np.arange(X.shape[0])[part] for part in (kept, held))
        if weight is None:
            return kept, held
        found = kept[weight[kept] > 0], held[weight[held] > 0]
        for some, left, name in zip((kept, held), found, ("to train on", "held out"), strict=True):
            if len(some) and not len(left):
                raise ValueError(
                    f"sample_weight must be above 0 for a row at least of those {name}, got 0 for "
                    f"all {len(some)}: raise validation_fraction or give cv."
                )
        return found

    def _distil(self, X, Z, weight, n_kept, seen):
        """Train the chain, of which the last network is kept.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, p)
            Checked rows: those to train on, and then those held out.
        Z : ndarray of shape (n, k)
            Targets.
        weight : ndarray of shape (n,) or None
            Weights, all above 0.
        n_kept : int
            Rows to train on.
        seen : tuple of (X, y, sample_weight)
            What callbacks get.

        Returns
        -------
        estimator
            Itself.
        """
        (weights, bounds), held, targets = self._given_weights(), X[n_kept:], Z[:n_kept]
        rows = X[:n_kept], None if weight is None else weight[:n_kept]
        found, errors = [], []

        def error(answers):
            squares = np.square(Z[n_kept:] - answers).mean(axis=1)
            return np.average(squares, weights=of_held)

        of_held = None if weight is None else weight[n_kept:]
        if self.n_steps > 1:
            network = self._network(*rows, targets)
            teacher = network._answers(rows[0])
            if weights is None:
                first = network._answers(held)
                errors.append(error(first))
        for step in range(self.n_steps - 1):
            if weights is None:
                student = self._network(*rows, teacher)._answers(held)
                found.append(
                    self_distillation_weights(
                        Z[n_kept:], first, student, sample_weight=of_held, bounds=bounds
                    )
                )
            truth = found[step] if weights is None else weights[step]
            targets = truth * Z[:n_kept] + (1 - truth) * teacher
            if step < self.n_steps - 2:
                network = self._network(*rows, targets)
                teacher = network._answers(rows[0])
                if weights is None:
                    errors.append(error(network._answers(held)))
        self._train(rows[0], [targets], rows[1], Z.shape[1], seen=seen)
        if weights is None:
            errors.append(error(self._answers(held)))
        self.ground_truth_weights_ = np.array(found) if weights is None else weights
        self.validation_errors_ = np.array(errors) if errors else None
        return self

    def _network(self, X, weight, targets):
        """Return a network of another step, which tells callbacks nothing."""
        network = type(self)(**self.get_params(deep=False))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(network, name, getattr(self, name))
        return network._train(X, [targets], weight, targets.shape[1])
