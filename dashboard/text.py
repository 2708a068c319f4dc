"""Text that may come from outside, made safe to show. It knows nothing of Streamlit."""

import re


def plain(text: str) -> str:
    """`text` for a Markdown context, so that it shows as it is. Ids and messages may come from outside."""
    return re.sub(r"([\\`*_{}\[\]()#+.!<>|~$:&-])", r"\\\1", " ".join(text.split()))


def written(markdown: str) -> str:
    """The words of a Markdown text that `plain` has escaped, as they show."""
    return re.sub(r"\\(.)|\*\*", lambda found: found[1] or "", markdown)
