"""Pairs of texts → probabilities of entailment, neutral and contradiction, by a cross-encoder.

Anything with the same `key`, `context` and `predict` can stand in for the class here. It does not know which pairs are
worth judging, nor what follows from a judgement.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from homog_core.catalogue.encoders import NLI_MODELS
from homog_core.device import LOADING, free_memory, is_out_of_memory
from homog_core.errors import InvalidInput, OutOfMemory
from homog_core.measures.encoders import encoder_key, unavailable

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
NLI_CLASSES = ("entailment", "neutral", "contradiction")


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


class NliCrossEncoder:
    """A three-class NLI cross-encoder, by catalogue key, hub id or local folder. Loaded when it first predicts.

    With `context` (the default) the question stands before premise and hypothesis, since "Paris" entails nothing by
    itself. Whoever makes the pairs puts it there (`with_context`); the key says whether it was.
    """

    def __init__(self, name: str, *, context: bool = True, batch_size: int = 32) -> None:
        self.name, self.context, self.batch_size = name, context, batch_size
        self.key = encoder_key(name) + ("" if context else "-no-context")
        self._model: Any = None
        self._order: list[int] = []  # columns of the model's output, in the order of NLI_CLASSES

    def load(self) -> None:
        """Load the model now. Raises `ModelUnavailable` where neither this machine nor the hub has it.

        The order of the classes is read from the model's config, never assumed. Raises `InvalidInput` where the config
        does not say it, and where files of the tokenizer are missing: every word would silently be read as unknown.
        """
        if self._model is not None:
            return
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            with LOADING:
                model = CrossEncoder(_nli_source(self.name), trust_remote_code=False)
        except (OSError, ValueError, SafetensorError) as error:
            what = f"The NLI model {self.name!r}"
            fetch = f"`hf download {_nli_source(self.name)}`"
            remedy = f"Fetch it once where there is a network, e.g. {fetch}, or give a local folder."
            raise unavailable(what, self.name, error, remedy) from error
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


def with_context(nli: Nli, question: str, pair: Sequence[str]) -> tuple[str, str]:
    """A (premise, hypothesis) pair as `nli` is to read it: after the question where it has `context`."""
    premise, hypothesis = pair
    return (f"{question} {premise}", f"{question} {hypothesis}") if nli.context else (premise, hypothesis)


def probability_matrix(
    premises: Sequence[str], hypotheses: Sequence[str], judged: Mapping[tuple[str, str], np.ndarray]
) -> np.ndarray:
    """Probabilities (n, m, 3) of n premises and m hypotheses. A text entails itself, which nobody has to judge."""
    itself = np.array([1.0, 0.0, 0.0], dtype=np.float32)
    rows = [[itself if p == h else judged[p, h] for h in hypotheses] for p in premises]
    return np.array(rows, dtype=np.float32).reshape(len(premises), len(hypotheses), 3)


def is_on_this_machine(name: str) -> bool:
    """Whether an NLI model can be loaded without a network. Touches none. A configuration without weights is none."""
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache

    here = lambda file: isinstance(try_to_load_from_cache(_nli_source(name), file), str)
    return here("config.json") and any(map(here, _WEIGHTS))


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
