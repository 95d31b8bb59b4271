"""What `PrivateDistanceSum` does inside the life of a private estimator."""

import math
import operator
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.privacy._bounds import bounds_of_rows, check_bounds
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._distance_frames import BoxFrame, CentredFrame, ProjectedFrame
from skweight.privacy._lifecycle import (
    SHARED_CONSTRAINTS,
    WEIGHT_CONSTRAINT,
    WEIGHT_UNITS,
    PrivateEstimator,
    Public,
)
from skweight.privacy._moments import MomentPlan
from skweight.privacy._spent import PrivacySpent
from skweight.privacy._tree_plan import TreePlan
from skweight.privacy._tree_split import MAX_DEPTH, MIN_DEPTH, Budget

# Metrics that add up features, each within its bounds.
_BOXED = ("manhattan", "minkowski_power")


class DistanceSteps(PrivateEstimator):
    """The hooks: what is public, which integers a row has, and what answers queries."""

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "metric": [StrOptions({*_BOXED, "sqeuclidean", "euclidean"})],
        "p": [Interval(Real, 1, None, closed="left"), None],
        "norm_bound": [Interval(Real, 0, None, closed="neither"), None],
        "method": [StrOptions({"integrated", "sums", "rings"})],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "consistency": ["boolean"],
        "isotonic": ["boolean"],
        "depth": [Interval(Integral, MIN_DEPTH, MAX_DEPTH, closed="both"), None],
        "n_projections": [Interval(Integral, 1, None, closed="left")],
        "projection_seed": [Interval(Integral, 0, 2**32 - 1, closed="both")],
        "max_weight": WEIGHT_CONSTRAINT,
    }

    def _check_public_parameters(self):
        super()._check_public_parameters()
        boxed = self.metric in _BOXED
        if self.p is not None and not boxed:
            raise ValueError(f"p must be None with metric={self.metric!r}, got {self.p}.")
        if self.norm_bound is not None and boxed:
            raise ValueError(
                f"norm_bound must be None with metric={self.metric!r}, got {self.norm_bound}."
            )
        if self.method == "sums" and self._power() != 1:
            raise ValueError(f"method='sums' needs distances to the power of p=1, got {self.p}.")
        if self.metric == "sqeuclidean" and (self.method != "integrated" or self.depth is not None):
            raise ValueError("method and depth must have their defaults with metric='sqeuclidean'.")
        if self.isotonic and (self.method != "integrated" or not self.consistency):
            raise ValueError("isotonic needs method='integrated' and consistency=True.")

    def _power(self):
        if self.p is not None:
            return float(self.p)
        return 2.0 if self.metric == "minkowski_power" else 1.0

    def _needs_rows(self):
        return self.bounds is None and (self.metric in _BOXED or self.norm_bound is None)

    def _cost(self, n_features):
        if self.delta == 0 or n_features is None:
            return super()._cost(n_features)
        # Whichever noise is less. Unknown bounds count as alike in all features.
        bounds = np.array([np.zeros(n_features), np.ones(n_features)])
        if self.bounds is not None:
            bounds = check_bounds(self.bounds, n_features)
        elif not self._needs_rows():
            bounds = None
        frame = self._make_frame(bounds, n_features)
        pure = self._make_plan(frame, "laplace").predicted_std()
        if pure <= self._make_plan(frame, "gaussian").predicted_std():
            return self.epsilon, 0.0, "laplace"
        return self.epsilon, self.delta, "gaussian"

    def _make_frame(self, bounds, n_features):
        if self.metric in _BOXED:
            return BoxFrame(bounds, self.compute_dtype, self._power())
        centred = (bounds, self.norm_bound, n_features, self.compute_dtype)
        if self.metric == "sqeuclidean":
            return CentredFrame(*centred)
        return ProjectedFrame(*centred, self.n_projections, self.projection_seed, int(self.n_hint))

    def _make_plan(self, frame, kind):
        budget = Budget(
            epsilon=float(self.epsilon),
            delta=0.0 if kind == "laplace" else float(self.delta),
            kind=kind,
            copies=2 if self.adjacency == "replace" else 1,
            units=1 if self.max_weight is None else WEIGHT_UNITS,
        )
        if self.metric == "sqeuclidean":
            return MomentPlan(
                frame.half_ranges, frame.norm_bound, budget, total_known=self._total_known()
            )
        return TreePlan(
            frame.importance,
            budget,
            int(self.n_hint),
            method=self.method,
            consistency=self.consistency,
            isotonic=self.isotonic,
            p=self._power(),
            alpha=self.alpha,
            total_known=self._total_known(),
            depth=self.depth,
        )

    def _total_known(self):
        return self.adjacency == "replace" and self.max_weight is None

    def _public(self, X, y):
        n_features = X.shape[1]
        bounds, reasons = None, ()
        if self.bounds is not None:
            bounds = check_bounds(self.bounds, n_features)
        elif self._needs_rows():
            bounds, reasons = bounds_of_rows(X), ("bounds are taken from the rows",)
        frame = self._make_frame(bounds, n_features)
        plan = self._make_plan(frame, self._cost(n_features)[2])
        schema = {
            "bounds": None if bounds is None else tuple(map(tuple, bounds.tolist())),
            "depth_": plan.depth,
        }
        return Public(schema, reasons, plan.largest, frame=frame, plan=plan)

    def _accumulate(self, public, X, y, weight=None):
        columns = public.frame.block if self.metric == "sqeuclidean" else public.frame.columns
        arrays = public.plan.accumulate(columns(X), len(X), weight)
        if public.plan.total_known:
            arrays["n_rows"] = np.array([len(X)], dtype=np.int64)
        return arrays

    def _draw(self, public, arrays, source):
        noisy = public.plan.noisy_levels(arrays, source)
        if public.plan.total_known:  # then the number of rows is no secret
            noisy["n_rows"] = arrays["n_rows"].copy()
        return noisy

    def _finish(self, public, noisy):
        plan = public.plan
        total = float(noisy.pop("n_rows")[0]) if plan.total_known else None
        unit = 1.0 if public.units == 1 else public.parameters["max_weight"] / public.units
        self._set_release(plan, public.frame, unit, noisy, total)

    def _set_release(self, plan, frame, unit, noisy, total, n_releases=1):
        self.release_ = noisy
        self.noise_scale_ = {name: plan.scale_of(name) for name in noisy}
        self.depth_ = plan.depth
        self.bounds_ = frame.bounds
        self._unit = unit
        self._frame = frame
        self._n_releases = n_releases
        self._answer = plan.released(noisy, total)
        self.noisy_n_ = self._answer.total * unit

    def combine(self, other, *, disjoint):
        """Return the sum of two releases, which carries the noise of both.

        Rows that can be brought together before the release have half of its variance: see
        `merge`. Nothing is spent here.

        Parameters
        ----------
        other : PrivateDistanceSum
            A release of the same parameters.
        disjoint : bool
            Whether no row is in both, which only the caller can know. Then the pair costs what one
            of them does, else what both do together.

        Returns
        -------
        PrivateDistanceSum
            A new estimator, ready for queries; its `noise_scale_` is that of one release.

        Raises
        ------
        ValueError
            If the parameters of the releases differ.

        See Also
        --------
        merge : Add up rows before they are released.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> rng = np.random.default_rng(0)
        >>> one, two = (
        ...     PrivateDistanceSum(bounds=(0, 1)).fit(rng.uniform(size=(1000, 2)))
        ...     for _ in range(2)
        ... )
        >>> one.combine(two, disjoint=True).privacy_spent_.epsilon
        1.0
        """
        if type(other) is not type(self) or other is self:
            raise ValueError(f"other must be another {type(self).__name__}.")
        for each in (self, other):
            each._check_released()
        for name, value in self._schema.items():
            if other._schema[name] != value:
                raise ValueError(f"{name} must be the same in all that is added up.")
        both = clone(self)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(both, name, getattr(self, name))
        plan = self._answer.plan
        both._schema = self._schema
        both._set_release(
            plan,
            self._frame,
            self._unit,
            {name: array + other.release_[name] for name, array in self.release_.items()},
            self._answer.total + other._answer.total if plan.total_known else None,
            self._n_releases + other._n_releases,
        )
        both.privacy_spent_ = joint_cost(self.privacy_spent_, other.privacy_spent_, disjoint)
        both._fitted_names = self._fitted_names
        return both


def joint_cost(one, other, disjoint):
    """Return what two releases cost together: of different rows the larger, else the sum."""
    add = max if disjoint else operator.add
    multiplier = None
    if one.mechanism == "gaussian":
        known = [
            each.noise_multiplier or gaussian_z(each.epsilon, each.delta) for each in (one, other)
        ]
        multiplier = min(known) if disjoint else 1 / math.hypot(*(1 / each for each in known))
    return PrivacySpent(
        epsilon=add(one.epsilon, other.epsilon),
        delta=add(one.delta, other.delta),
        adjacency=one.adjacency,
        mechanism=one.mechanism,
        valid=one.valid and other.valid,
        reasons=tuple(dict.fromkeys(one.reasons + other.reasons)),
        noise_multiplier=multiplier,
    )
