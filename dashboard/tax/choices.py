"""What a chart asks beside the filters: the run that is looked at closely, and the scores."""

from dashboard import url
from dashboard.tax import helps
from dashboard.tax.selection import Selection
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.wording import labels


def choose_one(chosen: Selection) -> str:
    """The run that is looked at closely: its label. At first the one that titles speak of."""
    focus = chosen.focus()
    names = {chosen.views[label].run.id: label for label in [focus, *(k for k in chosen.views if k != focus)]}
    if url.get("of") in {run.id for run in chosen.others}:  # it has been taken out of the chosen ones
        url.put(of=None)
    return names[url.choice("Run to look at closely", list(names), "of", names.get)]


def choose_scores(view: ScoredRun, chosen: Selection) -> list[str]:
    """Up to four scores, by name in the URL."""
    options = list(view.score_columns(chosen.clusterer))
    defaults = [name for name in (TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY) if name in options]
    return url.choices("Scores", options, "scores", helps.MOST_SCORES, defaults, labels.score_title)
