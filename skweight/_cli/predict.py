"""``skweight predict``: new rows through a saved pipeline."""

import warnings

from skweight._cli import CommandError, require
from skweight._cli.columns import columns_of, conform
from skweight._cli.reading import read_table
from skweight._cli.rooms import ROOMS, load_room
from skweight._cli.saving import check_writable, load_model, whole_file
from skweight._core._optional import import_optional


def predict(options):
    """Predict new rows and return the exit code.

    Parameters
    ----------
    options : argparse.Namespace
        With ``model``, ``data`` and ``output``.
    """
    require("predict", "pandas", *(["skops"] if options.model.endswith(".skops") else []))
    output = check_writable(options.output)
    model = load_model(options.model)
    table = read_table(options.data)
    needed = [str(name) for name in model.feature_names_in_]
    missing = [name for name in needed if name not in table.frame.columns]
    if missing:
        shown = ", ".join(repr(name) for name in missing[:8])
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise CommandError(f"{table.path} lacks columns that the model needs: {shown}{more}")
    frame, notes = conform(table.frame[needed], columns_of(model[0]))
    for note in [*table.notes, *notes]:
        print(f"note: {note}")
    result = _predictions(model, frame[needed], options.model)
    with whole_file(output) as temporary:
        result.to_csv(temporary, index=False)
    print(f"{len(result)} predictions: {output}")
    return 0


def _predictions(pipeline, frame, path):
    """Put what the pipeline's room predicts in a table."""
    pandas = import_optional("pandas", "Writing predictions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ROOMS:
            columns = load_room(name).predictions(pipeline, frame)
            if columns is not None:
                return pandas.DataFrame(columns)
    raise CommandError(f"{path} does not hold a pipeline saved by 'skweight compare --save'")
