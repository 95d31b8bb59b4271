"""Without torch everything works except what computes, which says what to install."""

import inspect
import json
import subprocess
import sys

import pytest

import skweight.neural
from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer

ALL = pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor, NeuralTransformer])
X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]

SCRIPT = """
import json, pickle, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch"):
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Missing())
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr
import skweight.neural
from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer
from skweight.testing import all_estimators

found = {"all": sorted(name for name, _ in all_estimators() if name.startswith("Neural"))}
for make in (NeuralClassifier, NeuralRegressor, NeuralTransformer):
    net = make(alpha=0.5)
    told = found[make.__name__] = {"repr": repr(clone(net).set_params(max_iter=3))}
    told["params"] = net.get_params()["alpha"]
    told["copy"] = pickle.loads(pickle.dumps(net)).alpha
    estimator_html_repr(make_pipeline(net))
    net.__sklearn_tags__()
    for name in ("fit", "partial_fit"):
        more = {"classes": [0, 1]} if name == "partial_fit" and "Class" in make.__name__ else {}
        try:
            getattr(net, name)([[0.0], [1.0], [2.0]], [0, 1, 0], **more)
        except ImportError as error:
            told[name] = str(error)
    told["left"] = [name for name in vars(net) if name.endswith("_")]
    try:
        getattr(net, "transform" if "Trans" in make.__name__ else "predict")([[0.0]])
    except NotFittedError:
        told["predict"] = True
    told["coef_"] = hasattr(net, "coef_")
found["dir"] = sorted(dir(skweight.neural))
for name in ("MLP", "Dropout"):
    try:
        getattr(skweight.neural, name)
    except ImportError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@ALL
def test_estimators_without_torch(make, found):
    name = make.__name__
    told = found[name]
    assert found["all"] == ["NeuralClassifier", "NeuralRegressor", "NeuralTransformer"]
    assert told["repr"] == f"{name}(alpha=0.5, max_iter=3)"
    assert told["params"] == told["copy"] == 0.5
    assert told["predict"] is True
    assert told["coef_"] is False
    assert told["left"] == []
    for method in ("fit", "partial_fit"):
        assert told[method].startswith(f"{name}.fit needs the package 'torch'")
        assert "skweight[neural]" in told[method]


def test_modules_without_torch(found):
    assert set(found["dir"]) == set(skweight.neural.__all__)
    for name in ("MLP", "Dropout"):
        assert found[name].startswith(f"skweight.neural.{name} needs the package 'torch'")


@ALL
def test_skorch_is_named_where_it_alone_is_missing(make, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "skorch", None)
    with pytest.raises(ImportError, match=r"needs the package 'skorch': .*skweight\[neural\]"):
        make().fit(X, y)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Transformer'"):
        _ = skweight.neural.Transformer


@ALL
def test_parameters_in_their_order(make):
    """All have the same names in the same order, by keyword after the first."""
    order = """
        hidden_layer_sizes activation optimizer optimizer_params alpha batch_size
        learning_rate_init max_iter shuffle tol n_iter_no_change early_stopping
        validation_fraction cv warm_start random_state class_weight device dtype compile amp module
        categorical_features iterator_train callbacks
    """
    names = list(inspect.signature(make).parameters)
    others = {
        NeuralClassifier: set(),
        NeuralRegressor: {"class_weight"},
        NeuralTransformer: {"class_weight", "module", "categorical_features"},
    }[make]
    first = ["n_components"] if make is NeuralTransformer else []
    assert names == [*first, *(name for name in order.split() if name not in others)]
    with pytest.raises(TypeError):
        make(3, "relu")
