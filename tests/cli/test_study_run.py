"""The command `study run`: what is missing is done, what is done is left alone, what fails stops nothing else."""

import json
import weakref

import pytest
from fakes import edit_manifest, tiny_model, tiny_tokenizer

from homog_core.cli import main, sampling, study_run
from homog_core.runs.store import list_runs, open_run
from homog_core.sampling.engine import TorchSampler

SETTINGS = """
[[settings]]
samples = 3
max_new_tokens = 6

[[settings]]
samples = 3
max_new_tokens = 6
temperature = 0.5
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def study(tmp_path, model):
    """Writes a study of the tiny model, and of others, over questions of one's own; returns its path."""
    csv = tmp_path / "own.csv"
    csv.write_text("question\n" + "".join(f"What is number {n}?\n" for n in range(3)))

    def write(*others, datasets=(), settings=SETTINGS):
        path = tmp_path / "study.toml"
        names = {"models": [model, *others], "datasets": [str(csv), *datasets]}
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in names.items()) + settings)
        return str(path)

    return write


@pytest.fixture
def loaded(monkeypatch):
    """The keys of the models that are loaded, one each time."""
    keys, real = [], TorchSampler.from_pretrained

    def from_pretrained(spec, *arguments):
        keys.append(spec.key)
        return real(spec, *arguments)

    monkeypatch.setattr(TorchSampler, "from_pretrained", from_pretrained)
    return keys


def states(rows):
    return [row["state"] for row in rows]


def test_a_model_has_left_the_memory_before_its_answers_are_scored(call, study, monkeypatch):
    models, alive, real_load, real_score = [], [], TorchSampler.from_pretrained, study_run.score_new_runs

    def from_pretrained(*arguments):
        sampler = real_load(*arguments)
        models.append(weakref.ref(sampler.model))
        return sampler

    def score_new_runs(*arguments):
        alive.append([model() is not None for model in models])
        return real_score(*arguments)

    monkeypatch.setattr(TorchSampler, "from_pretrained", from_pretrained)
    monkeypatch.setattr(study_run, "score_new_runs", score_new_runs)
    assert states(call("study", "run", study())) == ["done", "done"]
    assert alive == [[False], [False]]


def test_a_study_is_sampled_and_scored_once(call, study, loaded):
    path = study()
    rows = call("study", "run", path)
    assert states(rows) == ["done", "done"]
    assert loaded == ["tiny"]  # once for both settings
    runs = [open_run(row["run"]) for row in rows]
    assert [run.decoding.temperature for run in runs] == [1.0, 0.5]
    assert [call("verify", run.id) for run in runs] == [[{"run": run.id, "problem": "none"}] for run in runs]
    before = [run.manifest for run in runs]
    assert call("study", "run", path) == rows
    assert loaded == ["tiny"]
    assert [open_run(run.id).manifest for run in runs] == before


def test_a_model_is_loaded_once_for_each_number_type(call, study, loaded, tmp_path):
    (tmp_path / "second.csv").write_text("question\nWhy?\n")
    types = ("float32", "bfloat16")
    settings = "".join(f'[[settings]]\nsamples = 2\nmax_new_tokens = 3\ndtype = "{name}"\n' for name in types)
    rows = call("study", "run", study(datasets=[str(tmp_path / "second.csv")], settings=settings))
    assert states(rows) == ["done"] * 4
    assert [open_run(row["run"]).identity.dtype for row in rows] == [*types, *types]  # in the order of the study
    assert loaded == ["tiny", "tiny"]


def test_a_run_in_int8_is_of_no_cell_that_names_no_number_type(call, study, monkeypatch):
    path = study()
    with monkeypatch.context() as patch:
        patch.setattr(TorchSampler, "dtype", property(lambda _: "int8", lambda *_: None), raising=False)
        call("study", "run", path)
    assert {run.identity.dtype for run in list_runs()} == {"int8"}
    named = study(settings=SETTINGS.replace("samples", 'dtype = "int8"\nsamples'))
    assert states(call("study", "run", named, "--dry-run")) == ["done", "done"]
    assert "done" not in states(call("study", "run", study(), "--dry-run"))


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(call, study, tmp_path, capsys):
    path = study("nonsense", datasets=[str(tmp_path / "later.csv")], settings=SETTINGS.partition("\n\n")[0])
    rows = call("study", "run", path, status=1)
    assert states(rows) == ["done", "failed", "failed", "failed"]
    assert "no file" in rows[1]["problem"]
    assert "no model 'nonsense'" in rows[2]["problem"]
    (tmp_path / "later.csv").write_text("question\nWhy?\n")
    again = call("study", "run", path, status=1)
    assert states(again) == ["done", "done", "failed", "failed"]
    assert again[0] == rows[0]
    capsys.readouterr()
    assert main(["study", "run", path, "--dry-run"]) == 1
    assert "2 of 4 runs are done; 2 failed; the same command tries them again." in capsys.readouterr().out


def test_an_error_nobody_expects_is_a_sentence_too(study, monkeypatch, capsys):
    real, n_calls = sampling.sample_dataset, []

    def fails_once(*arguments):
        n_calls.append(arguments)
        if len(n_calls) == 1:
            raise ZeroDivisionError("division by zero \x1b[2J\x9b1m\nsecond line")
        return real(*arguments)

    monkeypatch.setattr("homog_core.cli.study_run.sample_dataset", fails_once)
    assert main(["study", "run", study(), "--json"]) == 1
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert states(rows) == ["failed", "done"]
    assert rows[0]["problem"] == "ZeroDivisionError: division by zero  [2J 1m"
    assert "division by zero" in printed.err
    assert all(sign.isprintable() or sign == "\n" for sign in printed.err.replace("\r", "\n"))


def test_a_dry_run_says_what_is_done_and_what_the_rest_takes(call, study, loaded, capsys):
    path = study()
    unknown = call("study", "run", path, "--dry-run")
    assert states(unknown) == ["not begun", "not begun"]
    assert unknown[0]["tokens_to_come"] is None
    assert (loaded, list_runs()) == ([], [])
    call("study", "run", study(settings=SETTINGS.partition("\n\n")[0]))
    (run,) = list_runs()
    edit_manifest(run.folder, lambda content: content["provenance"].update(wall_seconds=90.0))
    done, missing = call("study", "run", study(), "--dry-run")
    assert (done["state"], missing["state"]) == ("done", "not begun")
    assert done["tokens_to_come"] is None
    assert missing["tokens_to_come"] == pytest.approx(run.responses()["tokens"].map(len).sum())  # as many answers
    assert missing["seconds_to_come"] == pytest.approx(90)
    assert missing["measured_on"] == run.provenance.device
    capsys.readouterr()
    assert main(["study", "run", path, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 2 runs are done; 1 run will take" in shown
    assert "1 min 30 s at the speed that was measured" in shown
    assert len(list_runs()) == 1


def test_an_interrupted_study_is_gone_on_with(call, study, monkeypatch):
    real = TorchSampler.sample

    def stopped(self, questions, *arguments):
        for n_steps, step in enumerate(real(self, questions[:1], *arguments)):
            yield step
            if step.finished:
                raise KeyboardInterrupt
            assert n_steps < 10

    with monkeypatch.context() as patch:
        patch.setattr(TorchSampler, "sample", stopped)
        assert main(["study", "run", study()]) == 1
    first, second = call("study", "run", study(), "--dry-run")
    assert (first["state"], second["state"]) == ("1 of 3 questions", "not begun")
    (run,) = list_runs()
    kept = run.responses()
    rows = call("study", "run", study())
    assert states(rows) == ["done", "done"]
    assert rows[0]["run"] == run.id
    found = open_run(run.id).responses()
    same = found[found["question_id"].isin(kept["question_id"])].reset_index(drop=True)
    assert list(same["text"]) == list(kept["text"])


def test_cores_of_workers_without_a_cluster_are_refused(study, capsys):
    assert main(["study", "run", study(), "--cpus-per-worker", "2"]) == 2
    assert "give --ray too" in capsys.readouterr().err
