"""Rows that are decoded together, step by step, on any device and for any model.

Rows that have ended leave, and those of other questions join; all end at the same column of the cache, so a younger or
shorter row has more unused columns before it. It does not know when that happens, nor what becomes of the tokens;
`graphs.RecordedDecoding` is the same with CUDA graphs, for rows that begin together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from homog_core.records import GREEDY, Decoding
from homog_core.sampling.draws import choose_tokens
from homog_core.sampling.growing_cache import ROOM, can_join, join
from homog_core.sampling.rows import Row

if TYPE_CHECKING:
    import torch

Columns = tuple[list[int], list[float], list[float]]  # token ids, entropies and log-probabilities of the rows


@dataclass(slots=True, eq=False)
class State:
    """The rows on the device: the cache, which of its positions are real, and the next-token logits."""

    cache: Any
    mask: "torch.Tensor"  # (R, P + t)
    logits: "torch.Tensor | None"  # (R, V); None once a token has been chosen by it

    def expand(self, copies: int) -> None:
        """Make `copies` rows of every row, each of which draws its own next token."""
        import torch

        index = torch.arange(len(self.mask)).repeat_interleave(copies)
        with torch.inference_mode():
            self.select(index)
            self.logits = self.logits[index.to(self.logits.device)]

    def select(self, index: "torch.Tensor") -> None:
        """Keep the rows `index` of the cache, in that order."""
        # `reorder_cache` is what every kind of cache has: layers of linear attention can neither repeat nor select
        self.cache.reorder_cache(index)
        self.mask = self.mask[index.to(self.mask.device)]

    def join(self, other: "State") -> None:
        """Put the rows of another state below these. Columns that no row uses are cut off from time to time."""
        import torch

        with torch.inference_mode():
            unused = int(self.mask.any(0).int().argmax())
            width = self.mask.shape[1] - (unused if unused >= ROOM else 0)
            width = max(width, other.mask.shape[1])
            join(self.cache, other.cache, width)
            masks = (state.mask for state in (self, other))
            self.mask = torch.cat([torch.nn.functional.pad(mask, (width - mask.shape[1], 0)) for mask in masks])

    def advance(self, next_logits: "Callable[..., torch.Tensor]", ids: "torch.Tensor") -> None:
        """Append one token (R,) to every row and compute the next logits."""
        import torch

        with torch.inference_mode():
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
            self.logits = next_logits(ids[:, None].to(self.mask.device), self.mask, self.cache)


class ComputedDecoding:
    """Rows of a batch, from the logits of their prompts on."""

    def __init__(
        self,
        next_logits: "Callable[..., torch.Tensor]",
        prompts: State,
        copies: int,
        rows: Sequence[Row],
        decoding: Decoding,
    ) -> None:
        """`prompts` has one row a question, which becomes `copies` rows; `rows` is what is known of each of them."""
        prompts.expand(copies)
        self.rows = list(rows)
        self._next_logits, self._state, self._decoding = next_logits, prompts, decoding
        self._ids: torch.Tensor | None = None  # (R,) what the rows have just said

    @property
    def width(self) -> int:
        """The columns of the cache, used and unused."""
        return self._state.mask.shape[1]

    @property
    def takes_more(self) -> bool:
        """Whether rows can join: not where layers keep something else than the keys and values of each token."""
        return can_join(self._state.cache)

    def tokens(self) -> Columns:
        """What the rows say at this step."""
        import torch

        logits, self._state.logits = self._state.logits, None  # so that it is freed before others are made
        uniform = torch.from_numpy(np.stack([row.uniforms[len(row.said)] for row in self.rows]))  # (R, LEVELS)
        greedy = torch.tensor([row.answer.sample_index == GREEDY for row in self.rows])  # (R,)
        with torch.inference_mode():
            chosen = choose_tokens(logits, uniform.to(logits.device), greedy.to(logits.device), self._decoding)
        self._ids = chosen.ids
        # to the host in one go; fp64 holds token ids and fp32 numbers as they are
        ids, entropies, logprobs = torch.stack([column.double() for column in chosen]).tolist()
        return [int(token) for token in ids], entropies, logprobs

    def keep(self, live: Sequence[int]) -> None:
        """Go on with these of the rows. The last ones take the places of those that leave, so that few are moved."""
        import torch

        n, n_before, stay = len(live), len(self.rows), set(live)
        last = [row for row in live if row >= n]
        order = [row if row in stay else last.pop() for row in range(n)]
        self.rows = [self.rows[row] for row in order]
        if 0 < n < n_before:  # without rows nothing is computed any more
            index = torch.tensor(order)
            with torch.inference_mode():
                self._state.select(index)
                self._ids = self._ids[index.to(self._ids.device)]

    def join(self, other: "ComputedDecoding") -> None:
        """Go on with the rows of another decoding as well; both have said a token that is not in their caches."""
        import torch

        self._state.join(other._state)
        self._ids = torch.cat([self._ids, other._ids])
        self.rows += other.rows

    def advance(self) -> None:
        """Compute what the next tokens are drawn from."""
        self._state.advance(self._next_logits, self._ids)

    def close(self) -> None:
        """Nothing is under way."""
