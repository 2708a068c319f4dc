"""The queue of live jobs: one owner of the device, one generation at a time, snapshots, cancel.

A single worker thread loads models, samples and unloads them; pages only submit jobs, look at snapshots and stop.
Models that share their weights in memory take turns at every step, so that their answers grow together. It does not
know Streamlit: whether a session is still connected is asked through a function.
"""

import contextlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from homog_core.analysis.draws import Draw, draws
from homog_core.device import Device, free_memory, probe_device
from homog_core.errors import HomogError, NotFound
from homog_core.measures.encoders import Encoder, encode
from homog_core.progress import Say
from homog_core.records import GREEDY, Decoding, ModelSpec, PromptStyle, Question, ResponseSet
from homog_core.runs import sample, score
from homog_core.runs.store import Run
from homog_core.sampling.steps import Answer, Sampler, Step
from homog_core.sampling.weights import availability

GRACE_SECONDS = 60.0  # how long a job goes on after the last session that watched it has gone
_OVER = ("done", "stopped", "failed")
_REMEMBERED = 50  # finished jobs that a reloaded page still finds

LoadSampler = Callable[[ModelSpec, Say], Sampler]


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

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _OVER


@dataclass(slots=True, eq=False)
class _Part:
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
        return sample.keep(plan, self.result, self.seconds)


@dataclass(slots=True, eq=False)
class _Job:
    """Shared between the worker and the pages, under the queue's lock."""

    id: str
    request: Request
    sessions: set[str]
    parts: list[_Part]
    state: str = "queued"
    message: str = "Waiting for its turn"
    stop: bool = False
    since: float = field(default_factory=time.monotonic)  # when state or message last changed
    last_watched: float = field(default_factory=time.monotonic)


class _Stopped(Exception):
    """Raised inside the worker to leave a job."""


class LiveQueue:
    """Live jobs, served one after the other by one worker thread. Models of one job that share weights take turns."""

    def __init__(
        self,
        load_sampler: LoadSampler,
        encoders: Sequence[Encoder],
        is_connected: Callable[[str], bool] = lambda session: True,
        grace_seconds: float = GRACE_SECONDS,
        probe: Callable[[], Device] = probe_device,
    ) -> None:
        self._load_sampler, self._encoders = load_sampler, encoders
        self._is_connected, self._grace = is_connected, grace_seconds
        self._probe = probe
        self._device: Device | None = None
        self._lock = threading.Condition()
        self._jobs: dict[str, _Job] = {}
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._sampler: Sampler | None = None
        self._speeds: dict[str, float] = {}  # tokens per second by key
        self._loads: dict[str, float] = {}  # seconds by source
        threading.Thread(target=self._work, name="live-sampling", daemon=True).start()

    def submit(self, request: Request, session: str = "") -> str:
        """Queue a job; returns its id. `session` is whoever watches it."""
        parts = [_Part(model, request.style or model.prompt_style) for model in request.models]
        job = _Job(uuid.uuid4().hex[:12], request, {session}, parts)
        with self._lock:
            self._jobs[job.id] = job
            self._forget_old()
            self._waiting.append(job)
            self._lock.notify_all()
        return job.id

    def snapshot(self, job_id: str, session: str = "") -> Snapshot:
        """How a job stands now; looking keeps it alive. Raises `NotFound` for a job that is not known any more."""
        with self._lock:
            job = self._job(job_id)
            job.sessions.add(session)
            job.last_watched = time.monotonic()
            return Snapshot(
                job.id,
                job.state,
                job.message,
                self._position(job),
                job.request,
                tuple(part.snapshot() for part in job.parts),
                job.stop and job.state not in _OVER,
                time.monotonic() - job.since,
            )

    def stop(self, job_id: str) -> None:
        """Ask a job to stop; it does within a step. What it has said stays."""
        with self._lock:
            job = self._job(job_id)
            job.stop = True
            if job in self._waiting:
                self._waiting.remove(job)
                self._set(job, "stopped", "Stopped before its turn")

    def keep(self, job_id: str) -> list[Run]:
        """Store and score the finished answers of a job that is over, as one run for each model.

        Raises `HomogError` for a job that goes on, or in which no model has finished.
        """
        with self._lock:
            job = self._job(job_id)
            parts = [part for part in job.parts if part.result is not None]
            if job.state not in _OVER or not parts:
                raise HomogError("Only answers that have all been finished can be kept as a run.")
        runs = [part.keep(job.request) for part in parts]
        return [score.score_run(run.id, self._encoders) for run in runs]

    def tokens_per_second(self, model_key: str) -> float | None:
        """How fast the last live job of a model was; None if there was none."""
        with self._lock:
            return self._speeds.get(model_key)

    def load_seconds(self, model: ModelSpec) -> float | None:
        """How long it takes until a model's weights are in memory, as it did the last time; 0 where they are there.

        None where it has not been measured. Unpacking or downloading the weights, which happens once, is not in it.
        """
        with self._lock:
            loaded = self._sampler is not None and self._sampler.spec.source == model.source
            return 0.0 if loaded else self._loads.get(model.source)

    def device(self) -> Device | None:
        """The device that jobs run on; None for the first seconds, until it is known."""
        with self._lock:
            return self._device

    def _job(self, job_id: str) -> _Job:
        if job_id not in self._jobs:
            raise NotFound(f"There is no live job {job_id!r} any more; sample the question again.")
        return self._jobs[job_id]

    def _position(self, job: _Job) -> int:
        if job not in self._waiting:
            return 0
        return self._waiting.index(job) + (self._running is not None)

    def _forget_old(self) -> None:
        over = [job for job in self._jobs.values() if job.state in _OVER]
        for job in over[: max(0, len(over) - _REMEMBERED)]:
            del self._jobs[job.id]

    def _work(self) -> None:
        with contextlib.suppress(Exception):  # a job that needs the device meets the same error and shows it
            device = self._probe()  # here, because it imports torch
            with self._lock:
                self._device = device
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                job = self._running = self._waiting.popleft()
            try:
                self._serve(job)
                self._set(job, "done", "Finished")
            except _Stopped:
                self._set(job, "stopped", "Stopped")
            except HomogError as error:
                self._set(job, "failed", str(error))
            except Exception as error:  # the worker outlives whatever a model does
                self._set(job, "failed", f"Sampling failed: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._running = None

    def _serve(self, job: _Job) -> None:
        waiting = list(job.parts)
        while waiting:
            self._check(job)
            group = self._group(job, waiting)
            waiting = [part for part in waiting if all(part is not other for other, _ in group)]
            self._draw(job, group)
            names, device = " and ".join(part.model.key for part, _ in group), group[0][1].device
            self._set(job, "sampling", f"Sampling {names} on {device}")
            self._sample(job, group)
            del group  # so that the next model finds its memory free

    def _group(self, job: _Job, waiting: Sequence[_Part]) -> list[tuple[_Part, Sampler]]:
        """The first part that waits, and all that share its weights in memory, each with its sampler."""
        first = self._sampler_for(job, waiting[0].model)
        samplers = [first, *(first.sibling(part.model) for part in waiting[1:])]
        group = [(part, sampler) for part, sampler in zip(waiting, samplers, strict=True) if sampler is not None]
        for part, sampler in group:
            prompt = sampler.prompt(job.request.question.text, part.style).text
            with self._lock:
                part.revision, part.dtype, part.prompt = sampler.revision, sampler.dtype, prompt
        return group

    def _sampler_for(self, job: _Job, model: ModelSpec) -> Sampler:
        """The loaded sampler of a model; one that shares weights with it is kept, another one is unloaded first."""
        if self._sampler is not None and self._sampler.spec != model:
            self._sampler = self._sampler.sibling(model)
        if self._sampler is None:
            free_memory()
            self._set(job, "loading", f"Loading {model.key}")
            started, is_here = time.monotonic(), availability(model).state == "ready"
            # Another thread may just be importing it. This waits for that; `from transformers import …` does too, but
            # then looks into the module that the import has replaced at its end, and finds nothing.
            import transformers  # noqa: F401

            self._sampler = self._load_sampler(model, lambda words: self._set(job, "loading", words))
            with self._lock:
                if is_here:
                    self._loads[model.source] = time.monotonic() - started
        return self._sampler

    def _draw(self, job: _Job, group: Sequence[tuple[_Part, Sampler]]) -> None:
        """Of a question with a closed list: the exact probabilities, of one model after the other."""
        question = job.request.question
        if question.answer_type != "draw":
            return
        for part, sampler in group:
            self._check(job)
            self._set(job, "sampling", f"Computing the probabilities of {part.model.key}")
            (found,) = draws(sampler, [question], part.style)
            with self._lock:
                part.draw = found
        self._check(job)

    def _sample(self, job: _Job, group: Sequence[tuple[_Part, Sampler]]) -> None:
        """All parts step by step in turn, until the last has ended; on every way out their generators are closed."""
        request = job.request
        with contextlib.ExitStack() as opened:
            going = []
            for part, sampler in group:
                steps = sampler.sample([request.question], request.decoding, part.style, 1)
                going.append((part, opened.enter_context(contextlib.closing(steps))))
            while going:
                going = [(part, steps) for part, steps in going if self._go_on(job, part, steps)]

    def _go_on(self, job: _Job, part: _Part, steps: Iterator[Step]) -> bool:
        """One step of a part; whether there was one left."""
        started = time.monotonic()
        step = next(steps, None)
        if step is None:
            with self._lock:
                self._speeds[part.model.key] = part.n_tokens / max(part.seconds, 1e-9)
            return False
        self._take(part, step, time.monotonic() - started)
        self._encode(part, step, job.request.question)
        self._check(job)
        return True

    def _take(self, part: _Part, step: Step, seconds: float) -> None:
        with self._lock:
            part.seconds += seconds
            part.first_seconds = part.first_seconds or seconds
            if step.restarted:
                part.answers.clear()
                part.vectors.clear()
            part.answers.update({answer.sample_index: answer for answer in step.answers})
            for finished in step.finished:
                part.result = finished
            part.n_tokens += len(step.answers)

    def _encode(self, part: _Part, step: Step, question: Question) -> None:
        """Embed the answers that have just ended, so that the page can cluster them."""
        ended = [a for a in step.answers if a.finish_reason and a.sample_index != GREEDY and a.answer]
        if not ended:
            return
        texts = [answer.answer for answer in ended]
        found = {encoder.key: encode(encoder, question.text, texts) for encoder in self._encoders}
        with self._lock:
            for n, answer in enumerate(ended):
                part.vectors[answer.sample_index] = {
                    key: {view: vectors[n] for view, vectors in views.items()} for key, views in found.items()
                }

    def _check(self, job: _Job) -> None:
        """Leave the job if somebody has stopped it, or if everybody who watched it has been gone for a while."""
        with self._lock:
            if any(self._is_connected(session) for session in job.sessions):
                job.last_watched = time.monotonic()
            elif time.monotonic() - job.last_watched > self._grace:
                raise _Stopped
            if job.stop:
                raise _Stopped

    def _set(self, job: _Job, state: str, message: str) -> None:
        with self._lock:
            if (job.state, job.message) != (state, message):
                job.state, job.message, job.since = state, message, time.monotonic()
