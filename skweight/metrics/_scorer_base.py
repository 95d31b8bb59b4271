"""What scorers of this room share: a metric, its sign, and sample_weight under routing."""

import inspect

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRequest


class MetricScorer:
    """A callable ``scorer(estimator, X, y, sample_weight=None)``; greater is better.

    A subclass says in `_maker` which function makes it, in `_options` what that one was told,
    and in `__call__` what the metric is handed.
    """

    _maker = None

    def __init__(self, metric, greater_is_better, kwargs):
        if not callable(metric):
            raise TypeError(f"metric={metric!r}: want a callable")
        self._metric = metric
        self._sign = 1 if greater_is_better else -1
        self._kwargs = kwargs
        self._sample_weight_request = None

    def _options(self):
        return {}

    def __repr__(self):
        arguments = [getattr(self._metric, "__name__", repr(self._metric))]
        options = {name: value for name, value in self._options().items() if value is not None}
        if self._sign > 0:
            options["greater_is_better"] = True
        options.update(self._kwargs)
        arguments += [f"{name}={value!r}" for name, value in options.items()]
        return f"{self._maker}({', '.join(arguments)})"

    def _value(self, *arguments, sample_weight, **options):
        """Return the metric, negated where lower is better."""
        if sample_weight is not None:
            options["sample_weight"] = sample_weight
        return self._sign * self._metric(*arguments, **options, **self._kwargs)

    def set_score_request(self, *, sample_weight):
        """Request sample_weight under metadata routing, as any scikit-learn scorer."""
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "set_score_request needs metadata routing: want "
                "sklearn.set_config(enable_metadata_routing=True) before it"
            )
        self._sample_weight_request = sample_weight
        return self

    def get_metadata_routing(self):
        """Return what this scorer requests."""
        request = MetadataRequest(owner=self)
        if self._accept_sample_weight():
            request.score.add_request(param="sample_weight", alias=self._sample_weight_request)
        return request

    def _accept_sample_weight(self):
        # scikit-learn >= 1.8 asks each scorer of a multi-metric search, routing off
        return "sample_weight" in inspect.signature(self._metric).parameters
