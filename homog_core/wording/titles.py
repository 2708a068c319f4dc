"""TODO homog_core.wording.titles."""

STAGE_TITLES = {
    "base": "base",
    "sft": "SFT",
    "dpo": "DPO",
    "rlvr": "RLVR",
    "instruct": "instruction tuning",
    None: "not said",
}


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
    "saving says nothing of quality: the verdict on that stands under What can be won back.",
    "signal_correlation": "Ours is the largest |r| among token entropy, question density and semantic entropy.",
    "ece": "Ours is that of token entropy after Platt scaling.",
}


def score_title(score: str) -> str:
    """A score's name for people."""
    return SCORE_TITLES.get(score, score)
