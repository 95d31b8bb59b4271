"""The budget: exact sums, one for all copies, threads and processes, and sound composition."""

import copy
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import log_ndtr
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV

from skweight.privacy import (
    BudgetExceededError,
    PrivacyAccountant,
    PrivacySpent,
    PrivateKFold,
    composed_epsilon,
)
from skweight.privacy import _ledger as ledger_module
from skweight.privacy._composition import zcdp_epsilon


class Spender(ClassifierMixin, BaseEstimator):
    """Spend on fit like a private estimator, and learn nothing."""

    def __init__(self, accountant=None, epsilon=0.1, shift=0):
        self.accountant = accountant
        self.epsilon = epsilon
        self.shift = shift

    def fit(self, X, y):
        self.accountant.reserve(self.epsilon, label=type(self).__name__)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


X = np.arange(60.0).reshape(30, 2)
y = np.arange(30) % 2
GRID = {"shift": [0, 1, 2]}


# ------------------------------------------------------------------ sums


def test_ten_times_a_tenth_is_one():
    accountant = PrivacyAccountant(1.0, 1e-5)
    for _ in range(10):
        accountant.reserve(0.1, 1e-6)
    assert accountant.spent == (1.0, 1e-5)
    assert accountant.remaining == (0.0, 0.0)
    for cost in [(1e-300, 0.0), (0.1, 0.0), (1e-9, 1e-9)]:
        with pytest.raises(BudgetExceededError):
            accountant.reserve(*cost)
    assert len(accountant.records) == 10


def test_the_least_too_much_is_too_much():
    accountant = PrivacyAccountant(1.0)
    with pytest.raises(BudgetExceededError):
        accountant.reserve(math.nextafter(1.0, 2.0))
    accountant.reserve(1.0)


def test_delta_is_a_budget_of_its_own():
    accountant = PrivacyAccountant(1.0, 1e-6)
    accountant.reserve(0.1, 1e-6)
    with pytest.raises(BudgetExceededError, match="does not allow another"):
        accountant.reserve(0.1, 1e-12)
    accountant.reserve(0.1)
    assert accountant.spent == (0.2, 1e-6)
    with pytest.raises(BudgetExceededError):
        PrivacyAccountant(1.0).reserve(0.1, 1e-12)


def test_a_refusal_spends_nothing_and_says_what_is_left():
    accountant = PrivacyAccountant(1.0, 1e-5)
    accountant.reserve(0.75)
    with pytest.raises(
        BudgetExceededError,
        match=r"^The budget epsilon=1, delta=1e-05 has epsilon=0.75, delta=0 spent, and does not "
        r"allow another epsilon=0.5, delta=0\.$",
    ):
        accountant.reserve(0.5)
    assert accountant.remaining == (0.25, 1e-5)


def test_the_budget_cannot_be_raised_by_an_attribute():
    accountant = PrivacyAccountant(1.0)
    accountant.epsilon = 100.0
    with pytest.raises(BudgetExceededError):
        accountant.reserve(2.0)


def test_records_name_who_asked():
    accountant = PrivacyAccountant(3.0, 1e-5)
    accountant.reserve(1.0, 1e-6, "gaussian", "a")
    accountant.reserve(0.5, label=7)
    first, second = accountant.records
    assert (first.epsilon, first.delta) == (1.0, 1e-6)
    assert (first.mechanism, first.label) == ("gaussian", "a")
    assert (second.epsilon, second.delta, second.mechanism, second.label) == (0.5, 0.0, None, "7")
    assert repr(accountant) == "PrivacyAccountant(epsilon=3, delta=1e-05)"


@pytest.mark.parametrize("with_ledger", [False, True])
def test_releases_about_different_neighbours_do_not_add_up(tmp_path, with_ledger):
    accountant = PrivacyAccountant(3.0, ledger=tmp_path / "ledger.jsonl" if with_ledger else None)
    accountant.reserve(0.5)
    accountant.reserve(0.5, adjacency="replace")
    accountant.reserve(0.5, adjacency="replace")
    with pytest.raises(ValueError, match="one budget, got 'add_remove' after 'replace'"):
        accountant.reserve(0.5, adjacency="add_remove")
    assert accountant.spent == (1.5, 0.0)
    assert [record.adjacency for record in accountant.records] == [None, "replace", "replace"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PrivacyAccountant(0.0), "epsilon must be a finite number above 0, got 0.0"),
        (lambda: PrivacyAccountant(math.nan), "epsilon must be a finite number above 0, got nan"),
        (lambda: PrivacyAccountant(math.inf), "epsilon must be a finite number above 0, got inf"),
        (lambda: PrivacyAccountant("1"), "epsilon must be a finite number above 0, got '1'"),
        (lambda: PrivacyAccountant(1, 1.0), r"delta must be in \[0, 1\), got 1.0"),
        (lambda: PrivacyAccountant(1, -0.1), r"delta must be in \[0, 1\), got -0.1"),
        (lambda: PrivacyAccountant(1, composition="pld"), "composition must be 'sum' or 'zcdp'"),
        (lambda: PrivacyAccountant(1, composition="zcdp"), "delta must be above 0 with comp"),
        (lambda: PrivacyAccountant(1).reserve(-1.0), "epsilon must be a finite number above 0"),
        (lambda: PrivacyAccountant(1).reserve(math.nan), "epsilon must be a finite number above"),
        (lambda: PrivacyAccountant(1).reserve(1.0, math.nan), r"delta must be in \[0, 1\)"),
        (lambda: PrivacyAccountant(1).reserve(1.0, 0.0, "cauchy"), "mechanism must be 'laplace'"),
        (lambda: PrivacyAccountant(1).reserve(1.0, 0.0, "gaussian"), "delta must be above 0"),
        (lambda: PrivacyAccountant(1).reserve(1.0, adjacency="near"), "adjacency must be 'add_"),
        (
            lambda: PrivacyAccountant(1, 1e-5, composition="zcdp").reserve(0.1),
            "mechanism must be given with composition='zcdp', got None",
        ),
        (lambda: composed_epsilon([], 1.0), r"delta must be in \[0, 1\), got 1.0"),
        (
            lambda: composed_epsilon([PrivacySpent(1), PrivacySpent(1, adjacency="replace")], 0),
            "records must have one adjacency",
        ),
    ],
)
def test_bad_parameters_have_their_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------ copies, threads, processes


def test_copies_and_clones_are_the_accountant_itself(tmp_path):
    for ledger in (None, tmp_path / "ledger.jsonl"):
        accountant = PrivacyAccountant(1.0, ledger=ledger)
        assert copy.copy(accountant) is accountant
        assert copy.deepcopy([accountant])[0] is accountant
        assert clone(Spender(accountant)).accountant is accountant
        assert clone(accountant) is accountant


def test_pickling_raises_one_sentence_without_a_ledger():
    with pytest.raises(TypeError, match=r"^A PrivacyAccountant cannot be pickled .* ledger=path.$"):
        pickle.dumps(Spender(PrivacyAccountant(1.0)))


def test_a_pickle_holds_the_path_alone(tmp_path):
    accountant = PrivacyAccountant(1.0, 1e-5, ledger=tmp_path / "ledger.jsonl")
    before = pickle.dumps(accountant)
    accountant.reserve(0.25, label="a label that must not leave")
    assert pickle.dumps(accountant) == before
    assert accountant.__reduce__()[1] == (str(tmp_path / "ledger.jsonl"),)
    other = pickle.loads(before)
    assert (other.epsilon, other.delta, other.spent) == (1.0, 1e-5, (0.25, 0.0))
    other.reserve(0.75)
    with pytest.raises(BudgetExceededError):
        accountant.reserve(1e-9)


def test_a_ledger_is_opened_again_with_what_was_spent(tmp_path):
    path = tmp_path / "ledger.jsonl"
    PrivacyAccountant(1.0, 1e-5, composition="zcdp", ledger=path).reserve(0.1, 0, "laplace")
    again = PrivacyAccountant(1.0, 1e-5, composition="zcdp", ledger=str(path))
    assert again.spent[0] == pytest.approx(zcdp_epsilon(0.1**2 / 2, 1e-5))
    for other in ({"epsilon": 2.0}, {"delta": 1e-6}, {"composition": "sum"}):
        parameters = {"epsilon": 1.0, "delta": 1e-5, "composition": "zcdp", **other}
        with pytest.raises(ValueError, match="of the same budget and composition"):
            PrivacyAccountant(**parameters, ledger=path)


def test_a_lost_ledger_is_not_a_fresh_budget(tmp_path):
    path = tmp_path / "ledger.jsonl"
    accountant = PrivacyAccountant(1.0, ledger=path)
    stored = pickle.dumps(accountant)
    path.unlink()
    for call in (lambda: accountant.reserve(0.1), lambda: pickle.loads(stored)):
        with pytest.raises(ValueError, match="ledger must be a file that exists"):
            call()
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="ledger must hold a budget"):
        pickle.loads(stored)
    with pytest.raises(ValueError, match="of the same budget"):
        accountant.reserve(0.1)


@pytest.mark.parametrize("damage", [b'{"epsilon": 0.1', b"\xff\xfe\n", b"0.1]\n"])
def test_a_damaged_ledger_lets_nothing_pass(tmp_path, damage):
    path = tmp_path / "ledger.jsonl"
    accountant = PrivacyAccountant(1.0, ledger=path)
    with path.open("ab") as file:
        file.write(damage)
    with pytest.raises(ValueError, match="which is damaged"):
        accountant.reserve(0.1)
    with pytest.raises(ValueError, match="which is damaged"):
        PrivacyAccountant(1.0, ledger=path)


def test_a_system_without_locks_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "fcntl", None)
    monkeypatch.setattr(ledger_module, "msvcrt", None, raising=False)
    with pytest.raises(RuntimeError, match="ledger needs an operating system that can lock files"):
        PrivacyAccountant(1.0, ledger=tmp_path / "ledger.jsonl")


@pytest.mark.parametrize("with_ledger", [False, True])
def test_threads_together_spend_the_budget_exactly(tmp_path, with_ledger):
    path = tmp_path / "ledger.jsonl" if with_ledger else None
    accountant = PrivacyAccountant(0.5, ledger=path)
    passed = []

    def spend():
        for _ in range(10):
            try:
                accountant.reserve(0.01)
            except BudgetExceededError:
                return
            passed.append(1)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 50
    assert accountant.spent == (0.5, 0.0)


SPEND = """
import sys, pickle
accountant = pickle.loads(bytes.fromhex(sys.argv[1]))
from skweight.privacy import BudgetExceededError
n = 0
try:
    while True:
        accountant.reserve(0.01)
        n += 1
except BudgetExceededError:
    print(n)
"""


def test_processes_together_spend_the_budget_exactly(tmp_path):
    accountant = PrivacyAccountant(0.6, ledger=tmp_path / "ledger.jsonl")
    command = [sys.executable, "-c", SPEND, pickle.dumps(accountant).hex()]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    passed = [int(worker.communicate(timeout=120)[0]) for worker in workers]
    assert sum(passed) == 60 == len(accountant.records)
    assert accountant.spent == (0.6, 0.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("with_ledger", [False, True])
def test_a_forked_process_cannot_spend_the_budget_again(tmp_path, with_ledger):
    path = tmp_path / "ledger.jsonl" if with_ledger else None
    accountant = PrivacyAccountant(1.0, ledger=path)

    def spend(queue):
        try:
            accountant.reserve(0.75)
            queue.put("spent")
        except BudgetExceededError as error:
            queue.put(str(error))

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=spend, args=(queue,))
    child.start()
    answer = queue.get(timeout=60)
    child.join(60)
    if with_ledger:
        assert answer == "spent"
        with pytest.raises(BudgetExceededError):
            accountant.reserve(0.75)
    else:
        assert "cannot spend in a forked process" in answer
        accountant.reserve(0.75)


# ------------------------------------------------------------------ searches


def test_a_search_of_three_candidates_and_three_folds_charges_ten():
    accountant = PrivacyAccountant(1.0)
    GridSearchCV(Spender(accountant), GRID, cv=PrivateKFold(3)).fit(X, y)
    assert accountant.spent == (1.0, 0.0)
    assert len(accountant.records) == 10


@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_a_search_stops_where_the_budget_ends(error_score):
    accountant = PrivacyAccountant(0.45)
    search = GridSearchCV(
        Spender(accountant), GRID, cv=PrivateKFold(3), error_score=error_score, refit=False
    )
    with pytest.raises(BudgetExceededError):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")  # no score at all, nan or not
    assert len(accountant.records) == 4


def test_a_search_in_processes_refuses_without_a_ledger():
    accountant = PrivacyAccountant(1.0)
    search = GridSearchCV(Spender(accountant), GRID, cv=PrivateKFold(3), n_jobs=2)
    with pytest.raises(Exception, match="pickle") as caught:
        search.fit(X, y)
    chain, error = [], caught.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__ or error.__context__
    assert "pass ledger=path" in "\n".join(chain)
    assert accountant.records == ()


def test_a_search_in_processes_spends_from_the_ledger(tmp_path):
    accountant = PrivacyAccountant(1.0, ledger=tmp_path / "ledger.jsonl")
    GridSearchCV(Spender(accountant), GRID, cv=PrivateKFold(3), n_jobs=2).fit(X, y)
    assert accountant.spent == (1.0, 0.0)
    assert len(accountant.records) == 10


def test_a_search_in_processes_cannot_overspend_the_ledger(tmp_path):
    accountant = PrivacyAccountant(0.45, ledger=tmp_path / "ledger.jsonl")
    search = GridSearchCV(Spender(accountant), GRID, cv=PrivateKFold(3), n_jobs=2)
    with pytest.raises(BudgetExceededError):
        search.fit(X, y)
    assert accountant.spent == (0.4, 0.0)
    assert not hasattr(search, "cv_results_")


# ------------------------------------------------------------------ records and composition


def test_a_record_is_frozen_and_shows_what_it_is():
    spent = PrivacySpent(1.0, 1e-5, "replace", "gaussian", False, ["bounds"])
    assert repr(spent) == (
        "PrivacySpent(epsilon=1.0, delta=1e-05, adjacency='replace', mechanism='gaussian', "
        "valid=False, reasons=('bounds',))"
    )
    with pytest.raises(AttributeError):
        spent.valid = True
    assert pickle.loads(pickle.dumps(spent)) == spent


def test_records_load_no_accountant_before_they_are_asked():
    code = (
        "import sys; from skweight.privacy import PrivacyAccountant, PrivacySpent; "
        "PrivacySpent(1.0); PrivacyAccountant(1.0).reserve(0.5); "
        "print('dp_accounting' in sys.modules, 'opendp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_pure_release_is_randomised_response():
    dp = pytest.importorskip("dp_accounting")
    pld = pytest.importorskip("dp_accounting.pld")
    rdp = pytest.importorskip("dp_accounting.rdp")
    event = PrivacySpent(1.0, 1e-6).dp_event
    by_loss = pld.PLDAccountant().compose(event)
    assert by_loss.get_epsilon(0.0) == pytest.approx(1.0, abs=1e-9)
    for epsilon in (0.25, 0.5, 0.75):
        # No pure mechanism has more: (e ** 1 - e ** epsilon) / (1 + e ** 1).
        exact = (math.e - math.exp(epsilon)) / (1 + math.e)
        assert by_loss.get_delta(epsilon) == pytest.approx(exact, rel=1e-6)
        laplace = pld.PLDAccountant().compose(dp.LaplaceDpEvent(1.0))
        assert laplace.get_delta(epsilon) < 0.9 * exact
    # Rényi divergences of randomised response are at most those of its event.
    p = math.e / (1 + math.e)
    orders = [1.5, 2.0, 4.0, 16.0]
    by_moments = rdp.RdpAccountant(orders=orders).compose(PrivacySpent(1.0).rdp_event)
    for order, bound in zip(orders, by_moments._rdp):
        power = p**order * (1 - p) ** (1 - order) + (1 - p) ** order * p ** (1 - order)
        assert math.log(power) / (order - 1) <= bound


@pytest.mark.parametrize(("epsilon", "delta"), [(0.1, 1e-6), (1.0, 1e-6), (3.0, 1e-5), (8.0, 1e-6)])
def test_a_gaussian_release_has_its_epsilon_and_delta(epsilon, delta):
    pld = pytest.importorskip("dp_accounting.pld")
    accountant = pld.PLDAccountant(value_discretization_interval=1e-5)
    accountant.compose(PrivacySpent(epsilon, delta, mechanism="gaussian").dp_event)
    assert accountant.get_delta(epsilon) == pytest.approx(delta, rel=2e-4)


def test_an_invalid_release_is_no_privacy():
    pld = pytest.importorskip("dp_accounting.pld")
    spent = PrivacySpent(1.0, valid=False, reasons=("bounds were taken from X",))
    assert pld.PLDAccountant().compose(spent.dp_event).get_epsilon(0.1) == math.inf
    assert composed_epsilon([spent, PrivacySpent(1.0)], 0.1) == math.inf


def exact_gaussian_epsilon(multipliers, delta):
    """Compose Gaussian mechanisms: one of the summed precision."""
    z = 1 / math.sqrt(sum(1 / m**2 for m in multipliers))

    def excess(epsilon):
        first = math.exp(log_ndtr(1 / (2 * z) - epsilon * z))
        return first - math.exp(epsilon + log_ndtr(-1 / (2 * z) - epsilon * z)) - delta

    return brentq(excess, 0.0, 100.0) if excess(0.0) > 0 else 0.0


def test_composition_of_gaussian_releases_is_exact():
    pytest.importorskip("dp_accounting")
    accountant = PrivacyAccountant(30.0, 1e-3)
    for epsilon in (0.2, 0.5, 0.5, 1.0):
        accountant.reserve(epsilon, 1e-6, "gaussian")
    multipliers = [
        PrivacySpent(record.epsilon, record.delta, mechanism="gaussian").dp_event.noise_multiplier
        for record in accountant.records
    ]
    exact = exact_gaussian_epsilon(multipliers, 1e-5)
    composed = composed_epsilon(accountant.records, 1e-5)
    assert exact <= composed <= exact + 5e-4
    assert composed < 0.6 * accountant.spent[0]


def test_composition_of_randomised_responses_is_exact():
    pytest.importorskip("dp_accounting")
    from scipy.stats import binom

    k, epsilon, delta = 40, 0.1, 1e-4
    heads = np.arange(k + 1)
    loss = (2 * heads - k) * epsilon
    mass = binom.pmf(heads, k, math.exp(epsilon) / (1 + math.exp(epsilon)))

    def excess(total):
        return (mass * np.maximum(0, -np.expm1(total - loss))).sum() - delta

    exact = brentq(excess, 0.0, 4.0)
    composed = composed_epsilon([PrivacySpent(epsilon)] * k, delta)
    assert exact - 1e-9 <= composed <= exact + 0.005


def test_composition_never_exceeds_the_sum_where_the_sum_holds():
    pytest.importorskip("dp_accounting")
    assert composed_epsilon([], 0.0) == 0.0
    assert composed_epsilon([PrivacySpent(0.5)] * 3, 0.0) == 1.5
    gaussian = [PrivacySpent(0.5, 1e-6, mechanism="gaussian")]
    assert composed_epsilon(gaussian, 0.0) == math.inf
    assert composed_epsilon(gaussian, 1e-6) == pytest.approx(0.5, abs=1e-3)
    assert composed_epsilon(gaussian, 1e-6) <= 0.5


def test_thousands_of_tiny_releases_go_by_moments():
    # A grid of losses is too coarse for them: there the Rényi bound is the smaller one.
    pytest.importorskip("dp_accounting")
    many = [PrivacySpent(1e-4, 1e-9, mechanism="gaussian")] * 50_000
    composed = composed_epsilon(many, 1e-6)
    multiplier = many[0].dp_event.noise_multiplier
    assert composed < 1.2 * exact_gaussian_epsilon([multiplier / math.sqrt(50_000)], 1e-6)


def test_releases_of_unknown_kind_fail_with_their_delta():
    pytest.importorskip("dp_accounting")
    accountant = PrivacyAccountant(10.0, 1e-3)
    for _ in range(20):
        accountant.reserve(0.1, 1e-6)
    assert composed_epsilon(accountant.records, 1.9e-5) == math.inf
    # Twenty failures of 1e-6 leave 1e-5 for randomised responses.
    exact = composed_epsilon([PrivacySpent(0.1)] * 20, 1e-5)
    assert composed_epsilon(accountant.records, 3e-5) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("delta", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("rho", [1e-6, 0.01, 0.5, 20.0])
def test_zcdp_is_converted_soundly_and_tightly(rho, delta):
    rdp = pytest.importorskip("dp_accounting.rdp")
    dp_event = pytest.importorskip("dp_accounting.dp_event")
    ours = zcdp_epsilon(rho, delta)
    # Gaussian noise of that rho has no more, and 10% less at the most beside its least epsilon.
    exact = exact_gaussian_epsilon([1 / math.sqrt(2 * rho)], delta)
    assert ours >= exact
    orders = 1 + np.exp(np.linspace(-12, 14, 4000))
    accountant = rdp.RdpAccountant(orders=list(orders)).compose(dp_event.ZCDpEvent(rho))
    assert ours == pytest.approx(accountant.get_epsilon(delta), rel=1e-3, abs=1e-9)


def test_zcdp_lets_more_small_releases_pass_and_stops():
    accountant = PrivacyAccountant(1.0, 1e-5, composition="zcdp")
    n = 0
    with pytest.raises(BudgetExceededError):  # noqa: PT012
        while True:
            accountant.reserve(0.05, mechanism="laplace")
            n += 1
    assert n > 20
    rho = n * 0.05**2 / 2
    assert accountant.spent == (pytest.approx(zcdp_epsilon(rho, 1e-5)), 1e-5)
    assert accountant.spent[0] <= 1.0 < zcdp_epsilon(rho + 0.05**2 / 2, 1e-5)
    assert accountant.remaining[0] == pytest.approx(1.0 - accountant.spent[0])
