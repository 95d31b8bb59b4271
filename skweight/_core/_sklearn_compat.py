"""Everything that differs between the supported versions of scikit-learn, in one place."""

try:  # scikit-learn >= 1.9
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand in for scikit-learn's mixin where callbacks do not exist."""

    def with_callbacks(fit_method):
        """Return the method unchanged: there are no callbacks to set up or tear down."""
        return fit_method


__all__ = ["CallbackSupportMixin", "with_callbacks"]
