"""What the tests of the engine share."""

from collections import defaultdict

import pytest

from homog_core.sampling import decoding as decoding_module
from homog_core.sampling.draws import choose_tokens


@pytest.fixture
def token_ids(monkeypatch):
    """Samples and returns the answers with the ids of all tokens, by question id and sample index."""

    def sample_ids(sampler, questions, decoding, style="plain", batch_questions=4):
        columns = []

        def noted(*arguments):
            columns.append(choose_tokens(*arguments))
            return columns[-1]

        answers, ids = {}, defaultdict(list)
        with monkeypatch.context() as patch:
            patch.setattr(decoding_module, "choose_tokens", noted)
            for step in sampler.sample(questions, decoding, style, batch_questions):
                for answer, token_id in zip(step.answers, columns[-1].ids.tolist(), strict=True):
                    ids[answer.question_id, answer.sample_index].append(token_id)
                answers |= {done.question_id: done for done in step.finished}
        return answers, ids

    return sample_ids
