"""The shared cases of imperfect data, and the public sets, where this machine has them."""

from pathlib import Path

import pytest

from homog_core import files
from homog_core.analysis.sampler_check import sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.texts import run_texts
from homog_core.measures.diversity import looping
from homog_core.measures.encoders import SentenceEncoder
from homog_core.runs.importers import About, import_file
from homog_core.runs.score import score_run
from homog_core.runs.tables import response_of
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def found(relative: str) -> Path:
    """A file beside or in one of the folders of data; the test is skipped where there is none."""
    for folder in files.dataset_folders():
        for path in (folder.parent / relative, folder / relative):
            if path.is_file():
                return path
    pytest.skip(f"{relative} is not on this machine")


# Each case: how many questions and answers to each, and the first word of every kind of note.
CASES = {
    "arabic-three-facts.jsonl": (1, 3, []),
    "cached.jsonl": (12, 10, []),
    "chinese-four-facts.jsonl": (1, 4, []),
    "entropies-exact.jsonl": (12, 2, []),
    "entropies-top5.jsonl": (12, 2, []),
    "excel-semicolon.csv": (1, 2, []),
    "header-case.csv": (1, 2, ["the column `Question` is read as `question`", "the column `Answer` is read as"]),
    "long-reasoning.jsonl": (1, 3, []),
    "looping-false-alarm.jsonl": (1, 2, []),
    "misspelt.jsonl": (1, 2, ["'answer' is not", "'refrences' is not", "'greedy' is not", "'token_entropy' is not"]),
    "null-answer.jsonl": (1, 3, ["answers that are null, kept as empty and invalid"]),
    "numbers-grading.jsonl": (5, 2, []),
    "openai-finish.jsonl": (1, 3, ["finish reasons that are not known, kept as unknown"]),
    "plain.jsonl.gz": (1, 3, []),
    "reasoning-tags.jsonl": (1, 8, []),
    "same-start-other-end.jsonl": (1, 2, []),
    "same-stem-other-prompt.jsonl": (2, 3, []),
    "sentinel-run.jsonl": (12, 2, ["numbers that cannot be (a log-probability is at most 0"]),
    "special-tokens.jsonl": (1, 5, []),
    "yes-no.jsonl": (1, 4, []),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_gets_in(name):
    questions, answers, kinds = CASES[name]
    run = import_file(found(f"cases/{name}"), About("m"))
    assert (run.identity.n_questions, run.decoding.n_samples) == (questions, answers)
    notes = [note.kind for note in run.provenance.import_notes]
    assert len(notes) == len(kinds)
    assert all(note.startswith(kind) for note, kind in zip(notes, kinds, strict=True))
    assert len(verify(run.id)) == 5  # it is not scored, and nothing else


@pytest.mark.parametrize("name", ["reasoning-tags.jsonl", "long-reasoning.jsonl"])
def test_reasoning_is_told_from_the_answer(name):
    run = import_file(found(f"cases/{name}"), About("m"))
    answers = [
        response_of(row, run.leftovers).answer for row in run.responses().query("sample_index >= 0").itertuples()
    ]
    assert set(answers) <= {"Mars.", "Venus."}
    assert "Mars." in answers


OUTCOMES = {  # what comes out of each case once it is scored
    "numbers-grading.jsonl": lambda scored: set(scored.scores["grade"]) == {"correct"},
    "special-tokens.jsonl": lambda scored: n_clusters(scored) == [1] and set(scored.scores["grade"]) == {"correct"},
    "chinese-four-facts.jsonl": lambda scored: n_clusters(scored) == [4],
    "arabic-three-facts.jsonl": lambda scored: n_clusters(scored) == [3],
    "yes-no.jsonl": lambda scored: n_clusters(scored) == [2],
    "null-answer.jsonl": lambda scored: n_clusters(scored) == [2],
    "same-start-other-end.jsonl": lambda scored: n_clusters(scored) == [2] and not run_texts(scored.run).domain.holds,
    "cached.jsonl": lambda scored: sampler_check(scored.run).verdict == "too many",
    "looping-false-alarm.jsonl": lambda scored: all(looping(text) == 0 for text in texts_of(scored)),
    "sentinel-run.jsonl": lambda scored: scored.scores["perplexity"].isna().all(),
    "entropies-top5.jsonl": lambda scored: scored.run.entropy_kind() == "top_k:5",
    "reasoning-tags.jsonl": lambda scored: run_texts(scored.run).n_removed["reasoning"] == 8,
}


def n_clusters(scored):
    """Clusters of each question under the clusterer with the best report card."""
    return scored.cluster_frame(scored.clusterer)["num_semantic_sets"].tolist()


def texts_of(scored):
    """All answers of a run."""
    return [response.answer for key in scored.questions.index for response in scored.valid_responses(key)]


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_case_comes_out_as_expected(name):
    run = import_file(found(f"cases/{name}"), About("m"))
    assert OUTCOMES[name](ScoredRun(score_run(run.id, [SentenceEncoder("wordllama")])))


def test_the_public_chain_has_one_set_of_questions():
    names = ("lima-mistral-base", "lima-mistral-sft", "lima-zephyr")
    runs = [import_file(found(f"public/alignment-chains/{name}.jsonl"), About(name, "lima")) for name in names]
    assert len({run.identity.question_ids_sha256 for run in runs}) == 1
    assert [(run.identity.n_questions, run.decoding.n_samples) for run in runs] == [(50, 5)] * 3
    assert not runs[0].responses()["text"].str.contains("```\\Z").any()


@pytest.mark.parametrize(
    ("name", "questions", "answers"),
    [
        ("novelty-bench/gemma-2-2b-it.partitions", 100, 10),
        ("triviaqa-llama-13b/answers", 500, 20),
        ("alignment-chains/conflictingqa-mistral", 434, 5),
    ],
)
def test_public_sets_get_in_whole(name, questions, answers):
    run = import_file(found(f"public/{name}.jsonl"), About("m"))
    assert (run.identity.n_questions, run.decoding.n_samples) == (questions, answers)
    assert not [note for note in run.provenance.import_notes if "left out" in note.kind]
