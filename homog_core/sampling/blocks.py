"""Weights that were quantised in blocks, held as what they are: small integers times one scale a block.

A model from a GGUF file of 8, 5 or 4 bits has weights in fp32 each of which is exactly an integer times a number of
fp16. A CPU that decodes a few rows waits for memory most of the time, and the integers are a quarter of it. The
products are those of the fp32 weights, in fp32; only the order of the sum is another. It knows no model.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_BLOCK = 32  # weights with one scale, along the inputs: GGUF's Q8_0, Q5_0 and Q4_0
_LARGEST = (127, 16, 8)  # the integer that the largest weight of a block is, in those three
_TILE = 128  # outputs that are computed together; their weights stay in the nearest cache


class Blocks(NamedTuple):
    """A weight matrix (O, I), tile by tile of its outputs."""

    integers: np.ndarray  # (O / TILE, I, TILE) int8
    scales: np.ndarray  # (O / TILE, I / BLOCK, TILE) float32


def exact_blocks(weight: np.ndarray) -> Blocks | None:
    """The blocks of a matrix (O, I) in fp32; None where they would not be exactly its numbers."""
    outputs, inputs = weight.shape
    if outputs % _TILE or inputs % _BLOCK:
        return None
    integers = np.empty((outputs // _TILE, inputs, _TILE), dtype=np.int8)
    scales = np.empty((outputs // _TILE, inputs // _BLOCK, _TILE), dtype=np.float32)
    largest = next((n for n in _LARGEST if _split(weight[:_TILE], n) is not None), None)  # most fail here
    for tile in range(len(integers)):  # so small that what is computed on the way stays in the cache
        found = largest and _split(weight[tile * _TILE : (tile + 1) * _TILE], largest)
        if not found:
            return None
        integers[tile], scales[tile] = found[0].T, found[1].T
    return Blocks(integers, scales)


def _split(weight: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Integers (O, I) and scales (O, I / BLOCK) whose products are exactly the weights; None where there are none."""
    blocks = weight.reshape(len(weight), -1, _BLOCK)
    scales = (np.maximum(blocks.max(-1), -blocks.min(-1)) / np.float32(largest)).astype(np.float16).astype(np.float32)
    integers = np.rint(blocks / np.maximum(scales, 1e-30)[..., None])
    if not np.array_equal(integers * scales[..., None], blocks) or np.abs(integers).max() > 127:
        return None
    return integers.reshape(weight.shape).astype(np.int8), scales


def product(blocks: Blocks, rows: np.ndarray) -> np.ndarray:
    """The products (R, O) in fp32 of rows (R, I) and the weights. A row's numbers do not depend on the other rows."""
    import torch

    n_tiles, kernel = len(blocks.integers), _kernel()
    found = np.empty((len(rows), n_tiles * _TILE), dtype=np.float32)
    n_parts = min(torch.get_num_threads(), n_tiles)
    edges = [n_tiles * i // n_parts for i in range(n_parts + 1)]
    first, *parts = pairwise(edges)
    others = [_threads().submit(kernel, *blocks, rows, found, *part) for part in parts]
    kernel(*blocks, rows, found, *first)
    for other in others:
        other.result()
    return found


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that compute while the calling one does. numba's own must not be used by two callers at once."""
    return ThreadPoolExecutor(thread_name_prefix="blocks")


@cache
def _kernel() -> Callable[..., None]:
    """The compiled product of tiles `begin` … `end` − 1, which takes a second or two the first time on a machine."""
    from numba import njit

    @njit(nogil=True, cache=True, fastmath={"contract"})  # a product and its sum in one instruction
    def kernel(integers, scales, rows, found, begin, end):
        n_rows, n_inputs = rows.shape
        weights, sums = np.empty((4, _TILE), np.float32), np.empty((n_rows, _TILE), np.float32)
        for tile in range(begin, end):
            sums[:, :] = 0
            for i in range(0, n_inputs, 4):
                for j in range(4):
                    for o in range(_TILE):
                        weights[j, o] = np.float32(integers[tile, i + j, o]) * scales[tile, i // _BLOCK, o]
                for r in range(n_rows):
                    a, b, c, d = rows[r, i], rows[r, i + 1], rows[r, i + 2], rows[r, i + 3]
                    for o in range(_TILE):
                        sums[r, o] += a * weights[0, o] + b * weights[1, o] + c * weights[2, o] + d * weights[3, o]
            for r in range(n_rows):
                for o in range(_TILE):
                    found[r, tile * _TILE + o] = sums[r, o]

    return kernel
