"""The rooms that the commands know: add one entry here and one module beside this file.

A room's module offers

- ``TITLE``, ``QUESTION`` and ``SNIPPET``: what the report says of the room,
- ``studies(quick)``: functions that build the studies of the tour, in order,
- ``warm_up()``: compile or load what no candidate should be charged for,
- ``suits(column)``: why the room suits a target that no one chose a room for, or None,
- ``study_of_table(table, options)``: the study of a user's own table, a
  `skweight._cli.evaluate.Study` or a dataclass made from it,
- ``fit(candidate, study, rows)``: a pipeline fitted on some rows,
- ``measure(fitted, candidate, study, test)``: a dict of scores and a dict of arrays to keep,
- ``figures(outcome)``: the plots of one study, as `skweight._cli.figures.Figure`,
- ``predictions(pipeline, frame)``: the columns that ``skweight predict`` writes, None for a
  pipeline that is of another room,
- ``to_save(outcome)``, if the one with the best first measure is not the one: the candidate that
  ``--save`` writes, and words for it.
"""

import importlib
from dataclasses import dataclass, field

from skweight._cli import NETWORKS


@dataclass(frozen=True)
class Room:
    """What the command line knows of a room before loading it.

    Parameters
    ----------
    module : str
        Where it is.
    options : dict
        Options of ``skweight compare`` that only this room has: name to the keywords of
        ``ArgumentParser.add_argument``. Without a default.
    packages : tuple of str
        Those that fits need and that the commands do not need anyway.
    extra : str
        Which extra brings them.
    """

    module: str
    options: dict = field(default_factory=dict)
    packages: tuple = ()
    extra: str = ""


# The first that suits a target takes it.
ROOMS = {
    "ordinal": Room(
        "skweight._cli.rooms.ordinal",
        {
            "order": {
                "metavar": "LOW,MID,HIGH",
                "help": "the target's labels from lowest to highest (numbers sort by themselves)",
            }
        },
    ),
    # Taken where one of its options is given.
    "privacy": Room(
        "skweight._cli.rooms.privacy",
        {
            "epsilon": {
                "metavar": "E,E,...",
                "help": "privacy parameters to compare, the first for --save (default: 1)",
            },
            "delta": {
                "metavar": "D",
                "help": "probability of failure, well below one over the number of rows "
                "(default: 0)",
            },
            "bounds": {
                "metavar": "LOW,HIGH",
                "help": "public bounds of all columns, which are numbers then, or COL=LOW:HIGH,... "
                "of those to use, and COL for text; without them nothing is private",
            },
            "classes": {
                "metavar": "A,B,...",
                "help": "the target's labels, which are public; without them nothing is private",
            },
        },
    ),
    "quantile": Room(
        "skweight._cli.rooms.quantile",
        {
            "quantiles": {
                "metavar": "Q,Q,...",
                "help": "the levels to predict (default: 0.05,0.25,0.5,0.75,0.95)",
            }
        },
    ),
    # Taken where its option is given.
    "fairness": Room(
        "skweight._cli.rooms.fairness",
        {
            "sensitive": {
                "metavar": "COL,COL,...",
                "help": "the protected attributes that predictions are not to depend on",
            },
            "exposure": {
                "metavar": "COL",
                "help": "how long each row was at risk, if the target is a number of events",
            },
        },
    ),
    # Taken where they are asked for.
    "distillation": Room("skweight._cli.rooms.distillation"),
    "imbalance": Room("skweight._cli.rooms.imbalance"),
    "neural": Room("skweight._cli.rooms.neural", packages=NETWORKS, extra="neural"),
    "optim": Room("skweight._cli.rooms.optim", packages=NETWORKS, extra="neural"),
    "representation": Room("skweight._cli.rooms.representation", packages=NETWORKS, extra="neural"),
    "transfer": Room("skweight._cli.rooms.transfer", packages=NETWORKS, extra="neural"),
    "reweighting": Room("skweight._cli.rooms.reweighting"),
}


def load_room(name):
    """Import the module of one room."""
    return importlib.import_module(ROOMS[name].module)
