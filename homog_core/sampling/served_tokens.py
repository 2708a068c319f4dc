"""What one piece of a server's stream says: text, and the numbers of its tokens. Nothing in it is taken on trust.

Servers list the k likeliest tokens. The entropy of the whole distribution is then known as a lower bound.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from homog_core.records import FinishReason

_ENDS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "error",
    "tool_calls": "error",
    "error": "error",
}


_MOST_MASS = 1.01  # a sum of probabilities, with rounding


class Numbers(NamedTuple):
    """What a server says of one token."""

    token: str
    logprob: float  # nats; NaN where it is not said
    entropy: float  # nats, a lower bound; NaN where nothing is listed
    mass: float  # probability of all tokens that are listed; NaN where nothing is listed
    k: int  # how many are listed


class Said(NamedTuple):
    """What one piece of a stream adds to one answer."""

    reasoning: str
    content: str
    numbers: tuple[Numbers, ...]  # of its tokens; () where none are given
    finish_reason: FinishReason | None  # None: it goes on

    @property
    def text(self) -> str:
        """Reasoning and content."""
        return self.reasoning + self.content


def entropy_bound(logprobs: Sequence[float], *, is_complete: bool) -> float:
    """A lower bound on the entropy (nats) of a distribution by the log-probabilities (k,) of k of its tokens.

    −Σ p ln p − (1 − m) ln q, with m = Σ p, and q = 1 − m, or the least of the p if that is smaller and the list
    `is_complete`: then no other token is likelier than the last one listed. It is exact where m = 1, and never below
    H@k − ln m, the entropy of the k tokens scaled to 1, less ln m.
    """
    p = np.exp(np.asarray(logprobs, dtype=np.float64))
    known = float(-(p[p > 0] * np.log(p[p > 0])).sum())
    rest = 1 - float(p.sum())
    if rest <= 1e-9:  # rounding
        return known
    return known - rest * math.log(min(rest, float(p.min())) if is_complete and p.min() > 0 else rest)


def said(choice: Any, asked: int) -> Said:
    """What one choice of a chunk says; `asked` is how many likely tokens the server was asked for."""
    choice = choice if isinstance(choice, dict) else {}
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {"content": choice.get("text")}
    reasoning, content = _text(delta.get("reasoning_content") or delta.get("reasoning")), _text(delta.get("content"))
    reason = choice.get("finish_reason")
    end = _ENDS.get(reason, "unknown") if isinstance(reason, str) and reason else None
    return Said(reasoning, content, tuple(numbers_of(choice.get("logprobs"), asked)), end)


def numbers_of(logprobs: Any, asked: int) -> list[Numbers]:
    """The numbers of every token of a piece: from chat's `content`, or from the lists of the old completions."""
    if not isinstance(logprobs, dict) or not asked:
        return []
    content = logprobs.get("content")
    if isinstance(content, list):
        rows = [one for one in content if isinstance(one, dict)]
        return [_numbers(one.get("token"), one.get("logprob"), _listed(one), asked) for one in rows]
    tokens, chosen, tops = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list) or not isinstance(chosen, list) or len(chosen) != len(tokens):
        return []
    tops = tops if isinstance(tops, list) and len(tops) == len(tokens) else [None] * len(tokens)
    # by text, so that one of two tokens of the same text is missing: such a list is never complete
    lists = [list(top.values()) if isinstance(top, dict) else [] for top in tops]
    return [_numbers(*row, len(row[2]) + 1) for row in zip(tokens, chosen, lists, strict=True)]


def _listed(entry: dict[str, Any]) -> list[Any]:
    tops = entry.get("top_logprobs")
    return [one.get("logprob") for one in tops if isinstance(one, dict)] if isinstance(tops, list) else []


def _numbers(token: Any, value: Any, listed: Sequence[Any], asked: int) -> Numbers:
    """The numbers of one token. A list that is shorter than `asked` lacks nobody knows which tokens."""
    chosen = logprob(value)
    known = sorted((found for one in listed if not math.isnan(found := logprob(one))), reverse=True)[:asked]
    is_complete = len(known) == asked
    if math.isnan(chosen) or (mass := sum(map(math.exp, known := known or [chosen]))) > _MOST_MASS:
        return Numbers(_text(token), math.nan, math.nan, math.nan, 0)
    return Numbers(_text(token), chosen, entropy_bound(known, is_complete=is_complete), min(mass, 1.0), len(known))


def logprob(value: Any) -> float:
    """A log-probability; NaN for what cannot be one. −9999 and the like stand for a probability of 0 or for unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1000 < value <= 1e-3:
        return math.nan
    return min(float(value), 0.0)


def _text(value: Any) -> str:
    """A text that can be stored."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
