"""Answers of a live job → their vectors, several at a time, so that those that go on hardly wait for it.

It runs in the thread that samples. What takes long comes rarely: the longer a call took, the later the next one.
"""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from homog_core.measures.encoders import Encoder, encode
from homog_core.records import GREEDY
from homog_core.sampling.steps import Answer

_PAUSE = 20  # times as long as the last call took, until the next one is due

Vectors = dict[str, dict[str, np.ndarray]]  # encoder → view → unit vectors (w, d) of the windows of an answer


class Encoding:
    """Some encoders, and when they are due again."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._encoders, self._due = encoders, 0.0

    @property
    def is_due(self) -> bool:
        """Whether answers may be encoded while others go on: not while an encoder has yet to be loaded."""
        return time.monotonic() >= self._due and all(encoder.is_loaded for encoder in self._encoders)

    def encode(self, question: str, answers: Mapping[int, Answer], known: Mapping[int, Vectors]) -> dict[int, Vectors]:
        """The vectors, by sample index, of the samples that have ended with a text and are not `known`."""
        new = {
            index: answer.answer
            for index, answer in answers.items()
            if index != GREEDY and index not in known and answer.finish_reason and answer.answer
        }
        if not new:
            return {}
        started = time.monotonic()
        found = {encoder.key: encode(encoder, question, list(new.values())) for encoder in self._encoders}
        now = time.monotonic()
        self._due = now + _PAUSE * (now - started)
        return {
            index: {key: {view: vectors[n] for view, vectors in views.items()} for key, views in found.items()}
            for n, index in enumerate(new)
        }
