"""Coefficients of networks without hidden layers."""

import numpy as np


class LinearNetMixin:
    """`coef_` and `intercept_` of a network that is a linear model."""

    @property
    def coef_(self):
        """Weights of a linear network, as the linear models of scikit-learn have them.

        Only for ``hidden_layer_sizes=()``, without `module` and `categorical_features`.

        See Also
        --------
        module_ : The network itself.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = NeuralClassifier((), tol=0.1, random_state=0).fit(X, y)
        >>> net.coef_.shape
        (1, 1)
        """
        weights = linear_layer(self, "coef_").weight.detach().numpy().astype(float)
        return self._as_linear_model(weights, "coef_")

    @property
    def intercept_(self):
        """Biases of a linear network, as the linear models of scikit-learn have them.

        Only for ``hidden_layer_sizes=()``, without `module` and `categorical_features`.

        See Also
        --------
        module_ : The network itself.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = NeuralClassifier((), tol=0.1, random_state=0).fit(X, y)
        >>> net.intercept_.shape
        (1,)
        """
        biases = linear_layer(self, "intercept_").bias.detach().numpy().astype(float)
        return self._as_linear_model(biases, "intercept_")

    def _as_linear_model(self, values, name):
        if hasattr(self, "classes_"):
            return np.diff(values, axis=0) if len(values) == 2 else values
        mean, scale, flat = self._moments
        values = values * (scale if name == "intercept_" else scale[:, None])
        if name == "intercept_":
            values = values + mean
        if flat:
            return float(values[0]) if name == "intercept_" else values[0]
        return values


def linear_layer(estimator, name):
    """Return the only layer of a network, or say when there is one, which has the attribute."""
    linear = hasattr(estimator, "net_") and estimator.module is None and estimator._shape[2] == ()
    if not linear or estimator.categorical_features is not None:
        raise AttributeError(
            f"{type(estimator).__name__} has {name} once fitted with hidden_layer_sizes=() and "
            "without module and categorical_features."
        )
    (layer,) = estimator.module_
    return layer
