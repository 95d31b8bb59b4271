"""Small problems to fit, and everything that a fitted estimator says about them."""

import inspect

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

# Methods of rows, besides those whose names begin with "predict".
_ROW_METHODS = ("decision_function", "score_samples", "transform")


def takes_weights(estimator):
    """Tell whether ``fit`` takes ``sample_weight``."""
    return has_fit_parameter(estimator, "sample_weight")


def is_classifier(estimator):
    """Tell whether the estimator's tags say classifier."""
    return get_tags(estimator).estimator_type == "classifier"


def takes_classes(estimator):
    """Tell whether outcomes are classes: of classifiers, and of transformers tagged like them."""
    return is_classifier(estimator) or get_tags(estimator).classifier_tags is not None


def is_regressor(estimator):
    """Tell whether the estimator's tags say regressor."""
    return get_tags(estimator).estimator_type == "regressor"


def is_transformer(estimator):
    """Tell whether the estimator transforms rows."""
    return hasattr(estimator, "transform")


def is_multiclass(estimator):
    """Tell whether the estimator takes more than two classes."""
    tags = get_tags(estimator).classifier_tags
    return tags is not None and tags.multi_class


def toy_problem(estimator, n_samples=120, n_classes=None, seed=0):
    """Draw four features and a noisy ordered outcome of the kind that the estimator takes.

    What takes classes gets 0, 1, 2 (0, 1 where it is binary), rarer towards the last.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    latent = X @ [1.5, -1.0, 0.5, 0.0] + rng.logistic(size=n_samples)
    if not takes_classes(estimator):
        return X, latent
    if n_classes is None:
        n_classes = 3 if is_multiclass(estimator) else 2
    cuts = np.quantile(latent, [0.6] if n_classes == 2 else [0.45, 0.8])
    return X, np.searchsorted(cuts, latent)


def integer_weights(n_samples, seed=1):
    """Draw integer weights, zero included."""
    return np.random.default_rng(seed).integers(0, 4, size=n_samples).astype(float)


def outputs(estimator, X):
    """Collect what every method of rows returns on X: ``{method: array}``."""
    found = {}
    for name in sorted(dir(type(estimator))):
        if not (name.startswith("predict") or name in _ROW_METHODS):
            continue
        if name == "predict_interval" and len(getattr(estimator, "quantiles_", "lu")) == 1:
            continue  # a single quantile is no interval
        if hasattr(estimator, name) and _needs_only_rows(getattr(estimator, name)):
            found[name] = _as_array(getattr(estimator, name)(X))
    assert found, f"{type(estimator).__name__} has no method that takes rows."
    return found


def _needs_only_rows(method):
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    return len([p for p in parameters if p.default is p.empty and p.kind not in starred]) == 1


def _as_array(output):
    if sparse.issparse(output):
        return output.toarray()
    if isinstance(output, tuple) and {np.ndim(part) for part in output} == {1}:
        return np.column_stack(output)  # parameters of distributions
    if isinstance(output, (list, tuple)) and len({np.shape(row) for row in output}) > 1:
        ragged = np.empty(len(output), dtype=object)
        ragged[:] = [tuple(np.ravel(row)) for row in output]
        return ragged
    return np.asarray(output)


def assert_same_outputs(actual, expected, what, rtol=0.0, atol=0.0):
    """Compare two results of :func:`outputs`; tolerances of 0 ask for equal bits."""
    assert actual.keys() == expected.keys(), f"{what}: the methods differ."
    for method, values in expected.items():
        message = f"{what}: {method} differs."
        if values.dtype.kind == "f" and (rtol or atol):
            np.testing.assert_allclose(
                actual[method], values, rtol=rtol, atol=atol, err_msg=message
            )
        else:
            np.testing.assert_array_equal(actual[method], values, err_msg=message)


def error_of(call, *arguments, kinds=(ValueError, TypeError), **keywords):
    """Return the sentence of the error that a call raises; complain if it raises none."""
    try:
        call(*arguments, **keywords)
    except kinds as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"expected one of {kinds}, got {error!r}.") from error
    raise AssertionError(f"expected one of {kinds}, got no error.")
