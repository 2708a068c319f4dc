"""The sentence encoders and NLI models that there are; both are data, in models.toml."""

from dataclasses import dataclass

from homog_core.catalogue.tables import Table


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """A sentence encoder: a hub id, or "package:<module>/<folder>" for weights inside an installed package.

    With a `tokenizer` (a file in the same package) `source` is the file of a static model: one vector a token.
    """

    key: str
    source: str
    n_parameters: int
    license: str
    title: str
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class NliSpec:
    """A three-class natural language inference model on the hub."""

    key: str
    source: str
    n_parameters: int
    license: str
    title: str


ENCODERS = Table(EncoderSpec, "models.toml", "encoders", extendable=True)

DEFAULT_ENCODER = "minilm"  # the one that grades, and whose vectors a run ships with

NLI_MODELS = Table(NliSpec, "models.toml", "nli_models", extendable=True)

DEFAULT_NLI = "nli-deberta-v3-base"
