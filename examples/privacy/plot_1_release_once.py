"""
Release once, ask for ever
==========================

A statistical office has the wages of 28,155 people. Many want to compare with them: how far is
somebody in my position from everybody else? How dense are wages around mine? Answering each such
question with noise of its own would use up any privacy budget after a few of them.
:class:`~skweight.privacy.PrivateDistanceSum` and :class:`~skweight.privacy.PrivateKernelDensity`
pay once, and answer all questions that will ever be asked.
"""

# %%
# What is public
# --------------
#
# Rows are private. What a value can be is public, and so must be everything else that noise is
# made for: years of education between 0 and 20, years of experience between 0 and 60, a weekly wage
# between 0 and 2,500 dollars. Higher ones count as 2,500. Public numbers bring all three to one
# scale, and ``n_hint`` is a guess of how many people there are.

import numpy as np

from skweight.datasets import load_cps_wages

survey = load_cps_wages(as_frame=True)
X = survey.data[["education", "experience"]].assign(wage=survey.target).to_numpy(dtype=float)
X = X / [20, 60, 2500]

# %%
# How good will it be?
# --------------------
#
# The noise does not depend on the rows, so its size can be looked at before any row is read, on a
# release of none.

from skweight.privacy import PrivateDistanceSum

plan = PrivateDistanceSum(epsilon=0.1, bounds=(0, 1), n_hint=30_000)
typical = np.array([[0.6, 0.3, 0.25]])
error = plan.fit(X[:0]).standard_error(typical)[0]
print(f"the sum over all people will be off by about {error:.0f}, the mean by {error / 30_000:.4f}")

# %%
# One release
# -----------
#
# An epsilon of 0.1 is a strict promise: what anybody believes about whether a given person took
# part can go from 50 % to 52.5 % at the most. The budget knows of it.

from skweight.privacy import PrivacyAccountant

accountant = PrivacyAccountant(epsilon=0.5)
model = plan.set_params(accountant=accountant).fit(X)

people = {
    "student": [14, 0, 150],
    "typical": [13, 18, 600],
    "professor": [18, 25, 1500],
    "retired late": [8, 55, 300],
}
queries = np.array(list(people.values())) / [20, 60, 2500]
exact = np.abs(X.clip(0, 1)[:, None] - queries).sum(axis=2).mean(axis=0)
for name, released, true in zip(people, model.distance_mean(queries), exact):
    print(f"{name:13} mean distance {released:.4f}, exactly {true:.4f}")

# %%
# Error against epsilon
# ---------------------
#
# A thousand questions, and ten releases for each epsilon. The line is what ``standard_error`` says
# beforehand. The paper's own method is beside it, counts in rings around each query: it needs more
# noise, and takes all rows in a ring to be equally far, which no epsilon cures. Dashed is what one
# would get by answering each question by itself, with a thousandth of epsilon.
#
# Errors are taken against the rows, so a picture like this one is not for publication if the rows
# are private.

import matplotlib.pyplot as plt
from sklearn.base import clone

from skweight.privacy import PrivacyErrorDisplay

queries = np.random.default_rng(0).uniform(size=(1000, 3))
epsilons = np.array([0.03, 0.1, 0.3, 1, 3])
inside = X.clip(0, 1)
table = clone(model).set_params(accountant=None)
fig, ax = plt.subplots(figsize=(9, 4))
PrivacyErrorDisplay.from_estimator(
    table, inside, queries, epsilons=epsilons, name="table (default)", ax=ax
)
PrivacyErrorDisplay.from_estimator(
    clone(table).set_params(method="rings"),
    inside,
    queries,
    epsilons=epsilons,
    n_releases=3,
    name="rings",
    ax=ax,
)
# Each answer moves by 3 at the most where a row comes or goes: Laplace noise of scale 3 / epsilon.
one_by_one = np.sqrt(2) * 3 * len(queries) / epsilons
mean = np.abs(inside[::100, None] - queries).sum(axis=2).mean() * len(X)
ax.plot(epsilons, one_by_one / mean, "--", color="0.4", label="one by one")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")

# %%
# A density
# ---------
#
# From the same budget, the density of wages on a logarithmic scale, with a Gaussian kernel as in
# scikit-learn, twice: for an epsilon of 0.01 and for one of 0.1. For one column
# :class:`~skweight.privacy.PrivateKernelDensity` releases noisy cells of a grid. Anybody can draw
# the curve and its band, at any number of points; the exact one is for the office alone.

from skweight.privacy import PrivateKernelDensity, ReleasedDensityDisplay

wages = np.log10(survey.target.to_numpy(dtype=float))[:, None]
density = PrivateKernelDensity(
    bandwidth=0.05, bounds=(1.5, 4), n_hint=30_000, accountant=accountant
)
fig, ax = plt.subplots(figsize=(7, 4))
for epsilon, rows in ((0.01, None), (0.1, wages)):
    released = clone(density).set_params(epsilon=epsilon).fit(wages)
    ReleasedDensityDisplay.from_estimator(released, rows, ax=ax)
ax.set(xlabel="weekly wage, logarithm of dollars")

# %%
# The budget
# ----------
#
# Three releases are paid for. What is left is for questions of another kind, say of another column.
# For those above, nobody has to pay again.

from skweight.privacy import BudgetDisplay

BudgetDisplay.from_accountant(accountant)
plt.show()
