"""The transformer that orders quantiles; the common checks find it by themselves."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skweight.quantile import (
    NonCrossingTransformer,
    noncross_isotonic,
    noncross_minmax,
    noncross_sort,
)

X = np.random.default_rng(0).normal(size=(20, 4))


def test_methods_are_the_functions():
    levels = [0.5, 0.8, 0.9, 0.95]
    assert_array_equal(NonCrossingTransformer().fit_transform(X), noncross_sort(X))
    projected = NonCrossingTransformer("isotonic", n_jobs=2).fit_transform(X)
    assert_array_equal(projected, noncross_isotonic(X))
    assert_array_equal(NonCrossingTransformer("minmax").fit_transform(X), noncross_minmax(X))
    swept = NonCrossingTransformer("minmax", quantiles=levels).fit_transform(X)
    assert_array_equal(swept, noncross_minmax(X, quantiles=levels))


def test_it_needs_no_fit_and_works_in_a_pipeline():
    transformer = NonCrossingTransformer("minmax")
    expected = transformer.transform(X)
    assert_array_equal(clone(transformer).fit(X).transform(X), expected)
    pipe = make_pipeline(FunctionTransformer(np.negative), NonCrossingTransformer())
    assert_array_equal(pipe.fit_transform(X), np.sort(-X, axis=1))


def test_names_and_frames():
    pandas = pytest.importorskip("pandas", reason="needs frames")
    frame = pandas.DataFrame(X, columns=["q10", "q40", "q60", "q90"])
    transformer = NonCrossingTransformer().set_output(transform="pandas").fit(frame)
    assert transformer.get_feature_names_out().tolist() == frame.columns.tolist()
    ordered = transformer.transform(frame)
    assert ordered.columns.tolist() == frame.columns.tolist()
    assert_array_equal(ordered.to_numpy(), noncross_sort(X))


def test_float32_stays():
    assert NonCrossingTransformer("isotonic").fit_transform(X.astype("f4")).dtype == np.float32


def test_bad_parameters():
    with pytest.raises(ValueError, match="'method' parameter of NonCrossingTransformer"):
        NonCrossingTransformer("pava").fit(X)
    with pytest.raises(ValueError, match="quantiles must have one level for each of the 4 columns"):
        NonCrossingTransformer("sort", quantiles=[0.1, 0.5, 0.9]).fit(X)
    with pytest.raises(ValueError, match="strictly increasing"):
        NonCrossingTransformer("minmax", quantiles=[0.9, 0.5, 0.4, 0.1]).fit(X)
    with pytest.raises(ValueError, match="infinity"):
        NonCrossingTransformer().fit(np.where(X > 1, np.inf, X))
