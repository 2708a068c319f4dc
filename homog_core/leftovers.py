"""What a decoder or a template leaves in a text beside the answer: reasoning, special tokens, marks of word pieces.

One place decides where the answer of a text begins and what of it counts (docs/methods.md §1).
"""

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

_BLOCKS = {  # opening tag → closing tag of a block of reasoning
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<seed:think>": "</seed:think>",
    "<|channel>thought": "<channel|>",
    "<|channel|>analysis<|message|>": "<|end|>",
    "<|channel|>commentary<|message|>": "<|end|>",
}
_OPENING = re.compile("|".join(map(re.escape, _BLOCKS)))
_AT_END = re.compile(rf"(?:{_OPENING.pattern})\s*\Z")
_HARMONY = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>")  # special tokens, all four or none
_CLOSING = re.compile("|".join(re.escape(tag) for tag in _BLOCKS.values() if tag != "<|end|>"))
_BLOCK = re.compile(
    "|".join(rf"{re.escape(opening)}.*?(?:{re.escape(closing)}|\Z)" for opening, closing in _BLOCKS.items()), re.DOTALL
)
_SPECIAL = r"(?:<\|[\w ]+\|>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn)>|\[/?INST\])"
_ROLES = {  # what a template writes after a special token; a harmony channel may be cut inside its name
    "<|start|>": r"(?:assistant(?=<\|)|\w*\Z)",
    "<|im_start|>": r"assistant\s",
    "<|channel|>": r"(?:final(?=<\|message\|>)|\w*\Z)",
    "<start_of_turn>": r"model\s",
}
_ROLE = "|".join(f"(?<={re.escape(token)}){role}" for token, role in _ROLES.items())
_LEADING = re.compile(rf"(?:\s|(?!{_OPENING.pattern}){_SPECIAL}|{_ROLE})*")
_TRAILING = re.compile(rf"(?:\s|▁|{_SPECIAL})*\Z")
_PIECES = re.compile(r"▁|(?:^|(?<=\s))Ġ(?=[A-Z])|Ċ")


def answer_text(text: str) -> str:
    """The answer in a generated text: without reasoning, special tokens and marks of word pieces, in Unicode's NFC.

    A block of reasoning that never closes leaves nothing. White space around it is left out.
    """
    answer = _TRAILING.sub("", text[answer_start(text) :], count=1)
    if answer.count("Ġ") > 1:  # the letter of a Maltese word stands alone
        answer = re.sub(r" ?Ġ", " ", answer)
    if "▁" in answer or "Ġ" in answer or "Ċ" in answer:
        answer = _PIECES.sub(lambda mark: "\n" if mark[0] == "Ċ" else " " if mark[0] == "▁" else "", answer)
    return unicodedata.normalize("NFC", answer.strip())


class Removed(NamedTuple):
    """What `answer_text` takes from a text."""

    reasoning: bool
    special_tokens: bool
    piece_marks: bool  # of word pieces, as ▁ and Ġ


def removed(text: str) -> Removed:
    """Which kinds of leftovers a generated text has."""
    start = answer_start(text)
    answer = _TRAILING.sub("", text[start:], count=1)
    before, after = text[:start], text[start + len(answer) :]
    template = _BLOCK.sub("", before)
    has_special = re.search(_SPECIAL, template) or re.search(_SPECIAL, after)
    shown = answer_text(text)
    marks = sum(answer.count(mark) - unicodedata.normalize("NFC", shown).count(mark) for mark in "▁ĠĊ")
    return Removed(template != before or bool(_CLOSING.search(before)), bool(has_special), marks > 0)


def answer_start(text: str) -> int:
    """Where the answer of a generated text begins: after leading special tokens and blocks of reasoning.

    The end of the text where a block never closes. Of reasoning whose opening tag a template has written, and so is not
    part of the text, the closing tag alone tells.
    """
    start = _LEADING.match(text).end()
    if not _OPENING.match(text, start) and (closing := _last_closing(text, start)):
        start = _LEADING.match(text, closing).end()
    while opening := _OPENING.match(text, start):
        closing = text.find(_BLOCKS[opening[0]], opening.end())
        if closing < 0:
            return len(text)
        start = _LEADING.match(text, closing + len(_BLOCKS[opening[0]])).end()
    return start


def opened_block(prompt: str) -> str:
    """The opening tag that a prompt ends with, and the white space after it; "" where it ends otherwise.

    What is generated then begins inside a block of reasoning.
    """
    found = _AT_END.search(prompt)
    return found[0] if found else ""


def reasoning_marks(special: Collection[str]) -> set[str]:
    """Those of a tokenizer's special tokens that tell reasoning from the answer."""
    tags = {part for tag in _BLOCKS.items() for part in tag} | {"<|channel>"}
    harmony = set(_HARMONY) if {"<|channel|>", "<|message|>"} <= set(special) else set()
    return set(special) & (tags - set(_HARMONY) | harmony)


def _last_closing(text: str, start: int) -> int:
    """The end of the last closing tag if no opening tag stands before the first one; 0 otherwise."""
    found = list(_CLOSING.finditer(text, start))
    if not found or _OPENING.search(text, start, found[0].start()):
        return 0
    return found[-1].end()
