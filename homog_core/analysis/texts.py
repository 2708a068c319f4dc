"""What kind of texts a run's answers are: whether report cards hold for them, and what was taken from them."""

from typing import NamedTuple

from homog_core.analysis.once import once_complete
from homog_core.leftovers import USUAL, Leftovers, Removed, answer_text, removed
from homog_core.measures.domain import Domain, domain_of
from homog_core.measures.report_cards import is_longer
from homog_core.runs.sentences import words_of_stand_in
from homog_core.runs.store import Run


class RunTexts(NamedTuple):
    """The texts of a run's answers."""

    n: int  # that have a text, greedy ones included
    n_removed: dict[str, int]  # of them, by kind of `Removed`
    domain: Domain  # of the valid ones
    leftovers: Leftovers = USUAL  # the rule by which they were removed


@once_complete(RunTexts)
def run_texts(run: Run) -> RunTexts:
    """The texts of a stored run; of one that is complete they are read once in a process."""
    rows = run.responses()
    texts = [text for text in rows.loc[rows["finish_reason"] != "error", "text"] if text]
    if run.lacks_answers:  # of which the length alone is known
        n_long = sum(is_longer(words_of_stand_in(text)) for text in texts)
        return RunTexts(len(texts), {}, Domain(len(texts), n_long, 0, is_other_language=False), run.leftovers)
    found = [removed(text, run.leftovers) for text in texts]
    counts = {name: sum(getattr(one, name) for one in found) for name in Removed._fields}
    answers = [answer for text in texts if (answer := answer_text(text, run.leftovers))]
    return RunTexts(len(texts), counts, domain_of(answers), run.leftovers)
