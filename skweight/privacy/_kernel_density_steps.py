"""What `PrivateKernelDensity` does inside the life of a private estimator."""

import math
import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.privacy._bounds import bounds_of_rows, check_bounds
from skweight.privacy._density_options import DensityOptions, check_options
from skweight.privacy._density_plan import make_noise, make_sketch, predicted_error
from skweight.privacy._kernels import DISTANCES, log_normaliser
from skweight.privacy._lifecycle import (
    SHARED_CONSTRAINTS,
    WEIGHT_CONSTRAINT,
    WEIGHT_UNITS,
    PrivateEstimator,
    Public,
)
from skweight.privacy._tree_split import Budget

# Parameters of a sketch, which are those of the estimator.
SKETCH_CONSTRAINTS = {
    "kernel": [StrOptions(set(DISTANCES))],
    "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"scott", "silverman"})],
    "n_features": [Interval(Integral, 1, None, closed="left"), None],
    "n_components": [Interval(Integral, 1, None, closed="left"), None],
    "structured": ["boolean"],
    "rational_terms": [StrOptions({"random"}), Interval(Integral, 2, 40, closed="both")],
    "projection_seed": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    "n_jobs": [Integral, None],
}


class KernelDensitySteps(PrivateEstimator):
    """The hooks: what is public, which integers a row has, and what answers queries."""

    _accept_sparse = "csr"

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        **SKETCH_CONSTRAINTS,
        "algorithm": [StrOptions({"auto", "histogram", "features", "bernstein", "race"})],
        "count_share": [Interval(Real, 0, 1, closed="left")],
        "bernstein_degree": [Interval(Integral, 1, 128, closed="both"), None],
        "density_floor": [Interval(Real, 0, None, closed="neither"), None],
        "max_weight": WEIGHT_CONSTRAINT,
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_public_parameters(self):
        super()._check_public_parameters()
        check_sketch_parameters(self)
        if self.density_floor is not None and not math.isfinite(self.density_floor):
            raise ValueError(f"density_floor must be finite, got {self.density_floor}.")

    def _parameters(self):
        # Threads change no bit.
        return {name: value for name, value in super()._parameters().items() if name != "n_jobs"}

    def _options(self, n_features):
        return DensityOptions(
            kernel=self.kernel,
            bandwidth=number_of_bandwidth(self.bandwidth, self.n_hint, n_features),
            algorithm=self.algorithm,
            n_features=self.n_features,
            n_components=self.n_components,
            structured=bool(self.structured),
            rational_terms=self.rational_terms,
            bernstein_degree=self.bernstein_degree,
            projection_seed=self.projection_seed,
            compute_dtype=self.compute_dtype,
            n_hint=self.n_hint,
        )

    def _budget(self, kind):
        return Budget(
            epsilon=float(self.epsilon),
            delta=0.0 if kind == "laplace" else float(self.delta),
            kind=kind,
            copies=2 if self.adjacency == "replace" else 1,
            units=1 if self.max_weight is None else WEIGHT_UNITS,
        )

    def _cost(self, n_features):
        if n_features is None:
            return super()._cost(n_features)
        options = self._options(n_features)
        bounds = None if self.bounds is None else check_bounds(self.bounds, n_features)
        kinds = ("laplace",) if self.delta == 0 else ("laplace", "gaussian")
        error = {
            kind: predicted_error(options, n_features, self._budget(kind), bounds) for kind in kinds
        }
        if error["laplace"] <= error.get("gaussian", math.inf):
            return self.epsilon, 0.0, "laplace"
        return self.epsilon, self.delta, "gaussian"

    def _public(self, X, y):
        reasons = ()
        if self.bounds is not None:
            bounds = check_bounds(self.bounds, X.shape[1])
        else:
            bounds, reasons = bounds_of_rows(_extreme(X)), ("bounds are taken from the rows",)
        options = self._options(X.shape[1])
        budget = self._budget(self._cost(X.shape[1])[2])
        sketch = make_sketch(options, bounds, budget)
        total_known = self.adjacency == "replace" and self.max_weight is None
        share = 0.0 if total_known or sketch.counts_rows else self.count_share
        schema = {"bounds": tuple(map(tuple, bounds.tolist())), **sketch.schema}
        return Public(
            schema,
            reasons,
            sketch.largest,
            sketch=sketch,
            noise=make_noise(sketch, budget, share),
            total_known=total_known,
            bounds=bounds,
            options=options,
            algorithm=check_options(options, X.shape[1]),
        )

    def _accumulate(self, public, X, y, weight=None):
        n_rows = X.shape[0] if weight is None else int(weight.sum())
        arrays = {public.sketch.name: public.sketch.sums(X, weight, self.n_jobs)}
        if public.total_known or "counts" in public.noise.scales:
            arrays["count"] = np.array([n_rows], dtype=np.int64)
        return arrays

    def _draw(self, public, arrays, source):
        mechanisms = public.noise.mechanisms()
        name = public.sketch.name
        noisy = {name: mechanisms["sums"](arrays[name], source)}
        if "counts" in mechanisms:
            noisy["count"] = mechanisms["counts"](arrays["count"], source)
        elif public.total_known:  # then the number of rows is no secret
            noisy["count"] = arrays["count"].copy()
        return noisy

    def _finish(self, public, noisy):
        sketch, noise = public.sketch, public.noise
        self._unit = 1.0
        if public.units > 1:
            self._unit = public.parameters["max_weight"] / public.units
        self._least_n = self._unit * public.units
        self._sketch = sketch
        self._deviation = math.sqrt(noise.variance("sums"))
        self._floor = public.parameters["density_floor"]
        self._log_normaliser = log_normaliser(
            public.options.kernel, public.options.bandwidth, public.bounds.shape[1]
        )
        self.release_ = noisy
        self.noise_scale_ = {sketch.name: float(noise.scales["sums"])}
        if "counts" in noise.scales:
            self.noise_scale_["count"] = float(noise.scales["counts"])
        self.algorithm_ = public.algorithm
        self.bandwidth_ = public.options.bandwidth
        self.bounds_ = public.bounds
        self.noisy_n_ = None
        if "count" in noisy:
            self.noisy_n_ = float(noisy["count"][0]) * self._unit
        elif sketch.total(noisy[sketch.name]) is not None:
            self.noisy_n_ = sketch.total(noisy[sketch.name])[0] * self._unit

    def _kernel_sum(self, Y):
        return self._sketch.kernel_sums(Y, self.release_[self._sketch.name]) * self._unit

    def _standard_error(self, Y):
        return np.sqrt(self._sketch.gains(Y)) * (self._deviation * self._unit)

    def _divisor(self, method):
        if self.noisy_n_ is None:
            raise ValueError(
                f"{method} needs the number of rows, which nothing was spent on: want count_share "
                "above 0."
            )
        return max(self.noisy_n_, self._least_n)

    def _checked_queries(self, Y):
        self._check_released()
        Y = validate_data(self, Y, dtype=np.float64, reset=False, accept_sparse="csr")
        if self.algorithm_ in ("histogram", "bernstein") and hasattr(Y, "toarray"):
            Y = Y.toarray()
        if self.algorithm_ == "bernstein" and (
            (self.bounds_[0] > Y).any() or (self.bounds_[1] < Y).any()
        ):
            warnings.warn(
                "Some queries are outside of the bounds; kernel sums there are taken to be those "
                "at the bounds.",
                UserWarning,
                stacklevel=3,
            )
        return Y


def _extreme(X):
    """Return rows, or of sparse ones two rows with the same extremes."""
    if not sparse.issparse(X):
        return X
    finite = X.copy()
    finite.data = np.where(np.isfinite(X.data), X.data, 0)
    return np.vstack([finite.min(axis=0).toarray(), finite.max(axis=0).toarray()])


def check_sketch_parameters(estimator):
    """Raise where the parameters of a sketch mean nothing together."""
    bandwidth = estimator.bandwidth
    if not isinstance(bandwidth, str) and not math.isfinite(bandwidth):
        raise ValueError(f"bandwidth must be finite, got {bandwidth}.")
    if estimator.rational_terms == "random":
        return
    if not estimator.kernel.startswith("rational"):
        raise ValueError(
            f"rational_terms must be 'random' with kernel={estimator.kernel!r}, got "
            f"{estimator.rational_terms}."
        )
    if estimator.n_features is not None and estimator.n_features < estimator.rational_terms:
        raise ValueError(
            f"n_features must be at least rational_terms={estimator.rational_terms}, got "
            f"{estimator.n_features}."
        )


def number_of_bandwidth(bandwidth, n_rows, n_features):
    """Return a bandwidth by scikit-learn's rules."""
    if bandwidth == "scott":
        return float(n_rows ** (-1 / (n_features + 4)))
    if bandwidth == "silverman":
        return float((n_rows * (n_features + 2) / 4) ** (-1 / (n_features + 4)))
    return float(bandwidth)
