"""What `PrivateOutlierDetector` does inside the life of a private estimator."""

import warnings
from numbers import Integral, Real

import numpy as np

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.privacy._bounds import bounds_of_rows, check_bounds
from skweight.privacy._exceptions import PrivacyLeakWarning
from skweight.privacy._kernels import DISTANCES
from skweight.privacy._lifecycle import SHARED_CONSTRAINTS, PrivateEstimator, Public
from skweight.privacy._lifecycle_steps import ReleasedError, unless_released
from skweight.privacy._noise import noise_source
from skweight.privacy._outlier_offset import ScoreTree, two_budgets
from skweight.privacy._outlier_scores import in_cube, make_score, private_in_cube
from skweight.privacy._tree_split import Budget


class if_offset_is_public(unless_released):
    """Take a method away from a detector that pays for its offset, which reads rows twice."""

    def __get__(self, estimator, owner=None):
        if estimator is not None and estimator.offset is None:
            raise ReleasedError(
                f"{self._function.__name__} needs a public offset: a private one is paid for in "
                "fit, which reads the rows twice."
            )
        return super().__get__(estimator, owner)


class OutlierSteps(PrivateEstimator):
    """The hooks: what is public, which integers a row has, and what answers queries."""

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "similarity": [StrOptions({"manhattan", "sqeuclidean", *DISTANCES})],
        "offset": [Real, None],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "offset_share": [Interval(Real, 0, 1, closed="neither")],
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "projection_seed": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    }

    def _check_public_parameters(self):
        super()._check_public_parameters()
        if self.offset is not None and not np.isfinite(self.offset):
            raise ValueError(f"offset must be finite, got {self.offset}.")

    def _budgets(self, kind):
        """Return the budget of the sums, and that of the offset or None."""
        budget = Budget(
            epsilon=float(self.epsilon),
            delta=0.0 if kind == "laplace" else float(self.delta),
            kind=kind,
            copies=2 if self.adjacency == "replace" else 1,
            units=1,
        )
        if self.offset is not None:
            return budget, None
        return two_budgets(budget, float(self.offset_share))

    def _make_score(self, n_features, kind):
        return make_score(n_features, self._budgets(kind)[0], self.get_params(deep=False))

    def _cost(self, n_features):
        if self.delta == 0 or n_features is None:
            return super()._cost(n_features)
        errors = [
            self._make_score(n_features, kind).predicted_std() for kind in ("laplace", "gaussian")
        ]
        if errors[0] <= errors[1]:
            return self.epsilon, 0.0, "laplace"
        return self.epsilon, self.delta, "gaussian"

    def _public(self, X, y):
        if self.bounds is not None:
            bounds, reasons = check_bounds(self.bounds, X.shape[1]), ()
        else:
            bounds, reasons = bounds_of_rows(X), ("bounds are taken from the rows",)
        kind = self._cost(X.shape[1])[2]
        score = self._make_score(X.shape[1], kind)
        schema = {"bounds": tuple(map(tuple, bounds.tolist()))}
        return Public(schema, reasons, score.largest, bounds=bounds, score=score, kind=kind)

    def _accumulate(self, public, X, y):
        arrays = public.score.accumulate(private_in_cube(X, public.bounds))
        if self.adjacency == "replace":
            arrays["n_rows"] = np.array([len(X)], dtype=np.int64)
        return arrays

    def _draw(self, public, arrays, source):
        noisy = public.score.draw(arrays, source)
        if "n_rows" in arrays:  # then the number of rows is no secret
            noisy["n_rows"] = arrays["n_rows"].copy()
        return noisy

    def _finish(self, public, noisy):
        self._total = float(noisy.pop("n_rows")[0]) if "n_rows" in noisy else None
        public.score.finish(noisy, self._total)
        self.release_ = noisy
        self.noise_scale_ = public.score.scales
        self.noisy_n_ = public.score.noisy_n
        self.bounds_ = public.bounds
        self._score = public.score
        # Until a private offset is paid for, nothing is an outlier.
        self.offset_ = -np.inf if self.offset is None else float(self.offset)
        self._kind = public.kind

    def _pay_for_offset(self, X):
        """Release the offset: a quantile of the scores that rows have by the first release."""
        X, _ = self._checked(X, None, reset=False)
        tree = ScoreTree(self._budgets(self._kind)[1])
        score_range = self._score.range()
        cells = tree.cells(self._score.score(private_in_cube(X, self.bounds_)), score_range)
        with warnings.catch_warnings():
            # The first release has said so.
            warnings.simplefilter("ignore", PrivacyLeakWarning)
            source, _ = noise_source(self.random_state)
        noisy = tree.draw(cells, source)
        cells[...] = 0
        self.release_.update(noisy)
        self.noise_scale_.update(tree.scales)
        self.offset_ = tree.quantile(noisy, self._total, self.quantile, score_range)

    def _scores(self, Y):
        return self._score.score(in_cube(Y, self.bounds_))

    def _score_errors(self, Y):
        return self._score.std(in_cube(Y, self.bounds_))
