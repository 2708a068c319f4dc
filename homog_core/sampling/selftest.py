"""Whether the engine is right and quick with one model on this machine: what `homog selftest` measures.

It asks eight questions together and one of them alone, recomputes some of the answers in full, and stops a batch in its
middle. It does not know how a report is written.
"""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from homog_core.device import memory_needed, model_numbers, probe_device
from homog_core.progress import Say
from homog_core.records import GREEDY, Decoding, PromptStyle, Question
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.recomputation import Key, differences, final_answers
from homog_core.sampling.rows import Encoded
from homog_core.sampling.steps import Answer

N_QUESTIONS = 8
_DECODING = Decoding(n_samples=10, max_new_tokens=24)
_RECOMPUTED = (GREEDY, 0)  # of every question the greedy answer and the first sample
_EXACT = (1e-4, 1e-3)  # nats, in fp32: the most that numbers may be off on average, and the most of any
# In bf16 and fp16 another batch size rounds in another way. An error of the engine is as large as entropies are.
# In int8 the last bit of a number may make a step of it, and after some layers every rounding is another one
_STEPS = (5e-3, 0.05)
_ROUNDED = (0.1, 1.0)
_PEAK = 1.3  # times the estimate, which leaves activations out
_PACKAGES = ("homog-core", "torch", "transformers", "peft", "accelerate", "numpy")


@dataclass(frozen=True, slots=True)
class Finding:
    """One number of the report."""

    name: str
    value: float
    unit: str
    limit: float | None = None  # the most that passes; None: the number is reported and not judged

    @property
    def is_passed(self) -> bool:
        """Whether it is within its limit; NaN is not."""
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was measured, and where."""

    model: str
    revision: str
    dtype: str
    device: str
    versions: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every number is within its limit."""
        return all(finding.is_passed for finding in self.findings)


def selftest(
    sampler: TorchSampler, questions: Sequence[Question], style: PromptStyle, say: Say = lambda words: None
) -> SelfTest:
    """Run all checks with these questions, of which the first one is also asked alone."""
    _timed(sampler, questions[:1], style, Decoding(n_samples=10, max_new_tokens=2))  # warm
    say("Sampling one question")
    alone = _timed(sampler, questions[:1], style)
    say(f"Sampling {len(questions)} questions together")
    _reset_peak(sampler)
    together = _timed(sampler, questions, style)
    memory = _memory(sampler, questions, style)
    say("Recomputing answers in full")
    chosen = {key: answer for key, answer in together.answers.items() if key[1] in _RECOMPUTED}
    off = differences(sampler, questions, chosen, style)
    mean, largest = {"float32": _EXACT, "int8": _STEPS}.get(sampler.dtype, _ROUNDED)
    findings = (
        Finding("recorded against recomputed, mean difference", float(off.mean()), "nats", mean),
        Finding("recorded against recomputed, largest difference", float(off.max()), "nats", largest),
        *(_against_fp32(sampler, questions, chosen, style) if sampler.dtype == "int8" else ()),
        *_batch_effects(alone.answers, together.answers, sampler.dtype, largest),
        *memory,
        Finding("speed, one question", alone.tokens_per_second, "tokens/s"),
        Finding(f"speed, {len(questions)} questions", together.tokens_per_second, "tokens/s"),
        *_stop(sampler, questions, style),
    )
    device = probe_device().name
    return SelfTest(sampler.spec.key, sampler.revision, sampler.dtype, device, _versions(), findings)


def _against_fp32(
    sampler: TorchSampler, questions: Sequence[Question], answers: Mapping[Key, Answer], style: PromptStyle
) -> tuple[Finding, Finding]:
    """What int8 changes: a measurement, and no error of the engine."""
    off = differences(sampler, questions, answers, style, in_fp32=True)
    return (
        Finding("recorded in int8 against fp32, mean difference", float(off.mean()), "nats"),
        Finding("recorded in int8 against fp32, largest difference", float(off.max()), "nats"),
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    answers: dict[Key, Answer]
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return sum(answer.n_tokens for answer in self.answers.values()) / self.seconds


def _timed(
    sampler: TorchSampler, questions: Sequence[Question], style: PromptStyle, decoding: Decoding = _DECODING
) -> _Timed:
    started = time.perf_counter()
    answers = final_answers(sampler, questions, decoding, style, len(questions))
    return _Timed(answers, time.perf_counter() - started)


def _batch_effects(
    alone: Mapping[Key, Answer], together: Mapping[Key, Answer], dtype: str, largest: float
) -> tuple[Finding, Finding]:
    """The same question alone and in a batch; entropies are compared up to where two answers part."""
    others = sum(answer.text != together[key].text for key, answer in alone.items())
    off = [0.0]
    for key, answer in alone.items():
        one, other = answer.token_ids, together[key].token_ids
        same = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
        n = min(same + 1, len(one), len(other))  # the token where they part was drawn after the same beginning
        off.append(float(np.abs(np.subtract(answer.entropies[:n], together[key].entropies[:n])).max()))
    return (
        Finding("alone and in a batch, texts that differ", others, "answers", 0 if dtype == "float32" else None),
        Finding("alone and in a batch, largest difference of an entropy", max(off), "nats", largest),
    )


def _reset_peak(sampler: TorchSampler) -> None:
    import torch

    for gpu in _gpus(sampler):
        torch.cuda.reset_peak_memory_stats(gpu)


def _memory(sampler: TorchSampler, questions: Sequence[Question], style: PromptStyle) -> list[Finding]:
    """The most memory of the batch, judged by the estimate on a GPU; on a CPU what the whole process takes."""
    import psutil
    import torch

    gpus, found = _gpus(sampler), []
    sizes = [weight.numel() for weight in sampler.model.parameters()]
    numbers, estimate = model_numbers(sampler.model.config.to_dict(), sum(sizes)), None
    if numbers:
        longest = max(len(Encoded.of(sampler, question, _DECODING, style).ids) for question in questions)
        rows = len(questions) * (_DECODING.n_samples + 1)
        value = sampler.model.dtype.itemsize
        estimate = memory_needed(numbers, rows, longest + _DECODING.max_new_tokens, value) / 1e9
        found.append(Finding("memory, estimated", estimate, "GB"))
    if not gpus:
        return [*found, Finding("memory of the process", psutil.Process().memory_info().rss / 1e9, "GB")]
    peak = sum(torch.cuda.max_memory_allocated(gpu) for gpu in gpus) / 1e9
    return [*found, Finding("memory, most", peak, "GB", estimate and _PEAK * estimate)]


def _gpus(sampler: TorchSampler) -> set[Any]:
    return {weight.device for weight in sampler.model.parameters() if weight.device.type == "cuda"}


def _stop(sampler: TorchSampler, questions: Sequence[Question], style: PromptStyle) -> tuple[Finding, Finding]:
    """Close a batch after three steps; a forward pass after that would be work that nobody waits for."""
    passes: list[float] = []
    hook = sampler.model.register_forward_hook(lambda *_: passes.append(time.perf_counter()))
    try:
        steps = sampler.sample(questions, _DECODING, style, len(questions))
        for _ in range(3):
            next(steps)
        before, started = len(passes), time.perf_counter()
        steps.close()
        seconds = time.perf_counter() - started
        late = len(passes) - before + sum(1 for _ in steps)
    finally:
        hook.remove()
    return Finding("forward passes after Stop", late, "passes", 0), Finding("seconds from Stop to rest", seconds, "s")


def _versions() -> dict[str, str]:
    import torch

    found = {"Python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if torch.version.cuda:
        found["CUDA"] = torch.version.cuda
    return found
