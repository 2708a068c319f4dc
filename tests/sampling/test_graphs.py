"""The steps that a GPU records, computed on the CPU: the fixed cache and all around it. On a GPU: test_cuda.py."""

import pytest

from benchmarks import families
from homog_core.records import Decoding
from homog_core.sampling import graphs
from homog_core.sampling.graphs import RecordedDecoding, is_recordable

RECORDABLE = ("llama", "qwen3", "olmo2", "smollm3", "gpt2")
WITH_WINDOWS = ("gemma3_text", "olmo3", "mistral")


@pytest.fixture
def recorded(monkeypatch):
    """Lets the CPU count as a GPU; returns how many batches were decoded this way."""
    batches = []
    monkeypatch.setattr(graphs, "_is_on_one_gpu", lambda model: True)
    begin = RecordedDecoding.__init__
    monkeypatch.setattr(RecordedDecoding, "__init__", lambda self, *a: batches.append(1) or begin(self, *a))
    return batches


@pytest.mark.parametrize("family", [*RECORDABLE, *WITH_WINDOWS])
def test_recorded_numbers_are_those_of_a_full_recomputation(family, recorded, monkeypatch):
    if family in WITH_WINDOWS:
        monkeypatch.setitem(families.FAMILIES, family, families.FAMILIES[family] | {"sliding_window": 128})
    found = families.check(family).differences
    assert max(found.values()) < 1e-4, found
    assert recorded


def test_rows_that_have_ended_are_dropped_where_there_are_many(recorded, monkeypatch):
    monkeypatch.setattr(graphs, "_MANY", 4)
    dropped = []
    shrink = RecordedDecoding._shrink
    monkeypatch.setattr(RecordedDecoding, "_shrink", lambda self: dropped.append(len(self._live)) or shrink(self))
    assert max(families.check("llama").differences.values()) < 1e-4
    assert dropped


@pytest.mark.parametrize("family", ["gemma3_text", "qwen3_next", "mamba", "gpt_oss"])
def test_models_that_cannot_be_recorded_are_told(family, recorded):
    """A window of 8 tokens, states instead of a cache, experts that are chosen by their numbers."""
    assert not is_recordable(families.tiny_family(family), Decoding(max_new_tokens=12), 10)


def test_a_nucleus_is_not_recorded(recorded):
    model = families.tiny_family("llama")
    assert is_recordable(model, Decoding(), 10)
    assert not is_recordable(model, Decoding(top_p=0.9), 10)
