"""What the checks need to know about single estimators: the only lists, all by class name.

An estimator needs no line here: without one, its default parameters are checked.
"""

# Constructor parameters that make a fit cheap. A list of several checks each of them.
CHEAP_PARAMETERS = {
    # Its default split is random: without a seed no two fits agree.
    "OrdinalConformalClassifier": {"random_state": 0},
    "PrestoClassifierCV": {"n_alphas": 4, "cv": 3},
}

# Constructor parameters for one check, on top of the cheap ones: {class: {check: parameters}}.
CHECK_PARAMETERS = {}

# Checks known to fail: {class: {check: reason}}.
EXPECTED_FAILURES = {}

# Estimators that must keep training rows to predict: {class: reason}.
KEEPS_TRAINING_ROWS = {}
