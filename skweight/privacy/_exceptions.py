"""What private estimators warn of and refuse."""


class PrivacyLeakWarning(UserWarning):
    """Warn that something about private rows may leave by another way than the noisy release.

    The record ``privacy_spent_`` of a fit that warned so has ``valid=False``.

    Parameters
    ----------
    *args : str
        The message.

    See Also
    --------
    BudgetExceededError : Refusal to spend more than the budget.

    Examples
    --------
    >>> import warnings
    >>> from skweight.privacy import PrivacyLeakWarning
    >>> warnings.simplefilter("error", PrivacyLeakWarning)  # let no such fit pass
    """

    def __init__(self, *args):
        super().__init__(*args)


class BudgetExceededError(BaseException):
    """Refuse to spend more privacy than an accountant was given.

    It is raised before any row is read. It is not an ``Exception``, so that the searches of
    scikit-learn, which turn exceptions of a fit into scores of nan, stop at it.

    Parameters
    ----------
    *args : str
        The message.

    See Also
    --------
    PrivacyAccountant : What raises it.

    Examples
    --------
    >>> from skweight.privacy import BudgetExceededError, PrivacyAccountant
    >>> accountant = PrivacyAccountant(epsilon=1.0)
    >>> try:
    ...     accountant.reserve(2.0, 0.0)
    ... except BudgetExceededError as error:
    ...     print("refused")
    refused
    """

    def __init__(self, *args):
        super().__init__(*args)
