"""Plain text tables and sentences for the terminal."""

import math

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
                    f"{verdict.measure.name} ({verdict.measure.better})",
                    number(verdict.their_score),
                    verdict.theirs,
                    number(verdict.our_score),
                    duration(outcome.seconds[verdict.theirs].mean()),
                    duration(outcome.seconds[verdict.ours].mean()),
                    _WORDS[verdict.kind],
                ]
            )
    return render(header, rows, right={2, 4, 5, 6})


def candidate_table(outcome, room):
    """Show every candidate of one study with every measure.

    Parameters
    ----------
    outcome : Outcome
        What came out.
    room : module
        Gives ``MEASURES``.

    Returns
    -------
    str
        The table.
    """
    header = ["model", *(f"{m.name} ({m.better})" for m in room.MEASURES), "seconds"]
    rows = [
        [
            f"{candidate.name}{' *' if candidate.ours else ''}",
            *(number(outcome.mean(candidate.name, m.key)) for m in room.MEASURES),
            duration(outcome.seconds[candidate.name].mean()),
        ]
        for candidate in outcome.study.candidates
        if candidate.name in outcome.scores
    ]
    return render(header, rows, right=set(range(1, len(header))))


def sentence(verdict, where):
    """Say in one sentence how ours did by one measure."""
    by = f"{verdict.measure.name[0].lower()}{verdict.measure.name[1:]}"
    figures = f"{number(verdict.our_score)} against {number(verdict.their_score)}"
    if verdict.kind == "better":
        return f"On {where}, {verdict.ours} has the better {by}: {figures} for {verdict.theirs}."
    if verdict.kind == "worse":
        return f"On {where}, ours does not win by {by}: {figures} for {verdict.theirs}."
    return (
        f"On {where}, ours does not win by {by}: {figures} for {verdict.theirs}, which is level "
        "within two standard errors."
    )


def honest_lines(pairs):
    """Give a sentence for each measure by which ours does not win."""
    return [
        sentence(verdict, outcome.study.name)
        for outcome, found in pairs
        for verdict in found
        if verdict.kind != "better"
    ]
