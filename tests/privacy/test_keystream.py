"""Words of the cipher, and that no two places ever get the same ones."""

import copy
import multiprocessing
import os
import pickle

import numpy as np
import pytest
from scipy.stats import chi2

from skweight.privacy import _keystream
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SecureWords, SeededWords
from skweight.privacy._noise import LaplaceNoise, noise_source

pytest.importorskip("cryptography")

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def test_words_are_the_keystream_of_chacha20(monkeypatch):
    # RFC 7539, appendix A.1, test vectors 1 and 2: key and nonce 0, blocks 0 and 1.
    monkeypatch.setattr(os, "urandom", bytes)
    expected = (
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
    )
    source = SecureWords()
    words = np.concatenate([source.words(9, np.uint64), source.words(7, np.uint64)])
    assert words.tobytes().hex() == expected


def test_words_do_not_depend_on_how_they_are_asked_for(monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda n: b"k" * n)
    n = 3 * _keystream._CHUNK
    whole = SecureWords().words(n, np.uint8)
    source = SecureWords()
    pieces = [source.words(k, np.uint8) for k in (1, 0, 63, 65, _keystream._CHUNK + 1)]
    joined = np.concatenate(pieces)
    np.testing.assert_array_equal(joined, whole[: len(joined)])


def test_two_sources_have_different_words():
    words = {SecureWords().words(4, np.uint64).tobytes() for _ in range(100)}
    assert len(words) == 100


def test_words_are_uniform():
    counts = np.bincount(SecureWords().words(1 << 20, np.uint8), minlength=256)
    statistic = ((counts - 4096) ** 2 / 4096).sum()
    assert chi2.ppf(1e-9, 255) < statistic < chi2.ppf(1 - 1e-9, 255)


def test_keys_are_changed_before_they_wear_out(monkeypatch):
    keys = []

    def urandom(n):
        keys.append(bytes([len(keys)]) * n)
        return keys[-1]

    monkeypatch.setattr(os, "urandom", urandom)
    monkeypatch.setattr(_keystream, "_KEY_LASTS", 256)
    source = SecureWords()
    blocks = [source.words(64, np.uint8).tobytes() for _ in range(12)]
    assert len(keys) == 3
    assert len(set(blocks)) == 12
    assert {len(key) for key in keys} == {32}


def test_a_source_is_neither_copied_nor_pickled():
    source = SecureWords()
    source.words(1, np.uint32)
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="never pickled or copied"):
            copier(source)


def test_no_key_is_an_attribute(monkeypatch):
    key = bytes(range(32))
    monkeypatch.setattr(os, "urandom", lambda n: key)
    source = SecureWords()
    source.words(100, np.uint32)
    held = b"".join(
        value if isinstance(value, bytes) else repr(value).encode()
        for value in vars(source).values()
    )
    assert key not in held
    assert repr(key)[2:-1].encode() not in held


def _in_child(task):
    """Return what a task gives in a forked child, as text."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def run():
        try:
            queue.put(repr(task()))
        except Exception as error:
            queue.put(f"{type(error).__name__}: {error}")

    child = context.Process(target=run)
    child.start()
    answer = queue.get(timeout=60)
    child.join(60)
    return answer


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("same_number", [False, True])  # process numbers come round again
def test_a_forked_process_refuses_its_parents_words(same_number):
    source, number = SecureWords(), os.getpid()
    source.words(1, np.uint32)

    def draw():
        with pytest.MonkeyPatch.context() as patch:
            if same_number:
                patch.setattr(os, "getpid", lambda: number)
            return source.words(1, np.uint32)

    assert "forked process must not" in _in_child(draw)
    source.words(1, np.uint32)


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("mechanism", [LaplaceNoise, DiscreteLaplace])  # OpenDP's noise, and ours
def test_forked_processes_have_different_noise(mechanism):
    if mechanism is LaplaceNoise:
        pytest.importorskip("opendp")

    def noise():
        return mechanism(1000).draw(20, noise_source(None)[0]).tolist()

    noise()  # whatever is set up once, is set up before the fork
    draws = [_in_child(noise), _in_child(noise), repr(noise())]
    assert len(set(draws)) == 3
    assert all(draw.startswith("[") for draw in draws)


def test_seeded_words_can_be_repeated():
    first, second = (SeededWords(np.random.RandomState(3)) for _ in range(2))
    a = [first.words(5, np.uint32), first.words(3, np.uint64)]
    b = [second.words(5, np.uint32), second.words(3, np.uint64)]
    for left, right in zip(a, b):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype
    assert len(first.words(0, np.uint32)) == 0
