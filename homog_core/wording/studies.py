"""Public studies in words: the mark of their runs, and where their sentences can be had."""

from homog_core.catalogue.studies import StudySpec

MARK = "sampled by others, counted by us"
SHORT_MARK = "by others"  # behind a run's name, beside runs of ours


def where_from(spec: StudySpec) -> str:
    """Who sampled a study, and what else must be known of it."""
    return f"{MARK[0].upper()}{MARK[1:]}: {spec.title}, {spec.source} (licence: {spec.license}). {spec.note}"


def brief(spec: StudySpec) -> str:
    """The mark of a study's runs above what is shown of them."""
    return f"{MARK[0].upper()}{MARK[1:]}: {spec.title}, {spec.source}. {spec.note}"


def sentences(spec: StudySpec) -> str:
    """Why there are stand-ins in the place of a study's sentences."""
    return (
        f"The sentences of these answers are not stored with the run: others published them ({spec.source}, licence: "
        f"{spec.license}). In the place of each answer stands which answers are in the same words, and how many words "
        "they are."
    )
