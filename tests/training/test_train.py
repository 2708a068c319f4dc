"""The recipe from the command line on a tiny model and made-up questions: every stage, killed and resumed."""

import itertools
import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from fakes import make_question, tiny_model, tiny_tokenizer
from safetensors.torch import load_file

from benchmarks.tiny import write_training_data
from homog_core.cli import main
from homog_core.errors import HomogError
from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model, local_adapter
from homog_core.training import distance, pairs, train, trainer
from homog_core.training.card import model_card

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

TOWNS = ("Alsun", "Brevik", "Corvid", "Dunlo", "Elmar", "Fosna", "Grimm", "Holte", "Isdal", "Jorun")
STAGES = ("sft", "dpo", "sft-continued", "typical", "typical-continued")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """All data sets that the recipe reads, a few rows each; an answer of an even number of tokens counts as right."""
    folder = tmp_path / "data"
    monkeypatch.setenv("HOMOG_DATA", str(folder))
    monkeypatch.setattr(pairs, "is_acceptable", lambda question, response: len(response.tokens) % 2 == 0)
    monkeypatch.setattr(pairs, "is_wrong", lambda question, response: len(response.tokens) % 2 == 1)
    rivers = [f"What river runs through {town}?" for town in TOWNS]
    choosing = ["What river runs through Zembla?", "Who rules Zembla?"]
    write_training_data(folder, [*rivers, "Who founded old Kelmoor?"], choosing)


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

    def run(stage, *options, status=0):
        assert main(["train", stage, "--model", str(model_folder), "--smoke", *options]) == status
        if status:
            return None
        seed = dict(itertools.pairwise(options)).get("--seed")
        return own_cache / "models" / f"tiny-{stage}{f'-seed{seed}' if seed else ''}-smoke"

    return run


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the adapter of `sft` is kept."""
    return tmp_path_factory.mktemp("kept") / "tiny-sft-smoke"


@pytest.fixture
def sft(smoke, kept, own_cache):
    """The adapter of the first stage, trained once for all tests that only go on from it."""
    if not kept.is_dir():
        shutil.copytree(smoke("sft"), kept)
    return shutil.copytree(kept, own_cache / "models" / kept.name, dirs_exist_ok=True)


def log_of(folder):
    return json.loads((folder / "training_log.json").read_text())


def losses(folder):
    return [float(row["loss"]) for row in log_of(folder)["history"] if "loss" in row]


def test_the_whole_chain(smoke, own_cache, model_folder):
    folders = {stage: smoke(stage) for stage in STAGES}
    weights = {stage: load_file(folder / "adapter_model.safetensors") for stage, folder in folders.items()}
    for stage, folder in folders.items():
        log = log_of(folder)
        assert {value.dtype for value in weights[stage].values()} == {torch.bfloat16}
        assert (folder / "README.md").read_text() == model_card(f"tiny-{stage}-smoke", log)
        assert all(map(math.isfinite, losses(folder)))
        assert log["parent"] == (None if stage == "sft" else "tiny-sft-smoke")
        assert (log["nats_from_sft"] is None) == (stage == "sft")
        assert not (own_cache / "models" / ".training" / folder.name).exists()
    for stage in ("sft", "dpo", "typical"):
        assert len(losses(folders[stage])) == train._SMOKE_STEPS
    # One kind of adapter, different ones; those that continue stay near the one they started from.
    key = next(key for key in weights["sft"] if "lora_B" in key)
    assert len({weights[stage][key].float().sum().item() for stage in STAGES}) == len(STAGES)
    started = {key: value for key, value in weights["sft"].items() if "lora_A" in key}  # random at first
    for stage in STAGES[1:]:
        assert weights[stage].keys() == weights["sft"].keys()
        assert all(torch.allclose(weights[stage][key], value, atol=0.01) for key, value in started.items())
        revision = local_adapter(find_model(str(folders["sft"]))).revision
        assert log_of(folders[stage])["parent_revision"] == revision
    # The reference of DPO is where it starts, so its first loss is −ln σ(0) = ln 2, and the likelihood beside it.
    first = log_of(folders["dpo"])["history"][0]
    assert float(first["rewards/margins"]) == pytest.approx(0, abs=0.01)
    assert losses(folders["dpo"])[0] > math.log(2)
    # A control learns answers to the same questions.
    for stage, control in (("dpo", "sft-continued"), ("typical", "typical-continued")):
        assert log_of(folders[stage])["question_ids_sha256"] == log_of(folders[control])["question_ids_sha256"]
        assert log_of(folders[stage])["n_examples"] == log_of(folders[control])["n_examples"]

    base = TorchSampler.from_pretrained(find_model(str(model_folder)))
    for folder in folders.values():  # what was trained can be sampled
        sampler = TorchSampler.from_pretrained(find_model(str(own_cache / "models" / folder.name)))
        assert sampler.revision.startswith(f"{base.revision}+adapter-sha256:")
        steps = list(sampler.sample([make_question("q")], Decoding(2, max_new_tokens=3), "plain"))
        assert [done.question_id for step in steps for done in step.finished] == ["q"]


def test_another_seed_is_another_chain(smoke, sft):
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in (sft, smoke("sft", "--seed", "1")))
    assert any(not torch.equal(first[key], second[key]) for key in first)
    assert log_of(smoke("dpo", "--seed", "1"))["parent"] == "tiny-sft-seed1-smoke"


@pytest.mark.usefixtures("sft")
def test_a_control_stops_where_it_is_as_far_as_its_stage(smoke, monkeypatch):
    goal = log_of(smoke("dpo", "--learning-rate", "0.01"))["nats_from_sft"]
    monkeypatch.setattr(distance, "STEPS_BETWEEN", 1)
    monkeypatch.setattr(train, "_SMOKE_STEPS", 200)
    control = log_of(smoke("sft-continued", "--epochs", "100", "--learning-rate", "0.001"))
    assert 1 < control["history"][-1]["step"] < 200
    assert control["nats_of_target"] <= control["nats_from_sft"] < 2 * control["nats_of_target"]
    # The same adapter is as far away in training (where the trainer computes in bf16) as when it is loaded again.
    assert control["nats_of_target"] == pytest.approx(goal, rel=0.02)


def test_a_control_that_does_not_get_there_is_no_control():
    with pytest.raises(HomogError, match=r"is 0\.100 nats from the SFT model, and its stage is 0\.300"):
        train._check_matches(0.1, 0.3, "x")
    train._check_matches(0.31, 0.3, "x")


@pytest.mark.usefixtures("sft")
def test_a_control_of_another_sft_model_is_refused(smoke, capsys):
    smoke("dpo")
    smoke("sft", "--learning-rate", "0.001")
    assert smoke("sft-continued", status=1) is None
    assert "continues another tiny-sft-smoke" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "options"), [("sft", ("--beta", "0.1")), ("sft-continued", ("--nll", "1")), ("dpo", ("--beta", "0"))]
)
def test_a_setting_cannot_make_another_stage_of_one(smoke, stage, options, capsys):
    assert smoke(stage, *options, status=2) is None
    assert f"for {stage}; only dpo and typical" in capsys.readouterr().err


def test_an_identical_model_is_no_distance_away(sft):
    spec = find_model(str(sft))
    ruler = distance.Ruler(spec, print)
    assert ruler.distance(TorchSampler.from_pretrained(spec).activated()) == pytest.approx(0, abs=1e-6)
    base = TorchSampler.from_pretrained(replace(spec, adapter=None))
    assert ruler.distance(base.activated()) > 1e-6


@pytest.mark.parametrize(("rewards", "broken"), [([0.0, -0.5, -0.5], True), ([0.0, -0.05, 0.1], False), ([], False)])
def test_a_stage_that_unlearns_what_it_prefers_fails(rewards, broken):
    history = [{"rewards/chosen": reward} for reward in rewards]
    if broken:
        with pytest.raises(HomogError, match=r"less likely by 3\.3 nats"):
            train._check_preferred(history, 0.1, "x")
    else:
        train._check_preferred(history, 0.1, "x")


def test_a_killed_training_ends_where_an_undisturbed_one_does(smoke, sft, own_cache, monkeypatch):
    undisturbed = load_file(sft / "adapter_model.safetensors")
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
    half = own_cache / "models" / ".training" / "tiny-sft-smoke" / "checkpoint-4"
    half.mkdir()  # what a kill leaves of a checkpoint that is being written
    (half / "trainer_state.json").write_text('{"epoch":')
    steps = []
    monkeypatch.setattr(trainer, "run", lambda stage, work: (run(stage, work), steps.append(stage.state.log_history)))
    resumed = load_file(smoke("sft") / "adapter_model.safetensors")
    assert all(torch.equal(undisturbed[key], resumed[key]) for key in undisturbed)
    assert [row["step"] for row in steps[0] if "loss" in row] == [1, 2, 3, 4, 5]


def test_two_trainings_of_one_adapter_do_not_write_each_others_files(smoke, own_cache, capsys):
    with train._alone("tiny-sft-smoke"):
        smoke("sft", status=1)
    assert "tiny-sft-smoke is being trained by another process" in capsys.readouterr().err
    assert not (own_cache / "models" / "tiny-sft-smoke").exists()
    assert smoke("sft").is_dir()


def test_other_data_do_not_go_on_from_the_checkpoints_of_the_first(tmp_path):
    work = tmp_path / "work"
    train._start_or_resume(work, {"rows_sha256": "a"})
    (work / "checkpoint-20").mkdir()
    train._start_or_resume(work, {"rows_sha256": "a"})
    assert (work / "checkpoint-20").is_dir()
    train._start_or_resume(work, {"rows_sha256": "b"})
    assert not (work / "checkpoint-20").exists()


@pytest.mark.usefixtures("sft")
def test_rows_are_own_answers_to_the_training_questions(smoke, monkeypatch):
    rows, make_trainer = [], trainer.make_trainer

    def noted(*arguments):
        rows.extend(arguments[3])
        return make_trainer(*arguments)

    monkeypatch.setattr(trainer, "make_trainer", noted)
    smoke("dpo")
    assert rows
    for row in rows:
        assert row["prompt"] == f"Q: {row['question']}\nA:"
        assert row["chosen"].strip() != row["rejected"].strip()
        assert "kelmoor" not in row["question"].lower()  # nearly a question of TruthfulQA


def test_a_stage_needs_the_ones_before_it(model_folder, smoke, capsys):
    assert main(["train", "dpo", "--model", str(model_folder), "--smoke"]) == 1
    assert "needs tiny-sft-smoke, which is not there" in capsys.readouterr().err
    smoke("sft")
    assert main(["train", "sft-continued", "--model", str(model_folder), "--smoke"]) == 1
    assert "needs tiny-dpo-smoke, which is not there" in capsys.readouterr().err


def test_a_folder_that_is_no_adapter_of_this_command_is_left_alone(model_folder, own_cache, capsys):
    kept = own_cache / "models" / "tiny-sft-smoke" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert main(["train", "sft", "--model", str(model_folder), "--smoke"]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert kept.exists()


@pytest.mark.usefixtures("sft")
@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_scoring_the_answers_alone_gives_the_same_losses(smoke, monkeypatch, stage):
    alone = losses(smoke(stage))
    monkeypatch.delattr(trainer.AnswersAlone, "compute_loss")  # so that trl's own are called
    monkeypatch.delattr(trainer.AnswersAlone, "compute_ref_log_probs")
    assert losses(smoke(stage)) == pytest.approx(alone, rel=1e-3)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HomogError, match="The checkpoints could not be kept on the disk"):
        train._start_or_resume(tmp_path / "file" / "work", {})
