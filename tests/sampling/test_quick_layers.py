"""Layers that few rows decode through, against transformers' own: in every width of registers and in many families."""

import copy

import pytest
import torch
import transformers

from homog_core.sampling import few_rows, instructions, layer_code, logit_code, quick_layers
from homog_core.sampling.draws import _plain_summary, _summary
from homog_core.sampling.few_rows import quicken_few_rows
from homog_core.sampling.growing_cache import growing_cache
from homog_core.sampling.quick_layers import _Heads, _mixed, _Norm, _normed, _opened, _rotate, quicken_layers

SIZES = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "attn_implementation": "sdpa",
}
ALL = {"norm", "gated", "attend"}
EXPERTS = {"moe_intermediate_size": 32, "n_routed_experts": 4, "num_experts_per_tok": 2, "first_k_dense_replace": 1}
FAMILIES = {
    "Llama": ({}, ALL),
    "Mistral": ({"sliding_window": 5}, ALL),
    "Qwen2": ({}, ALL),  # with a bias
    "Qwen3": ({}, ALL),  # with norms of queries and keys
    "Gemma": ({}, ALL),
    "Gemma3Text": ({"sliding_window": 5}, ALL),
    "Granite": ({"attention_multiplier": 0.3}, ALL),
    "SmolLM3": ({"no_rope_layers": [1, 0]}, ALL),  # one layer does not rotate
    "Olmo": ({"clip_qkv": 5.0}, {"gated"}),  # with a limit that only large numbers reach
    "Glm4Moe": ({"head_dim": 64} | EXPERTS, ALL),  # rotates half of each head, which only its embeddings say
    "Olmo2": ({}, {"norm", "gated"}),  # norms of all heads together
    "Gemma2": ({"attn_logit_softcapping": 1.0, "attn_implementation": "eager"}, {"norm", "gated"}),
    "StableLm": ({"partial_rotary_factor": 0.25, "head_dim": 16}, {"gated"}),
    "Cohere": ({}, {"gated"}),  # rotates neighbours
    "Phi3": ({}, {"norm"}),
    "GPTNeoX": ({}, set()),
}


@pytest.fixture(params=[4, 8, 16])
def registers(request, monkeypatch):
    """Machine code for registers of so many numbers."""
    for module in (layer_code, logit_code, quick_layers):
        monkeypatch.setattr(module, "lanes", lambda: request.param)
    for module, name in (
        (layer_code, "norm"),
        (layer_code, "rotation"),
        (layer_code, "attention"),
        (layer_code, "gate"),
    ):
        monkeypatch.setattr(quick_layers, name, getattr(module, name).__wrapped__)
    return request.param


def test_a_norm(registers):
    rows, weight = torch.randn(7, 64) * 5, torch.randn(64)
    expected = rows * (rows.double().square().mean(-1, keepdim=True) + 1e-3).rsqrt() * weight
    torch.testing.assert_close(_normed(_Norm(weight, 1e-3), rows), expected.float())


@pytest.mark.parametrize("kind", ["silu", "gelu"])
def test_a_gate(kind, registers):
    numbers, up = torch.linspace(-100, 100, 640).view(5, 128), torch.randn(5, 128)
    plain = (
        torch.nn.functional.silu(numbers) if kind == "silu" else torch.nn.functional.gelu(numbers, approximate="tanh")
    )
    torch.testing.assert_close(_opened(kind, numbers, up), plain * up, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("norm", [None, _Norm(torch.linspace(0.5, 2, 32), 1e-6)])
def test_heads_are_rotated_where_they_lie(norm, registers):
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    numbers, (cos, sin) = torch.randn(3, 5 * 32), torch.randn(2, 3, 1, 32)
    heads = numbers[:, :64].view(3, 2, 1, 32).clone()
    normed = heads if norm is None else torch.nn.functional.rms_norm(heads, (32,), norm.weight, norm.epsilon)
    expected, rest = apply_rotary_pos_emb(normed, normed, cos, sin)[0], numbers[:, 64:].clone()
    _rotate(numbers[:, :64], norm, cos, sin, 32)
    torch.testing.assert_close(numbers[:, :64].view(3, 2, 1, 32), expected)
    assert torch.equal(numbers[:, 64:], rest)


@pytest.mark.parametrize("tokens", [1, 15, 16, 41])
@pytest.mark.parametrize(("query_heads", "key_heads"), [(4, 1), (6, 2), (3, 3), (9, 1)])
def test_attention_to_what_the_mask_shows(query_heads, key_heads, tokens, registers):
    queries = 3 * torch.randn(5, query_heads, 1, 32)
    place = torch.randn(2, 5, key_heads, 64, 32)  # with room behind the tokens
    keys, values = place[:, :, :, :tokens]
    mask = torch.rand(5, 1, 1, tokens) < 0.5
    mask[..., -1] = True
    expected = torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, scale=0.25, enable_gqa=True
    )
    heads = _Heads(32, query_heads // key_heads, None, None, ())
    found = _mixed(heads, queries.view(5, -1), keys, values, mask, 0.25)
    torch.testing.assert_close(found.view(expected.shape), expected)
    without = _mixed(heads, queries.view(5, -1), keys, values, None, 0.25)
    plain = torch.nn.functional.scaled_dot_product_attention(queries, keys, values, scale=0.25, enable_gqa=True)
    torch.testing.assert_close(without.view(plain.shape), plain)


@pytest.mark.parametrize("size", [16, 512, 528, 2000])
def test_the_summary_of_logits(size, registers, monkeypatch):
    from homog_core.sampling import draws

    monkeypatch.setattr(draws, "summary", logit_code.summary.__wrapped__)
    logits = 20 * torch.randn(5, size)
    logits[1, 3] = -torch.inf
    for one, other in zip(_summary(logits), _plain_summary(logits), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    logits[2, 5] = torch.nan
    assert _summary(logits).mass.isnan().any(-1).tolist() == [False, False, True, False, False]


def quickened(model):
    """What was recognised in a model, which computes with it from now on."""
    quicken_few_rows(model)
    quicken_layers(model)
    own = [module.__dict__["forward"].func.__name__ for module in model.modules() if "forward" in module.__dict__]
    return {name.removeprefix("_") for name in own}


def decoded(model):
    """The logits of two prompts of unlike lengths and of ten tokens that follow one at a time."""
    torch.manual_seed(3)
    ids, mask = torch.randint(1, 96, (2, 7)), torch.ones(2, 7, dtype=torch.long)
    mask[1, :3] = 0
    cache, found = growing_cache(model.config), []
    with torch.inference_mode():
        for _ in range(11):
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            given = {"attention_mask": mask, "position_ids": positions, "past_key_values": cache, "use_cache": True}
            found.append(model(input_ids=ids, **given).logits[:, -1])
            ids, mask = torch.randint(1, 96, (2, 1)), torch.cat([mask, mask.new_ones(2, 1)], dim=1)
    return torch.stack(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_says_what_it_said(family, monkeypatch):
    monkeypatch.setattr(few_rows, "_SMALLEST", 1)
    others, recognised = FAMILIES[family]
    torch.manual_seed(1)
    config = getattr(transformers, f"{family}Config")(**SIZES | others)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for weight in model.parameters():  # norms are all ones, or all zeros
        weight.data += 0.2 * torch.randn(weight.shape)
    expected = decoded(model)
    assert quickened(model) - {"forward"} == recognised
    found = decoded(model)
    assert not torch.equal(found, expected) or not recognised
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_and_other_types_keep_the_plain_layers():
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SIZES)).eval()
    half, plain = copy.deepcopy(model).bfloat16(), copy.deepcopy(model)
    assert quickened(half) == set()
    quickened(model)
    ids = torch.randint(1, 96, (2, 5))
    for one in (model, plain):
        one(input_ids=ids, labels=ids).loss.backward()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_a_layer_that_computes_something_else_is_left_alone(monkeypatch):
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRMSNorm

    for kind in (LlamaAttention, LlamaMLP, LlamaRMSNorm):
        plain = kind.forward

        def other(self, *arguments, plain=plain, **named):
            found = plain(self, *arguments, **named)
            return (found[0] * 1.001, found[1]) if isinstance(found, tuple) else found * 1.001

        monkeypatch.setattr(kind, "forward", other)
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SIZES)).eval()
    assert quickened(model) == set()


class Clamped(transformers.models.llama.modeling_llama.LlamaMLP):
    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x).clamp(max=7.0)) * self.up_proj(x))


class EpsilonOutside(transformers.models.llama.modeling_llama.LlamaRMSNorm):
    def forward(self, hidden_states):
        root = hidden_states.square().mean(-1, keepdim=True).sqrt()
        return self.weight * hidden_states / (root + self.variance_epsilon)


@pytest.mark.parametrize("kind", [Clamped, EpsilonOutside])
def test_what_only_large_or_small_numbers_show_is_noticed(kind):
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SIZES)).eval()
    for module in model.modules():
        if type(module) is kind.__base__:
            module.__class__ = kind
    name = {Clamped: "gated", EpsilonOutside: "norm"}[kind]
    assert quickened(model) == ALL - {name}


def test_the_exponential():
    import ctypes

    class Numbers(ctypes.Structure):
        _fields_ = (("given", ctypes.c_void_p), ("found", ctypes.c_void_p), ("n", ctypes.c_int64))

    def fill(code, given):
        with code.counted(code.quotient(given["n"], code.lanes)) as step:
            at = code.product(step, code.lanes)
            code.stored(given["found"], at, 0, code.exponential(code.loaded(given["given"], at, 0)))

    numbers = torch.linspace(-86.9, 86.9, 1 << 16)
    found = torch.empty_like(numbers)
    work = Numbers(numbers.data_ptr(), found.data_ptr(), len(numbers))
    instructions.to_machine_code(Numbers, instructions.lanes(), fill)(work)
    expected = numbers.double().exp()
    assert float(((found - expected) / expected).abs().max()) < 2.5e-7
