"""Text that may come from outside, made safe to show. It knows nothing of Streamlit."""

import re

_JOINER = "\u2060"  # takes no room, and parts what would be read as one sign
# What is looked for in texts after their escapes have gone, and where each is parted: bare addresses, the names of
# Streamlit's icons, and the arrows and signs that it sets as one character where they stand alone.
_SIGNS = re.compile(
    r"(?i)https?(?=:)|www(?=\.)|(?<=\w)(?=@[\w-]+\.\w)"
    r"|:(?=material/|streamlit:)"
    r"|(?<!\S)(?:<(?=->?(?!\S)|=(?!\S))|-(?=[>-](?!\S))|[>~](?==(?!\S)))"
)
_PARTED = re.compile(rf"(?i){_JOINER}(?=\\[:.>=-]|@|=|material/|streamlit\\:)")

_CLOSES = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")


def plain(text: str) -> str:
    """`text` for a Markdown context, so that it shows as it is. Ids and messages may come from outside.

    Escapes alone are not enough: links are made of bare addresses, arrows of two signs, and icons of their names, where
    every sign of them is escaped. What turns the direction of writing ends with the text.
    """
    text = _SIGNS.sub(lambda found: found[0] + _JOINER, _contained(" ".join(text.split())))
    return re.sub(r"([\\`*_{}\[\]()#+.!<>|~$:&-])", r"\\\1", text)


def written(markdown: str) -> str:
    """The words of a Markdown text that `plain` has escaped, as they show."""
    return re.sub(r"\\(.)|\*\*", lambda found: found[1] or "", _PARTED.sub("", markdown))


def _contained(text: str) -> str:
    """`text` with an end for every sign that turns the direction of what follows, and no end of any other's."""
    if not any(sign in text for sign in (*_CLOSES, *_CLOSES.values())):
        return text
    found, due = [], []
    for sign in text:
        if sign in _CLOSES:
            due.append(_CLOSES[sign])
        elif sign in _CLOSES.values():
            if due[-1:] != [sign]:
                continue
            due.pop()
        found.append(sign)
    return "".join([*found, *reversed(due)])
