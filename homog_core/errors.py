"""What can go wrong, as sentences for the person at the screen.

Every message names the value that was wrong and what to do next. The command line and `dashboard.page` are the two
places that catch; everything between lets these pass.
"""

_LONGEST = 1200  # characters of a message; what comes from a file or a server may be of any length


class HomogError(Exception):
    """Something failed while the work was being done. Of a message that is too long the middle is left out."""

    def __init__(self, message: str) -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST * 2 // 3]} … {message[-_LONGEST // 3 :]}"
        super().__init__(message)


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
