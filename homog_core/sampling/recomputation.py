"""Whether recorded numbers are those of a full recomputation: one forward pass over prompt and answer, without a cache.

Used by `homog selftest`, by `benchmarks.families` and by tests. It does not know what is done with the differences.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from homog_core.records import Decoding, PromptStyle, Question
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.few_rows import own_forward_passes
from homog_core.sampling.steps import Answer

Key = tuple[str, int]  # question id and sample index


def final_answers(
    sampler: TorchSampler,
    questions: Sequence[Question],
    decoding: Decoding,
    style: PromptStyle,
    batch_questions: int,
) -> dict[Key, Answer]:
    """Every answer of every question, the greedy ones included, with its token ids."""
    steps = sampler.sample(questions, decoding, style, batch_questions)
    return {(answer.question_id, answer.sample_index): answer for step in steps for answer in step.answers}


class Recomputed(NamedTuple):
    """What one forward pass says of the tokens of an answer."""

    entropies: np.ndarray  # (T,) nats
    logprobs: np.ndarray  # (T,) nats


def recompute(model: Any, prompt_ids: Sequence[int], own_ids: Sequence[int], *, in_fp32: bool = False) -> Recomputed:
    """Entropies and log-probabilities of the tokens `own_ids` after a prompt, in fp64 from the model's logits.

    The layers compute as transformers wrote them, not as `quick_layers` and `few_rows` do. Layers in int8 compute with
    the same integers by PyTorch's operations, or `in_fp32` with their weights.
    """
    import torch

    with torch.inference_mode(), own_forward_passes(model, in_fp32=in_fp32):
        ids = torch.tensor([[*prompt_ids, *own_ids]], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt_ids) - 1 : -1]  # (T, V)
        log_p = torch.log_softmax(logits.double(), dim=-1)
        entropies = -(log_p.exp() * log_p.clamp(min=-1e4)).sum(-1)  # 0 · −inf counts as 0
        own = torch.tensor(own_ids, device=log_p.device)
        return Recomputed(entropies.cpu().numpy(), log_p.gather(-1, own[:, None])[:, 0].cpu().numpy())


def differences(
    sampler: TorchSampler,
    questions: Iterable[Question],
    answers: Mapping[Key, Answer],
    style: PromptStyle,
    model: Any = None,
    *,
    in_fp32: bool = False,
) -> np.ndarray:
    """|recorded − recomputed| (D,) of all entropies and log-probabilities of the answers, in nats.

    `model` recomputes in place of the sampler's own; `in_fp32` as in `recompute`.
    """
    model, found = model or sampler.activated(), []
    for question in questions:
        prompt = sampler.prompt(question.text, style)
        prompt_ids = sampler.tokenizer(prompt.text, add_special_tokens=prompt.add_special_tokens)["input_ids"]
        for (question_id, _), answer in answers.items():
            if question_id == question.id:
                entropies, logprobs = recompute(model, prompt_ids, answer.token_ids, in_fp32=in_fp32)
                found += [np.abs(entropies - answer.entropies), np.abs(logprobs - answer.logprobs)]
    return np.concatenate(found)
