"""Figures of predictions by each protected attribute alone and by all of them together."""

from itertools import chain

import numpy as np

from skweight.metrics._demographic_parity import VarianceRatio
from skweight.metrics._fairness_table import ALL, FairnessReport
from skweight.metrics._group_gaps import KINDS_OF_GAP, GroupGaps
from skweight.metrics._groups import (
    check_count,
    check_numbers,
    check_rows,
    intersect,
    levels_of,
    permutation_baseline,
)
from skweight.metrics._js_divergence import JSDivergence, check_divergence


def fairness_report(
    y_pred,
    sensitive_features,
    *,
    y_true=None,
    sample_weight=None,
    bandwidth="scott",
    group_weights="share",
    n_bins=5,
    min_group_size=30,
    sensitive_types="auto",
    n_permutations=0,
    random_state=None,
):
    """Compare predictions between groups, by each attribute alone and by all together.

    Every combination of levels that occurs has a line with its mean prediction and the distance of
    its predictions from those of all rows; every way of grouping has one with figures of all its
    groups. What is small for each attribute alone may be large for their intersections.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,)
        Predictions: means, rates, or the probability of one class.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Protected attributes, also a Series, a data frame or a dict of columns. Text, bool and
        categorical columns are taken by level, numeric ones in bins.
    y_true : array-like of shape (n_samples,), default=None
        Outcomes as numbers, whose mean is then shown beside that of the predictions.
    sample_weight : array-like of shape (n_samples,), default=None
        Frequencies of the rows, at least 0, with a sum above 1.
    bandwidth : float or "scott", default="scott"
        Bandwidth of the densities in :func:`js_divergence_score`, in units of `y_pred`.
    group_weights : {"share", "equal"}, default="share"
        What a group counts in the divergence.
    n_bins : int, default=5
        Number of quantile bins of a numeric attribute.
    min_group_size : int, default=30
        Rows of positive weight below which a group has NaN for figures and counts in no summary.
    sensitive_types : "auto" or dict, default="auto"
        Kinds of attributes by name, "nominal", "ordered" or "numeric", where the type of the
        column says another.
    n_permutations : int, default=0
        Number of times that the group labels are permuted, for what each summary figure would be
        if groups did not differ.
    random_state : int, RandomState instance or None, default=None
        Source of the permutations.

    Returns
    -------
    FairnessReport
        The tables, which print, and become data frames by ``to_frame``.

    Raises
    ------
    ValueError
        If the input or a parameter has no meaning; the message names it.

    See Also
    --------
    js_divergence_score : The divergence in the summary.
    between_group_variance_ratio : The variance ratio in the summary.
    demographic_parity_gap : The gaps in the summary, ``method="between_groups"``.

    Notes
    -----
    It describes the rows at hand. On rows used in a fit that lowers such figures they flatter:
    take others. Small figures do not certify that nobody is discriminated against, and say nothing
    of error rates, calibration within groups, or attributes not given.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.metrics import fairness_report
    >>> rng = np.random.default_rng(0)
    >>> sex, old = rng.choice(["F", "M"], 2000), rng.choice([False, True], 2000)
    >>> score = rng.normal(size=2000) + np.where((sex == "F") == old, 1.0, -1.0)
    >>> report = fairness_report(score, {"sex": sex, "old": old})
    >>> report.summary["by"]
    ['sex', 'old', 'sex x old']
    >>> [bool(gap > 0.5) for gap in report.summary["ks_gap"]]  # seen in the intersections alone
    [False, False, True]
    """
    settings = check_divergence(bandwidth, group_weights)
    n_permutations = check_count(n_permutations, "n_permutations", 0)
    y, weight, attributes, rows = check_rows(
        y_pred, sensitive_features, sample_weight, sensitive_types
    )
    if y_true is not None:
        y_true = check_numbers(y_true, "y_true")
        if len(y_true) != np.shape(y_pred)[0]:
            raise ValueError(
                f"y_true has {len(y_true)} rows and y_pred {np.shape(y_pred)[0]}: want as many"
            )
        y_true = y_true[rows]
    levels = levels_of(attributes, weight, n_bins, sensitive_types)
    groupings = [intersect([level], weight, min_group_size) for level in levels]
    if len(levels) > 1:
        groupings.append(intersect(levels, weight, min_group_size))
    names = [level.name for level in levels]
    groups, summary = [], []
    for grouping in groupings:
        divergence = JSDivergence(y, weight, grouping, *settings)
        ratio, gaps = VarianceRatio(y, weight, grouping), GroupGaps(y, weight, grouping.kept)
        groups.append(_group_lines(y, y_true, weight, grouping, gaps, names))
        largest = {f"{kind}_gap": gaps.largest(kind, "between_groups") for kind in KINDS_OF_GAP}
        figures = {"js_divergence": divergence, "variance_ratio": ratio, **largest}
        summary.append(
            {
                "by": [grouping.name],
                "n_groups": [len(grouping.rows)],
                "n_small": [len(grouping.small())],
                "bandwidth": [divergence.bandwidth],
                **_summary_figures(figures, grouping, n_permutations, random_state),
            }
        )
    return FairnessReport(
        groups=_stack(groups),
        summary=_stack(summary),
        attributes=names,
        edges=groupings[-1].edges,
        min_group_size=min_group_size,
    )


def _group_lines(y, y_true, weight, grouping, gaps, names):
    """Return the columns of one grouping in the table of groups."""
    code, total = grouping.code, grouping.weight
    level_of = [dict(zip(grouping.names, label)) for label in grouping.labels]
    columns = {
        "by": [grouping.name] * len(grouping.rows),
        "levels": [tuple(level.get(name, ALL) for name in names) for level in level_of],
        "rows": grouping.rows,
        "weight": total,
        "share": total / total.sum(),
        "mean_prediction": np.bincount(code, weight * y) / total,
    }
    if y_true is not None:
        columns["mean_outcome"] = np.bincount(code, weight * y_true) / total
    for kind in ("ks", "wasserstein"):
        columns[f"{kind}_to_overall"] = grouping.spread(gaps.gaps(code, kind, "to_overall"))
    for name in ("mean_prediction", "mean_outcome"):
        if name in columns:
            columns[name] = np.where(grouping.kept, columns[name], np.nan)
    return columns


def _summary_figures(figures, grouping, n_permutations, random_state):
    """Return the figures of one grouping, and their baselines if there are permutations."""
    blank = np.full(len(figures), np.nan)
    values, mean, quantile = blank, blank, blank
    if grouping.comparable("The summary"):
        values = [figure(grouping.code) for figure in figures.values()]
        if n_permutations:
            mean, quantile = permutation_baseline(
                lambda code: [figure(code) for figure in figures.values()],
                grouping.code,
                n_permutations,
                random_state,
            )
    columns = {name: [float(value)] for name, value in zip(figures, values)}
    if n_permutations:
        for name, centre, upper in zip(figures, mean, quantile):
            columns[f"{name}_baseline_mean"] = [float(centre)]
            columns[f"{name}_baseline_q95"] = [float(upper)]
    return columns


def _stack(blocks):
    """Return the columns of all groupings, one below the other."""
    stacked = {}
    for name in blocks[0]:
        parts = [block[name] for block in blocks]
        together = name in ("by", "levels")  # lists of text and tuples stay lists
        stacked[name] = [*chain(*parts)] if together else np.concatenate(parts)
    return stacked
