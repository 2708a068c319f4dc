"""The queue of live jobs: one owner of the device, one generation at a time, snapshots, cancel.

A single worker thread loads models, samples and unloads them; pages only submit jobs, look at snapshots and stop.
Models that share their weights in memory take turns at every step, so that their answers grow together. It does not
know Streamlit: whether a session is still connected is asked through a function.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from traceback import format_exc

from homog_core.analysis.draws import draws
from homog_core.catalogue.servers import is_served
from homog_core.device import Device, free_memory, probe_device
from homog_core.errors import HomogError, NotFound
from homog_core.live.encoding import Encoding
from homog_core.live.failures import why_failed
from homog_core.live.job import OVER, Job, Load, Part, Request, Snapshot
from homog_core.live.unpacking import Unpacking
from homog_core.measures.encoders import Encoder
from homog_core.progress import Say
from homog_core.records import ModelSpec, Question
from homog_core.runs import score
from homog_core.runs.store import Run
from homog_core.sampling.steps import Sampler, Step
from homog_core.sampling.weights import availability

GRACE_SECONDS = 60.0  # how long a job goes on after the last session that watched it has gone
IDLE_SECONDS = 600.0  # how long a model stays in memory after the last job
MOST_WAITING = 20  # jobs; a queue without an end would keep everybody waiting, and grow
_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1  # between two looks at how far the unpacking is
_REMEMBERED = 50  # finished jobs that a reloaded page still finds

LoadSampler = Callable[[ModelSpec, Say], Sampler]


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
        idle_seconds: float = IDLE_SECONDS,
        probe: Callable[[], Device] = probe_device,
        prepare: Callable[[ModelSpec, Say], object] | None = None,
    ) -> None:
        self._load_sampler, self._encoders, self._encoding = load_sampler, encoders, Encoding(encoders)
        self._is_connected, self._grace, self._idle = is_connected, grace_seconds, idle_seconds
        self._probe, self._unpacking = probe, Unpacking(prepare)
        self._device: Device | None = None
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._sampler: Sampler | None = None
        self._speeds: dict[str, float] = {}  # tokens per second by key
        self._loads: dict[str, float] = {}  # seconds by source
        self._closed, self._idle_since = False, float("-inf")
        self._worker = threading.Thread(target=self._work, name="live-sampling", daemon=True)
        self._worker.start()

    def submit(self, request: Request, session: str = "", visitor: str = "", most: int | None = None) -> str:
        """Queue a job; returns its id. `session` is whoever watches it, `visitor` who it is counted for.

        Raises `HomogError` where the queue is full or closed, or where `most` jobs of the visitor wait or run already.
        """
        parts = [Part(model, request.style or model.prompt_style) for model in request.models]
        job = Job(uuid.uuid4().hex[:12], request, {session}, parts, (session, visitor))
        with self._lock:
            if self._closed:
                raise HomogError("This server is being shut down; ask again when it is back.")
            self._drop_left()
            if len(self._waiting) >= MOST_WAITING:
                raise HomogError(f"{len(self._waiting)} jobs are waiting already; try again in some minutes.")
            going = sum(visitor in other.owner and other.state not in OVER for other in self._jobs.values())
            if most is not None and going >= most:
                raise HomogError(f"{going} jobs of yours wait or run already; ask again when one has ended.")
            self._jobs[job.id] = job
            self._forget_old()
            self._waiting.append(job)
            self._log(job)
            self._lock.notify_all()
        return job.id

    def snapshot(self, job_id: str, session: str = "") -> Snapshot:
        """How a job stands now; looking keeps it alive. Raises `NotFound` for a job that is not known any more."""
        with self._lock:
            job = self._job(job_id)
            job.sessions.add(session)
            job.last_watched = time.monotonic()
            self._drop_left()
            return Snapshot(
                job.id,
                job.state,
                job.message,
                self._position(job),
                job.request,
                tuple(part.snapshot() for part in job.parts),
                job.stop and job.state not in OVER,
                time.monotonic() - job.since,
                job.owner,
            )

    def stop(self, job_id: str) -> None:
        """Ask a job to stop; it does within a step. What it has said stays."""
        with self._lock:
            job = self._job(job_id)
            job.stop = True
            if job in self._waiting:
                self._waiting.remove(job)
                self._set(job, "stopped", "Stopped before its turn")

    def load(self) -> Load:
        """How busy it is."""
        with self._lock:
            self._drop_left()
            is_alive = self._worker.is_alive() and not self._closed
            return Load(int(self._running is not None), len(self._waiting), is_alive)

    def rest(self, seconds: float, most: float) -> None:
        """Wait until no job waits or runs, and the last one has been over for so many seconds; at most for `most`."""
        until = time.monotonic() + most
        with self._lock:
            while (now := time.monotonic()) < until:
                rested = self._idle_since + seconds if self._is_idle() else until
                if rested <= now:
                    return
                self._lock.wait(min(rested, until) - now)

    def wait_for_tokens(self, job_id: str, seconds: float) -> None:
        """Wait until a job has said something, at most so many seconds; not where others, or weights, come first."""
        with self._lock:
            job = self._job(job_id)
            self._lock.wait_for(
                lambda: job.has_begun or job.state in ("loading", *OVER) or self._position(job) > 0, seconds
            )

    def close(self, seconds: float) -> None:
        """Take no more jobs, stop those that wait and the one that runs, and wait at most so long for that one."""
        with self._lock:
            self._closed = True
            for job in (*self._waiting, *([self._running] if self._running else [])):
                self.stop(job.id)
            self._lock.wait_for(lambda: self._running is None, seconds)

    def keep(self, job_id: str) -> list[Run]:
        """Store and score the finished answers of a job that is over, as one run for each model.

        Raises `HomogError` for a job that goes on, or in which no model has finished.
        """
        with self._lock:
            job = self._job(job_id)
            parts = [part for part in job.parts if part.result is not None]
            if job.state not in OVER or not parts:
                raise HomogError("Only answers that have all been finished can be kept as a run.")
        runs = [part.keep(job.request) for part in parts]
        return [score.score_run(run.id, self._encoders) for run in runs]

    def prepare(self, model: ModelSpec) -> str:
        """Unpack a model's weights in the background if that has to be done; returns what is being done, or "".

        What goes wrong is not said here: a job that needs the weights meets the same error and shows it.
        """
        return self._unpacking.begin(model)

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

    def _is_idle(self) -> bool:
        return self._running is None and not self._waiting

    def _job(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise NotFound(f"There is no live job {job_id!r} any more; sample the question again.")
        return self._jobs[job_id]

    def _position(self, job: Job) -> int:
        if job not in self._waiting:
            return 0
        return self._waiting.index(job) + (self._running is not None)

    def _drop_left(self) -> None:
        """Take jobs out of the queue whose turn nobody waits for any more."""
        for job in [job for job in self._waiting if self._is_left(job)]:
            self._waiting.remove(job)
            self._set(job, "stopped", "Stopped before its turn: its page was closed")

    def _is_left(self, job: Job) -> bool:
        """Whether everybody who watched a job has been gone for a while."""
        if any(self._is_connected(session) for session in job.sessions):
            job.last_watched = time.monotonic()
        return time.monotonic() - job.last_watched > self._grace

    def _forget_old(self) -> None:
        over = [job for job in self._jobs.values() if job.state in OVER]
        for job in over[: max(0, len(over) - _REMEMBERED)]:
            del self._jobs[job.id]

    def _work(self) -> None:
        with contextlib.suppress(BaseException):  # a job that needs the device meets the same error and shows it
            device = self._probe()  # here, because it imports torch
            with self._lock:
                self._device = device
        while True:
            job = self._next()
            try:
                self._serve(job)
                self._set(job, "done", "Finished")
            except _Stopped:
                self._set(job, "stopped", "Stopped")
            except HomogError as error:
                self._set(job, "failed", str(error))
            except BaseException as error:  # the worker outlives whatever a model does, also one that wants to exit
                _LOG.error("Job %s failed\n%s", job.id, format_exc())  # as text: a record would keep its memory
                self._set(job, "failed", why_failed(error))
            finally:
                if job.state == "failed":  # what it had in memory goes before the next job comes
                    free_memory()
                with self._lock:
                    self._running, self._idle_since = None, time.monotonic()
                    self._lock.notify_all()

    def _next(self) -> Job:
        """The next job. A model that nobody has asked for a while is unloaded meanwhile."""
        with self._lock:
            while not self._waiting:
                if not self._lock.wait(self._idle if self._sampler is not None else None) and not self._waiting:
                    self._sampler = None
                    free_memory()
            self._running = self._waiting.popleft()
            return self._running

    def _serve(self, job: Job) -> None:
        waiting = list(job.parts)
        while waiting:
            self._check(job)
            group = self._group(job, waiting)
            waiting = [part for part in waiting if all(part is not other for other, _ in group)]
            self._draw(job, group)
            names, device = " and ".join(part.model.key for part, _ in group), group[0][1].device
            where = (
                f"from {device}, which is tried out first" if is_served(group[0][0].model.source) else f"on {device}"
            )
            self._set(job, "sampling", f"Sampling {names} {where}")
            self._sample(job, group)
            del group  # so that the next model finds its memory free

    def _group(self, job: Job, waiting: Sequence[Part]) -> list[tuple[Part, Sampler]]:
        """The first part that waits, and all that share its weights in memory, each with its sampler."""
        first = self._sampler_for(job, waiting[0].model)
        samplers = [first, *(first.sibling(part.model) for part in waiting[1:])]
        group = [(part, sampler) for part, sampler in zip(waiting, samplers, strict=True) if sampler is not None]
        for part, sampler in group:
            prompt = sampler.prompt(job.request.question.text, part.style).text
            with self._lock:
                part.revision, part.dtype, part.prompt = sampler.revision, sampler.dtype, prompt
        return group

    def _sampler_for(self, job: Job, model: ModelSpec) -> Sampler:
        """The loaded sampler of a model; one that shares weights with it is kept, another one is unloaded first."""
        if self._sampler is not None and self._sampler.spec != model:
            self._sampler = self._sampler.sibling(model)
        if self._sampler is None:
            free_memory()
            while words := self.prepare(model):
                self._loading(job, words)
                time.sleep(_LOOK_SECONDS)
            self._set(job, "loading", f"Loading {model.key}")
            started, is_here = time.monotonic(), availability(model).state == "ready"
            if not is_served(model.source):
                # Another thread may just be importing it. This waits for that; `from transformers import …` does too,
                # but then looks into the module that the import has replaced at its end, and finds nothing.
                import transformers  # noqa: F401

            self._sampler = self._load_sampler(model, lambda words: self._loading(job, words))
            with self._lock:
                if is_here:
                    self._loads[model.source] = time.monotonic() - started
        return self._sampler

    def _loading(self, job: Job, words: str) -> None:
        """Say what is being loaded, and leave the job there if it is stopped: a download can take an hour."""
        self._set(job, "loading", words)
        self._check(job)

    def _draw(self, job: Job, group: Sequence[tuple[Part, Sampler]]) -> None:
        """Of a question with a closed list: the exact probabilities, of one model after the other."""
        question = job.request.question
        if question.answer_type != "draw":
            return
        for part, sampler in group:
            if is_served(part.model.source):  # its server gives no probabilities of whole lists
                continue
            self._check(job)
            self._set(job, "sampling", f"Computing the probabilities of {part.model.key}")
            (found,) = draws(sampler, [question], part.style)
            with self._lock:
                part.draw = found
        self._check(job)

    def _sample(self, job: Job, group: Sequence[tuple[Part, Sampler]]) -> None:
        """All parts step by step in turn, until the last has ended; on every way out their generators are closed."""
        request, parts = job.request, [part for part, _ in group]
        try:
            with contextlib.ExitStack() as opened:
                going = []
                for part, sampler in group:
                    steps = sampler.sample([request.question], request.decoding, part.style, 1)
                    going.append((part, opened.enter_context(contextlib.closing(steps))))
                while going:
                    going = [(part, steps) for part, steps in going if self._go_on(job, part, steps)]
        except BaseException:
            with contextlib.suppress(Exception):  # a job says what has ended it, and not what came of that
                self._encode(request.question, *parts)
            raise
        self._encode(request.question, *parts)  # those that wait: nobody waits for a token any more

    def _go_on(self, job: Job, part: Part, steps: Iterator[Step]) -> bool:
        """One step of a part; whether there was one left."""
        started = time.monotonic()
        step = next(steps, None)
        seconds = time.monotonic() - started
        if step is None:
            with self._lock:
                self._speeds[part.model.key] = part.n_tokens / max(part.seconds, 1e-9)
            return False
        self._take(part, step, seconds)
        if self._encoding.is_due:
            self._encode(job.request.question, part)
        self._check(job)
        return True

    def _take(self, part: Part, step: Step, seconds: float) -> None:
        with self._lock:
            part.seconds += seconds
            part.first_seconds = part.first_seconds or seconds
            if step.restarted:
                part.answers.clear()
                part.vectors.clear()
            part.answers.update({answer.sample_index: answer for answer in step.answers})
            for finished in step.finished:
                part.result, part.served = finished, step.served
            part.n_tokens += len(step.answers)
            self._lock.notify_all()

    def _encode(self, question: Question, *parts: Part) -> None:
        """Embed the answers that have ended, so that the page can cluster them."""
        for part in parts:
            found = self._encoding.encode(question.text, part.answers, part.vectors)
            with self._lock:
                part.vectors |= found

    def _check(self, job: Job) -> None:
        """Leave the job if somebody has stopped it, or if everybody who watched it has been gone for a while."""
        with self._lock:
            if self._is_left(job) or job.stop:
                raise _Stopped

    def _set(self, job: Job, state: str, message: str) -> None:
        with self._lock:
            if (job.state, job.message) != (state, message):
                is_new = job.state != state
                job.state, job.message, job.since = state, message, time.monotonic()
                if is_new:
                    self._log(job)
                    self._lock.notify_all()

    def _log(self, job: Job) -> None:
        """Log how a job stands: nothing of what was asked or answered, whose words belong to the visitor."""
        facts = job.facts | {"waiting": len(self._waiting)}
        _LOG.log(logging.WARNING if job.state == "failed" else logging.INFO, "live job", extra={"facts": facts})
