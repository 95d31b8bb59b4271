"""An embedding in which rows of one class are neighbours, learned from pairs of rows."""

import copy
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context
from skweight.losses._pair_options import PAIR_LOSSES
from skweight.neural._base import BaseNeural, checked_rows
from skweight.neural._docs import documented
from skweight.neural._linear import linear_layer
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters
from skweight.representation._pair_weights import unit_rows


@documented
class MultiSimilarityEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseNeural):
    """Embed rows on a sphere such that rows of one class are neighbours.

    A network, or a linear map, learns from all pairs of rows in batches that hold several rows of
    each of several classes: pairs of one class shall be more similar than other pairs, and those
    count most for which that is least so [1]_. It is a transformer, to put before a classifier by
    nearest neighbours, say; classes that training did not see can be looked for, too.

    Parameters
    ----------
    n_components : int, default=16
        Numbers of an embedded row, at least 1.
    loss : str or callable, default="multi_similarity"
        What to minimise: "multi_similarity", "contrastive", "triplet", "lifted" or "binomial", see
        :class:`~skweight.losses.GeneralPairWeighting`. A callable takes embedded rows of unit
        length and their classes, as tensors, and returns a tensor of one number. It is copied, and
        has no parameters to learn.
    scale_pos : float, default=2.0
        Steepness for positive pairs, which are of one class, above 0, of "multi_similarity" and
        "binomial".
    scale_neg : float, default=50.0
        The same for negative pairs.
    threshold : float, default=0.5
        Similarity that positive pairs are to be above and negative pairs below; not of "triplet".
    mining : bool, default=True
        Whether "multi_similarity" leaves out pairs that are easier than those of the other kind.
    mining_margin : float, default=0.1
        By how much easier, at least 0; the margin of "triplet" as well.
    hidden_layer_sizes : tuple of int or int, default=(128,)
        Units of the hidden layers; () is a linear map without biases.
    n_classes_per_batch : int or None, default=None
        Classes in a batch, at least 2. More than have two rows means these; None means these, 16 at
        the most.
    n_per_class : int, default=5
        Rows of each class in a batch, at least 2. Where a batch has a place for every row, it holds
        all rows once.
    {neural_parameters}

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The linear map. Only for ``hidden_layer_sizes=()``.
    {neural_attributes}

    See Also
    --------
    BalancedBatchSampler : Its batches, for loops of one's own.
    skweight.losses.MultiSimilarityLoss : Its loss, for networks of one's own.
    skweight.metrics.recall_at_k : Whether neighbours are of one class.
    sklearn.neighbors.NeighborhoodComponentsAnalysis : A linear map for nearest neighbours.

    Notes
    -----
    Rows are used as they are: scale them in a Pipeline. An epoch has as many batches as it takes to
    hold as many rows as there are. There are no sample weights: the loss is no sum over rows, and a
    repeated row makes new pairs. What is said of :class:`~skweight.neural.NeuralClassifier` about
    pickles, random numbers and threads holds here.

    References
    ----------
    .. [1] X. Wang, X. Han, W. Huang, D. Dong and M. R. Scott, "Multi-Similarity Loss with General
       Pair Weighting for Deep Metric Learning", CVPR 2019, arXiv 1904.06627.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.representation import MultiSimilarityEmbedding
    >>> X, y = load_wine(return_X_y=True)
    >>> embedding = MultiSimilarityEmbedding(3, hidden_layer_sizes=(), tol=1e-2, random_state=0)
    >>> model = make_pipeline(StandardScaler(), embedding, KNeighborsClassifier())
    >>> model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **NEURAL_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions(set(PAIR_LOSSES)), callable],
        "scale_pos": [Interval(Real, 0, None, closed="neither")],
        "scale_neg": [Interval(Real, 0, None, closed="neither")],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "mining": ["boolean"],
        "mining_margin": [Interval(Real, 0, None, closed="left")],
        "n_classes_per_batch": [Interval(Integral, 2, None, closed="left"), None],
        "n_per_class": [Interval(Integral, 2, None, closed="left")],
    }
    # Batches are drawn by classes.
    for _name in ("batch_size", "shuffle", "iterator_train"):
        del _parameter_constraints[_name]
    del _name
    batch_size, shuffle, iterator_train = None, True, None
    # A loss of pairs sees all pairs of the rows held out.
    _valid_batch_rows = -1

    def __init__(
        self,
        n_components=16,
        *,
        loss="multi_similarity",
        scale_pos=2.0,
        scale_neg=50.0,
        threshold=0.5,
        mining=True,
        mining_margin=0.1,
        hidden_layer_sizes=(128,),
        n_classes_per_batch=None,
        n_per_class=5,
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        alpha=1e-4,
        learning_rate_init=5e-3,
        max_iter=100,
        tol=1e-3,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        cv=None,
        warm_start=False,
        random_state=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        module=None,
        categorical_features=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    def _criterion(self):
        from skweight.losses._pairs_torch import GeneralPairWeighting
        from skweight.representation._embedding_torch import PairCriterion

        if callable(self.loss):
            knows_rows = isinstance(self.loss, GeneralPairWeighting)
            return PairCriterion(copy.deepcopy(self.loss), knows_rows)
        names = ("loss", "scale_pos", "scale_neg", "threshold", "mining", "mining_margin")
        options = {name: getattr(self, name) for name in names}
        return PairCriterion(GeneralPairWeighting(**options), knows_rows=True)

    def _module(self):
        from skweight.representation._embedding_torch import embedding_mlp

        return embedding_mlp

    def _batches(self):
        from skweight.representation._embedding_torch import BalancedBatches

        return partial(
            BalancedBatches,
            n_classes_per_batch=self.n_classes_per_batch,
            n_per_class=self.n_per_class,
        )

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn the embedding.

        Of the classes only equality matters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Classes, two or more, of which one at least has two rows.

        Returns
        -------
        MultiSimilarityEmbedding
            The fitted estimator.

        See Also
        --------
        partial_fit : Train for one pass more.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.representation import MultiSimilarityEmbedding
        >>> X, y = load_iris(return_X_y=True)
        >>> embedding = MultiSimilarityEmbedding(2, max_iter=5, tol=1.0, n_iter_no_change=1)
        >>> embedding.fit(X, y).transform(X).shape
        (150, 2)
        """
        if not self.warm_start:
            self._forget()
        return self._train_pairs(X, y, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y):
        """Train for one pass over the rows, on top of what was learned before.

        There is no stopping rule here: the caller decides how often to call it. Later rows may be
        of other classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Classes, two or more, of which one at least has two rows.

        Returns
        -------
        MultiSimilarityEmbedding
            The fitted estimator.

        See Also
        --------
        fit : Train until the loss stops falling.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.representation import MultiSimilarityEmbedding
        >>> X, y = load_iris(return_X_y=True)
        >>> embedding = MultiSimilarityEmbedding(2, random_state=0)
        >>> embedding.partial_fit(X, y).partial_fit(X, y).n_iter_
        2
        """
        return self._train_pairs(X, y, reset=not hasattr(self, "net_"), incremental=True)

    def _train_pairs(self, X, y, reset, incremental=False):
        X, y, _ = checked_rows(self, X, y, None, reset=reset)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(classes) < 2 or counts.max() < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, one of which has 2 "
                f"rows or more, got {len(classes)} class(es) with {counts.max()} row(s) at most."
            )
        return self._train(
            X,
            [codes, np.arange(len(codes))],
            None,
            self.n_components,
            stratify=codes,
            seen=(X, y, None),
            incremental=incremental,
        )

    def transform(self, X):
        """Embed rows.

        They are computed in float64, and in blocks of bounded memory.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Rows of unit length, whose products are similarities. One that the network maps to 0
            stays there.

        See Also
        --------
        fit : Learn the embedding.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.representation import MultiSimilarityEmbedding
        >>> X, y = load_iris(return_X_y=True)
        >>> embedding = MultiSimilarityEmbedding(2, max_iter=5, tol=1.0, n_iter_no_change=1)
        >>> bool((abs((embedding.fit_transform(X, y) ** 2).sum(axis=1) - 1) < 1e-12).all())
        True
        """
        return unit_rows(self._outputs(self._checked_X(X)))

    @property
    def components_(self):
        """The linear map, before rows are scaled to unit length.

        Only for ``hidden_layer_sizes=()``, without `module` and `categorical_features`.

        See Also
        --------
        module_ : The network itself.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.representation import MultiSimilarityEmbedding
        >>> X, y = load_iris(return_X_y=True)
        >>> embedding = MultiSimilarityEmbedding(2, hidden_layer_sizes=(), random_state=0)
        >>> embedding.partial_fit(X, y).components_.shape
        (2, 4)
        """
        return linear_layer(self, "components_").weight.detach().numpy().astype(float)

    @property
    def _n_features_out(self):
        return self._shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags()  # what y holds is classes
        tags.transformer_tags.preserves_dtype = []
        return tags
