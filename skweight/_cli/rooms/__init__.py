"""The rooms that the commands know: add one line here and one module beside this file.

A room's module offers

- ``TITLE``, ``QUESTION`` and ``SNIPPET``: what the report says of the room,
- ``MEASURES``: a list of `skweight._cli.evaluate.Measure`, the most important first,
- ``studies(quick)``: functions that build the studies of the tour, in order,
- ``study_of_table(table, options)``: the study of a user's own table,
- ``measure(fitted, candidate, study, test)``: a dict of scores and a dict of arrays to keep,
- ``figures(outcome)``: the plots of one study, as `skweight._cli.figures.Figure`.
"""

import importlib

ROOMS = {
    "ordinal": "skweight._cli.rooms.ordinal",
}


def load_room(name):
    """Import the module of one room."""
    return importlib.import_module(ROOMS[name])
