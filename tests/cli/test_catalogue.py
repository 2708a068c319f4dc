"""The commands `models` and `datasets`."""

from homog_core.catalogue import DATASETS, MODELS
from homog_core.cli import main


def test_models(call):
    rows = call("models")
    assert [row["key"] for row in rows] == list(MODELS)
    assert all(row["availability"] for row in rows)


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
