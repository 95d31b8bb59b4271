"""
Nine times in ten, but for whom? Conformal sets
===============================================

A prediction of a single class says nothing about its own reliability. A *conformal set*, such as
"incapacity or killed", holds the true class with a probability you choose, whatever the model
behind it. For ordered outcomes the set should be an interval of neighbouring classes, and it
should never be empty. This example predicts such sets for injuries in car crashes, and shows the
trap of a rare class: *marginal* coverage of 90 % can be had while the class that matters is
often missed.
"""

# %%
# The data: occupants of cars in crashes, five degrees of injury, 4.3 % killed. Two thousand rows to
# learn from, of which half will calibrate, and the rest to check what was promised. Splitting at
# random, without regard to the classes, is what the exact guarantee needs.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import ShuffleSplit, train_test_split

from skweight.datasets import load_nass_cds
from skweight.ordinal import OrdinalConformalClassifier, PrestoClassifier

crashes = load_nass_cds()
names = crashes.target_names
X, X_test, y, y_test = train_test_split(
    crashes.data, crashes.target, train_size=2000, random_state=0
)
model = PrestoClassifier(alpha=0.003)
split = list(ShuffleSplit(1, test_size=0.5, random_state=0).split(X))

marginal = OrdinalConformalClassifier(model, confidence_level=0.9, cv=split).fit(X, y)
by_class = OrdinalConformalClassifier(model, confidence_level=0.9, cv=split, conditional=True)
by_class.fit(X, y)

# %%
# ``predict_set`` marks the classes of each set, ``predict_interval`` gives its two ends:

for low, high in marginal.predict_interval(X_test[:5]):
    print(names[low] if low == high else f"{names[low]} to {names[high]}")

# %%
# Is the promise kept, and for whom?
# ----------------------------------


def coverage(conformal):
    """Return the coverage over all test rows and of each class, and the size of every set."""
    sets = conformal.predict_set(X_test)
    covered = sets[np.arange(len(y_test)), y_test]
    return covered.mean(), [covered[y_test == k].mean() for k in range(5)], sets.sum(axis=1)


fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=[1.5, 1])
labels = {"marginal": marginal, "per class": by_class}
for i, (label, conformal) in enumerate(labels.items()):
    overall, each, sizes = coverage(conformal)
    print(f"{label:10} coverage {overall:.3f}, classes in a set: {sizes.mean():.2f} of 5")
    left.bar(np.arange(5) + 0.38 * i, each, width=0.36, label=f"{label} (overall {overall:.2f})")
    share = np.bincount(sizes, minlength=6)[1:] / len(sizes)
    right.bar(np.arange(1, 6) + 0.38 * i, share, width=0.36, label=label)
left.axhline(0.9, color="0.3", lw=1, ls="--")
left.set_xticks(np.arange(5) + 0.19, [name.replace(" ", "\n") for name in names])
left.set(
    ylabel="share of sets that hold the truth", ylim=(0, 1.25), title="Coverage, by true class"
)
left.legend(loc="upper center", ncols=2)
right.set(xlabel="classes in the set", ylabel="share of rows", title="Size of the sets")
right.set_xticks(np.arange(1, 6) + 0.19, range(1, 6))

# %%
# Both keep the promise over all rows. But the marginal sets keep it by means of the common
# classes: of those who were killed, about a third were not in the set. ``conditional=True``
# calibrates a threshold for each class on the calibration rows of that class, and its sets hold
# each class about as often as promised. On average they are hardly larger; they spend their
# classes differently, few where the case is clear, all five where death cannot be excluded.
#
# With only some forty deaths to calibrate on, the coverage of that class is itself uncertain by a
# few per cent.
#
# Which occupants get a set that includes death?
# ----------------------------------------------
#
# The estimated change of speed in the crash is the strongest predictor in these data.

speeds = ["1-9 km/h", "10-24", "25-39", "40-54", "55+"]
speed = X_test[:, :4] @ np.arange(1, 5)
fig, ax = plt.subplots(figsize=(7, 3.4))
for i, (label, conformal) in enumerate(labels.items()):
    includes = conformal.predict_set(X_test)[:, -1]
    ax.bar(
        np.arange(5) + 0.28 * i,
        [includes[speed == s].mean() for s in range(5)],
        width=0.26,
        label=f"set includes “killed”, {label}",
    )
killed = [(y_test[speed == s] == 4).mean() for s in range(5)]
ax.bar(np.arange(5) + 0.56, killed, width=0.26, color="0.35", label="share that was killed")
ax.set_xticks(np.arange(5) + 0.28, speeds)
ax.set(xlabel="estimated impact speed", ylabel="share of rows", ylim=(0, 1.3))
ax.legend(ncols=2, loc="upper center", fontsize="small")
plt.show()
