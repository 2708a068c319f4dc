"""The commands `models` and `datasets`."""

from homog_core.catalogue import DATASETS, MODELS
from homog_core.cli import main


def test_models(call):
    rows = call("models")
    assert [row["key"] for row in rows] == list(MODELS)
    assert all(row["availability"] for row in rows)


def test_all_that_is_known_of_some_models(call, tmp_path):
    (tmp_path / "mine-it").mkdir()
    (tmp_path / "mine-it" / "config.json").write_text('{"model_type": "llama"}')
    mine, other = call("models", str(tmp_path / "mine-it"), "gemma-3-4b-it")
    assert "prompted plainly: its folder's name is 'mine-it', but it has no chat template" in mine["availability"]
    assert (mine["memory_gb"], other["parent"]) == (None, "gemma-3-4b-pt")
    assert other["memory_gb"] > 8


def test_a_model_of_ones_own(call, own_cache):
    (own_cache / "models.toml").write_text('models = [{ key = "mine", source = "me/mine", license = "MIT" }]')
    assert call("models")[-1]["availability"] == "downloads size unknown from the hub · licence MIT"


def test_a_catalogue_that_does_not_read_exits_2_and_names_the_file(own_cache, capsys):
    path = own_cache / "models.toml"
    path.write_text('models = [{ key = "mine" }]')
    assert main(["models"]) == 2
    assert capsys.readouterr().err == f"error: {path}, entry 'mine' of `models`: `source` is missing; add it.\n"


def test_datasets(call):
    rows = {row["key"]: row for row in call("datasets")}
    assert set(rows) == set(DATASETS)
    assert rows["starter"]["where"].endswith("starter.jsonl")
