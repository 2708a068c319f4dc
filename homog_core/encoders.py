"""Texts → unit embeddings.

One small class over sentence-transformers; anything with the same `key` and `encode` can stand in for it. Vectors are
rounded to float16, as they are stored, so that a score does not depend on whether it was computed before or after.
"""

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from homog_core.catalogue import ENCODERS
from homog_core.errors import InvalidInput, ModelUnavailable


class Encoder(Protocol):
    """Anything that embeds texts."""

    key: str

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32 holding float16 values."""
        ...


class SentenceEncoder:
    """A sentence-transformers model, by catalogue key, hub id or local folder. Loaded when it first encodes."""

    def __init__(self, name: str) -> None:
        self.name, self.key = name, encoder_key(name)
        self._model: Any = None
        self._lock = threading.RLock()  # the worker and a page may encode at the same time; a tokenizer may not

    def load(self) -> None:
        """Load the model now. Raises `ModelUnavailable` where neither this machine nor the hub has it."""
        if self._model is not None:
            return
        source = ENCODERS[self.name].source if self.name in ENCODERS else self.name
        if source.startswith("package:"):
            source = str(_package_path(self.name, source.removeprefix("package:")))
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(source)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"The encoder {self.name!r} is not on this machine and could not be fetched from the hub. "
                f"Use one of {', '.join(ENCODERS)}, a hub id (with network) or a local folder."
            ) from error

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d) of `texts`, float32 holding float16 values. Each distinct text is encoded once."""
        distinct = list(dict.fromkeys(texts))
        with self._lock:
            self.load()
            if not distinct:
                return np.zeros((0, self._model.get_embedding_dimension()), dtype=np.float32)
            vectors = self._model.encode(distinct, normalize_embeddings=True, show_progress_bar=False)
        row = {text: i for i, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]].astype(np.float16).astype(np.float32)


def encoder_key(name: str) -> str:
    """The name of an encoder as it stands in file names and clusterer names."""
    return (
        name
        if name in ENCODERS
        else Path(name).name.lower()
        if Path(name).is_dir()
        else name.replace("/", "--").lower()
    )


def _package_path(name: str, location: str) -> Path:
    package, _, folder = location.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(f"The encoder {name!r} is not installed; run `pip install {package.replace('_', '-')}`.")
    path = Path(next(iter(spec.submodule_search_locations))) / folder
    if not path.is_dir():
        raise InvalidInput(f"The package {package} does not hold the encoder {name!r} at {folder}.")
    return path
