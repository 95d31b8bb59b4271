"""What the quantile room compares: ours, and what a user would otherwise pick."""

from functools import partial

import numpy as np

from skweight._cli import NETWORKS, lacking
from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED, folds_inside, groups_of, rows_to_stop_by

STACK, CALIBRATED = "Stacking, fine", "Stacking, calibrated"
CALIBRATION_SHARE = 0.2


def candidates(calibrated, networks=False):
    """List ours and what a user would otherwise pick.

    Parameters
    ----------
    calibrated : bool
        Whether rows are enough for intervals that are calibrated.
    networks : bool, default=False
        Whether to list networks or, where torch is missing, a line beside the stacks.

    Returns
    -------
    list of Candidate
        Fine stacking first.
    """
    models = [
        ("linear", "Linear", "QuantileRegressor of scikit-learn, one for each level"),
        (
            "boosting",
            "Gradient boosting",
            "HistGradientBoostingRegressor, small, for each level",
        ),
        ("forest", "Random forest", "quantiles of the outcomes in the leaves"),
        ("trees", "Extra trees", "quantiles of the outcomes in the leaves"),
    ]
    ours = [
        (
            STACK,
            "fine",
            "QuantileStackingRegressor: a weight for each model, level in and level out",
        ),
        ("Stacking, medium", "medium", "a weight for each model and level"),
        ("Stacking, coarse", "coarse", "a weight for each model"),
    ]
    if calibrated:
        note = f"ConformalQuantileRegressor around it; {CALIBRATION_SHARE:.0%} of rows calibrate"
        ours.append((CALIBRATED, "calibrated", note))
    if networks and not lacking(*NETWORKS):
        note = "LocalQuantileStackingRegressor: a network makes fine weights of each row"
        ours.append(("Stacking, local", "local", note))
        note = "QuantileMLPRegressor: an output for each level, early stopping"
        ours.append(("Network", "network", note))
        note = (
            "GeneralizedGaussianRegressor: location, scale and tails by an ensemble, early stopping"
        )
        ours.append(("Network of tails", "tails", note))
    elif networks:
        note = "GeneralizedGaussianLinearRegressor: a line, and scale and tails of the errors"
        ours.append(("Line of tails", "line", note))
    others = [(name, kind, note) for kind, name, note in models] + [
        ("Average of the four", "average", "all models count the same at every level"),
        ("Best of the four", "best", "picked by its score on held out training rows"),
    ]
    return [
        Candidate(name, partial(_pipeline, kind=kind), ours=mine, note=note)
        for mine, found in ((True, ours), (False, others))
        for name, kind, note in found
    ]


def base_models():
    """List names and unfitted regressors of different kinds, all from scikit-learn."""
    from sklearn.ensemble import (
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.linear_model import QuantileRegressor

    leaves = {"min_samples_leaf": 5, "random_state": SEED}
    # Small, as it is fitted again for each level and fold.
    fast = {"max_iter": 40, "learning_rate": 0.25, "max_leaf_nodes": 10}
    boosting = HistGradientBoostingRegressor(**fast, random_state=SEED)
    return [
        ("linear", QuantileRegressor(alpha=0)),
        ("boosting", boosting),
        ("forest", RandomForestRegressor(60, max_features=0.5, **leaves)),
        ("trees", ExtraTreesRegressor(60, **leaves)),
    ]


def _pipeline(study, rows, *, kind):
    """Build one candidate for the training rows."""
    from sklearn.pipeline import Pipeline

    from skweight._cli.rooms.quantile_models import AverageOfModels, BestModel, OneModel
    from skweight.quantile import (
        ConformalQuantileRegressor,
        GeneralizedGaussianLinearRegressor,
        GeneralizedGaussianRegressor,
        LocalQuantileStackingRegressor,
        QuantileMLPRegressor,
        QuantileStackingRegressor,
    )

    levels = study.levels
    bases = [(name, OneModel(model, levels)) for name, model in base_models()]
    groups = groups_of(study, rows)
    if kind == "average":
        model = AverageOfModels(bases, levels)
    elif kind == "best":
        model = BestModel(bases, levels, cv=folds_inside(groups))
    elif kind == "calibrated":
        split, groups = _calibration(len(rows), groups)
        stack = QuantileStackingRegressor(bases, levels, "fine", cv=folds_inside(groups))
        side = "one" if one_sided(levels) else "two"
        model = ConformalQuantileRegressor(stack, side=side, cv=split)
    elif kind == "local":
        inside = {"cv": folds_inside(groups), "random_state": SEED}
        model = LocalQuantileStackingRegressor(bases, levels, **inside)
    elif kind in ("network", "tails"):
        options = {"early_stopping": True, "cv": rows_to_stop_by(groups), "random_state": SEED}
        if kind == "network":
            model = QuantileMLPRegressor(levels, **options)
        else:
            model = OneModel(GeneralizedGaussianRegressor(**options), levels)
    elif kind == "line":
        model = OneModel(GeneralizedGaussianLinearRegressor(), levels)
    elif kind in ("coarse", "medium", "fine"):
        model = QuantileStackingRegressor(bases, levels, kind, cv=folds_inside(groups))
    else:
        model = dict(bases)[kind]
    return Pipeline([("columns", encoder(study.columns)), ("model", model)])


def _calibration(n_rows, groups):
    """Set rows aside that calibrate; give the groups of the others as well."""
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

    few = groups is None or len(np.unique(groups)) < 2
    kind = ShuffleSplit if few else GroupShuffleSplit
    splitter = kind(1, test_size=CALIBRATION_SHARE, random_state=SEED)
    splits = list(splitter.split(np.zeros(n_rows), groups=groups))
    return splits, None if groups is None else groups[splits[0][0]]


def widest_pair(levels):
    """Give the places of the widest pair of a level and its mirror, None if there is none."""
    levels = np.asarray(levels)
    for place, level in enumerate(levels):
        mirror = np.flatnonzero(np.abs(levels - (1 - level)) < 1e-9)
        if level < 0.5 and len(mirror):
            return place, int(mirror[0])
    return None


def one_sided(levels):
    """Whether a level lacks its mirror, so that each has to be calibrated by itself."""
    levels = np.asarray(levels)
    return bool((np.abs(levels[:, None] + levels - 1).min(axis=1) > 1e-9).any())
