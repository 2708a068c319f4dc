"""A study file → its cells, or what is wrong with it."""

import pytest

from homog_core.errors import InvalidInput, NotFound
from homog_core.runs.settings import Settings
from homog_core.runs.study_file import Cell, read_cells

NAMES = 'models = ["a", "b"]\ndatasets = ["starter", "own.csv"]\n'


@pytest.fixture
def study(tmp_path):
    def write(text):
        path = tmp_path / "study.toml"
        path.write_text(text)
        return path

    return write


def test_every_model_over_every_dataset_under_every_settings(study):
    settings = "[[settings]]\nsamples = 5\n[[settings]]\ntemperature = 2\nlimit = 7\n"
    cells = read_cells(study(NAMES + settings))
    both = Settings(samples=5), Settings(temperature=2, limit=7)
    assert cells == [Cell(m, d, s) for m in ("a", "b") for d in ("starter", "own.csv") for s in both]
    assert [cell.chosen for cell in cells[:2]] == ["samples 5", "limit 7, temperature 2.0"]


def test_without_settings_they_are_those_of_sample(study):
    assert [cell.settings for cell in read_cells(study(NAMES))] == [Settings()] * 4
    assert read_cells(study(NAMES))[0].chosen == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = ['a']", "`model` is no field; write `models`"),
        (NAMES + "[[setings]]\n", "`setings` is no field; write `settings`"),
        (
            NAMES + "[[settings]]\ntemprature = 1\n",
            r"settings\]\] 1: `temprature` is no field; write `temperature`",
        ),
        (NAMES + "[[settings]]\nqqq = 1\n", "`qqq` is no field; there are limit, "),
        (NAMES + "[settings]\nsamples = 3\n", r"under a line \[\[settings\]\]"),
        (NAMES + "[[settings]]\nsamples = '3'\n", "`samples` is '3'; input should be a valid integer"),
        (NAMES + "[[settings]]\nseed = 2026-11-26\n", "`seed` is '2026-11-26'"),
        (NAMES + "[[settings]]\ndtype = 'int4'\n", "`dtype` is 'int4'; input should be 'float32'"),
        (NAMES + "[[settings]]\n[[settings]]\ntemperature = -1\n", r"\[\[settings\]\] 2: The temperature is -1"),
        (NAMES + "[[settings]]\ntemperature = nan\n", "temperature"),
        (NAMES + "[[settings]]\nbatch_questions = 0\n", "questions in a batch is 0"),
        (NAMES + "[[settings]]\n[[settings]]\nsamples = 10\n", "these settings stand there twice"),
        ("models = ['a', 'a']\ndatasets = ['b']", "'a' stands twice in `models`"),
        ("models = ['a']", "`datasets` must be a list of names"),
        ("models = []\ndatasets = ['b']", "`models` must be a list of names"),
        ("models = [1]\ndatasets = ['b']", "`models` must be a list of names"),
        ("models = 'a'\ndatasets = ['b']", "`models` must be a list of names"),
        (f"models = {[str(n) for n in range(200)]}\ndatasets = {[str(n) for n in range(51)]}", "makes 10,200 runs"),
        ("models = [", "does not read as TOML"),
        ("[" * 100_000, "does not read as TOML"),
    ],
)
def test_what_is_wrong_is_said(study, text, words):
    path = study(text)
    with pytest.raises(InvalidInput, match=words) as raised:
        read_cells(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match="There is no file"):
        read_cells(tmp_path / "none.toml")
    with pytest.raises(InvalidInput, match="does not read"):
        read_cells(tmp_path)
