"""Networks for classes that arrive over time."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse, vstack
from scipy.special import softmax
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context
from skweight.neural._base import BaseNeural, checked_rows, positive_rows
from skweight.neural._classifier import NeuralClassifierMixin
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, layer_sizes, store_parameters
from skweight.transfer._weight_aligning import align_weights, herd

# A task ends with the network that its last epoch made, and is not taken up again.
_NO_MEANING = (
    "early_stopping",
    "validation_fraction",
    "cv",
    "warm_start",
    "module",
    "categorical_features",
)


@documented
class WeightAlignedClassifier(NeuralClassifierMixin, BaseNeural):
    r"""Classify by a network whose classes arrive over time.

    Each call of `partial_fit` is a task: rows of classes that are new, with as many epochs as
    `fit` has. The network grows by an output for each new class. So that old classes are not
    forgotten, a few rows of each are kept and trained on again, and the old network's
    probabilities are learned, too. So that they are not crowded out, the new classes' output
    weights are rescaled afterwards to the norms of the old ones [1]_.

    Parameters
    ----------
    memory_per_class : int, default=20
        Rows of each class that are kept, at least 0.
    memory_size : int or None, default=None
        Rows that are kept in all, in place of `memory_per_class`: the same number of each class
        seen so far, which falls as classes arrive.
    exemplar_selection : {"herding", "random"}, default="herding"
        How they are chosen: such that the means of their hidden features, scaled to length 1, are
        near the class's mean, or at random.
    distillation : bool, default=True
        Whether the probabilities of the network before the task are learned beside the labels.
    temperature : float, default=2.0
        Divides scores before they become those probabilities, above 0.
    align : bool, default=True
        Whether weights of new classes are rescaled.
    clip_weights : bool, default=True
        Whether output weights are kept at 0 or above, by clipping after every step of the
        optimiser. Without it norms do not say how large scores are, and alignment can do harm. It
        takes hidden layers with ``activation="relu"``.
    fit_output_bias : bool, default=False
        Whether the last layer has biases. They are not rescaled, so with them alignment can change
        which of the new classes is predicted.
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted: those declared in the first call of `partial_fit`, or all seen so far.
    class_order_ : ndarray of shape (n_seen,)
        Labels seen so far in the order of the network's outputs, which is that of arrival.
    n_tasks_ : int
        Tasks so far.
    gamma_history_ : list of float
        Factor of the new classes' weights for each task, 1 where there was nothing to align.
    weight_norms_ : ndarray of shape (n_seen,)
        Norms of the output weights in the order of `class_order_`.
    exemplars_ : tuple of (X, y)
        Rows kept, in float32, and their labels; the best of each class first.
    {neural_attributes}

    See Also
    --------
    align_weights : The alignment of any linear model.
    skweight.neural.NeuralClassifier : The network, for classes that are all there.

    Notes
    -----
    Where :math:`K_o` classes are old and :math:`K_n` new, a row's loss is
    :math:`(1 - \lambda)` times the cross-entropy of its label and :math:`\lambda = K_o / (K_o +
    K_n)` times that of the old network's probabilities, both at the `temperature`, among the old
    classes; in a task without a new class :math:`\lambda` is 1/2, and nothing is aligned. Kept
    rows count once each, whatever their weights were. So integer weights equal repeated rows in
    `fit`, in float64 with all rows in one batch, but not in later tasks.

    Loss, epochs and rows seen are those of the last task. Declared classes that have not arrived
    have the probability 0. A task that fails leaves the estimator as it was.

    References
    ----------
    .. [1] B. Zhao, X. Xiao, G. Gan, B. Zhang and S.-T. Xia, "Maintaining Discrimination and
       Fairness in Class Incremental Learning", CVPR 2020, arXiv 1911.07053.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweight.transfer import WeightAlignedClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = WeightAlignedClassifier(tol=0.01, random_state=0)
    >>> for rows in (y < 5, y >= 5):  # five digits first, and then the others
    ...     model = model.partial_fit(X[rows] / 16, y[rows])
    >>> model.classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> model.score(X / 16, y) > 0.95
    True
    """

    _parameter_constraints: dict = {
        **{name: kind for name, kind in NEURAL_CONSTRAINTS.items() if name not in _NO_MEANING},
        "memory_per_class": [Interval(Integral, 0, None, closed="left")],
        "memory_size": [Interval(Integral, 0, None, closed="left"), None],
        "exemplar_selection": [StrOptions({"herding", "random"})],
        "distillation": ["boolean"],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "align": ["boolean"],
        "clip_weights": ["boolean"],
        "fit_output_bias": ["boolean"],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    early_stopping = warm_start = False
    cv = module = None
    _made_by = ("activation", "fit_output_bias")

    def __init__(
        self,
        memory_per_class=20,
        *,
        memory_size=None,
        exemplar_selection="herding",
        distillation=True,
        temperature=2.0,
        align=True,
        clip_weights=True,
        fit_output_bias=False,
        hidden_layer_sizes=(128, 64),
        activation="relu",
        optimizer="sgd",
        optimizer_params=None,
        alpha=1e-4,
        batch_size=64,
        learning_rate_init=0.05,
        max_iter=40,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        random_state=None,
        class_weight=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    # ---------------------------------------------------------------- hooks of the network

    def _module(self):
        from skweight.transfer._weight_aligned_torch import GrowingMLP

        return partial(GrowingMLP, bias=self.fit_output_bias, clip=self.clip_weights)

    def _criterion(self):
        from skweight.neural._net import RowMean
        from skweight.transfer._weight_aligned_torch import distilled_cross_entropy

        return RowMean(partial(distilled_cross_entropy, temperature=self.temperature))

    def _build(self, torch, X, n_out):
        old = getattr(self, "net_", None)
        if old is not None:
            self._check_same((X.shape[1], self._shape[1], layer_sizes(self.hidden_layer_sizes)))
        super()._build(torch, X, n_out)
        if old is not None:
            self.net_.module_.take_over(old.module_)

    def _check_options(self, incremental):
        super()._check_options(incremental)
        sizes = layer_sizes(self.hidden_layer_sizes)
        if self.clip_weights and not (sizes and self.activation == "relu"):
            raise ValueError(
                "clip_weights=True wants hidden layers whose activation is 'relu', got "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} and "
                f"activation={self.activation!r}."
            )

    def _reconstruction(self):
        return {**super()._reconstruction(), "class_order_": self.class_order_}

    # ---------------------------------------------------------------- tasks

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn a task, on top of those before.

        Give all rows of the new classes at once: this is not one pass, but training as in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of new classes; there may be rows of old ones.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels there will ever be. None in the first call lets new labels come as they may.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        WeightAlignedClassifier
            The fitted estimator.

        See Also
        --------
        fit : Forget all tasks and learn one.

        Examples
        --------
        >>> from skweight.transfer import WeightAlignedClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> model = WeightAlignedClassifier(hidden_layer_sizes=(8,), tol=0.1, random_state=0)
        >>> model = model.partial_fit(X, y, classes=["maybe", "no", "yes"])
        >>> model.predict_proba([[1.0]])[0, 0]
        np.float64(0.0)
        >>> model.partial_fit([[0.0], [0.1]], ["maybe", "maybe"]).n_tasks_
        2
        """
        before = dict(vars(self))
        try:
            return self._partial_fit(X, y, classes, sample_weight)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    @with_callbacks
    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "net_")
        X, y, weight = checked_rows(self, X, y, sample_weight, reset=first)
        y = column_or_1d(y, warn=True)
        X, weight, y = positive_rows(self, X, weight, y)
        check_classification_targets(y)
        self.classes_, self._declared = self._known_classes(y, classes, first)
        return self._task(X, y, weight)

    def _places(self, y, weight, classes=None, reset=True):
        places, _ = super()._places(y, weight, classes, reset)
        return places, weight  # a task weighs classes itself, among the rows kept, too

    def _train_classes(self, X, y, places, weight):
        self._declared = False
        return self._task(X, y, weight)

    def _known_classes(self, y, classes, first):
        """Return all classes, sorted, and whether there will never be others."""
        found = np.unique(y)
        declared = classes is not None if first else self._declared
        known = self.classes_ if not first else found if classes is None else np.unique(classes)
        if (
            not first
            and classes is not None
            and not (declared and np.array_equal(np.unique(classes), known))
        ):
            raise ValueError(f"classes={classes!r} must be those of the first call, {known}.")
        if not declared:
            known = np.union1d(known, found)
        unknown = np.setdiff1d(found, known)
        if len(unknown):
            raise ValueError(f"y has labels that are not in classes: {unknown}.")
        if len(known) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, or classes that name "
                f"as many, got 1 class: {known.tolist()[0]!r}."
            )
        return known, declared

    def _task(self, X, y, weight):
        """Train on new rows and on those kept, align, and choose the rows to keep."""
        old = getattr(self, "class_order_", y[:0])
        fresh = np.unique(y)
        self.class_order_ = np.concatenate([old, np.setdiff1d(fresh, old)])
        if len(old):
            X, y, weight = self._with_exemplars(X, y, weight)
        if self.class_weight is not None:
            factor = compute_sample_weight(self.class_weight, y)
            weight = factor if weight is None else weight * factor
        order = np.argsort(self.class_order_)
        places = order[np.searchsorted(self.class_order_, y, sorter=order)]
        targets = [places]
        if self.distillation and len(old):
            targets.append(softmax(self._outputs(X) / self.temperature, axis=1))
        self._train(X, targets, weight, len(order), seen=(X, y, weight))
        gamma = self._align(len(old))
        self.gamma_history_ = [*getattr(self, "gamma_history_", ()), gamma]
        self.n_tasks_ = len(self.gamma_history_)
        self.exemplars_ = self._exemplars(X, y, fresh)
        return self

    def _with_exemplars(self, X, y, weight):
        """Return the rows kept and, after them, those of the task."""
        kept, labels = self.exemplars_
        if issparse(X) or issparse(kept):
            X = vstack([kept, X], format="csr")
        else:
            X = np.concatenate([kept, X])
        if weight is not None:
            weight = np.concatenate([np.ones(len(labels)), weight])
        return X, np.concatenate([labels, y]), weight

    def _align(self, n_old):
        """Rescale weights of new classes, and return the factor."""
        import torch

        head = self.net_.module_.head.weight.detach()
        coef, gamma = head.double().numpy(), 1.0
        if self.align and 0 < n_old < len(coef):
            old, new = np.split(np.arange(len(coef)), [n_old])
            if coef[old].any() and coef[new].any():
                before = np.linalg.norm(coef[new])
                coef = align_weights(coef, old, new)
                gamma = float(np.linalg.norm(coef[new]) / before)
                head.copy_(torch.from_numpy(coef))
            else:
                warnings.warn(
                    "The output weights of all old or all new classes are 0 after clipping, so "
                    "there is nothing to align: lower learning_rate_init or set "
                    "clip_weights=False.",
                    UserWarning,
                    stacklevel=2,
                )
        self.weight_norms_ = np.linalg.norm(coef, axis=1)
        return gamma

    def _exemplars(self, X, y, fresh):
        """Choose rows to keep, those of old classes from the best that were kept before."""
        n_kept = self.memory_per_class
        if self.memory_size is not None:
            n_kept = self.memory_size // len(self.class_order_)
        generator, chosen = check_random_state(self.random_state), []
        for label in self.class_order_:
            places = np.flatnonzero(y == label)
            if label not in fresh:
                chosen.append(places[:n_kept])
            elif self.exemplar_selection == "random":
                chosen.append(generator.permutation(places)[:n_kept])
            else:
                features = self._outputs(X[places], part="features")
                lengths = np.linalg.norm(features, axis=1, keepdims=True)
                features /= np.maximum(lengths, np.finfo(float).tiny)
                chosen.append(places[herd(features, n_kept)])
        chosen = np.concatenate(chosen)
        return X[chosen].astype(np.float32), y[chosen]

    # ---------------------------------------------------------------- prediction

    def _logits(self, X):
        """Return scores in the order of `classes_`, those of classes that did not come -inf."""
        outputs = self._outputs(self._checked_X(X))
        scores = np.full((len(outputs), len(self.classes_)), -np.inf)
        scores[:, np.searchsorted(self.classes_, self.class_order_)] = outputs
        return scores
