"""What sets and sequences share pair by pair, against the plain loops."""

import numpy as np
import pytest

from homog_core.measures.overlap import WORD_BITS, longest_common, shared_counts


def plain_longest_common(a, b):
    """The table of the textbook."""
    row = [0] * (len(b) + 1)
    for word in a:
        above = row[:]
        for j, other in enumerate(b):
            row[j + 1] = above[j] + 1 if word == other else max(above[j + 1], row[j])
    return row[-1]


def test_shared_counts():
    found = shared_counts([{"a", "b", "c"}, {"b", "c"}, set(), {"d"}])
    assert found.tolist() == [[3, 2, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert shared_counts([]).shape == (0, 0)


def test_shared_counts_of_many_elements_are_those_of_few():
    few, many = [{1, 2}, {2, 3}, set()], [set(range(i, i + 90)) for i in range(0, 9_000, 45)]
    assert shared_counts([*few, *many])[:3, :3].tolist() == shared_counts(few).tolist()
    assert [row.count(45) for row in shared_counts(many).tolist()] == [1, *[2] * 198, 1]


@pytest.mark.parametrize("n_words", [2, 9])
def test_longest_common_is_that_of_the_table(n_words):
    rng = np.random.default_rng(n_words)
    lengths = [0, 1, 2, 7, WORD_BITS - 1, WORD_BITS, WORD_BITS + 30]
    sequences = [list(map(str, rng.integers(n_words, size=length))) for length in lengths]
    first, second = np.triu_indices(len(sequences), k=1)
    expected = [plain_longest_common(sequences[a], sequences[b]) for a, b in zip(first, second, strict=True)]
    assert longest_common(sequences, first, second).tolist() == expected
    assert longest_common(sequences, second, first).tolist() == expected
