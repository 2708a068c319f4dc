"""What ships with the project: the measured runs and the report cards, as the command line shows them."""

import json

from homog_core import files
from homog_core.catalogue.encoders import ENCODERS
from homog_core.cli import main
from homog_core.measures import report_cards
from homog_core.reports import results_md


def run_json(capsys, *arguments):
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


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
    stages = results_md.chain_tables(runs)
    assert len(stages) == 4  # estimates and tests, on both question sets
    assert results_md.markdown([*stages, results_md.clusters_table(runs)]) in document


def test_calibration_puts_the_best_clusterer_first():
    cards, order = report_cards.report_cards(), report_cards.default_clusterers(list(ENCODERS))
    aucs = [cards[clusterer.key].auc for clusterer in order]
    assert aucs == sorted(aucs, reverse=True)
    assert all(c.threshold == cards[c.key].threshold for c in order)
