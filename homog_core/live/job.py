"""What a live job is: what was asked for, how it stands, and what pages see of it. It samples nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from homog_core.analysis.draws import Draw
from homog_core.records import GREEDY, Decoding, ModelSpec, PromptStyle, Question, ResponseSet, Served, weakest_kind
from homog_core.runs import sample
from homog_core.runs.store import Run
from homog_core.sampling.steps import Answer

OVER = ("done", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to see sampled: one question, one or more models."""

    models: tuple[ModelSpec, ...]
    question: Question
    decoding: Decoding
    style: PromptStyle | None = None  # None: each model's own


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """What one model of a job has said so far."""

    model: ModelSpec
    style: PromptStyle
    prompt: str  # "" until it is asked
    answers: Mapping[int, Answer]  # by sample index; GREEDY is the one at temperature 0
    # sample index → encoder → view → unit vectors (w, d) of the windows, of finished valid samples
    vectors: Mapping[int, Mapping[str, Mapping[str, np.ndarray]]]
    result: ResponseSet | None
    seconds: float  # that the device has worked for it
    first_seconds: float  # of them, those of the first step, which reads the prompt
    n_tokens: int
    draw: Draw | None  # of a question with a closed list: the exact probability of each answer

    @property
    def is_asked(self) -> bool:
        """Whether its turn has come."""
        return bool(self.prompt)

    @property
    def ended(self) -> dict[int, Answer]:
        """The answers that have ended, by sample index."""
        return {index: answer for index, answer in self.answers.items() if answer.finish_reason}

    @property
    def entropy_kind(self) -> str:
        """What the token entropies of its answers are, as that of a `Response`: the weakest of those that are known."""
        return weakest_kind(answer.entropy_kind for answer in self.answers.values())

    @property
    def n_finished(self) -> int:
        """How many samples have ended; the greedy answer is none of them."""
        return len(self.ended.keys() - {GREEDY})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job at one moment."""

    id: str
    state: str  # queued, loading, sampling, done, stopped or failed
    message: str  # what is being done, or what went wrong
    position: int  # jobs that are served before this one; 0 when it runs or has ended
    request: Request
    models: tuple[ModelSnapshot, ...]  # all that were asked for, in their order
    stopping: bool
    seconds: float  # since state or message last changed
    owner: tuple[str, ...] = ()  # who has submitted it: the session, and the visitor it is counted for

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a queue is."""

    running: int  # jobs, 0 or 1
    waiting: int  # jobs
    is_alive: bool  # whether jobs are served


@dataclass(slots=True, eq=False)
class Part:
    """One model's share of a job."""

    model: ModelSpec
    style: PromptStyle
    revision: str = ""  # this, dtype and prompt: once it is asked
    dtype: str = ""
    prompt: str = ""
    answers: dict[int, Answer] = field(default_factory=dict)
    vectors: dict[int, dict[str, dict[str, np.ndarray]]] = field(default_factory=dict)
    result: ResponseSet | None = None
    seconds: float = 0.0
    first_seconds: float = 0.0
    n_tokens: int = 0
    draw: Draw | None = None
    served: Served | None = None

    def snapshot(self) -> ModelSnapshot:
        """A copy that no longer changes."""
        answers, vectors = dict(self.answers), dict(self.vectors)
        done = (self.result, self.seconds, self.first_seconds, self.n_tokens, self.draw)
        return ModelSnapshot(self.model, self.style, self.prompt, answers, vectors, *done)

    def keep(self, request: Request) -> Run:
        """Store its finished answers as a run."""
        plan = sample.plan_run(
            [(request.question, self.prompt)],
            request.decoding,
            self.style,
            model=self.model,
            revision=self.revision,
            dtype=self.dtype,
        )
        return sample.keep(plan, self.result, self.seconds, self.served)


@dataclass(slots=True, eq=False)
class Job:
    """Shared between the worker and the pages, under the queue's lock."""

    id: str
    request: Request
    sessions: set[str]
    parts: list[Part]
    owner: tuple[str, ...] = ()
    state: str = "queued"
    message: str = "Waiting for its turn"
    stop: bool = False
    since: float = field(default_factory=time.monotonic)  # when state or message last changed
    last_watched: float = field(default_factory=time.monotonic)

    @property
    def has_begun(self) -> bool:
        """Whether any model has said something."""
        return any(part.answers for part in self.parts)

    @property
    def facts(self) -> dict[str, object]:
        """How it stands, for a log: nothing of what was asked or answered."""
        return {
            "job": self.id,
            "state": self.state,
            "models": [part.model.key for part in self.parts],
            "samples": self.request.decoding.n_samples,
            "tokens": sum(part.n_tokens for part in self.parts),
            "seconds": round(sum(part.seconds for part in self.parts), 3),
        }
