"""How many questions are decoded together, by the memory that is free."""

import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeSampler, Interrupted, edit_manifest, interrupt_after, make_question

from homog_core.device import ModelNumbers
from homog_core.records import Decoding
from homog_core.runs.manifest import read_manifest
from homog_core.runs.sample import sample_run
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


def test_a_run_says_how_many_without_being_another_run_for_it():
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=interrupt_after(2))
    run = sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=2)
    assert run.provenance.batch_questions == 2  # of the attempt that ended it
    assert len(run.responses()) == len(QUESTIONS) * (DECODING.n_samples + 1)  # the first two were not sampled again


def test_a_manifest_from_before_reads():
    run = sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")
    edit_manifest(run.folder, lambda content: content["provenance"].pop("batch_questions"))
    assert read_manifest(run.folder).provenance.batch_questions is None
