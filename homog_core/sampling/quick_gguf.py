"""transformers reads a GGUF file in seconds instead of a minute.

It reads the header three times through the `gguf` package, which makes several arrays of every word of the vocabulary,
and works out the names of all tensors once for every module. Here the header is read once, and names are remembered.
It does not know what is done with the weights.
"""

import contextlib
import struct
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

_STRING, _ARRAY = 8, 9
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

        def counted(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            on_tensor(count, len(reader.tensors))
            return dequantize(*arguments)

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
    """The package's reader of a file, with arrays read in one go."""
    from gguf import GGUFReader, GGUFValueType

    class Reader(GGUFReader):
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
