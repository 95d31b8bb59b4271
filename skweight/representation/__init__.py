"""Learn embeddings in which rows of one class are close."""

from skweight.representation._batches import BalancedBatchSampler
from skweight.representation._multi_similarity import MultiSimilarityEmbedding
from skweight.representation._pair_weights import multi_similarity_loss, pair_weights

__all__ = [
    "BalancedBatchSampler",
    "MultiSimilarityEmbedding",
    "multi_similarity_loss",
    "pair_weights",
]
