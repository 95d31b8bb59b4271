"""Checks of scikit-learn's that ``parametrize_with_checks`` leaves to its own test-suite."""

from sklearn.utils import estimator_checks

from skweight.testing._data import is_transformer
from skweight.testing._registry import common_check


def _run(name, estimator):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


@common_check(applies=lambda e: hasattr(e, "_parameter_constraints"))
def check_parameter_constraints(estimator):
    """Each parameter has a constraint, and breaking it is said in scikit-learn's words."""
    _run("check_param_validation", estimator)


@common_check(needs=["pandas"])
def check_column_names(estimator):
    """Column names are remembered, documented and compared."""
    _run("check_dataframe_column_names_consistency", estimator)


@common_check(applies=is_transformer, needs=["pandas", "polars"])
def check_transformer_output(estimator):
    """``set_output`` and ``get_feature_names_out`` keep scikit-learn's promises."""
    for name in (
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_global_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_global_set_output_transform_polars",
    ):
        _run(name, estimator)
