"""Classification by networks."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import StrOptions, _fit_context
from skweight.neural._base import BaseNeural, checked_rows, positive_rows
from skweight.neural._docs import documented
from skweight.neural._linear import LinearNetMixin
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters


class LogitsMixin(ClassifierMixin):
    """Scores, probabilities and labels of what `_logits` returns for rows, a column a class."""

    def decision_function(self, X):
        """Return scores of rows.

        Scores of two classes are the logarithm of the odds of the second.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            The second class's output minus the first's where there are two, else all outputs.

        See Also
        --------
        predict_proba : Probabilities.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = NeuralClassifier(max_iter=100, learning_rate_init=0.1, random_state=0)
        >>> net.fit(X, y).decision_function(X) > 0
        array([False, False,  True,  True])
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X):
        """Return probabilities of the classes.

        They are the softmax of the network's outputs, computed in float64.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`, which sum to 1.

        See Also
        --------
        predict : Labels.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = NeuralClassifier(max_iter=100, learning_rate_init=0.1, random_state=0)
        >>> net.fit(X, y).predict_proba(X).shape
        (4, 2)
        """
        logits = self._logits(X)
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        return logits / logits.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return labels of rows.

        The label is that of the largest output; of equal ones the first.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        predict_proba : Probabilities.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = NeuralClassifier(max_iter=100, learning_rate_init=0.1, random_state=0)
        >>> net.fit(X, y).predict(X)
        array(['no', 'no', 'yes', 'yes'], dtype='<U3')
        """
        places = self._logits(X).argmax(axis=1)
        return self.classes_[places]


class NeuralClassifierMixin(LogitsMixin):
    """Labels on the way in, probabilities and labels on the way out."""

    def _encoded(self, X, y, sample_weight, classes=None, reset=True):
        """Return rows of positive weight, their labels, places of these and weights."""
        X, y, weight = checked_rows(self, X, y, sample_weight, reset=reset)
        y = column_or_1d(y, warn=True)
        X, weight, y = positive_rows(self, X, weight, y)
        return X, y, *self._places(y, weight, classes, reset)

    def _places(self, y, weight, classes=None, reset=True):
        """Return places of labels among the classes, and weights; set `classes_`."""
        check_classification_targets(y)
        found, known = np.unique(y), getattr(self, "classes_", None)
        if classes is not None:
            found = np.unique(classes)
            if not reset and not np.array_equal(found, known):
                raise ValueError(f"classes={classes!r} must be those of the first call, {known}.")
        elif not reset:
            found = known
        if len(found) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, got 1 class: "
                f"{found.tolist()[0]!r}."
            )
        if reset and self.warm_start and known is not None and not np.array_equal(found, known):
            raise ValueError(
                f"warm_start=True goes on with the classes {known}, got {found}: set "
                "warm_start=False."
            )
        unknown = ~np.isin(y, found)
        if unknown.any():
            raise ValueError(f"y has labels that are not in classes: {np.unique(y[unknown])}.")
        self.classes_ = found
        if getattr(self, "class_weight", None) is not None:
            factor = compute_sample_weight(self.class_weight, y)
            weight = factor if weight is None else weight * factor
        return np.searchsorted(found, y), weight

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train a network.

        Rows are used as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels of any type, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        estimator
            The fitted estimator.

        See Also
        --------
        partial_fit : Train for one pass more.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = NeuralClassifier(max_iter=100, learning_rate_init=0.1, random_state=0)
        >>> net.fit(X, y).predict([[2.0]])
        array(['yes'], dtype='<U3')
        """
        if not self.warm_start:
            self._forget()
        X, y, places, weight = self._encoded(X, y, sample_weight)
        return self._train_classes(X, y, places, weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one pass over the rows, on top of what was learned before.

        There is no stopping rule here: the caller decides how often to call it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels there will ever be; the first call needs them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        estimator
            The fitted estimator.

        See Also
        --------
        fit : Train until the loss stops falling.

        Examples
        --------
        >>> from skweight.neural import NeuralClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = NeuralClassifier(max_iter=100, learning_rate_init=0.1, random_state=0)
        >>> for _ in range(20):
        ...     net = net.partial_fit(X, y, classes=["no", "yes"])
        >>> net.n_iter_
        20
        """
        first = not hasattr(self, "net_")
        if first and classes is None:
            raise ValueError("classes must be given in the first call of partial_fit, got None.")
        X, y, places, weight = self._encoded(X, y, sample_weight, classes, reset=first)
        return self._train_classes(X, y, places, weight, incremental=True)

    def _train_classes(self, X, y, places, weight, more=(), incremental=False):
        return self._train(
            X,
            [places, *more],
            weight,
            len(self.classes_),
            stratify=places,
            seen=(X, y, weight),
            incremental=incremental,
        )

    def _logits(self, X):
        return self._outputs(self._checked_X(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@documented
class NeuralClassifier(LinearNetMixin, NeuralClassifierMixin, BaseNeural):
    """Classify by a network of torch, trained by skorch.

    It has the words of :class:`~sklearn.neural_network.MLPClassifier`, and what that lacks: sample
    and class weights, a GPU, networks and optimisers of one's own, categorical features, and early
    stopping on rows of one's choice. The loss is the cross-entropy. Integer weights equal repeated
    rows, exactly so in float64 with all rows in one batch.

    Parameters
    ----------
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of a linear network. Only for ``hidden_layer_sizes=()``.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its biases. Only for ``hidden_layer_sizes=()``.
    {neural_attributes}

    See Also
    --------
    NeuralRegressor : The same for numbers.
    skweight.neural.ResidualMLP : A deeper network for its `module`.
    sklearn.neural_network.MLPClassifier : Without torch.

    Notes
    -----
    A fitted network holds nothing of the training rows, and its pickle loads where there is no
    GPU. Refits are bit-equal on one machine with one number of threads; other numbers of threads
    agree to rounding. No global random state is read or changed, except by a `module` that takes
    no ``generator``, for which torch's is set aside while it is built; its random layers, such as
    ``torch.nn.Dropout``, draw from torch's state during training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.neural import NeuralClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NeuralClassifier(max_iter=300, learning_rate_init=0.01, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    _parameter_constraints: dict = {
        **NEURAL_CONSTRAINTS,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        alpha=1e-4,
        batch_size="auto",
        learning_rate_init=1e-3,
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        cv=None,
        warm_start=False,
        random_state=None,
        class_weight=None,
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

    def _criterion(self):
        from torch.nn import functional

        from skweight.neural._net import RowMean

        return RowMean(functional.cross_entropy)
