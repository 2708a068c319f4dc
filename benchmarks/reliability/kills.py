"""Processes killed at random moments of sampling, scoring, importing, exporting, stripping, training: what is lost."""

import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks.reliability import training
from benchmarks.reliability.scenes import DECODING, LAX, STRICT, ScriptedSampler, WordEncoder, questions, scored_run
from homog_core import files
from homog_core.errors import HomogError
from homog_core.records import Question
from homog_core.runs.export import export_run
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.runs.questions import load_questions
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import Run, list_runs, open_run
from homog_core.runs.strip import strip
from homog_core.runs.verify import verify

N_QUESTIONS = 12


class Ending(NamedTuple):
    """What one kill has left."""

    at_work: bool  # whether it came before the work was done
    problems: list[str]


def kills(n: int, seed: int = 0, kinds: Collection[str] | None = None) -> dict[str, Counter[str]]:
    """N kills, as many of each kind: how many ended `fine`, what else was found, and how many came `while it worked`.

    To be called with an empty folder of runs (`scenes.own_folder`).
    """
    rng, found = random.Random(seed), {}
    chosen = {kind: _KINDS[kind] for kind in kinds or _KINDS}
    for kind, (prepare, kill) in chosen.items():
        scene = prepare()
        counts = found[kind] = Counter()
        for number in range(n // len(chosen)):
            at_work, problems = kill(scene, number, rng)
            counts.update([*(problems or ["fine"]), *(["while it worked"] if at_work else [])])
    return found


def _killed(work: Callable[[], object], longest: float, rng: random.Random) -> bool:
    """Do some work in a process of its own and kill that at a random moment; whether it was killed before its end."""
    process = get_context("fork").Process(target=work)
    process.start()
    process.join(rng.uniform(0.0, longest))
    is_alive = process.is_alive()
    process.kill()  # SIGKILL
    process.join()
    return is_alive


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _damaged(run_id: str) -> list[str]:
    """What verify says beside that the run is not whole yet."""
    unfinished = ("The run is ", "There is no ", "stored twice", "no responses", "does not belong")
    return [f"damaged: {found}" for found in verify(run_id) if not any(words in found for words in unfinished)]


def _left_behind(folder: Path) -> list[str]:
    return ["left behind: a temporary file" for _ in (*folder.glob("*.partial"), *folder.glob("*.new"))]


# Sampling: what was stored is there afterwards, and the same call goes on


def _prepare_sampling() -> float:
    def sample(key: str) -> float:
        return _seconds(lambda: sample_run(ScriptedSampler(key), questions(N_QUESTIONS), DECODING, "plain"))

    sample("first")  # it imports things
    return sample("timed")


def _kill_sampling(longest: float, number: int, rng: random.Random) -> Ending:
    key, asked = f"sampled-{number}", questions(N_QUESTIONS)
    marks = Path(os.environ["HOMOG_CACHE"]) / f"{key}.txt"

    def work() -> None:
        with marks.open("a", buffering=1) as stream:
            sample_run(
                ScriptedSampler(key),
                asked,
                DECODING,
                "plain",
                on_step=lambda progress: stream.write(f"{progress.n_done}\n"),
            )

    at_work = _killed(work, longest, rng)
    said = [int(line) for line in marks.read_text().split("\n")[:-1]] if marks.exists() else []
    runs = [run for run in list_runs() if run.identity.model == key]
    problems = [] if runs or not said else ["lost: the run"]
    for run in runs:
        stored = run.sampled_ids()
        problems += ["lost: answers"] if len(stored) < max(said, default=0) else []
        problems += _damaged(run.id)
    whole = sample_run(ScriptedSampler(key), asked, DECODING, "plain")
    wanted = {q.id: [r.text for r in ScriptedSampler(key).answers(q, DECODING).responses] for q in asked}
    texts = whole.responses().query("sample_index >= 0").groupby("question_id")["text"].apply(list).to_dict()
    problems += [] if texts == wanted else ["lost: other answers than were sampled"]
    problems += [p for p in verify(whole.id) if "There is no" not in p]
    return Ending(at_work, [*problems, *_left_behind(whole.folder)])


# Scoring: afterwards all tables are those of one scoring, and they read


def _prepare_scoring() -> tuple[Run, float]:
    run = scored_run("scored", N_QUESTIONS)
    return run, _seconds(lambda: score_run(run.id, [WordEncoder()], clusterers=[LAX]))


def _kill_scoring(scene: tuple[Run, float], number: int, rng: random.Random) -> Ending:
    run, longest = scene
    clusterers = [(STRICT, LAX)[number % 2]]
    at_work = _killed(lambda: score_run(run.id, [WordEncoder()], clusterers=clusterers), longest * 1.5, rng)
    problems = [f"damaged: {problem}" for problem in verify(run.id)]
    clusters = run.table("clusters")
    counted = clusters.groupby("question_id")["label"].nunique()
    column = next(name for name in run.table("scores") if name.startswith("num_semantic_sets@jaccard"))
    scores = run.table("scores").set_index("question_id")[column]
    if clusters["threshold"].nunique() != 1 or not (counted == scores[counted.index]).all():
        problems.append("mixed: clusters of one scoring and scores of another")
    return Ending(at_work, problems)


# Importing: the same call goes on


def _prepare_importing() -> float:
    import_file(_file("first"), About("first"))  # it imports things
    return _seconds(lambda: import_file(_file("timed"), About("timed")))


def _file(name: str) -> Path:
    path = Path(os.environ["HOMOG_CACHE"]) / f"{name}.jsonl"
    rows = [{"question": f"What is {name} {i}?", "answers": [f"red {i}", "blue", "red fox"]} for i in range(300)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _kill_importing(longest: float, number: int, rng: random.Random) -> Ending:
    path, about = _file(f"file-{number}"), About(f"imported-{number}")
    at_work = _killed(lambda: import_file(path, about), longest, rng)
    problems = [p for run in list_runs() if run.identity.model == about.model for p in _damaged(run.id)]
    run = import_file(path, about)
    problems += [p for p in verify(run.id) if "There is no" not in p]
    problems += [] if len(run.sampled_ids()) == 300 else ["lost: answers"]
    return Ending(at_work, [*problems, *_left_behind(run.folder)])


# Exporting: the file is the old one or the new one, and the next export takes away what was left


def _prepare_exporting() -> tuple[Run, float]:
    run = scored_run("exported", N_QUESTIONS)
    target = Path(os.environ["HOMOG_CACHE"]) / "out" / "run.csv"
    target.parent.mkdir()
    return run, _seconds(lambda: export_run(run, "csv", target))


def _kill_exporting(scene: tuple[Run, float], number: int, rng: random.Random) -> Ending:
    run, longest = scene
    folder = Path(os.environ["HOMOG_CACHE"]) / "out"
    target = folder / "run.csv"
    whole = target.read_bytes()
    at_work = _killed(lambda: export_run(run, "csv", target), longest * 1.2, rng)
    problems = [] if target.read_bytes() == whole else ["damaged: half an export"]
    export_run(run, "csv", target)
    return Ending(at_work, [*problems, *_left_behind(folder)])


# Stripping: the sentences are there or come back, and so do the prompts


def _prepare_stripping() -> tuple[list[Question], float]:
    asked = load_questions("truthfulqa", limit=N_QUESTIONS)
    run = sample_run(ScriptedSampler("stripped"), asked, DECODING, "plain")
    return asked, _seconds(lambda: strip(run.id))


def _kill_stripping(scene: tuple[list[Question], float], number: int, rng: random.Random) -> Ending:
    asked, longest = scene
    run = sample_run(ScriptedSampler(f"stripped-{number}"), asked, DECODING, "plain")
    score_run(run.id, [WordEncoder()], clusterers=[STRICT])
    before = run.questions()
    at_work = _killed(lambda: strip(run.id), longest * 1.5, rng)
    problems = _damaged(run.id)
    after = run.questions()
    if list(after["text"]) != list(before["text"]) or list(after["prompt"]) != list(before["prompt"]):
        problems.append("lost: sentences or prompts")
    try:
        strip(run.id)
    except HomogError as error:
        problems.append(f"damaged: {error}")
    problems += [f"damaged: {problem}" for problem in verify(run.id)]
    return Ending(at_work, [*problems, *_left_behind(open_run(run.id).folder)])


# Training: no half-made adapter is ever to be seen, and the same command ends where an undisturbed one does


def _prepare_training() -> tuple[str | None, float]:
    training.prepare()

    def trained() -> float:
        shutil.rmtree(files.cache() / "models", ignore_errors=True)
        return _seconds(lambda: training.in_child(training.train_stage))

    trained()  # it imports things
    longest = trained()
    if training.adapter_hash() is None:
        raise RuntimeError("The training does not work even when nobody kills it.")
    return training.adapter_hash(), longest


def _kill_training(scene: tuple[str | None, float], number: int, rng: random.Random) -> Ending:
    undisturbed, longest = scene
    shutil.rmtree(files.cache() / "models")
    at_work = _killed(training.train_stage, longest, rng)
    problems = training.half_made()
    if training.in_child(training.train_stage) != 0:
        problems.append("lost: the same command does not go on")
    elif training.adapter_hash() != undisturbed:
        problems.append("lost: another adapter than an undisturbed training makes")
    return Ending(at_work, [*problems, *training.left_behind()])


_KINDS = {
    "sample": (_prepare_sampling, _kill_sampling),
    "score": (_prepare_scoring, _kill_scoring),
    "import": (_prepare_importing, _kill_importing),
    "export": (_prepare_exporting, _kill_exporting),
    "strip": (_prepare_stripping, _kill_stripping),
    "train": (_prepare_training, _kill_training),
}
KINDS = tuple(_KINDS)
