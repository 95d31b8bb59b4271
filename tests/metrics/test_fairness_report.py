"""The report holds what the metrics say, guards small groups, prints and becomes frames."""

import html.parser
import pickle

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from skweight.metrics import (
    FairnessReport,
    between_group_variance_ratio,
    demographic_parity_gap,
    fairness_report,
    js_divergence_score,
)

FIGURES = {
    "js_divergence": js_divergence_score,
    "variance_ratio": between_group_variance_ratio,
    "mean_gap": demographic_parity_gap,
    "ks_gap": demographic_parity_gap,
    "wasserstein_gap": demographic_parity_gap,
}


def problem(n=900, seed=0):
    rng = np.random.default_rng(seed)
    features = {
        "sex": rng.choice(["F", "M"], size=n),
        "race": rng.choice(["A", "B", "C"], size=n, p=[0.6, 0.37, 0.03]),
        "age": rng.integers(18, 80, size=n),
    }
    y = rng.normal(size=n) + 0.5 * (features["sex"] == "F") + 0.01 * features["age"]
    return y, features, rng.integers(1, 4, size=n)


def lines_by(report, by):
    """Return the places of a grouping's lines."""
    return [k for k, name in enumerate(report.groups["by"]) if name == by]


@pytest.mark.parametrize("weighted", [False, True])
def test_summary_is_what_the_metrics_say(weighted):
    y, features, weights = problem()
    shared = {"sample_weight": weights if weighted else None, "n_bins": 2, "min_group_size": 20}
    density = {"bandwidth": 0.3, "group_weights": "equal"}
    report = fairness_report(y, features, **shared, **density, n_permutations=7, random_state=3)
    assert isinstance(report, FairnessReport)
    joint = "sex x race x age"
    assert report.summary["by"] == ["sex", "race", "age", joint]
    assert report.attributes == ["sex", "race", "age"]
    for line, by in enumerate(report.summary["by"]):
        chosen = features if by == joint else {by: features[by]}
        for figure, metric in FIGURES.items():
            options = dict(shared)
            if figure == "js_divergence":
                options |= density
            elif figure.endswith("_gap"):
                options["kind"] = figure.partition("_")[0]
            details = metric(
                y, chosen, n_permutations=7, random_state=3, return_details=True, **options
            )
            assert report.summary[figure][line] == pytest.approx(details.value, rel=1e-12)
            mean = report.summary[f"{figure}_baseline_mean"][line]
            assert mean == pytest.approx(details.baseline_mean, rel=1e-12)
            upper = report.summary[f"{figure}_baseline_q95"][line]
            assert upper == pytest.approx(details.baseline_q95, rel=1e-12)
        assert report.summary["n_groups"][line] == len(details.groups)
        assert report.summary["n_small"][line] == len(details.small_groups)
        assert report.summary["bandwidth"][line] == 0.3
    np.testing.assert_array_equal(report.edges["age"], details.edges["age"])
    assert "js_divergence_baseline_mean" not in fairness_report(y, features).summary


def test_groups_by_counting():
    y, features, weights = problem()
    outcome = np.random.default_rng(1).poisson(np.exp(y - 1))
    report = fairness_report(y, features, y_true=outcome, sample_weight=weights, n_bins=2)
    cut = report.edges["age"][1]
    level = {"sex": features["sex"], "race": features["race"], "age": features["age"] <= cut}
    first = f"[{features['age'].min()}, {cut:.0f}]"
    everything = np.repeat(y, weights)
    groups = report.groups
    small = 0
    for k, (by, levels) in enumerate(zip(groups["by"], groups["levels"])):
        rows = np.ones(len(y), dtype=bool)
        for name, value in zip(report.attributes, levels):
            assert (value == "(all)") == (name not in by.split(" x "))
            if value != "(all)":
                rows &= level[name] == (value == first if name == "age" else value)
        assert groups["rows"][k] == rows.sum() > 0
        assert groups["weight"][k] == weights[rows].sum()
        assert groups["share"][k] == pytest.approx(weights[rows].sum() / weights.sum(), rel=1e-12)
        found = [groups[name][k] for name in (
            "mean_prediction", "mean_outcome", "ks_to_overall", "wasserstein_to_overall"
        )]  # fmt: skip
        if rows.sum() < 30:
            assert np.isnan(found).all()
            assert (by, levels) in report.small_groups
            small += 1
            continue
        sample = np.repeat(y[rows], weights[rows])
        expected = [
            sample.mean(),
            np.average(outcome[rows], weights=weights[rows]),
            ks_2samp(sample, everything, method="asymp").statistic,
            wasserstein_distance(sample, everything),
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert small == len(report.small_groups) == report.summary["n_small"].sum() > 0
    joint = lines_by(report, "sex x race x age")
    assert groups["rows"][joint].sum() == len(y)
    assert groups["share"][joint].sum() == pytest.approx(1, rel=1e-12)


def test_one_attribute_has_no_intersection():
    y, features, _ = problem()
    report = fairness_report(y, features["sex"])
    assert report.summary["by"] == ["attribute_0"]
    assert report.groups["levels"] == [("F",), ("M",)]
    assert "mean_outcome" not in report.groups


def test_rows_of_weight_zero_are_not_there():
    y, features, weights = problem()
    weights[::3] = 0
    y[::3] = 1e6
    kept = weights > 0
    ours = fairness_report(y, features, y_true=y, sample_weight=weights)
    theirs = fairness_report(
        y[kept], {name: values[kept] for name, values in features.items()}, y_true=y[kept],
        sample_weight=weights[kept],
    )  # fmt: skip
    assert repr(ours) == repr(theirs)
    for name, column in theirs.summary.items():
        np.testing.assert_array_equal(ours.summary[name], column)


def test_frames():
    pandas = pytest.importorskip("pandas")
    y, features, _ = problem()
    report = fairness_report(y, features, y_true=y > 0, n_bins=2, n_permutations=2)
    frame = report.to_frame()
    assert frame.index.names == ["by", "sex", "race", "age"]
    assert frame.loc[("sex", "F", "(all)", "(all)"), "rows"] == np.sum(features["sex"] == "F")
    assert len(frame) == len(report.groups["by"])
    assert frame["mean_outcome"].between(0, 1).sum() == len(frame) - len(report.small_groups)
    summary = report.to_frame("summary")
    assert summary.index.tolist() == report.summary["by"]
    pandas.testing.assert_series_equal(
        summary["ks_gap"], pandas.Series(report.summary["ks_gap"], summary.index, name="ks_gap")
    )
    with pytest.raises(ValueError, match=r"table='all': want one of \('groups', 'summary'\)"):
        report.to_frame("all")


def test_text():
    y, features, weights = problem()
    report = fairness_report(
        y, {"sex": features["sex"], "race": features["race"]}, sample_weight=weights,
        n_permutations=2, random_state=0,
    )  # fmt: skip
    lines = repr(report).splitlines()
    n_small = len(report.small_groups)
    assert lines[0] == (
        f"Predictions of 900 rows of weight {weights.sum()}; {n_small} groups under 30 rows have "
        "no figures"
    )
    assert lines[2] == "Summary"
    assert lines[3].split() == [
        "by", "n_groups", "n_small", "bandwidth", "js_divergence", "variance_ratio", "mean_gap",
        "ks_gap", "wasserstein_gap",
    ]  # fmt: skip
    assert lines[4].split()[:3] == ["sex", "2", "0"]
    assert lines[5].startswith("  permuted, mean ")
    assert lines[6].startswith("  permuted, 95 % ")
    n_joint = sum(by == "sex x race" for by, _ in report.small_groups)
    assert 0 < n_joint < n_small
    assert lines[10].split()[:5] == ["sex", "x", "race", "6", str(n_joint)]
    start = lines.index("Groups")
    assert lines[start + 2].split()[:2] == ["sex", "F"]
    assert any(line.startswith("sex x race  F & A ") for line in lines)
    assert len(lines) == start + 2 + 2 + 3 + 6
    assert len({len(line) for line in lines[4:13:3]}) == 1  # aligned


def test_long_tables_are_cut():
    rng = np.random.default_rng(0)
    report = fairness_report(rng.normal(size=4000), rng.integers(0, 90, 4000).astype(str))
    assert len(report.groups["rows"]) == 90
    assert repr(report).endswith("... 30 more: to_frame() has all")
    assert "30 more: <code>to_frame()</code>" in report._repr_html_()


class Cells(html.parser.HTMLParser):
    """Collect the text of cells and see that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


def test_html_is_the_text_and_escaped():
    y, features, _ = problem()
    odd = np.where(features["sex"] == "F", "<b>&F", "M")
    report = fairness_report(y, {"<sex>": odd})
    page = Cells()
    page.feed(report._repr_html_())
    assert page.open == []
    assert "<b>&F" in page.cells
    assert page.cells.count("<sex>") == 3
    shown = repr(report).split()
    assert all(text in shown for cell in page.cells for text in cell.split())


def test_pickle():
    y, features, _ = problem()
    report = fairness_report(y, features)
    assert repr(pickle.loads(pickle.dumps(report))) == repr(report)


def test_too_few_groups_are_nan_and_warned_of():
    y, features, _ = problem()
    given = {"sex": features["sex"], "one": np.full(900, "same")}
    with pytest.warns(UserWarning, match="The summary by one is NaN: 1 of 1 groups"):
        report = fairness_report(y, given, n_permutations=2)
    line = report.summary["by"].index("one")
    for name, column in report.summary.items():
        if name not in ("by", "n_groups", "n_small", "bandwidth"):
            assert np.isnan(column).tolist() == [k == line for k in range(3)]
    assert not np.isnan(report.groups["mean_prediction"]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_true": ["yes", "no"] * 450}, "y_true holds text: want numbers"),
        ({"y_true": np.ones(3)}, "y_true has 3 rows and y_pred 900: want as many"),
        ({"bandwidth": -1}, "bandwidth=-1: want 'scott' or a number above 0"),
        ({"group_weights": "rows"}, "group_weights='rows': want one of"),
        ({"n_permutations": -1}, "n_permutations=-1: want a whole number of at least 0"),
    ],
)
def test_bad_options(options, message):
    y, features, _ = problem()
    with pytest.raises(ValueError, match=message):
        fairness_report(y, features, **options)
