"""transformers reads a GGUF file in seconds instead of a minute.

It reads the header three times through the `gguf` package, which makes several arrays of every word of the vocabulary,
works out the names of all tensors once for every module, and computes the numbers of a tensor in tiny pieces. Here the
header is read once, words that nobody asks this reader for are only counted, names are remembered, and all cores
compute numbers. It does not know what is done with the weights.
"""

import contextlib
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_STRING, _ARRAY = 8, 9
_PIECE = 1 << 19  # weights that are dequantised at a time; what is computed on the way stays in the cache
_LENGTH = struct.Struct("<Q")
_lock = threading.Lock()  # the functions of a package are exchanged for everybody


@contextlib.contextmanager
def quick_gguf(file: Path, on_tensor: Callable[[int, int], None]) -> Iterator[None]:
    """While this is open, transformers gets what the `gguf` package would read of `file`, and soon.

    `on_tensor` is told how many tensors are being dequantised or have been, and how many there are.
    """
    import gguf

    with _lock:  # what is exchanged here must be the package's own
        reader, dequantize, count = _quick_reader(file), gguf.dequantize, 0

        def counted(data: np.ndarray, kind: Any) -> np.ndarray:
            nonlocal count
            count += 1
            on_tensor(count, len(reader.tensors))
            return _in_pieces(dequantize, data, kind)

        ours = {
            "GGUFReader": lambda *_: reader,
            "dequantize": counted,
            "get_tensor_name_map": cache(gguf.get_tensor_name_map),
        }
        theirs = {name: getattr(gguf, name) for name in ours}
        try:
            for name, function in ours.items():
                setattr(gguf, name, function)
            yield
        finally:
            for name, function in theirs.items():
                setattr(gguf, name, function)


def _quick_reader(file: Path) -> Any:
    """The package's reader of a file, with arrays read in one go.

    Those of the tokenizer, whose words transformers reads by itself, have as many values as in the file, all of them 1.
    """
    from gguf import GGUFReader, GGUFValueType

    class Reader(GGUFReader):
        def _push_field(self, field: Any, skip_sum: bool = False) -> int:
            if field.name.startswith("tokenizer.") and GGUFValueType.ARRAY in field.types:
                counted = {"parts": [(1,)], "data": [0] * len(field.data), "types": [GGUFValueType.UINT8]}
                field = field._replace(**counted)
            return super()._push_field(field, skip_sum)

        def _get_field_parts(self, start: int, kind: int) -> Any:
            if kind != _ARRAY or self.byte_order != "I":
                return super()._get_field_parts(start, kind)
            inner, length = struct.unpack_from("<IQ", self.data, start)
            at = start + struct.calcsize("<IQ")
            if inner == _STRING:
                parts, at = _strings(memoryview(self.data), at, length)
            else:
                values = self._get(at, self.gguf_scalar_to_np[inner], length)
                parts, at = list(zip(values.tolist(), strict=True)), at + values.nbytes
            types = [GGUFValueType(kind)] + [GGUFValueType(inner)] * bool(length)
            return at - start, parts, list(range(length)), types

    return Reader(file)


def _strings(data: memoryview, at: int, length: int) -> tuple[list[bytes], int]:
    """So many strings from a place on, and the place behind them."""
    found = []
    for _ in range(length):
        begin = at + _LENGTH.size
        at = begin + _LENGTH.unpack_from(data, at)[0]
        found.append(data[begin:at].tobytes())
    return found, at


def _in_pieces(dequantize: Callable[..., np.ndarray], data: np.ndarray, kind: Any) -> np.ndarray:
    """The numbers of a tensor, exactly those of the package's `dequantize`, computed piece by piece by all cores."""
    import torch
    from gguf import GGML_QUANT_SIZES

    n_weights, n_bytes = GGML_QUANT_SIZES[kind]  # of a block
    blocks = data.reshape(-1) if data.dtype == np.uint8 else data
    if data.dtype != np.uint8 or len(blocks) * n_weights <= n_bytes * _PIECE:
        return dequantize(data, kind)
    found = np.empty(len(blocks) // n_bytes * n_weights, dtype=np.float32)
    step = _PIECE // n_weights

    def compute(start: int) -> None:
        piece = blocks[start * n_bytes : (start + step) * n_bytes]
        found[start * n_weights : (start + step) * n_weights] = dequantize(piece[None], kind)[0]

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(compute, range(0, len(blocks) // n_bytes, step)))
    return found.reshape(*data.shape[:-1], -1)
