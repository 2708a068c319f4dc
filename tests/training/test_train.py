"""The recipe from the command line on a tiny model and made-up questions: every stage, killed and resumed."""

import csv
import json
import math

import pytest
import torch
from fakes import make_question, tiny_model, tiny_tokenizer
from safetensors.torch import load_file

from homog_core.cli import main
from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model, local_adapter
from homog_core.training import data as data_module
from homog_core.training import train, trainer
from homog_core.training.card import model_card

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

TOWNS = ("Alsun", "Brevik", "Corvid", "Dunlo", "Elmar", "Fosna", "Grimm", "Holte", "Isdal", "Jorun")
SMOKE_EXAMPLES = 8


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """All data sets that the recipe reads, a few rows each."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HOMOG_DATA", str(folder))
    monkeypatch.setattr(data_module, "N_QUESTIONS", {p: {"webquestions": 5, "gsm8k": 1} for p in ("sft", "dpo")})

    def web(name, *texts):
        rows = [{"qId": f"{name}{i}", "qText": text, "answers": ["A river"]} for i, text in enumerate(texts)]
        (folder / f"webquestions_{name}.json").write_text(json.dumps(rows))

    def problems(name, *towns):
        rows = [
            {
                "question": f"{town} has 4 bridges and builds 3 more. How many bridges has {town}?",
                "answer": f"Now {town} has 4+3 = <<4+3=7>>7 bridges in all.\n#### 7",
            }
            for town in towns
        ]
        (folder / f"gsm8k_{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))

    web("trainmodel", *(f"what river runs through {town.lower()}?" for town in TOWNS), "who founded old kelmoor?")
    web("test", "what is made in zembla?")
    web("val", "who rules zembla?")
    problems("train", *TOWNS[:3])
    problems("test", "Zembla")
    columns = ["Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Category"]
    with (folder / "truthfulqa.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, ["Who founded Kelmoor, the old?", "Nobody", "Nobody", "Kel", "Myths"]])
    row = {"_id": "1", "question": "Which town lies on the Zem?", "answer": "Zembla", "type": "bridge"}
    (folder / "hotpotqa_100.json").write_text(json.dumps([row]))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model = tiny_model("gemma3")
    model.generation_config.eos_token_id = [1, *range(40, 80)]  # so that a random model ends some of its answers
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def smoke(model_folder, own_cache):
    """Trains a stage by the command line and returns the folder of its adapter."""

    def run(stage, *options):
        assert main(["train", stage, "--model", str(model_folder), "--smoke", *extra(stage), *options]) == 0
        return own_cache / "models" / f"tiny-{stage}-smoke"

    return run


def extra(stage):
    """A random model is never right, so there are no clear wins."""
    return () if stage == "sft" else ("--pairs", "all")


def log_of(folder):
    return json.loads((folder / "training_log.json").read_text())


def losses(folder):
    return [float(row["loss"]) for row in log_of(folder)["history"] if "loss" in row]


def test_the_whole_chain(smoke, own_cache, model_folder):
    folders = {stage: smoke(stage) for stage in ("sft", "dpo", "sft-continued")}
    weights = {stage: load_file(folder / "adapter_model.safetensors") for stage, folder in folders.items()}
    for stage, folder in folders.items():
        log = log_of(folder)
        assert {value.dtype for value in weights[stage].values()} == {torch.bfloat16}
        assert (folder / "README.md").read_text() == model_card(f"tiny-{stage}-smoke", log)
        assert len(losses(folder)) == train._SMOKE_STEPS
        assert all(map(math.isfinite, losses(folder)))
        assert log["parent"] == (None if stage == "sft" else "tiny-sft-smoke")
        assert not (own_cache / "models" / ".training" / folder.name).exists()
    # One kind of adapter, three different ones; those that continue stay near the one they started from.
    assert weights["sft"].keys() == weights["dpo"].keys() == weights["sft-continued"].keys()
    key = next(key for key in weights["sft"] if "lora_B" in key)
    assert not torch.equal(weights["sft"][key], weights["dpo"][key])
    assert not torch.equal(weights["dpo"][key], weights["sft-continued"][key])
    started = {key: value for key, value in weights["sft"].items() if "lora_A" in key}  # random at first
    for stage in ("dpo", "sft-continued"):
        assert all(torch.allclose(weights[stage][key], value, atol=0.01) for key, value in started.items())
        revision = local_adapter(find_model(str(folders["sft"]))).revision
        assert log_of(folders[stage])["parent_revision"] == revision
    # The reference of DPO is where it starts, so its first loss is −ln σ(0) = ln 2.
    assert losses(folders["dpo"])[0] == pytest.approx(math.log(2), abs=0.01)
    # The control sees as many examples of the same questions.
    dpo, control = log_of(folders["dpo"]), log_of(folders["sft-continued"])
    assert dpo["question_ids_sha256"] == control["question_ids_sha256"]
    assert dpo["question_ids_sha256"] != log_of(folders["sft"])["question_ids_sha256"]

    base = TorchSampler.from_pretrained(find_model(str(model_folder)))
    for folder in folders.values():  # what was trained can be sampled
        sampler = TorchSampler.from_pretrained(find_model(str(own_cache / "models" / folder.name)))
        assert sampler.revision.startswith(f"{base.revision}+adapter-sha256:")
        steps = list(sampler.sample([make_question("q")], Decoding(2, max_new_tokens=3), "plain"))
        assert [done.question_id for step in steps for done in step.finished] == ["q"]


def test_a_killed_training_ends_where_an_undisturbed_one_does(smoke, monkeypatch):
    undisturbed = load_file(smoke("sft") / "adapter_model.safetensors")
    run = trainer.run

    def killed(stage, work):
        from transformers import TrainerCallback

        class Kill(TrainerCallback):
            def on_step_end(self, args, state, control, **_):
                if state.global_step == 4:  # within the second epoch; the checkpoint is of the first, three steps
                    raise SystemExit

        stage.add_callback(Kill())
        run(stage, work)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "run", killed)
        with pytest.raises(SystemExit):
            smoke("sft")
    steps = []
    monkeypatch.setattr(trainer, "run", lambda stage, work: (run(stage, work), steps.append(stage.state.log_history)))
    resumed = load_file(smoke("sft") / "adapter_model.safetensors")
    assert all(torch.equal(undisturbed[key], resumed[key]) for key in undisturbed)
    assert [row["step"] for row in steps[0] if "loss" in row] == [1, 2, 3, 4, 5]


def test_other_data_do_not_go_on_from_the_checkpoints_of_the_first(tmp_path):
    work = tmp_path / "work"
    train._start_or_resume(work, {"rows_sha256": "a"})
    (work / "checkpoint-20").mkdir()
    train._start_or_resume(work, {"rows_sha256": "a"})
    assert (work / "checkpoint-20").is_dir()
    train._start_or_resume(work, {"rows_sha256": "b"})
    assert not (work / "checkpoint-20").exists()


def test_pairs_prefer_the_reference_over_an_own_wrong_answer(smoke, monkeypatch):
    smoke("sft")
    rows, make_trainer = [], trainer.make_trainer

    def noted(*arguments):
        rows.extend(arguments[3])
        return make_trainer(*arguments)

    monkeypatch.setattr(trainer, "make_trainer", noted)
    smoke("dpo")
    assert 0 < len(rows) <= SMOKE_EXAMPLES
    for row in rows:
        assert row["prompt"] == f"Q: {row['question']}\nA:"
        assert row["chosen"].rstrip(".").endswith(("A river", "bridges in all"))
        assert row["rejected"].strip()
        assert "A river" not in row["rejected"]
        assert "kelmoor" not in row["question"].lower()  # nearly a question of TruthfulQA


def test_a_stage_needs_the_one_before_it(model_folder, capsys):
    assert main(["train", "dpo", "--model", str(model_folder), "--smoke"]) == 1
    assert "continues tiny-sft-smoke, which is not there" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../runs", "/tmp/thesis", "Upper", "", "tiny-sft-smoke", "weights"])
def test_a_name_that_is_no_adapter_of_this_command_is_refused(model_folder, own_cache, smoke, name, capsys):
    if name == "tiny-sft-smoke":
        smoke("sft")
    (own_cache / "models" / "weights").mkdir(parents=True)
    (own_cache / "models" / "weights" / "kept").touch()
    stage = "dpo" if name == "tiny-sft-smoke" else "sft"  # its parent
    if name:
        assert main(["train", stage, "--model", str(model_folder), "--smoke", "--name", name]) == 2
        assert "name" in capsys.readouterr().err
    assert (own_cache / "models" / "weights" / "kept").exists()


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_scoring_the_answers_alone_gives_the_same_losses(smoke, monkeypatch, stage):
    smoke("sft")
    alone = losses(smoke(stage))
    monkeypatch.delattr(trainer.AnswersAlone, "compute_loss")  # so that trl's own are called
    monkeypatch.delattr(trainer.AnswersAlone, "compute_ref_log_probs")
    assert losses(smoke(stage)) == pytest.approx(alone, rel=1e-3)
