"""Random words that nobody can predict: a cipher's keystream under a key of the operating system."""

import os

import numpy as np

from skweight._core._optional import import_optional

# Bytes of keystream made at a time.
_CHUNK = 1 << 20


class SecureWords:
    """Uniform words from ChaCha20, keyed afresh by the operating system.

    The key exists in the cipher alone: make an object of this class inside a release, use it
    there, and let it go. It can be neither copied nor pickled, and a forked process that finds one
    refuses to use it, since both would go on with the same words.
    """

    def __init__(self):
        ciphers = import_optional("cryptography.hazmat.primitives.ciphers", "private noise")
        # The key is used once, so that the nonce may be 0, and its block counter starts there.
        algorithm = ciphers.algorithms.ChaCha20(os.urandom(32), bytes(16))
        self._encryptor = ciphers.Cipher(algorithm, None).encryptor()
        self._process = os.getpid()

    def words(self, n, dtype):
        """Return n uniform words of an unsigned integer type."""
        if os.getpid() != self._process:
            raise RuntimeError("A forked process must not go on with its parent's random words.")
        size = n * np.dtype(dtype).itemsize
        out = bytearray(size)
        view = memoryview(out)
        zeros = bytes(min(size, _CHUNK))
        for start in range(0, size, _CHUNK):
            part = min(_CHUNK, size - start)
            view[start : start + part] = self._encryptor.update(zeros[:part])
        return np.frombuffer(out, dtype=dtype)

    def __reduce__(self):
        raise TypeError("Random words for private noise are never pickled or copied.")


class SeededWords:
    """Words that whoever knows the seed can repeat: for tests alone, since it voids privacy.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        The generator.
    """

    def __init__(self, random_state):
        self._random_state = random_state

    def words(self, n, dtype):
        """Return n uniform words of an unsigned integer type."""
        return np.frombuffer(self._random_state.bytes(n * np.dtype(dtype).itemsize), dtype=dtype)
