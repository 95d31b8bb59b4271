"""The directive ``benchmark-result``: show a committed table of ``benchmarks/results``.

No measured figure is typed into a page: the page shows the file that the benchmark command wrote,
or, where that command has not been run yet, names the command.
"""

from pathlib import Path

from docutils.parsers.rst import directives
from myst_parser.sphinx_ import Parser
from sphinx.directives.other import Include

ROOT = Path(__file__).resolve().parents[2]


class BenchmarkResult(Include):
    """Insert ``benchmarks/results/<name>``, a Markdown file; ``:command:`` says what writes it."""

    option_spec = {**Include.option_spec, "command": directives.unchanged_required}

    def run(self):
        path = ROOT / "benchmarks" / "results" / self.arguments[0]
        command = self.options.pop("command")
        if not path.exists():
            return self.parse_text_to_nodes(
                f".. note:: Not measured yet for this version; ``{command}`` measures it."
            )
        self.arguments[0] = f"/../benchmarks/results/{path.name}"  # from the root of the sources
        self.options["parser"] = Parser
        source = self.parse_text_to_nodes(
            f"*Written by* ``{command}`` *into* ``benchmarks/results/{path.name}``:"
        )
        return [*source, *super().run()]


def setup(app):
    """Register the directive."""
    app.add_directive("benchmark-result", BenchmarkResult)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
