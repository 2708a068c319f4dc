"""Rows of later questions join as others end: the same answers as one question at a time, each question once."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import make_question

from benchmarks import families
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.sampling import graphs
from homog_core.sampling import growing_cache as caches
from homog_core.sampling.decoding import ComputedDecoding
from homog_core.sampling.growing_cache import ROOM, growing_cache

TEXTS = ("Why?", "Is the water of the deep and salty sea ever really safe to drink, and who says that it is?", "How?")
QUESTIONS = [make_question(f"q{i}", f"{TEXTS[i % 3]} {i}") for i in range(11)]
DECODING = Decoding(n_samples=4, max_new_tokens=30, seed=3, stop=("a", "e", "o", " ", "1"))  # rows end at any step
ROWS = DECODING.n_samples + 1


def answers(sampler, questions=QUESTIONS, style="plain", batch_questions=3, decoding=DECODING):
    """The answers by question id, each of which is finished once."""
    steps = list(sampler.sample(questions, decoding, style, batch_questions))
    finished = [done for step in steps for done in step.finished]
    assert Counter(done.question_id for done in finished) == {question.id: 1 for question in questions}
    return {done.question_id: (*done.responses, done.greedy) for done in finished}


def texts(found):
    return {key: [(one.text, one.tokens, one.finish_reason) for one in own] for key, own in found.items()}


@pytest.fixture
def joins(monkeypatch):
    """How many rows have been there when others joined, and how many joined."""
    found, own = [], ComputedDecoding.join
    monkeypatch.setattr(
        ComputedDecoding,
        "join",
        lambda self, other: found.append((len(self.rows), len(other.rows))) or own(self, other),
    )
    return found


@pytest.fixture
def passes(monkeypatch):
    """Makes a sampler's model note the rows, the new tokens and the columns of every forward pass."""

    def spy(sampler, fail=lambda shapes: None):
        shapes, forward = [], sampler.model.forward

        def noted(**given):
            shapes.append((*given["input_ids"].shape, given["attention_mask"].shape[1]))
            fail(shapes)
            return forward(**given)

        monkeypatch.setattr(sampler.model, "forward", noted)
        return shapes

    return spy


@pytest.mark.parametrize("batch_questions", [2, 3, 5])
def test_answers_are_those_of_one_question_at_a_time(tiny_sampler, joins, batch_questions):
    expected, found = answers(tiny_sampler, batch_questions=1), answers(tiny_sampler, batch_questions=batch_questions)
    assert len({len(one.tokens) for own in expected.values() for one in own}) > 5
    assert len(joins) > 2
    assert all(there > 0 and there + more <= batch_questions * ROWS for there, more in joins)
    assert texts(found) == texts(expected)
    for key, own in found.items():
        for one, other in zip(own, expected[key], strict=True):
            np.testing.assert_allclose(one.token_entropies, other.token_entropies, atol=1e-5)
            np.testing.assert_allclose(one.token_logprobs, other.token_logprobs, atol=1e-5)


def test_prompts_that_begin_alike_join_too(llama_sampler, joins):
    """Those that are read together have gaps behind what they have in common."""
    short = replace(DECODING, n_samples=1, stop=(*DECODING.stop, *"itnsrhl?.,2"))
    expected, found = (answers(llama_sampler, QUESTIONS, "few_shot", n, short) for n in (1, 6))
    assert texts(found) == texts(expected)
    assert any(more > 2 for _, more in joins)  # several at once


def test_a_question_begins_when_its_rows_have_room_and_not_before(llama_sampler, passes):
    shapes = passes(llama_sampler)
    answers(llama_sampler, batch_questions=2)
    begun = 0
    for (rows, n_new, _), (before, *_) in zip(shapes[1:], shapes, strict=False):
        if n_new > 1:  # a prompt
            begun += rows
        else:
            assert rows <= 2 * ROWS
            assert rows >= ROWS or begun + 2 >= len(QUESTIONS) or before != rows


def test_columns_that_no_row_uses_are_cut_off(llama_sampler, passes):
    shapes = passes(llama_sampler)
    answers(llama_sampler, [make_question(f"q{i}", "Why?") for i in range(40)], batch_questions=2)
    longest = max(n_new for _, n_new, _ in shapes)
    columns = [width for _, n_new, width in shapes if n_new == 1]
    assert len(columns) > longest + DECODING.max_new_tokens + ROOM  # without a cut it would end so far behind
    assert max(columns) <= longest + DECODING.max_new_tokens + ROOM


@pytest.mark.parametrize(("family", "context"), [("gpt_neo", 80), ("mpt", 57)])
def test_columns_are_never_more_than_the_context(family, context, joins, passes, monkeypatch):
    """These models fail with more, although no row uses as many."""
    sizes = {
        "gpt_neo": {"max_position_embeddings": context, "num_layers": 2, "attention_types": [[["global", "local"], 1]]},
        "mpt": {"max_seq_len": context, "d_model": 32, "n_heads": 4, "n_layers": 2},
    }
    monkeypatch.setitem(families.FAMILIES, family, sizes[family])
    sampler = families.sampler_of(family)
    shapes = passes(sampler)
    questions = [make_question("long", "Why is it so? " * 2), *QUESTIONS[2::3], *QUESTIONS[::3]]
    answers(sampler, questions, batch_questions=2)
    assert joins
    assert context - DECODING.max_new_tokens < max(width for *_, width in shapes) <= context


def test_a_run_that_is_stopped_keeps_what_is_complete_and_goes_on(llama_sampler, joins):
    expected = texts(answers(llama_sampler, batch_questions=1))

    def stop(progress):
        if progress.n_done >= 3 and len(joins) > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_run(llama_sampler, QUESTIONS, DECODING, "plain", batch_questions=2, on_step=stop)
    begun = []
    own = llama_sampler.sample
    llama_sampler.sample = lambda questions, *rest: begun.extend(questions) or own(questions, *rest)
    run = sample_run(llama_sampler, QUESTIONS, DECODING, "plain", batch_questions=2)
    assert len(begun) <= len(QUESTIONS) - 3
    stored = run.responses()
    assert Counter(stored["question_id"]) == {question.id: ROWS for question in QUESTIONS}
    of_samples = stored[stored["sample_index"] >= 0].sort_values("sample_index").groupby("question_id")["text"]
    assert {key: list(own) for key, own in of_samples} == {
        key: [text for text, *_ in own[:-1]] for key, own in expected.items()
    }


@pytest.mark.parametrize("where", ["in a prompt that joins", "in a step after it"])
def test_memory_that_runs_out_begins_anew_what_is_not_complete(tiny_sampler, joins, passes, where):
    expected = answers(tiny_sampler, batch_questions=1)
    failed, finished = [], []

    def fail(shapes):
        is_prompt = shapes[-1][1] > 1
        if not failed and finished and joins and is_prompt == (where == "in a prompt that joins"):
            failed.append(len(shapes))
            raise torch.OutOfMemoryError("CUDA out of memory")

    shapes = passes(tiny_sampler, fail)
    restarted, begun = (), set()
    for step in tiny_sampler.sample(QUESTIONS, DECODING, "plain", 3):
        begun |= {answer.question_id for answer in step.answers}
        restarted += step.restarted
        finished += step.finished
        if step.restarted:
            done = {one.question_id for one in finished}
            assert begun - done <= set(restarted)  # and perhaps the one whose prompt failed
            assert not done & set(restarted)
    assert failed and done
    assert Counter(one.question_id for one in finished) == {question.id: 1 for question in QUESTIONS}
    assert texts({one.question_id: (*one.responses, one.greedy) for one in finished}) == texts(expected)
    assert max(rows for rows, n_new, _ in shapes[failed[0] :] if n_new == 1) <= ROWS  # half of three


def test_recorded_steps_and_states_of_other_kinds_wait_for_their_last_row(joins, monkeypatch):
    for family, counts_as_gpu in (("qwen3_next", False), ("llama", True)):
        sampler = families.sampler_of(family)
        expected = answers(sampler, batch_questions=1)
        monkeypatch.setattr(graphs, "_is_on_one_gpu", lambda model, there=counts_as_gpu: there)
        assert texts(answers(sampler)) == texts(expected)
    assert not joins


@pytest.mark.parametrize("window", [6, 100])
def test_rows_of_two_caches_end_at_the_same_column(window):
    """Against the same rows with their padding from the start, in layers of both kinds; then they go on alike."""
    from transformers import DynamicCache, Gemma3TextConfig

    config = Gemma3TextConfig(num_hidden_layers=6, sliding_window=window)  # five layers slide, the last one does not

    def fed(cache, *tokens):
        for own in tokens:
            for layer in range(6):
                found = cache.update(own, own + 1, layer)
        return found

    old, new, later = (torch.randn(rows, 1, n, 4) + 3 for rows, n in ((5, 9), (2, 4), (4, 1)))
    one, other = fed_apart(fed, growing_cache(config), old), fed_apart(fed, growing_cache(config), new)
    one.reorder_cache(torch.tensor([0, 4]))  # rows 1 to 3 have ended
    caches.join(one, other, 7)  # of nine columns the first two are cut off
    keys, values = fed(one, later[:4])
    pad = torch.nn.functional.pad
    whole = torch.cat([old[[0, 4], :, 2:], pad(new, (0, 0, 3, 0))])
    is_real = torch.cat([whole, later], dim=2) != 0
    expected = DynamicCache(config=config)
    wanted = fed(expected, whole, later)
    assert torch.equal(torch.where(is_real, keys, 0), torch.where(is_real, wanted[0], 0))
    assert torch.equal(torch.where(is_real, values, 0), torch.where(is_real, wanted[1], 0))
    assert torch.isfinite(keys).all()
    for layer, right in zip(one.layers, expected.layers, strict=True):
        kept = is_real[:, :, -layer.keys.shape[2] :]
        assert layer.keys.shape == right.keys.shape
        assert layer.get_seq_length() == right.get_seq_length() == 8
        assert layer.get_mask_sizes(1) == right.get_mask_sizes(1)
        assert torch.equal(torch.where(kept, layer.keys, 0), torch.where(kept, right.keys, 0))


def fed_apart(fed, cache, tokens):
    """A cache that has read all tokens but the last, and then the last."""
    fed(cache, tokens[:, :, :-1], tokens[:, :, -1:])
    return cache


def test_a_row_that_joins_is_put_where_another_has_left():
    from transformers import LlamaConfig

    cache, more = (growing_cache(LlamaConfig(num_hidden_layers=1)) for _ in range(2))
    for own, rows, n in ((cache, 5, 9), (cache, 5, 1), (more, 2, 4)):
        own.update(*torch.randn(2, rows, 1, n, 4), 0)
    place = cache.layers[0].keys.data_ptr()
    last = cache.layers[0].keys[4].clone()
    cache.reorder_cache(torch.tensor([0, 4, 2]))
    caches.join(cache, more, 10)
    keys = cache.update(*torch.randn(2, 5, 1, 1, 4), 0)[0]
    assert keys.data_ptr() == place
    assert torch.equal(keys[1, :, :-1], last)
    assert torch.equal(keys[3:, :, 6:10], more.layers[0].keys)
