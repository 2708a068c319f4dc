"""What a sampler says while it works: answers that grow by a token at every step.

Runs and the live page know nothing else of a sampler, so a scripted one in a test has to do no more than this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from homog_core.leftovers import USUAL, Leftovers, answer_text
from homog_core.records import (
    Decoding,
    FinishReason,
    ModelSpec,
    PromptStyle,
    Question,
    Response,
    ResponseSet,
    Served,
)
from homog_core.sampling.prompts import Prompt


class Token(NamedTuple):
    """One token of an answer."""

    text: str  # its piece of text
    entropy: float  # nats, of the raw distribution that it was drawn from; NaN where it is not known
    logprob: float  # nats, in that distribution; NaN where it is not known
    id: int = -1  # in the tokenizer's vocabulary; -1 where a sampler has none


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One answer up to one of its tokens. It stays as it is when the answer goes on.

    All states of one answer share the list `said`, which only grows; each reads its own first `n_tokens`. So a state
    costs nothing to keep, and one thread may read it while another adds the next token.
    """

    question_id: str
    sample_index: int  # GREEDY for the answer at temperature 0
    said: Sequence[Token]
    n_tokens: int = 0
    text: str = ""  # up to here, without a stop string
    finish_reason: FinishReason | None = None  # None: it goes on
    entropy_kind: str = "exact"  # as that of a `Response`
    leftovers: Leftovers = USUAL  # what is left out of the text: the rule of the model

    @property
    def answer(self) -> str:
        """The text that is compared and shown."""
        return answer_text(self.text, self.leftovers)

    @property
    def tokens(self) -> tuple[str, ...]:
        """(T,) the pieces of text."""
        return tuple(token.text for token in self.said[: self.n_tokens])

    @property
    def token_ids(self) -> tuple[int, ...]:
        """(T,) in the tokenizer's vocabulary."""
        return tuple(token.id for token in self.said[: self.n_tokens])

    @property
    def entropies(self) -> tuple[float, ...]:
        """(T,) nats."""
        return tuple(token.entropy for token in self.said[: self.n_tokens])

    @property
    def logprobs(self) -> tuple[float, ...]:
        """(T,) nats."""
        return tuple(token.logprob for token in self.said[: self.n_tokens])

    def response(self) -> Response:
        """The record of the answer as it is; one that goes on counts as cut."""
        return Response(
            self.text,
            self.tokens,
            np.array(self.entropies, dtype=np.float32),
            np.array(self.logprobs, dtype=np.float32),
            self.finish_reason or "length",
            self.entropy_kind,
            self.leftovers,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One decoding step of a batch. One without answers says that the sampler still waits for the next token."""

    answers: tuple[Answer, ...] = ()  # those that have just got a token
    finished: tuple[ResponseSet, ...] = ()  # of the questions whose last answer has just ended
    restarted: tuple[str, ...] = ()  # ids of questions that begin anew in a smaller batch, because memory ran out
    served: Served | None = None  # what is known by now of the server that answers; None for a model on this machine
    n_unshown: int = 0  # tokens of finished answers that were not shown one by one

    @property
    def n_tokens(self) -> int:
        """How many tokens it brings."""
        return len(self.answers) + self.n_unshown


class Sampler(Protocol):
    """Anything that answers questions token by token."""

    spec: ModelSpec
    revision: str
    device: str
    dtype: str

    def sibling(self, spec: ModelSpec) -> "Sampler | None":
        """A sampler of a model that shares the weights in memory, or None where it has others."""
        ...

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question."""
        ...

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int
    ) -> Iterator[Step]:
        """Decode N samples and the greedy response of every question, step by step."""
        ...
