"""A folder that is imported: what its import.toml may say, and what it is told."""

import json

import pytest
from fakes import make_row, write_rows

from homog_core.errors import InvalidInput
from homog_core.runs.importers import About
from homog_core.runs.importers.study import entries

SAID = '[defaults]\ndataset = "d"\ntemperature = 0.5\n[[run]]\nfile = "a.jsonl"\nmodel = "m"\n'


def listed(tmp_path, text, about=None):
    (tmp_path / "import.toml").write_text(text)
    return list(entries(tmp_path, about or About()))


def test_what_a_run_says_goes_before_the_defaults_and_both_before_the_command(tmp_path):
    found = listed(
        tmp_path,
        SAID + 'stage = "sft"\ntemperature = 1\ncolumns = {answers = "gens"}\n[[run]]\nfile = "b.jsonl"\nmodel = "n"\n',
        About(family="F", dataset="command"),
    )
    columns = {"answers": "gens"}
    assert found == [
        (tmp_path / "a.jsonl", About("m", "d", temperature=1, stage="sft", family="F", columns=columns)),
        (tmp_path / "b.jsonl", About("n", "d", temperature=0.5, family="F")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SAID + 'stge = "sft"', "import.toml, run 1: 'stge' is not a key; did you mean `stage`?"),
        (SAID + "zzz = 1", "import.toml, run 1: 'zzz' is not a key; there are file, model"),
        (SAID.replace("dataset", "datset"), "import.toml, defaults: 'datset' is not a key; did you mean `dataset`?"),
        (SAID.replace("[[run]]", "[[runs]]"), "import.toml: 'runs' is not a key; did you mean `run`?"),
        (SAID + 'stage = "rl"', "import.toml, run 1: `stage` is 'rl'; use one of base, sft, dpo, rlvr, instruct"),
        (SAID + 'prompt_style = "x"', "`prompt_style` is 'x'; use one of plain, few_shot, chat"),
        (SAID + 'n_parameters = "7B"', "import.toml, run 1: `n_parameters` is '7B', which is of another kind"),
        (SAID + "top_p = true", "`top_p` is True, which is of another kind"),
        (SAID + "family = 3", "`family` is 3, which is of another kind"),
        (SAID.replace('file = "a.jsonl"\n', ""), "import.toml, run 1: there is no `file`; name one"),
        (SAID.replace("a.jsonl", "../a.jsonl"), "import.toml, run 1: '../a.jsonl' is not in the folder of import.toml"),
        (SAID.replace("a.jsonl", "/etc/passwd"), "'/etc/passwd' is not in the folder"),
        ("[defaults]\n", "import.toml has no [[run]]; write one for each file"),
        ("run = 3", "import.toml has no [[run]]"),
        ("run = [", "import.toml does not read as TOML"),
    ],
)
def test_what_is_wrong_is_named(text, message, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        listed(tmp_path, text)
    assert message in str(caught.value)


def test_the_tasks_of_the_harness_are_found_in_a_folder(tmp_path):
    line = json.dumps({"doc_id": 0, "doc": {"question": "Why?"}, "resps": [["a"]]})
    (tmp_path / "model").mkdir()
    for name in ("samples_a_2026-11-24T10-00-00.1.jsonl", "samples_b_2026-11-24T10-00-00.1.jsonl"):
        (tmp_path / "model" / name).write_text(line + "\n")
    write_rows(tmp_path / "other.jsonl", make_row())
    (tmp_path / "broken.jsonl").write_bytes(b"\xff")
    assert [path.name[:9] for path, _ in entries(tmp_path, About("m"))] == ["samples_a", "samples_b"]
    with pytest.raises(InvalidInput, match=r"has neither an import\.toml nor samples of lm-evaluation-harness"):
        list(entries(tmp_path / "nothing", About("m")))


def test_a_file_name_with_a_null_character_is_refused(tmp_path):
    (tmp_path / "import.toml").write_text('[[run]]\nfile = "\\u0000"\nmodel = "m"\n')
    with pytest.raises(InvalidInput, match="there is no `file`; name one"):
        list(entries(tmp_path, About()))
