"""What the commands do about networks where torch is missing, and codes for vectors."""

import numpy as np
import pytest

import skweight._cli
from skweight._cli import rooms, tour
from skweight._cli.columns import encoder, of_loader

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")


def table_of(n_rows, seed=0):
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(2, n_rows))
    level = x + 0.7 * generator.normal(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": noise.round(4),
            "kind": generator.choice(["a", "b", "c"], size=n_rows),
            "price": (30 + 5 * x + generator.normal(size=n_rows)).round(3),
            "fruit": np.array(["fig", "date", "plum"])[np.digitize(level, [-0.6, 0.6])],
        }
    )


def write(folder):
    table_of(80).to_csv(folder / "things.csv", index=False)


@pytest.fixture
def without_torch(monkeypatch):
    """Let torch and skorch look as if they were not installed."""
    find = skweight._cli.find_spec
    monkeypatch.setattr(
        skweight._cli, "find_spec", lambda name: None if name in ("torch", "skorch") else find(name)
    )


def test_without_torch_one_sentence_names_the_extra(without_torch, refuses, tmp_path):
    write(tmp_path)
    told = refuses("compare", "things.csv", "--target", "price", "--room", "neural")
    assert "'skweight compare --room neural' needs the packages 'torch' and 'skorch'" in told
    assert "pip install 'skweight[neural]'" in told


def test_without_torch_the_tour_leaves_rooms_of_networks_out(without_torch, capsys):
    left_out = ["neural", "optim", "representation", "transfer"]
    assert tour._rooms(None) == [name for name in rooms.ROOMS if name not in left_out]
    told = capsys.readouterr().out
    assert told.count("\n") == len(left_out)
    for name in left_out:
        assert f"left out the {name} room" in told
    assert "pip install 'skweight[neural]'" in told
    with pytest.raises(skweight._cli.CommandError, match=r"tour --room neural.*skweight\[neural\]"):
        tour._rooms("neural")


def test_without_torch_other_rooms_have_no_networks(without_torch):
    from skweight._cli.rooms import fairness_models, imbalance_models, quantile_candidates

    for listed in (
        fairness_models.candidates("classes", networks=True),
        imbalance_models.candidates(True, networks=True)[0],
        quantile_candidates.candidates(True, networks=True),
    ):
        assert not [c.name for c in listed if "Network" in c.name or "local" in c.name]
    assert "Line of tails" in [c.name for c in listed]


def test_a_line_with_tails_stands_in_for_networks(without_torch):
    from skweight._cli.rooms import quantile
    from skweight.quantile import GeneralizedGaussianLinearRegressor

    table, rows = table_of(60), np.arange(60)
    frame, columns = of_loader(table[["x", "noise"]])
    parts = {"name": "toy", "title": "Toy", "story": "A story.", "weights": None, "overlap": 0.0}
    parts |= {"frame": frame, "columns": columns, "target": table["price"].to_numpy()}
    study = quantile.study_of((0.1, 0.5, 0.9), 40, True, splits=[(rows[:40], rows[40:])], **parts)
    (line,) = [c for c in study.candidates if c.name == "Line of tails"]
    fitted = quantile.fit(line, study, rows[:40])
    X = fitted[:-1].transform(frame)
    expected = GeneralizedGaussianLinearRegressor().fit(X[:40], study.target[:40])
    np.testing.assert_allclose(
        fitted[-1].predict_quantiles(X), expected.predict_quantile(X, study.levels), rtol=1e-12
    )


def test_codes_of_categories_come_first_and_the_unknown_are_minus_one():
    frame, columns = of_loader(table_of(30)[["x", "kind"]])
    frame.loc[3, "kind"], frame.loc[4, "x"] = np.nan, np.nan
    coder = encoder(columns, vectors=True).fit(frame.iloc[:20])
    new = frame.iloc[20:].assign(kind="z")
    assert set(coder.transform(frame.iloc[:20])[:, 0]) == {-1, 0, 1, 2}
    assert coder.transform(frame.iloc[:20])[3, 0] == -1
    assert (coder.transform(new)[:, 0] == -1).all()
    assert coder.transform(frame.iloc[:20])[:, 1].mean() == pytest.approx(0)
