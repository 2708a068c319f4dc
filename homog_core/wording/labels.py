"""What things are called on a page: stages, datasets, encoders, scores, published figures, and what is undefined."""

from typing import Any

from homog_core.analysis.signals import Undefined
from homog_core.catalogue import DATASETS, ENCODERS, MODELS, NLI_MODELS
from homog_core.catalogue.studies import STUDIES
from homog_core.records import Role, Stage
from homog_core.sampling.weights import availability
from homog_core.wording.numbers import UNDEFINED

STAGE_TITLES: dict[Stage | None, str] = {
    "base": "base",
    "sft": "SFT",
    "dpo": "DPO",
    "rlvr": "RLVR",
    "instruct": "instruct",
    None: "",  # nobody has said
}
ROLE_TITLES: dict[Role, str] = {**STAGE_TITLES, "control": "control"}
GROUP_TITLES = {
    "one answer": "read inside one answer",
    "samples": "compares samples",
    "question": "the question alone",
}
SUBSET_TITLES = {"all": "all questions", "single": "single-cluster", "multi": "multi-cluster"}
SCORE_TITLES = {
    "mean_token_entropy": "token entropy",
    "max_token_entropy": "token entropy, largest",
    "std_token_entropy": "token entropy, spread",
    "high_entropy_ratio": "share of open tokens",
    "perplexity": "perplexity",
    "mean_token_entropy_sampled": "token entropy of the samples",
    "predictive_entropy": "predictive entropy",
    "length_normalized_predictive_entropy": "predictive entropy per token",
    "lexical_dissimilarity": "lexical dissimilarity",
    "num_semantic_sets": "number of clusters",
    "discrete_semantic_entropy": "semantic entropy",
    "semantic_entropy": "semantic entropy, weighted",
    "eigenvalue_laplacian": "graph: eigenvalues",
    "degree_uncertainty": "graph: degree",
    "eccentricity": "graph: eccentricity",
    "kernel_language_entropy": "kernel language entropy",
    "sindex": "SINdex",
    "selfcheck_nli": "SelfCheck by NLI",
    "embedding_density": "question density",
}
METRIC_TITLES = {
    "single_cluster_rate": "share of questions with a single answer",
    "mean_num_clusters": "different answers per question",
    "mean_discrete_semantic_entropy": "semantic entropy, nats",
    "mean_token_entropy": "token entropy, nats",
    "auroc": "AUROC",
    "cohens_d": "Cohen's d",
    "selective_accuracy": "selective accuracy",
    "cost_saving": "what the cascade saves",
    "signal_correlation": "largest correlation of two signals",
    "ece": "calibration error (ECE)",
}
METRIC_NOTES = {  # which figure ours is, where the name leaves it open
    "mean_token_entropy": "Ours is the mean over the tokens of the greedy answer.",
    "auroc": "Ours is that of token entropy on all graded questions; theirs are of several scores.",
    "cohens_d": "Ours is that of token entropy.",
    "selective_accuracy": "Ours is the accuracy of the half that token entropy is most certain of.",
    "cost_saving": "Against running every signal on every question; ours at a point chosen on training folds. A "
    "saving says nothing of quality: the verdict on that stands under What helps.",
    "signal_correlation": "Ours is the largest |r| among token entropy, question density and semantic entropy.",
    "ece": "Ours is that of token entropy after Platt scaling.",
}


def score_title(score: str) -> str:
    """A score's name for people."""
    return SCORE_TITLES.get(score, score)


def column_title(column: str) -> str:
    """The name for people of a column of scores, and in brackets what it was computed by: question density (minilm)."""
    score, _, by = column.partition("@")
    return f"{score_title(score)} ({by})" if by else score_title(score)


def dataset_title(dataset: str) -> str:
    """A dataset's name for people; that of a public study says so."""
    if dataset in DATASETS:
        return DATASETS[dataset].title
    studies = {spec.dataset: f"{spec.title} (by others)" for spec in STUDIES.values()}
    return studies.get(dataset, dataset)


def encoder_title(key: str) -> str:
    """An encoder's or NLI model's name for people."""
    known = ENCODERS | NLI_MODELS
    return known[key].title if key in known else key


_ALIKE = {"jaccard": "share their words", "embedding": "are on one topic"}  # of clusterers that read no meaning


def alike_words(method: str) -> str:
    """What answers do that a clusterer of this method counts as the same."""
    return _ALIKE.get(method, "mean the same")


def cluster_noun(method: str) -> str:
    """What a cluster of this method is called: a meaning, where it is one."""
    return "cluster" if method in _ALIKE else "meaning"


def undefined_words(why: Undefined, n: int = 0) -> str:
    """What stands in the place of a figure, with the reason; `n` is how many questions it would rest on."""
    if why in (Undefined.NOT, Undefined.NEEDS_NLI):
        return reason(why)
    return f"{'no signal' if why == Undefined.ALL_TIE else UNDEFINED}: {reason(why, n)}"


def reason(why: Undefined, n: int = 0) -> str:
    """Why there is no figure, in a few words; "" where there is one."""
    all_of_them = "the only one" if n == 1 else f"all {n}"
    return {
        Undefined.NOT: "",
        Undefined.NEEDS_NLI: "needs an NLI model",
        Undefined.NO_GRADES: "no graded question",
        Undefined.NO_VALUES: "the score has no value",
        Undefined.ALL_CORRECT: f"{all_of_them} correct",
        Undefined.ALL_INCORRECT: f"{all_of_them} incorrect",
        Undefined.TOO_FEW: "fewer than ten correct or incorrect",
        Undefined.NOT_MIXED: "fewer than ten correct or incorrect in categories that have both",
        Undefined.ALL_TIE: "all scores tie",
        Undefined.CONSTANT: "a score is the same for all",
        Undefined.NO_QUESTIONS: "no questions",
    }[why]


def auroc_words(row: Any) -> str:
    """What stands in the place of the AUROC of a row of `analysis.signals`; "" where there is one."""
    return undefined_words(row.undefined, row.n_correct + row.n_incorrect)


def model_title(key: str) -> str:
    """A catalogue model in one line: name, stage and what it takes to sample it."""
    spec = MODELS[key]
    return " · ".join(part for part in (key, STAGE_TITLES[spec.stage], availability(spec).sentence) if part)


def no_greedy(name: str) -> str:
    """Why accuracy and AUROC of a run are undefined although there are references."""
    return (
        f"{name} has references and no greedy answers, which are what is graded: accuracy and AUROC are undefined. "
        "Import a file that gives them as greedy_answer, or in CSV as the answer whose sample_index is -1."
    )


def first_upper(text: str) -> str:
    """A text as a sentence begins."""
    return text[:1].upper() + text[1:]
