"""The models of the catalogue: what each entry must have, and who was trained from whom."""

import pytest

from homog_core.catalogue.models import GGUF_WHEELS, MODELS, lineage, role, training_chain
from homog_core.errors import InvalidInput
from homog_core.records import ModelSpec


def test_the_catalogue_is_consistent():
    for spec in MODELS.values():
        assert spec.parent is None or spec.parent in MODELS
        assert (spec.stage == "base") == (spec.parent is None)
        assert spec.license
        assert spec.n_parameters
        assert not spec.source.startswith("wheel:") or spec.source in GGUF_WHEELS


@pytest.mark.parametrize(
    ("key", "stages"),
    [
        ("gemma-3-270m", ["base", "sft", "dpo"]),
        ("gemma-3-270m-sft", ["base", "sft", "dpo"]),
        ("gemma-3-270m-sft-continued", ["base", "sft", "sft"]),
        ("smollm2-135m-instruct", ["base", "instruct"]),
        ("llama-3.1-8b", ["base", "sft", "dpo", "rlvr"]),
    ],
)
def test_training_chain(key, stages):
    assert [spec.stage for spec in training_chain(MODELS[key])] == stages


def test_a_model_that_is_not_in_the_catalogue_stands_alone():
    alone = ModelSpec("alone", "x/y")
    assert training_chain(alone) == (alone,)


def test_lineage():
    assert [spec.stage for spec in lineage(MODELS["gemma-3-270m-dpo"])] == ["base", "sft", "dpo"]
    assert lineage(ModelSpec("alone", "x/y", parent="unknown")) == (ModelSpec("alone", "x/y", parent="unknown"),)


def test_a_model_that_is_its_own_ancestor_is_refused(own_cache):
    (own_cache / "models.toml").write_text("""
        models = [
          { key = "hen", source = "x/hen", parent = "egg" },
          { key = "egg", source = "x/egg", parent = "hen" },
        ]
    """)
    with pytest.raises(InvalidInput, match=r"hen is its own ancestor.*models\.toml"):
        lineage(MODELS["hen"])


@pytest.mark.parametrize(
    ("stage", "parent", "expected"),
    [
        ("base", None, "base"),
        ("sft", "gemma-3-270m", "sft"),
        ("sft", "gemma-3-270m-sft", "control"),
        ("sft", "gemma-3-270m-sft-seed2", "control"),
        ("dpo", "gemma-3-270m-sft", "dpo"),
        ("sft", "somebody/else", "sft"),
        (None, None, None),
    ],
)
def test_sft_on_top_of_sft_is_a_control(stage, parent, expected):
    assert role(stage, parent) == expected
