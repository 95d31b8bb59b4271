"""Render formulas as MathML at build time, so that pages need no script, font or network."""

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

MACROS = {
    "P": r"\operatorname{P}",
    "E": r"\operatorname{E}",
    "logit": r"\operatorname{logit}",
    "diag": r"\operatorname{diag}",
    "T": r"^{\mathsf{T}}",
    "RPS": r"\mathrm{RPS}",
    "half": r"\tfrac{1}{2}",
}
_converter = LatexToMathML(macros=MACROS, annotation=True, fancy_error=False)


def _convert(latex, *, display):
    try:
        return _converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise ExtensionError(f"formula not understood: {latex!r}: {error}") from error


def visit_math(self, node):
    self.body.append(_convert(node.astext(), display=False))
    raise nodes.SkipNode


def visit_displaymath(self, node):
    latex = node.astext().strip()
    if "\\\\" in latex and r"\begin" not in latex:
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    self.body.append(self.starttag(node, "div", CLASS="math-display"))
    self.body.append(_convert(latex, display=True))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer under the name `mathml`."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
