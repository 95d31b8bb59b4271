"""French motor claims: how fast dependence falls along the path, beside published figures."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson
from sklearn.model_selection import train_test_split

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import load_pg15training
from skweight.fairness import DistanceCovarianceRegressor, dependence_score
from skweight.metrics import between_group_variance_ratio

STRENGTHS, SEEDS, WITHIN = (0, 10, 40, 150), 5, 1.5
CHECKED = (10, 40)
# Another implementation of the linear model, counts penalised; and the paper's network, a mean of
# ten seeds: RPS, CCdCov_U, between-group variance ratio on held-out rows.
GLM = {
    0: (0.1175, 9.5e-4, 0.0724),
    10: (0.1183, 2.0e-4, 0.0190),
    40: (0.1195, 3.3e-5, 0.0041),
    150: (0.1202, 9.8e-6, 0.0016),
}
NETWORK = {
    0: (0.1192, 9.14e-4, 0.0774),
    10: (0.1197, 1.97e-4, 0.0203),
    40: (0.1208, 4.45e-5, 0.0047),
    150: (0.1221, 1.88e-5, 0.0021),
}
RATES, COUNTS = "rates", "counts"


@dataclass
class Study:
    """Held-out figures by strength.

    Attributes
    ----------
    rps : dict of int to ndarray of shape (n_seeds,)
        Ranked probability score of the counts.
    dependence, variance : dict of (int, str) to ndarray of shape (n_seeds,)
        CCdCov_U and between-group variance ratio, of rates and of counts.
    """

    rps: dict
    dependence: dict
    variance: dict

    def ratio(self, values, strength, kind):
        """Return the mean at a strength over the mean at strength 0."""
        return values[strength, kind].mean() / values[0, kind].mean()


def ranked_probability_score(claims, expected):
    """Return the mean ranked probability score of Poisson counts, over 0 to 10 claims."""
    k = np.arange(11)
    below = claims[:, None] <= k
    return ((poisson.cdf(k, expected[:, None]) - below) ** 2).sum(axis=1).mean()


def run(motor, strengths, seeds):
    """Fit all strengths on each split; the figures are unweighted."""
    study = Study(
        {s: [] for s in strengths},
        {(s, kind): [] for s in strengths for kind in (RATES, COUNTS)},
        {(s, kind): [] for s in strengths for kind in (RATES, COUNTS)},
    )
    claims, exposure = np.asarray(motor.target), np.asarray(motor.exposure)
    for seed in range(seeds):
        train, test = train_test_split(np.arange(len(claims)), train_size=0.8, random_state=seed)
        X = (motor.data - motor.data[train].mean(axis=0)) / motor.data[train].std(axis=0)
        for strength in strengths:
            model = DistanceCovarianceRegressor(strength, loss="poisson")
            model.fit(
                X[train],
                claims[train] / exposure[train],
                exposure[train],
                sensitive_features=motor.sensitive_features.iloc[train],
            )
            rates = model.predict(X[test])
            held_out = motor.sensitive_features.iloc[test]
            study.rps[strength].append(
                ranked_probability_score(claims[test], rates * exposure[test])
            )
            for kind, predictions in ((RATES, rates), (COUNTS, rates * exposure[test])):
                study.dependence[strength, kind].append(
                    dependence_score(predictions, held_out, encoder=model.sensitive_encoder_)
                )
                study.variance[strength, kind].append(
                    between_group_variance_ratio(predictions, held_out)
                )
    for part in (study.rps, study.dependence, study.variance):
        part.update({key: np.array(values) for key, values in part.items()})
    return study


def reference_ratio(reference, strength, column):
    """Return a published figure as a ratio to that of strength 0."""
    return reference[strength][column] / reference[0][column]


def check(study, targets):
    """Compare the ratios to strength 0 with those of the other implementation."""
    for kind in (RATES, COUNTS):
        factors = []
        for values, column in ((study.dependence, 1), (study.variance, 2)):
            for strength in CHECKED:
                ours = study.ratio(values, strength, kind)
                factors.append(ours / reference_ratio(GLM, strength, column))
        targets.check(
            f"French motor claims, {kind}: CCdCov_U and variance ratio at strengths "
            f"{' and '.join(map(str, CHECKED))}, over those at 0, within a factor {WITHIN} of the "
            "reference's",
            "factors " + ", ".join(f"{factor:.2f}" for factor in factors),
            all(1 / WITHIN <= factor <= WITHIN for factor in factors),
        )


def tables(study):
    """Return the tables of figures and of ratios to strength 0."""
    strengths = list(study.rps)
    figures = []
    for s in strengths:
        row = [s, figure(study.rps[s], ".4f")]
        for kind in (RATES, COUNTS):
            row += [
                figure(study.dependence[s, kind], ".2e"),
                figure(study.variance[s, kind], ".4f"),
            ]
        for reference in (GLM, NETWORK):
            rps, dependence, variance = reference[s]
            row += [f"{rps:.4f}", f"{dependence:.2e}", f"{variance:.4f}"]
        figures.append(row)
    header = ["strength", "RPS"]
    for name in (RATES, COUNTS):
        header += [f"{name}: CCdCov_U", "UF"]
    for name in ("reference GLM", "paper's network"):
        header += [f"{name}: RPS", "CCdCov_U", "UF"]
    ratios = []
    for s in strengths[1:]:
        row = [s]
        for values, column in ((study.dependence, 1), (study.variance, 2)):
            row += [f"{study.ratio(values, s, kind):.3f}" for kind in (RATES, COUNTS)]
            row += [f"{reference_ratio(of, s, column):.3f}" for of in (GLM, NETWORK)]
        ratios.append(row)
    ratio_header = ["strength"]
    for name in ("CCdCov_U", "UF"):
        ratio_header += [f"{name}: {RATES}", COUNTS, "reference GLM", "paper's network"]
    return _report.table(header, figures), _report.table(ratio_header, ratios)


def section(quick, targets):
    """Run all splits and return the report's section, or a sentence where the file is missing."""
    title = "## French motor claims\n\n"
    try:
        motor = load_pg15training()
    except FileNotFoundError as error:
        return f"{title}Not run here: {error}."
    seeds, strengths = (1, STRENGTHS[:2]) if quick else (SEEDS, STRENGTHS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = run(motor, strengths, seeds)
    if not quick:
        check(study, targets)
    figures, ratios = tables(study)
    return f"""{title}`load_pg15training`: 100,000 policies, {motor.data.shape[1]} columns, gender \
and region protected; Poisson model of claims a year, exposure as the weight, so that the penalty is
on exposure-weighted rates. Held-out means and standard errors over {seeds} splits of 80 to 20,
unweighted: RPS of the counts; CCdCov_U and UF, the variance of the group means over that of all
predictions, of the rates, and of the same model's counts (rate times exposure). The reference GLM
is another implementation, which penalises counts; the paper's network is a mean of ten seeds, on
its own split.

{figures}

Ratios to strength 0, of means:

{ratios}"""
