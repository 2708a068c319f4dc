"""The models of the catalogue: what each entry must have, and who was trained from whom."""

import pytest
from huggingface_hub.utils import validate_repo_id

from homog_core.catalogue.models import GGUF_WHEELS, MODELS, lineage, role, training_chain
from homog_core.errors import InvalidInput
from homog_core.records import ModelSpec
from homog_core.sampling.weights import find_model


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
        ("olmo-2-1b-instruct", ["base", "sft", "dpo", "rlvr"]),
        ("olmo-3.1-32b-instruct", ["base", "sft", "dpo", "rlvr"]),
    ],
)
def test_training_chain(key, stages):
    assert [spec.stage for spec in training_chain(MODELS[key])] == stages


def test_a_base_with_two_branches_stands_in_the_last_one():
    branches = {key: training_chain(MODELS[key]) for key in ("olmo-3-7b-think", "olmo-3-7b-instruct")}
    for key, chain in branches.items():
        assert [spec.key for spec in chain] == ["olmo-3-7b", f"{key}-sft", f"{key}-dpo", key]
    assert training_chain(MODELS["olmo-3-7b"]) == branches["olmo-3-7b-instruct"]


def test_no_source_stands_twice_and_every_hub_id_is_one():
    sources = [spec.source for spec in MODELS.values() if not spec.source.startswith("wheel:")]
    assert sorted(set(sources)) == sorted(sources)
    for source in sources:
        assert find_model(source).source == source
        validate_repo_id(source)


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
