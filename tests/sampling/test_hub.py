"""Models of the hub: a hub on loopback, and the real client and loader."""

import errno
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import psutil
import pytest
from fake_hub import COMMIT, FakeHub, Refusal
from fakes import bars_are_free, tiny_model, tiny_tokenizer
from huggingface_hub import constants, file_download

from homog_core.catalogue.models import MODELS
from homog_core.errors import InvalidInput, ModelUnavailable, NotFound, OutOfMemory
from homog_core.records import ModelSpec
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import availability, local_weights

SPEC = ModelSpec("tiny", "nobody/tiny", license="MIT")
STRAY = {  # what repositories hold beside what transformers loads
    "README.md": b"a card",
    "consolidated.safetensors": b"the weights again",
    "model.safetensors": b"an older save",
    "original/consolidated.00.pth": b"and again",
    "onnx/model.onnx": b"and again",
    "tiny-q4.gguf": b"and again",
    "pytorch_model.bin": b"and again",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The files of a tiny model in several shards, and those of its tokenizer."""
    folder = tmp_path_factory.mktemp("saved")
    tiny_model("llama").save_pretrained(folder, max_shard_size="60KB")
    tiny_tokenizer().save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def hub(saved, tmp_path, monkeypatch):
    """A hub with the tiny model, which is the only one that the client knows; its cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)  # between the client's own attempts
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHub(SPEC.source, saved | STRAY).serving() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", served.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield served


def refused(status, code="", message="", path="", **headers):
    """What a hub does that refuses all requests, or those whose path holds `path`."""
    own = {"X-Error-Code": code, "X-Error-Message": message, **headers}
    answer = Refusal(status, {name.replace("_", "-"): value for name, value in own.items() if value})
    return lambda asked: answer if path in asked else None


def weights_of(files):
    return {name for name in files if name.endswith(".safetensors") and name.startswith("model-0")}


# What is fetched


def test_exactly_the_files_that_transformers_loads_are_fetched_and_they_load(hub, saved):
    assert len(weights_of(saved)) > 1
    words = []
    sampler = TorchSampler.from_pretrained(SPEC, words.append)
    assert hub.fetched == set(saved)  # configuration, tokenizer, index and its shards
    assert sampler.revision == COMMIT
    assert sampler.spec.n_parameters == sum(p.numel() for p in tiny_model("llama").parameters())
    assert words[0] == "Downloading nobody/tiny from the hub: 0.0 of 0.0 GB"  # 0.1 MB
    assert words[-1] == "Loading tiny"


def test_a_download_says_how_far_it_is_and_can_be_left(hub, saved, monkeypatch):
    """What has come stays, and is not fetched again."""
    big = dict(saved) | {"tokenizer.json": saved["tokenizer.json"] + b" " * 60_000_000}
    hub.files.update(big)
    words = []

    class Left(Exception):
        pass

    def leave(said):
        words.append(said)
        if "0.1 of" in said:
            raise Left

    with pytest.raises(Left):
        local_weights(SPEC, leave)
    assert words[0] == "Downloading nobody/tiny from the hub: 0.0 of 0.1 GB"
    assert availability(SPEC).state == "download"
    assert bars_are_free()
    local_weights(SPEC)
    assert availability(SPEC).state == "ready"


def test_what_is_in_the_cache_needs_no_hub(hub):
    assert availability(SPEC).state == "download"
    first = local_weights(SPEC)
    assert availability(SPEC) == availability(replace(SPEC, revision=COMMIT))
    assert availability(SPEC).state == "ready"
    hub.asked.clear()
    assert local_weights(SPEC) == first
    assert hub.asked == []


def test_a_single_file_is_fetched_where_there_is_no_index(hub, saved):
    whole = {
        name: data for name, data in saved.items() if name not in weights_of(saved) | {"model.safetensors.index.json"}
    }
    hub.files = whole | {"model.safetensors": b"weights", "consolidated.safetensors": b"again"}
    local_weights(SPEC)
    assert hub.fetched == set(whole) | {"model.safetensors"}


def test_a_cache_that_lacks_a_shard_is_not_believed(hub, saved):
    absent = min(weights_of(saved))
    folder = local_weights(SPEC).folder
    (folder / absent).unlink()
    assert availability(SPEC).state == "download"
    hub.asked.clear()
    assert (local_weights(SPEC).folder / absent).is_file()
    assert hub.asked != []


def test_a_snapshot_of_another_program_that_lacks_its_tokenizer_is_not_believed(hub, saved):
    folder = Path(huggingface_hub.snapshot_download(SPEC.source))
    assert availability(SPEC).state == "ready"
    (folder / "tokenizer.json").unlink()
    assert availability(SPEC).state == "download"
    assert (local_weights(SPEC).folder / "tokenizer.json").is_file()


def test_a_cache_with_a_configuration_alone_is_not_believed(hub, saved):
    huggingface_hub.hf_hub_download(SPEC.source, "config.json")  # as a page of another program does
    assert availability(SPEC).state == "download"
    local_weights(SPEC)
    assert hub.fetched == set(saved)


# Refusals

GATED = {"code": "GatedRepo", "message": "Access to model nobody/tiny is restricted."}
EXPIRED = {"message": 'User Access Token "mine" is expired'}


@pytest.mark.parametrize(
    ("token", "refusal", "kind", "words"),
    [
        (None, refused(401, "RepoNotFound"), NotFound, r"no model 'nobody/tiny'.*private: set HF_TOKEN.*spelling"),
        ("hf_a", refused(404, "RepoNotFound"), NotFound, r"no model 'nobody/tiny'.*private"),
        (
            "hf_a",
            refused(401, message="Invalid credentials in Authorization header"),
            ModelUnavailable,
            "wrong or has exp",
        ),
        ("hf_a", refused(401, **EXPIRED), ModelUnavailable, r"\(401\).*settings/tokens.*HF_TOKEN.*hf auth logout"),
        (
            "hf_a",
            refused(403, message="Not allowed"),
            ModelUnavailable,
            r"may not read nobody/tiny \(403\).*fine-grained",
        ),
        (None, refused(401, **GATED, path="/resolve/"), ModelUnavailable, r"gated: accept.*co/nobody/tiny.*HF_TOKEN"),
        ("hf_a", refused(403, **GATED, path="/resolve/"), ModelUnavailable, "gated: accept its licence"),
        ("hf_a", refused(403, message="No", path="/resolve/"), ModelUnavailable, "fine-grained token"),
        (None, refused(404, "RevisionNotFound"), NotFound, r"no revision 'v9' on the hub.*branch, tag or commit"),
        (None, refused(429, Retry_After="37"), ModelUnavailable, r"no more requests.*\(429\).*in 37 seconds.*HF_TOKEN"),
        (None, refused(429, path="/resolve/"), ModelUnavailable, r"\(429\).*in some minutes"),
        (None, refused(500), ModelUnavailable, "answers 500.*later"),
    ],
)
def test_each_refusal_has_its_own_sentence(hub, monkeypatch, token, refusal, kind, words):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    hub.refuse = refusal
    with pytest.raises(kind, match=words) as caught:
        local_weights(replace(SPEC, revision="v9"))
    assert type(caught.value) is kind
    assert "hf_a" not in str(caught.value)


def test_an_entry_of_the_catalogue_that_the_hub_no_longer_has_is_said(hub):
    hub.refuse = refused(404, "RepoNotFound")
    with pytest.raises(
        NotFound, match=r"no model 'Qwen/Qwen3-4B'.*catalogue's entry 'qwen3-4b' is out of date.*models\.toml"
    ):
        local_weights(MODELS["qwen3-4b"])


def test_a_transfer_that_is_cut_goes_on_with_what_is_missing(hub, saved):
    hub.cut = max(weights_of(saved))
    with pytest.raises(ModelUnavailable, match=r"transfer of nobody/tiny was cut.*same command again"):
        local_weights(SPEC)
    assert availability(SPEC).state == "download"
    hub.cut = None
    hub.asked.clear()
    assert (local_weights(SPEC).folder / max(weights_of(saved))).read_bytes() == saved[max(weights_of(saved))]
    assert weights_of(hub.fetched) == {max(weights_of(saved))}


def test_a_hub_that_is_not_there(hub, monkeypatch):
    spec = replace(SPEC, n_parameters=2 * 10**9)  # 2 · 10⁹ · 2 bytes = 4.0 GB
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the port "discard"; nothing listens
    with pytest.raises(ModelUnavailable, match=r"nobody/tiny is not on this machine.*4\.0 GB.*licence MIT.*HF_HOME"):
        local_weights(spec)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=r"cannot be reached.*4\.0 GB"):
        local_weights(spec)


# The disk and the memory


@pytest.mark.filterwarnings("ignore:Not enough free disk space")  # the client warns and goes on
def test_a_disk_without_room_is_said_before_anything_is_fetched(hub, saved, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 1000))
    with pytest.raises(
        ModelUnavailable, match=r"needs 0\.0 GB on the disk and .*hub has 0\.0 GB free; make room, or point HF_HOME"
    ):
        local_weights(SPEC)
    assert weights_of(hub.fetched) == set()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError("IO Error: No space left on device")])
def test_a_disk_that_becomes_full_is_said(hub, monkeypatch, error):
    download = file_download.http_get

    def full_at_the_weights(url, *arguments, **options):
        if "model-0" in url:
            raise error
        download(url, *arguments, **options)

    monkeypatch.setattr(file_download, "http_get", full_at_the_weights)
    with pytest.raises(ModelUnavailable, match=r"became full while nobody/tiny was downloaded.*same command again"):
        local_weights(SPEC)


def test_weights_that_do_not_fit_are_refused_before_they_are_fetched(hub, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5 * 10**9))
    hub.info = {"safetensors": {"parameters": {"BF16": 70 * 10**9}, "total": 70 * 10**9}}
    # 70 · 10⁹ · 4 bytes in fp32 = 280 GB
    with pytest.raises(OutOfMemory, match=r"weights of tiny need 280\.0 GB.*5\.0 GB are free.*smaller model"):
        local_weights(SPEC)
    assert weights_of(hub.fetched) == set()


def test_of_a_quantised_model_the_size_of_the_files_counts(hub, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6))
    hub.info = {"safetensors": {"parameters": {"I32": 10**6}, "total": 10**6}, "config": {"quantization_config": {}}}
    local_weights(SPEC)  # 4 MB in fp32, 0.1 MB as it is


# Repositories without safetensors


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"pytorch_model.bin": b"", "config.json": b"{}"},
            r"only as pickles \(\.bin\).*never loaded here.*safetensors",
        ),
        ({"tiny.Q4_K_M.gguf": b""}, r"GGUF files: download one \(`hf download nobody/tiny FILE"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, "is an adapter, not a model"),
        ({"README.md": b""}, "has no weights"),
        (
            {"model.safetensors.index.json": json.dumps({"weight_map": {"a": "gone.safetensors"}}).encode()},
            "names gone",
        ),
        ({"model.safetensors.index.json": b"{"}, "has no weights"),
    ],
    ids=["pickles", "gguf", "adapter", "nothing", "index", "damaged index"],
)
def test_a_repository_without_safetensors_is_refused(hub, files, words):
    hub.files = files
    with pytest.raises(InvalidInput, match=words):
        local_weights(SPEC)
    assert hub.fetched <= {"model.safetensors.index.json"}
