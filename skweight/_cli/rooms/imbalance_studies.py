"""The real data of the imbalance room's tour."""

from functools import partial

import numpy as np

from skweight._cli.columns import of_loader
from skweight._cli.rooms import imbalance
from skweight._cli.splits import separate_samples

_MOST_TEST_ROWS = 4000


def studies(quick):
    """List functions that build the study; `quick` takes two splits and fewer rows."""
    return [partial(_crashes, 2, 500) if quick else partial(_crashes, 4, 1000)]


def _crashes(parts, n_train):
    from skweight.datasets import load_nass_cds

    data = load_nass_cds(as_frame=True)
    frame, columns = of_loader(data.data)
    killed = np.asarray(data.target) == data.class_order[-1]
    splits = separate_samples(len(killed), parts, n_train, _MOST_TEST_ROWS)
    return imbalance.study_of(
        name="crashes",
        title="Car crashes, who is killed?",
        story="Front-seat occupants in car crashes in the United States, 1997 to 2002, "
        f"{killed.mean():.1%} of whom were killed. {parts} samples of {n_train} rows without a "
        f"common one, tested on {len(splits[0][1])} others; no weights.",
        frame=frame,
        columns=columns,
        target=np.where(killed, "killed", "survived"),
        weights=None,
        splits=splits,
        overlap=0.0,
    )
