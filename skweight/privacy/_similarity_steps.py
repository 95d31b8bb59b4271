"""What `PrivateSimilarityClassifier` does inside the life of a private estimator."""

import math
from numbers import Integral, Real

import numpy as np

from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context
from skweight.privacy._bounds import bounds_of_rows, check_bounds
from skweight.privacy._class_noise import ClassNoise
from skweight.privacy._feature_sums import FeatureMap
from skweight.privacy._frequencies import Frequencies, draw_frequencies, shortened_numbers
from skweight.privacy._kernels import DISTANCES
from skweight.privacy._lifecycle import (
    SHARED_CONSTRAINTS,
    WEIGHT_CONSTRAINT,
    WEIGHT_UNITS,
    PrivateEstimator,
    Public,
)
from skweight.privacy._lifecycle_steps import unless_released
from skweight.privacy._private_labels import (
    classes_of_labels,
    codes_of_labels,
    private_labels,
    public_classes,
)
from skweight.privacy._sphere import Sphere
from skweight.privacy._tree_split import Budget


class SimilaritySteps(PrivateEstimator):
    """The hooks: what is public, which integers a row has, and what answers queries."""

    # The classes that a call of `partial_fit` names, while it runs.
    _told_classes = None

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "similarity": [StrOptions({"sqeuclidean", *DISTANCES})],
        "rule": [StrOptions({"average", "direction"})],
        "count_share": [Interval(Real, 0, 1, closed="left"), None],
        "classes": ["array-like", None],
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "projection_seed": [Interval(Integral, 0, 2**32 - 1, closed="both")],
        "lift": [Interval(Real, 0, 1000, closed="both")],
        "max_weight": WEIGHT_CONSTRAINT,
    }

    @unless_released
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, classes=None, *, sample_weight=None, block_id=None):
        """Add up more private rows; nothing is spent or can be queried before `release`.

        Until then the estimator holds raw sums, and its pickle or copy is raw private data. A
        parameter other than `accountant` and `random_state` must not change on the way.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows. Pass each row once: passed twice, it has twice the influence that
            `epsilon` allows, and nothing notices.
        y : array-like of shape (n_samples,)
            Private labels.
        classes : array-like of shape (n_classes,) or None, default=None
            The public classes, in the first call, where the parameter `classes` does not tell them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Private weights, which need the public parameter `max_weight`.
        block_id : hashable or None, default=None
            A name of these rows: a second block of that name is refused, also by `merge`.

        Returns
        -------
        PrivateSimilarityClassifier
            Itself, holding raw sums until `release`.

        Raises
        ------
        ValueError
            If it has been released, a block comes twice, or a parameter changed.

        Warns
        -----
        PrivacyLeakWarning
            If bounds or classes are taken from the rows, which are those of the first call.

        See Also
        --------
        merge : Add up what several estimators hold.
        release : Release what was added up.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8))
        >>> for k in range(3):
        ...     model = model.partial_fit(X[k::3], y[k::3], classes=[0, 1, 2], block_id=k)
        >>> model.release().predict(X[:2]).shape
        (2,)
        """
        self._check_told_classes(classes)
        self._told_classes = classes
        try:
            return super().partial_fit(X, y, sample_weight=sample_weight, block_id=block_id)
        finally:
            del self._told_classes

    def _check_public_parameters(self):
        super()._check_public_parameters()
        if self.rule == "average" and self.count_share == 0:
            raise ValueError("count_share must be above 0 with rule='average', got 0.")
        if self.classes is not None:
            public_classes(self.classes)

    def _needs_rows(self):
        return self.bounds is None or self._known_classes() is None

    def _known_classes(self):
        """Return the classes that rows are counted for, or None if y has to tell."""
        if self._holds_rows():
            return self._frozen.classes
        known = self.classes if self._told_classes is None else self._told_classes
        return None if known is None else public_classes(known)

    def _check_told_classes(self, told):
        """Raise if the classes named in `partial_fit` are not those that are known."""
        if told is None:
            return
        told = public_classes(told)
        known = self._known_classes()
        if known is not None and known.tolist() != told.tolist():
            raise ValueError("classes must be the same in the parameter and in all partial_fit.")

    def _checked(self, X, y, reset):
        X, _ = super()._checked(X, y, reset)
        public = self._known_classes() is not None
        return X, private_labels(y, len(X), type(self).__name__, public_classes=public)

    def _cost(self, n_features):
        if self.delta == 0 or n_features is None:
            return super()._cost(n_features)
        # Whichever noise is less; which bounds there are makes no difference to it.
        rows = self._rows(np.array([-np.ones(n_features), np.zeros(n_features)]))
        pure, other = (self._noise(rows, kind) for kind in ("laplace", "gaussian"))
        if _mean_variance(pure, rows) <= _mean_variance(other, rows):
            return self.epsilon, 0.0, "laplace"
        return self.epsilon, self.delta, "gaussian"

    def _rows(self, bounds):
        if self.similarity == "sqeuclidean":
            return Sphere(bounds, self.lift, self.compute_dtype)
        # Distances in the cube from 0 to 1 that the bounds are, over the largest one in it.
        d = bounds.shape[1]
        largest = d if DISTANCES[self.similarity] == "manhattan" else math.sqrt(d)
        frequencies = draw_frequencies(
            self.similarity,
            self.bandwidth * largest,
            d,
            self.n_features,
            self.projection_seed,
            rational_terms="random",
        )
        turns = shortened_numbers(frequencies.turns / (bounds[1] - bounds[0])[:, None])
        frequencies = Frequencies(turns, frequencies.factors)
        return FeatureMap(bounds, frequencies, self.compute_dtype)

    def _noise(self, rows, kind):
        budget = Budget(
            epsilon=float(self.epsilon),
            delta=0.0 if kind == "laplace" else float(self.delta),
            kind=kind,
            copies=2 if self.adjacency == "replace" else 1,
            units=1 if self.max_weight is None else WEIGHT_UNITS,
        )
        share = self.count_share
        if share is None and self.rule == "direction":
            share = 0.0
        return ClassNoise(budget, rows.absolute, rows.squared, share)

    def _public(self, X, y):
        reasons = ()
        if self.bounds is not None:
            bounds = check_bounds(self.bounds, X.shape[1])
        else:
            bounds, reasons = bounds_of_rows(X), ("bounds are taken from the rows",)
        classes = self._known_classes()
        if classes is None:
            classes, reasons = classes_of_labels(y), (*reasons, "classes are taken from y")
        rows = self._rows(bounds)
        noise = self._noise(rows, self._cost(X.shape[1])[2])
        schema = {
            "bounds": tuple(map(tuple, bounds.tolist())),
            "classes": tuple(classes.tolist()),
            "frequencies": getattr(rows, "digest", None),
        }
        return Public(schema, reasons, rows.largest, rows=rows, noise=noise, classes=classes)

    def _accumulate(self, public, X, y, weight=None):
        codes = codes_of_labels(y, public.classes)
        n_classes = len(public.classes)
        arrays = {"sums": public.rows.class_sums(X, codes, n_classes, weight)}
        if "counts" in public.noise.scales:
            counts = np.zeros(n_classes, dtype=np.int64)
            for k in range(n_classes):
                counts[k] = np.sum(codes == k) if weight is None else weight[codes == k].sum()
            arrays["counts"] = counts
        return arrays

    def _mechanisms(self, public):
        return public.noise.mechanisms()

    def _finish(self, public, noisy):
        self.release_ = noisy
        self.noise_scale_ = {name: float(scale) for name, scale in public.noise.scales.items()}
        self.classes_ = public.classes
        self.bounds_ = public.rows.bounds
        self._unit = 1.0
        if public.units > 1:
            self._unit = public.parameters["max_weight"] / public.units
        self.noisy_n_ = noisy["counts"] * self._unit if "counts" in noisy else None
        self._rows_ = public.rows
        self._deviation = math.sqrt(public.noise.variance("sums")) * self._unit
        self._directions = self._make_directions(public.parameters["rule"])

    def _make_directions(self, rule):
        """Return what queries are multiplied with to get scores, of shape (n_classes, width)."""
        sums = self.release_["sums"].astype(float)
        if rule == "average":
            return sums * (self._unit / np.maximum(self.noisy_n_, 1.0))[:, None]
        norms = np.sqrt((sums**2).sum(axis=1))
        # All queries have one norm, as one in a corner of the bounds: so scores are cosines.
        norms *= self._rows_.query_norms(self.bounds_[:1])
        return sums / np.where(norms > 0, norms, 1)[:, None]


def _mean_variance(noise, rows):
    """Return the variance of a class's sum of similarities, and of its count."""
    corner = np.zeros((1, rows.bounds.shape[1]))
    gain = float(rows.query_norms(corner)[0]) ** 2
    return noise.variance("sums") * gain + noise.variance("counts")
