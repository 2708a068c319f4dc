"""A run is what was written: bits, files, tables and processes; in full by `python -m benchmarks.reliability`."""

import json
import os
import shutil
from collections import Counter

import pandas as pd
import pytest

from benchmarks.reliability.flips import everything, flips
from benchmarks.reliability.foreign import damaged, foreign
from benchmarks.reliability.kills import kills
from benchmarks.reliability.scenes import DECODING, LAX, STRICT, ScriptedSampler, WordEncoder, forget_hashes, scored_run
from benchmarks.reliability.scenes import questions as asked
from homog_core.errors import CorruptRun, HomogError
from homog_core.runs import contents
from homog_core.runs.manifest import with_checksum
from homog_core.runs.sample import plan_run, sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.verify import seal, verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


# Damage


def test_every_flipped_bit_is_noticed_and_none_is_read_as_something_else():
    assert flips(scored_run("flipped", 2), 40, seed=1) == Counter(noticed=40)


def test_no_file_of_another_run_is_taken_for_a_runs_own():
    endings = list(foreign([scored_run("one", 2), scored_run("other", 2)]))
    assert len(endings) == 2 * (7 + 1 + 1)  # seven files one by one, all five tables, all five with their hashes
    assert [end.what for end in endings if not end.verify] == []
    assert [end.what for end in endings if not (end.reading or end.is_forged)] == []


def test_damage_that_leaves_valid_parquet_is_noticed():
    endings = list(damaged(scored_run("one", 2)))
    assert len(endings) > 70
    assert [end.what for end in endings if not end.verify] == []
    assert [end.what for end in endings if not end.reading] == []


def test_a_manifest_of_today_is_not_read_as_one_that_has_no_hashes():
    run = scored_run("one", 2)
    path = run.folder / "manifest.json"
    for old, new in (('"format": 3', '"format": 2'), ("checksum", "checksun"), ('"sampling', '"samplinh')):
        text = path.read_text()
        path.write_text(text.replace(old, new))
        if path.read_text() != text:
            with pytest.raises(CorruptRun, match=r"its checksum|has lost its checksum"):
                open_run(run.id)
        path.write_text(text)
    assert verify(run.id) == []


def test_a_file_name_in_a_manifest_does_not_lead_out_of_the_folder():
    run = scored_run("one", 2)
    content = json.loads((run.folder / "manifest.json").read_text())
    content["files"]["../scores.parquet"] = content["files"].pop("scores.parquet")
    del content["checksum"]
    (run.folder / "manifest.json").write_text(with_checksum(content))
    with pytest.raises(CorruptRun, match="is no name of a file of a run"):
        open_run(run.id)


def test_answers_of_another_run_are_not_read_before_they_are_merged():
    own, other = (
        plan_run(
            [(question, "") for question in asked(2)],
            DECODING,
            "plain",
            model=ScriptedSampler(key).spec,
            revision="1",
            dtype="float32",
        )
        for key in ("own", "other")
    )
    with own.open() as writer, other.open() as stranger:
        stranger.append(ScriptedSampler("other").answers(asked(2)[1], DECODING))
        writer.append(ScriptedSampler("own").answers(asked(2)[0], DECODING))
        (shard,) = stranger.run.folder.glob("responses-*")
        shutil.copy(shard, writer.run.folder)
        assert writer.run.sampled_ids() == {"q000"}
        assert any(f"{shard.name} does not belong to run {writer.run.id}" in found for found in verify(writer.run.id))


def test_a_run_in_a_folder_of_another_name_is_not_shown():
    run = scored_run("one", 2)
    moved = run.folder.rename(run.folder.with_name("another"))
    assert list_runs() == []
    with pytest.raises(CorruptRun, match=f"holds the run {run.id}; give it that name"):
        open_run(moved.name)


# Versions that kept no hashes


def test_an_older_run_reads_and_is_sealed_once():
    run = open_run(scored_run("old", 2).id)
    before = everything(run.id)
    forget_hashes(run)
    assert everything(run.id) == before
    (problem,) = verify(run.id)
    assert f"seal {run.id}" in problem
    assert seal(run.id).manifest == run.manifest == open_run(run.id).manifest
    assert verify(run.id) == []


def test_an_older_run_with_something_wrong_is_not_sealed():
    run = scored_run("old", 2)
    forget_hashes(run)
    scores = pd.read_parquet(run.folder / "scores.parquet")
    pd.concat([scores, scores]).to_parquet(run.folder / "scores.parquet")
    with pytest.raises(HomogError, match=r"not sealed.*scores.parquet has 2 rows twice"):
        seal(run.id)
    scores.rename(columns={"question_id": "id"}).to_parquet(run.folder / "scores.parquet")
    with pytest.raises(CorruptRun, match="it has no column 'question_id'"):
        open_run(run.id).table("scores")


# One scoring at a time


def test_a_run_that_is_being_written_is_not_scored():
    run = scored_run("one", 2)
    with contents.held(run.folder), pytest.raises(HomogError, match="is being written by another process"):
        score_run(run.id, [WordEncoder()])


def test_sampling_goes_on_while_somebody_wants_to_score():
    refused = []

    def score(progress):
        for run in list_runs():
            with pytest.raises(HomogError, match="is being written"):
                score_run(run.id, [WordEncoder()])
            refused.append(progress.n_done)

    run = sample_run(ScriptedSampler("busy"), asked(3), DECODING, "plain", on_step=score)
    assert refused == [0, 1, 1, 2, 2, 3]
    assert len(run.responses()) == 3 * 5


def test_tables_of_a_scoring_that_was_killed_in_its_last_moment_are_all_new(monkeypatch):
    run = scored_run("one", 3)

    def killed(source, target):
        if str(source).endswith(".new"):
            raise KeyboardInterrupt
        real(source, target)

    real = os.replace
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        score_run(run.id, [WordEncoder()], clusterers=[LAX])
    assert len(list(run.folder.glob("*.new"))) == 5
    assert verify(run.id) == []
    assert set(run.table("clusters")["threshold"]) == {LAX.threshold}
    counted = run.table("clusters").groupby("question_id")["label"].nunique()
    assert run.table("scores").set_index("question_id")["num_semantic_sets@jaccard"].to_dict() == counted.to_dict()
    score_run(run.id, [WordEncoder()], clusterers=[STRICT])
    assert list(run.folder.glob("*.new")) == []
    assert set(run.table("clusters")["threshold"]) == {STRICT.threshold}


def test_tables_of_a_scoring_that_was_killed_before_are_all_old(monkeypatch):
    run = scored_run("one", 3)
    before = everything(run.id)

    def killed(folder, manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(contents, "write_manifest", killed)
        score_run(run.id, [WordEncoder()], clusterers=[LAX])
    assert everything(run.id) == before
    assert verify(run.id) == []


def test_a_scoring_that_was_stopped_just_after_its_manifest_was_replaced_is_whole(monkeypatch):
    run = scored_run("one", 3)

    def stopped(folder, manifest):
        real(folder, manifest)
        raise KeyboardInterrupt

    real = contents.write_manifest
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(contents, "write_manifest", stopped)
        score_run(run.id, [WordEncoder()], clusterers=[LAX])
    assert set(run.table("clusters")["threshold"]) == {LAX.threshold}
    assert verify(run.id) == []


def test_a_table_that_takes_its_place_while_it_is_read_is_read(monkeypatch):
    run = open_run(scored_run("one", 3).id)
    path = run.folder / "scores.parquet"
    staged = contents._places(run.folder, path.name, run.manifest.files[path.name])[0]
    before = run.table("scores")
    path.rename(staged)

    def late(found, *rest):
        contents.finish(run.folder)
        return real(found, *rest)

    real = contents.read_parquet
    monkeypatch.setattr(contents, "read_parquet", late)
    assert run.table("scores").equals(before)


def test_nothing_is_lost_by_kills():
    for kind, found in kills(8, seed=2, kinds=("sample", "score", "import", "export")).items():
        assert found["fine"] == 2, kind
