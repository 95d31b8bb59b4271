"""What is compiled cannot import its constants: a cache would not see them change."""

from skweight.privacy import _feature_kernel, _feature_steps


def test_compiled_steps_know_the_same_constants():
    assert _feature_kernel.CHUNK == _feature_steps.CHUNK
    assert float(_feature_steps.LARGEST**2) == _feature_kernel._MOST
