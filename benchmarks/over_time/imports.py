"""Import times in fresh processes, as asv measures them."""


def timeraw_import_skweight():
    return "import skweight"


def timeraw_import_ordinal():
    return "from skweight.ordinal import PrestoClassifier"
