"""What the engine knows of one question and of one row of its batch, outside the device.

A row turns token ids into text, decides when its answer ends, and is where the answer is put together. It computes
nothing with a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.leftovers import USUAL, Leftovers, reasoning_marks
from homog_core.records import GREEDY, Decoding, ModelSpec, PromptStyle, Question, ResponseSet
from homog_core.sampling.draws import LEVELS, uniforms
from homog_core.sampling.prompts import Prompt
from homog_core.sampling.steps import Answer, Token


def context_length(config: Any) -> int | None:
    """How many tokens a model of this configuration can read; None where it does not say."""
    own = config.get_text_config()
    stated = [getattr(own, name, None) for name in ("max_position_embeddings", "max_seq_len")]  # the latter: MPT
    return min(filter(None, stated), default=None)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A question with its prompt as token ids."""

    question: Question
    prompt: Prompt
    ids: list[int]
    leftovers: Leftovers = USUAL  # what is left out of its answers

    @classmethod
    def of(cls, sampler: Any, question: Question, decoding: Decoding, style: PromptStyle) -> "Encoded":
        """Build the prompt. Raises `InvalidInput` where it does not fit the model's context with the token limit."""
        prompt = sampler.prompt(question.text, style)
        ids = sampler.tokenizer(prompt.text, add_special_tokens=prompt.add_special_tokens)["input_ids"]
        context = context_length(sampler.model.config)
        if context and len(ids) + decoding.max_new_tokens > context:
            raise InvalidInput(
                f"The prompt of question {question.id!r} has {len(ids)} tokens and the token limit is "
                f"{decoding.max_new_tokens}; together they exceed the {context} tokens that {sampler.spec.key} can "
                f"read. Set the token limit to {max(context - len(ids), 0)} or less."
            )
        return cls(question, prompt, ids, sampler.spec.leftovers)


@dataclass(slots=True, eq=False)
class Row:
    """One row of the batch: a response in the making."""

    encoded: Encoded
    uniforms: np.ndarray  # (T, LEVELS)
    stop: tuple[str, ...]
    detokenizer: "_Detokenizer"
    said: list[Token]
    answer: Answer  # up to the last token of `said`

    @classmethod
    def of(cls, encoded: Encoded, decoding: Decoding, tokenizer: Any, hidden: frozenset[int]) -> list["Row"]:
        """The rows of a question: its N samples, then the greedy response. `hidden`: see `hidden_ids`."""
        stop = decoding.stop or encoded.prompt.stop
        drawn = uniforms(decoding.seed, encoded.question.id, decoding.n_samples, decoding.max_new_tokens)
        unused = np.zeros((decoding.max_new_tokens, LEVELS))  # the greedy response draws nothing
        rows = []
        for index, numbers in [*enumerate(drawn), (GREEDY, unused)]:
            said: list[Token] = []
            answer = Answer(encoded.question.id, index, said, leftovers=encoded.leftovers)
            rows.append(cls(encoded, numbers, stop, _Detokenizer(tokenizer, hidden), said, answer))
        return rows

    def push(self, token: int, entropy: float, logprob: float, *, ends: bool, last: bool) -> Answer:
        """Take one token; `ends` if it is the model's own end, `last` if the token limit is reached."""
        piece = self.detokenizer.push(token, flush=ends or last)
        opened = self.encoded.prompt.opened
        if not self.said:  # what the template has opened and the model may close belongs to the text
            piece = opened + piece
        self.said.append(Token(piece, entropy, logprob, token))
        text = self.answer.text + piece
        cut = first_stop(text, self.stop, len(opened))
        reason = "stop" if ends or cut is not None else "length" if last else None
        self.answer = replace(self.answer, n_tokens=len(self.said), text=text[:cut], finish_reason=reason)
        return self.answer


def first_stop(text: str, stops: Sequence[str], start: int = 0) -> int | None:
    """Where the first of some stop strings stands in a text from `start` on; None where there is none."""
    return min((at for stop in stops if (at := text.find(stop, start)) >= 0), default=None)


def response_set(rows: Sequence[Any], spec: ModelSpec, decoding: Decoding) -> ResponseSet:
    """The record of a question whose rows, the greedy one last, have all ended."""
    *samples, greedy = rows
    encoded = greedy.encoded
    return ResponseSet(
        question_id=encoded.question.id,
        model_key=spec.key,
        prompt=encoded.prompt.text,
        decoding=replace(decoding, stop=decoding.stop or encoded.prompt.stop),
        responses=tuple(row.answer.response() for row in samples),
        greedy=greedy.answer.response(),
    )


def hidden_ids(tokenizer: Any, ends: frozenset[int], rule: Leftovers = USUAL) -> frozenset[int]:
    """Ids that are left out of a text where some special tokens tell reasoning from the answer; otherwise none.

    Without such tokens the tokenizer leaves out all special ones by itself. The tokens that end an answer never show.
    """
    special = {token.content: key for key, token in tokenizer.added_tokens_decoder.items() if token.special}
    kept = {special[mark] for mark in reasoning_marks(special, rule)} - ends
    return frozenset(special.values()) - kept if kept else frozenset()


class _Detokenizer:
    """Token ids → pieces of text, one at a time; a character that is not complete yet waits for its next token."""

    def __init__(self, tokenizer: Any, hidden: frozenset[int] = frozenset()) -> None:
        self._tokenizer, self._hidden = tokenizer, hidden
        self._ids: list[int] = []
        self._start = 0  # where decoding begins: far enough back for spaces to come out right
        self._shown = 0  # how many ids have been turned into text

    def push(self, token: int, *, flush: bool) -> str:
        """The text that `token` adds; with `flush` an incomplete character is not held back."""
        self._ids.append(token)
        before = self._decode(self._ids[self._start : self._shown])
        after = self._decode(self._ids[self._start :])
        if after.endswith("\ufffd") and not flush:
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return after[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        shown = [key for key in ids if key not in self._hidden]
        skip = not self._hidden
        return self._tokenizer.decode(shown, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
