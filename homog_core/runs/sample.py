"""Questions → a stored run: sample every answer that is not stored yet. Resumable.

Sampling is expensive and its result is never changed. What is computed from stored answers is in `runs.score`.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from homog_core import files
from homog_core.catalogue.servers import is_served
from homog_core.device import probe_device
from homog_core.errors import InvalidInput
from homog_core.records import Decoding, Identity, ModelSpec, PromptStyle, Provenance, Question, ResponseSet, Served
from homog_core.runs.manifest import identity_of
from homog_core.runs.store import Run
from homog_core.runs.write import RunWriter, write_run
from homog_core.sampling.steps import Sampler


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch run is."""

    n_done: int  # questions, those of an earlier attempt included
    n_total: int
    n_new: int  # questions that this process has finished
    n_tokens: int  # tokens that this process has sampled
    seconds: float

    @property
    def seconds_left(self) -> float:
        """By the questions that this process has finished; NaN before the first."""
        return self.seconds / self.n_new * (self.n_total - self.n_done) if self.n_new else float("nan")


def sample_run(
    sampler: Sampler,
    questions: Sequence[Question],
    decoding: Decoding,
    style: PromptStyle,
    *,
    batch_questions: int = 4,
    device: str | None = None,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Run:
    """Sample every question that is not stored yet; return the complete run.

    Interrupted at any point it leaves a run that the same call goes on with: a question is stored as soon as its last
    answer ends, and none is sampled twice. `device` names what the sampler computes on, where that is not this machine.
    """
    if not questions:
        raise InvalidInput("There are no questions to sample.")
    asked = [(question, sampler.prompt(question.text, style).text) for question in questions]
    plan = plan_run(
        asked, decoding, style, model=sampler.spec, revision=sampler.revision, dtype=sampler.dtype, device=device
    )
    with plan.open() as writer:
        remaining = [question for question in questions if question.id not in writer.sampled]
        n_before = len(writer.sampled)
        before, started, n_tokens = writer.run.provenance, time.monotonic(), 0
        served: Served | None = None

        def count() -> dict[str, Any]:
            seconds = time.monotonic() - started
            return {
                "wall_seconds": round(before.wall_seconds + seconds, 1),
                "n_tokens": before.n_tokens + n_tokens,
                "batch_questions": batch_questions,
                "served": served.after(before.served) if served else before.served,
            }

        try:
            for step in sampler.sample(remaining, decoding, style, batch_questions):
                n_tokens += step.n_tokens
                served = step.served or served
                writer.append_many(step.finished)
                n_done = len(writer.sampled)
                seconds = time.monotonic() - started
                on_step(Progress(n_done, len(questions), n_done - n_before, n_tokens, seconds))
        except BaseException:
            writer.update(status="interrupted", **count())
            raise
        if remaining:
            writer.update(**count())
        writer.merge()
        if writer.run.provenance.status != "complete":  # what is complete is left as it is, to the last byte
            writer.update(status="complete")
        return writer.run


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What makes a run that run: its identity, its provenance, and its questions with their prompts."""

    identity: Identity
    provenance: Provenance
    asked: Sequence[tuple[Question, str]]

    def open(self) -> AbstractContextManager[RunWriter]:
        """The writer of this run, which it creates or continues."""
        return write_run(self.identity, self.provenance, self.asked)


def plan_run(
    asked: Sequence[tuple[Question, str]],
    decoding: Decoding,
    style: PromptStyle,
    *,
    model: ModelSpec,
    revision: str,
    dtype: str,
    device: str | None = None,
) -> RunPlan:
    """The run of a model over questions with their prompts; `revision` and `dtype` are as its sampler names them.

    `device` is what the model computes on; None: this machine's. Raises `InvalidInput` for questions of several
    datasets.
    """
    identity = identity_of(
        asked,
        model=model.key,
        revision=revision,
        dtype=dtype,
        dataset=_dataset_of(asked),
        decoding=decoding,
        prompt_style=style,
    )
    provenance = Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        status="sampling",
        git_commit=_git_commit(),
        packages=_package_versions(),
        device="" if is_served(model.source) else device or probe_device().name,
        source=Path(model.source).name if Path(model.source).is_absolute() else model.source,
        family=model.family,
        stage=model.stage,
        parent=model.parent,
        n_parameters=model.n_parameters,
        leftovers=model.leftovers,
    )
    return RunPlan(identity, provenance, asked)


def keep(plan: RunPlan, answers: ResponseSet, seconds: float, served: Served | None = None) -> Run:
    """Store answers that have been sampled already as the run of one question that `plan` describes.

    `served` is what is known of the server that gave them.
    """
    with plan.open() as writer:
        if answers.question_id not in writer.sampled:
            writer.append(answers)
        if writer.run.provenance.status != "complete":  # also where a kill came between the two
            n_tokens = sum(len(response.tokens) for response in (*answers.responses, answers.greedy))
            writer.update(status="complete", n_tokens=n_tokens, wall_seconds=round(seconds, 1), served=served)
        return writer.run


def _dataset_of(asked: Sequence[tuple[Question, str]]) -> str:
    names = {question.dataset for question, _ in asked}
    if len(names) > 1:
        raise InvalidInput(f"A run holds the questions of one dataset; these are of {', '.join(sorted(names))}.")
    return names.pop()


def _git_commit() -> str | None:
    if not files.is_checkout():  # the folder of an installed library may lie in somebody else's repository
        return None
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=files.PROJECT, capture_output=True, text=True, check=False
        )
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() or None


def _package_versions() -> dict[str, str]:
    found = {}
    for package in ("homog-core", "torch", "transformers", "sentence-transformers", "numpy", "umap-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
