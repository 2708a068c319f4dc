"""The sampler of a model on a Ray cluster: one worker a GPU, or a number of cores each; the same answers and steps.

The driver hands chunks of questions to whichever worker is free. A worker or a node that dies loses the chunk that it
had, which goes to another worker, and a new worker is asked for. Workers join when they have loaded the model; each is
checked against the first one. Whoever calls `sample` gets the answers and is the only one to store them.
"""

import os
import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, NamedTuple

from homog_core.catalogue.servers import is_served
from homog_core.device import probe_device
from homog_core.errors import HomogError, InvalidInput, first_line
from homog_core.records import Decoding, ModelSpec, PromptStyle, Question, ResponseSet
from homog_core.sampling.batch import batch_that_fits
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import Prompt, build_prompt
from homog_core.sampling.steps import Step

LOCAL = "local"  # the address that starts Ray on this machine, for as long as it is used
_BEAT = 0.2  # seconds without news after which an empty step is given, so that a stop is heard
PATIENCE = 300.0  # seconds to wait for room on the cluster while no worker has started
ATTEMPTS = 3  # at a chunk whose workers die, and at starting workers that die before they have loaded
_BATCHES = 4  # of a worker's questions, where rows join a batch as others end
_STORE_BYTES = 100 << 20  # of Ray's memory for objects on this machine: answers are small
_PACKAGES = ("homog-core", "torch", "transformers")


class Cluster(NamedTuple):
    """How many workers a cluster has room for, and what each gets."""

    n_workers: int
    cpus: int  # of each worker; 0: it has a GPU, and the cores that it finds
    gpus: int


class Facts(NamedTuple):
    """What a worker computes with. It must be the same on all workers."""

    revision: str
    dtype: str
    device: str
    n_parameters: int | None
    packages: dict[str, str]  # name → version, without what names a build


@contextmanager
def connected(address: str, cpus_per_worker: int | None = None) -> Iterator[Cluster]:
    """A connection to the Ray cluster at `address`, or with `LOCAL` to one on this machine that ends with it.

    Raises `HomogError` where Ray is not installed or nobody answers, `InvalidInput` where no worker fits.
    """
    if cpus_per_worker is not None and cpus_per_worker < 1:
        raise InvalidInput(f"--cpus-per-worker is {cpus_per_worker}; it must be at least 1.")
    _prepare_environment(address)
    try:
        import ray
    except ImportError as error:
        raise HomogError("--ray needs Ray, which is not installed: `pip install 'homog-core[cluster]'`.") from error
    own = {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="error", **own)
    except Exception as error:  # Ray raises a plain one where a process of its own does not start in time
        if address == LOCAL:
            raise HomogError(f"Ray does not start on this machine ({first_line(error)}); leave out --ray.") from error
        raise HomogError(
            f"No Ray cluster answers at {address} ({first_line(error)}); start one with `ray start --head`, or leave "
            "the address out to use the cores and GPUs of this machine."
        ) from error
    try:
        yield _room(ray.nodes(), cpus_per_worker)
    finally:
        ray.shutdown()


def _prepare_environment(address: str) -> None:
    """Set what Ray reads when it is imported: it reports nothing to its makers, and ours asks for a secret.

    Ray listens on all addresses of a machine, and whoever reaches it may run any program.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL and "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _room(nodes: Sequence[dict[str, Any]], cpus: int | None) -> Cluster:
    """The workers that fit on nodes as Ray describes them."""
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    if cpus:
        most = max((int(one.get("CPU", 0)) for one in resources), default=0)
        if most < cpus:
            raise InvalidInput(f"--cpus-per-worker is {cpus}, and no node of the cluster has more than {most} cores.")
        return Cluster(sum(int(one.get("CPU", 0)) // cpus for one in resources), cpus, 0)
    n_gpus = sum(int(one.get("GPU", 0)) for one in resources)
    if not n_gpus:
        raise InvalidInput("The cluster has no GPU; say how many cores each worker gets, as `--cpus-per-worker 4`.")
    return Cluster(n_gpus, 0, 1)


class Worker:
    """One model in a process of its own, somewhere on the cluster."""

    def __init__(self, spec: ModelSpec, dtype: str | None, cpus: int) -> None:
        self._spec, self._dtype, self._cpus = spec, dtype, cpus

    def place(self) -> tuple[str, int]:
        """The name of its machine, and its process."""
        return socket.gethostname(), os.getpid()

    def load(self) -> Facts:
        """Load the model. Raises what `TorchSampler.from_pretrained` raises."""
        import torch

        if self._cpus:
            torch.set_num_threads(self._cpus)
        self._sampler = TorchSampler.from_pretrained(self._spec, dtype=self._dtype)
        found = self._sampler
        return Facts(found.revision, found.dtype, probe_device().name, found.spec.n_parameters, _versions())

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question."""
        return self._sampler.prompt(question, style)

    def fitting(self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle) -> int:
        """The number of questions that this worker decodes together."""
        return batch_that_fits(self._sampler, questions, decoding, style)

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int
    ) -> list[ResponseSet]:
        """All answers to some questions, so many of which are decoded together."""
        steps = self._sampler.sample(questions, decoding, style, batch_questions)
        return [finished for step in steps for finished in step.finished]


@dataclass(slots=True, eq=False)
class _Member:
    """A worker as the driver knows it."""

    actor: Any
    awaited: Any  # what it will say next; None while it is free
    since: float
    state: str = "starting"  # then "loading", then "free" or "busy"
    host: str = "a node that has not answered"
    pid: int = 0
    chunk: Sequence[Question] = ()


class RaySampler:
    """A model on the workers of a cluster (a `Sampler`). Use it with `with`: leaving the block ends the workers."""

    def __init__(self, cluster: Cluster, spec: ModelSpec, dtype: str | None = None) -> None:
        """Start the workers, and wait for the first one that has loaded the model.

        Raises what loading raises, with the machine's name; `HomogError` where the cluster has no room in time.
        """
        if is_served(spec.source):
            raise InvalidInput(f"{spec.key} is behind a server, which is as fast as it is; leave out --ray.")
        self.cluster, self.spec, self._dtype = cluster, spec, dtype
        self.members: list[_Member] = []
        self._facts: Facts | None = None
        self._failed_starts = 0
        try:
            while self._facts is None:
                self._fill()
                for member in self._with_news(_BEAT):
                    self._take(member)
        except BaseException:
            self.close()
            raise
        self.revision, self.dtype = self._facts.revision, self._facts.dtype
        self.device = f"Ray, {cluster.n_workers} × {self._facts.device}"
        self.spec = replace(spec, n_parameters=spec.n_parameters or self._facts.n_parameters)

    def __enter__(self) -> "RaySampler":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        while self.members:
            self._drop(self.members[-1])

    def sibling(self, spec: ModelSpec) -> None:
        """None: each model has workers of its own."""

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question; a chat template lies with the weights, so a worker is asked for it."""
        return self._ask("prompt", question, style) if style == "chat" else build_prompt(question, style, None)

    def batch_that_fits(self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle) -> int:
        """The number of questions that a worker decodes together."""
        return self._ask("fitting", questions, decoding, style)

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int = 4
    ) -> Iterator[Step]:
        """Decode N samples and the greedy response of every question; yields when a chunk is done.

        A GPU decodes a chunk of `batch_questions` at once; for cores it has `_BATCHES` times as many, which begin as
        others end. Towards the end chunks are smaller, so that all workers end together. In fp32 the answers are those
        of one machine; in other types they may depend on the batch (docs/decisions.md). Raises `HomogError` where no
        worker is left, and where one chunk has ended several workers.
        """
        if batch_questions < 1:
            raise InvalidInput(f"The number of questions in a batch is {batch_questions}; it must be at least 1.")
        n_batches = 1 if self.cluster.gpus else _BATCHES
        waiting, deaths = deque(questions), Counter()
        try:
            while waiting or any(member.state == "busy" for member in self.members):
                self._fill()
                for member in self.members:
                    if member.state == "free" and waiting:
                        size = chunk_size(len(waiting), self.cluster.n_workers, batch_questions, n_batches)
                        member.chunk = [waiting.popleft() for _ in range(size)]
                        self._tell(member, "busy", "sample", member.chunk, decoding, style, batch_questions)
                news = self._with_news(_BEAT)
                for member in news:
                    chunk, state = member.chunk, member.state
                    found, why = self._take(member)
                    if state == "busy" and found is None:
                        _count_deaths(deaths, chunk, why)
                        waiting.extendleft(reversed(chunk))
                    elif state == "busy":
                        yield Step(finished=tuple(found), n_unshown=sum(map(_n_tokens, found)))
                if not news:
                    yield Step()
        finally:  # cancelled: nobody waits for what a busy worker does
            for member in [member for member in self.members if member.state == "busy"]:
                self._drop(member)

    def _fill(self) -> None:
        """Ask for workers where some are missing. They start when the cluster has room."""
        import ray

        needs = {"num_cpus": self.cluster.cpus, "num_gpus": self.cluster.gpus, "max_restarts": 0}
        while len(self.members) < self.cluster.n_workers:
            actor = ray.remote(Worker).options(**needs).remote(self.spec, self._dtype, self.cluster.cpus)
            self.members.append(_Member(actor, actor.place.remote(), time.monotonic()))

    def _with_news(self, seconds: float) -> list[_Member]:
        """The workers that have something to say, within so many seconds."""
        import ray

        by_ref = {member.awaited: member for member in self.members if member.awaited is not None}
        ready = ray.wait(list(by_ref), num_returns=1, timeout=seconds)[0] if by_ref else []
        late = [time.monotonic() - member.since > PATIENCE for member in self.members]
        if all(late) and all(member.state == "starting" for member in self.members):
            raise HomogError(
                f"The cluster has had no room for a worker of {self.spec.key} for {PATIENCE:.0f} s. What was finished "
                "is kept; give the same command again when others have ended, or `ray status` shows more nodes."
            )
        return [by_ref[ref] for ref in ready]

    def _tell(self, member: _Member, state: str, method: str, *arguments: Any) -> None:
        member.state, member.awaited = state, getattr(member.actor, method).remote(*arguments)

    def _take(self, member: _Member) -> tuple[Any, str]:
        """What a worker says, which brings it into its next state; None and why where it has died."""
        import ray

        try:
            said = ray.get(member.awaited)
        except ray.exceptions.RayTaskError as error:
            if member.state == "loading":
                self._drop(member)
            member.state, member.awaited, member.chunk = "free", None, ()  # it lives, and can be asked something else
            raise _failure(error.cause, member) from error
        except ray.exceptions.RayError as error:
            self._drop(member)
            self._failed_starts += member.state in ("starting", "loading")
            if self._failed_starts >= ATTEMPTS:
                raise HomogError(
                    f"{ATTEMPTS} workers have died before they had loaded {self.spec.key}, the last one on "
                    f"{member.host} ({first_line(error)})."
                ) from error
            return None, first_line(error)
        if member.state == "starting":
            member.host, member.pid = said
            self._tell(member, "loading", "load")
            return said, ""
        if member.state == "loading":
            self._check(said, member)
            self._failed_starts = 0
        member.state, member.awaited, member.chunk = "free", None, ()
        return said, ""

    def _check(self, facts: Facts, member: _Member) -> None:
        """Raise `HomogError` where a worker computes with something else than the first one or this machine."""
        ours = _versions()
        for package, theirs in facts.packages.items():
            if theirs != ours[package]:
                raise HomogError(
                    f"{member.host} has {package} {theirs} and this machine {ours[package]}, so that answers may "
                    "differ; install the same version on both."
                )
        first = self._facts = self._facts or facts
        for name in ("revision", "dtype", "device"):
            if getattr(facts, name) != getattr(first, name):
                raise HomogError(
                    f"{self.spec.key} has the {name} {getattr(facts, name)!r} on {member.host} and "
                    f"{getattr(first, name)!r} on another node, so that answers may differ; give all nodes the same, "
                    "or leave one of them out."
                )

    def _ask(self, method: str, *arguments: Any) -> Any:
        """What any worker that has loaded the model says."""
        while True:
            self._fill()
            free = next((member for member in self.members if member.state == "free"), None)
            if free is None:
                for member in self._with_news(_BEAT):
                    self._take(member)
                continue
            self._tell(free, "asked", method, *arguments)
            said, _ = self._take(free)
            if said is not None:
                return said

    def _drop(self, member: _Member) -> None:
        import ray

        self.members.remove(member)
        with suppress(ray.exceptions.RayError, RuntimeError):  # it has ended by itself
            ray.kill(member.actor)


def chunk_size(n_waiting: int, n_workers: int, batch: int, n_batches: int = 1) -> int:
    """How many of the waiting questions a free worker gets: its share of them, but half a batch to `n_batches`.

    So the last chunks are small enough that no worker waits long for another one, and large enough for a GPU, where
    a step of few rows takes nearly as long as one of many (docs/scale.md).
    """
    return min(n_waiting, max(-(-batch // 2), min(batch * n_batches, n_waiting // n_workers)))


def _count_deaths(deaths: Counter, chunk: Sequence[Question], why: str) -> None:
    """Count a worker's death against the questions that it had; raise `HomogError` where that is one too many."""
    deaths.update(question.id for question in chunk)
    worst = max(chunk, key=lambda question: deaths[question.id])
    if deaths[worst.id] >= ATTEMPTS:
        raise HomogError(
            f"{ATTEMPTS} workers have died over question {worst.id!r}, one after the other ({why}). What was finished "
            "is kept; give the same command again with fewer questions in a batch, or a lower token limit."
        )


def _failure(cause: BaseException, member: _Member) -> HomogError:
    """What went wrong on a worker, with the name of its machine."""
    if isinstance(cause, HomogError):
        return type(cause)(f"On {member.host}: {cause}")
    return HomogError(f"A worker on {member.host} failed ({type(cause).__name__}: {first_line(cause)}).")


def _versions() -> dict[str, str]:
    return {package: version(package).partition("+")[0] for package in _PACKAGES}


def _n_tokens(answers: ResponseSet) -> int:
    return sum(len(response.tokens) for response in (*answers.responses, answers.greedy))
