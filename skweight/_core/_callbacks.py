"""scikit-learn's callbacks where they exist (1.9 and later), nothing where they do not."""

from contextlib import contextmanager

from skweight._core._sklearn_compat import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackSupportMixin", "FitTask", "with_callbacks"]


class FitTask:
    """One node of the task tree that callbacks see while an estimator fits.

    An estimator makes the root in its ``fit`` (decorated by `with_callbacks`), and opens one
    child per iteration::

        with FitTask.root(self, X, y, metadata) as task:
            for ...:
                if task.iteration("iteration", reconstruction_attributes=...):
                    break

    On scikit-learn without callbacks, and where no callback was set, every call costs next to
    nothing and never asks to stop.

    Parameters
    ----------
    estimator : estimator
        The estimator that fits.
    context : object or None
        The callback context of scikit-learn; None where nobody listens.
    data : dict
        ``X``, ``y`` and ``metadata`` handed to the hooks.
    """

    def __init__(self, estimator, context, data):
        self.estimator = estimator
        self.context = context
        self.data = data

    @classmethod
    @contextmanager
    def root(cls, estimator, X=None, y=None, metadata=None, max_subtasks=None):
        """Open the task of a whole ``fit`` and close it when the block ends without error."""
        data = {"X": X, "y": y, "metadata": metadata}
        context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=max_subtasks)
            context.call_on_fit_task_begin(estimator=estimator, **data)
        task = cls(estimator, context, data)
        yield task
        if context is not None:
            context.call_on_fit_task_end(estimator=estimator, **data)

    @property
    def listened(self):
        """Whether any callback is set, so that work done only for callbacks can be skipped."""
        return self.context is not None and bool(getattr(self.estimator, "_skl_callbacks", ()))

    def iteration(self, name, reconstruction_attributes=None):
        """Report one finished iteration.

        Parameters
        ----------
        name : str
            What an iteration is.
        reconstruction_attributes : callable, default=None
            Returns the fitted attributes with which a copy of the estimator could predict now.

        Returns
        -------
        bool
            True if a callback asks to stop.
        """
        if not self.listened:
            return False
        child = self.context.subcontext(task_name=name)
        child.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return bool(
            child.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=reconstruction_attributes,
                **self.data,
            )
        )
