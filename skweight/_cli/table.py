"""Plain text tables and sentences for the terminal."""

import math
import textwrap

_LEVEL = {"worse": "", "level": ", level within the noise"}
_WORDS = {"better": "ours", "level": "level", "worse": "theirs"}


def render(header, rows, right=()):
    """Align cells in columns.

    Parameters
    ----------
    header : list of str
        The names of the columns.
    rows : list of list of str
        The cells.
    right : container of int, default=()
        The columns that are aligned to the right.

    Returns
    -------
    str
        Lines with a rule under the header.

    Examples
    --------
    >>> print(render(["model", "score"], [["a", "1.5"], ["bcd", "10"]], right={1}))
    model  score
    -----  -----
    a        1.5
    bcd       10
    """
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def number(value):
    """Write a score with four significant digits, or a dash for none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4f}" if 0.1 <= abs(value) < 10 else f"{value:.4g}"


def duration(seconds):
    """Write seconds with two significant digits."""
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def verdict_table(pairs):
    """Show ours beside the best of the others, over several studies.

    Parameters
    ----------
    pairs : list of (Outcome, list of Verdict)
        One for each study.

    Returns
    -------
    str
        The table.
    """
    header = ["data", "metric", "theirs", "(best of them)", "ours", "s theirs", "s ours", "better"]
    rows = []
    for outcome, found in pairs:
        for place, verdict in enumerate(found):
            rows.append(
                [
                    "" if place else outcome.study.name,
                    _heading(verdict.measure),
                    number(verdict.their_score),
                    verdict.theirs,
                    number(verdict.our_score),
                    duration(outcome.seconds[verdict.theirs].mean()),
                    duration(outcome.seconds[verdict.ours].mean()),
                    _WORDS[verdict.kind],
                ]
            )
    return render(header, rows, right={2, 4, 5, 6})


def candidate_table(outcome):
    """Show every candidate of one study with every measure.

    Parameters
    ----------
    outcome : Outcome
        What came out.

    Returns
    -------
    str
        The table.
    """
    measures = outcome.study.measures
    header = ["model", *map(_heading, measures), "seconds"]
    rows = [
        [
            f"{candidate.name}{' *' if candidate.ours else ''}",
            *(number(outcome.mean(candidate.name, m.key)) for m in measures),
            duration(outcome.seconds[candidate.name].mean()),
        ]
        for candidate in outcome.study.candidates
        if candidate.name in outcome.scores
    ]
    return render(header, rows, right=set(range(1, len(header))))


def _heading(measure):
    return measure.name + (f" ({measure.better})" if measure.better else "")


def sentence(verdict, where):
    """Say in one sentence how ours did by one measure."""
    name = verdict.measure.name
    if verdict.kind == "better":
        return f"On {where}, {verdict.ours} has the better {name}: {_figures(verdict)}."
    return f"On {where}, ours does not win by {name}: {_figures(verdict)}{_LEVEL[verdict.kind]}."


def _figures(verdict):
    scores = f"{number(verdict.our_score)} against {number(verdict.their_score)}"
    return f"{scores} for {verdict.theirs}"


def honest_lines(pairs):
    """Say, in at most two sentences for each study, by what ours does not win."""
    lines = []
    for outcome, found in pairs:
        for kind in ("worse", "level"):
            told = [f"{v.measure.name} ({_figures(v)})" for v in found if v.kind == kind]
            if told:
                how = " (level within the noise)" if kind == "level" else ""
                lines.append(f"On {outcome.study.name}, ours does not win{how} by " + _listed(told))
    return lines


def _listed(parts):
    return (", ".join(parts[:-1]) + " and " if parts[1:] else "") + parts[-1] + "."


def wrapped(sentences, width=100):
    """Put each sentence on lines of its own, none wider than `width`."""
    return "\n".join(
        textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False)
        for text in sentences
    )
