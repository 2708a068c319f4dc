"""What a file says of one question, as records: whether the numbers of an answer fit together is decided here.

Types and ranges are checked before (`fields`, `repairs`). Knows nothing of files and computes no scores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.leftovers import answer_start
from homog_core.records import Decoding, FinishReason, Question, Response, ResponseSet
from homog_core.sampling.prompts import build_prompt

MAX_ANSWERS = 500  # to a question; every two are compared


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What a file says of one question."""

    where: str  # the file and the line
    question: Question
    prompt: str
    responses: tuple[Response, ...]
    greedy: Response

    def response_set(self, model: str, decoding: Decoding) -> ResponseSet:
        """Its answers as they are stored."""
        return ResponseSet(self.question.id, model, self.prompt, decoding, self.responses, self.greedy)


def response_from(
    where: str,
    text: str,
    tokens: Sequence[str] | None = None,
    token_logprobs: np.ndarray | None = None,
    token_entropies: np.ndarray | None = None,
    finish_reason: FinishReason | None = None,
    entropy_kind: str | None = None,
) -> Response:
    """One response from what is known of it. Raises `InvalidInput` where that does not fit together.

    Numbers (T,) in nats; where one of the two kinds is not known it is stored as NaN.
    """
    if tokens is not None and token_logprobs is None and token_entropies is None:
        raise InvalidInput(
            f"{where}: there are tokens and no numbers; give token_logprobs, token_entropies or both, or no tokens."
        )
    kind = _entropy_kind(entropy_kind, token_entropies, token_logprobs, where)
    logprobs, entropies = _known(token_logprobs, token_entropies), _known(token_entropies, token_logprobs)
    pieces = ("",) * len(logprobs) if tokens is None else tuple(tokens)
    if not len(pieces) == len(logprobs) == len(entropies):
        raise InvalidInput(
            f"{where}: there are {len(pieces)} tokens, {len(logprobs)} token_logprobs and {len(entropies)} "
            "token_entropies; give as many of each."
        )
    if pieces and answer_start(text.lstrip()) and not answer_start("".join(pieces).lstrip()):
        raise InvalidInput(
            f"{where}: the numbers of its reasoning cannot be told from its own; give the tokens as pieces of the text."
        )
    reason = finish_reason or "unknown"
    if reason == "stop" and pieces and (tokens is None or _ends_with_the_answer(pieces, text)):
        reason = "unknown"  # the token that ended it was not given, so none is left out
    return Response(text, pieces, entropies, logprobs, reason, kind)


def no_greedy() -> Response:
    """The greedy response of a question whose file has none: an error, so that its scores are undefined."""
    return response_from("", "", finish_reason="error")


def prompt_for(question: Question) -> str:
    """The prompt of a question whose file does not give one."""
    return build_prompt(question.text, "plain", None).text


def _known(numbers: np.ndarray | None, others: np.ndarray | None) -> np.ndarray:
    """The numbers, or as many NaN as there are others."""
    if numbers is not None:
        return numbers
    return np.full(0 if others is None else len(others), math.nan, dtype=np.float32)


def _entropy_kind(kind: str | None, entropies: np.ndarray | None, logprobs: np.ndarray | None, where: str) -> str:
    """What is said of the entropies; "none" where there are log-probabilities alone."""
    has_none = entropies is None and logprobs is not None
    kind = kind or ("none" if has_none else "exact")
    has_some = entropies is not None and len(entropies) > 0
    if (kind == "none" and has_some) or (kind != "none" and has_none):
        raise InvalidInput(
            f"{where}: its entropy kind is {kind!r} and token_entropies are {'' if has_some else 'not '}"
            "there; leave the kind out."
        )
    return kind


def _ends_with_the_answer(tokens: Sequence[str], text: str) -> bool:
    """Whether the last token belongs to the answer: servers differ in whether they return the one that ended it."""
    last = tokens[-1]
    return bool(last.strip()) and last == last.rstrip() and "".join(tokens).strip() == text.strip()
