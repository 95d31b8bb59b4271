"""What the representation room compares: nearest neighbours, after one embedding or another."""

from functools import partial

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED

STEP = "neighbours"  # name of the last step of a pipeline of this room
DEEP, LINEAR = "Multi-similarity", "Multi-similarity, linear"
_N_COMPONENTS = 16
_MOST_EPOCHS = 60
_NCA_STEPS = 30


def candidates():
    """List ours, the network first, and what a user would otherwise pick."""
    return [
        Candidate(DEEP, partial(_ours, layers=(128,)), ours=True,
                  note="MultiSimilarityEmbedding, one hidden layer"),
        Candidate(LINEAR, partial(_ours, layers=()), ours=True,
                  note="MultiSimilarityEmbedding(hidden_layer_sizes=())"),
        Candidate("Columns as they are", _raw, note="scaled, nothing learned"),
        Candidate("PCA", _pca, note="PCA"),
        Candidate("NCA", _nca, note="NeighborhoodComponentsAnalysis"),
    ]  # fmt: skip


def _ours(study, rows, *, layers):
    from skweight.representation import MultiSimilarityEmbedding

    model = MultiSimilarityEmbedding(
        _N_COMPONENTS,
        hidden_layer_sizes=layers,
        max_iter=_MOST_EPOCHS,
        tol=1e-2,
        random_state=SEED,
    )
    return _pipeline(study, model)


def _raw(study, rows):
    return _pipeline(study, "passthrough")


def _pca(study, rows):
    from sklearn.decomposition import PCA

    return _pipeline(study, PCA(_n_components(study), random_state=SEED))


def _nca(study, rows):
    from sklearn.neighbors import NeighborhoodComponentsAnalysis

    model = NeighborhoodComponentsAnalysis(
        _n_components(study), max_iter=_NCA_STEPS, random_state=SEED
    )
    return _pipeline(study, model)


def _n_components(study):
    """Give the number of components: no more than columns, which text may become more of."""
    return min(_N_COMPONENTS, len(study.frame.columns))


def _pipeline(study, model):
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import Pipeline

    steps = [("columns", encoder(study.columns)), ("embedding", model)]
    return Pipeline([*steps, (STEP, KNeighborsClassifier())])
