"""The beginning of a prompt that has been read: the same answers as without it, and fewer tokens that are run."""

from types import SimpleNamespace

import numpy as np
import pytest
from fakes import FAKE_SPEC, make_question, tiny_model, tiny_tokenizer

from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.growing_cache import growing_cache
from homog_core.sampling.recomputation import differences, final_answers
from homog_core.sampling.rows import Encoded
from homog_core.sampling.shared_beginning import SharedBeginning, _common

QUESTIONS = [
    make_question(str(i), text) for i, text in enumerate(("Why?", "What is the sea?", "Who says so, and to whom?"))
]
DECODING = Decoding(n_samples=3, max_new_tokens=10, seed=2)


def sampler_of(family):
    return TorchSampler(tiny_model(family), tiny_tokenizer(), FAKE_SPEC)


def answers(sampler, questions, batch_questions):
    """Texts and entropies by question, and how many tokens of a row each prompt's forward pass read."""
    widths, forward = [], sampler.model.forward

    def noted(**arguments):
        widths.append(arguments["input_ids"].shape[1])
        return forward(**arguments)

    sampler.model.forward = noted
    found = {}
    for step in sampler.sample(questions, DECODING, "few_shot", batch_questions):
        found |= {done.question_id: (*done.responses, done.greedy) for done in step.finished}
    sampler.model.forward = forward
    return found, [width for width in widths if width > 1]


def assert_same(one, other):
    for key, found in one.items():
        assert [r.text for r in found] == [r.text for r in other[key]]
        for own, expected in zip(found, other[key], strict=True):
            np.testing.assert_allclose(own.token_entropies, expected.token_entropies, atol=1e-4)


@pytest.mark.parametrize("batch_questions", [1, 2, 3])
def test_answers_are_those_of_a_sampler_that_has_read_nothing(batch_questions):
    expected = {}
    for question in QUESTIONS:
        expected |= answers(sampler_of("llama"), [question], 1)[0]
    sampler = sampler_of("llama")
    first, _ = answers(sampler, QUESTIONS[:1], 1)
    found, widths = answers(sampler, QUESTIONS, batch_questions)
    assert_same(first | found, expected)
    whole = len(sampler.tokenizer(sampler.prompt(QUESTIONS[0].text, "few_shot").text)["input_ids"])
    assert all(width < whole / 2 for width in widths)


def test_the_order_of_the_questions_changes_nothing():
    there, back = (answers(sampler_of("llama"), order, 1)[0] for order in (QUESTIONS, QUESTIONS[::-1]))
    assert_same(there, back)


@pytest.mark.parametrize("batch_questions", [1, 3])
def test_a_window_shorter_than_the_prompt_keeps_nothing(batch_questions):
    sampler = sampler_of("gemma3")
    one, other = (answers(sampler, QUESTIONS, batch_questions) for _ in range(2))
    assert_same(one[0], other[0])
    assert one[1] == other[1]


def test_gaps_do_not_count_within_a_window():
    import torch
    from transformers import Gemma3TextConfig

    sizes = {"hidden_size": 8, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 9}
    config = Gemma3TextConfig(**sizes, num_hidden_layers=6, sliding_window=64)
    model = SimpleNamespace(config=config)
    prompt, beginning = list(range(40)), SharedBeginning(model, takes_positions=True)
    cache = growing_cache(config)
    for layer in range(6):
        cache.update(*torch.randn(2, 1, 1, 40, 8), layer)
    beginning.keep(cache, [prompt])

    def known(prompts, n_new):
        return beginning.put(growing_cache(config), prompts, n_new)

    assert known([prompt], 500) == 39
    assert known([prompt, [*prompt[:30], 7]], 23) == 30
    assert known([prompt, [*prompt[:30], 7]], 24) == 0
    assert known([prompt, prompt[:10]], 1) == 0


def test_what_is_kept_stays_as_it_was_where_memory_runs_out(monkeypatch):
    import torch

    def full(_):
        raise MemoryError

    expected, sampler = answers(sampler_of("llama"), QUESTIONS[2:], 1)[0], sampler_of("llama")
    answers(sampler, QUESTIONS[:1], 1)
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(torch.Tensor, "clone", full)
        sampler.prefill([Encoded.of(sampler, QUESTIONS[2], DECODING, "few_shot")])
    assert_same(answers(sampler, QUESTIONS[2:], 1)[0], expected)


NAMES = {"vocab_size": 300, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
COUNTING = {  # families whose attention counts gaps: by the places of tokens, and within a window of its own
    "Mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 512},
    "GPTNeo": {
        "hidden_size": 32,
        "num_heads": 4,
        "num_layers": 2,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 24,
    },
}


@pytest.mark.parametrize("family", COUNTING)
def test_a_model_that_counts_gaps_gets_none(family):
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**COUNTING[family] | NAMES)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for weight in model.parameters():
        weight.data += 0.2 * torch.randn(weight.shape)
    sampler = TorchSampler(model, tiny_tokenizer(), FAKE_SPEC)
    for batch_questions in (3, 3, 1):
        found = final_answers(sampler, QUESTIONS, DECODING, "few_shot", batch_questions)
        assert differences(sampler, QUESTIONS, found, "few_shot").max() < 1e-4
    assert sampler._beginning.put(growing_cache(config), [sampler._beginning._ids], 1) > 0


def test_what_two_prompts_have_in_common():
    assert _common([1, 2, 3], []) == 0
    assert _common([1, 2, 3], [1, 2, 3, 4]) == 2  # the last one is to be read
    assert _common([1, 2, 3, 4], [1, 2]) == 2
    assert _common([1, 5, 3, 4], [1, 2, 3]) == 1
