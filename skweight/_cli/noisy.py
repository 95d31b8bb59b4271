"""Studies whose training rows have noise on their targets, and test rows none."""

import zlib
from dataclasses import dataclass

import numpy as np

from skweight._cli.evaluate import Study


@dataclass(kw_only=True)
class NoisyStudy(Study):
    """A study of numbers or of labels, with noise on those of training rows or without.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    noise : float, default=0.0
        On the targets of training rows: its standard deviation, in those of the targets, or the
        share of labels that are drawn anew.
    groups : ndarray of shape (n_samples,) or None, default=None
        Rows of one group stay together, in the folds inside of training rows as well.
    """

    outcome: str
    noise: float = 0.0
    groups: np.ndarray | None = None

    def taught(self, rows):
        """Give the targets of training rows as models get them, noise included."""
        from skweight.datasets import add_label_noise, add_target_noise

        if not self.noise:
            return self.target[rows]
        # The same noise for all models that are fitted to the same rows.
        seed = zlib.crc32(np.asarray(rows, dtype="<i8").tobytes())
        if self.outcome == "classes":
            return add_label_noise(self.target[rows], self.noise, random_state=seed)[0]
        return add_target_noise(self.target[rows], self.noise, random_state=seed)


def fit_taught(candidate, study, rows, step):
    """Fit one candidate to some rows of a noisy study, weights going to a step of its pipeline."""
    from threadpoolctl import threadpool_limits

    weights = None if study.weights is None else study.weights[rows]
    # Many small fits: threads that wait for each other cost more than they bring.
    with threadpool_limits(1):
        return candidate.build(study, rows).fit(
            study.frame.iloc[rows], study.taught(rows), **{f"{step}__sample_weight": weights}
        )
