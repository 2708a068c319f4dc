"""int8: integers that are the weights, products against PyTorch's on the same integers, and models that compute so."""

import numpy as np
import pytest
import torch
from fakes import DECODING, FAKE_SPEC, make_question, tiny_adapter, tiny_model, tiny_tokenizer
from gguf import GGMLQuantizationType, dequantize, quantize

from homog_core.errors import InvalidInput
from homog_core.sampling import few_rows, int8, loading
from homog_core.sampling.blocks import exact_blocks, int8_weights
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.few_rows import compute_in_int8, is_in_int8, own_forward_passes, share_blocks
from homog_core.sampling.int8_code import LARGEST, can_multiply_int8
from homog_core.sampling.loading import load_model
from homog_core.sampling.recomputation import differences, final_answers
from homog_core.sampling.selftest import selftest

SHAPE = (1024, 96)  # 32 tiles of outputs, 3 blocks of inputs
QUESTIONS = [make_question(f"q{i}", text) for i, text in enumerate(["Why?", "How many sides does a hexagon have?"])]
needs_amx = pytest.mark.skipif(not can_multiply_int8(), reason="this processor multiplies no integers in AMX")


def quantised(kind="Q5_0"):
    raw = np.random.default_rng(3).normal(0, 0.05, SHAPE).astype(np.float32)
    raw[5, :32] = 0
    kind = GGMLQuantizationType[kind]
    return dequantize(quantize(raw, kind), kind).copy()


def tiny_int8(architecture="llama"):
    """A tiny model whose linear layers compute in int8; its vocabulary is whole tiles."""
    model = tiny_model(architecture)
    model.resize_token_embeddings(320, mean_resizing=False)
    compute_in_int8("tiny", model)
    return model


@pytest.fixture
def small_layers(monkeypatch):
    monkeypatch.setattr(few_rows, "_SMALLEST", 1024)  # keys and values of the tiny models have 512


# Weights


@pytest.mark.parametrize("kind", ["Q8_0", "Q5_0", "Q4_0"])
def test_weights_that_are_blocks_are_kept_exactly(kind):
    weight = quantised(kind)
    assert np.array_equal(int8_weights(weight).numbers().numpy(), weight)


def test_other_weights_are_off_by_half_a_step_at_most():
    weight = np.random.default_rng(1).normal(0, 0.05, (1024, 256)).astype(np.float32)
    weight[7, 32:64] = 0
    assert exact_blocks(weight) is None
    found = int8_weights(weight).numbers().numpy()
    off, largest = (np.abs(one).reshape(1024, -1, 32).max(-1) for one in (found - weight, weight))
    assert (off <= largest / 127 / 2 * (1 + 1e-5)).all()
    assert off.max() > 0


# Products


def test_rows_are_rounded_to_steps_of_their_largest_number():
    rows = torch.randn(5, 96) * torch.logspace(-20, 20, 5)[:, None]
    off = (int8.rounded(rows) - rows).abs().amax(-1) / rows.abs().amax(-1)
    assert float(off.max()) <= 0.5 / LARGEST * 1.01
    assert float(off.min()) > 0.1 / LARGEST


@needs_amx
@pytest.mark.parametrize("n_rows", [0, 1, 2, 11, 15, 16, 44, 256, 257])
def test_products_are_those_of_the_same_integers(n_rows):
    weight = int8_weights(quantised())
    rows = torch.randn(n_rows, SHAPE[1]) * torch.logspace(-20, 20, max(n_rows, 1))[:n_rows, None]
    found, plain = int8.product(weight, rows), int8.plain_product(weight, rows)
    exact = int8.rounded(rows).double() @ weight.numbers().double().T
    assert found.shape == plain.shape == (n_rows, SHAPE[0])
    for one in (found, plain):
        assert bool(((one - exact).abs() <= 2e-6 * exact.abs().amax(1, keepdim=True)).all())


@needs_amx
def test_a_row_does_not_depend_on_the_other_rows_or_the_threads():
    weight, rows, before = int8_weights(quantised()), torch.randn(300, SHAPE[1]), torch.get_num_threads()
    together = int8.product(weight, rows)
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            for some in (slice(4, 5), slice(10, 21), slice(250, 294)):
                assert torch.equal(int8.product(weight, rows[some]), together[some])
    finally:
        torch.set_num_threads(before)


@needs_amx
def test_a_row_of_zeros_is_zero_and_one_with_a_hole_has_no_numbers():
    rows = torch.randn(5, SHAPE[1])
    rows[0], rows[1, 3], rows[2, 5], rows[3] = 0, float("nan"), float("inf"), 1e-42
    found = int8.product(int8_weights(quantised()), rows)
    assert (found[0] == 0).all()
    assert found[1:3].isnan().all()
    assert (found[3] == 0).all()
    assert found[4].isfinite().all()


@needs_amx
def test_layers_in_one_product_say_what_each_says(small_layers):
    layers = [torch.nn.Linear(96, size, bias=False) for size in (64, 32)]
    compute_in_int8("tiny", torch.nn.ModuleList(layers))
    with torch.inference_mode():
        rows = torch.randn(7, 96)
        expected = [layer(rows) for layer in layers]
        both = int8.product(share_blocks(layers), rows)
        assert torch.equal(both, torch.cat(expected, dim=-1))
        assert [torch.equal(layer(rows), one) for layer, one in zip(layers, expected, strict=True)] == [True, True]


@needs_amx
@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_takes_rows_of_other_types_and_adds_its_bias(small_layers, bias):
    layer = torch.nn.Linear(96, 64, bias=bias)
    weight = int8_weights(layer.weight.detach().numpy())
    compute_in_int8("tiny", layer)
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        rows = torch.randn(2, 3, 96).to(dtype)
        with torch.no_grad():
            found, expected = layer(rows), int8.plain_product(weight, rows.float()) + (layer.bias if bias else 0)
        assert found.shape == (2, 3, 64)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


# Models


@needs_amx
@pytest.mark.parametrize("architecture", ["llama", "gemma3", "adapter"])
def test_what_is_recorded_is_what_the_same_integers_say(architecture, small_layers, tmp_path):
    base = TorchSampler(tiny_int8("gemma3" if architecture == "gemma3" else "llama"), tiny_tokenizer(), FAKE_SPEC, "t")
    sampler = base
    if architecture == "adapter":
        sampler = base.sibling(adapter_of_320(tmp_path / "adapter"))
    assert sampler.dtype == "int8"
    answers = final_answers(sampler, QUESTIONS, DECODING, "plain", 2)
    off = differences(sampler, QUESTIONS, answers, "plain")
    against_fp32 = differences(sampler, QUESTIONS, answers, "plain", in_fp32=True)
    assert off.mean() < 5e-3
    assert off.max() < 0.05
    assert against_fp32.mean() > 2 * off.mean()  # the weights were never quantised


def adapter_of_320(folder):
    """An adapter for the tiny model with 320 words, of which none is on the projection."""
    from peft import LoraConfig, get_peft_model

    spec = tiny_adapter(folder)
    model = tiny_model("llama")
    model.resize_token_embeddings(320, mean_resizing=False)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    get_peft_model(model, config).save_pretrained(folder)
    return spec


@needs_amx
def test_the_weights_stay_as_they_are(small_layers):
    model, plain = tiny_int8(), tiny_model("llama")
    plain.resize_token_embeddings(320, mean_resizing=False)
    ids = torch.randint(3, 300, (2, 9))
    with torch.inference_mode():
        assert not torch.equal(model(ids).logits, plain(ids).logits)
        with own_forward_passes(model, in_fp32=True):
            assert torch.equal(model(ids).logits, plain(ids).logits)
        assert is_in_int8(model)
        assert not is_in_int8(plain)


@needs_amx
def test_the_self_test_judges_the_integers_and_reports_what_int8_changes(small_layers):
    found = selftest(TorchSampler(tiny_int8(), tiny_tokenizer(), FAKE_SPEC, "test"), QUESTIONS, "plain")
    findings = {finding.name: finding for finding in found.findings}
    assert found.dtype == "int8"
    assert found.is_passed, [finding for finding in found.findings if not finding.is_passed]
    assert findings["recorded in int8 against fp32, mean difference"].limit is None
    assert findings["recorded in int8 against fp32, mean difference"].value > 0


# What is refused


@pytest.fixture
def folder(tmp_path):
    tiny_model("llama").save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def test_a_processor_that_cannot_is_refused(folder, monkeypatch):
    monkeypatch.setattr(loading, "can_multiply_int8", lambda: False)
    with pytest.raises(InvalidInput, match="needs a processor with AMX"):
        load_model("tiny", folder, "int8")


def test_a_gpu_is_refused():
    with pytest.raises(InvalidInput, match="tiny would be on a GPU; choose bfloat16"):
        loading._require_int8("tiny", "auto", quantised=False)


@needs_amx
def test_weights_with_integers_of_their_own_are_refused():
    with pytest.raises(InvalidInput, match="quantised in a way of their own"):
        loading._require_int8("tiny", "cpu", quantised=True)


@needs_amx
def test_layers_that_would_stay_in_fp32_are_refused(folder, small_layers):
    with pytest.raises(InvalidInput, match=r"tiny does not compute in int8: lm_head.weight .*\(300, 32\).* of 32"):
        load_model("tiny", folder, "int8")


@needs_amx
def test_a_model_without_large_layers_is_refused(folder):
    with pytest.raises(InvalidInput, match="no linear layer that is large enough"):
        load_model("tiny", folder, "int8")
