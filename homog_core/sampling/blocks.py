"""Weights that were quantised in blocks, held as what they are: small integers times one scale a block.

A model from a GGUF file of 8, 5 or 4 bits has weights in fp32 each of which is exactly an integer times a number of
fp16. A CPU that decodes a few rows waits for memory most of the time, and the integers are a quarter of it. The
products are those of the fp32 weights, in fp32; only the order of the sum is another. Weights that are no such blocks
are multiplied as they are. It knows no model.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from homog_core.sampling import int8
from homog_core.sampling.machine_code import Work, compiled, most_rows
from homog_core.sampling.matrix_code import (
    BLOCK,
    FEWEST_ROWS,
    MOST_ROWS,
    PIECES,
    TILE,
    Splitting,
    has_matrix_registers,
    rows_of_a_group,
    splitting,
)
from homog_core.sampling.threads import in_parallel, own_threads

if TYPE_CHECKING:
    import torch

_STEPS = 127  # of int8 on either side of 0
_LARGEST = (_STEPS, 16, 8)  # the integer that the largest weight of a block is, in GGUF's Q8_0, Q5_0 and Q4_0
_CHUNK = 128  # outputs that are taken apart together; what is computed on the way stays in the cache


class Blocks(NamedTuple):
    """A weight matrix (O, I), tile by tile of its outputs."""

    integers: "torch.Tensor"  # (O / TILE, I, TILE) int8
    scales: "torch.Tensor"  # (O / TILE, I / BLOCK, TILE) float32


def exact_blocks(weight: np.ndarray) -> Blocks | None:
    """The blocks of a matrix (O, I) in fp32; None where they would not be exactly its numbers."""
    if not are_whole_tiles(*weight.shape):
        return None
    largest = next((n for n in _LARGEST if _split(weight[:_CHUNK], n) is not None), None)  # most fail here
    return None if largest is None else _in_tiles(weight, lambda rows: _split(rows, largest))


def int8_weights(weight: np.ndarray) -> int8.Int8:
    """A matrix (O, I) in fp32 as integers of 8 bits: exactly where it is blocks, else the nearest 127 steps of each."""
    return int8.Int8.of(*(exact_blocks(weight) or _in_tiles(weight, _nearest)))


def _in_tiles(weight: np.ndarray, split: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray] | None]) -> Blocks | None:
    """The blocks of a matrix (O, I) whose rows `split` takes apart; None where it does not."""
    import torch

    outputs, inputs = weight.shape
    integers = np.empty((outputs // TILE, inputs, TILE), dtype=np.int8)
    scales = np.empty((outputs // TILE, inputs // BLOCK, TILE), dtype=np.float32)

    def take_apart(start: int) -> bool:
        if (found := split(weight[start : start + _CHUNK])) is None:
            return False
        for own, values in zip((integers, scales), found, strict=True):
            tiles = values.reshape(-1, TILE, values.shape[1]).transpose(0, 2, 1)
            own[start // TILE : start // TILE + len(tiles)] = tiles
        return True

    if not all(own_threads().map(take_apart, range(0, outputs, _CHUNK))):
        return None
    return Blocks(torch.from_numpy(integers), torch.from_numpy(scales))


def are_whole_tiles(outputs: int, inputs: int) -> bool:
    """Whether a matrix (O, I) has a form that `product` takes."""
    return outputs % TILE == 0 and inputs % BLOCK == 0


def _split(weight: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Integers (O, I) and scales (O, I / BLOCK) whose products are exactly the weights; None where there are none."""
    blocks = weight.reshape(len(weight), -1, BLOCK)
    scales = (np.maximum(blocks.max(-1), -blocks.min(-1)) / np.float32(largest)).astype(np.float16).astype(np.float32)
    integers = np.rint(blocks / np.maximum(scales, 1e-30)[..., None])
    if not np.array_equal(integers * scales[..., None], blocks) or np.abs(integers).max() > 127:
        return None
    return integers.reshape(weight.shape).astype(np.int8), scales


def _nearest(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers (O, I) and scales (O, I / BLOCK) whose products are as near to the weights as `_STEPS` allow."""
    blocks = weight.reshape(len(weight), -1, BLOCK)
    scales = np.abs(blocks).max(-1) / np.float32(_STEPS)
    integers = np.rint(blocks / np.maximum(scales, 1e-30)[..., None])
    return integers.reshape(weight.shape).astype(np.int8), scales


def product(weight: "Blocks | int8.Int8 | torch.Tensor", rows: "torch.Tensor") -> "torch.Tensor":
    """The products (R, O) in fp32 of rows (R, I) and weights, in blocks or as numbers (O, I); O and I in whole tiles.

    A row's numbers do not depend on the other rows, but for rounding where matrix registers compute many rows.
    """
    import torch

    if isinstance(weight, int8.Int8):
        return int8.product(weight, rows)
    if not isinstance(weight, Blocks):
        return _product("numbers", weight, rows)
    if len(rows) < FEWEST_ROWS or not has_matrix_registers():
        return _product("blocks", weight, rows)
    found = [_product("matrix", weight, some) for some in rows.split(MOST_ROWS)]
    return torch.cat(found) if len(found) > 1 else found[0]


def _product(kind: str, weight: "Blocks | torch.Tensor", rows: "torch.Tensor") -> "torch.Tensor":
    """The products (R, O), computed in groups of rows."""
    import torch

    n_rows = rows_of_a_group(len(rows)) if kind == "matrix" else -(-len(rows) // -(-len(rows) // most_rows()))
    n_groups = -(-len(rows) // n_rows)
    n_groups += n_groups % 2 if kind == "matrix" else 0
    tensors = weight if isinstance(weight, Blocks) else (weight, weight)
    n_tiles = len(weight.integers) if isinstance(weight, Blocks) else len(weight) // TILE
    given = {"blocks": _in_columns, "numbers": _padded, "matrix": _in_pieces}[kind](rows, n_groups, n_rows)
    found = torch.empty(n_groups * n_rows, n_tiles * TILE)
    addresses = (tensor.data_ptr() for tensor in (*tensors, given, found))
    work = Work(*addresses, rows.shape[1], n_groups, n_tiles, 0)
    in_parallel(compiled(kind, n_rows), work, n_tiles)
    return found[: len(rows)]


def _padded(rows: "torch.Tensor", n_groups: int, n_rows: int) -> "torch.Tensor":
    """Rows (R, I) and as many zeros as the last group needs."""
    import torch

    padding = n_groups * n_rows - len(rows)
    return torch.nn.functional.pad(rows, (0, 0, 0, padding)) if padding else rows.contiguous()


def _in_columns(rows: "torch.Tensor", n_groups: int, n_rows: int) -> "torch.Tensor":
    """Group by group the rows (I, rows of a group) turned."""
    return _padded(rows, n_groups, n_rows).view(n_groups, n_rows, -1).transpose(1, 2).contiguous()


def _in_pieces(rows: "torch.Tensor", n_groups: int, n_rows: int) -> "torch.Tensor":
    """Rows as three numbers of bf16 for each, in the order in which they are read."""
    import torch

    rows = rows.contiguous()
    pieces = torch.empty(PIECES * n_groups * n_rows, rows.shape[1], dtype=torch.bfloat16)
    splitting()(Splitting(rows.data_ptr(), pieces.data_ptr(), *rows.shape, 2 * n_rows))
    return pieces
