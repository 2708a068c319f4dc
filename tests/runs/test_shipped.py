"""What ships with the project: the measured runs and the report cards, as the command line shows them."""

import json
import subprocess

import pytest
from fakes import SHIPPED_RUNS, link_shipped

from homog_core import files
from homog_core.analysis.draws import shown_sets
from homog_core.catalogue.encoders import ENCODERS
from homog_core.cli import main
from homog_core.measures import report_cards
from homog_core.reports import results_md, stage_tables, tables
from homog_core.reports.draw_tables import draw_tables
from homog_core.runs.draw_sets import list_draws
from homog_core.runs.store import list_runs


def run_json(capsys, *arguments):
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_tests_see_the_shipped_runs_alone():
    assert sorted(run.id for run in list_runs()) == SHIPPED_RUNS


def test_a_run_that_somebody_keeps_in_the_checkout_is_not_taken_for_a_shipped_one(tmp_path):
    project, folder = tmp_path / "project", tmp_path / "shipped"
    for run_id in ("fake--starter--1", "kept--live--2"):
        (project / "cache" / "runs" / run_id).mkdir(parents=True)
    (project / ".gitignore").write_text("cache/runs/*\n!cache/runs/fake--starter--1\n!cache/models/adapter/\n")
    folder.mkdir()
    assert [path.name for path in (link_shipped(project, folder) / "runs").iterdir()] == ["fake--starter--1"]


def test_the_shipped_runs_are_those_that_git_keeps():
    listed = ["git", "ls-files", "cache/runs"]
    try:
        found = subprocess.run(listed, cwd=files.PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no git here")
    assert sorted({path.split("/")[2] for path in found.stdout.splitlines()}) == SHIPPED_RUNS


def test_shipped_runs_are_listed_shown_and_verified(capsys):
    _, rows = run_json(capsys, "runs")
    run_id = next(row["run"] for row in rows if row["dataset"] == "starter")
    _, summary = run_json(capsys, "show", run_id)
    assert summary["estimates"]["single_cluster_rate@jaccard"]["n"] > 100
    _, answers = run_json(capsys, "show", run_id, "--question", "fact-001")
    assert [row["sample_index"] for row in answers] == list(range(-1, 10))
    status, rows = run_json(capsys, "verify")
    assert (status, {row["problem"] for row in rows}) == (0, {"none"})


def test_the_document_of_results_has_the_runs_as_they_are():
    runs, document = results_md.reportable_runs(), (files.PROJECT / "docs" / "results.md").read_text(encoding="utf-8")
    # of one question set or two, since all take a minute: estimates, tests, bounds, and two tables within categories;
    # the questions of GSM8K are not in the repository
    small = [s for s in runs if s.run.identity.dataset in ("starter", "gsm8k") and s.questions["text"].all()]
    stages = stage_tables.chain_tables(small)
    assert len(stages) in (5, 8)
    assert tables.markdown([results_md.clusters_table(runs)]) in document
    assert all(tables.markdown([table]) in document for table in stages)
    assert tables.markdown(draw_tables(shown_sets(list_draws()[0]))).strip() in document


def test_calibration_puts_the_best_clusterer_first():
    cards, order = report_cards.report_cards(), report_cards.default_clusterers(list(ENCODERS))
    aucs = [cards[clusterer.key].auc for clusterer in order]
    assert aucs == sorted(aucs, reverse=True)
    assert all(c.threshold == cards[c.key].threshold for c in order)
