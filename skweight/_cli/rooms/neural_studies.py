"""The real data of the neural room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import of_loader
from skweight._cli.rooms import neural
from skweight._cli.splits import separate_samples

_MOST_TEST_ROWS = 4000


def studies(quick):
    """List functions that build the study; `quick` takes two splits and fewer rows."""
    return [partial(_diamonds, 2, 300) if quick else partial(_diamonds, 4, 600)]


def _diamonds(parts, n_train):
    from skweight.datasets import load_diamonds

    data = load_diamonds(as_frame=True)
    frame, columns = of_loader(data.data)
    splits = separate_samples(len(data.target), parts, n_train, _MOST_TEST_ROWS)
    return neural.study_of(
        "numbers",
        name="diamonds",
        title="Prices of diamonds",
        story="Logarithms of the prices of diamonds, by weight, cut, colour, clarity and size. "
        f"{parts} samples of {n_train} rows without a common one, tested on {len(splits[0][1])} "
        "others.",
        frame=frame,
        columns=columns,
        target=np.log(data.target.to_numpy()),
        weights=None,
        splits=splits,
        overlap=0.0,
    )
