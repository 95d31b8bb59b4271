"""What the checks need to know about single estimators: the only lists, all by class name.

An estimator needs no line here: without one, its default parameters are checked.
"""

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

# A network that learns in a few steps what the checks ask for.
_SMALL_NET = {
    "hidden_layer_sizes": (10,),
    "learning_rate_init": 0.1,
    "max_iter": 10,
    "random_state": 0,
}
_SMALL_NET_IN_DOUBLE = {**_SMALL_NET, "dtype": "float64"}
# Few epochs: densities of shapes below 1 have a cusp, past which steps make more and more of
# rounding. With shapes of 1 at least, weights and repeated rows agree after 100 epochs, too.
_SMALL_ENSEMBLE = {**_SMALL_NET, "n_estimators": 2, "learning_rate_init": 0.05, "max_iter": 8}
# A teacher of which integer weights mean repeated rows, and who saw the rows that it is asked of;
# a student whose loss is well curved.
_DISTILLED = {
    "teacher": LogisticRegression(solver="newton-cg", tol=1e-10),
    "cv": None,
    "alpha": 10.0,
    "tol": 1e-9,
}

# Rows in float32 train in float32 by default, which is not the same to seven digits.
_IN_DOUBLE = {"check_other_dtypes": {"dtype": "float64"}}

# Constructor parameters that make a fit cheap. A list of several checks each of them.
CHEAP_PARAMETERS = {
    "AnyLossClassifier": [
        {"max_iter": 30},
        {**_SMALL_NET_IN_DOUBLE, "metric": "gmean"},
    ],
    "CompandedMLPClassifier": {**_SMALL_NET, "b": 0.5},
    "CompandedMLPRegressor": {**_SMALL_NET, "b": 0.5, "learn_compander": True},
    "ConformalQuantileRegressor": [
        {
            "estimator": QuantileRegressor(alpha=0.0),
            "quantiles": (0.05, 0.5, 0.95),
            "random_state": 0,
        },
        {
            "estimator": QuantileRegressor(alpha=0.0),
            "quantiles": (0.05, 0.5, 0.95),
            "method": "cv+",
            "side": "one",
            "random_state": 0,
        },
    ],
    # Without attributes a plain generalised linear model, and with one among the columns.
    "DistanceCovarianceClassifier": [{}, {"sensitive_columns": [0]}],
    "DistanceCovarianceClassifierCV": [
        {"cv": 2},
        {"fairness_alphas": (0.0, 3.0), "cv": 2, "sensitive_columns": [0]},
    ],
    "DistanceCovarianceRegressor": [{}, {"sensitive_columns": [0]}],
    "DistanceCovarianceRegressorCV": [
        {"cv": 2},
        {"fairness_alphas": (0.0, 3.0), "cv": 2, "sensitive_columns": [0]},
    ],
    "DistilledClassifier": [
        _DISTILLED,
        {**_DISTILLED, "teacher": GaussianNB(), "loss": "kl", "temperature": 2.0},
        {
            **_DISTILLED,
            "alpha": 1e-4,
            "hidden_layer_sizes": (8,),
            "learning_rate_init": 0.05,
            "max_iter": 30,
            "dtype": "float64",
            "random_state": 0,
        },
    ],
    # Base models of which integer weights mean repeated rows; losses of held-out rows.
    "DynamicLossReweightedClassifier": [
        {"estimator": LogisticRegression(solver="newton-cg", tol=1e-10), "max_iter": 4},
        {"estimator": GaussianNB(), "max_iter": 3, "cv": 3},
    ],
    "DynamicLossReweightedRegressor": [
        {"max_iter": 4},
        {"strategy": "quadratic", "max_iter": 3, "cv": 3},
    ],
    # Without attributes a plain network, and with one among the columns.
    "FairNeuralClassifier": [
        _SMALL_NET_IN_DOUBLE,
        {**_SMALL_NET_IN_DOUBLE, "sensitive_columns": [0]},
    ],
    "FairNeuralRegressor": [
        _SMALL_NET_IN_DOUBLE,
        {**_SMALL_NET_IN_DOUBLE, "sensitive_columns": [0]},
    ],
    "GeneralizedGaussianRegressor": _SMALL_ENSEMBLE,
    "GeneralizedGaussianTDRegressor": _SMALL_ENSEMBLE,
    "LevelwiseQuantileRegressor": {"quantiles": (0.05, 0.5, 0.95)},
    # All rows in each step, and a start that is unique: then weights equal repeated rows.
    "LocalQuantileStackingRegressor": [
        {
            "estimators": [
                ("linear", QuantileRegressor(alpha=0.0)),
                ("shrunk", QuantileRegressor(alpha=0.02)),
            ],
            "quantiles": (0.05, 0.95),
            "weighting": weighting,
            "cv": 2,
            "hidden_layer_sizes": (4,),
            "batch_size": None,
            "learning_rate_init": 0.01,
            "max_iter": 8,
            "early_stopping": False,
            "random_state": 0,
            "dtype": "float64",
        }
        for weighting in ("medium", "coarse")
    ],
    # All rows in one batch, and a linear map on drawn batches.
    "MultiSimilarityEmbedding": [
        {"hidden_layer_sizes": (8,), "n_per_class": 200, "max_iter": 5, "random_state": 0},
        {
            "n_components": 2,
            "hidden_layer_sizes": (),
            "loss": "triplet",
            "n_per_class": 3,
            "max_iter": 3,
            "random_state": 0,
        },
    ],
    "NeuralClassifier": _SMALL_NET,
    "NeuralRegressor": _SMALL_NET,
    "NeuralTransformer": _SMALL_NET,
    "NormalizedMLPClassifier": {**_SMALL_NET, "norm": "batch"},
    "NormalizedMLPRegressor": {**_SMALL_NET, "norm": "layer", "optimizer": "sgdp"},
    # Its default split is random: without a seed no two fits agree.
    "OrdinalConformalClassifier": {"random_state": 0},
    "PrestoClassifier": [
        {},
        {"family": "continuation", "penalty": "group"},
        {"monotone": "box", "base_penalty": 0.0},
        {"monotone": "observed", "crossing": "rearrange", "link": "probit", "l1_ratio": 0.5},
    ],
    "PrestoClassifierCV": {"n_alphas": 3, "cv": 2},
    # Noise that can be repeated.
    "PrivateDistanceSum": [
        {"random_state": 0},
        {"delta": 1e-6, "epsilon": 0.1, "random_state": 0},
        {"p": 1.5, "adjacency": "replace", "isotonic": True, "random_state": 0},
        {"method": "sums", "max_weight": 4.0, "random_state": 0},
        {"metric": "sqeuclidean", "random_state": 0},
        {"metric": "euclidean", "method": "rings", "n_projections": 8, "random_state": 0},
    ],
    "PrivateOutlierDetector": [
        {"random_state": 0},
        {"similarity": "gaussian", "n_features": 64, "delta": 1e-6, "random_state": 0},
        # The 300 rows of a check are few for twice the noise.
        {"similarity": "sqeuclidean", "adjacency": "replace", "epsilon": 4.0, "random_state": 0},
        {"offset": -0.25, "random_state": 0},
    ],
    "PrivateSimilarityClassifier": [
        {"random_state": 0},
        {"rule": "average", "delta": 1e-6, "adjacency": "replace", "random_state": 0},
        {"similarity": "gaussian", "n_features": 40, "random_state": 0},
    ],
    "PrivateKernelDensity": [
        {"n_features": 64, "random_state": 0},
        {"n_features": 64, "delta": 1e-6, "max_weight": 2.0, "structured": True, "random_state": 0},
        {
            "kernel": "rational_euclidean",
            "rational_terms": 6,
            "n_features": 40,
            "adjacency": "replace",
            "compute_dtype": "float32",
            "random_state": 0,
        },
    ],
    # The checks' columns are forecasts of the median.
    "QuantileAggregator": [
        {"quantiles": (0.5,)},
        {"quantiles": (0.5,), "missing": "renormalize", "weighting": "coarse"},
    ],
    "QuantileMLPRegressor": [
        {**_SMALL_NET_IN_DOUBLE, "quantiles": (0.05, 0.5, 0.95), "method": method}
        for method in ("multi", "level", "gaussian")
    ],
    # Base models of which integer weights mean repeated rows, and weights that are unique.
    "QuantileStackingRegressor": {
        "estimators": [
            ("linear", QuantileRegressor(alpha=0.0)),
            ("shrunk", QuantileRegressor(alpha=0.02)),
        ],
        "quantiles": (0.05, 0.95),
        "cv": 2,
    },
    # A base model that computes in float64 whatever comes in.
    "ResidualQuantileRegressor": [
        {"estimator": QuantileRegressor(alpha=0.0)},
        {"estimator": QuantileRegressor(alpha=0.0), "distribution": "gaussian", "cv": 3},
    ],
    # A regressor, a classifier, and a chain with teachers that did not see what they teach.
    "SelfDistillation": [
        {},
        {"estimator": GaussianNB(), "cv": 3},
        {
            "estimator": LogisticRegression(solver="newton-cg", tol=1e-10),
            "n_steps": 3,
            "ground_truth_weight": 0.5,
            "teacher_predictions": "out-of-fold",
            "cv": 3,
        },
    ],
    # The default; everything that leave-one-out finds; products with the kernel matrix alone.
    "SelfDistilledKernelRidge": [
        {},
        {"n_steps": 3, "ground_truth_weight": "loo", "step_selection": "loo"},
        {"solver": "lanczos", "tol": 1e-12},
    ],
    "SelfDistilledKernelRidgeClassifier": [
        {},
        {"n_steps": 3, "ground_truth_weight": "loo", "step_selection": "loo"},
    ],
    "SelfDistilledKernelRidgeClassifierCV": [{}, {"cv": 3, "n_steps": 3}],
    "SelfDistilledKernelRidgeCV": [{}, {"cv": 3, "n_steps": 3}],
    "SelfDistilledMLPClassifier": _SMALL_NET_IN_DOUBLE,
    "SelfDistilledMLPRegressor": _SMALL_NET_IN_DOUBLE,
    # Here products with the rows alone come last.
    "SelfDistilledRidge": [
        {},
        {"n_steps": 3, "ground_truth_weight": "loo", "step_selection": "loo"},
        {"solver": "lsqr", "tol": 1e-12},
    ],
    "SelfDistilledRidgeClassifier": [
        {},
        {"n_steps": 3, "ground_truth_weight": "loo", "step_selection": "loo"},
        {"solver": "lsqr", "tol": 1e-12, "class_weight": "balanced"},
    ],
    "SelfDistilledRidgeClassifierCV": [
        {},
        {"cv": 3, "n_steps": 3, "class_weight": "balanced"},
    ],
    "SelfDistilledRidgeCV": [{}, {"cv": 3, "n_steps": 3}],
    # Its sketches are random: without a seed no two fits agree.
    "SketchKernelDensity": [
        {"n_features": 64, "random_state": 0},
        {"n_features": 64, "rtol": None, "structured": True, "random_state": 0},
    ],
    "WeightAlignedClassifier": {
        **_SMALL_NET,
        "learning_rate_init": 0.1,
        "max_iter": 20,
        "optimizer": "adam",
        "batch_size": None,
        "memory_per_class": 2,
        "dtype": "float64",
    },
}

_WELL_POSED = {"fairness_alphas": (0.0, 3.0), "alpha": 0.1, "tol": 1e-10}
_CHOOSES_TO_ITERATE = {
    "fairness_alphas": (0.0, 20.0),
    "fairness_budget": 0.0,
    "sensitive_columns": [0],
    "drop_sensitive": False,
}

# Leave-one-out drops a row with all its weight, and not one of several copies of it: integer
# weights mean repeated rows where weights of the ground truth are given.
_GIVEN_WEIGHT = {"ground_truth_weight": 0.5, "step_selection": "last"}
_SELF_DISTILLED = {
    "check_sample_weight_equivalence_on_dense_data": _GIVEN_WEIGHT,
    "check_sample_weight_equivalence_on_sparse_data": _GIVEN_WEIGHT,
    "check_weights_equal_repetition": _GIVEN_WEIGHT,
}
# Which rows are held out depends on how many there are.
_DISTILLED_NET = {
    "check_weights_equal_repetition": {"ground_truth_weight": 0.5},
}
_SELF_DISTILLED_KERNEL = {
    **_SELF_DISTILLED,
    # The other solvers do not iterate.
    "check_convergence_warning": {**_GIVEN_WEIGHT, "solver": "lanczos"},
    # The rows lie far apart: for a kernel of unit width each has no neighbour but itself.
    "check_class_weight_classifiers": {"gamma": 1e-3},
}
_SELF_DISTILLED_LINEAR = {
    **_SELF_DISTILLED,
    "check_convergence_warning": {**_GIVEN_WEIGHT, "solver": "lsqr"},
    # Leave-one-out predictions, where asked for, are one for each row.
    "check_pickle_size_does_not_grow": _GIVEN_WEIGHT,
}

# Constructor parameters for one check, on top of the cheap ones: {class: {check: parameters}}.
CHECK_PARAMETERS = {
    "AnyLossClassifier": {
        # Means of recalls are the same for all weights of classes. These rows are not scaled.
        "check_class_weight_classifiers": {
            "metric": "accuracy",
            "optimizer": "adam",
            "learning_rate_init": 0.005,
        },
    },
    "CompandedMLPClassifier": _IN_DOUBLE,
    "CompandedMLPRegressor": _IN_DOUBLE,
    "ConformalQuantileRegressor": {
        # CV+ predicts from the scores of all rows: only a split can leave them behind.
        "check_pickle_size_does_not_grow": {"method": "split"},
    },
    "DistanceCovarianceClassifier": {
        # These rows can be separated, so that the loss is nearly flat around its minimum.
        "check_sample_weight_equivalence_on_dense_data": {"tol": 1e-12},
        "check_sample_weight_equivalence_on_sparse_data": {"tol": 1e-12},
        # A dict is what a fit could write into.
        "check_parameters_not_written": {
            "sensitive_columns": {"age": [0]},
            "sensitive_types": {"age": "numeric"},
        },
    },
    "DistanceCovarianceClassifierCV": {
        # These rows can be separated: without a ridge and at large strengths the loss is flat.
        "check_sample_weight_equivalence_on_dense_data": _WELL_POSED,
        "check_sample_weight_equivalence_on_sparse_data": _WELL_POSED,
        "check_parameters_not_written": {
            "fairness_alphas": [1.0, 10.0],
            "sensitive_columns": {"age": [0]},
            "sensitive_types": {"age": "numeric"},
        },
    },
    "DistanceCovarianceRegressor": {
        # Least squares alone take one step.
        "check_convergence_warning": {"fairness_alpha": 20.0, "sensitive_columns": [1]},
        "check_stopping_callback": {"fairness_alpha": 20.0, "sensitive_columns": [1]},
        "check_parameters_not_written": {
            "sensitive_columns": {"age": [0]},
            "sensitive_types": {"age": "numeric"},
        },
    },
    "DistanceCovarianceRegressorCV": {
        # A strength that takes more than one step has to be chosen.
        "check_convergence_warning": _CHOOSES_TO_ITERATE,
        "check_stopping_callback": _CHOOSES_TO_ITERATE,
        "check_parameters_not_written": {
            "fairness_alphas": [1.0, 10.0],
            "sensitive_columns": {"age": [0]},
            "sensitive_types": {"age": "numeric"},
        },
    },
    "DistilledClassifier": {
        # What is computed in float32 is for the teacher to say: here one of float64.
        "check_other_dtypes": {"teacher": DecisionTreeClassifier(max_depth=2)},
    },
    "DynamicLossReweightedClassifier": {
        # What is computed in float32 is for the model to say: here one of float64.
        "check_other_dtypes": {"estimator": HistGradientBoostingClassifier(max_iter=2)},
    },
    "DynamicLossReweightedRegressor": {
        "check_other_dtypes": {"estimator": DecisionTreeRegressor(max_depth=2)},
    },
    "GeneralizedGaussianRegressor": _IN_DOUBLE,
    "GeneralizedGaussianTDRegressor": _IN_DOUBLE,
    "LocalQuantileStackingRegressor": {
        # The global weights that it starts from by default are found to six digits.
        "check_weights_equal_repetition": {"init": "equal"},
    },
    "MultiSimilarityEmbedding": _IN_DOUBLE,
    "NeuralClassifier": _IN_DOUBLE,
    "NeuralRegressor": _IN_DOUBLE,
    "NeuralTransformer": _IN_DOUBLE,
    "NormalizedMLPClassifier": _IN_DOUBLE,
    "NormalizedMLPRegressor": _IN_DOUBLE,
    "PrestoClassifier": {
        # These rows can be separated: without a penalty on the common slopes the infimum is not
        # attained, and what is compared would be where the iterations stop.
        "check_sample_weight_equivalence_on_dense_data": {"base_penalty": 1.0},
        "check_sample_weight_equivalence_on_sparse_data": {"base_penalty": 1.0},
        # Lists are what a fit could write into.
        "check_parameters_not_written": {
            "class_order": [0, 1, 2],
            "penalty_factor": [1.0, 2.0, 1.0, 0.5],
        },
    },
    "PrestoClassifierCV": {
        "check_parameters_not_written": {"alphas": [0.01, 0.1], "class_order": [0, 1, 2]},
    },
    "QuantileMLPRegressor": {
        # A likelihood is slow to find that rows are almost on a line.
        "check_regressors_train": {"learning_rate_init": 0.03, "max_iter": 300},
    },
    "SelfDistillation": {
        # What is computed in float32 is for the model to say: here one of float64.
        "check_other_dtypes": {"estimator": DecisionTreeClassifier(max_depth=2)},
    },
    "SelfDistilledKernelRidge": _SELF_DISTILLED_KERNEL,
    "SelfDistilledKernelRidgeClassifier": _SELF_DISTILLED_KERNEL,
    "SelfDistilledKernelRidgeClassifierCV": {
        # As above: for a kernel of unit width each row has no neighbour but itself.
        "check_class_weight_classifiers": {"gamma": 1e-3},
    },
    "SelfDistilledMLPClassifier": _DISTILLED_NET,
    "SelfDistilledMLPRegressor": _DISTILLED_NET,
    "SelfDistilledRidge": _SELF_DISTILLED_LINEAR,
    "SelfDistilledRidgeClassifier": _SELF_DISTILLED_LINEAR,
}

# Estimators that with no arguments take columns in multiples only: {class: multiple}.
COLUMN_MULTIPLES = {"QuantileAggregator": 19}

# Checks known to fail: {class: {check: reason}}.
EXPECTED_FAILURES = {}

# Estimators that must keep training rows to predict: {class: reason}.
KEEPS_TRAINING_ROWS = {
    "SelfDistilledKernelRidge": "predictions are sums over kernels with the training rows",
    "SelfDistilledKernelRidgeClassifier": "scores are sums over kernels with the training rows",
    "SelfDistilledKernelRidgeClassifierCV": "scores are sums over kernels with the training rows",
    "SelfDistilledKernelRidgeCV": "predictions are sums over kernels with the training rows",
    "SketchKernelDensity": "queries that few rows are near are answered by the rows themselves",
}

# Estimators whose predictions are float32 for float32 rows: {class: reason}.
KEEPS_FLOAT32 = {
    "SelfDistilledKernelRidge": "a kernel matrix in float32 takes half the memory",
    "SelfDistilledKernelRidgeClassifier": "a kernel matrix in float32 takes half the memory",
    "SelfDistilledKernelRidgeClassifierCV": "a kernel matrix in float32 takes half the memory",
    "SelfDistilledKernelRidgeCV": "a kernel matrix in float32 takes half the memory",
    "SelfDistilledRidge": "coefficients are float32 there, as those of Ridge",
    "SelfDistilledRidgeClassifier": "coefficients are float32 there, as those of RidgeClassifier",
    "SelfDistilledRidgeClassifierCV": "coefficients are float32 there, as those of RidgeClassifier",
    "SelfDistilledRidgeCV": "coefficients are float32 there, as those of Ridge",
}
