"""The engine on tiny random models of the architectures of today: what is stored is what a full recomputation gives."""

import json
from functools import partial

import pytest
from fakes import tiny_tokenizer

from benchmarks.families import CHECKS, FAMILIES, LONG, QUANTISED, REFUSED, SHORT, check, sampler_of
from homog_core.errors import InvalidInput, ModelUnavailable
from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.recomputation import differences, final_answers
from homog_core.sampling.weights import find_model

LARGEST = 1e-4  # nats, of an entropy or log-probability


@pytest.mark.parametrize("family", [*FAMILIES, QUANTISED])
def test_what_is_recorded_is_what_a_full_recomputation_gives(family):
    found = check(family).differences
    assert set(found) == set(CHECKS) - ({"adapter"} if family == QUANTISED else set())
    assert {name: value for name, value in found.items() if not value < LARGEST} == {}  # NaN: nothing was checked


@pytest.mark.parametrize("family", REFUSED)
def test_an_architecture_without_a_cache_of_rows_is_refused_before_it_samples(family):
    assert f"the architecture {family!r}, which has no cache" in check(family).refused


def test_a_difference_would_be_found(monkeypatch):
    """A cache whose rows are left as they are when rows leave the batch: the numbers of other rows are recorded."""
    from transformers import DynamicCache

    sampler, reorder = sampler_of("llama"), DynamicCache.reorder_cache

    def reorder_first_time_alone(cache, index):
        if len(index) == 8:  # two questions, expanded; afterwards rows of the cache are taken from its beginning
            return reorder(cache, index)
        return reorder(cache, index * 0 + index.new_tensor(range(len(index))))

    decoding = Decoding(n_samples=3, max_new_tokens=12, stop=("a", "e", "i", "o", " "))
    monkeypatch.setattr(DynamicCache, "reorder_cache", reorder_first_time_alone)
    answers = final_answers(sampler, [LONG, SHORT], decoding, "plain", 2)
    assert differences(sampler, [LONG, SHORT], answers, "plain").max() > 0.01


def test_a_model_that_would_run_its_own_code_is_refused_and_the_code_is_not_run(tmp_path):
    folder, mark = tmp_path / "own", tmp_path / "ran"
    folder.mkdir()
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": names}))
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    tiny_tokenizer().save_pretrained(folder)
    with pytest.raises(ModelUnavailable, match="never run here"):
        TorchSampler.from_pretrained(find_model(str(folder)))
    assert not mark.exists()


def test_the_context_of_a_model_for_pictures_too_is_that_of_its_text_part():
    sampler = sampler_of("gemma3")
    assert not hasattr(sampler.model.config, "max_position_embeddings")
    with pytest.raises(InvalidInput, match="exceed the 256 tokens"):
        list(sampler.sample([SHORT], Decoding(n_samples=1, max_new_tokens=256), "plain"))


def test_what_layers_of_ours_compute_otherwise_would_be_found():
    sampler = sampler_of("llama")
    norm = sampler.activated().model.norm
    norm.forward = partial(lambda own, rows: 1.1 * own(rows), norm.forward)
    answers = final_answers(sampler, [SHORT], Decoding(n_samples=3, max_new_tokens=8), "plain", 1)
    assert differences(sampler, [SHORT], answers, "plain").max() > 0.001
    assert isinstance(norm.forward, partial)  # the recomputation has put it back
