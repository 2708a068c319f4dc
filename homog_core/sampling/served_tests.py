"""What is tried out with a server before it is sampled, by questions of our own and never by the answers that count.

In what form it takes requests, whether its log-probabilities are those before temperature, whether it draws several
answers to one request, and whether it draws at all.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from homog_core.errors import HomogError
from homog_core.sampling.prompts import Prompt
from homog_core.sampling.served_line import Form, Line, Order, Refused, first_choices
from homog_core.sampling.served_tokens import logprob, said

Basis = Literal["before", "after", "unknown", "none"]
_QUESTION = "Tell a story about a number."
_HOT, _COLD = 2.0, 0.5  # temperatures
_TOKENS = 16
_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """How a server is to be asked, and what its numbers are."""

    form: Form
    logprobs: Basis
    is_tested: bool  # whether `logprobs` was tried out
    draws_several: bool  # whether `n` gives n answers that were drawn one by one


async def find_terms(line: Line, *, is_chat: bool) -> Terms:
    """Try a server out. Whether it honours `n` is asked for chats: other prompts have a stop string of their own.

    Raises `HomogError` where it gives the same answer whatever the seed, and what a request raises.
    """
    server = line.server
    prompt = Prompt(_QUESTION if is_chat else f"Q: {_QUESTION}\nA:", stop=(), add_special_tokens=False)
    order = Order(prompt, is_chat, 1.0, 1.0, limit=1, seed=1)
    wanted = Form(server.top_logprobs, is_whole=True)
    if server.logprobs == "test" and server.top_logprobs:
        basis, form = await _basis(line, order, wanted)
    else:
        choices, form = await first_choices(line, order, wanted)
        basis = server.logprobs if _first_token(choices, form.top) else "none"
    if basis == "none":
        form = replace(form, top=0)
    draws_several = server.check and await _draws(line, replace(order, limit=_TOKENS), form, several=is_chat)
    return Terms(form, basis, server.logprobs == "test", draws_several)


async def _basis(line: Line, order: Order, form: Form) -> tuple[Basis, Form]:
    warm, form = await first_choices(line, order, form)
    cold = await line.choices(replace(order, temperature=_COLD), form)
    return basis_of(_first_token(warm, form.top), _first_token(cold, form.top)), form


def basis_of(warm: dict[str, float], cold: dict[str, float]) -> Basis:
    """What log-probabilities are of, by those of one token at temperatures 1 and 0.5, each by the token's text.

    After temperature, differences between them are twice as large at 0.5; before it they are the same.
    """
    both = sorted(set(warm) & set(cold))
    if not warm or not cold:
        return "none"
    x, y = (np.array([one[token] for token in both]) for one in (warm, cold))
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    if len(both) < 2 or (spread := float(x @ x)) < 0.01:  # as good as equal
        return "unknown"
    slope = float(x @ y) / spread
    return "before" if abs(slope - 1) < 0.2 else "after" if abs(slope - 2) < 0.4 else "unknown"


def _first_token(choices: Sequence[dict[str, Any]], top: int) -> dict[str, float]:
    """The log-probabilities that stand with the first token of the first choice, by text."""
    logprobs = choices[0].get("logprobs") if choices and top else None
    if not isinstance(logprobs, dict):
        return {}
    content, tops = logprobs.get("content"), logprobs.get("top_logprobs")
    first = content[0] if isinstance(content, list) and content else None
    listed = first.get("top_logprobs") if isinstance(first, dict) else None
    if isinstance(listed, list):
        pairs = [(one.get("token"), one.get("logprob")) for one in listed if isinstance(one, dict)]
    else:
        pairs = list(tops[0].items()) if isinstance(tops, list) and tops and isinstance(tops[0], dict) else []
    known = {key: logprob(value) for key, value in pairs if isinstance(key, str)}
    return {key: value for key, value in known.items() if not math.isnan(value)}


async def _draws(line: Line, order: Order, form: Form, *, several: bool) -> bool:
    """Whether `n` answers of one request are drawn one by one.

    Raises `HomogError` where requests of their own, with seeds of their own, give the same answer too.
    """
    form = replace(form, top=0)
    try:
        if several and _differ(await line.choices(replace(order, temperature=_HOT, n=_DRAWS), form)):
            return True
        hot = replace(order, temperature=_HOT)
        each = await asyncio.gather(*(line.choices(replace(hot, seed=seed), form) for seed in range(_DRAWS)))
    except Refused:  # no `n`, or no such temperature: nothing is known, and requests are made one by one
        return False
    first = [choices[0] for choices in each if choices]
    if len(first) == _DRAWS and any(_text(choice) for choice in first) and not _differ(first):
        raise HomogError(
            f"The server at {line.server.host} gives the same answer {_DRAWS} times to a request for a story at "
            f"temperature {_HOT:g} with {_DRAWS} seeds, so that it ignores temperature or seed, or answers from a "
            "cache: nothing that it says is a sample. Correct its settings; `check = false` in its entry in "
            "models.toml leaves this test out."
        )
    return False


def _differ(choices: Sequence[dict[str, Any]]) -> bool:
    """Whether there are as many answers as were asked for, and not all are alike."""
    return len(choices) == _DRAWS and len({_text(choice) for choice in choices}) > 1


def _text(choice: dict[str, Any]) -> str:
    message = choice.get("message")
    return said({"delta": message} if isinstance(message, dict) else choice, 0).text
