"""The clusterer that was the default before the pairs were read, for the "before" columns.

The masked cosine of WordLlama over whole answers at 0.37, and 0 for answers that end on different numbers of which
neither occurs in the other.
"""

import re
from collections.abc import Sequence

import numpy as np

from homog_core.measures.clustering import cosine_similarity
from homog_core.measures.encoders import Encoder
from homog_core.measures.words import mask_answer

THRESHOLD = 0.37
_NUMBER = re.compile(r"(?:(?<![\w.)])-)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


def similarity(encoder: Encoder, question: str, answers: Sequence[str]) -> np.ndarray:
    """Similarity (N, N) of answers; `encoder` is WordLlama."""
    found = cosine_similarity(encoder.encode([mask_answer(answer, question) for answer in answers]))
    numbers = [[float(n.replace(",", "")) for n in _NUMBER.findall(answer)] for answer in answers]
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            if a and b and a[-1] not in b and b[-1] not in a:
                found[i, j] = 0.0
    return found
