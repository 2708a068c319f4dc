"""A text → its sentences, by rules for end marks and abbreviations. No model is asked."""

import re

# An end mark, what may close after it, and white space; the ideographic marks need no white space.
_END_MARK = re.compile(r"""[.!?…]+["'”’»)\]*_]*\s+|[。！？]+[」』”’）]*\s*""")
_NEVER_LAST = re.compile(
    r"(?<![\w.])(?:Dr|Mr|Mrs|Ms|Prof|St|Mt|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|e\.g|i\.e|vs|cf|ca|approx)\.$"
)
_BEFORE_A_NUMBER = re.compile(
    r"(?<!\w)(?:nos?|figs?|vol|pp?|chap|sec|eq|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$", re.IGNORECASE
)
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\(?\d{1,2}\.$")
_SELDOM_LAST = re.compile(r"(?<!\w)(?:[^\W\d_]|etc|al|Jr|Sr|Inc|Ltd|Co|Corp)\.$")  # "U.S.", "J. Smith", "etc."
_OPENER = re.compile(
    r"(?:The|This|That|These|Those|It|Its|He|His|She|Her|They|Their|We|Our|You|I|A|An|There|In|On|At|For|From|As|If|"
    r"When|While|After|Before|Since|However|But|And|So|Also|Both|Some|Many|Most|No|Yes)[\s,']"
)


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, stripped, none empty; their characters other than white space are those of the text.

    A sentence ends at . ! ? … with white space after it, or at 。！？, when a word stands on both sides. It does not
    end before a lower-case letter, so text without capitals stays whole; nor after a title, a list number or an
    abbreviation, save that an initial, "U.S." or "etc." ends it before a common opening word such as "The". No end
    mark: one sentence, line breaks included. Nothing but white space: none. SelfCheckGPT uses spaCy's parser.
    """
    sentences, start = [], 0
    for mark in _END_MARK.finditer(text):
        sentence = text[start : mark.end()].strip()
        if _ends_sentence(sentence, text[mark.end() :]):
            sentences.append(sentence)
            start = mark.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def _ends_sentence(sentence: str, following: str) -> bool:
    if not re.search(r"\w", sentence) or not re.search(r"\w", following) or following[0].islower():
        return False
    if _NEVER_LAST.search(sentence) or _LIST_NUMBER.search(sentence):
        return False
    if _BEFORE_A_NUMBER.search(sentence) and following[0].isdigit():
        return False
    return not _SELDOM_LAST.search(sentence) or bool(_OPENER.match(following))
