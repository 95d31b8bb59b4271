"""What the checks need to know about single estimators: the only lists, all by class name.

An estimator needs no line here: without one, its default parameters are checked.
"""

# Constructor parameters that make a fit cheap. A list of several checks each of them.
CHEAP_PARAMETERS = {
    # Its default split is random: without a seed no two fits agree.
    "OrdinalConformalClassifier": {"random_state": 0},
    "PrestoClassifier": [
        {},
        {"family": "continuation", "penalty": "group"},
        {"monotone": "box", "base_penalty": 0.0},
        {"monotone": "observed", "crossing": "rearrange", "link": "probit", "l1_ratio": 0.5},
    ],
    "PrestoClassifierCV": {"n_alphas": 4, "cv": 3},
}

# Constructor parameters for one check, on top of the cheap ones: {class: {check: parameters}}.
CHECK_PARAMETERS = {
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
}

# Checks known to fail: {class: {check: reason}}.
EXPECTED_FAILURES = {}

# Estimators that must keep training rows to predict: {class: reason}.
KEEPS_TRAINING_ROWS = {}
