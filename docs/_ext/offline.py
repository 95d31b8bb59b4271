"""Fail the build when a page would load something from the network."""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

# What a browser fetches by itself; a link that a reader may follow is not among it.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|embed)\b[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link\b(?=[^>]*\srel=[\"']?(?:stylesheet|preload|icon|shortcut))[^>]*\shref=[\"']?(?:https?:)?//"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//",
    re.IGNORECASE,
)


def check_pages(app, exception):
    """Look through every page and style sheet that was written."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")]):
        found = _FETCHED.search(path.read_text(encoding="utf-8", errors="replace"))
        if found:
            raise ExtensionError(
                f"{path.relative_to(folder)} loads from the network: {found.group(0)}"
            )


def setup(app):
    """Register the check."""
    app.connect("build-finished", check_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
