"""``skweight predict``: new rows through a saved pipeline."""

import warnings

import numpy as np

from skweight._cli import CommandError, require
from skweight._cli.columns import columns_of, conform
from skweight._cli.reading import read_table
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
    result = _predictions(model, frame[needed])
    with whole_file(output) as temporary:
        result.to_csv(temporary, index=False)
    print(f"{len(result)} predictions: {output}")
    return 0


def _predictions(model, frame):
    """Put the label, the class probabilities and the exceedances in a table."""
    pandas = import_optional("pandas", "Writing predictions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = {"prediction": model.predict(frame)}
        order = getattr(model[-1], "class_order_", model.classes_)
        if hasattr(model, "predict_proba"):
            probabilities = model.predict_proba(frame)
            for label in order:
                place = int(np.flatnonzero(model.classes_ == label)[0])
                columns[f"p_{label}"] = probabilities[:, place]
        if hasattr(model[-1], "predict_exceedance"):
            exceedance = model[-1].predict_exceedance(model[:-1].transform(frame))
            for label, column in zip(order[:-1], exceedance.T):
                columns[f"p_above_{label}"] = column
    return pandas.DataFrame(columns)
