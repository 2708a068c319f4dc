"""The engine on tiny random models of the architectures of today: what is stored is what a full recomputation gives."""

import json

import pytest
import torch
from fakes import FAKE_SPEC, TINY_SIZES, make_question, tiny_tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

from homog_core.errors import InvalidInput, ModelUnavailable
from homog_core.records import GREEDY, Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model

MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
FAMILIES = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "mistral": {"sliding_window": 8},
    "gemma2": MIXED,
    "gemma3_text": MIXED | {"query_pre_attn_scalar": 8},
    "olmo2": {},
    "olmo3": MIXED,
    "smollm3": {},
    "phi3": {},
    "granite": {},
    "gpt_oss": MIXED | EXPERTS,
    "qwen3_next": {
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "qwen3_5_text": {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "granitemoehybrid": EXPERTS
    | {
        "layer_types": ["mamba", "attention"],
        "mamba_n_heads": 8,
        "mamba_d_head": 8,
        "mamba_d_state": 8,
        "mamba_n_groups": 1,
        "shared_intermediate_size": 32,
    },
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1},
}


def sampler_of(family):
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **(TINY_SIZES | FAMILIES[family]))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    return TorchSampler(model, tiny_tokenizer(), FAKE_SPEC, "test")


QUESTIONS = [make_question("short", "Why?"), make_question("long", "Which planet do astronauts call home, and why?")]


@pytest.mark.parametrize("family", FAMILIES)
def test_entropies_are_those_of_a_full_recomputation(family, token_ids):
    sampler = sampler_of(family)
    # rows that end early, and prompts of two lengths in one batch
    answers, ids = token_ids(sampler, QUESTIONS, Decoding(n_samples=3, max_new_tokens=12, stop=("a", "e", " ")))
    for (key, index), own in ids.items():
        found = answers[key].greedy if index == GREEDY else answers[key].responses[index]
        start = sampler.tokenizer(answers[key].prompt)["input_ids"]
        with torch.no_grad():
            logits = sampler.model(input_ids=torch.tensor([start + own])).logits[0, len(start) - 1 : -1].double()
        log_p = torch.log_softmax(logits, dim=-1)
        assert found.token_entropies == pytest.approx(-(log_p.exp() * log_p).sum(-1).numpy(), abs=1e-4)
        chosen = log_p.gather(-1, torch.tensor(own)[:, None])[:, 0].numpy()
        assert found.token_logprobs == pytest.approx(chosen, abs=1e-4)
    assert len({len(own) for own in ids.values()}) > 1


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
    text = TINY_SIZES | FAMILIES["gemma3_text"]
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model("gemma3", text_config=text, vision_config=vision)
    sampler = sampler_of("llama")
    sampler.model.config = config
    with pytest.raises(InvalidInput, match="exceed the 256 tokens"):
        list(sampler.sample(QUESTIONS, Decoding(n_samples=1, max_new_tokens=256), "plain"))
