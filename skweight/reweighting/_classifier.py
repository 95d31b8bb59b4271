"""Classifiers whose rows are weighted by their losses."""

from sklearn.base import ClassifierMixin, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skweight.reweighting._base import LossReweighted
from skweight.reweighting._docs import documented


def _inner_has(name):
    return available_if(lambda self: hasattr(self._base(), name))


@documented(
    loss='"auto" is the log loss, or without `predict_proba` the hinge loss of scores.',
    raw="probabilities, or scores without those",
    bias=": their probabilities are biased, and a `CalibratedClassifierCV` around this helps",
)
class DynamicLossReweightedClassifier(ClassifierMixin, LossReweighted):
    """Fit any classifier to rows that are weighted by their current loss.

    Rows that the model has learnt already count less, and no row can take over, since weights are
    bounded [1]_. Around any classifier with `sample_weight` the fit is repeated; with `batch_size`
    one that has ``partial_fit`` is trained by weighted batches.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Classifier whose fit takes `sample_weight`. None means ``LogisticRegression()``.
    {parameters}

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    See Also
    --------
    DynamicLossReweightedRegressor : The same for regressors.
    loss_based_weights : The weights, for a loop of one's own.
    skweight.losses.LossReweightedCriterion : The same inside of a network's training.

    Notes
    -----
    {notes}

    References
    ----------
    {references}

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.reweighting import DynamicLossReweightedClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), DynamicLossReweightedClassifier()).fit(X, y)
    >>> model[-1].n_iter_, round(model[-1].effective_sample_size_)
    (10, 556)
    """

    _default = LogisticRegression

    def _check_kind(self, base, name):
        if not is_classifier(base):
            raise ValueError(f"estimator must be a classifier, got {name}.")
        if not (hasattr(base, "predict_proba") or hasattr(base, "decision_function")):
            raise ValueError(f"estimator must have predict_proba or decision_function, got {name}.")

    @_inner_has("predict_proba")
    def predict_proba(self, X):
        """Predict the probability of each class.

        It is there if the estimator has it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities.

        See Also
        --------
        predict : Predict labels.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.reweighting import DynamicLossReweightedClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = DynamicLossReweightedClassifier(strategy="uniform").fit(X, y)
        >>> model.predict_proba(X[:2]).shape
        (2, 3)
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_proba(X)

    @_inner_has("predict_log_proba")
    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        It is there if the estimator has it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of probabilities.

        See Also
        --------
        predict_proba : Predict probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.reweighting import DynamicLossReweightedClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = DynamicLossReweightedClassifier(strategy="uniform").fit(X, y)
        >>> model.predict_log_proba(X[:2]).shape
        (2, 3)
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_log_proba(X)

    @_inner_has("decision_function")
    def decision_function(self, X):
        """Compute scores of the classes.

        It is there if the estimator has it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores: of the second class, or of each of more than two.

        See Also
        --------
        predict : Predict labels.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.reweighting import DynamicLossReweightedClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = DynamicLossReweightedClassifier(strategy="uniform").fit(X, y)
        >>> model.decision_function(X[:2]).shape
        (2, 3)
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.decision_function(X)
