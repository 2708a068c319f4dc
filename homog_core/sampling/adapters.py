"""PEFT adapters beside each other on one model in memory, and which of them it computes with.

They go through PEFT's own layers, unmerged, so that the base weights stay as they are. It neither finds nor downloads
adapters.
"""

from typing import Any

from homog_core.device import is_out_of_memory
from homog_core.errors import InvalidInput, OutOfMemory, first_line
from homog_core.sampling.weights import LocalAdapter


class Adapters:
    """The adapters on one model. Samplers that share the model share this too."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._loaded: set[str] = set()
        self._active: str | None = None

    def load(self, adapter: LocalAdapter) -> str:
        """Put an adapter beside those that are there, once; returns the name it is activated by.

        An adapter is loaded whole, or the model stays as it was and `InvalidInput` or `OutOfMemory` is raised.
        """
        name = adapter.revision.rpartition(":")[2][:16]  # by content, and without the dots that PEFT cannot take
        if name not in self._loaded:
            self._put(adapter, name)
            self._loaded.add(name)
            self._active = name
            self._switch(name)
        return name

    def activate(self, name: str | None) -> None:
        """Compute with one adapter from now on, or with none."""
        if name != self._active:
            self._switch(name)
            self._active = name

    def _put(self, adapter: LocalAdapter, name: str) -> None:
        from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
        from peft.functional import delete_adapter
        from safetensors.torch import load_file

        try:
            found = load_file(adapter.folder / "adapter_model.safetensors")
            found = {key.removeprefix("base_model.model."): value for key, value in found.items()}
            inject_adapter_in_model(PeftConfig.from_pretrained(adapter.folder), self._model, name)
            result = set_peft_model_state_dict(self._model, found, adapter_name=name)
            places = sum(f".{name}." in key for key in self._model.state_dict())
            if result.unexpected_keys or places != len(found):
                raise ValueError(f"{len(found)} tensors for {places} places")
        except Exception as error:
            if name in getattr(self._model, "peft_config", {}):
                delete_adapter(self._model, adapter_name=name, prefix="lora_")
                self._model.peft_config.pop(name)
            self._switch(self._active)
            if is_out_of_memory(error):
                raise OutOfMemory("The adapter does not fit into memory; choose a smaller model.") from error
            raise InvalidInput(
                f"The adapter in {adapter.folder} does not fit these weights: it was made for another model "
                f"({first_line(error):.120})."
            ) from error
        self._model.eval()

    def _switch(self, name: str | None) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer

        for module in self._model.modules():
            if isinstance(module, BaseTunerLayer):
                module.enable_adapters(name is not None)
                if name is not None:
                    module.set_adapter(name)
