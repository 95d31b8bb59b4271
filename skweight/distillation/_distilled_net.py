"""A student that is a network."""

from skweight._core._callbacks import with_callbacks
from skweight.neural._base import BaseNeural


class StudentNet(BaseNeural):
    """Train a network for one of the losses of a student.

    Parameters
    ----------
    loss : tuple of (str, float, float)
        Name of the loss, temperature and weight of the labels.
    **parameters
        Those of `BaseNeural`.
    """

    # Parameters of the bridge that the student does not have.
    warm_start = compile = amp = False
    iterator_train = cv = None

    def __init__(self, loss, **parameters):
        self.loss = loss
        for name, value in parameters.items():
            setattr(self, name, value)

    @with_callbacks
    def fit(self, X, targets, weight, places, n_classes, task, attributes):
        """Train.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, p)
            Checked rows.
        targets : list of ndarray
            As `loss_targets` returns them.
        weight : ndarray of shape (n,) or None
            Weights of the rows, all above 0.
        places : ndarray of int of shape (n,)
            True classes.
        n_classes : int
            Number of classes.
        task : FitTask
            Hears of every epoch.
        attributes : callable
            Takes the net, and returns what the student needs to predict.

        Returns
        -------
        StudentNet
            Itself.
        """
        self.n_features_in_ = X.shape[1]
        self._listener = task, attributes
        try:
            return self._train(X, targets, weight, n_classes, stratify=places)
        finally:
            del self._listener

    def _criterion(self):
        from skweight.distillation._distilled_torch import tensor_loss
        from skweight.neural._net import RowMean

        return RowMean(tensor_loss(*self.loss))

    def _epochs(self, rows, epochs, task):
        super()._epochs(rows, epochs, self._listener[0])

    def _reconstruction(self):
        return self._listener[1](self)
