"""Attributes as blocks of numbers whose Euclidean distances are the attributes' distances."""

import warnings
from numbers import Integral

import numpy as np

from skweight._core._attributes import as_kind, attributes_of, check_types
from skweight.fairness._sensitive_blocks import NominalBlock, NumericBlock

_CHOICES = {
    "nominal_metric": ("euclidean", "discrete"),
    "missing": ("error", "category"),
    "scale": ("minmax", "std", "mean_distance", None),
}

# Whole numbers with so many levels may be codes of groups.
_FEWEST_CODES, _MOST_CODES = 3, 10


class SensitiveEncoder:
    """Turn attributes of any types into blocks of numbers, one for each attribute.

    A nominal attribute becomes the corners of a regular simplex, an ordered one the places of its
    categories (0, 1, 2, ...), a numeric one stays as it is. Numbers are scaled. What `fit` learns
    are levels and scales, so held-out rows are encoded as the training rows were; no row is kept.

    Parameters
    ----------
    types : {"auto"} or dict, default="auto"
        Kinds by attribute, "nominal", "ordered" or "numeric", where they differ from those that the
        columns' types say.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance of two levels of an attribute with more than two: sqrt(2), that of indicators of
        all levels, or 1. Two levels are coded as 0 and 1 and have distance 1 either way.
    missing : {"error", "category"}, default="error"
        Whether a missing value is an error, or a level of its own in nominal attributes.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        What distances are divided by. "minmax" divides numeric and ordered columns by their range,
        which one extreme row can widen; "std" by their weighted standard deviation; nominal
        attributes stay as they are. "mean_distance" divides every block, nominal ones too, by the
        weighted mean distance of two rows, so that each has mean distance 1: strengths then
        compare across data sets, but a level with 1 % of the rows weighs like a balanced one. None
        divides by nothing.
    max_levels : int or None, default=None
        At least 2. Values of a numeric or ordered column with more levels are moved to the middle
        of one of so many equal steps of the column's range; the scale is that before moving.

    Attributes
    ----------
    names_ : list of str
        The attributes.
    kinds_ : list of str
        Their kinds.
    levels_ : list of (list or None)
        Levels of nominal attributes, sorted, None for missing; categories of ordered ones, low to
        high; None for numeric ones.
    scale_ : list of ndarray of shape (n_columns,) or (1,)
        What the columns of each block are divided by.

    Notes
    -----
    A level that `fit` did not see is one new level, together with all others of its kind, as far
    from every known level as those are from each other. Known levels keep their places, so
    distances between them stay as they were; a block of two or more levels gets one column more.
    """

    def __init__(
        self,
        *,
        types="auto",
        nominal_metric="euclidean",
        missing="error",
        scale="minmax",
        max_levels=None,
    ):
        self.types = types
        self.nominal_metric = nominal_metric
        self.missing = missing
        self.scale = scale
        self.max_levels = max_levels

    def __repr__(self):
        """Show the attributes, their kinds and numbers of levels."""
        if not hasattr(self, "levels_"):
            return f"SensitiveEncoder(scale={self.scale!r})"
        parts = []
        for name, kind, levels in zip(self.names_, self.kinds_, self.levels_):
            size = "" if levels is None else f" ({len(levels)} levels)"
            parts.append(f"{name}: {kind}{size}")
        return f"SensitiveEncoder({', '.join(parts)}; scale={self.scale!r})"

    def fit(self, attributes, weight=None):
        """Learn levels and scales.

        Parameters
        ----------
        attributes : list of Attribute, or anything that holds attributes
            Those of the training rows.
        weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts, above 0: leave rows of weight 0 out before.

        Returns
        -------
        SensitiveEncoder
            Itself.

        Raises
        ------
        ValueError
            If a parameter is unknown, a value missing, or a nominal attribute has too many levels
            for dummies.

        Warns
        -----
        UserWarning
            If an attribute is constant, or its values do not look like its kind: whole numbers with
            3 to 10 levels taken as numeric, or numbers in a column of text or objects.
        """
        self._check_parameters()
        attributes = check_types(attributes_of(attributes), self.types)
        n = len(attributes[0].values)
        weight = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
        typed = () if self.types is None or isinstance(self.types, str) else map(str, self.types)
        typed = set(typed)
        self.names_ = [attribute.name for attribute in attributes]
        self.kinds_ = [attribute.kind for attribute in attributes]
        self._blocks = []
        for attribute in attributes:
            self._check_missing(attribute)
            if attribute.kind == "nominal":
                block = NominalBlock(attribute, weight, self.scale, self.nominal_metric)
                suspicious = attribute.name not in typed and _are_numbers(block.levels)
            else:
                block = NumericBlock(attribute, weight, self.scale, self.max_levels)
                codes = _FEWEST_CODES <= block.n_distinct <= _MOST_CODES
                suspicious = attribute.name not in typed and attribute.integer and codes
            if suspicious:
                _warn_of_kind(attribute, block.n_distinct)
            if block.n_distinct == 1:
                warnings.warn(
                    f"The attribute {attribute.name!r} has only one value in the rows of the fit, "
                    "so nothing can depend on it: leave it out, or pass rows in which it differs.",
                    UserWarning,
                    stacklevel=3,
                )
            self._blocks.append(block)
        self.levels_ = [block.levels for block in self._blocks]
        self.scale_ = [block.divisor for block in self._blocks]
        return self

    def transform(self, attributes):
        """Return attributes as blocks of numbers.

        Parameters
        ----------
        attributes : list of Attribute, or anything that holds attributes
            Those of any rows: the attributes of the fit, by name, or in their order where either
            side has no names.

        Returns
        -------
        list of ndarray of shape (n_samples, n_columns)
            A block for each attribute, in the order of the fit.

        Raises
        ------
        ValueError
            If attributes differ from those of the fit, a value is missing, or an ordered attribute
            has a category without a place.

        Warns
        -----
        UserWarning
            If nominal attributes have levels that the fit did not see.
        """
        blocks = []
        for attribute, kind, block in zip(self._matched(attributes), self.kinds_, self._blocks):
            categories = block.levels if kind == "ordered" else None
            attribute = as_kind(attribute, kind, categories, "kinds_")
            self._check_missing(attribute)
            blocks.append(block.encode(attribute))
        return blocks

    def _check_parameters(self):
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not (value is None or isinstance(value, str)) or value not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {value!r}.")
        m = self.max_levels
        if m is not None and (isinstance(m, bool) or not isinstance(m, Integral) or m < 2):
            raise ValueError(f"max_levels must be None or a whole number of at least 2, got {m!r}.")

    def _check_missing(self, attribute):
        n_missing = np.count_nonzero(attribute.missing())
        if not n_missing or (self.missing == "category" and attribute.kind == "nominal"):
            return
        way_out = "leave those rows out or fill the values in"
        if attribute.kind == "nominal":
            way_out += ", or pass missing='category', which makes them a level"
        raise ValueError(
            f"The {attribute.kind} attribute {attribute.name!r} is missing (NaN or None) in "
            f"{n_missing} row(s): {way_out}."
        )

    def _matched(self, attributes):
        """Return attributes in the order of the fit."""
        attributes = attributes_of(attributes)
        names = [attribute.name for attribute in attributes]
        if sorted(names) == sorted(self.names_):
            return [attributes[names.index(name)] for name in self.names_]
        unnamed = _are_places(names) or _are_places(self.names_)
        if unnamed and len(names) == len(self.names_):
            return attributes
        raise ValueError(f"The attributes are {names}: want those of the fit, {self.names_}.")


def _are_numbers(levels):
    """Tell whether more levels than codes would have are numbers, perhaps as text."""
    named = [level for level in levels if level is not None]
    if len(named) <= _MOST_CODES:
        return False
    try:
        return bool(np.isfinite(np.array(named, dtype=object).astype(float)).all())
    except (TypeError, ValueError):
        return False


def _are_places(names):
    """Tell whether names are those that unnamed columns get."""
    return all(name.startswith("attribute_") and name[10:].isdigit() for name in names)


def _warn_of_kind(attribute, n_levels):
    name, kind = attribute.name, attribute.kind
    other = "numeric" if kind == "nominal" else "nominal"
    what = "numbers as text or objects" if kind == "nominal" else "whole numbers"
    warnings.warn(
        f"The attribute {name!r} is taken as {kind}, and its {n_levels} levels are {what}: pass "
        f"sensitive_types={{{name!r}: {other!r}}} if it is {other}, or {kind!r} there to confirm.",
        UserWarning,
        stacklevel=4,
    )
