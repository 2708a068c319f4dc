"""A folder with a model → the model in memory, on the device and in the type that suit it; or a sentence why not.

No code that comes with weights is run, no pickle is read, and nothing is moved to the CPU or the disk beside a GPU. It
does not know where the folder comes from.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from homog_core.device import (
    LOADING,
    avoid_plans_by_shape,
    capability,
    choose_dtype,
    is_out_of_memory,
    keep_freed_memory,
    require_room,
)
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, OutOfMemory, first_line
from homog_core.sampling.few_rows import compute_in_int8
from homog_core.sampling.instructions import can_run
from homog_core.sampling.int8_code import can_multiply_int8
from homog_core.sampling.model_files import SINGLE, missing_weights, read_config, weight_size
from homog_core.sampling.tokenizer import load_tokenizer

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 6}  # int8: fp32, and integers with scales beside it
# What transformers asks for one after the other (its src/transformers/quantizers), by the config's `quant_method`
_PACKAGES = {
    "aqlm": "aqlm[gpu,cpu]",
    "auto-round": "auto-round",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "eetq": "kernels",
    "gptq": "gptqmodel optimum",
    "hqq": "hqq",
    "quanto": "optimum-quanto",
    "quark": "amd-quark",
    "torchao": "torchao",
    "vptq": "vptq",
}
_MISSING_SHOWN = 3  # names of weights in a message


class Loaded(NamedTuple):
    """A model in memory with its tokenizer."""

    model: Any
    tokenizer: Any
    n_parameters: int  # of a quantised model the packed ones


def load_model(key: str, folder: Path, dtype: str | None = None) -> Loaded:
    """The model and the tokenizer of a folder; `key` is what messages call it.

    `dtype` is what to compute in (`records.Arithmetic`); None: what `device.choose_dtype` says. Raises `OutOfMemory`
    for weights that do not fit, before they are read; `ModelUnavailable` where code of its own, another version of
    transformers or another package is needed; `InvalidInput` for a folder that holds no whole causal language model,
    and for int8 where machine or model do not compute in it.
    """
    import torch
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = load_tokenizer(folder)
        _require_weights(key, folder)
        dtype = dtype or choose_dtype(capability(), str(read_config(folder).get("model_type", "")))
        size = weight_size(folder)
        quantised = "quantization_config" in read_config(folder)
        placement = require_room(key, size.n_bytes if quantised else size.n_parameters * _BYTES[dtype])
        if dtype == "int8":
            _require_int8(key, placement.device_map, quantised)
        if placement.device_map == "cpu":
            keep_freed_memory()
        else:
            avoid_plans_by_shape()
        with LOADING:
            model, report = auto_class(config).from_pretrained(
                folder,
                dtype=torch.float32 if dtype == "int8" else getattr(torch, dtype),
                device_map=placement.device_map,
                max_memory=placement.max_memory,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except HomogError:
        raise
    except Exception as error:
        if (said := _refusal(key, folder, error)) is None:
            raise
        raise said from error
    _require_all(key, report["missing_keys"])
    _require_on_gpus(key, getattr(model, "hf_device_map", {}), placement.device_map)
    if dtype == "int8":
        compute_in_int8(key, model)
    return Loaded(model.eval(), tokenizer, model.num_parameters())


def _require_int8(key: str, device_map: str, quantised: bool) -> None:
    """Refuse int8 where it is not computed."""
    if device_map != "cpu":
        raise InvalidInput(f"int8 is computed on a CPU, and {key} would be on a GPU; choose bfloat16 or float32.")
    if not (can_run() and can_multiply_int8()):
        raise InvalidInput(
            "int8 needs a processor with AMX for integers and a system that lets programs use it, and this machine "
            "lacks one of them; choose float32."
        )
    if quantised:
        raise InvalidInput(f"The weights of {key} are quantised in a way of their own; leave out int8.")


def auto_class(config: Any) -> Any:
    """The class of transformers that loads a configuration's weights so that they continue a text.

    That of causal language models, or that of models for pictures and text, which are asked with text alone.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    sees = type(config) in AutoModelForImageTextToText._model_mapping and not config.is_encoder_decoder
    causal = type(config) in AutoModelForCausalLM._model_mapping
    return AutoModelForImageTextToText if sees and not causal else AutoModelForCausalLM


def _require_weights(key: str, folder: Path) -> None:
    missing = missing_weights(folder)
    if not missing:
        return
    if any(folder.glob("*.bin")) and missing == (SINGLE,):
        raise InvalidInput(
            f"{key} has its weights only as pickles (.bin), which run code when they are read and are never loaded "
            f"here; convert them to safetensors: there is no {SINGLE} in {folder}."
        )
    raise InvalidInput(f"The weights of {key} are not whole: {missing[0]} is not in {folder}; copy or fetch it again.")


def _require_all(key: str, missing: Any) -> None:
    """Refuse weights with gaps: transformers fills them with random numbers and only logs it."""
    names = sorted(missing)
    if names:
        shown = ", ".join(names[:_MISSING_SHOWN]) + (", …" if len(names) > _MISSING_SHOWN else "")
        raise InvalidInput(
            f"The weights of {key} lack {len(names)} of the model's tensors ({shown}); random numbers would take their "
            "place. Fetch it again, or choose a model whose files are whole."
        )


def _require_on_gpus(key: str, places: dict[str, Any], device_map: str) -> None:
    elsewhere = [name for name, place in places.items() if str(place) in ("cpu", "disk")]
    if device_map != "cpu" and elsewhere:
        raise OutOfMemory(
            f"{key} does not fit on the GPUs: {len(elsewhere)} of its parts would go to the CPU or the disk, where it "
            "would answer a hundred times slower. Choose a smaller model, or end what else uses the GPUs."
        )


def _refusal(key: str, folder: Path, error: Exception) -> HomogError | None:
    """The sentence for what transformers says when it does not load a folder; None where it is something else."""
    words = str(error)
    if "trust_remote_code" in words:
        return ModelUnavailable(
            f"{key} needs code that comes with its weights, and such code is never run here; choose a model that "
            "transformers itself knows."
        )
    if is_out_of_memory(error):
        return OutOfMemory(f"{key} does not fit into memory; choose a smaller model.")
    return (
        _unknown_architecture(key, folder, words)
        or _of_quantisation(key, folder, error)
        or _missing_package(key, error)
        or _of_files(key, folder, error)
    )


def _unknown_architecture(key: str, folder: Path, words: str) -> HomogError | None:
    import transformers

    name, version = read_config(folder).get("model_type"), transformers.__version__
    if "does not recognize this architecture" in words:
        return ModelUnavailable(
            f"transformers {version} does not know the architecture {name!r} of {key}. A newer version may: "
            "`pip install -U transformers`."
        )
    if "Should have a `model_type` key" in words:
        return InvalidInput(
            f"The config.json of {key} does not say its architecture: `model_type` is missing in {folder}."
        )
    if "for this kind of AutoModel" in words:
        return InvalidInput(
            f"{key} is of the kind {name!r}, which does not continue a text; choose a causal language model."
        )
    return None


def _of_quantisation(key: str, folder: Path, error: Exception) -> HomogError | None:
    method = (read_config(folder).get("quantization_config") or {}).get("quant_method")
    if method is None or not isinstance(error, ImportError | RuntimeError | ValueError | AttributeError):
        return None
    if isinstance(error, ImportError):
        packages = _PACKAGES.get(method, method)
        return ModelUnavailable(
            f"{key} is quantised by {method}, which needs another package: `pip install {packages}`. Or choose the "
            "model without quantisation."
        )
    return ModelUnavailable(
        f"{key} is quantised by {method}, which does not work on this machine ({first_line(error)}). Choose the model "
        "without quantisation."
    )


def _missing_package(key: str, error: Exception) -> HomogError | None:
    found = re.search(r"pip install [^`'\")\n]+", str(error))
    if found is None and not isinstance(error, ImportError):
        return None
    named = f"`{found[0].strip()}`" if found else f"`pip install {error.name}`" if error.name else first_line(error)
    return ModelUnavailable(f"{key} needs a package that is not installed: {named}.")


def _of_files(key: str, folder: Path, error: Exception) -> HomogError | None:
    from safetensors import SafetensorError

    words = str(error)
    if "tokenizer" in words.lower():
        return InvalidInput(
            f"The tokenizer of {key} cannot be read: tokenizer.json or tokenizer.model is missing or damaged in "
            f"{folder}. Put the files of its tokenizer there, or fetch the model again."
        )
    if isinstance(error, SafetensorError | OSError):
        return InvalidInput(f"The files of {key} in {folder} do not read ({first_line(error)}); fetch the model again.")
    return None
