"""What can go wrong, as sentences for the person at the screen.

Every message names the value that was wrong and what to do next. The command line and `dashboard.page` are the two
places that catch; everything between lets these pass.
"""


class HomogError(Exception):
    """Something failed while the work was being done."""


class InvalidInput(HomogError):
    """A value, a file or an option that cannot be used."""


class NotFound(InvalidInput):
    """A name that is not known: a model, dataset, run or question."""


class ModelUnavailable(HomogError):
    """Weights that are not on this machine and cannot be fetched now."""


class OutOfMemory(HomogError):
    """Even the smallest batch does not fit."""


class CorruptRun(HomogError):
    """A stored run that does not read back as what was written."""
