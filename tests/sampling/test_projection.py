"""The vocabulary projection in fp32 of models in bf16, against fp64 by hand from the same hidden states."""

import copy

import pytest
import torch
from fakes import FAKE_SPEC, tiny_tokenizer

from benchmarks.families import tiny_family
from homog_core.sampling import projection
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.projection import project_in_fp32

IDS = torch.tensor([[5, 90, 14, 270, 33]])
AFTERWARDS = {  # what each architecture does with its logits, by its config
    "llama": lambda logits, config: logits,
    "gemma2": lambda logits, config: (
        config.final_logit_softcapping * torch.tanh(logits / config.final_logit_softcapping)
    ),
    "granite": lambda logits, config: logits / config.logits_scaling,
    "cohere2": lambda logits, config: logits * config.logit_scale,
    "gemma3": lambda logits, config: logits,
    "mamba2": lambda logits, config: logits,
}


def half(family, dtype=torch.bfloat16):
    return tiny_family(family).to(dtype)


def hidden_states(model):
    """What the model hands to its projection."""
    seen, head = [], model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    with torch.no_grad():
        model(input_ids=IDS)
    handle.remove()
    return seen[0]


def logits_of(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def by_hand(model, family):
    head = model.get_output_embeddings()
    logits = hidden_states(model).double() @ head.weight.double().T
    if head.bias is not None:
        logits = logits + head.bias.double()
    return AFTERWARDS[family](logits, model.config)


@pytest.mark.parametrize("rows", [7, 16_384])
@pytest.mark.parametrize("family", AFTERWARDS)
def test_logits_are_what_the_weights_say(family, rows, monkeypatch):
    monkeypatch.setattr(projection, "_ROWS", rows)  # 300 words of vocabulary: 43 blocks, or one
    model = half(family)
    rough, expected = logits_of(model), by_hand(model, family)
    project_in_fp32(model)
    found = logits_of(model)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max()) < 1e-4
    assert float((rough - expected).abs().max()) > 0.005  # bf16 between 1 and 2: 0.0078 apart


def test_a_bias_is_added():
    model = half("llama")
    model.lm_head.bias = torch.nn.Parameter(torch.randn(300, dtype=torch.bfloat16))
    expected = by_hand(model, "llama")
    project_in_fp32(model)
    assert float((logits_of(model) - expected).abs().max()) < 1e-4


def test_tied_weights_stay_one_tensor():
    model = half("gemma2")
    project_in_fp32(model)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("model", ["fp32", "quantised head", "another class"])
def test_other_projections_are_left_alone(model):
    found = half("llama")
    if model == "quantised head":
        found.lm_head.weight = torch.nn.Parameter(torch.ones(300, 32, dtype=torch.int8), requires_grad=False)
    elif model == "fp32":
        found = found.float()
    elif model == "another class":
        found.lm_head.__class__ = type("Own", (torch.nn.Linear,), {})
    before = dict(found.get_output_embeddings().__dict__)
    project_in_fp32(found)
    assert found.get_output_embeddings().__dict__.keys() == before.keys()


def test_twice_is_once():
    model = half("llama")
    project_in_fp32(model)
    once = model.lm_head.forward
    project_in_fp32(model)
    assert model.lm_head.forward is once


def test_an_adapter_on_the_projection_is_added_in_fp32():
    from peft import LoraConfig, inject_adapter_in_model

    model = half("llama")
    sampler = TorchSampler(model, tiny_tokenizer(), FAKE_SPEC, "test")
    plain, hidden = logits_of(model), hidden_states(model)
    torch.manual_seed(1)
    inject_adapter_in_model(LoraConfig(r=4, target_modules=["lm_head"], init_lora_weights=False), model.to("cpu"), "a")
    head = sampler.model.get_output_embeddings()
    a, b = head.lora_A["a"].weight, head.lora_B["a"].weight
    delta = (hidden.to(a.dtype) @ a.T) @ b.T * head.scaling["a"]
    found = logits_of(model)
    assert found.dtype == torch.float32
    assert float(delta.abs().max()) > 0.1
    assert float((found - plain - delta).abs().max()) < 0.01


def test_under_hooks_that_move_weights_around():
    """Accelerate's own hooks, as a model has them that is spread over devices; here all of them are the CPU."""
    from accelerate import cpu_offload

    model = half("llama")
    reference = copy.deepcopy(model)
    project_in_fp32(reference)
    cpu_offload(model, execution_device=torch.device("cpu"))
    assert model.lm_head.weight.device.type == "meta"  # it comes for the time of the call
    project_in_fp32(model)
    assert torch.equal(logits_of(model), logits_of(reference))
