"""Folders that load and folders that do not: the real loader on tiny models that somebody has damaged."""

import json
import threading
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
import torch
from accelerate import infer_auto_device_map
from fakes import DECODING, TIMEOUT, FakeEncoder, make_question, tiny_model, tiny_nli, tiny_tokenizer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from homog_core.cli import main
from homog_core.device import LOADING
from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.live import LiveQueue, Request
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.nli import NliCrossEncoder
from homog_core.sampling import loading
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.loading import load_model
from homog_core.sampling.weights import find_model


@pytest.fixture
def folder(tmp_path):
    """A tiny model on disk."""
    folder = tmp_path / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def configure(folder, **fields):
    """Change the configuration of a folder; a field that is None is taken out."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def test_a_whole_folder_loads_in_the_type_of_the_device(folder):
    loaded = load_model("tiny", folder)
    assert loaded.n_parameters == sum(p.numel() for p in tiny_model("llama").parameters())
    assert loaded.model.dtype == (torch.bfloat16 if torch.cuda.is_available() else torch.float32)
    assert not loaded.model.training
    assert load_model("tiny", folder, "bfloat16").model.dtype == torch.bfloat16


# What is wrong with a folder


def only_pickles(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def a_missing_shard(folder):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def a_cut_file(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def no_safetensors_at_all(folder):
    (folder / "model.safetensors").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\n"
    )  # of a clone without LFS


def a_missing_tensor(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def a_tokenizer_of_another_kind(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"neither SentencePiece nor JSON")  # taken for a file of tiktoken
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizerFast"}')


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        (only_pickles, InvalidInput, r"tiny has its weights only as pickles \(\.bin\).*never loaded here; convert"),
        (no_weights, InvalidInput, r"not whole: model\.safetensors is not in .*tiny; copy or fetch"),
        (a_missing_shard, InvalidInput, r"not whole: model-00001-of-00002\.safetensors is not in"),
        (a_cut_file, InvalidInput, r"model\.safetensors is cut: it has [\d,]+ of [\d,]+ bytes; fetch it again"),
        (no_safetensors_at_all, InvalidInput, r"does not read as safetensors; fetch it again"),
        (
            a_missing_tensor,
            InvalidInput,
            r"lack 1 of the model's tensors \(model\.layers\.0\.mlp\.up_proj.*random numbers",
        ),
        (no_tokenizer, InvalidInput, r"tokenizer of tiny cannot be read: tokenizer\.json .*fetch the model again"),
        (
            lambda f: configure(f, model_type="brandnew"),
            ModelUnavailable,
            "architecture 'brandnew'.*pip install -U transf",
        ),
        (
            lambda f: configure(f, model_type=None),
            InvalidInput,
            "does not say its architecture: `model_type` is missing",
        ),
        (lambda f: configure(f, model_type="t5"), InvalidInput, "of the kind 't5', which does not continue a text"),
        (lambda f: (f / "config.json").write_text("{"), InvalidInput, r"files of tiny in .* do not read"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_defect_of_a_folder_has_its_own_sentence(folder, damage, kind, words):
    damage(folder)
    with pytest.raises(kind, match=words):
        load_model("tiny", folder)


@pytest.mark.parametrize(
    ("quantisation", "command"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "gptq", "bits": 4}, "gptqmodel optimum"),
        ({"quant_method": "awq", "bits": 4}, "gptqmodel"),
        ({"quant_method": "compressed-tensors", "config_groups": {}}, "compressed-tensors"),
        ({"quant_method": "hqq", "quant_config": {}}, "hqq"),
    ],
    ids=lambda value: value["quant_method"] if isinstance(value, dict) else "",
)
def test_a_missing_quantisation_package_is_named_with_its_command(folder, quantisation, command):
    configure(folder, quantization_config=quantisation)
    with pytest.raises(
        ModelUnavailable, match=rf"quantised by {quantisation['quant_method']}.*`pip install {command}`"
    ):
        load_model("tiny", folder)


def test_weights_that_do_not_fit_are_refused_before_they_are_read(folder, monkeypatch):
    needed = load_model("tiny", folder).n_parameters * 4
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=needed - 1))
    with pytest.raises(
        OutOfMemory, match=r"The weights of tiny need .* GB of memory and .* GB are free.*smaller model"
    ):
        load_model("tiny", folder)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=needed))
    assert load_model("tiny", folder).n_parameters * 4 == needed


@pytest.mark.parametrize(("share", "fits"), [(1.2, True), (0.9, True), (0.55, False), (0.3, False)])
def test_what_accelerate_would_move_off_the_gpus_is_refused(share, fits):
    model = tiny_model("llama")  # accelerate plans for two GPUs, each with that share of the weights, and no CPU
    n_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    limits = dict.fromkeys(range(2), int(n_bytes * share))
    places = infer_auto_device_map(model, max_memory=limits, no_split_module_classes=model._no_split_modules)
    assert ("disk" in places.values()) != fits
    with nullcontext() if fits else pytest.raises(OutOfMemory, match=r"tiny does not fit on the GPUs.*CPU or the disk"):
        loading._require_on_gpus("tiny", places, "auto")


# Code that comes with a model


def with_code(folder, mark, names):
    """Code beside a model that writes a file when it is imported, and the configurations that ask for it."""
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    for file, fields in names.items():
        path = folder / file
        path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | fields))


MODEL_CODE = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
CODE = {
    "architecture": {"config.json": {"model_type": "own", "auto_map": MODEL_CODE}},
    "tokenizer": {
        "tokenizer_config.json": {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    },
}


@pytest.fixture(params=CODE)
def code(request, folder, tmp_path):
    """The file that code beside the model in `folder` would write."""
    mark = tmp_path / "ran"
    if request.param == "tokenizer":  # otherwise transformers reads tokenizer.json with a class of its own
        (folder / "tokenizer.json").unlink()
    with_code(folder, mark, CODE[request.param])
    return mark


def test_code_of_a_model_is_not_run_by_the_command(folder, code, tmp_path, capsys):
    questions = tmp_path / "own.csv"
    questions.write_text("question\nWhy?\n")
    assert main(["sample", "--model", str(folder), "--dataset", str(questions)]) != 0
    assert "tiny" in capsys.readouterr().err
    assert not code.exists()


def test_code_of_a_model_is_not_run_by_the_thread_of_the_live_queue(folder, code):
    over = threading.Event()

    class WatchedQueue(LiveQueue):
        def _set(self, job, state, message):
            super()._set(job, state, message)
            if state in ("done", "stopped", "failed"):
                over.set()

    queue = WatchedQueue(TorchSampler.from_pretrained, [FakeEncoder()])
    job = queue.submit(Request((find_model(str(folder)),), make_question("why"), replace(DECODING, n_samples=1)))
    assert over.wait(TIMEOUT)
    assert queue.snapshot(job).state == "failed"
    assert "tiny" in queue.snapshot(job).message
    assert not code.exists()


def test_code_beside_an_architecture_that_transformers_knows_is_left_aside(folder, tmp_path):
    with_code(folder, tmp_path / "ran", {"config.json": {"auto_map": MODEL_CODE}})
    assert load_model("tiny", folder).model.config.model_type == "llama"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("load", "names"),
    [
        (SentenceEncoder, {"modules.json": None}),
        (
            SentenceEncoder,
            {"config.json": {"model_type": "own", "auto_map": {"AutoConfig": "own.A", "AutoModel": "own.B"}}},
        ),
        (NliCrossEncoder, {"config.json": {"model_type": "own", "auto_map": {"AutoConfig": "own.A"}}}),
    ],
    ids=["modules of an encoder", "an encoder", "an NLI model"],
)
def test_code_of_encoders_and_nli_models_is_not_run(tmp_path, load, names):
    folder, mark = tmp_path / "nli", tmp_path / "ran"
    tiny_nli(folder, ("entailment", "neutral", "contradiction"))
    with_code(folder, mark, {file: fields for file, fields in names.items() if fields})
    if "modules.json" in names:
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own.Own"}]))
    with pytest.raises(ModelUnavailable, match="does not load"):
        load(str(folder)).load()
    assert not mark.exists()


def test_two_threads_do_not_make_models_at_once(folder, monkeypatch):
    """Transformers replaces functions of its classes meanwhile; the second thread would put them back wrongly."""
    usual, held = PreTrainedModel.post_init, {}

    def post_init(model):
        held[type(model).__name__] = LOADING._is_owned()
        usual(model)

    monkeypatch.setattr(PreTrainedModel, "post_init", post_init)
    load_model("tiny", folder)
    SentenceEncoder("minilm").load()
    assert held["LlamaForCausalLM"] and held["BertModel"]
