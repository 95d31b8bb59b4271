"""What `fairness_report` returns: tables that print, in text and HTML, and become data frames."""

from html import escape

from skweight._core._optional import import_optional
from skweight.metrics._groups import check_choice

# Stands for an attribute by which rows are not grouped.
ALL = "(all)"

_SUFFIXES = {"permuted, mean": "_baseline_mean", "permuted, 95 %": "_baseline_q95"}

# Lines of a table that is shown; a data frame has all.
_MAX_LINES = 60


class FairnessReport:
    """Hold the tables that `fairness_report` makes.

    It prints as text and, in notebooks, as HTML.

    Parameters
    ----------
    groups : dict of str to list or ndarray
        Columns of the table of groups, all of the same length. ``by`` names what rows are grouped
        by; ``levels`` holds the level of each attribute, "(all)" where rows are not grouped by it;
        ``rows`` and ``weight`` say what is in the group, ``share`` its part of the weight. NaN in
        small groups: ``mean_prediction``, ``mean_outcome`` if there are outcomes,
        ``ks_to_overall`` and ``wasserstein_to_overall``, the distances from the predictions of all
        rows.
    summary : dict of str to list or ndarray
        Columns with a value for each way of grouping: ``by``; ``n_groups`` and ``n_small``, how
        many groups there are, and how many too small; ``bandwidth`` of the densities;
        ``js_divergence``, ``variance_ratio``, ``mean_gap``, ``ks_gap`` and ``wasserstein_gap``, and
        with permutations each of these with ``_baseline_mean`` and ``_baseline_q95`` added.
    attributes : list of str
        Names of the attributes.
    edges : dict of str to ndarray
        Borders of the bins of each numeric attribute.
    min_group_size : int
        Rows below which a group is small.

    Attributes
    ----------
    small_groups : list of tuple
        The groups too small for figures, as pairs of ``by`` and ``levels``.

    See Also
    --------
    fairness_report : Makes it.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> from skweight.metrics import fairness_report
    >>> report = fairness_report([1.0, 2.0, 2.0, 3.0], ["F", "F", "M", "M"], min_group_size=2)
    >>> report.groups["mean_prediction"].tolist()
    [1.5, 2.5]
    >>> report.small_groups
    []
    """

    def __init__(self, groups, summary, attributes, edges, min_group_size):
        self.groups = groups
        self.summary = summary
        self.attributes = attributes
        self.edges = edges
        self.min_group_size = min_group_size
        lines = zip(groups["by"], groups["levels"], groups["rows"])
        self.small_groups = [(by, levels) for by, levels, rows in lines if rows < min_group_size]

    def to_frame(self, table="groups"):
        """Return a table as a pandas data frame.

        What is cut short when a report is printed is there in full.

        Parameters
        ----------
        table : {"groups", "summary"}, default="groups"
            Which table. The groups are indexed by what rows are grouped by and the level of each
            attribute, the summary by the former.

        Returns
        -------
        pandas.DataFrame
            The table.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If there is no such table.

        See Also
        --------
        fairness_report : Says what is in them.

        Examples
        --------
        >>> from skweight.metrics import fairness_report
        >>> report = fairness_report([1.0, 2.0, 2.0, 3.0], ["F", "F", "M", "M"], min_group_size=2)
        >>> report.to_frame().shape
        (2, 6)
        """
        check_choice(table, "table", ("groups", "summary"))
        pandas = import_optional("pandas", "FairnessReport.to_frame")
        if table == "summary":
            return pandas.DataFrame(self.summary).set_index("by")
        keys = [(by, *levels) for by, levels in zip(self.groups["by"], self.groups["levels"])]
        index = pandas.MultiIndex.from_tuples(keys, names=["by", *self.attributes])
        figures = {
            name: column for name, column in self.groups.items() if name not in ("by", "levels")
        }
        return pandas.DataFrame(figures, index=index)

    def __repr__(self):
        parts = [self._caption()]
        for title, columns, left_out in self._tables():
            parts += ["", title, *_text_lines(columns)]
            if left_out:
                parts.append(f"... {left_out} more: to_frame() has all")
        return "\n".join(parts)

    def _repr_html_(self):
        parts = [f"<p>{escape(self._caption())}</p>"]
        for title, columns, left_out in self._tables():
            parts.append(_html_table(title, columns))
            if left_out:
                parts.append(f"<p>{left_out} more: <code>to_frame()</code> has all</p>")
        return "\n".join(parts)

    def _caption(self):
        first = [by == self.groups["by"][0] for by in self.groups["by"]]
        rows, weight = self.groups["rows"][first].sum(), self.groups["weight"][first].sum()
        caption = f"Predictions of {rows} rows"
        if weight != rows:
            caption += f" of weight {_written(weight)}"
        n_small = len(self.small_groups)
        if n_small:
            caption += f"; {n_small} groups under {self.min_group_size} rows have no figures"
        return caption

    def _tables(self):
        """Yield title, columns of text and number of lines left out of each table."""
        figures = [name for name in self.summary if not name.endswith(tuple(_SUFFIXES.values()))]
        summary = {name: [] for name in figures}
        for line in range(len(self.summary["by"])):
            for name in figures:
                summary[name].append(_written(self.summary[name][line]))
            for title, suffix in _SUFFIXES.items():
                if f"ks_gap{suffix}" in self.summary:
                    for name in figures:
                        column = self.summary.get(name + suffix)
                        text = "" if column is None else _written(column[line])
                        summary[name].append(f"  {title}" if name == "by" else text)
        yield "Summary", summary, 0
        shown = slice(None, _MAX_LINES)
        groups = {
            "by": self.groups["by"][shown],
            "group": [_written_levels(levels) for levels in self.groups["levels"][shown]],
        }
        for name, column in self.groups.items():
            if name not in ("by", "levels"):
                groups[name] = [_written(value) for value in column[shown]]
        yield "Groups", groups, max(0, len(self.groups["by"]) - _MAX_LINES)


def _written(value):
    return value if isinstance(value, str) else f"{value:.4g}" if value % 1 else f"{value:.0f}"


def _written_levels(levels):
    return " & ".join(str(level) for level in levels if level != ALL)


def _text_lines(columns):
    """Return a table as lines, text to the left and numbers to the right."""
    cells = []
    for name, column in columns.items():
        width = max(len(text) for text in [name, *column])
        align = "<" if name in ("by", "group") else ">"
        cells.append([f"{text:{align}{width}}" for text in [name, *column]])
    return ["  ".join(line).rstrip() for line in zip(*cells)]


def _html_table(title, columns):
    """Return a table as HTML."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = [
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in line) + "</tr>"
        for line in zip(*columns.values())
    ]
    return "\n".join(
        [
            "<table>",
            f"<caption>{escape(title)}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *body,
            "</tbody>",
            "</table>",
        ]
    )
