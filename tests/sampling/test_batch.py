"""How many questions are decoded together, by the memory that is free."""

import pytest
from fakes import make_question

from homog_core.device import ModelNumbers
from homog_core.records import Decoding
from homog_core.sampling.batch import ON_CPU, batch_that_fits, largest_batch

# One layer that keeps all tokens, one KV head of size 1, one word: with 2 bytes a value a row of t tokens takes
# 2 · 1 · 1 · 2 · t bytes of cache and 4 · 1 · 4 bytes of distributions: 4 t + 16.
NUMBERS = ModelNumbers(n_parameters=1000, vocabulary=1, windows=(None,), kv_heads=1, head_dim=1)
ROW = 4 * 21 + 16  # 100 bytes for 21 tokens; a question of ten answers and the greedy one has 1,100


@pytest.mark.parametrize(
    ("free", "n_questions"),
    [(64 * 1100, 64), (64 * 1100 - 1, 32), (1_000_000, 64), (4 * 1100, 4), (4 * 1100 - 1, 2), (1100, 1), (0, 1)],
)
def test_the_largest_power_of_two_that_fits(free, n_questions):
    assert ROW == 100
    assert largest_batch(NUMBERS, free, 11, 21, 2) == n_questions


def test_on_a_cpu_it_is_a_fixed_number(llama_sampler):
    questions = [make_question(str(i)) for i in range(9)]
    assert batch_that_fits(llama_sampler, questions, Decoding(), "plain") == ON_CPU == 4
