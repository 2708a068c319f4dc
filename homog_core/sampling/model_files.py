"""What the files of a model say without being loaded: which hold its weights, how large it is, what it is.

A folder is read from its JSON files and the headers of its safetensors, a GGUF file from its header. It loads no model
and touches no network.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homog_core.device import ModelNumbers, model_numbers
from homog_core.errors import InvalidInput
from homog_core.sampling.gguf import read_header

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"  # the one file of weights where there is no index
_INSTRUCT = {"instruct", "instruction", "chat", "it"}  # words of the name of a model that follows instructions
_LONGEST_HEADER = 100 << 20  # bytes; the limit of the safetensors format


@dataclass(frozen=True, slots=True)
class WeightSize:
    """How large the weights of a folder are."""

    n_parameters: int  # numbers in the files; of quantised weights the packed ones
    n_bytes: int  # on disk


@dataclass(frozen=True, slots=True)
class Description:
    """What a local model says about itself."""

    family: str  # its architecture
    n_parameters: int | None
    chat_template: bool
    named: str  # what names it an instruct model, as part of a sentence; "" where nothing does

    @property
    def is_instruct(self) -> bool:
        """Whether it is asked through its chat template: it has one, and a name says that it was trained on it."""
        return self.chat_template and bool(self.named)

    @property
    def sentence(self) -> str:
        """What was read from where."""
        template = "a chat template" if self.chat_template else "no chat template"
        if self.is_instruct:
            return f"instruct: {self.named}, and it has a chat template (--prompt overrides it)"
        if self.named:
            return f"prompted plainly: {self.named}, but it has no chat template"
        return f"prompted plainly: no name of it says instruct, chat or it; it has {template}"


def index_files(index: Path) -> tuple[str, ...]:
    """The weight files that an index names; () where it does not read."""
    try:
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return tuple(sorted({str(name) for name in named}))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ()


def weight_files(folder: Path) -> tuple[str, ...]:
    """The safetensors files that transformers loads from a folder, whether or not they are there."""
    return index_files(folder / INDEX) if (folder / INDEX).is_file() else (SINGLE,)


def missing_weights(folder: Path) -> tuple[str, ...]:
    """Those of them that are not there; the index itself where it does not read."""
    names = weight_files(folder)
    return tuple(name for name in names if not (folder / name).is_file()) if names else (INDEX,)


def weight_size(folder: Path) -> WeightSize | None:
    """The size of a folder's weights by the headers of its files; None where one is missing.

    A header is a length in 8 bytes, little-endian, and JSON that gives shape and place of every tensor
    (github.com/huggingface/safetensors, "Format"). Raises `InvalidInput` for a file that does not begin so or is cut.
    """
    if missing_weights(folder):
        return None
    headers = [_tensors(folder / name) for name in weight_files(folder)]
    n_parameters = sum(math.prod(tensor["shape"]) for header in headers for tensor in header)
    return WeightSize(n_parameters, sum((folder / name).stat().st_size for name in weight_files(folder)))


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a folder; empty where there is none or it does not read as one."""
    return _json(folder / "config.json")


def numbers_of(folder: Path) -> ModelNumbers | None:
    """What the memory of a folder's model depends on; None where its config or its weights do not say."""
    size = weight_size(folder)
    return model_numbers(read_config(folder), size.n_parameters) if size else None


def describe_folder(folder: Path) -> Description:
    """What a folder says of its model: the architecture, and whether name and chat template make it an instruct one."""
    config, tokenizer = read_config(folder), _json(folder / "tokenizer_config.json")
    template = bool(tokenizer.get("chat_template")) or (folder / "chat_template.jinja").is_file()
    names = {"the name in its config": config.get("_name_or_path"), "its folder's name": folder.name}
    try:
        size = weight_size(folder)
    except InvalidInput:  # said when it is loaded
        size = None
    return Description(str(config.get("model_type", "")), size.n_parameters if size else None, template, _named(names))


def describe_gguf(file: Path) -> Description:
    """What the header of a GGUF file says of its model. Raises `InvalidInput` where it is no GGUF file."""
    header = read_header(file)
    said = header.metadata
    names = {
        "its finetune": said.get("general.finetune"),
        "its name": said.get("general.name"),
        "its basename": said.get("general.basename"),
        "its file's name": file.stem,
    }
    template = any(key.startswith("tokenizer.chat_template") for key in said)
    return Description(str(said.get("general.architecture", "")), header.n_parameters or None, template, _named(names))


def _named(names: Mapping[str, Any]) -> str:
    for what, name in names.items():
        if isinstance(name, str) and _INSTRUCT & set(re.split(r"[^a-z0-9]+", name.lower())):
            return f"{what} is {name!r}"
    return ""


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tensors(file: Path) -> Iterable[dict[str, Any]]:
    """The entries of a safetensors header, checked to lie inside the file."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if length <= _LONGEST_HEADER else b""
    try:
        entries = [entry for name, entry in json.loads(header).items() if name != "__metadata__"]
        end = max((entry["data_offsets"][1] for entry in entries), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise InvalidInput(f"{file} does not read as safetensors; fetch it again.") from error
    if 8 + length + end > file.stat().st_size:
        raise InvalidInput(
            f"{file} is cut: it has {file.stat().st_size:,} of {8 + length + end:,} bytes; fetch it again."
        )
    return entries
