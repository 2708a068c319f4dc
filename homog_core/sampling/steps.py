"""TODO homog_core.sampling.steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from homog_core.records import Decoding, FinishReason, ModelSpec, PromptStyle, Question, ResponseSet
from homog_core.sampling.prompts import Prompt


@dataclass(frozen=True, slots=True)
class NewToken:
    """What one row has just said."""

    question_id: str
    sample_index: int  # GREEDY for the response at temperature 0
    text: str  # the token's piece of text
    so_far: str  # the answer's text up to here, without a stop string
    entropy: float  # nats
    logprob: float  # nats
    finish_reason: FinishReason | None  # None: it goes on


@dataclass(frozen=True, slots=True)
class Step:
    """One decoding step of a batch: a new token for every live row, and the questions that it completed."""

    tokens: tuple[NewToken, ...] = ()
    finished: tuple[ResponseSet, ...] = ()
    restarted: tuple[str, ...] = ()  # question ids that begin anew with a smaller batch, after running out of memory


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
