"""What files say of a model: sizes from headers, and descriptions from names and chat templates."""

import json
import shutil
from types import SimpleNamespace

import gguf
import numpy as np
import psutil
import pytest
from fakes import tiny_model
from gguf import GGUFReader, GGUFWriter
from hypothesis import given
from hypothesis import strategies as st
from transformers.integrations.ggml import _gguf_parse_value

from homog_core.device import Device
from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.records import ModelSpec
from homog_core.sampling import quick_gguf as quick_gguf_module
from homog_core.sampling.gguf import dequantise, read_header
from homog_core.sampling.model_files import describe_folder, describe_gguf, missing_weights, numbers_of, weight_size
from homog_core.sampling.quick_gguf import quick_gguf
from homog_core.sampling.weights import availability, described, find_model, memory_of

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def write_gguf(path, **metadata):
    """A GGUF file as the `gguf` package writes it: 3 · 4 + 5 numbers in two tensors, and arrays between the keys."""
    writer = GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "déf", ""])
    writer.add_array("tokenizer.ggml.scores", [0.5, -1.0])
    for key, value in metadata.items():
        key = key.replace("__", ".")
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    writer.add_tensor("a", np.zeros((3, 4), dtype=np.float32))
    writer.add_tensor("b", np.zeros(5, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


# GGUF headers


def test_a_header_has_what_another_program_wrote(tmp_path):
    header = read_header(write_gguf(tmp_path / "a.gguf", general__name="Tiny Chat", llama__block_count=7))
    assert header.metadata == {"general.architecture": "llama", "general.name": "Tiny Chat", "llama.block_count": 7}
    assert header.n_parameters == 3 * 4 + 5


@given(st.dictionaries(st.text("abc.", min_size=1, max_size=8), st.text(max_size=20), max_size=4))
def test_every_string_of_a_header_comes_back(tmp_path_factory, said):
    metadata = {f"own__{key}": value for key, value in said.items()}
    header = read_header(write_gguf(tmp_path_factory.mktemp("gguf") / "a.gguf", **metadata))
    expected = {f"own.{key}": value for key, value in said.items() if value}  # the writer leaves empty ones out
    assert {key: value for key, value in header.metadata.items() if key.startswith("own.") and value} == expected


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + bytes(40), b"PK\3\4" + bytes(40)])
def test_what_is_no_gguf_file_is_said(tmp_path, content):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"a\.gguf does not read as a GGUF file.*fetch it again"):
        find_model(str(tmp_path / "a.gguf"))


def test_a_cut_header_is_said_wherever_it_ends(tmp_path):
    whole = write_gguf(tmp_path / "a.gguf", general__name="Tiny").read_bytes()
    for end in range(1, 200, 7):
        (tmp_path / "cut.gguf").write_bytes(whole[:end])
        with pytest.raises(InvalidInput, match="does not read as a GGUF file"):
            read_header(tmp_path / "cut.gguf")


def test_the_quick_reader_reads_what_the_package_reads(tmp_path):
    file = write_gguf(tmp_path / "a.gguf", general__name="Tiny", llama__block_count=7)
    package = GGUFReader(file)
    seen = []
    with quick_gguf(file, lambda n, total: seen.append((n, total))):
        quick = gguf.GGUFReader(str(file))
        for tensor in quick.tensors:
            gguf.dequantize(tensor.data, tensor.tensor_type)
    read = {key: values_of(field) for key, field in quick.fields.items()}
    expected = {key: values_of(field) for key, field in package.fields.items()}
    counted = {key for key in expected if key.startswith("tokenizer.")}  # which are an array each
    assert len(counted) == 2
    assert read == expected | {key: [1] * len(expected[key]) for key in counted}
    assert [(t.name, t.data.tolist()) for t in quick.tensors] == [(t.name, t.data.tolist()) for t in package.tensors]
    assert seen == [(1, 2), (2, 2)]
    assert gguf.GGUFReader is GGUFReader  # and everybody else gets the package's own again


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_1", "Q5_0"])
def test_numbers_of_a_tensor_are_the_packages(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(quick_gguf_module, "_PIECE", 96)  # 4 × 64 weights: the last piece is shorter
    kind = gguf.GGMLQuantizationType[kind]
    data = gguf.quantize(np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32), kind)
    expected = gguf.dequantize(data, kind)
    with quick_gguf(write_gguf(tmp_path / "a.gguf"), lambda n, total: None):
        found = gguf.dequantize(data, kind)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)


def values_of(field):
    """A field as transformers reads it."""
    return [_gguf_parse_value(field.parts[i], field.types) for i in field.data]


def test_a_gguf_file_that_has_no_room_unpacked_is_refused(tmp_path, monkeypatch):
    file = write_gguf(tmp_path / "a.gguf")
    for free, kind, words in ((67, OutOfMemory, "memory are free"), (68, ModelUnavailable, "point HOMOG_CACHE")):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=67))  # of 17 · 4 = 68 bytes
        with pytest.raises(kind, match=words):
            dequantise(file, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


# Models that describe themselves


@pytest.mark.parametrize(
    ("metadata", "file", "style", "stage", "words"),
    [
        ({"general__finetune": "it", "template": 1}, "a", "chat", "instruct", "instruct: its finetune is 'it'"),
        ({"general__name": "Big Instruct v2", "template": 1}, "a", "chat", "instruct", "its name is 'Big Instruct v2'"),
        ({"template": 1}, "qwen-7b-chat-q4", "chat", "instruct", "its file's name is 'qwen-7b-chat-q4'"),
        (
            {"general__finetune": "it"},
            "a",
            "plain",
            None,
            "prompted plainly: its finetune is 'it', but it has no chat temp",
        ),
        (
            {"general__name": "Italian edits", "template": 1},
            "a",
            "plain",
            None,
            "no name of it says instruct.*a chat temp",
        ),
        ({}, "a", "plain", None, "prompted plainly: no name of it says instruct, chat or it; it has no chat template"),
    ],
)
def test_a_gguf_file_says_how_it_is_asked(tmp_path, metadata, file, style, stage, words):
    metadata = {"tokenizer__chat_template" if key == "template" else key: value for key, value in metadata.items()}
    metadata = {key: TEMPLATE if value == 1 else value for key, value in metadata.items()}
    spec = find_model(str(write_gguf(tmp_path / f"{file}.gguf", **metadata)))
    assert (spec.prompt_style, spec.stage, spec.family, spec.n_parameters) == (style, stage, "llama", 17)
    assert words.split(".*")[0] in described(spec)
    assert availability(spec).sentence == f"on this machine · {described(spec)}"


@pytest.mark.parametrize(
    ("folder", "files", "style"),
    [
        ("Tiny-7B-Instruct", {"tokenizer_config.json": {"chat_template": TEMPLATE}}, "chat"),
        ("tiny_7b_it", {"chat_template.jinja": TEMPLATE}, "chat"),
        ("mine", {"chat_template.jinja": TEMPLATE, "config.json": {"_name_or_path": "them/Tiny-Chat"}}, "chat"),
        ("Tiny-7B-Instruct", {}, "plain"),
        ("Tiny-7B", {"chat_template.jinja": TEMPLATE}, "plain"),
    ],
)
def test_a_folder_says_how_it_is_asked(tmp_path, folder, files, style):
    path = tmp_path / folder
    path.mkdir()
    for name, content in ({"config.json": {}} | files).items():
        content = {"model_type": "llama"} | content if name == "config.json" else content
        (path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    spec = find_model(str(path))
    assert (spec.prompt_style, spec.stage) == (style, "instruct" if style == "chat" else None)
    assert spec.family == "llama"
    assert described(spec) == describe_folder(path).sentence


def test_a_model_of_the_catalogue_is_what_the_catalogue_says(own_cache):
    file = write_gguf(own_cache / "mine-it.gguf", tokenizer__chat_template=TEMPLATE)
    assert describe_gguf(file).is_instruct
    (own_cache / "models.toml").write_text(f'[[models]]\nkey = "mine"\nsource = "{file}"\n')
    assert find_model("mine").prompt_style == "plain"
    assert described(find_model("mine")) == ""


# Sizes


def test_the_size_of_weights_is_in_their_headers(tmp_path):
    model = tiny_model("llama")
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "several", max_shard_size="60KB")
    n_parameters = sum(p.numel() for p in model.parameters())
    for folder in (tmp_path / "one", tmp_path / "several"):
        size = weight_size(folder)
        assert size.n_parameters == n_parameters
        assert 4 * n_parameters < size.n_bytes < 4 * n_parameters + 10_000  # fp32 and headers
        assert numbers_of(folder).n_parameters == n_parameters
        assert find_model(str(folder)).n_parameters == n_parameters


def test_a_folder_without_its_weights_has_no_size(tmp_path):
    assert missing_weights(tmp_path) == ("model.safetensors",)
    assert weight_size(tmp_path) is None
    (tmp_path / "model.safetensors.index.json").write_text("{")
    assert missing_weights(tmp_path) == ("model.safetensors.index.json",)
    assert numbers_of(tmp_path) is None


def test_what_sampling_takes_is_estimated_from_files_or_else_from_the_size(tmp_path):
    model, device = tiny_model("llama"), Device("test", 10**9, 4)
    model.save_pretrained(tmp_path / "tiny")
    spec = find_model(str(tmp_path / "tiny"))
    # cache: 2 · 3 rows · 2 KV heads · 8 · 4 bytes · 2 layers · 10 tokens; distributions: 4 · 3 · 300 · 4 bytes
    expected = 4 * spec.n_parameters + 2 * 3 * 2 * 8 * 4 * 2 * 10 + 4 * 3 * 300 * 4
    assert memory_of(spec, device, rows=3, tokens=10) == expected
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"damaged")
    assert memory_of(spec, device, rows=3, tokens=10) == int(spec.n_parameters * 4 * 1.2)
    assert memory_of(ModelSpec("far", "nobody/far"), device, rows=3, tokens=10) is None
