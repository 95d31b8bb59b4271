"""Where private noise cannot be made, tests that make it say so instead of failing."""

import pytest


def missing_extra(error):
    """Return the sentence about the extra among an error and those that led to it."""
    while error is not None:
        if isinstance(error, ImportError) and "skweight[privacy]" in str(error):
            return str(error)
        error = error.__cause__ or error.__context__
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        sentence = missing_extra(error)
        if sentence:
            pytest.skip(sentence)
        raise
