"""The public parameters that sketches of a kernel density are made of, and which go together."""

from dataclasses import dataclass

from skweight.privacy import _race
from skweight.privacy._kernels import DISTANCES

_MOST_BERNSTEIN = 3


@dataclass(frozen=True)
class DensityOptions:
    """The parameters, as in `PrivateKernelDensity`.

    Parameters
    ----------
    kernel, bandwidth, algorithm, n_features, n_components, structured, rational_terms
        See there; the bandwidth is a number.
    bernstein_degree, projection_seed, compute_dtype, n_hint
        See there.
    """

    kernel: str
    bandwidth: float
    algorithm: str = "auto"
    n_features: int | None = None
    n_components: int | None = None
    structured: bool = False
    rational_terms: str | int = "random"
    bernstein_degree: int | None = None
    projection_seed: int = 0
    compute_dtype: str = "float64"
    n_hint: int = 10_000


def check_options(options, n_features):
    """Return the algorithm, or raise where it does not go with other parameters."""
    kernel, algorithm = options.kernel, options.algorithm
    if algorithm == "auto":
        one = n_features == 1 and options.n_components is None
        algorithm = "histogram" if one else "features"
    if algorithm == "histogram" and n_features != 1:
        raise ValueError(f"algorithm='histogram' needs one feature, got {n_features}.")
    if algorithm == "bernstein" and n_features > _MOST_BERNSTEIN:
        raise ValueError(
            f"algorithm='bernstein' needs at most {_MOST_BERNSTEIN} features, got {n_features}."
        )
    known = _race.KERNELS + (_race.KERNELS_1D if n_features == 1 else ())
    if algorithm == "race" and kernel not in known:
        raise ValueError(
            f"algorithm='race' is for kernel='laplacian' or 'rational_manhattan', got {kernel!r}."
        )
    if options.n_components is not None and algorithm != "features":
        raise ValueError(f"n_components needs algorithm='features', got {algorithm!r}.")
    if algorithm == "features" and DISTANCES[kernel] != "euclidean":
        for name, value in (
            ("structured=True", options.structured),
            ("n_components", options.n_components is not None),
        ):
            if value:
                raise ValueError(f"{name} is for kernels of Euclidean distances, got {kernel!r}.")
    return algorithm
