"""Next-token logits and uniform numbers → one token a row, with its entropy and log-probability.

The same logits and numbers give the same token whatever else is in the batch. Knows no model and no text.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from homog_core.records import Decoding

if TYPE_CHECKING:
    import torch

LEVELS = 24  # uniform numbers per token; enough to halve a vocabulary of 2^24
_BLOCK = 512  # a token is searched in two stages: blocks of the vocabulary, then tokens of a block


class Chosen(NamedTuple):
    """The tokens of one step, on the device."""

    ids: "torch.Tensor"  # (R,) int64
    entropies: "torch.Tensor"  # (R,) float32, nats, of the raw distribution
    logprobs: "torch.Tensor"  # (R,) float32, nats, of the raw distribution


def choose_tokens(
    logits: "torch.Tensor", uniform: "torch.Tensor", greedy: "torch.Tensor", decoding: Decoding
) -> Chosen:
    """One token for every row of `logits` (R, V): the likeliest where `greedy`, otherwise drawn by `inverse_cdf`.

    Entropy and log-probability come from the raw distribution, before temperature, top-k and top-p. Nothing of size V
    outlives the call. A CPU takes one row after the other, which stays in its cache meanwhile.
    """
    import torch

    weights = torch.empty(logits.shape, dtype=torch.float32, device=logits.device)  # (R, V) to draw by
    at_once = len(logits) if logits.is_cuda else 1
    summaries = [
        _summary(some, decoding, own) for some, own in zip(logits.split(at_once), weights.split(at_once), strict=True)
    ]
    entropies, normalisers = (torch.cat(values) for values in zip(*summaries, strict=True))
    ids = inverse_cdf(weights, uniform)
    if logits.is_cuda:  # without asking which rows they are, which would make the host wait
        ids = torch.where(greedy, logits.argmax(dim=-1), ids)
    elif greedy.any():
        ids[greedy] = logits[greedy].argmax(dim=-1)
    chosen = logits.gather(-1, ids[:, None])[:, 0].double()
    return Chosen(ids, entropies.float(), (chosen - normalisers).float())


def _summary(
    logits: "torch.Tensor", decoding: Decoding, weights: "torch.Tensor"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """The entropies (R,) of some rows of logits and what normalises them, log Σ exp (R,); fills in the `weights`."""
    import torch

    logits = logits.float()
    largest = logits.amax(-1, keepdim=True)
    log_w = (logits - largest).clamp_(min=-1e4)  # 0 · −inf counts as 0
    raw = decoding.temperature == 1 and decoding.top_p == 1 and decoding.top_k == 0
    w = torch.exp(log_w, out=weights) if raw else log_w.exp()
    total = w.sum(-1).double()
    entropies = total.log() - torch.linalg.vecdot(w, log_w) / total
    if not raw:
        weights.copy_(truncated_distribution(logits - largest, decoding))
    return entropies, largest[:, 0] + total.log()


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

    n_rows, size = weights.shape
    pad = torch.nn.functional.pad
    if size % _BLOCK:
        weights = pad(weights, (0, _BLOCK - size % _BLOCK))
    blocks = weights.view(n_rows, -1, _BLOCK)  # (R, V / 512, 512)
    mass = blocks.sum(-1).double()  # (R, V / 512)
    depth = (mass.shape[-1] - 1).bit_length()
    block = _descend(pad(mass, (0, (1 << depth) - mass.shape[-1])), uniform)
    inside = blocks[torch.arange(n_rows, device=weights.device), block]  # (R, 512)
    return block * _BLOCK + _descend(inside.double(), uniform[:, depth:])


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
