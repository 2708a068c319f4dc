"""The tokenizer of a folder or of a GGUF file, made without Python's collector.

While a vocabulary is read, the collector looks through a million new objects again and again, of which none can go;
that is 40 % of the time. It knows no model.
"""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def load_tokenizer(folder: Path, gguf_file: str | None = None) -> Any:
    """The tokenizer of a folder, or of a GGUF file in it. Raises what transformers raises."""
    from transformers import AutoTokenizer

    of_file = {"gguf_file": gguf_file} if gguf_file else {}
    with _without_collecting():
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **of_file)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing is collected meanwhile, in no thread of the process; what is in use is freed as always."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
