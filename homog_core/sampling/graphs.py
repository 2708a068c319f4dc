"""Decoding on a GPU with a whole step as one CUDA graph: the GPU does not wait for Python to launch its kernels.

A step of a small model is a thousand kernels of some microseconds each. They are recorded once, over a cache of fixed
length, and replayed at every step. While the host turns the tokens of one step into text, the GPU computes the next.
The numbers are those of the ordinary path (`engine`), but for rounding.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homog_core.records import GREEDY, Decoding
from homog_core.sampling.decoding import Columns
from homog_core.sampling.draws import Chosen, choose_tokens
from homog_core.sampling.rows import Row

if TYPE_CHECKING:
    import torch

_MANY = 64  # rows: with fewer, a row that has ended costs nothing


def is_recordable(model: Any, decoding: Decoding, width: int) -> bool:
    """Whether the steps of a batch with prompts of `width` tokens can be recorded.

    Not on a CPU or on several GPUs; not where transformers does not call the model's forward pass one graph; not where
    a sliding window is shorter than the answers; and not with top-p, whose search asks the GPU for a number.
    """
    from transformers import DynamicCache

    if not _is_on_one_gpu(model):
        return False
    longest = width + decoding.max_new_tokens + 1
    layers = DynamicCache(config=model.config).layers
    windows = [getattr(layer, "sliding_window", None) for layer in layers]
    return (
        model._can_compile_fullgraph
        and decoding.top_p == 1
        and all(hasattr(layer, "get_mask_sizes") and not hasattr(layer, "conv_states") for layer in layers)
        and all(longest <= window for window in windows if window)
    )


def _is_on_one_gpu(model: Any) -> bool:
    return model.device.type == "cuda" and len({weight.device for weight in model.parameters()}) == 1


class RecordedDecoding:
    """The batch of `engine` on the GPU, from the logits of its prompts on.

    `cache` and `mask` (Q, P) are those of the prompts, `logits` (Q, V) what follows them; each becomes `copies` rows,
    of which `rows` is what is known of each.
    """

    takes_more = False  # what is recorded has one number of rows, all of which are at the same step

    def __init__(
        self,
        model: Any,
        given: dict[str, str],
        cache: Any,
        mask: "torch.Tensor",
        logits: "torch.Tensor",
        copies: int,
        rows: Sequence[Row],
        decoding: Decoding,
    ) -> None:
        import torch

        self.rows = list(rows)
        self._model, self._names, self._decoding = model, given, decoding
        uniforms = torch.from_numpy(np.stack([row.uniforms for row in rows], axis=1))  # (T, R, LEVELS)
        greedy = torch.tensor([row.answer.sample_index == GREEDY for row in rows])  # (R,)
        self._uniforms, self._greedy = uniforms.to(model.device), greedy.to(model.device)
        n_steps, width = len(uniforms), mask.shape[1]
        with torch.inference_mode():
            self._cache = _fixed_cache(model, cache, copies, width + n_steps)
            mask = mask.repeat_interleave(copies, dim=0)
            self._positions = mask.sum(-1, keepdim=True)  # (R, 1) of the token at hand
            self._mask = torch.cat(
                [mask, mask.new_ones(len(mask), n_steps)], dim=1
            )  # (R, P + T); later ones are hidden
            self._step = torch.ones(1, dtype=torch.long, device=mask.device)  # that is computed next
            chosen = choose_tokens(logits.repeat_interleave(copies, dim=0), self._uniforms[0], self._greedy, decoding)
            self._ids = chosen.ids[:, None].clone()  # (R, 1)
            self._out = _stacked(chosen)  # (3, R)
        self._graph: Any = None
        self._is_warm = False
        self._left = n_steps - 1
        self._live = list(range(len(mask)))  # the rows that go on
        self._send()

    def tokens(self) -> Columns:
        """What the rows say at this step. The next step begins."""
        self._arrived()
        columns = self._host.tolist()
        if self._left:
            self._left -= 1
            self._launch()
            self._send()
        ids, entropies, logprobs = ([column[row] for row in self._live] for column in columns)
        return [int(token) for token in ids], entropies, logprobs

    def keep(self, live: Sequence[int]) -> None:
        """Go on with these of the rows. Half of many are dropped at a time, since that needs a new recording."""
        self.rows, self._live = ([column[row] for row in live] for column in (self.rows, self._live))
        if self._live and len(self._greedy) >= _MANY and 2 * len(self._live) <= len(self._greedy):
            self._shrink()

    def advance(self) -> None:
        """The next step is under way since the tokens were asked for."""

    def close(self) -> None:
        """Wait for the step that is being computed, so that its memory can be given back."""
        self._arrived()

    def _launch(self) -> None:
        """Let the GPU compute a step: the first one as it comes, which makes it ready, then the recording of it."""
        import torch

        with torch.inference_mode():
            if self._is_warm and self._graph is None:
                self._graph = self._recorded()
            if self._graph:
                self._graph.replay()
            else:
                self._compute()
                self._is_warm = True

    def _recorded(self) -> Any:
        """The recording; False where the model does something that cannot be recorded, which is then computed."""
        import torch

        if not self._out.is_cuda:
            return False
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._compute()
        except (RuntimeError, torch.AcceleratorError):  # nothing has been computed
            return False
        return graph

    def _compute(self) -> None:
        """One step, from tensors that stay where they are to tensors that stay where they are."""
        names = self._names
        given = {names["cache"]: self._cache, names["positions"]: self._positions, names["only_last"]: 1}
        given.pop("", None)
        logits = self._model(input_ids=self._ids, attention_mask=self._mask, use_cache=True, **given).logits[:, -1]
        uniform = self._uniforms.index_select(0, self._step)[0]
        chosen = choose_tokens(logits, uniform, self._greedy, self._decoding)
        self._ids.copy_(chosen.ids[:, None])
        self._out.copy_(_stacked(chosen))
        self._positions += 1
        self._step += 1

    def _send(self) -> None:
        """Have the numbers of the step brought to the host once they are there."""
        import torch

        on_gpu = self._out.is_cuda  # elsewhere only tests come here
        self._host = torch.empty_like(self._out, device="cpu", pin_memory=on_gpu)
        self._host.copy_(self._out, non_blocking=on_gpu)
        self._arrived = torch.cuda.current_stream().record_event().synchronize if on_gpu else lambda: None

    def _shrink(self) -> None:
        """Leave out the rows that have ended."""
        import torch

        with torch.inference_mode():
            index = torch.tensor(self._live, device=self._ids.device)
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[index], layer.values[index]
                layer.batch_size = len(index)
            self._uniforms, self._greedy = self._uniforms[:, index], self._greedy[index]
            self._ids, self._positions, self._mask = self._ids[index], self._positions[index], self._mask[index]
            self._out = self._out[:, index]
        self._graph, self._is_warm = None, False
        self._live = list(range(len(index)))
        self._send()


def _fixed_cache(model: Any, cache: Any, copies: int, length: int) -> Any:
    """A cache of `length` tokens whose rows begin with those of `cache` (Q rows), each `copies` times.

    No answer is longer than a sliding window, so every layer keeps all tokens. Layers that slide count theirs in
    Python, which a recording does not do.
    """
    from transformers import StaticCache
    from transformers.cache_utils import StaticLayer

    fixed = StaticCache(config=model.config, max_cache_len=length)
    fixed.layers = [StaticLayer(max_cache_len=length) for _ in cache.layers]
    for own, layer in zip(fixed.layers, cache.layers, strict=True):
        keys, values = (kept.repeat_interleave(copies, dim=0) for kept in (layer.keys, layer.values))
        own.lazy_initialization(keys, values)
        width = keys.shape[2]
        own.keys[:, :, :width], own.values[:, :, :width] = keys, values
        own.cumulative_length.fill_(width)
    return fixed


def _stacked(chosen: Chosen) -> "torch.Tensor":
    """All numbers of a step in one tensor (3, R); fp64 holds token ids and fp32 numbers as they are."""
    import torch

    return torch.stack([column.double() for column in chosen])
