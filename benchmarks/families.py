"""The engine on tiny random models of many architectures: how far what is recorded is from a full recomputation.

`python -m benchmarks.families [--device cuda] [FAMILY …]` prints a table in Markdown: one row an architecture, one
column a check, and in each cell the largest difference of an entropy or log-probability, in nats. The tests assert the
same numbers.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig

from homog_core.errors import ModelUnavailable
from homog_core.records import Decoding, Question
from homog_core.sampling import choices
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.loading import auto_class
from homog_core.sampling.recomputation import differences, final_answers
from homog_core.sampling.rows import Encoded
from tests.fakes import FAKE_SPEC, TINY_SIZES, make_question, tiny_tokenizer

MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}
PICTURE = {"image_size": 28, "patch_size": 14}
SECTIONS = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}}
LAYERED = {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 32} | {
    "deepstack_visual_indexes": [0]
}
VISION = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "mistral": {"sliding_window": 8},
    "gemma2": MIXED,
    "gemma3_text": MIXED | {"query_pre_attn_scalar": 8},
    "gemma3": {"text_config": TINY_SIZES | MIXED | {"query_pre_attn_scalar": 8}, "vision_config": VISION},
    "mistral3": {"text_config": TINY_SIZES | {"model_type": "mistral"}, "vision_config": VISION | PICTURE},
    "internvl": {"text_config": TINY_SIZES | {"model_type": "qwen2"}, "vision_config": VISION | PICTURE},
    "qwen3_vl": {"text_config": TINY_SIZES | SECTIONS, "vision_config": LAYERED},
    "olmo2": {},
    "olmo3": MIXED,
    "smollm3": {},
    "phi3": {},
    "granite": {"logits_scaling": 0.5},
    "cohere2": MIXED | {"logit_scale": 2.0},
    "gpt2": {"n_positions": 256, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "init_std": 0.3},
    "bloom": {"n_layer": 2, "n_head": 4},
    "gpt_oss": MIXED | EXPERTS,
    "qwen3_next": LINEAR
    | {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
    },
    "qwen3_5_text": LINEAR,
    "olmo_hybrid": LINEAR,
    "lfm2": {"layer_types": ["conv", "full_attention"], "full_attn_idxs": [1]},
    "granitemoehybrid": EXPERTS | MAMBA | {"layer_types": ["mamba", "attention"], "shared_intermediate_size": 32},
    "falcon_h1": MAMBA | {"mamba_d_ssm": 64},
    "bamba": MAMBA | {"attn_layer_indices": [1]},
    "jamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "mamba_d_state": 8,
        "mamba_dt_rank": 4,
    },
    "mamba": {"state_size": 8, "time_step_rank": 4},
    "falcon_mamba": {"state_size": 8, "time_step_rank": 4},
    "mamba2": {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "expand": 2},
}
# Layers of Mamba whose weights are read without calling them: an adapter on them does nothing before it is merged
_READ_DIRECTLY = r".*\.(out_proj|dt_proj|conv1d)"
_WITH_MAMBA = ("jamba", "falcon_h1", "mamba", "falcon_mamba", "mamba2")
QUANTISED = "llama, BitNet layers"  # what transformers itself can quantise on a CPU, weights and activations
REFUSED: dict[str, dict[str, Any]] = {  # no cache that rows can be taken from
    "rwkv": {"attention_hidden_size": 32},
    "xlstm": {"num_heads": 4},
}
SHORT, MIDDLE, LONG = (
    make_question("short", "Why?"),
    make_question("middle", "How many sides does a hexagon have?"),
    make_question("long", "Which planet do astronauts call home, and why?"),
)
WHOLE = Decoding(n_samples=3, max_new_tokens=12)
MANY = [SHORT, LONG, *(make_question(f"more {i}", f"{'How many? ' * (i % 3)}{i}") for i in range(5))]
EARLY = replace(WHOLE, stop=("a", "e", "i", "o", " "))  # rows end at different steps


@dataclass(frozen=True, slots=True)
class Found:
    """The largest difference of each check, in nats; or why the architecture is refused."""

    family: str
    differences: dict[str, float]
    refused: str = ""


def tiny_family(family: str) -> Any:
    """A random model of two layers, seeded, in fp32."""
    torch.manual_seed(0)
    if family == QUANTISED:
        return _quantised(tiny_family("llama"))
    own = (FAMILIES | REFUSED)[family]
    sizes = {"pad_token_id": 2, "eos_token_id": 1, "bos_token_id": 0} if "text_config" in own else TINY_SIZES
    config = AutoConfig.for_model(family, **(sizes | own))
    return auto_class(config).from_config(config, dtype=torch.float32).eval()


def _quantised(model: Any) -> Any:
    from transformers import BitNetQuantConfig
    from transformers.integrations.bitnet import replace_with_bitnet_linear

    weights, config = model.state_dict(), BitNetQuantConfig(linear_class="autobitlinear", quantization_mode="online")
    replaced = replace_with_bitnet_linear(model, modules_to_not_convert=["lm_head"], quantization_config=config)
    replaced.load_state_dict(weights, assign=True)
    return replaced.eval()


def sampler_of(family: str, device: str = "cpu") -> TorchSampler:
    """The engine on that model."""
    return TorchSampler(tiny_family(family).to(device), tiny_tokenizer(), FAKE_SPEC, "test")


def check(family: str, device: str = "cpu") -> Found:
    """Run all checks of one architecture."""
    try:
        sampler = sampler_of(family, device)
    except ModelUnavailable as error:
        return Found(family, {}, str(error))
    names = [name for name in CHECKS if (family, name) != (QUANTISED, "adapter")]  # which has nothing to merge into
    return Found(family, {name: CHECKS[name](sampler, family) for name in names})


def _compared(
    sampler: TorchSampler, questions: list[Question], decoding: Decoding, model: Any = None, batch_questions: int = 3
) -> float:
    answers = final_answers(sampler, questions, decoding, "plain", batch_questions)
    if decoding.stop and len({answer.n_tokens for answer in answers.values()}) == 1:
        return float("nan")  # no row has ended before another, so nothing was checked
    return float(differences(sampler, questions, answers, "plain", model).max())


def _after_cancelling(sampler: TorchSampler, family: str) -> float:
    """Closed in the middle of a batch, the engine begins the next one as if nothing had been."""
    steps = sampler.sample([LONG, MIDDLE], WHOLE, "plain", 2)
    for _ in range(4):
        next(steps)
    steps.close()
    return _compared(sampler, [MIDDLE, SHORT], WHOLE)


def _with_adapter(sampler: TorchSampler, family: str) -> float:
    """A LoRA on all linear layers, against a model of its own that it is merged into."""
    from peft import LoraConfig, PeftModel, get_peft_model

    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(1)
        left_out = _READ_DIRECTLY if family in _WITH_MAMBA else None
        config = LoraConfig(
            r=4, target_modules="all-linear", exclude_modules=left_out, task_type="CAUSAL_LM", init_lora_weights=False
        )
        get_peft_model(tiny_family(family), config).save_pretrained(folder)
        adapted = sampler.sibling(replace(FAKE_SPEC, key="adapted", adapter=str(Path(folder))))
        own_model = tiny_family(family).to(sampler.device)
        merged = PeftModel.from_pretrained(own_model, folder).merge_and_unload().eval()
    plain, own = (final_answers(one, [LONG], WHOLE, "plain", 1) for one in (sampler, adapted))
    if all(np.allclose(plain[key].entropies[0], own[key].entropies[0]) for key in own):
        return float("nan")  # the adapter changes nothing, so nothing was checked
    return _compared(adapted, [LONG, SHORT], EARLY, merged)


def _closed_list(sampler: TorchSampler, family: str) -> float:
    """Several tokens after one prompt at once, as `choices` follows the spellings of a closed list."""
    encoded = Encoded.of(sampler, LONG, WHOLE, "plain")
    spellings = [(40, 50, 60), (70, 80, 90)]
    found = choices._next(sampler, sampler.prefill([encoded]), spellings)
    with torch.inference_mode():
        ids = torch.tensor([[*encoded.ids, *own] for own in spellings], device=sampler.device)
        logits = sampler.model(input_ids=ids).logits[:, -1]
    expected = torch.log_softmax(logits.double(), dim=-1)
    return float((torch.stack([p for p, _ in found]).double().log() - expected).abs().max())


CHECKS: dict[str, Callable[[TorchSampler, str], float]] = {
    "one question": lambda sampler, _: _compared(sampler, [LONG], WHOLE),
    "left padding": lambda sampler, _: _compared(sampler, [SHORT, LONG], WHOLE),
    "rows leave": lambda sampler, _: _compared(sampler, [LONG], EARLY),
    "three questions": lambda sampler, _: _compared(sampler, [SHORT, MIDDLE, LONG], EARLY),
    "rows join": lambda sampler, _: _compared(sampler, MANY, EARLY, batch_questions=2),
    "closed list": _closed_list,
    "after cancelling": _after_cancelling,
    "adapter": _with_adapter,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    print(f"| architecture | {' | '.join(CHECKS)} |\n|---|{'---|' * len(CHECKS)}")
    for family in options.families or [*FAMILIES, QUANTISED, *REFUSED]:
        found = check(family, options.device)
        empty = "refused" if found.refused else "–"
        cells = [f"{found.differences[name]:.0e}" if name in found.differences else empty for name in CHECKS]
        print(f"| {family} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
