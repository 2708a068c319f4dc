"""What only a GPU can show: exact numbers there, and memory that really runs out. Skipped where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import FAKE_SPEC, TINY_SIZES, make_question, tiny_tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks import families
from benchmarks.families import FAMILIES, check
from homog_core.errors import OutOfMemory
from homog_core.records import Decoding
from homog_core.sampling import engine
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.loading import load_model
from homog_core.sampling.recomputation import differences, final_answers

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

MB = 2**20
VOCABULARY = 400_000  # large enough for the next-token distributions to be what fills the memory
QUESTIONS = [make_question(f"q{i}", f"Question {i}?") for i in range(4)]
DECODING = Decoding(n_samples=10, max_new_tokens=12)


def sampler_of(vocabulary):
    torch.manual_seed(0)
    config = AutoConfig.for_model("llama", **(TINY_SIZES | {"vocab_size": vocabulary}))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval().to("cuda")
    return TorchSampler(model, tiny_tokenizer(), FAKE_SPEC, "test")


@pytest.fixture
def sampler():
    return sampler_of(VOCABULARY)


def most_memory(sampler, n_questions):
    """Bytes that the process holds at most while so many questions are answered together."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    list(sampler.sample(QUESTIONS[:n_questions], DECODING, "plain", n_questions))
    return torch.cuda.max_memory_reserved()


@pytest.fixture
def limit():
    """Lets the process hold so many bytes and no more, until the test ends; None lifts it."""

    def hold(n_bytes):
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(n_bytes / total, 1.0) if n_bytes else 1.0)

    yield hold
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_numbers_are_those_of_a_full_recomputation(family):
    found = check(family, "cuda").differences
    assert max(found.values()) < 1e-3, found


def test_memory_that_runs_out_in_mid_decode_halves_the_batch_and_changes_no_answer(sampler, limit, monkeypatch):
    monkeypatch.setattr(engine, "is_recordable", lambda *_: False)  # so that every step asks for memory
    one, four = most_memory(sampler, 1), most_memory(sampler, 4)
    expected = final_answers(sampler, QUESTIONS, DECODING, "plain", 4)
    steps = sampler.sample(QUESTIONS, DECODING, "plain", 4)
    next(steps)
    limit((one + four) // 2)
    rest = list(steps)
    assert next(step.restarted for step in rest if step.restarted) == tuple(q.id for q in QUESTIONS)
    answers = {(answer.question_id, answer.sample_index): answer for step in rest for answer in step.answers}
    assert {key: answer.token_ids for key, answer in answers.items()} == {
        key: answer.token_ids for key, answer in expected.items()
    }


@pytest.mark.parametrize("n_samples", [10, 40])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_recorded_steps_say_what_computed_ones_say(family, monkeypatch, n_samples):
    """With 164 rows some are dropped on the way, and the steps are recorded anew."""
    own = FAMILIES[family] | ({"sliding_window": 128} if family == "gemma3_text" else {})
    monkeypatch.setitem(FAMILIES, family, own)
    sampler = families.sampler_of(family, "cuda")
    decoding = Decoding(n_samples=n_samples, max_new_tokens=24, stop=("a", "e"))
    recorded = final_answers(sampler, QUESTIONS, decoding, "plain", 4)
    replayed = []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: replayed.append(1) or replay(graph))
    again = final_answers(sampler, QUESTIONS, decoding, "plain", 4)
    assert len(replayed) > 10
    monkeypatch.setattr(engine, "is_recordable", lambda *_: False)
    computed = final_answers(sampler, QUESTIONS, decoding, "plain", 4)
    assert len({answer.n_tokens for answer in computed.values()}) > 3
    for key, answer in computed.items():
        assert recorded[key].token_ids == again[key].token_ids == answer.token_ids
        np.testing.assert_allclose(recorded[key].entropies, answer.entropies, atol=1e-4)
    assert differences(sampler, QUESTIONS, recorded, "plain").max() < 1e-3


def test_memory_that_runs_out_in_the_prompt_halves_the_batch(sampler, limit):
    one, four = most_memory(sampler, 1), most_memory(sampler, 4)
    assert four > one + 64 * MB
    limit((one + four) // 2)
    steps = list(sampler.sample(QUESTIONS, DECODING, "plain", 4))
    assert any(step.restarted for step in steps)
    assert sorted(one.question_id for step in steps for one in step.finished) == [q.id for q in QUESTIONS]


def test_one_question_that_does_not_fit_names_what_to_lower(sampler, limit):
    limit(most_memory(sampler, 1))
    with pytest.raises(OutOfMemory, match="lower the number of samples or the token limit"):
        list(sampler.sample(QUESTIONS, replace(DECODING, n_samples=400), "plain", 1))
    limit(None)  # and the sampler is whole afterwards
    assert final_answers(sampler, QUESTIONS[:1], DECODING, "plain", 1)


def test_weights_that_do_not_fit_are_refused_in_a_sentence(tmp_path, limit):
    large = sampler_of(VOCABULARY)  # 2 × 51 MB
    large.model.to("cpu").save_pretrained(tmp_path)
    large.tokenizer.save_pretrained(tmp_path)
    torch.cuda.empty_cache()
    limit(torch.cuda.memory_reserved() or MB)
    with pytest.raises(OutOfMemory, match="choose a smaller model"):
        load_model("tiny", tmp_path, "float32")
    limit(None)
    assert load_model("tiny", tmp_path, "float32").model.device.type == "cuda"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_records_what_the_model_says(sampler, dtype):
    """Against the same weights and arithmetic, read in one pass; the kernels round in another way."""
    torch.manual_seed(0)
    half = TorchSampler(sampler.model.to(getattr(torch, dtype)), tiny_tokenizer(), FAKE_SPEC, "test")
    answers = final_answers(half, QUESTIONS, DECODING, "plain", 4)
    assert np.mean(differences(half, QUESTIONS, answers, "plain")) < 0.02
