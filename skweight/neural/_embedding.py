"""Categorical columns as learned vectors, in front of any module."""

import numpy as np
import torch
from torch import nn

# Each has a vector, whether it occurs or not: numbers beyond are no codes of an encoder.
_MOST_CATEGORIES = 1_000_000


class Embedded(nn.Module):
    """Replace categorical columns by learned vectors, and pass rows on.

    A category is a number from 0 to that of the categories seen less one; any other one, a
    missing or unknown category, shares one more vector.

    Parameters
    ----------
    build : callable
        Takes the number of features and returns the module behind.
    places : array of int
        Columns that hold categories.
    n_categories : sequence of int
        Of each of them.
    n_in : int
        Number of columns.
    generator : torch.Generator
        Source of random numbers.
    dtype : torch.dtype
        Type of the vectors.
    """

    def __init__(self, build, places, n_categories, n_in, generator, dtype):
        super().__init__()
        others = np.setdiff1d(np.arange(n_in), places)
        self.register_buffer("places", torch.as_tensor(np.asarray(places)))
        self.register_buffer("others", torch.as_tensor(others))
        self.n_categories = [int(n) for n in n_categories]
        self.vectors = nn.ParameterList()
        for n in self.n_categories:
            vectors = torch.empty(n + 1, vector_size(n), dtype=dtype)
            self.vectors.append(nn.init.normal_(vectors, std=0.1, generator=generator))
        self.module = build(len(others) + sum(part.shape[1] for part in self.vectors))

    def forward(self, X):
        """Return the outputs of the module behind."""
        parts = [X.index_select(1, self.others)]
        for vectors, n, codes in zip(self.vectors, self.n_categories, X[:, self.places].T):
            known = (codes >= 0) & (codes < n) & (codes == codes.floor())
            parts.append(vectors[torch.where(known, codes, n).long()])
        return self.module(torch.cat(parts, dim=1))


def vector_size(n_categories):
    """Return how many numbers stand for a category: a rule of thumb of fastai's."""
    return min(100, round(1.6 * n_categories**0.56))


def count_categories(X, places):
    """Return the number of categories of each column; raise where one holds something else."""
    counts = []
    for place in places:
        codes = X[:, [place]]
        codes = codes.toarray() if hasattr(codes, "toarray") else codes
        codes = codes[codes >= 0]
        if (codes != np.floor(codes)).any():
            raise ValueError(
                f"categorical_features names column {place}, which must hold whole numbers from "
                "0 on: put an OrdinalEncoder before."
            )
        counts.append(int(codes.max(initial=-1)) + 1)
        if counts[-1] > _MOST_CATEGORIES:
            raise ValueError(
                f"categorical_features names column {place}, which must hold numbers below "
                f"{_MOST_CATEGORIES:,}, got {counts[-1] - 1}: put an OrdinalEncoder before."
            )
    return counts
