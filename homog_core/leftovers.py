"""What a decoder or a template leaves in a text beside the answer: reasoning, special tokens, marks of word pieces.

One place decides where the answer of a text begins and what of it counts (docs/methods.md §1). A run may add marks of
its own, or have its texts count as they are (`Leftovers`).
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from homog_core.errors import InvalidInput

_THINK = "(?:seed:|mm:|longcat_|ant)?think(?:ing)?|思考"
_NAMES = (
    "thoughts?|reason(?:ing(?:_content)?)?|reflection|scratchpad|analysis|rationale|cot|chain_of_thought|"
    "(?:inner_|internal_)?monologue|(?:inner|internal)_thoughts?|(?:thought|thinking)_process"
)
_LT, _GT = r"(?:<|&lt;|&#60;|\\u003c|\\<|＜)\s?", r"\s*(?:>|&gt;|&#62;|\\u003e|\\>|＞)"  # escaped by an export, too
_ATTRIBUTES = r"""(?:\s+[\w-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*"""


def _tag(names: str) -> tuple[str, str]:
    """The patterns of an opening and a closing tag with one of these names."""
    return rf"{_LT}(?P<name>(?i:{names})){_ATTRIBUTES}{_GT}", rf"{_LT}/(?P<name>(?i:{names})){_GT}"


# Opening and closing mark of a block of reasoning; the closing one has the name of the opening one. Where a template
# has written the opening mark, the closing one alone tells:
_TOLD = (
    _tag(_THINK),
    (r"\[(?P<name>(?i:think|thinking)|REASONING)\]", r"\[/(?P<name>(?i:think|thinking)|REASONING)\]"),
    ("【(?P<name>思考)】", "【/(?P<name>思考)】"),
    ("◁(?P<name>think)▷", "◁/(?P<name>think)▷"),
    (rf"<\|(?P<name>(?i:{_THINK}))\|>", rf"<\|/(?P<name>(?i:{_THINK}))\|>"),
    (r"<\|begin_of_(?P<name>thought|thinking)\|>", r"<\|end_of_(?P<name>thought|thinking)\|>"),
    (
        r"<\|(?P<name>think|thinking|thought|reasoning)_start\|>",
        r"<\|(?P<name>think|thinking|thought|reasoning)_end\|>",
    ),
    (r"<\|START_(?P<name>THINKING)\|>", r"<\|END_(?P<name>THINKING)\|>"),
    (r"<\|(?P<name>inner)_prefix\|>", r"<\|(?P<name>inner)_suffix\|>"),
    (r"<\|channel>(?P<name>thought)", r"<channel\|>"),
    ("<unused94>(?P<name>thought)", "<unused95>"),
)
_BLOCKS = (
    *_TOLD,
    # An answer may name these, and every message of harmony ends with the first of the last ones:
    _tag(_NAMES),
    (rf"<\|(?P<name>(?i:{_NAMES}))\|>", rf"<\|/(?P<name>(?i:{_NAMES}))\|>"),
    (r"```(?P<name>think|thinking|reasoning)[ \t]*\n", r"\s```(?!\w)"),
    (
        r"<\|channel\|>(?P<name>analysis|commentary)[^<]{0,200}(?:<\|constrain\|>\w+)?<\|message\|>",
        r"(?:<\|end\|>|<\|call\|>|(?=(?:<\|start\|>assistant)?<\|channel\|>final))",
    ),
)
_HEADING = r"(?:#{1,4} ?|\*\*)(?i:%s):?(?:\*\*)?:?(?:[ \t]*\n|(?<=:)\s|(?<=:\*\*)\s)"
_PAIRS = (  # words that an answer may begin with, unless what closes them is there too
    (r"\[(?i:reasoning)\]", r"\[/(?i:reasoning)\]"),
    (
        _HEADING % "thinking(?: process)?|thoughts?(?: process)?|reasoning|chain of thought",
        rf"\n[ \t]*{_HEADING % '(?:final )?(?:answer|response)'}",
    ),
    (r"Here(?:['’]s| is) my thought process:", r"Here(?:['’]s| is) my response:"),
    (r'<details type="reasoning"[^<>]{0,200}>', "</details>"),
    (r"<details>\s*<summary>(?i:thinking|thought|reasoning)[^<>]{0,80}</summary>", "</details>"),
    (r"Thinking\.\.\.\s", r"\.\.\.done thinking\."),
    ("analysis", "assistantfinal"),  # harmony, decoded without its special tokens
)
_TOLD_BY_ITS_END = r"\[BEGIN FINAL RESPONSE\]|\[/(?i:reasoning)\]|\.\.\.done thinking\."
_CLOSING_BEGINS = "<＜&\\[【◁."  # what all of these begin with
_MOST_MARKS = 20  # that a run may add of a kind
_LONGEST_MARK = 200  # characters
_TEXTS = 2048  # remembered: an answer is asked for many times, and answers repeat
_MOST_INSIDE = 100  # blocks inside of a block that are followed
_HARMONY = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>")  # special tokens, all four or none


def _any(patterns: Collection[str]) -> str:
    """One pattern for any of some, in which no part has a name."""
    return "|".join(pattern.replace("?P<name>", "?:") for pattern in patterns)


def _unquoted(pattern: str) -> str:
    """The pattern of a mark that no quotation marks stand around: text that names a mark does not end reasoning."""
    return rf"(?!(?<=[`'\"]){pattern.replace('?P<name>', '?:')}[`'\"]){pattern}"


_UNSEEN = r"(?:[\ufeff\u200b\u2060]+|(?i:assistant|model|ai):?\s+)"  # what may stand before reasoning
_SPECIAL = (
    r"(?:<\|[\w ]+\|>|<｜[\w▁ ]+｜>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn)>|\[/?INST\]|"
    r"</?(?:answer|final_answer|solution|response|output)>|\[(?:BEGIN|END) FINAL RESPONSE\])"
)
_ROLES = {  # what a template writes after a special token; a harmony channel may be cut inside its name
    "<|start|>": r"(?:assistant(?=<\|)|\w*\Z)",
    "<|im_start|>": r"assistant\s",
    "<|start_header_id|>": r"assistant(?=<\|)",
    "<|channel|>": r"(?:final\s*(?=<\|(?:message|constrain)\|>)|\w*\Z)",
    "<|constrain|>": r"\w+(?=<\|message\|>)",  # the format of an answer
    "<start_of_turn>": r"model\s",
}
_ROLE = "|".join(f"(?<={re.escape(token)}){role}" for token, role in _ROLES.items())
_TRAILING = re.compile(rf"(?:\s|▁|{_SPECIAL})*\Z")
_PIECES = re.compile(r"▁|(?:^|(?<=\s))Ġ(?=[A-Z])|Ċ|<0x0A>|</w>|@@ (?=\w)")
_PIECE_TEXT = {"▁": " ", "Ċ": "\n", "<0x0A>": "\n", "</w>": " "}  # what a mark stands for; the others for nothing


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is left out of the texts of a run; without anything said it is what we know of (`USUAL`)."""

    reasoning: tuple[tuple[str, str], ...] = ()  # opening and closing marks of blocks, beside those that we know
    prefixes: tuple[str, ...] = ()  # texts that stand before answers, as they are written
    are_kept: bool = False  # texts count as they are: nothing is left out

    def __post_init__(self) -> None:
        marks = [*(mark for pair in self.reasoning for mark in pair), *self.prefixes]
        if self.are_kept and marks:
            raise InvalidInput("Texts that count as they are have no marks to leave out; give one or the other.")
        if len(self.reasoning) > _MOST_MARKS or len(self.prefixes) > _MOST_MARKS:
            raise InvalidInput(f"There are more than {_MOST_MARKS} marks of reasoning or prefixes; give fewer.")
        for mark in marks:
            if not 0 < len(mark) <= _LONGEST_MARK or mark != mark.strip():
                raise InvalidInput(
                    f"{mark[:40]!r} is no mark that can be left out; give 1 to {_LONGEST_MARK} characters without "
                    "white space around them."
                )
        for opening, closing in self.reasoning:
            if opening in closing or closing in opening:
                raise InvalidInput(
                    f"{opening!r} and {closing!r} cannot be told apart, for one is part of the other; give an opening "
                    "and a closing mark of reasoning."
                )


USUAL = Leftovers()


class _Marks(NamedTuple):
    """What is looked for in texts."""

    blocks: tuple[tuple[re.Pattern, re.Pattern], ...]  # opening and closing
    pairs: tuple[tuple[re.Pattern, re.Pattern], ...]  # that count where both are there
    opening: re.Pattern
    closing: re.Pattern  # of reasoning that the text does not open
    closing_begins: re.Pattern  # the first character of what may be one: that is found faster
    leading: re.Pattern  # what may stand before an answer, but for blocks
    prefixes: re.Pattern | None


@cache
def _marks(rule: Leftovers) -> _Marks:
    own = [(f"(?P<name>){re.escape(opening)}", re.escape(closing)) for opening, closing in rule.reasoning]
    opening = _any([opening for opening, _ in (*_BLOCKS, *own)])
    closing = _any([*(_unquoted(closing) for _, closing in (*_TOLD, *own)), _TOLD_BY_ITS_END])
    prefixes = "|".join(map(re.escape, sorted(rule.prefixes, key=len, reverse=True)))
    leading = rf"\s|{f'{prefixes}|' if prefixes else ''}(?!{opening}){_SPECIAL}|{_ROLE}|{_UNSEEN}(?={opening})"
    return _Marks(
        tuple((re.compile(begin), re.compile(_unquoted(end))) for begin, end in (*_BLOCKS, *own)),
        tuple((re.compile(begin), re.compile(end)) for begin, end in _PAIRS),
        re.compile(opening),
        re.compile(closing),
        re.compile(f"[{re.escape(_CLOSING_BEGINS + ''.join(end[0] for _, end in rule.reasoning))}]"),
        re.compile(f"(?:{leading})*"),
        re.compile(prefixes) if prefixes else None,
    )


@lru_cache(maxsize=_TEXTS)
def answer_text(text: str, rule: Leftovers = USUAL) -> str:
    """The answer in a generated text: without reasoning, special tokens and marks of word pieces, in Unicode's NFC.

    A block of reasoning that never closes leaves nothing. White space around it is left out. `rule` is that of the run.
    """
    if rule.are_kept:
        return unicodedata.normalize("NFC", text.strip())
    return unicodedata.normalize("NFC", _without_marks(_stripped(text, answer_start(text, rule))).strip())


class Removed(NamedTuple):
    """What `answer_text` takes from a text."""

    reasoning: bool
    special_tokens: bool
    piece_marks: bool  # of word pieces, as ▁ and Ġ
    prefixes: bool = False  # that the rule of the run names


def removed(text: str, rule: Leftovers = USUAL) -> Removed:
    """Which kinds of leftovers a generated text has."""
    if rule.are_kept:
        return Removed(reasoning=False, special_tokens=False, piece_marks=False)
    marks = _marks(rule)
    spans, start = _reasoning(text, marks)
    answer = _stripped(text, start)
    ends = [0, *(end for _, end in spans)]
    template = "".join(
        text[end:begin] for end, begin in zip(ends, [*(begin for begin, _ in spans), start], strict=True)
    )
    has_special = re.search(_SPECIAL, template) or re.search(_SPECIAL, text[start + len(answer) :])
    has_prefix = marks.prefixes is not None and bool(marks.prefixes.search(template))
    return Removed(bool(spans), bool(has_special), _without_marks(answer) != answer, has_prefix)


def answer_start(text: str, rule: Leftovers = USUAL) -> int:
    """Where the answer of a generated text begins: after leading special tokens, prefixes and blocks of reasoning.

    The end of the text where a block never closes. Of reasoning whose opening tag a template has written, and so is not
    part of the text, the closing tag alone tells.
    """
    if rule.are_kept:
        return 0
    return _reasoning(text, _marks(rule))[1]


def opened_block(prompt: str, rule: Leftovers = USUAL) -> str:
    """The opening tag that a prompt ends with, and the white space after it; "" where it ends otherwise.

    What is generated then begins inside a block of reasoning.
    """
    found = re.search(rf"(?:{_marks(rule).opening.pattern})\s*\Z", prompt)
    return found[0] if found else ""


def reasoning_marks(special: Collection[str], rule: Leftovers = USUAL) -> set[str]:
    """Those of a tokenizer's special tokens that tell reasoning from the answer."""
    harmony = {*_HARMONY, "<|constrain|>"} if {"<|channel|>", "<|message|>"} <= set(special) else set()
    marks = _marks(rule)
    tags = {token for token in special if marks.opening.fullmatch(token) or marks.closing.fullmatch(token)}
    return tags | set(special) & (harmony | {"<|channel>", "<unused94>"})


def _reasoning(text: str, marks: _Marks) -> tuple[list[tuple[int, int]], int]:
    """Where the blocks of reasoning before an answer begin and end, and where the answer begins."""
    spans, start = [], marks.leading.match(text).end()
    end = _block_at(text, start, marks)
    if end is None:
        end = _last_closing(text, start, marks) or None
    while end is not None:
        spans.append((start, end))
        start = marks.leading.match(text, end).end()
        end = _block_at(text, start, marks)
    return spans, start


def _block_at(text: str, start: int, marks: _Marks) -> int | None:
    """Where the block ends that begins at `start`; None where none does."""
    if marks.opening.match(text, start):
        return _block_end(text, start, marks)
    for opening, closing in marks.pairs:
        if (begun := opening.match(text, start)) and (closed := closing.search(text, begun.end())):
            return closed.end()
    return None


def _block_end(text: str, start: int, marks: _Marks) -> int:
    """Where the block ends that opens at `start`: after its closing tag, that of the block and not of one inside it.

    Where its tags do not come in pairs, after the first closing one; the end of the text where there is none.
    """
    opening, closing = next(tags for tags in marks.blocks if tags[0].match(text, start))
    name = opening.match(text, start)["name"].lower()
    begins, ends = _of_name(opening, name, text, start), _of_name(closing, name, text, start)
    first, depth, begin = None, 0, next(begins, None)
    for end in islice(ends, _MOST_INSIDE):
        first = first or end
        while begin is not None and begin < end:
            depth, begin = depth + 1, next(begins, None)
        depth -= 1
        if depth <= 0:
            return end
    return first or len(text)


def _of_name(tag: re.Pattern, name: str, text: str, start: int) -> Iterator[int]:
    """Where the tags of a name end; a closing tag without a name is of every one."""
    return (m.end() for m in tag.finditer(text, start) if (m.groupdict().get("name") or name).lower() == name)


def _last_closing(text: str, start: int, marks: _Marks) -> int:
    """The end of the last closing mark if no opening mark stands before the first one; 0 otherwise.

    One inside a block of code is not counted.
    """
    found = list(_closings(text, start, marks))
    if not found:
        return 0
    fences = [fence.start() for fence in re.finditer("```", text)]
    found = [one for one in found if not (bisect(fences, one.start()) % 2 and fences[-1] > one.start())]
    if not found or marks.opening.search(text, start, found[0].start()):
        return 0
    return found[-1].end()


def _closings(text: str, start: int, marks: _Marks) -> Iterator[re.Match]:
    """The closing marks from `start` on, one after the other."""
    for begin in marks.closing_begins.finditer(text, start):
        if begin.start() >= start and (found := marks.closing.match(text, begin.start())):
            yield found
            start = found.end()


def _stripped(text: str, start: int) -> str:
    """A text from where its answer begins, without what stands at its end."""
    return _TRAILING.sub("", text[start:], count=1)


def _without_marks(answer: str) -> str:
    """An answer whose pieces of words are put together."""
    if answer.count("Ġ") > 1:  # the letter of a Maltese word stands alone
        answer = re.sub(r" ?Ġ", " ", answer)
    return _PIECES.sub(lambda mark: _PIECE_TEXT.get(mark[0], ""), answer)
