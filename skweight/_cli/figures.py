"""Matplotlib figures as inline SVG that follows the light or dark theme of the page."""

import io
import re
from contextlib import contextmanager
from dataclasses import dataclass

from skweight._core._optional import import_optional

# Colours that no one would draw with stand for the page's own, which differ by theme.
INK, FAINT, LINE = "#010203", "#020304", "#030405"
OURS, THEIRS, THIRD, FOURTH = "#040506", "#050607", "#060708", "#070809"
_PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    LINE: "var(--line)",
    OURS: "var(--ours)",
    THEIRS: "var(--theirs)",
    THIRD: "var(--third)",
    FOURTH: "var(--fourth)",
}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.facecolor": "none",
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": None,
    "figure.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Parameters
    ----------
    title : str
        What it shows.
    caption : str
        How to read it.
    svg : str
        The picture, to be put into a page.
    """

    title: str
    caption: str
    svg: str


@contextmanager
def canvas(width, height, *grid, **options):
    """Draw with the report's style.

    Parameters
    ----------
    width, height : float
        In inches, at 72 SVG points an inch.
    *grid : int
        Rows and columns of axes.
    **options : dict
        Passed on to ``Figure.subplots``.

    Yields
    ------
    figure : matplotlib.figure.Figure
        Drawn to SVG by `to_svg`.
    axes : matplotlib.axes.Axes or ndarray of them
        Empty.
    """
    matplotlib = import_optional("matplotlib", "The report")
    from matplotlib.figure import Figure as Drawing

    style = {name: value for name, value in _STYLE.items() if value is not None}
    style["axes.prop_cycle"] = matplotlib.cycler(color=[OURS, THEIRS, THIRD, FOURTH])
    with matplotlib.rc_context(style):
        drawing = Drawing(figsize=(width, height), layout="constrained")
        yield drawing, drawing.subplots(*grid, **options)


def shades(n_colours):
    """Give colours for things in an order, readable on light and on dark paper."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    places = [0.32 + 0.5 * place / max(n_colours - 1, 1) for place in range(n_colours)]
    return [to_hex(colormaps["plasma"](place)) for place in places]


def to_svg(drawing, label):
    """Turn a drawing into SVG text for a page.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        Drawn within `canvas`.
    label : str
        What a screen reader says.

    Returns
    -------
    str
        One ``<svg>`` element without references to anything outside it.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawing.savefig(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'font: ([\d.]+px) [^;"]*', r"font-size: \1; font-family: inherit", svg)
    for colour, page_colour in _PAGE_COLOURS.items():
        svg = svg.replace(colour, page_colour)
    # Identifiers are those of the whole page: keep the figures of one page apart.
    prefix = f"f{abs(hash(svg)):x}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
