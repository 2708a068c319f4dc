"""What many sets, or many sequences of words, have in common pair by pair, without a loop over the pairs."""

from collections.abc import Collection, Hashable, Sequence

import numpy as np
from scipy.sparse import csr_matrix

WORD_BITS = 64  # of the longest sequence that `longest_common` can hold bit by bit
_PAIRS = 1 << 18  # held at once
_FEW = 1 << 14  # entries of a table that is quicker whole than sparse


def shared_counts(sets: Sequence[Collection[Hashable]]) -> np.ndarray:
    """How many elements every two of N sets share: (N, N) integers; the diagonal has their sizes."""
    number, columns = _numbered(sets)
    if len(sets) * len(number) > _FEW:
        _, has = incidence(sets)
        return (has @ has.T).toarray()
    has = np.zeros((len(sets), len(number)))
    has[np.repeat(np.arange(len(sets)), [len(own) for own in sets]), columns] = 1.0
    return (has @ has.T).astype(np.int64)


def incidence(sets: Sequence[Collection[Hashable]]) -> tuple[list[Hashable], csr_matrix]:
    """The E elements of N sets in the order of their appearance, and which set has which: (N, E) of ones."""
    number, columns = _numbered(sets)
    starts = np.concatenate([[0], np.cumsum([len(own) for own in sets])]).astype(np.int64)
    shape = (len(sets), len(number))
    return list(number), csr_matrix((np.ones(len(columns), dtype=np.int64), columns, starts), shape)


def _numbered(sets: Sequence[Collection[Hashable]]) -> tuple[dict[Hashable, int], list[int]]:
    """The place of each element in the order of their appearance, and those of all sets, one set after the other."""
    number: dict[Hashable, int] = {}
    return number, [number.setdefault(element, len(number)) for own in sets for element in own]


def longest_common(sequences: Sequence[Sequence[str]], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Length (P,) of the longest common subsequence of pairs of sequences, given by their places (P,) and (P,).

    At least one of each pair has `WORD_BITS` words or fewer. Bit by bit: one step for each word of the other one.
    Source: Hyyrö 2004.
    """
    lengths = np.array([len(own) for own in sequences])
    number: dict[str, int] = {}
    coded = [[number.setdefault(word, len(number)) for word in own] for own in sequences]
    padded = np.full((len(coded), int(lengths.max(initial=0))), len(number))
    places = np.zeros((len(coded), len(number) + 1), dtype=np.uint64)  # bit i: the i-th word is this one
    for row, own in enumerate(coded):
        padded[row, : len(own)] = own
        for i, word in enumerate(own[:WORD_BITS]):
            places[row, word] |= np.uint64(1 << i)
    is_longer = lengths[first] > lengths[second]
    shorter, longer = np.where(is_longer, second, first), np.where(is_longer, first, second)
    found = np.zeros(len(first), dtype=np.int64)
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        state = np.full(len(shorter[part]), ~np.uint64(0))
        for step in range(int(lengths[longer[part]].max(initial=0))):
            hit = places[shorter[part], padded[longer[part], step]]
            state = (state + (state & hit)) | (state & ~hit)
        size = lengths[shorter[part]].astype(np.uint64)
        used = np.where(size >= WORD_BITS, ~np.uint64(0), (np.uint64(1) << (size % WORD_BITS)) - np.uint64(1))
        found[part] = np.bitwise_count(~state & used)
    return found
