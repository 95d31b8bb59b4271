"""
Four offices, one release
=========================

Rows often lie in several places: partitions of a table, branches, countries. Each place can count
its own rows with ``partial_fit``; ``merge`` adds the counts up; ``release`` adds noise, once. This
example does so in worker processes, checks that the order does not matter to the bit, and looks at
what is gained over four releases.
"""

# %%
# The rows
# --------
#
# 28,155 people of a survey: years of education, years of experience, weekly wage in dollars, and
# one of four regions, which plays the place where a row is kept. What values can be is public: the
# form says so, or an older survey. Public numbers also bring the columns to one scale.

import numpy as np

from skweight.datasets import load_cps_wages

survey = load_cps_wages(as_frame=True)
X = survey.data[["education", "experience"]].assign(wage=survey.target).to_numpy(dtype=float)
X = X / [20, 60, 2500]
places = survey.data["region"].to_numpy(dtype=str)
regions = {str(name): X[places == name] for name in np.unique(places)}
{name: len(rows) for name, rows in regions.items()}

# %%
# Count where the rows are
# ------------------------
#
# An estimator that was not released holds exact sums, so it is as private as the rows, and a
# :class:`~skweight.privacy.PrivacyLeakWarning` says so when it is pickled, as it must be on its way
# back from a worker. Here that is meant. No noise is drawn in a worker: a task that is run twice
# would draw it twice, and the mean of two draws is less noise than was paid for.

import warnings

from joblib import Parallel, delayed
from sklearn.base import clone

from skweight.privacy import PrivacyLeakWarning, PrivateDistanceSum

model = PrivateDistanceSum(epsilon=0.1, bounds=(0, 1), n_hint=30_000)


def count(name, rows):
    """Add up the rows of one place; ``block_id`` lets nobody count it twice."""
    warnings.simplefilter("ignore", PrivacyLeakWarning)
    return clone(model).partial_fit(rows, block_id=name)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", PrivacyLeakWarning)
    parts = Parallel(n_jobs=2)(delayed(count)(name, rows) for name, rows in regions.items())

# %%
# Merge and release
# -----------------
#
# The owner merges, and gives the release a budget to draw on. Nothing was spent before, and nothing
# could be asked.

from functools import reduce

from skweight.privacy import PrivacyAccountant

accountant = PrivacyAccountant(epsilon=1.0)
total = reduce(lambda one, other: one.merge(other), parts)
total.set_params(accountant=accountant)
total.release()
print(f"spent {accountant.spent[0]}, left {accountant.remaining[0]}")

# %%
# A part that comes a second time, say from a task that was run again, is refused:

again = [clone(model).partial_fit(regions["south"], block_id="south") for _ in range(2)]
try:
    again[0].merge(again[1])
except ValueError as error:
    print(error)

# %%
# The same bits
# -------------
#
# All that is added up are integers, each from its own row alone. So neither the order of merging
# nor how rows are cut changes a bit. To show it, noise has to be the same as well, which takes a
# seed. A seed is for tests: who knows it subtracts the noise.

from itertools import permutations

with warnings.catch_warnings():
    warnings.simplefilter("ignore", PrivacyLeakWarning)
    seeded = clone(model).set_params(random_state=0)
    whole = clone(seeded).fit(X)
    orders = list(permutations(regions))
    for order in orders:
        one, *others = [clone(seeded).partial_fit(regions[name]) for name in order]
        for other in others:
            one.merge(other)
        one.release()
        assert all((one.release_[name] == whole.release_[name]).all() for name in whole.release_)
print(f"{len(orders)} orders of merging and one fit to all rows: equal, bit for bit")
print("valid:", whole.privacy_spent_.valid, "-", *whole.privacy_spent_.reasons)

# %%
# What it gains
# -------------
#
# Four releases of four regions cost no more ``epsilon`` than one, since no row is in two of them.
# But each has noise of its own, as large as that of all rows together. Below, the error of the mean
# distance of everybody to somebody of 13 years of education and 18 of experience, by wage, at a
# strict ``epsilon`` of 0.02, ten times each. The grey area is twice the standard error, which is
# known before any row is read.

import matplotlib.pyplot as plt

wages = np.linspace(0, 2500, 101)
queries = np.column_stack([np.full(101, 13), np.full(101, 18), wages]) / [20, 60, 2500]
exact = np.abs(X.clip(0, 1)[:, None] - queries).sum(axis=(0, 2))
strict = clone(model).set_params(epsilon=0.02)
noise = clone(strict).fit(X[:0]).standard_error(queries)  # no row: it depends on none

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
cuts = {"four releases, added up": list(regions.values()), "one release": [X]}
for ax, (title, cut) in zip(axes, cuts.items()):
    band = 2 * np.sqrt(len(cut)) * noise / len(X)
    ax.fill_between(wages, -band, band, color="0.85", lw=0)
    for _ in range(10):
        released = sum(clone(strict).fit(rows).distance_sum(queries) for rows in cut)
        ax.plot(wages, (released - exact) / len(X), color="C0", lw=0.9)
    ax.set(title=title, xlabel="weekly wage, dollars")
axes[0].set(ylabel="error of the mean distance")
plt.show()
