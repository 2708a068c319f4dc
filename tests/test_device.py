"""Where a model goes, in which type, and what it takes there."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from fakes import MODEL_CACHE, make_question
from hypothesis import given
from hypothesis import strategies as st

from homog_core import device
from homog_core.catalogue.models import MODELS
from homog_core.device import (
    ModelNumbers,
    Placement,
    cache_bytes,
    choose_dtype,
    choose_placement,
    is_out_of_memory,
    memory_needed,
    model_numbers,
    require_room,
)
from homog_core.errors import OutOfMemory
from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.rows import Encoded
from homog_core.sampling.weights import local_weights, memory_numbers

GB = 10**9


@pytest.fixture
def gpus(monkeypatch):
    """Says which GPUs there are, by their free bytes."""

    def there_are(*free):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(free))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: (free[i], 80 * GB))
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7 * GB))

    return there_are


def test_a_container_has_no_more_than_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "_CONTAINER", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7 * GB))
    assert device.free_on_cpu() == 7 * GB
    (tmp_path / "memory.max").write_text(f"{5 * GB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {2 * GB}\ninactive_file {GB}\n")
    assert device.free_on_cpu() == 3 * GB
    (tmp_path / "memory.max").write_text("max\n")
    assert device.free_on_cpu() == 7 * GB


@pytest.mark.parametrize(
    ("free", "placement"),
    [
        ([], Placement("cpu", 7 * GB)),
        ([3 * GB], Placement("cuda:0", 3 * GB)),
        ([2 * GB], Placement("cuda:0", 2 * GB)),  # it may just fit; there is no other GPU
        ([1 * GB, 4 * GB, 3 * GB], Placement("cuda:1", 4 * GB)),
        # each keeps a sixth: 1.8 / 1.2 = 1.5 and 1.2 / 1.2 = 1
        ([18 * GB // 10, 12 * GB // 10], Placement("auto", 25 * GB // 10, {0: 15 * GB // 10, 1: 1 * GB})),
    ],
)
def test_placement(gpus, free, placement):
    gpus(*free)
    assert choose_placement(2 * GB) == placement  # and a fifth more: 2.4 GB


@pytest.mark.parametrize(("free", "fits"), [([], 7), ([3 * GB], 3), ([12 * GB, 24 * GB], 30)])
def test_weights_that_do_not_fit_are_refused_with_both_sizes(gpus, free, fits):
    gpus(*free)
    assert require_room("big", fits * GB).free_bytes == fits * GB
    with pytest.raises(OutOfMemory, match=rf"weights of big need {fits + 1}\.0 GB of memory and {fits}\.0 GB are free"):
        require_room("big", (fits + 1) * GB)


@pytest.mark.parametrize(
    ("compute", "family", "dtype"),
    [
        (None, "llama", "float32"),
        (None, "gemma3", "float32"),
        ((9, 0), "gemma3", "bfloat16"),
        ((8, 0), "llama", "bfloat16"),
        ((7, 5), "llama", "float16"),  # a T4
        ((7, 5), "gemma", "float16"),
        ((7, 5), "gemma2", "float32"),
        ((7, 0), "gemma3", "float32"),
        ((7, 0), "gemma3_text", "float32"),
        ((6, 1), "t5", "float32"),
        ((7, 5), "", "float16"),
    ],
)
def test_the_type_is_one_that_the_card_and_the_family_stand(compute, family, dtype):
    assert choose_dtype(compute, family) == dtype
    assert hasattr(torch, dtype)


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, is_one):
    assert is_out_of_memory(error) is is_one


# The estimate

LLAMA = {"hidden_size": 64, "num_attention_heads": 8, "num_hidden_layers": 3, "vocab_size": 100}
MIXED = {"layer_types": ["sliding_attention", "full_attention", "linear_attention"], "sliding_window": 9}


@pytest.mark.parametrize(
    ("config", "windows", "kv_heads", "head_dim"),
    [
        (LLAMA, (None, None, None), 8, 8),
        (LLAMA | {"num_key_value_heads": 2, "head_dim": 32}, (None, None, None), 2, 32),
        (LLAMA | MIXED, (9, None), 8, 8),
        ({"text_config": LLAMA | MIXED, "vision_config": {"hidden_size": 7}}, (9, None), 8, 8),
        (LLAMA | {"layer_types": ["mamba", "attention", "mamba"]}, (None,), 8, 8),
    ],
)
def test_numbers_of_a_configuration(config, windows, kv_heads, head_dim):
    assert model_numbers(config, 5) == ModelNumbers(5, 100, windows, kv_heads, head_dim)


@pytest.mark.parametrize("config", [{}, {"model_type": "mamba", "hidden_size": 8, "vocab_size": 9}])
def test_a_configuration_that_does_not_say_its_numbers_has_none(config):
    assert model_numbers(config, 5) is None


def test_memory_by_hand():
    numbers = ModelNumbers(n_parameters=1000, vocabulary=100, windows=(9, None), kv_heads=2, head_dim=8)
    # cache: 2 (keys, values) · 3 rows · 2 heads · 8 · 2 bytes · (8 + 20 tokens) = 5376
    assert cache_bytes(numbers, rows=3, tokens=20, bytes_per_value=2) == 5376
    # weights 1000 · 2, distributions 4 copies · 3 rows · 100 · 4 bytes = 4800
    assert memory_needed(numbers, rows=3, tokens=20, bytes_per_parameter=2) == 2000 + 5376 + 4800


@given(st.integers(1, 500), st.integers(1, 2000), st.lists(st.none() | st.integers(2, 600), max_size=6))
def test_memory_grows_with_rows_and_tokens(rows, tokens, windows):
    numbers = ModelNumbers(10, 100, tuple(windows), 2, 8)
    needed = memory_needed(numbers, rows, tokens, 2)
    assert needed <= memory_needed(numbers, rows, tokens + 1, 2)
    assert needed < memory_needed(numbers, rows + 1, tokens, 2)
    full = ModelNumbers(10, 100, (None,) * len(windows), 2, 8)
    assert needed <= memory_needed(full, rows, tokens, 2)  # a window never costs more


def test_the_estimate_is_the_size_of_the_shipped_models_own_tensors(monkeypatch):
    monkeypatch.setenv("HOMOG_CACHE", MODEL_CACHE)
    spec = MODELS["gemma-3-270m"]
    sampler = TorchSampler.from_pretrained(spec, dtype="float32")
    numbers = memory_numbers(spec)
    weights = [p.numel() * p.element_size() for p in sampler.model.parameters()]  # the output is tied to the input
    assert numbers.n_parameters * 4 == sum(weights)
    question = make_question("long", " ".join(["Which planet do astronauts call home?"] * 90))
    encoded = Encoded.of(sampler, question, Decoding(), "plain")
    tokens = len(encoded.ids)
    assert tokens > 512  # longer than the sliding window
    state = sampler.prefill([encoded])
    state.expand(3)
    kept = [tensor for layer in state.cache.layers for tensor in (layer.keys, layer.values)]
    assert cache_bytes(numbers, 3, tokens, 4) == sum(tensor.numel() * tensor.element_size() for tensor in kept)
    assert state.logits.shape == (3, numbers.vocabulary)
    config = json.loads(Path(local_weights(spec).folder, "config.json").read_text())
    assert len(numbers.windows) == config["num_hidden_layers"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these options")
def test_what_is_freed_is_kept_for_a_while_and_then_goes_back():
    """In a process of its own: this one may have freed memory left."""
    script = """
import psutil
from homog_core import device

def resident():
    print(psutil.Process().memory_info().rss / 1e6)

resident()
with device.freed_memory_kept():
    many = [bytearray(1 << 20) for _ in range(200)]  # each zeroed, and so in memory
    resident()
    del many
    resident()
resident()
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    before, used, freed, after = map(float, printed.split())  # megabytes
    assert used > before + 150
    assert freed > before + 150
    assert after < before + 50


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these options")
def test_what_a_model_frees_is_kept_though_another_has_been_unpacked_meanwhile():
    script = """
import psutil
from homog_core import device

device.keep_freed_memory()
with device.freed_memory_kept():
    pass
before = psutil.Process().memory_info().rss
many = [bytearray(1 << 20) for _ in range(200)]
del many
print((psutil.Process().memory_info().rss - before) / 1e6)
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert float(printed) > 150  # megabytes


def test_what_a_server_passes_over_is_freed_when_memory_is_given_back():
    script = """
import gc
import weakref
from homog_core import device


class Owned:
    def __init__(self):
        self.owner = self


def given_up_after(collect):
    held = Owned()
    gone = weakref.ref(held)
    collect()
    del held
    gc.collect()
    return gone


print(given_up_after(device.free_memory)() is None)  # nobody has asked for anything to be passed over
gone = given_up_after(device.pass_over_what_is_loaded)
print(gone() is None)
device.free_memory()
print(gone() is None)
gone = given_up_after(device.free_memory)
print(gone() is None)
with device.freed_memory_kept():
    pass
print(gone() is None)
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["True", "False", "True", "False", "True"]
