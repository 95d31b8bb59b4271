"""How long steps are for weights whose norms do not matter."""

from skweight._core._optional import import_optional

Callback = import_optional("skorch.callbacks", "skweight.optim.EffectiveLearningRate").Callback


class EffectiveLearningRate(Callback):
    r"""Record the steps' length on the sphere, and how many were projected.

    Of a scale-invariant matrix of weights only the direction matters, and a step moves it by about
    :math:`\eta / \|W\|^2` times the gradient of that direction: the norm that momentum lets grow is
    a learning rate that falls. This callback of skorch tells it, for each matrix and epoch. The
    package's estimators copy their `callbacks`, so read it where the Examples do.

    Attributes
    ----------
    history_ : list of dict
        For each epoch and matrix, which a `DataFrame` takes as they are: "epoch" from 1, "name" of
        the parameter, "norm" of the matrix, "effective_learning_rate", which is the step size over
        the squared norm, and "projected", the share of the epoch's steps that
        :class:`AdamP` or :class:`SGDP` projected (0 with other optimisers).

    See Also
    --------
    AdamP : Steps that let norms grow less.
    NormalizedMLPClassifier : A network with scale-invariant matrices.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweight.optim import EffectiveLearningRate, NormalizedMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NormalizedMLPClassifier(
    ...     (8,), tol=1.0, n_iter_no_change=1, callbacks=[EffectiveLearningRate()], random_state=0
    ... ).fit(X, y)
    >>> history = dict(net.net_.callbacks_)["EffectiveLearningRate"].history_
    >>> for row in history[:2]:
    ...     print(row["epoch"], row["name"], row["projected"])
    1 0.weight 1.0
    1 3.weight 0.0
    """

    def initialize(self):
        """Forget what was recorded.

        It is called when a net is built.

        Returns
        -------
        EffectiveLearningRate
            Itself.

        See Also
        --------
        on_epoch_end : Record.

        Examples
        --------
        >>> from skweight.optim import EffectiveLearningRate
        >>> EffectiveLearningRate().initialize().history_
        []
        """
        self.history_ = []
        self._n_steps, self._projected = 0, {}
        return self

    def on_batch_end(self, net, batch=None, training=True, **kwargs):
        """Count the steps.

        It is called by the net.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        batch : object
            Is not looked at.
        training : bool
            Whether this was a step.
        **kwargs : dict
            Is not looked at.

        See Also
        --------
        on_epoch_end : Record.

        Examples
        --------
        >>> from skweight.optim import EffectiveLearningRate
        >>> EffectiveLearningRate().initialize().on_batch_end(None, training=True)
        """
        self._n_steps += training

    def on_epoch_end(self, net, **kwargs):
        """Record the epoch.

        It is called by the net.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : dict
            Is not looked at.

        See Also
        --------
        on_batch_end : Count.

        Examples
        --------
        >>> from skweight.neural import NeuralRegressor
        >>> from skweight.optim import EffectiveLearningRate
        >>> callbacks = [EffectiveLearningRate()]
        >>> net = NeuralRegressor((), max_iter=5, tol=1.0, n_iter_no_change=1, callbacks=callbacks)
        >>> net = net.fit([[0.0], [1.0]], [0.0, 1.0]).net_
        >>> len(dict(net.callbacks_)["EffectiveLearningRate"].history_)
        3
        """
        rates = {
            id(p): group["lr"] for group in net.optimizer_.param_groups for p in group["params"]
        }
        epoch = self.history_[-1]["epoch"] + 1 if self.history_ else 1
        for name, p in net.module_.named_parameters():
            if p.ndim < 2 or id(p) not in rates:
                continue
            total = net.optimizer_.state.get(p, {}).get("projected", 0)
            norm = p.detach().norm().item()
            self.history_.append(
                {
                    "epoch": epoch,
                    "name": name,
                    "norm": norm,
                    "effective_learning_rate": rates[id(p)] / norm**2 if norm else float("inf"),
                    "projected": (total - self._projected.get(name, 0)) / max(self._n_steps, 1),
                }
            )
            self._projected[name] = total
        self._n_steps = 0
