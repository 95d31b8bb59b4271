"""What the privacy room compares: ours at several epsilons, and models without privacy."""

import zlib
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED

N_BUCKETS = 16  # that the levels of a column of text fall into
FREQUENCIES = "Class frequencies"


def candidates(epsilons, delta, private):
    """List ours and what a user would otherwise pick, who has nothing to hide.

    Parameters
    ----------
    epsilons : list of float
        One candidate of ours for each, the first under test.
    delta : float
        Of all of them.
    private : bool
        Whether bounds and classes are public; otherwise names say that nothing is private.

    Returns
    -------
    list of Candidate
        Those of ours have their epsilon in their options.
    """
    small = "pure" if delta == 0 else f"delta {delta:g}"
    ours = [
        Candidate(
            f"epsilon {epsilon:g}" + ("" if private else ", not private"),
            partial(_ours, epsilon=epsilon, delta=delta),
            ours=True,
            note=f"PrivateSimilarityClassifier, {small}",
            options={"epsilon": epsilon},
        )
        for epsilon in epsilons
    ]
    return [
        *ours,
        Candidate("Nearest centroid", partial(_plain, kind="centroid"),
                  note="NearestCentroid, without privacy"),
        Candidate("Logistic", partial(_plain, kind="logistic"),
                  note="LogisticRegression, without privacy"),
        Candidate("Logistic, balanced", partial(_plain, kind="balanced"),
                  note="LogisticRegression with class_weight='balanced', without privacy"),
        Candidate(FREQUENCIES, partial(_plain, kind="frequencies"),
                  note="DummyClassifier, looks at no column"),
    ]  # fmt: skip


def _plain(study, rows, *, kind):
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestCentroid

    model = {
        "centroid": NearestCentroid(),
        "logistic": LogisticRegression(max_iter=2000),
        "balanced": LogisticRegression(max_iter=2000, class_weight="balanced"),
        "frequencies": DummyClassifier(strategy="most_frequent"),
    }[kind]
    return _pipeline(encoder(study.columns), model)


def _ours(study, rows, *, epsilon, delta):
    from skweight.privacy import PrivateSimilarityClassifier

    # Fits to some of the rows are scored and thrown away, and may as well be repeatable. The one
    # to all of them may be published: its noise is known to nobody.
    seed = None
    if len(rows) < len(study.target):
        seed = zlib.crc32(repr((SEED, epsilon)).encode() + np.ascontiguousarray(rows).tobytes())
    model = PrivateSimilarityClassifier(
        epsilon=epsilon,
        delta=delta,
        classes=study.public_classes,
        bounds=public_bounds(study),
        random_state=seed,
    )
    return _pipeline(public_encoder(study), model)


def public_encoder(study):
    """Build a preprocessing that learns nothing from rows if the study has public bounds."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer

    if study.bounds is None:
        numbers = SimpleImputer(strategy="median", keep_empty_features=True)
    else:
        numbers = FilledNumbers(*(side.tolist() for side in study.bounds))
    parts = [
        ("numbers", numbers, study.columns.numeric),
        ("categories", HashedLevels(N_BUCKETS), study.columns.categorical),
    ]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)


def public_bounds(study):
    """Give the bounds of what `public_encoder` makes, or None without public ones."""
    if study.bounds is None:
        return None
    # An absent level is the middle of these, which adds nothing to a row's direction.
    texts = np.ones(N_BUCKETS * len(study.columns.categorical))
    low, high = study.bounds
    return [*low, *-texts], [*high, *texts]


def _pipeline(columns, model):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", columns), ("model", model)])


class FilledNumbers(TransformerMixin, BaseEstimator):
    """Clip numbers to public bounds, and put the middle where one is missing.

    It learns nothing from rows but how many columns they have.

    Parameters
    ----------
    low, high : list of float
        Bounds of the columns.
    """

    def __init__(self, low=(), high=()):
        self.low = low
        self.high = high

    def fit(self, X, y=None):
        """Do nothing."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X):
        """Give the numbers between their bounds."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        X = np.asarray(X, dtype=np.float64)
        return np.clip(np.where(np.isnan(X), low + 0.5 * (high - low), X), low, high)


class HashedLevels(TransformerMixin, BaseEstimator):
    """Turn text into 0 and 1 by a fixed hash, so that no row tells which levels there are.

    Some levels share a column where there are many. It learns nothing from rows but how many
    columns they have.

    Parameters
    ----------
    n_buckets : int, default=16
        Columns made of each column of text; one of them is 1 unless the text is missing.
    """

    def __init__(self, n_buckets=N_BUCKETS):
        self.n_buckets = n_buckets

    def fit(self, X, y=None):
        """Do nothing."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X):
        """Give the columns."""
        X = np.asarray(X, dtype=object)
        coded = np.zeros((*X.shape, self.n_buckets))
        known = [(k, j, text) for (k, j), text in np.ndenumerate(X) if text == text]
        for k, j, text in known:
            coded[k, j, zlib.crc32(str(text).encode()) % self.n_buckets] = 1
        return coded.reshape(len(X), -1)
