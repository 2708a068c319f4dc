"""What is left out of the texts of a stored run: another rule for it, and what followed from the old one goes."""

from homog_core.errors import InvalidInput
from homog_core.leftovers import Leftovers, answer_start
from homog_core.runs import kept
from homog_core.runs.contents import commit, held, stored_names
from homog_core.runs.store import FROM_ANSWERS, Run, open_run, require_answers


def set_leftovers(run_id: str, rule: Leftovers) -> Run:
    """Give a run a rule for its leftovers. Its answers stay as they are stored.

    All tables that were computed by another rule go in the same moment, so that pages and tables cannot disagree: the
    run is then not scored. With the rule that it has nothing changes. Raises `HomogError` for a run whose sentences are
    not here or that another process writes, `InvalidInput` where numbers of tokens cannot be told apart by the rule.
    """
    with held(open_run(run_id).folder):
        run = open_run(run_id)
        if rule == run.leftovers:
            return run
        require_answers(run)
        _check_tokens(run, rule)
        drop = [name for name in stored_names(run.folder) if name.startswith(FROM_ANSWERS)]
        commit(run.folder, drop=drop, leftovers=rule)
        kept.forget(run.id)
    return open_run(run_id)


def _check_tokens(run: Run, rule: Leftovers) -> None:
    """Raise `InvalidInput` where an answer's own numbers could not be told from those of what is left out."""
    for row in run.responses(["text", "tokens"]).itertuples():
        pieces = "".join(row.tokens).lstrip()
        if len(row.tokens) and answer_start(row.text.lstrip(), rule) and not answer_start(pieces, rule):
            raise InvalidInput(
                f"Question {row.question_id} of run {run.id}: the numbers of what is left out cannot be told from the "
                "answer's own, since its tokens are no pieces of its text; import the answers without these numbers."
            )
