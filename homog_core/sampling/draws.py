"""Next-token logits and uniform numbers → one token a row, with its entropy and log-probability.

The same logits and numbers give the same token whatever else is in the batch. Knows no model and no text.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from homog_core.records import Decoding
from homog_core.sampling.instructions import can_run, lanes
from homog_core.sampling.logit_code import BLOCK, Summary, summary
from homog_core.sampling.threads import in_parallel

if TYPE_CHECKING:
    import torch

LEVELS = 24  # uniform numbers per token; enough to halve a vocabulary of 2^24


class Chosen(NamedTuple):
    """The tokens of one step, on the device."""

    ids: "torch.Tensor"  # (R,) int64
    entropies: "torch.Tensor"  # (R,) float32, nats, of the raw distribution
    logprobs: "torch.Tensor"  # (R,) float32, nats, of the raw distribution


class _Summary(NamedTuple):
    """What is known of the weights exp(logit − largest) of some rows, by blocks of the vocabulary."""

    largest: "torch.Tensor"  # (R,) logits
    mass: "torch.Tensor"  # (R, B) Σ weight
    moment: "torch.Tensor"  # (R, B) Σ weight · (logit − largest)


def choose_tokens(
    logits: "torch.Tensor", uniform: "torch.Tensor", greedy: "torch.Tensor", decoding: Decoding
) -> Chosen:
    """One token for every row of `logits` (R, V): the likeliest where `greedy`, otherwise drawn as by `inverse_cdf`.

    Entropy and log-probability come from the raw distribution, before temperature, top-k and top-p. Nothing of size V
    outlives the call.
    """
    import torch

    largest, mass, moment = _summary(logits)
    total = mass.double().sum(-1)
    entropies = total.log() - moment.double().sum(-1) / total
    if decoding.temperature == 1 and decoding.top_p == 1 and decoding.top_k == 0:
        ids = _draw(mass.double(), uniform, lambda block: _weights_of(logits, largest, block))
    else:
        rows = zip(_apart(logits), _apart(largest), strict=True)
        weights = [truncated_distribution(some.float() - top[:, None], decoding) for some, top in rows]
        ids = inverse_cdf(torch.cat(weights), uniform)
    if logits.is_cuda:  # without asking which rows they are, which would make the host wait
        ids = torch.where(greedy, logits.argmax(dim=-1), ids)
    elif greedy.any():
        ids[greedy] = logits[greedy].argmax(dim=-1)
    chosen = logits.gather(-1, ids[:, None])[:, 0].double()
    return Chosen(ids, entropies.float(), (chosen - largest.double() - total.log()).float())


def _apart(rows: "torch.Tensor") -> "tuple[torch.Tensor, ...]":
    """Rows as a GPU takes them, all at once, or as a CPU does: one after the other, which stays in its cache."""
    return rows.split(len(rows) if rows.is_cuda else 1)


def _summary(logits: "torch.Tensor") -> _Summary:
    """By machine code for fp32 on a CPU, where a row fills whole registers."""
    import torch

    n_rows, size = logits.shape
    is_fp32 = logits.device.type == "cpu" and logits.dtype == torch.float32
    if not is_fp32 or logits.stride(1) != 1 or size % lanes() or not can_run():
        return _Summary(*(torch.cat(values) for values in zip(*map(_plain_summary, _apart(logits)), strict=True)))
    found = _Summary(torch.empty(n_rows), *torch.empty(2, n_rows, -(-size // BLOCK)))
    addresses = (tensor.data_ptr() for tensor in (logits, *found))
    in_parallel(summary(), Summary(*addresses, size, found.mass.shape[1], logits.stride(0), n_rows, 0), n_rows)
    return found


def _plain_summary(logits: "torch.Tensor") -> _Summary:
    import torch

    logits = logits.float()
    largest = logits.amax(-1)
    below = (logits - largest[:, None]).clamp_(min=-1e4)  # 0 · −inf counts as 0
    blocks = _in_blocks(below, float("-inf"))
    weights = blocks.exp()
    return _Summary(largest, weights.sum(-1), torch.linalg.vecdot(weights, blocks.clamp_(min=-1e4)))


def _weights_of(logits: "torch.Tensor", largest: "torch.Tensor", block: "torch.Tensor") -> "torch.Tensor":
    """The weights (R, BLOCK) of one block of each row; those behind the vocabulary are 0."""
    import torch

    places = block[:, None] * BLOCK + torch.arange(BLOCK, device=logits.device)
    found = logits.gather(-1, places.clamp(max=logits.shape[-1] - 1)).float() - largest[:, None]
    return found.exp().where(places < logits.shape[-1], 0)


def truncated_distribution(log_p: "torch.Tensor", decoding: Decoding) -> "torch.Tensor":
    """Weights (R, V), not normalised, after temperature, then top-k, then top-p (the smallest set that reaches p).

    A number added to all `log_p` of a row changes nothing.
    """
    import torch

    weights = torch.softmax(log_p / decoding.temperature, dim=-1)
    if decoding.top_k and decoding.top_k < weights.shape[-1]:
        kth = weights.topk(decoding.top_k, dim=-1).values[:, -1:]
        weights = weights.masked_fill(weights < kth, 0.0)
    if decoding.top_p < 1:
        target = decoding.top_p * weights.sum(-1, keepdim=True)
        weights = weights.masked_fill(weights < _nucleus_edge(weights, target), 0.0)
    return weights


def inverse_cdf(weights: "torch.Tensor", uniform: "torch.Tensor") -> "torch.Tensor":
    """Draw one index per row of `weights` (R, V), not normalised, by inverse CDF → (R,) int64.

    The vocabulary is halved again and again, and each half is chosen by a uniform number of its own, `uniform`
    (R, LEVELS). A single number against the whole CDF would be upset by the last bit of any of V sums, and the texts
    would depend on the batch size (docs/decisions.md). An index of weight 0 is never returned.
    """
    import torch

    blocks = _in_blocks(weights, 0.0)
    rows = torch.arange(len(weights), device=weights.device)
    return _draw(blocks.sum(-1).double(), uniform, lambda block: blocks[rows, block])


def _in_blocks(rows: "torch.Tensor", value: float) -> "torch.Tensor":
    """Rows (R, V) as (R, B, BLOCK), filled up with `value`."""
    import torch

    behind = -rows.shape[-1] % BLOCK
    rows = torch.nn.functional.pad(rows, (0, behind), value=value) if behind else rows
    return rows.view(len(rows), -1, BLOCK)


def _draw(
    mass: "torch.Tensor", uniform: "torch.Tensor", inside: "Callable[[torch.Tensor], torch.Tensor]"
) -> "torch.Tensor":
    """A block by the `mass` (R, B) of all blocks, then an index by the weights (R, BLOCK) `inside` those blocks."""
    import torch

    depth = (mass.shape[-1] - 1).bit_length()
    block = _descend(torch.nn.functional.pad(mass, (0, (1 << depth) - mass.shape[-1])), uniform)
    return block * BLOCK + _descend(inside(block).double(), uniform[:, depth:])


def uniforms(seed: int, question_id: str, n_samples: int, n_tokens: int) -> np.ndarray:
    """The uniform numbers of a question, (N, T, LEVELS) in [0, 1): a function of seed, question, sample and step alone.

    Counter-based (Philox): sample i is the stream that starts at counter i, so that neither N nor T changes an entry.
    """
    key = int.from_bytes(hashlib.sha256(f"{seed}\0{question_id}".encode()).digest()[:16], "big")
    streams = (np.random.Generator(np.random.Philox(key=key, counter=[0, 0, i, 0])) for i in range(n_samples))
    return np.stack([stream.random((n_tokens, LEVELS)) for stream in streams])


def _nucleus_edge(weights: "torch.Tensor", target: "torch.Tensor", k: int = 1024) -> "torch.Tensor":
    """The smallest weight (R, 1) of the nucleus. Looks at the k largest first: sorting a whole vocabulary is slow."""
    k = min(k, weights.shape[-1])
    top = weights.topk(k, dim=-1).values  # (R, k) descending
    before = top.cumsum(-1) - top
    if k < weights.shape[-1] and bool((top.sum(-1, keepdim=True) < target).any()):
        return _nucleus_edge(weights, target, k * 16)
    inside = (before < target).sum(-1, keepdim=True).clamp(min=1)
    return top.gather(-1, inside - 1)


def _descend(weights: "torch.Tensor", uniform: "torch.Tensor") -> "torch.Tensor":
    """One index per row of `weights` (R, 2^k), from the root of the tree of sums to a leaf → (R,)."""
    levels = [weights]
    while levels[-1].shape[-1] > 1:
        levels.append(levels[-1].unflatten(-1, (-1, 2)).sum(-1))
    index = uniform.new_zeros(len(weights), 1).long()
    for depth, level in enumerate(reversed(levels[:-1])):
        left, right = level.gather(1, 2 * index), level.gather(1, 2 * index + 1)
        goes_right = (uniform[:, depth, None] * (left + right) >= left) & (right > 0)
        index = 2 * index + goes_right.long()
    return index[:, 0]
