"""Random words that nobody can predict: a cipher's keystream under the system's random key."""

import os

import numpy as np

from skweight._core._optional import import_optional

# Bytes made at a time.
_CHUNK = 1 << 17
# Bytes made with one key. What fits into a block counter of 32 bits is 256 times as many.
_KEY_LASTS = 1 << 30

_forks = 0


def _count_fork():
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class SecureWords:
    """Uniform words from ChaCha20, keyed afresh by the operating system.

    Keys exist in the cipher alone: make an object of this class inside a release, use it there, and
    let it go. It can be neither copied nor pickled, and a forked process that finds one refuses to
    use it, since both would go on with the same words. That noise is secret assumes, here as
    everywhere, that nobody tells the keystream from random words.
    """

    def __init__(self):
        package = "cryptography.hazmat.primitives.ciphers"
        self._cipher = import_optional(package, "private noise").Cipher
        self._chacha20 = import_optional(f"{package}.algorithms", "private noise").ChaCha20
        self._process = os.getpid(), _forks
        self._zeros = bytes(_CHUNK)
        self._left = 0

    def fill(self, out):
        """Overwrite a contiguous array of unsigned integers by uniform words."""
        if self._process != (os.getpid(), _forks):
            raise RuntimeError("A forked process must not go on with its parent's random words.")
        view = memoryview(out).cast("B")
        for start in range(0, len(view), _CHUNK):
            part = view[start : start + _CHUNK]
            if self._left < len(part):
                self._new_key()
            self._left -= len(part)
            if self._encryptor.update_into(memoryview(self._zeros)[: len(part)], part) != len(part):
                raise RuntimeError("The cipher made fewer random words than asked for.")

    def words(self, n, dtype):
        """Return n uniform words of an unsigned integer type."""
        out = np.empty(n, dtype=dtype)
        if n:
            self.fill(out)
        return out

    def _new_key(self):
        # Each key is used once, so that the nonce may be 0, and its block counter starts there.
        algorithm = self._chacha20(os.urandom(32), bytes(16))
        self._encryptor = self._cipher(algorithm, None).encryptor()
        self._left = _KEY_LASTS

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

    def fill(self, out):
        """Overwrite a contiguous array of unsigned integers by uniform words."""
        view = memoryview(out).cast("B")
        view[:] = self._random_state.bytes(len(view))

    def words(self, n, dtype):
        """Return n uniform words of an unsigned integer type."""
        out = np.empty(n, dtype=dtype)
        if n:
            self.fill(out)
        return out
