"""What a prompt has in common with the one before it, and is not read again: exemplars, the opening of a template.

It keeps the keys and values of one prompt. It does not know what a prompt says.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from homog_core.sampling.growing_cache import growing_layers

if TYPE_CHECKING:
    import torch

_FEWEST, _MOST = 16, 512  # tokens that are worth it, and that are kept


class SharedBeginning:
    """The beginning of the last prompt that a model has read."""

    def __init__(self, model: Any, *, takes_positions: bool) -> None:
        """`takes_positions`: whether the model is told the position of each token; else it counts gaps as tokens.

        So does a window of a model's own, which is none of its cache (GPT-Neo's `window_size`).
        """
        self._counts_gaps = not takes_positions or hasattr(model.config, "window_size")
        self._ids: list[int] = []
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []  # keys and values (1, H, n, d)

    def put(self, cache: Any, prompts: Sequence[list[int]], n_new: int) -> int:
        """Let an empty `cache` hold what all prompts have in common with the last one; returns how many tokens that is.

        It is 0 where it is not worth it, and where the gaps that shorter prompts then have behind it would count, as
        within a sliding window; `n_new` tokens follow the prompts.
        """
        n = min(_common(prompt, self._ids) for prompt in prompts)
        lengths = {len(prompt) for prompt in prompts}
        windows = [layer.sliding_window for layer in cache.layers if hasattr(layer, "sliding_window")]
        would_count = self._counts_gaps or any(max(lengths) + n_new >= window for window in windows)
        if n < _FEWEST or (len(lengths) > 1 and would_count):
            return 0
        for i, (keys, values) in enumerate(self._layers):
            cache.update(*(kept[:, :, :n].expand(len(prompts), -1, -1, -1) for kept in (keys, values)), i)
        return n

    def keep(self, cache: Any, prompts: Sequence[list[int]]) -> None:
        """Keep the longest of the prompts that `cache` has just taken up; it has no gap.

        Nothing is kept of a cache whose layers have a state beside keys and values, or a window that is shorter.
        """
        row = max(range(len(prompts)), key=lambda i: len(prompts[i]))
        ids = prompts[row]
        if all(isinstance(layer, growing_layers()) and layer.keys.shape[-2] == len(ids) for layer in cache.layers):
            kept = [
                tuple(own[row : row + 1, :, :_MOST].clone() for own in (layer.keys, layer.values))
                for layer in cache.layers
            ]
            self._ids, self._layers = ids[:_MOST], kept  # both or, where memory runs out, neither


def _common(prompt: list[int], known: list[int]) -> int:
    """How many tokens a prompt begins with that are known; at least its last one is to be read."""
    pairs = zip(prompt[:-1], known, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(prompt) - 1, len(known)))
