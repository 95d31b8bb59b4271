"""The real data of the optim room's tour."""

from functools import partial

from skweight._cli.columns import of_loader
from skweight._cli.rooms import optim
from skweight._cli.splits import separate_samples

_MOST_TEST_ROWS = 1000


def studies(quick):
    """List functions that build the study; `quick` takes two splits and fewer rows."""
    return [partial(_digits, 2, 150) if quick else partial(_digits, 3, 300)]


def _digits(parts, n_train):
    from sklearn.datasets import load_digits

    data = load_digits(as_frame=True)
    frame, columns = of_loader(data.data)
    splits = separate_samples(len(data.target), parts, n_train, _MOST_TEST_ROWS)
    return optim.study_of(
        "classes",
        name="digits",
        title="Handwritten digits",
        story=f"Digits of 8 by 8 pixels. {parts} samples of {n_train} rows without a common one, "
        f"tested on {len(splits[0][1])} others.",
        frame=frame,
        columns=columns,
        target=data.target.to_numpy().astype(str),
        weights=None,
        splits=splits,
        overlap=0.0,
    )
