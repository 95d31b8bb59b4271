"""Run what README.md shows, and hold its tables and links against the package."""

import re
import tomllib
from pathlib import Path

import pytest
from optional_packages import skip_without_packages

from skweight.testing import all_estimators

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = dict(
    re.findall(r"^<!-- command: (\w+) -->\n```bash\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_a_block_of_python_runs(block, capsys, tmp_path, monkeypatch):
    skip_without_packages(block)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.strip()


def test_a_pipeline_and_a_grid_search_are_shown():
    assert any("make_pipeline(" in block for block in BLOCKS)
    assert any("GridSearchCV(" in block for block in BLOCKS)


def test_every_estimator_has_a_row_in_the_table():
    rows = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", README, flags=re.MULTILINE))
    assert rows == {(cls.__module__.split(".")[1], name) for name, cls in all_estimators()}


@pytest.mark.parametrize(("name", "extra"), [("main", "tour"), ("test", "test")])
def test_a_command_sets_itself_up(name, extra):
    command = COMMANDS[name]
    assert command.startswith("python -m venv .venv && ")
    assert f'pip install -c constraints.txt -e ".[{extra}]"' in command
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra in extras["optional-dependencies"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]*)", (ROOT / page).read_text())
    local = [target for target in targets if target and "://" not in target]
    assert local
    missing = [target for target in local if not (ROOT / target).exists()]
    assert not missing


def test_the_readme_opens_with_what_it_is_in_five_lines():
    title, first = README.split("\n\n")[:2]
    assert title == "# skweight"
    assert len(first.splitlines()) == 5
