"""The self-test of the engine on a tiny model: it passes, and it fails where something is wrong."""

import pytest
import torch
from fakes import FAKE_SPEC, make_question, tiny_model, tiny_tokenizer
from transformers import DynamicCache

from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.selftest import Finding, SelfTest, selftest

QUESTIONS = [
    make_question("long", "Which planet do astronauts call home, and why?"),
    *(make_question(f"q{i}", text) for i, text in enumerate(["Why?", "How many sides does a hexagon have?"])),
]


def sampler(dtype=torch.float32):
    return TorchSampler(tiny_model("llama").to(dtype), tiny_tokenizer(), FAKE_SPEC, "test")


def failed(found):
    return {finding.name for finding in found.findings if not finding.is_passed}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_that_is_sampled_right_passes(dtype):
    said = []
    found = selftest(sampler(dtype), QUESTIONS, "plain", said.append)
    assert failed(found) == set()
    assert found.is_passed
    assert (found.model, found.dtype) == ("fake", str(dtype).removeprefix("torch."))
    assert found.versions["torch"] == torch.__version__
    values = {finding.name: finding.value for finding in found.findings}
    assert values["speed, one question"] > 0
    assert values["memory of the process"] > 0.1
    assert len(said) == 3


def test_rows_that_are_mixed_up_fail(monkeypatch):
    reorder = DynamicCache.reorder_cache
    monkeypatch.setattr(DynamicCache, "reorder_cache", lambda cache, index: reorder(cache, index.flip(0)))
    found = selftest(sampler(), QUESTIONS, "plain")
    assert not found.is_passed
    assert "recorded against recomputed, mean difference" in failed(found)


def test_what_is_undefined_does_not_pass():
    assert not Finding("a", float("nan"), "nats", 1.0).is_passed
    assert Finding("a", float("nan"), "nats").is_passed
    assert not SelfTest("m", "r", "float32", "CPU", {}, (Finding("a", 2, "nats", 1),)).is_passed
