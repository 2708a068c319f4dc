"""One answer of a served model while it arrives, as the engine's own rows are. It talks to no server."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from homog_core.records import GREEDY, Decoding, FinishReason
from homog_core.sampling.rows import Encoded, first_stop
from homog_core.sampling.served_tokens import Numbers, Said
from homog_core.sampling.steps import Answer, Token

_OPEN, _CLOSE = "<think>", "</think>"  # around what a server sends apart, as reasoning
_UNKNOWN = Numbers("", math.nan, math.nan, math.nan, 0)


@dataclass(slots=True, eq=False)
class ServedRow:
    """One answer in the making."""

    encoded: Encoded  # without token ids: the server makes them
    index: int  # GREEDY for the answer at temperature 0
    seed: int
    limit: int  # tokens
    stop: tuple[str, ...]
    asked: int  # how many likely tokens the server lists; 0: none, or none of the model's own distribution
    answer: Answer = field(init=False)
    said: list[Token] = field(init=False)
    masses: list[float] = field(init=False)  # what the lists of the tokens so far cover
    _k: int = field(init=False)  # the fewest tokens that a list had; 0: some list is missing
    _is_reasoning: bool = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    @property
    def is_over(self) -> bool:
        """Whether the answer has ended."""
        return self.answer.finish_reason is not None

    def begin(self) -> None:
        """Begin anew, with nothing said."""
        self.said, self.masses, self._k, self._is_reasoning = [], [], self.asked, False
        self.answer = Answer(
            self.encoded.question.id,
            self.index,
            self.said,
            entropy_kind=self._kind,
            leftovers=self.encoded.leftovers,
        )

    def take(self, piece: Said) -> Iterator[Answer]:
        """The answer after every token of a piece of the stream, its end included. What follows the end is left out."""
        for text, numbers in self._tokens(piece):
            if self.is_over:
                return
            if len(self.said) == self.limit:  # a server that takes no limit
                yield self._now(self.answer.text, "length")
            else:
                yield self._push(text, numbers)
        if piece.finish_reason and not self.is_over:
            yield self._end(piece.finish_reason, is_said=not piece.text and bool(piece.numbers))

    def _tokens(self, piece: Said) -> list[tuple[str, Numbers]]:
        """Each token's text with its numbers; a piece without numbers counts as one token."""
        before = ""
        if piece.reasoning and not self._is_reasoning:
            before, self._is_reasoning = _OPEN, True
        content = piece.content
        if content and self._is_reasoning:
            content, self._is_reasoning = _CLOSE + content, False
        text = before + piece.reasoning + content
        if not piece.numbers:
            return [(text, _UNKNOWN)] if text else []
        first, *others = piece.numbers
        if others and "".join(one.token for one in piece.numbers) == text:
            return [(one.token, one) for one in piece.numbers]
        return [(text, first), *(("", one) for one in others)]

    @property
    def _kind(self) -> str:
        return f"top_k:{self._k}" if self._k else "none"

    def _push(self, piece: str, numbers: Numbers) -> Answer:
        if self._k and not numbers.k:  # the numbers of one token are missing, and with them those of the answer
            self.said = [Token(token.text, math.nan, math.nan) for token in self.said]
            self.masses.clear()
        self._k = min(self._k, numbers.k)
        if self._k:
            self.masses.append(numbers.mass)
        known = (numbers.entropy, numbers.logprob) if self._k else (math.nan, math.nan)
        self.said.append(Token(piece, *known))
        text = self.answer.text + piece
        cut = first_stop(text, self.stop)
        return self._now(text[:cut], None if cut is None else "stop")

    def _end(self, reason: FinishReason, *, is_said: bool) -> Answer:
        """The end that the server says. The token that ended the answer is one of its tokens, known or not."""
        if reason == "stop" and not is_said:
            self.said.append(Token("", math.nan, math.nan))
        return self._now(self.answer.text, reason)

    def _now(self, text: str, reason: FinishReason | None) -> Answer:
        changed = {"said": self.said, "n_tokens": len(self.said), "text": text}
        self.answer = replace(self.answer, **changed, finish_reason=reason, entropy_kind=self._kind)
        return self.answer


def rows_of(encoded: Encoded, decoding: Decoding, seeds: list[int], asked: tuple[int, int]) -> list[ServedRow]:
    """The rows of a question: its N samples, then the greedy one; `asked` is that of the samples and of the greedy."""
    stop = decoding.stop or encoded.prompt.stop
    indices = [*range(decoding.n_samples), GREEDY]
    return [
        ServedRow(encoded, index, seed, decoding.max_new_tokens, stop, asked[index == GREEDY])
        for index, seed in zip(indices, seeds, strict=True)
    ]
