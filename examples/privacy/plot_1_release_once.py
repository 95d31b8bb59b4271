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
# A thousand questions. Answered one by one, each would get a thousandth of epsilon; the dotted line
# is what that leaves. The release answers all of them, and ten thousand more, from the same table.

