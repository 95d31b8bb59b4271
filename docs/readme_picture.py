"""Draw ``docs/_static/readme.png``, the picture in the README, from the crash data.

Run ``python docs/readme_picture.py`` from the repository's root; it needs the ``tour`` extra and
some minutes.
"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_nass_cds
from skweight.ordinal import PrestoClassifierCV, ProportionalOddsClassifier

TARGET = Path(__file__).parent / "_static" / "readme.png"
SIZES = [500, 1000, 2000, 4000, 8000]
DRAWS = 10
MODELS = {
    "PRESTO": (PrestoClassifierCV(n_alphas=12), "#0f766e"),
    "proportional odds": (ProportionalOddsClassifier(), "#c2410c"),
    "logistic regression": (make_pipeline(StandardScaler(), LogisticRegression()), "#1d4ed8"),
}
STEPS = ["possibly\ninjured", "injured", "incapaci-\ntated", "killed"]
SHOWN = {
    "deploy": ("airbag deployed", "#c2410c", 0),
    "sex_m": ("man", "#1d4ed8", 0),
    "seatbelt_belted": ("seat belt", "#0f766e", -7),
    "frontal": ("frontal impact", "#a21caf", 7),
}


def main():
    """Draw how fast each model learns who dies, and what PRESTO learned from all the rows."""
    crashes = load_nass_cds()
    plt.rcParams.update({"axes.spines.right": False, "axes.spines.top": False, "font.size": 10})
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(10.5, 4.2), width_ratios=[1.15, 1], layout="constrained"
    )
    draw_learning(left, crashes)
    draw_coefficients(right, crashes)
    fig.savefig(TARGET, dpi=100)


def draw_learning(ax, crashes):
    """Draw the skill for the last class over the number of training rows."""
    X, X_test, y, y_test = train_test_split(
        crashes.data, crashes.target, test_size=10_000, stratify=crashes.target, random_state=0
    )
    killed = y_test == 4
    ignorance = log_loss(killed, np.full(len(killed), killed.mean()))
    for name, (model, color) in MODELS.items():
        skill = np.empty((len(SIZES), DRAWS))
        for i, n in enumerate(SIZES):
            for draw in range(DRAWS):
                X_part, _, y_part, _ = train_test_split(
                    X, y, train_size=n, stratify=y, random_state=draw
                )
                target = y_part == 4 if name == "logistic regression" else y_part
                risk = model.fit(X_part, target).predict_proba(X_test)[:, -1]
                skill[i, draw] = 1 - log_loss(killed, risk) / ignorance
        mean, error = skill.mean(axis=1), skill.std(axis=1, ddof=1) / np.sqrt(DRAWS)
        print(f"{name:20}", mean.round(4), error.round(4))
        ax.errorbar(SIZES, mean, yerr=error, fmt="o-", color=color, lw=2, capsize=3, label=name)
    ax.set(
        xscale="log",
        xlabel="training rows (and deaths among them)",
        ylabel="uncertainty about death removed",
        title="Who dies in a crash? Skill on 10,000 other rows",
    )
    ax.set_xticks(SIZES, [f"{n:,}\n({n * np.mean(y == 4):.0f})" for n in SIZES])
    ax.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0))
    ax.minorticks_off()
    ax.legend(frameon=False, loc="lower right")


def draw_coefficients(ax, crashes):
    """Draw the coefficients of some features over the steps of the scale."""
    X, y = crashes.data, crashes.target
    presto = PrestoClassifierCV(eps=1e-3, selection="1se").fit(X, y)
    po = ProportionalOddsClassifier().fit(X, y)
    for name, (label, color, shift) in SHOWN.items():
        j = crashes.feature_names.index(name)
        ax.plot(range(4), presto.coef_[:, j], "o-", color=color, lw=2.2, ms=5)
        ax.plot([0, 3], [po.coef_[j]] * 2, ":", color=color, lw=1.2)
        ax.annotate(
            label,
            (3, presto.coef_[3, j]),
            xytext=(8, shift),
            textcoords="offset points",
            color=color,
            va="center",
        )
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(
        ylabel="coefficient (log odds)",
        title="Effects along the scale (dotted: one for all)",
        xlim=(-0.15, 4.35),
    )
    ax.set_xticks(range(4), STEPS)


if __name__ == "__main__":
    main()
