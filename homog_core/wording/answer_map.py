"""What is said of the map of all answers. Every number is computed; plain text, which whoever shows it escapes."""

import math
from collections.abc import Sequence

from homog_core.runs.answer_maps import Header, trust_of
from homog_core.wording.labels import encoder_title
from homog_core.wording.numbers import counted, duration, number, tenth

COLORINGS = {"model": "model", "grade": "grade", "category": "category", "answers": "different answers"}
GRADES = {  # in the order of the legend
    "incorrect": "✗ incorrect",
    "correct": "✓ correct",
    "ambiguous": "? ambiguous",
    "abstained": "– abstained",
    "ungraded": "not graded",
}


def finding(names: Sequence[str], means: Sequence[float], n_samples: int) -> str:
    """The title: how many wordings a question gets, of the first and the last run."""
    first, last = tenth(means[0]), tenth(means[-1])
    of = f"in {counted(n_samples, 'answer')} to a question"
    if len(names) == 1:
        return f"{names[0]} uses {first} different wordings {of}"
    if first == last:
        return f"{names[-1]} uses {last} different wordings {of}, as {names[0]} does"
    return f"{names[-1]} uses {last} different wordings {of}, {names[0]} {first}"


def how_to_read(header: Header, coloring: str, n_runs: int) -> str:
    """Under the title, for a map of so many runs by one of `COLORINGS`."""
    trust = trust_of(header)
    if math.isnan(trust):
        sure = "there are too few texts to say how faithful the map is"
    else:
        sure = f"trustworthiness {number(trust)} (1: all neighbours here are neighbours in truth; 0.5: chance)"
    panels = " All panels show the same places; what the other models say is grey." if n_runs > 1 else ""
    look = {"model": panels, "answers": ""}.get(coloring, " A click on a name in the legend hides its marks.")
    return (
        "A mark is one text of a model to a question, larger the more often it came; equal texts have one place. Near "
        f"is similar, but distances between islands mean little: {sure}.{look} Click a mark, or draw around some."
    )


def method(header: Header) -> str:
    """What the recipe says of the map."""
    also = f", {counted(len(header.sources), 'run')} together" if len(header.sources) > 1 else ""
    return f"UMAP of {counted(header.n_texts, 'different text')}{also}, {encoder_title(header.encoder)}"


def about(name: str, grade: str, category: str) -> str:
    """What a mark says beside its text and question."""
    return " · ".join(part for part in (name, GRADES.get(grade, grade), category) if part)


def how_long(n_texts: int, seconds: float) -> str:
    """What is said before a map is computed."""
    about = duration(round(seconds, -1)) if seconds < 90 else f"{round(seconds / 60)} minutes"
    return f"{counted(n_texts, 'different text')}: that takes about {about} on two processor cores."
