"""
The same sketches, with nothing private: a fast density
=======================================================

A kernel density estimate looks at all rows for every query. The sums that a private release is made
of answer in a time that does not depend on the number of rows, and that is of use without any
privacy. :class:`~skweight.privacy.SketchKernelDensity` adds no noise, protects nobody, and says of
each answer how wrong it may be.
"""

# %%
# Rows
# ----
#
# 53,940 diamonds: six measurements each, brought to one scale. 500 of them ask for their density.

import numpy as np
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_diamonds

diamonds = load_diamonds(as_frame=True).data.select_dtypes("number").to_numpy(dtype=float)
X = StandardScaler().fit_transform(np.random.default_rng(0).permutation(diamonds))
queries, X = X[:500], X[500:]

# %%
# How long does an answer take?
# -----------------------------
#
# With ``rtol=0.05`` answers are meant to be within 5 % with 95 % confidence each: several
# independent sketches tell how far they are off, and where that is too much, which it is where few
# rows are near, the rows themselves are asked. ``rtol=None`` trusts the sketch alone, keeps no row,
# and takes the same time for any number of them.

from time import perf_counter

from sklearn.neighbors import KernelDensity

from skweight.privacy import SketchKernelDensity

models = {
    "KernelDensity": KernelDensity(),
    "KernelDensity, rtol=0.05": KernelDensity(rtol=0.05),
    "sketch, rtol=0.05": SketchKernelDensity(rtol=0.05, random_state=0),
    "sketch, rtol=0.2": SketchKernelDensity(rtol=0.2, random_state=0),
    "sketch alone": SketchKernelDensity(rtol=None, random_state=0),
}
SketchKernelDensity(random_state=0).fit(X[:2000]).score_samples(queries[:9])  # compile first
numbers = [3_000, 10_000, 30_000, len(X)]
fits, seconds = {}, {}
for name, model in models.items():
    for n in numbers:
        start = perf_counter()
        model.fit(X[:n])
        middle = perf_counter()
        log_density = model.score_samples(queries)
        fits[name, n] = middle - start
        seconds[name, n] = perf_counter() - middle
    models[name] = log_density  # of the whole

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 4))
for k, name in enumerate(models):
    times = [1e6 * seconds[name, n] / len(queries) for n in numbers]
    ax.plot(numbers, times, "o-", ms=4, color=f"C{k}", label=name)
ax.set(xscale="log", yscale="log", xlabel="rows", ylabel="microseconds for each query")
ax.set_xticks(numbers[:3], [f"{n:,}" for n in numbers[:3]])
ax.minorticks_off()
ax.legend(fontsize="small")

# %%
# How wrong is it?
# ----------------
#
# Relative errors, sorted. Where diamonds are many the sketch alone is right to a few per cent; for
# the odd ones it knows no more than that there is hardly anything. A relative error needs the rows
# there, and that is what ``rtol`` is for.

exact = models["KernelDensity"]
fig, ax = plt.subplots(figsize=(7, 3.6))
share = 100 * (np.arange(len(queries)) + 0.5) / len(queries)
for k, (name, log_density) in enumerate(models.items()):
    if name.startswith("sketch"):
        errors = np.sort(np.abs(np.expm1(log_density - exact)))
        ax.plot(share, np.maximum(errors, 1e-4), color=f"C{k}", label=name)
ax.set(yscale="log", ylim=(1e-4, 2), xlabel="percent of queries", ylabel="relative error")
ax.legend(fontsize="small")
plt.show()

# %%
# The sketch has to be made first, which takes as long as many exact answers:

n = len(X)
each = (seconds["KernelDensity", n] - seconds["sketch, rtol=0.05", n]) / len(queries)
print(f"it pays from about {fits['sketch, rtol=0.05', n] / each:.0f} queries on")

# %%
# With a narrow bandwidth, or in many dimensions, densities are small nearly everywhere. Then most
# queries go to the rows, and there is nothing to gain.
