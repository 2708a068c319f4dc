"""TODO homog_core.sampling.rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Decoding, FinishReason, ModelSpec, PromptStyle, Question, Response, ResponseSet
from homog_core.sampling.draws import LEVELS, uniforms
from homog_core.sampling.prompts import Prompt
from homog_core.sampling.steps import NewToken


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A question with its prompt as token ids."""

    question: Question
    prompt: Prompt
    ids: list[int]

    @classmethod
    def of(cls, sampler: Any, question: Question, decoding: Decoding, style: PromptStyle) -> "Encoded":
        """Build the prompt and check that it fits into the context together with the token limit."""
        prompt = sampler.prompt(question.text, style)
        ids = sampler.tokenizer(prompt.text, add_special_tokens=prompt.add_special_tokens)["input_ids"]
        context = getattr(sampler.model.config, "max_position_embeddings", None)
        if context and len(ids) + decoding.max_new_tokens > context:
            raise InvalidInput(
                f"The prompt of question {question.id!r} has {len(ids)} tokens and the token limit is "
                f"{decoding.max_new_tokens}; together they exceed the {context} tokens that {sampler.spec.key} can "
                f"read. Set the token limit to {max(context - len(ids), 0)} or less."
            )
        return cls(question, prompt, ids)


@dataclass(slots=True, eq=False)
class Row:
    """One response in the making."""

    encoded: Encoded
    sample_index: int
    uniforms: np.ndarray  # (T, LEVELS)
    stop: tuple[str, ...]
    detokenizer: "_Detokenizer"
    tokens: list[str] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""
    finish_reason: FinishReason | None = None

    @classmethod
    def of(cls, encoded: Encoded, decoding: Decoding, tokenizer: Any) -> list["Row"]:
        """The rows of a question: its N samples, then the greedy response."""
        stop = encoded.prompt.stop + decoding.stop
        drawn = uniforms(decoding.seed, encoded.question.id, decoding.n_samples, decoding.max_new_tokens)
        unused = np.zeros((decoding.max_new_tokens, LEVELS))  # the greedy response draws nothing
        return [
            cls(encoded, index, numbers, stop, _Detokenizer(tokenizer))
            for index, numbers in [*enumerate(drawn), (GREEDY, unused)]
        ]

    def push(self, token: int, entropy: float, logprob: float, *, ends: bool, last: bool) -> NewToken:
        """Take one token; `ends` if it is the model's own end, `last` if the token limit is reached."""
        piece = self.detokenizer.push(token, flush=ends or last)
        self.tokens.append(piece)
        self.entropies.append(entropy)
        self.logprobs.append(logprob)
        self.text += piece
        cut = min((at for s in self.stop if (at := self.text.find(s)) >= 0), default=-1)
        if cut >= 0:
            self.text = self.text[:cut]
        if ends or cut >= 0:
            self.finish_reason = "stop"
        elif last:
            self.finish_reason = "length"
        question_id, reason = self.encoded.question.id, self.finish_reason
        return NewToken(question_id, self.sample_index, piece, self.text, entropy, logprob, reason)

    def response(self) -> Response:
        """The finished response."""
        return Response(
            self.text,
            tuple(self.tokens),
            np.array(self.entropies, dtype=np.float32),
            np.array(self.logprobs, dtype=np.float32),
            self.finish_reason,
        )


def response_set(rows: Sequence[Row], spec: ModelSpec, decoding: Decoding) -> ResponseSet:
    *samples, greedy = rows
    encoded = greedy.encoded
    return ResponseSet(
        question_id=encoded.question.id,
        model_key=spec.key,
        prompt=encoded.prompt.text,
        decoding=replace(decoding, stop=encoded.prompt.stop + decoding.stop),
        responses=tuple(row.response() for row in samples),
        greedy=greedy.response(),
    )


class _Detokenizer:
    """Token ids → pieces of text, one at a time; a character that is not complete yet waits for its next token."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
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
        return self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
