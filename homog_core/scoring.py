"""Stored answers → embeddings, NLI probabilities, clusters, scores, grades and maps, stored beside them.

Everything here is computed from what a run has stored, never by sampling again. Embeddings and NLI probabilities are
kept, so that no text is encoded and no pair is judged twice. The live page uses the same functions on one question.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from homog_core import calibration, paths, uncertainty
from homog_core.calibration import ReportCard
from homog_core.catalogue import DATASETS, DEFAULT_ENCODER
from homog_core.clustering import JACCARD_THRESHOLD, Clusterer, entailment_joins, entailment_similarity, mask_answer
from homog_core.encoders import NLI_CLASSES, Encoder, Nli
from homog_core.errors import HomogError
from homog_core.grading import Grade, grade, supported
from homog_core.projection import project
from homog_core.records import GREEDY, Question, Response, ResponseSet
from homog_core.store import Run, open_run, question_of, response_of, response_set

FALLBACK_THRESHOLD = 0.85  # of an encoder that has not been calibrated: the published one
NLI_CHUNK = 1024  # pairs judged between two writes to the store

Vectors = Mapping[str, np.ndarray]  # view → unit vectors (n, d), or NLI probabilities
Evidence = Mapping[str, Vectors]  # by key of the encoder or NLI model
Report = Callable[[str, int, int], None]  # what is being done, how many of them are done, of how many


# Clusterers and their report cards


def report_cards() -> dict[str, ReportCard]:
    """The report cards of the clusterers, the user's own before the shipped ones."""
    found: dict[str, ReportCard] = {}
    for folder in (paths.SHIPPED, paths.cache()):
        found |= calibration.read_report_cards(folder / "report_cards.json")
    return found


def default_clusterers(encoders: Sequence[str] = (DEFAULT_ENCODER,), nli: str | None = None) -> list[Clusterer]:
    """Every clusterer that these models allow, at its default threshold, the one with the best report card first."""
    cards = report_cards()
    clusterers = [Clusterer("jaccard", JACCARD_THRESHOLD)]
    for encoder in encoders:
        for method in ("embedding", "embedding_masked"):
            card = cards.get(f"{method}/{encoder}")
            clusterers.append(Clusterer(method, card.threshold if card else FALLBACK_THRESHOLD, encoder))
    if nli:
        clusterers.append(Clusterer("nli", 0.0, nli))
    return sorted(clusterers, key=lambda c: -cards[c.key].auc if c.key in cards else 0)


def calibrate(questions: Sequence[Question], encoder: Encoder, nli: Nli | None = None) -> list[ReportCard]:
    """Report cards of all clusterers from the questions' references (docs/methods.md), also written to the cache."""
    dataset = questions[0].dataset
    cards = []
    for prototype in default_clusterers([encoder.key]):

        def similarity(question: Question, texts: Sequence[str], prototype: Clusterer = prototype) -> np.ndarray:
            evidence = encode(encoder, question.text, texts) if prototype.is_linkage else {}
            return prototype.similarity(texts, evidence)

        pairs = calibration.pair_similarities(questions, similarity)
        threshold = calibration.threshold_at_false_join_rate(pairs) if prototype.is_linkage else prototype.threshold
        cards.append(
            calibration.report_card(
                prototype.key, pairs, threshold, dataset, joins_at_equality=not prototype.is_linkage
            )
        )
    if nli:
        cards.append(_nli_card(questions, nli, dataset))
    calibration.write_report_cards(paths.cache() / "report_cards.json", cards)
    return cards


def _nli_card(questions: Sequence[Question], nli: Nli, dataset: str) -> ReportCard:
    known: dict[str, np.ndarray] = {}

    def probabilities(question: Question, texts: Sequence[str]) -> np.ndarray:
        if question.id not in known:
            pairs = list(permutations(texts, 2))
            found = nli.predict([_with_context(nli, question.text, pair) for pair in pairs]).probabilities
            known[question.id] = probability_matrix(texts, texts, dict(zip(pairs, found, strict=True)))
        return known[question.id]

    pairs = calibration.pair_similarities(questions, lambda q, texts: entailment_similarity(probabilities(q, texts)))
    joined = calibration.pair_similarities(questions, lambda q, texts: entailment_joins(probabilities(q, texts)))
    return calibration.report_card(f"nli/{nli.key}", pairs, 0.0, dataset, joined=joined)


# The scores of docs/methods.md §"Uncertainty scores": what each needs
SINGLE_PASS = ("mean_token_entropy", "max_token_entropy", "std_token_entropy", "high_entropy_ratio", "perplexity")
QUESTION_ONLY = ("embedding_density",)
SAMPLED = (
    "mean_token_entropy_sampled",
    "predictive_entropy",
    "length_normalized_predictive_entropy",
    "lexical_dissimilarity",
    "num_semantic_sets",
    "discrete_semantic_entropy",
    "semantic_entropy",
    "eigenvalue_laplacian",
    "degree_uncertainty",
    "eccentricity",
    "kernel_language_entropy",
    "sindex",
    "selfcheck_nli",
)


def score_columns(scores: pd.DataFrame) -> list[str]:
    """The columns of a table of scores that hold an uncertainty score: a name, or `name@clusterer`."""
    names = (*SINGLE_PASS, *QUESTION_ONLY, *SAMPLED)
    return sorted(
        (column for column in scores.columns if column.partition("@")[0] in names),
        key=lambda column: names.index(column.partition("@")[0]),
    )


# What models say of the answers


def encode(encoder: Encoder, question: str, answers: Sequence[str]) -> dict[str, np.ndarray]:
    """Unit vectors of answers in both views: whole, and without the question's words."""
    masked = [mask_answer(answer, question) for answer in answers]
    vectors = encoder.encode([*answers, *masked])
    return {"answer": vectors[: len(answers)], "masked": vectors[len(answers) :]}


def embed_run(run: Run, encoder: Encoder, *, grades: bool = False) -> pd.DataFrame:
    """The embeddings of a run's answers (in both views) and questions; those that are missing are computed and stored.

    With `grades` also those of greedy answers and references, where incorrect references exist. Returns question_id,
    sample_index, view, vector (d,).
    """
    columns = ["question_id", "sample_index", "view"]
    stored = run.embeddings(encoder.key)
    have = set() if stored is None else set(stored[columns].itertuples(index=False, name=None))
    missing = [(key, text) for key, text in _texts_to_embed(run, grades) if key not in have]
    if stored is not None and not missing:
        return stored
    frame = pd.DataFrame([key for key, _ in missing], columns=columns)
    frame["vector"] = pd.Series(list(encoder.encode([text for _, text in missing])), dtype=object)
    whole = pd.concat([stored, frame], ignore_index=True)
    whole["vector"] = [vector.astype(np.float16) for vector in whole["vector"]]
    run.write_table(f"embeddings-{encoder.key}", whole)
    return run.embeddings(encoder.key)


def _texts_to_embed(run: Run, grades: bool) -> Iterator[tuple[tuple[str, int, str], str]]:
    """(question, index, view) and the text."""
    questions = run.questions().set_index("id", drop=False)
    for row in run.responses().itertuples():
        response, question = response_of(row), questions.loc[row.question_id]
        if row.sample_index != GREEDY and response.is_valid:
            yield (row.question_id, row.sample_index, "answer"), response.answer
            yield (row.question_id, row.sample_index, "masked"), mask_answer(response.answer, question["text"])
        elif row.sample_index == GREEDY:
            yield (row.question_id, GREEDY, "question"), question["text"]
            if grades and len(question["incorrect_references"]):
                yield (row.question_id, GREEDY, "greedy"), response.answer
                for i, text in enumerate((*question["references"], *question["incorrect_references"])):
                    yield (row.question_id, i, "reference"), text


def judge_run(run: Run, nli: Nli, report: Report = lambda what, done, total: None) -> pd.DataFrame:
    """The NLI probabilities of every ordered pair of a question's different answers, and of answers and the sentences
    of the greedy one. Each pair is judged once; what is done is stored as it goes, so that a crash loses one chunk.
    """
    texts = run.questions().set_index("id")["text"]
    stored = run.nli(nli.key)
    done = set() if stored is None else set(stored[_PAIR].itertuples(index=False, name=None))
    wanted = [pair for pair in dict.fromkeys(_pairs_to_judge(run)) if pair not in done]
    for start in range(0, len(wanted), NLI_CHUNK):
        chunk = wanted[start : start + NLI_CHUNK]
        found = nli.predict([_with_context(nli, texts[key], pair) for key, *pair in chunk])
        frame = pd.DataFrame(chunk, columns=_PAIR)
        frame[list(NLI_CLASSES)] = found.probabilities
        frame["truncated"] = found.truncated
        stored = frame if stored is None else pd.concat([stored, frame], ignore_index=True)
        run.write_table(f"nli-{nli.key}", stored)
        report("Judging pairs", start + len(chunk), len(wanted))
    if stored is None:  # no two different answers
        run.write_table(f"nli-{nli.key}", pd.DataFrame(columns=[*_PAIR, *NLI_CLASSES, "truncated"]))
    return run.nli(nli.key)


_PAIR = ["question_id", "premise", "hypothesis"]


def _pairs_to_judge(run: Run) -> Iterator[tuple[str, str, str]]:
    """(question, premise, hypothesis) of every pair of different texts, question by question."""
    for question_id, rows in run.responses().groupby("question_id", sort=False):
        responses = {row.sample_index: response_of(row) for row in rows.itertuples()}
        greedy = responses.pop(GREEDY, None)
        answers = list(dict.fromkeys(r.answer for r in responses.values() if r.is_valid))
        sentences = uncertainty.split_sentences(greedy.answer) if greedy and greedy.is_valid else []
        pairs = [*permutations(answers, 2), *((answer, sentence) for answer in answers for sentence in sentences)]
        yield from ((question_id, *pair) for pair in pairs if pair[0] != pair[1])


def _with_context(nli: Nli, question: str, pair: Sequence[str]) -> tuple[str, str]:
    premise, hypothesis = pair
    return (f"{question} {premise}", f"{question} {hypothesis}") if nli.context else (premise, hypothesis)


def probability_matrix(
    premises: Sequence[str], hypotheses: Sequence[str], judged: Mapping[tuple[str, str], np.ndarray]
) -> np.ndarray:
    """Probabilities (n, m, 3) of premises and hypotheses; a text entails itself without having been judged."""
    itself = np.array([1.0, 0.0, 0.0], dtype=np.float32)
    rows = [[itself if p == h else judged[p, h] for h in hypotheses] for p in premises]
    return np.array(rows, dtype=np.float32).reshape(len(premises), len(hypotheses), 3)


def stored_judgements(run: Run) -> dict[str, pd.DataFrame]:
    """The NLI probabilities of a run by model, of those models that have judged all of its pairs."""
    wanted = set(_pairs_to_judge(run)) if run.nli_models() else set()
    frames = {key: run.nli(key) for key in run.nli_models()}
    return {key: f for key, f in frames.items() if wanted <= set(f[_PAIR].itertuples(index=False, name=None))}


def stored_vectors(rows: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The vectors of one question, by view, from its rows of `Run.embeddings`."""
    empty = {"answer": np.zeros((0, 1)), "masked": np.zeros((0, 1))}  # no valid response
    if rows is None:
        return empty
    rows = rows.sort_values("sample_index")
    return empty | {view: np.stack(list(part["vector"])) for view, part in rows.groupby("view")}


def stored_probabilities(rows: pd.DataFrame | None, answers: ResponseSet) -> dict[str, np.ndarray]:
    """`nli` (N, N, 3) between valid answers and `selfcheck` (S, N, 3) of the greedy answer's sentences, by question."""
    judged = {} if rows is None else {(row.premise, row.hypothesis): np.array(row[4:7]) for row in rows.itertuples()}
    texts = [response.answer for response in answers.responses if response.is_valid]
    sentences = uncertainty.split_sentences(answers.greedy.answer) if answers.greedy.is_valid else []
    return {
        "nli": probability_matrix(texts, texts, judged),
        "selfcheck": probability_matrix(texts, sentences, judged).transpose(1, 0, 2),
    }


# A run


def score_run(
    run_id: str,
    encoders: Sequence[Encoder],
    nli: Nli | None = None,
    clusterers: Sequence[Clusterer] | None = None,
    report: Report = lambda what, done, total: None,
) -> Run:
    """Compute what is missing of embeddings and NLI probabilities, then similarities, clusters, scores, grades, maps.

    The first encoder grades. NLI probabilities that are stored are used again, whether or not `nli` is given. Raises
    `HomogError` for a run without answers, and for one whose sentences are not here.
    """
    run = open_run(run_id)
    _check_can_be_scored(run)
    if clusterers is None:
        clusterers = default_clusterers([encoder.key for encoder in encoders], nli.key if nli else None)
    vectors = {}
    for i, encoder in enumerate(encoders):
        report("Encoding", i, len(encoders))
        vectors[encoder.key] = embed_run(run, encoder, grades=i == 0)
    judged = stored_judgements(run) | ({nli.key: judge_run(run, nli, report)} if nli else {})
    known = {clusterer.key for clusterer in clusterers}
    clusterers = [*clusterers, *(Clusterer("nli", 0.0, key) for key in judged if f"nli/{key}" not in known)]
    grades = grade_run(run, encoders[0], vectors[encoders[0].key])
    densities = question_densities(vectors)
    n_words = run.questions().set_index("id")["text"].str.split().str.len()
    found = list(analyse_run(run, vectors, judged, clusterers, report))
    scores = [
        analysis.scores
        | densities.get(analysis.scores["question_id"], {})
        | {"n_words_question": n_words[analysis.scores["question_id"]]}
        | _grade_columns(grades[analysis.scores["question_id"]])
        for analysis in found
    ]
    run.write_table("similarities", pd.DataFrame([row for a in found for row in a.similarities]))
    run.write_table("clusters", pd.DataFrame([row for a in found for row in a.clusters], columns=_CLUSTER_COLUMNS))
    run.write_table("scores", pd.DataFrame(scores))
    run.write_table("maps", _maps(found, clusterers[0].key, report))
    return run


def _check_can_be_scored(run: Run) -> None:
    if not run.sampled_ids():
        raise HomogError(f"Run {run.id} has no answers yet; run `sample` with the same options first.")
    if (run.questions()["text"] == "").any():
        spec = DATASETS[run.manifest.identity["dataset"]]
        raise HomogError(
            f"Run {run.id} ships without the sentences of {spec.title}, which scoring needs: name the folder of "
            f"{' or '.join(spec.files)} in HOMOG_DATA."
        )


def _grade_columns(found: Grade) -> dict[str, str]:
    return {"grade": found.verdict, "grade_policy": found.policy}


def grade_run(run: Run, encoder: Encoder, embeddings: pd.DataFrame) -> dict[str, Grade]:
    """The grade of every sampled question's greedy answer, by question id; `embeddings` as from `embed_run`.

    The cosine is corrected by the words (`grading.supported`), and its policy names the encoder.
    """
    questions = {row.id: question_of(row) for row in run.questions().itertuples()}
    rows = run.responses()
    vectors = {
        key: stored_vectors(part)
        for key, part in embeddings[embeddings["view"].isin(["greedy", "reference"])].groupby("question_id")
    }
    grades = {}
    for row in rows[rows["sample_index"] == GREEDY].itertuples():
        question = questions[row.question_id]

        def similarity(answer: str, references: Sequence[str], question: Question = question) -> np.ndarray:
            found, known = vectors[question.id], (*question.references, *question.incorrect_references)
            return found["reference"][[known.index(text) for text in references]] @ found["greedy"][0]

        found = grade(question, response_of(row), supported(question, similarity))
        policy = f"supported_margin/{encoder.key}" if found.policy == "cosine_margin" else found.policy
        grades[question.id] = Grade(found.verdict, policy)
    return grades


def question_densities(vectors: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """`embedding_density@<encoder>` of every question among the run's others, by question id."""
    found: dict[str, dict[str, float]] = {}
    for encoder, frame in vectors.items():
        rows = frame[frame["view"] == "question"]
        matrix = np.stack(list(rows["vector"]))
        for i, question_id in enumerate(rows["question_id"]):
            density = uncertainty.embedding_density(matrix[i], np.delete(matrix, i, axis=0))
            found.setdefault(question_id, {})[f"embedding_density@{encoder}"] = density
    return found


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rows that one question adds to the tables of a scored run."""

    similarities: list[dict[str, Any]]
    clusters: list[dict[str, Any]]
    scores: dict[str, Any]


_CLUSTER_COLUMNS = ["question_id", "sample_index", "clusterer", "threshold", "rule", "label"]
MAP_COLUMNS = ["question_id", "sample_index", "clusterer", "method", "x", "y", "faithfulness"]


def analyse_run(
    run: Run,
    vectors: Mapping[str, pd.DataFrame],
    judged: Mapping[str, pd.DataFrame],
    clusterers: Sequence[Clusterer],
    report: Report,
) -> Iterator[Analysis]:
    """The analysis of every sampled question of a run, in the order of its questions."""
    rows_of = dict(tuple(run.responses().groupby("question_id", sort=False)))
    vectors_of = {key: dict(tuple(frame.groupby("question_id", sort=False))) for key, frame in vectors.items()}
    judged_of = {key: dict(tuple(frame.groupby("question_id", sort=False))) for key, frame in judged.items()}
    questions = [row for row in run.questions().itertuples() if row.id in rows_of]
    for number, question in enumerate(questions, start=1):
        answers = response_set(rows_of[question.id], question.prompt, run.manifest.identity["model"], run.decoding)
        evidence = {key: stored_vectors(rows.get(question.id)) for key, rows in vectors_of.items()}
        evidence |= {key: stored_probabilities(rows.get(question.id), answers) for key, rows in judged_of.items()}
        yield analyse(answers, evidence, clusterers)
        report("Scoring", number, len(questions))


def analyse(answers: ResponseSet, evidence: Evidence, clusterers: Sequence[Clusterer]) -> Analysis:
    """Similarities, clusters and scores of one question. `evidence` is that of the valid responses, in order."""
    valid = [i for i, response in enumerate(answers.responses) if response.is_valid]
    responses = [answers.responses[i] for i in valid]
    texts = [response.answer for response in responses]
    similarities, clusters = [], []
    scores = {"question_id": answers.question_id, **response_scores(answers.responses, answers.greedy)}
    scores |= model_scores(evidence)
    for clusterer in clusterers:
        found = evidence.get(clusterer.encoder, {})
        similarity = clusterer.similarity(texts, found)
        labels = clusterer.labels(similarity, found.get("nli"))
        by_name = cluster_scores(labels, responses) | graph_scores(similarity)
        scores |= {f"{name}@{clusterer.key}": value for name, value in by_name.items()}
        common = {"question_id": answers.question_id, "clusterer": clusterer.key}
        similarities.append({**common, "similarity": similarity[np.triu_indices(len(valid), k=1)]})
        clusters += [
            {**common, "sample_index": i, "threshold": clusterer.threshold, "rule": clusterer.rule, "label": int(label)}
            for i, label in zip(valid, labels, strict=True)
        ]
    return Analysis(similarities, clusters, scores)


def square(condensed: Sequence[float] | np.ndarray, n: int) -> np.ndarray:
    """The similarity (n, n) of n responses from its stored upper triangle; (0, 0) where the number does not fit."""
    if len(condensed) != n * (n - 1) // 2:
        return np.zeros((0, 0), dtype=np.float32)
    similarity = squareform(np.asarray(condensed, dtype=np.float32)) if n > 1 else np.zeros((n, n), dtype=np.float32)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def cluster_scores(labels: np.ndarray, responses: Sequence[Response]) -> dict[str, float]:
    """The scores that depend on the clusters; NaN with fewer than two valid responses."""
    if len(responses) < 2:
        return dict.fromkeys(("num_semantic_sets", "discrete_semantic_entropy", "semantic_entropy"), float("nan"))
    mean_logprobs = [uncertainty.mean_logprob(r.token_logprobs[r.own_tokens]) for r in responses]
    return {
        "num_semantic_sets": uncertainty.num_semantic_sets(labels),
        "discrete_semantic_entropy": uncertainty.discrete_semantic_entropy(labels),
        "semantic_entropy": uncertainty.semantic_entropy(labels, mean_logprobs),
    }


def graph_scores(similarity: np.ndarray) -> dict[str, float]:
    """The scores of the graph of similarities, negative ones taken as 0; NaN with fewer than two valid responses."""
    weights = np.clip(similarity, 0.0, None).astype(np.float64)
    return {
        score.__name__: score(weights) if len(weights) > 1 else float("nan")
        for score in (
            uncertainty.eigenvalue_laplacian,
            uncertainty.degree_uncertainty,
            uncertainty.eccentricity,
            uncertainty.kernel_language_entropy,
        )
    }


def model_scores(evidence: Evidence) -> dict[str, float]:
    """The scores that come from an encoder's vectors or an NLI model's probabilities alone, without a clusterer."""
    scores = {}
    for key, found in evidence.items():
        if "answer" in found:
            enough = len(found["answer"]) > 1
            scores[f"sindex@{key}"] = uncertainty.sindex(found["answer"]) if enough else float("nan")
        if "selfcheck" in found:
            scores[f"selfcheck_nli@{key}"] = uncertainty.selfcheck_nli(found["selfcheck"])
    return scores


def response_scores(responses: Sequence[Response], greedy: Response) -> dict[str, float]:
    """The scores that need neither clusters nor a model, and the counts of valid and of cut responses."""
    valid = [response for response in responses if response.is_valid]
    logprobs = [response.token_logprobs[response.own_tokens] for response in valid]
    entropies = [response.token_entropies[response.own_tokens] for response in valid]
    own = greedy.own_tokens
    return {
        "n_valid": len(valid),
        "n_cut": sum(response.finish_reason == "length" for response in responses),
        "n_tokens_greedy": len(greedy.tokens),
        "n_tokens_sampled": sum(len(response.tokens) for response in responses),
        "predictive_entropy": uncertainty.predictive_entropy(logprobs),
        "length_normalized_predictive_entropy": uncertainty.length_normalized_predictive_entropy(logprobs),
        "lexical_dissimilarity": uncertainty.lexical_dissimilarity([response.answer for response in valid]),
        "mean_token_entropy": uncertainty.mean_token_entropy(greedy.token_entropies[own]),
        "max_token_entropy": uncertainty.max_token_entropy(greedy.token_entropies[own]),
        "std_token_entropy": uncertainty.std_token_entropy(greedy.token_entropies[own]),
        "high_entropy_ratio": uncertainty.high_entropy_ratio(greedy.token_entropies[own]),
        "mean_token_entropy_sampled": uncertainty.mean_token_entropy_sampled(entropies),
        "perplexity": uncertainty.perplexity(greedy.token_logprobs[own]),
    }


def _maps(found: Sequence[Analysis], clusterer: str, report: Report) -> pd.DataFrame:
    """Coordinates of every question's answers under the clusterer that the pages open with; others are drawn there."""
    rows = []
    for number, analysis in enumerate(found, start=1):
        members = [row["sample_index"] for row in analysis.clusters if row["clusterer"] == clusterer]
        condensed = next(row["similarity"] for row in analysis.similarities if row["clusterer"] == clusterer)
        projection = project(np.clip(1.0 - square(condensed, len(members)), 0.0, None), "umap")
        common = {
            "question_id": analysis.scores["question_id"],
            "clusterer": clusterer,
            "method": projection.method,
            "faithfulness": projection.faithfulness,
        }
        rows += [
            {**common, "sample_index": i, "x": float(x), "y": float(y)}
            for i, (x, y) in zip(members, projection.coordinates, strict=True)
        ]
        report("Drawing maps", number, len(found))
    return pd.DataFrame(rows, columns=MAP_COLUMNS)
