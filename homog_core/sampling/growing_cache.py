"""A cache that takes up a token without being copied: every layer has room for some more.

transformers' own joins the old and the new into a new tensor, in every layer at every step. Rows leave and join without
a copy of the others as well. Layers of other kinds, and those whose sliding window is full, stay transformers' own.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ROOM = 32  # tokens


def growing_cache(config: Any) -> Any:
    """An empty cache for a model of this configuration."""
    from transformers import DynamicCache

    found = DynamicCache(config=config)
    growing, sliding = growing_layers()
    for layer in found.layers:
        layer.__class__ = {growing.__base__: growing, sliding.__base__: sliding}.get(type(layer), type(layer))
    return found


def can_join(cache: Any) -> bool:
    """Whether every layer keeps keys and values of tokens, so that rows of other lengths can be put below."""
    return all(isinstance(layer, growing_layers()) for layer in cache.layers)


def join(cache: Any, other: Any, length: int) -> None:
    """Put the rows of `other` below those of `cache`, so that all end at the last of `length` columns.

    Columns before the tokens of a row are 0, and are to be masked; of longer rows the last columns stay.
    """
    for layer, new in zip(cache.layers, other.layers, strict=True):
        if layer.is_initialized:  # others share the keys and values of a layer before them
            layer.join(new, length)


@cache
def growing_layers() -> tuple[type, type]:
    """The two kinds of layers that grow: with full attention alone, and with a sliding window alone."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    class Growing(DynamicLayer):
        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                return super().update(key_states, value_states, *args, **kwargs)
            return _take_up(self, key_states, value_states)

        def reorder_cache(self, beam_idx: Any) -> None:
            _select(self, beam_idx)

        def join(self, other: Any, length: int) -> None:
            _join(self, other, length)

    class GrowingSliding(DynamicSlidingWindowLayer):
        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            length = self.cumulative_length + key_states.shape[-2]
            if not self.is_initialized or self.record_past or length >= self.sliding_window:
                self.key_place = self.value_place = None  # what is made now lies elsewhere
                return super().update(key_states, value_states, *args, **kwargs)
            self.cumulative_length = length
            return _take_up(self, key_states, value_states)

        def reorder_cache(self, beam_idx: Any) -> None:
            _select(self, beam_idx)

        def join(self, other: Any, length: int) -> None:
            _join(self, other, min(length, self.sliding_window - 1))
            self.cumulative_length = length

    return Growing, GrowingSliding


def _take_up(layer: Any, keys: "torch.Tensor", values: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    """Put new keys and values (R, H, T, d) behind those of a layer."""
    layer.key_place, layer.keys = _joined(layer.keys, keys, getattr(layer, "key_place", None))
    layer.value_place, layer.values = _joined(layer.values, values, getattr(layer, "value_place", None))
    return layer.keys, layer.values


def _select(layer: Any, index: "torch.Tensor") -> None:
    """Keep the rows `index` of a layer, in that order."""
    if layer.is_initialized:
        layer.keys = _selected(layer.keys, index, getattr(layer, "key_place", None))
        layer.values = _selected(layer.values, index, getattr(layer, "value_place", None))


def _join(layer: Any, other: Any, length: int) -> None:
    """Put the rows of another layer below those of a layer, all of `length` tokens."""
    layer.key_place, layer.keys = _stacked(layer.keys, other.keys, length, getattr(layer, "key_place", None))
    layer.value_place, layer.values = _stacked(layer.values, other.values, length, getattr(layer, "value_place", None))


def _is_in(rows: "torch.Tensor", place: "torch.Tensor | None") -> bool:
    """Whether rows fill the beginning of a place."""
    return place is not None and place.data_ptr() == rows.data_ptr() and place.stride() == rows.stride()


def _new_place(rows: "torch.Tensor", n_rows: int, length: int, place: "torch.Tensor | None") -> "torch.Tensor":
    """A place for so many rows and tokens like `rows` (R, H, T, d), and for as many rows as the one before."""
    n_rows = n_rows if place is None else max(n_rows, len(place))
    return rows.new_empty(n_rows, *rows.shape[1:-2], length + ROOM, rows.shape[-1])


def _joined(
    old: "torch.Tensor", new: "torch.Tensor", place: "torch.Tensor | None"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """The place where old and new tokens are now, and both in one tensor: in `place` if the old ones fill its beginning
    and there is room behind them, else in a new one.
    """
    n_rows, length, end = len(old), old.shape[-2], old.shape[-2] + new.shape[-2]
    if not _is_in(old, place) or place.shape[-2] < end:
        place = _new_place(old, n_rows, end, place)
        place[:n_rows, ..., :length, :] = old
    place[:n_rows, ..., length:end, :] = new
    return place, place[:n_rows, ..., :end, :]


def _selected(old: "torch.Tensor", index: "torch.Tensor", place: "torch.Tensor | None") -> "torch.Tensor":
    """The rows `index` of `old`, in that order: in `place` if they only take the places of rows that leave."""
    import torch

    moved = (index != torch.arange(len(index), device=index.device)).nonzero()[:, 0]
    if not _is_in(old, place) or bool((index[moved] < len(index)).any()):
        return old.index_select(0, index.to(old.device))
    old[moved.to(old.device)] = old[index[moved].to(old.device)]
    return old[: len(index)]


def _stacked(
    old: "torch.Tensor", new: "torch.Tensor", length: int, place: "torch.Tensor | None"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """As `_joined`, with new rows below the old ones. The last of `length` columns is the last token of every row."""
    old, new = old[..., -length:, :], new[..., -length:, :]
    n_old, n_rows = len(old), len(old) + len(new)
    if not _is_in(old, place) or old.shape[-2] != length or len(place) < n_rows:
        place = _new_place(old, n_rows, length, place)
        _put(place[:n_old, ..., :length, :], old)
    _put(place[n_old:n_rows, ..., :length, :], new)
    return place, place[:n_rows, ..., :length, :]


def _put(place: "torch.Tensor", rows: "torch.Tensor") -> None:
    """Put rows at the end of a place of as many rows, and zeros before them: what is masked must be a number."""
    unused = place.shape[-2] - rows.shape[-2]
    place[..., :unused, :] = 0
    place[..., unused:, :] = rows
