"""A cache that takes up a token without being copied: every layer has room for some more.

transformers' own joins the old and the new into a new tensor, in every layer at every step. Layers of other kinds, and
those whose sliding window is full, stay transformers' own.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ROOM = 32  # tokens


def growing_cache(config: Any) -> Any:
    """An empty cache for a model of this configuration."""
    from transformers import DynamicCache

    found = DynamicCache(config=config)
    growing, sliding = growing_layers()
    for layer in found.layers:
        layer.__class__ = {growing.__base__: growing, sliding.__base__: sliding}.get(type(layer), type(layer))
    return found


@cache
def growing_layers() -> tuple[type, type]:
    """The two kinds of layers that grow: with full attention alone, and with a sliding window alone."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    class Growing(DynamicLayer):
        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                return super().update(key_states, value_states, *args, **kwargs)
            return _take_up(self, key_states, value_states)

    class GrowingSliding(DynamicSlidingWindowLayer):
        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            length = self.cumulative_length + key_states.shape[-2]
            if not self.is_initialized or self.record_past or length >= self.sliding_window:
                return super().update(key_states, value_states, *args, **kwargs)
            self.cumulative_length = length
            return _take_up(self, key_states, value_states)

    return Growing, GrowingSliding


def _take_up(layer: Any, keys: "torch.Tensor", values: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    """Put new keys and values (R, H, T, d) behind those of a layer."""
    layer.key_place, layer.keys = _joined(layer.keys, keys, getattr(layer, "key_place", None))
    layer.value_place, layer.values = _joined(layer.values, values, getattr(layer, "value_place", None))
    return layer.keys, layer.values


def _joined(
    old: "torch.Tensor", new: "torch.Tensor", place: "torch.Tensor | None"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """The place where old and new tokens are now, and both in one tensor: in `place` if the old ones fill its beginning
    and there is room behind them, else in a new one.
    """
    length, end = old.shape[-2], old.shape[-2] + new.shape[-2]
    is_old_there = place is not None and place.data_ptr() == old.data_ptr() and place.stride() == old.stride()
    if not is_old_there or len(place) != len(old) or place.shape[-2] < end:
        place = old.new_empty(*old.shape[:-2], end + _ROOM, old.shape[-1])
        place[..., :length, :] = old
    place[..., length:end, :] = new
    return place, place[..., :end, :]
