"""Text that may come from outside, made safe to show. It knows nothing of Streamlit."""

import re

_JOINER = "\u2060"  # takes no room, and keeps what stands before it from being read as an address
_ADDRESS = re.compile(r"(?i)https?(?=:)|www(?=\.)|(?<=\w)(?=@[\w-]+\.\w)")
_JOINED = re.compile(rf"(?i){_JOINER}(?=\\[:.]|@)")


def plain(text: str) -> str:
    """`text` for a Markdown context, so that it shows as it is. Ids and messages may come from outside.

    Markdown makes links of bare addresses even where every sign of them is escaped.
    """
    text = _ADDRESS.sub(lambda found: found[0] + _JOINER, text)
    return re.sub(r"([\\`*_{}\[\]()#+.!<>|~$:&-])", r"\\\1", " ".join(text.split()))


def written(markdown: str) -> str:
    """The words of a Markdown text that `plain` has escaped, as they show."""
    return re.sub(r"\\(.)|\*\*", lambda found: found[1] or "", _JOINED.sub("", markdown))
