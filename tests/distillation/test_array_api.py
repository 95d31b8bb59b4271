"""Estimators keep the arrays of torch, and of a library that allows only what the standard does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("array_api_cases.py")


def test_tensors_in_and_out():
    """In a process of its own: scipy has to know of other arrays before it is imported."""
    pytest.importorskip("sklearn", minversion="1.9")
    for package in ("torch", "array_api_compat", "array_api_strict"):
        pytest.importorskip(package)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", CASES],
        cwd=CASES.parent,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    last = run.stdout.strip().splitlines()[-1]
    assert int(re.match(r"(\d+) passed", last)[1]) > 140
    assert "skipped" not in last
