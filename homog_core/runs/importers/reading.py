"""Runs ↔ files of other tools: a stored run as one file, and samples that were produced elsewhere as a run.

A file that comes in was written by somebody else: it is read line by line and checked to its end before anything is
stored, and every complaint names the file and the line. Knows nothing of models and computes no scores.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.records import Decoding, FinishReason, Question, Response, ResponseSet, strip_reasoning
from homog_core.sampling.prompts import build_prompt

MAX_LINE = 32 << 20  # bytes; parsed, a line takes about ten times as much


MAX_CHARACTERS = 100_000  # of an answer


MAX_ANSWERS = 500  # to a question; every two are compared


_MAX_LOGPROB = 1e-6  # what rounding leaves above 0; as much is allowed to an entropy below it


_MAX_NUMBER = 1e30  # fits the stored float32


# What a JSONL line says of each response: in lists over the samples, and of the greedy response.
RESPONSE_FIELDS = {
    "text": ("answers", "greedy_answer"),
    "finish_reason": ("finish_reasons", "greedy_finish_reason"),
    "entropy_kind": ("entropy_kinds", "greedy_entropy_kind"),
    "tokens": ("tokens", "greedy_tokens"),
    "token_logprobs": ("token_logprobs", "greedy_token_logprobs"),
    "token_entropies": ("token_entropies", "greedy_token_entropies"),
}


TEXT_FIELDS = ("question", "category", "answer_type", "prompt", "greedy_answer")


# In: the file


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What a file says of one question."""

    line: int
    question: Question
    prompt: str
    responses: tuple[Response, ...]
    greedy: Response

    def response_set(self, model: str, decoding: Decoding) -> ResponseSet:
        return ResponseSet(self.question.id, model, self.prompt, decoding, self.responses, self.greedy)


def decoded_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, none of them longer than a machine can take."""
    with path.open("rb") as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
            if len(raw) > MAX_LINE:
                raise InvalidInput(f"{path.name}, line {number}: the line is longer than {MAX_LINE:,} bytes.")
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InvalidInput(f"{path.name}, line {number}: this is not UTF-8 text; save it as UTF-8.") from error


def response_from(fields: dict[str, Any], where: str) -> Response:
    """One response from what is known of it. Raises `InvalidInput` where that does not fit together."""
    text, tokens = _text(fields["text"], where), fields.get("tokens")
    logprobs, entropies = fields.get("token_logprobs"), fields.get("token_entropies")
    if tokens is not None and logprobs is None and entropies is None:
        raise InvalidInput(
            f"{where}: there are tokens and no numbers; give token_logprobs, token_entropies or both, or no tokens."
        )
    kind = _entropy_kind(fields.get("entropy_kind"), entropies, logprobs, where)
    logprobs = _numbers(logprobs, -_MAX_NUMBER, _MAX_LOGPROB, f"{where}, token_logprobs")
    entropies = _numbers(entropies, -_MAX_LOGPROB, _MAX_NUMBER, f"{where}, token_entropies")
    if fields.get("token_logprobs") is None:
        logprobs = np.full_like(entropies, math.nan)
    if fields.get("token_entropies") is None:
        entropies = np.full_like(logprobs, math.nan)
    tokens = _tokens([""] * len(logprobs) if tokens is None else tokens, where)
    if not len(tokens) == len(logprobs) == len(entropies):
        raise InvalidInput(
            f"{where}: there are {len(tokens)} tokens, {len(logprobs)} token_logprobs and {len(entropies)} "
            "token_entropies; give as many of each."
        )
    has_reasoning = strip_reasoning(text) != text.strip()
    if tokens and has_reasoning and not "".join(tokens).lstrip().startswith("<think>"):
        raise InvalidInput(
            f"{where}: the numbers of its reasoning cannot be told from its own; give the tokens as pieces of the text."
        )
    reason = _reason(fields.get("finish_reason"), where)
    if reason == "stop" and tokens and (fields.get("tokens") is None or _ends_with_the_answer(tokens, text)):
        reason = "unknown"  # the token that ended it was not given, so none is left out
    return Response(text, tokens, entropies, logprobs, reason, kind)


def _ends_with_the_answer(tokens: Sequence[str], text: str) -> bool:
    """Whether the last token belongs to the answer: servers differ in whether they return the one that ended it."""
    last = tokens[-1]
    return bool(last.strip()) and last == last.rstrip() and "".join(tokens).strip() == text.strip()


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: this must be a text, not {kind_of(value)}.")
    if len(value) > MAX_CHARACTERS:
        raise InvalidInput(f"{where}: it has {len(value):,} characters and the limit is {MAX_CHARACTERS:,}; cut it.")
    check_characters(value, where)
    return value


def _tokens(values: Any, where: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{where}: its tokens must be a list of texts.")
    check_characters("".join(values), f"{where}, tokens")
    return tuple(values)


def _numbers(values: Any, low: float, high: float, where: str) -> np.ndarray:
    values = [] if values is None else values
    if not isinstance(values, list):
        raise InvalidInput(f"{where}: this must be a list of numbers, not {kind_of(values)}.")
    for position, value in enumerate(values, start=1):
        if type(value) not in (int, float):
            raise InvalidInput(f"{where}: number {position} is {kind_of(value)}; every token needs a number.")
        if not low <= value <= high:  # NaN is in no interval
            bound = "a log-probability is at most 0" if high < 1 else "an entropy is at least 0"
            raise InvalidInput(f"{where}: number {position} is {str(value)[:24]}; {bound}, and finite.")
    return np.array(values, dtype=np.float32)


def _reason(value: Any, where: str) -> FinishReason:
    value = "unknown" if value is None else value
    if value not in get_args(FinishReason):
        known = ", ".join(get_args(FinishReason))
        raise InvalidInput(f"{where}: its finish reason is not one of {known}; give one of them or leave it out.")
    return value


def _entropy_kind(value: Any, entropies: Any, logprobs: Any, where: str) -> str:
    """What is said of the entropies; "none" where there are log-probabilities alone."""
    has_none = entropies is None and logprobs is not None
    value = ("none" if has_none else "exact") if value is None else value
    if not isinstance(value, str) or not re.fullmatch(r"exact|none|top_k:[1-9]\d{0,8}", value):
        raise InvalidInput(
            f"{where}: its entropy kind is neither 'exact' nor 'top_k:<k>', as in 'top_k:20', nor 'none'."
        )
    if (value == "none" and entropies) or (value != "none" and has_none):
        raise InvalidInput(
            f"{where}: its entropy kind is {value!r} and token_entropies are {'' if entropies else 'not '}"
            "there; leave the kind out."
        )
    return value


def check_characters(text: str, where: str) -> None:
    if "\0" in text:
        raise InvalidInput(f"{where}: it holds a null character; take that out.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where}: it holds half of a surrogate pair; write the whole character.") from error


def prompt_for(question: Question) -> str:
    return build_prompt(question.text, "plain", None).text


def kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
