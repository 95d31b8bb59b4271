"""Groups of rows by protected attributes: intersections of levels, numeric ones in bins."""

import numbers
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_random_state

from skweight._core._attributes import attributes_of, check_types
from skweight._core._sklearn_compat import check_sample_weight

# Predictions that differ by less, relative to the largest, differ by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Levels:
    """The level of one attribute in each row, and the bins if it is numeric."""

    name: str
    code: np.ndarray  # (n,) int, the place of each row's level in `labels`
    labels: list
    edges: np.ndarray | None  # of the bins


@dataclass(frozen=True)
class Grouping:
    """Rows by group; a group is a combination of levels that occurs."""

    names: tuple  # of the attributes
    labels: list  # for each group its level of each attribute, a tuple
    code: np.ndarray  # (n,) int, the group of each row
    rows: np.ndarray  # (n_groups,) int
    weight: np.ndarray  # (n_groups,)
    kept: np.ndarray  # (n_groups,) bool, whether the group has rows enough for figures
    edges: dict  # name of a numeric attribute -> borders of its bins

    @property
    def name(self):
        """Name what the rows are grouped by."""
        return " x ".join(self.names)

    def small(self):
        """List the groups that have too few rows for figures."""
        return [label for label, kept in zip(self.labels, self.kept) if not kept]

    def spread(self, figures):
        """Return figures of the kept groups as figures of all, NaN for the small ones."""
        spread = np.full(len(self.kept), np.nan)
        spread[self.kept] = figures
        return spread

    def comparable(self, what):
        """Tell whether there are two groups to compare; warn where not."""
        n_kept = np.count_nonzero(self.kept)
        if n_kept > 1:
            return True
        warnings.warn(
            f"{what} by {self.name} is NaN: {n_kept} of {len(self.kept)} groups have the rows that "
            "min_group_size asks for, want two at least; pass more rows, fewer bins or "
            "attributes, or a lower min_group_size",
            UserWarning,
            stacklevel=3,
        )
        return False

    def details(self):
        """Return what every metric tells of its groups."""
        return {
            "attributes": self.names,
            "groups": self.labels,
            "rows": self.rows,
            "weight": self.weight,
            "small_groups": self.small(),
            "edges": self.edges,
        }


def check_numbers(values, name):
    """Return one finite float for each row."""
    try:
        checked = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{name} holds text: want numbers, such as the probability of one class or "
            "labels == one of them"
        ) from error
    if checked.ndim == 2 and checked.shape[1] == 1:
        checked = checked[:, 0]
    if checked.ndim != 1:
        raise ValueError(
            f"{name} has shape {checked.shape}: want one number for each row, such as the "
            "probability of one class"
        )
    return checked


def level_out(y):
    """Return predictions, all the same where only rounding tells them apart."""
    constant = np.ptp(y) <= _ROUNDING * np.abs(y).max()
    return np.full(len(y), y[0]) if constant else y


def check_rows(y_pred, sensitive_features, sample_weight, sensitive_types):
    """Return predictions, weights and attributes of the rows with positive weight, and which."""
    y = check_numbers(y_pred, "y_pred")
    weight = check_sample_weight(sample_weight, y)
    attributes = check_types(attributes_of(sensitive_features), sensitive_types)
    for attribute in attributes:
        if len(attribute.values) != len(y):
            raise ValueError(
                f"sensitive_features has {len(attribute.values)} rows and y_pred {len(y)}: want "
                "as many"
            )
    kept = np.flatnonzero(weight > 0)
    if len(kept) < len(y):
        attributes = [attribute.take(kept) for attribute in attributes]
    return level_out(y[kept]), weight[kept], attributes, kept


def check_count(value, name, smallest):
    """Return a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < smallest:
        raise ValueError(f"{name}={value!r}: want a whole number of at least {smallest}")
    return int(value)


def check_choice(value, name, choices):
    """Return one of the words that a parameter knows."""
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name}={value!r}: want one of {choices}")
    return value


def check_baseline(n_permutations, return_details):
    """Return the number of permutations, for which there must be a place in the result."""
    n_permutations = check_count(n_permutations, "n_permutations", 0)
    if n_permutations and not return_details:
        raise ValueError(
            f"n_permutations={n_permutations} with return_details=False: want "
            "return_details=True, which returns the baseline too"
        )
    return n_permutations


def permutation_baseline(statistic, code, n_permutations, random_state):
    """Return mean and 95 % quantile of a statistic of groups whose labels are permuted."""
    if not n_permutations:
        return np.nan, np.nan
    rng = check_random_state(random_state)
    values = [statistic(rng.permutation(code)) for _ in range(n_permutations)]
    return np.mean(values, axis=0), np.quantile(values, 0.95, axis=0)


def levels_of(attributes, weight, n_bins, sensitive_types):
    """Return the levels of each attribute, numeric ones in quantile bins."""
    n_bins = check_count(n_bins, "n_bins", 1)
    named = set() if isinstance(sensitive_types, str) else {str(key) for key in sensitive_types}
    for attribute in attributes:
        if attribute.integer and attribute.name not in named:
            _warn_merged_codes(attribute, n_bins)
    return [_levels(attribute, weight, n_bins) for attribute in attributes]


def intersect(levels, weight, min_group_size):
    """Return the groups in which some of the attributes, taken together, put the rows."""
    min_group_size = check_count(min_group_size, "min_group_size", 1)
    code = np.zeros(len(weight), dtype=np.int64)
    for level in levels:
        _, first, code = np.unique(
            code * len(level.labels) + level.code, return_index=True, return_inverse=True
        )
    labels = [tuple(level.labels[level.code[row]] for level in levels) for row in first]
    rows = np.bincount(code)
    return Grouping(
        names=tuple(level.name for level in levels),
        labels=labels,
        code=code,
        rows=rows,
        weight=np.bincount(code, weight),
        kept=rows >= min_group_size,
        edges={level.name: level.edges for level in levels if level.edges is not None},
    )


def _levels(attribute, weight, n_bins):
    name, values = attribute.name, attribute.values
    missing = np.count_nonzero(attribute.missing())
    if missing:
        raise ValueError(
            f"sensitive_features: the attribute {name!r} is missing in {missing} rows: want a "
            "level of its own for them, such as 'unknown', or the rows left out"
        )
    if attribute.kind == "numeric":
        if not np.isfinite(values).all():
            raise ValueError(f"sensitive_features: the attribute {name!r} is infinite in some rows")
        if values.ndim == 1:
            return Levels(name, *quantile_bins(values.astype(np.float64), weight, n_bins))
        if not np.isin(values, [0, 1]).all():
            raise ValueError(
                f"sensitive_features: the attribute {name!r} has {values.shape[1]} numeric "
                "columns, which have no bins: want an attribute for each, or its kind 'nominal' in "
                "sensitive_types"
            )
    if values.dtype.kind == "f" and (values == np.floor(values)).all():
        values = values.astype(np.int64)  # codes read as floats
    listed = values.tolist()
    code, labels = _distinct(map(tuple, listed) if values.ndim == 2 else listed)
    order = _order_of(labels, attribute.categories)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return Levels(name, place[code], [labels[k] for k in order], None)


def _warn_merged_codes(attribute, n_bins):
    """Warn that bins would join groups, if the whole numbers are codes of groups."""
    n_levels = len(np.unique(attribute.values))
    if max(n_bins, 2) < n_levels <= 10:
        warnings.warn(
            f"The attribute {attribute.name!r} has {n_levels} whole numbers, taken as a quantity "
            f"and put into {n_bins} bins: if they are codes, pass "
            f"sensitive_types={{{attribute.name!r}: 'nominal'}}; if not, 'numeric'",
            UserWarning,
            stacklevel=4,
        )


def _distinct(values):
    """Return the place of each value among the distinct ones, and those, as they come."""
    places = {}
    code = np.array([places.setdefault(value, len(places)) for value in values], dtype=np.int64)
    return code, list(places)


def _order_of(labels, categories):
    """Return the order of levels: of the categories where they have one, else sorted."""
    if categories is not None:
        rank = {category: place for place, category in enumerate(categories)}
        return sorted(range(len(labels)), key=lambda k: rank[labels[k]])
    try:
        return sorted(range(len(labels)), key=labels.__getitem__)
    except TypeError:  # numbers beside text
        return sorted(range(len(labels)), key=lambda k: str(labels[k]))


def quantile_bins(values, weight, n_bins):
    """Put numbers into bins of about equal weight; equal numbers stay together.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Finite numbers.
    weight : ndarray of shape (n_samples,)
        Positive weights, as frequencies.
    n_bins : int
        Number of bins; fewer where ties leave no more. With no more distinct values than that,
        each has its own.

    Returns
    -------
    code : ndarray of int of shape (n_samples,)
        Bin of each row.
    labels : list of str
        The bins: an interval, or the one value inside.
    edges : ndarray of shape (n_occupied + 1,)
        Bin k holds what is above ``edges[k]`` and up to ``edges[k + 1]``; the first holds
        ``edges[0]``, the smallest number, as well.
    """
    distinct, place = np.unique(values, return_inverse=True)
    last = np.arange(len(distinct))  # the last distinct value of each bin
    if len(distinct) > n_bins:
        ends = np.cumsum(np.bincount(place, weight))
        # a level that is met up to rounding is met
        levels = np.arange(1, n_bins) / n_bins * ends[-1] * (1 - 1e-12)
        last = np.unique([*np.searchsorted(ends, levels), len(distinct) - 1])
    code = np.searchsorted(last, place)
    edges = np.concatenate([distinct[:1], distinct[last]])
    width = np.diff(last, prepend=-1)
    return code, _bin_labels(edges, width), edges


def _bin_labels(edges, width):
    """Write intervals, with as many digits as tell the edges apart."""
    n_distinct = len(np.unique(edges))
    for digits in range(4, 18):
        text = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(text)) == n_distinct:
            break
    labels = [text[1] if width[0] == 1 else f"[{text[0]}, {text[1]}]"]
    for k in range(1, len(width)):
        labels.append(text[k + 1] if width[k] == 1 else f"({text[k]}, {text[k + 1]}]")
    return labels
