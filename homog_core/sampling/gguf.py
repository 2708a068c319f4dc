"""GGUF files: what their header says, and their weights as safetensors.

The header is read here and not by the `gguf` package, whose reader makes an array of every word of the vocabulary,
which takes seconds. It does not know where a file comes from, nor where a copy goes.
"""

import math
import mmap
import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from homog_core.device import LOADING, free_on_cpu, freed_memory_kept
from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.files import version_of
from homog_core.sampling.quick_gguf import quick_gguf
from homog_core.sampling.tokenizer import load_tokenizer

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
# Type numbers and the layout are those of the specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What stands before the tensors of a GGUF file."""

    metadata: dict[str, Any]  # strings and numbers by key; arrays are left out
    n_parameters: int  # numbers in all tensors


def read_header(file: Path) -> GgufHeader:
    """The header of a GGUF file. Raises `InvalidInput` for a file that does not begin like one of version 2 or 3."""
    return _read_header(file, version_of(file))


@lru_cache(maxsize=16)
def _read_header(file: Path, version: tuple[int, ...]) -> GgufHeader:
    """The header; `version` changes when the file does."""
    try:
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).header()
    except (OSError, ValueError, KeyError, struct.error, RecursionError) as error:
        raise InvalidInput(f"{file} does not read as a GGUF file ({error}); fetch it again.") from error


def dequantise(gguf: Path, folder: Path, on_tensor: Callable[[int, int], None] = lambda n, total: None) -> None:
    """Write the model and tokenizer of a GGUF file as fp32 safetensors into `folder`.

    `on_tensor` is told how many tensors are being dequantised or have been, and how many there are. Raises
    `OutOfMemory` or `ModelUnavailable` where memory or disk do not hold them, and `InvalidInput` for a file that
    transformers does not read.
    """
    _require_space(gguf, folder)
    # Kept: each tensor takes up what the last one has left
    with freed_memory_kept(), quick_gguf(gguf, on_tensor), ThreadPoolExecutor(1) as thread:
        try:
            model = _model_of(gguf)
            written = thread.submit(model.save_pretrained, folder)
            tokenizer = load_tokenizer(gguf.parent, gguf.name)  # while the weights are being written
        except (ValueError, OSError, KeyError, NotImplementedError) as error:
            raise InvalidInput(
                f"The GGUF file could not be read by transformers: {error}. Choose the model's safetensors instead."
            ) from error
        written.result()
        del model  # before what is free goes back
    tokenizer.save_pretrained(folder)


def _model_of(gguf: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    with LOADING:
        return AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),  # without it save_pretrained refuses the model
            dtype=torch.float32,
            trust_remote_code=False,
        )


def _require_space(gguf: Path, folder: Path) -> None:
    needed = 4 * read_header(gguf).n_parameters  # fp32
    words = f"Unpacked, the weights of this GGUF file take {needed / 1e9:.1f} GB"
    if needed > (free := free_on_cpu()):
        raise OutOfMemory(f"{words}, and {free / 1e9:.1f} GB of memory are free; choose a smaller model.")
    if needed > (free := shutil.disk_usage(folder.parent).free):
        raise ModelUnavailable(
            f"{words}, and the disk of {folder.parent.parent} has {free / 1e9:.1f} GB free; make room, or point "
            "HOMOG_CACHE at a larger disk."
        )


class _Reader:
    """Reads a header from its beginning."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 0

    def header(self) -> GgufHeader:
        if self._bytes(4) != _MAGIC:
            raise ValueError("its first four bytes are not GGUF")
        version = self._number("I")
        if version not in (2, 3):
            raise ValueError(f"its version is {version}, not 2 or 3")
        n_tensors, n_keys = self._number("Q"), self._number("Q")
        pairs = [(self._string(), self._value(self._number("I"))) for _ in range(n_keys)]
        n_parameters = sum(self._tensor() for _ in range(n_tensors))
        return GgufHeader({key: value for key, value in pairs if value is not None}, n_parameters)

    def _bytes(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("it is cut")
        return self._data[start : self._at]

    def _number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self._bytes(struct.calcsize(f"<{code}")))[0]

    def _string(self) -> str:
        return self._bytes(self._number("Q")).decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        """A string or a number; None for an array, which is skipped."""
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind])
        inner, length = self._number("I"), self._number("Q")
        if inner in _NUMBERS:
            self._bytes(length * struct.calcsize(f"<{_NUMBERS[inner]}"))
        else:
            for _ in range(length):
                self._skip(inner)
        return None

    def _skip(self, kind: int) -> None:
        if kind == _STRING:
            self._bytes(self._number("Q"))
        else:
            self._value(kind)

    def _tensor(self) -> int:
        """How many numbers the next tensor holds."""
        self._string()
        shape = [self._number("Q") for _ in range(self._number("I"))]
        self._number("I"), self._number("Q")  # its type and its place
        return math.prod(shape)
