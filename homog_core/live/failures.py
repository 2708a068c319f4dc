"""What a visitor is told of an error that nobody has foreseen. The log has all of it."""

import re

from homog_core.device import is_out_of_memory


def why_failed(error: BaseException) -> str:
    """What a visitor is told whose job has ended in one."""
    if is_out_of_memory(error):
        return (
            "The device ran out of memory; lower the number of samples or the token limit, choose a smaller model, or "
            "end what else uses the memory."
        )
    return f"Sampling failed: {named(error)}"


def named(error: BaseException) -> str:
    """The kind of an error and what it says, without folders of this machine."""
    return f"{type(error).__name__}: {_without_paths(str(error))}"


def _without_paths(text: str) -> str:
    """What an unexpected error says, without folders of this machine: a visitor of another one reads it."""
    text = re.sub(r"(['\"])(?:[A-Za-z]:)?[/\\][^'\"\n]*[/\\]([^'\"\n]*)\1", r"\1\2\1", text)  # in quotes, spaces too
    return re.sub(r"(?<!\w)(?:[A-Za-z]:)?(?:[/\\][^/\\\s'\":,;()]+)+[/\\]", "", text)
