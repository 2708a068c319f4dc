"""The engine on tiny real models: what is drawn, what is recorded, what the batch does, what happens without memory."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from fakes import FAKE_SPEC, MODEL_CACHE, make_question, tiny_adapter, tiny_model, tiny_tokenizer
from scipy.stats import chisquare

from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.records import GREEDY, Decoding, ModelSpec
from homog_core.sampling import engine
from homog_core.sampling.draws import LEVELS, choose_tokens, inverse_cdf, truncated_distribution, uniforms
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.rows import _Detokenizer
from homog_core.sampling.weights import local_adapter, local_weights

QUESTIONS = [
    make_question("short", "Why?"),
    make_question("middle", "Which planet do astronauts call home?"),
    make_question("long", "Is the water of the deep and salty sea ever really safe to drink, and who says that it is?"),
    make_question("last", "How many sides does a hexagon have?"),
]
DECODING = Decoding(n_samples=4, max_new_tokens=12, seed=1)
EARLY_STOPS = ("a", "e", "i", "o", "t", "n", " ", "s", "r", "1", "2", ".")  # rows end at different steps


def sample(sampler, questions=QUESTIONS, decoding=DECODING, style="plain", batch_questions=4):
    """The answers by question id."""
    steps = sampler.sample(questions, decoding, style, batch_questions)
    return {done.question_id: done for step in steps for done in step.finished}


def texts(answers):
    return {key: [r.text for r in (*found.responses, found.greedy)] for key, found in answers.items()}


@pytest.fixture
def forwards(monkeypatch):
    """Makes a sampler's model note the arguments of every forward pass."""

    def spy(sampler, fail=lambda call: None):
        calls, forward = [], sampler.model.forward

        def noted(**arguments):
            calls.append(arguments)
            fail(arguments)
            return forward(**arguments)

        monkeypatch.setattr(sampler.model, "forward", noted)
        return calls

    return spy


# What is drawn


@pytest.mark.parametrize("batch_questions", [1, 2])
def test_answers_do_not_depend_on_the_batch_size(tiny_sampler, batch_questions):
    together, apart = sample(tiny_sampler), sample(tiny_sampler, batch_questions=batch_questions)
    assert texts(together) == texts(apart)
    for key, found in together.items():
        for one, other in zip(
            (*found.responses, found.greedy), (*apart[key].responses, apart[key].greedy), strict=True
        ):
            np.testing.assert_allclose(one.token_entropies, other.token_entropies, atol=1e-4)


@pytest.mark.parametrize("batch_questions", [1, 2, 4])
def test_answers_do_not_depend_on_the_order_of_the_questions(tiny_sampler, batch_questions):
    permuted = [QUESTIONS[i] for i in (2, 0, 3, 1)]
    answers = sample(tiny_sampler, permuted, batch_questions=batch_questions)
    assert set(answers) == {question.id for question in QUESTIONS}
    assert texts(answers) == texts(sample(tiny_sampler))


def test_first_tokens_differ_between_rows(tiny_sampler):
    decoding = Decoding(n_samples=20, max_new_tokens=1)
    for found in sample(tiny_sampler, decoding=decoding).values():
        assert len({float(response.token_logprobs[0]) for response in found.responses}) > 3


def test_another_seed_gives_other_texts(llama_sampler):
    one, other = (sample(llama_sampler, decoding=Decoding(4, max_new_tokens=12, seed=seed)) for seed in (1, 2))
    for key in one:
        assert texts(one)[key][:-1] != texts(other)[key][:-1]
        assert one[key].greedy.text == other[key].greedy.text


def test_fewer_samples_are_the_first_of_more(llama_sampler):
    three, five = (sample(llama_sampler, decoding=Decoding(n, max_new_tokens=12, seed=5)) for n in (3, 5))
    for key in three:
        assert texts(three)[key][:3] == texts(five)[key][:3]


def test_a_lower_token_limit_gives_the_beginning_of_the_same_tokens(llama_sampler, token_ids):
    _, short = token_ids(llama_sampler, QUESTIONS, Decoding(3, max_new_tokens=5))
    _, long = token_ids(llama_sampler, QUESTIONS, Decoding(3, max_new_tokens=20))
    assert len(short) == 4 * (3 + 1)
    assert any(len(ids) == 5 and len(long[row]) > 5 for row, ids in short.items())
    assert all(long[row][:5] == ids for row, ids in short.items())


# What is recorded


def assert_as_one_forward_pass(sampler, question, style, answers, ids, model=None):
    """Entropies and log-probabilities of a sampled and of the greedy answer, from one pass without any cache."""
    model = model or sampler.model
    prompt = sampler.prompt(question.text, style)
    prompt_ids = sampler.tokenizer(prompt.text, add_special_tokens=style != "chat")["input_ids"]
    for index, response in ((0, answers.responses[0]), (GREEDY, answers.greedy)):
        own = ids[question.id, index]
        with torch.no_grad():
            logits = model(torch.tensor([prompt_ids + own]), use_cache=False).logits[0]
        log_p = torch.log_softmax(logits[len(prompt_ids) - 1 : -1].double(), dim=-1)  # (T, V): what predicts each token
        assert len(log_p) == len(response.tokens)
        np.testing.assert_allclose(response.token_entropies, -(log_p.exp() * log_p).sum(-1), atol=1e-4)
        np.testing.assert_allclose(response.token_logprobs, log_p[range(len(own)), own], atol=1e-4)
        if index == GREEDY:
            assert own == log_p.argmax(-1).tolist()


def test_recorded_numbers_are_those_of_one_plain_forward_pass(tiny_sampler, token_ids):
    # Together, so that all but the longest prompt are padded; the temperature must leave no trace.
    answers, ids = token_ids(tiny_sampler, QUESTIONS, Decoding(2, temperature=0.7, top_p=0.9, max_new_tokens=20))
    for question in QUESTIONS:
        assert_as_one_forward_pass(tiny_sampler, question, "plain", answers[question.id], ids)


def test_recorded_numbers_of_the_real_models(real_sampler, token_ids):
    sampler, style = real_sampler
    question = QUESTIONS[1]
    answers, ids = token_ids(sampler, [question], Decoding(2, max_new_tokens=12), style)
    model = merged_from_disk(sampler.spec) if sampler.spec.adapter else sampler.model
    assert_as_one_forward_pass(sampler, question, style, answers[question.id], ids, model)


def merged_from_disk(spec):
    """A model of its own with the adapter added to its weights."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        base = AutoModelForCausalLM.from_pretrained(local_weights(spec).folder, dtype=torch.float32)
    return PeftModel.from_pretrained(base, local_adapter(spec).folder).merge_and_unload().eval()


def test_tokens_joined_are_the_decoded_ids(tiny_sampler, token_ids):
    answers, ids = token_ids(tiny_sampler, QUESTIONS, Decoding(4, max_new_tokens=30))
    for (key, index), own in ids.items():
        response = answers[key].greedy if index == GREEDY else answers[key].responses[index]
        assert "".join(response.tokens) == tiny_sampler.tokenizer.decode(own, skip_special_tokens=True)
        assert "".join(response.tokens).startswith(response.text)


def test_stop_string_cuts_the_text_and_ends_the_answer(llama_sampler):
    whole = sample(llama_sampler, QUESTIONS[:1], Decoding(1, max_new_tokens=30))["short"].responses[0]
    stop = whole.text[6:8]
    cut = sample(llama_sampler, QUESTIONS[:1], Decoding(1, max_new_tokens=30, stop=(stop,)))["short"]
    response = cut.responses[0]
    assert response.text == whole.text[: whole.text.index(stop)]
    assert response.finish_reason == "stop"
    assert response.own_tokens == slice(0, len(response.tokens) - 1)
    assert cut.decoding.stop == (stop,)  # in place of those of the prompt style


def test_end_token_ends_the_answer(llama_sampler, token_ids):
    ends = llama_sampler._end_ids
    answers, ids = token_ids(llama_sampler, QUESTIONS, Decoding(20, max_new_tokens=60))
    ended = [(row, own) for row, own in ids.items() if own[-1] in ends]
    assert ended
    for (key, index), own in ended:
        response = answers[key].greedy if index == GREEDY else answers[key].responses[index]
        assert response.finish_reason == "stop"
        assert not ends & set(own[:-1])


def test_an_answer_stays_as_it_was_when_it_goes_on(llama_sampler):
    decoding = Decoding(3, max_new_tokens=20, stop=EARLY_STOPS)
    kept, finished = defaultdict(list), {}
    for step in llama_sampler.sample(QUESTIONS, decoding, "plain", 2):
        for answer in step.answers:
            kept[answer.question_id, answer.sample_index].append((answer, answer.response()))
        finished |= {done.question_id: done for done in step.finished}
    for (key, index), states in kept.items():
        whole = finished[key].greedy if index == GREEDY else finished[key].responses[index]
        for n_tokens, (answer, then) in enumerate(states, start=1):
            now = answer.response()
            assert now.tokens == then.tokens == whole.tokens[:n_tokens]
            assert now.text == then.text
            np.testing.assert_array_equal(now.token_entropies, whole.token_entropies[:n_tokens])
            np.testing.assert_array_equal(now.token_logprobs, whole.token_logprobs[:n_tokens])
            assert answer.finish_reason == (whole.finish_reason if n_tokens == len(whole.tokens) else None)
        assert now.text == whole.text
        assert len({id(answer.said) for answer, _ in states}) == 1  # nothing was copied
    assert max(map(len, kept.values())) > 1


# The batch


def test_prompts_are_prefilled_once_and_rows_that_finish_leave(tiny_sampler, forwards):
    calls = forwards(tiny_sampler)
    decoding = Decoding(5, max_new_tokens=25, stop=EARLY_STOPS)
    steps = list(tiny_sampler.sample(QUESTIONS[:3], decoding, "plain", 3))
    first, *later = (call["input_ids"].shape for call in calls)
    assert first[0] == 3  # one row per question
    assert calls[0]["logits_to_keep"] == 1
    live = [sum(answer.finish_reason is None for answer in step.answers) for step in steps]
    assert len(steps[0].answers) == 3 * (5 + 1)
    assert [tuple(shape) for shape in later] == [(rows, 1) for rows in live if rows]
    assert 0 < live[-2] < live[0]


def test_every_row_is_fed_while_none_has_finished(llama_sampler, forwards):
    calls = forwards(llama_sampler)
    list(llama_sampler.sample(QUESTIONS[:2], Decoding(4, max_new_tokens=2, seed=3), "plain", 2))
    assert [len(call["input_ids"]) for call in calls] == [2, 2 * (4 + 1)]


def test_closing_the_generator_stops_within_a_step(llama_sampler, forwards):
    calls = forwards(llama_sampler)
    steps = llama_sampler.sample(QUESTIONS, DECODING, "plain", 2)
    next(steps)
    steps.close()
    assert len(calls) == 1
    assert next(steps, None) is None


def test_prompt_longer_than_the_context_is_refused_with_the_numbers(llama_sampler):
    n_prompt = len(llama_sampler.tokenizer("Q: Why?\nA:")["input_ids"])
    fits = 256 - n_prompt
    with pytest.raises(InvalidInput, match=rf"'short' has {n_prompt} tokens.* {fits + 1}; .*256 .* to {fits} or less"):
        next(llama_sampler.sample(QUESTIONS[:1], Decoding(1, max_new_tokens=fits + 1), "plain", 1))
    assert next(llama_sampler.sample(QUESTIONS[:1], Decoding(1, max_new_tokens=fits), "plain", 1)).answers


def test_a_batch_of_no_questions_is_refused(llama_sampler):
    with pytest.raises(InvalidInput, match="batch is 0"):
        next(llama_sampler.sample(QUESTIONS, DECODING, "plain", 0))


def test_chat_without_a_template_is_refused(llama_sampler):
    with pytest.raises(InvalidInput, match="no chat template"):
        next(llama_sampler.sample(QUESTIONS, DECODING, "chat", 1))


# Memory


def out_of_memory_above(rows, error=torch.OutOfMemoryError):
    def fail(arguments):
        if len(arguments["input_ids"]) > rows:
            raise error("CUDA out of memory")

    return fail


@pytest.mark.parametrize("rows", [5, 10])  # one question has 4 + 1 rows
def test_out_of_memory_halves_the_batch_and_begins_anew(tiny_sampler, forwards, rows):
    expected = texts(sample(tiny_sampler))
    forwards(tiny_sampler, out_of_memory_above(rows))
    said, answers, restarted = defaultdict(list), {}, []
    for step in tiny_sampler.sample(QUESTIONS, DECODING, "plain", 4):
        for question_id in step.restarted:
            restarted.append(question_id)
            said.pop(question_id, None)
        for answer in step.answers:
            said[answer.question_id].append(answer)
        answers |= {done.question_id: done for done in step.finished}
    # four questions do not fit, two fit in ten rows but not in five
    halvings = {10: ["short", "middle", "long", "last"], 5: ["short", "middle", "long", "last", "short", "middle"]}
    assert restarted == halvings[rows]
    assert texts(answers) == expected
    for key, found in answers.items():  # a listener that forgets on `restarted` has heard every token once
        greedy = [answer.tokens[-1] for answer in said[key] if answer.sample_index == GREEDY]
        assert tuple(greedy) == found.greedy.tokens


def test_out_of_memory_keeps_questions_that_were_finished(llama_sampler, forwards):
    decoding = Decoding(3, max_new_tokens=40, stop=EARLY_STOPS)
    expected = texts(sample(llama_sampler, decoding=decoding))
    spent = []

    def fail_once_late(arguments):
        past = arguments["attention_mask"].shape[1]
        if finished and not spent and arguments["input_ids"].shape[1] == 1:
            spent.append(past)
            raise torch.OutOfMemoryError("CUDA out of memory")

    finished, restarted = [], ()
    forwards(llama_sampler, fail_once_late)
    for step in llama_sampler.sample(QUESTIONS, decoding, "plain", 4):
        finished += step.finished
        restarted += step.restarted
    assert spent
    assert sorted(done.question_id for done in finished) == sorted(expected)
    assert finished[0].question_id not in restarted
    assert texts({done.question_id: done for done in finished}) == expected


def test_one_question_that_does_not_fit_names_the_settings_to_lower(llama_sampler, forwards):
    forwards(llama_sampler, out_of_memory_above(3))
    with pytest.raises(OutOfMemory, match=r"4 samples of 12 tokens.* lower the number of samples or the token limit"):
        sample(llama_sampler)


def test_the_message_of_the_cpu_allocator_counts_as_out_of_memory(llama_sampler, forwards):
    def fail(arguments):
        if len(arguments["input_ids"]) > 5:
            torch.empty(1 << 50, dtype=torch.uint8)  # a pebibyte: the allocator's own RuntimeError

    expected = texts(sample(llama_sampler))
    forwards(llama_sampler, fail)
    assert texts(sample(llama_sampler)) == expected


def test_another_runtime_error_passes_through(llama_sampler, forwards):
    forwards(llama_sampler, out_of_memory_above(0, error=lambda _: RuntimeError("mat1 and mat2 cannot be multiplied")))
    with pytest.raises(RuntimeError, match="mat1"):
        sample(llama_sampler)


# One step


def draw(logits, decoding=DECODING, greedy=False):
    uniform = torch.from_numpy(uniforms(0, "q", len(logits), 1)[:, 0])
    return choose_tokens(logits, uniform, torch.full((len(logits),), greedy), decoding)


def test_entropy_of_a_uniform_and_of_a_certain_row():
    certain = torch.zeros(1000)
    certain[7] = 1e4
    chosen = draw(torch.stack([torch.zeros(1000), certain]))
    np.testing.assert_allclose(chosen.entropies, [math.log(1000), 0.0], atol=1e-5)
    np.testing.assert_allclose(chosen.logprobs, [-math.log(1000), 0.0], atol=1e-5)
    assert chosen.ids[1] == 7


def test_impossible_tokens_give_no_nan():
    logits = torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf]]).repeat(50, 1)  # two tokens at ½ each: entropy ln 2
    chosen = draw(logits)
    np.testing.assert_allclose(chosen.entropies, math.log(2), atol=1e-6)
    np.testing.assert_allclose(chosen.logprobs, -math.log(2), atol=1e-6)
    assert set(chosen.ids.tolist()) == {0, 2}


@pytest.mark.parametrize("decoding", [Decoding(temperature=0.3), Decoding(top_p=0.5), Decoding(top_k=3)])
def test_decoding_settings_leave_the_recorded_numbers_alone(decoding):
    logits = 3 * torch.randn(20, 700, generator=torch.Generator().manual_seed(0))
    raw, chosen = draw(logits), draw(logits, decoding)
    log_p = torch.log_softmax(logits, dim=-1)
    assert torch.equal(raw.entropies, chosen.entropies)
    np.testing.assert_allclose(chosen.logprobs, log_p[range(20), chosen.ids], atol=1e-5)
    assert not torch.equal(raw.ids, chosen.ids)
    assert torch.equal(draw(logits, decoding, greedy=True).ids, logits.argmax(-1))


def test_inverse_cdf_of_two_weights():
    # weights 1 and 3: below ¼ the first, from ¼ on the second
    uniform = torch.tensor([0.0, 0.24, 0.25, 0.99]).double()[:, None].expand(-1, LEVELS)
    assert inverse_cdf(torch.tensor([[1.0, 3.0]]).repeat(4, 1), uniform).tolist() == [0, 0, 1, 1]


def test_inverse_cdf_draws_in_proportion_and_never_a_zero():
    rng, n_draws = np.random.default_rng(0), 20_000
    weights = rng.uniform(1, 3, size=1000)  # two blocks, the second not full
    weights[rng.choice(1000, size=300, replace=False)] = 0
    rows = torch.from_numpy(weights).float().expand(n_draws, -1)
    drawn = inverse_cdf(rows, torch.from_numpy(rng.random((n_draws, LEVELS)))).numpy()
    counts = np.bincount(drawn, minlength=1000)
    assert counts[weights == 0].sum() == 0
    possible = weights > 0
    expected = n_draws * weights[possible] / weights.sum()
    assert chisquare(counts[possible], expected).pvalue > 0.01


@pytest.mark.parametrize(("number", "index"), [(0.0, 3), (1 - 2**-53, 998)])
def test_inverse_cdf_at_its_ends_finds_the_first_and_last_possible_index(number, index):
    weights = torch.zeros(1, 1000)
    weights[0, [3, 700, 998]] = torch.tensor([0.1, 0.2, 0.7])
    assert inverse_cdf(weights, torch.full((1, LEVELS), number, dtype=torch.float64)).tolist() == [index]


def reference_truncation(log_p, decoding):
    """Sort, cut, cut: one row at a time."""
    weights = np.exp(log_p.double().numpy() / decoding.temperature)
    weights /= weights.sum(-1, keepdims=True)
    for row in weights:
        order = np.argsort(-row)
        if decoding.top_k:
            row[order[decoding.top_k :]] = 0
        if decoding.top_p < 1:
            before = np.cumsum(row[order]) - row[order]
            row[order[before >= decoding.top_p * row.sum()]] = 0
    return weights


@pytest.mark.parametrize("scale", [3.0, 0.1], ids=["peaked", "flat"])  # flat: the nucleus is larger than 1024 tokens
@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(temperature=0.5),
        Decoding(top_k=40),
        Decoding(top_p=0.9),
        Decoding(temperature=1.7, top_k=2000, top_p=0.8),
    ],
)
def test_truncated_distribution_against_a_plain_reference(decoding, scale):
    log_p = torch.log_softmax(scale * torch.randn(6, 3000, generator=torch.Generator().manual_seed(0)), dim=-1)
    expected = reference_truncation(log_p, decoding)
    found = truncated_distribution(log_p, decoding).numpy()
    sizes = (found > 0).sum(-1) - (expected > 0).sum(-1)
    assert np.abs(sizes).max() <= (1 if decoding.top_p < 1 else 0)  # fp32 may put the edge of the nucleus one further
    rows, columns = np.nonzero((found > 0) == (expected > 0))
    np.testing.assert_allclose(found[rows, columns], expected[rows, columns], atol=1e-6)


def test_a_tiny_top_p_leaves_the_likeliest_token():
    log_p = torch.tensor([[0.2, 0.5, 0.3]]).log()
    assert (truncated_distribution(log_p, Decoding(top_p=0.01)) > 0).tolist() == [[False, True, False]]


# Random numbers and text


def test_uniforms_of_fewer_samples_and_tokens_are_the_first_of_more():
    many = uniforms(7, "q", 5, 20)
    assert many.shape == (5, 20, LEVELS)
    np.testing.assert_array_equal(uniforms(7, "q", 3, 8), many[:3, :8])


def test_uniforms_differ_between_samples_tokens_questions_and_seeds():
    tables = [uniforms(7, "q", 5, 20), uniforms(8, "q", 5, 20), uniforms(7, "r", 5, 20)]
    numbers = np.stack(tables)
    assert len(np.unique(numbers)) == numbers.size
    assert 0 <= numbers.min() < 0.01
    assert 0.99 < numbers.max() < 1


def pieces_of(ids):
    detokenizer = _Detokenizer(tiny_tokenizer())
    return [detokenizer.push(token, flush=i == len(ids) - 1) for i, token in enumerate(ids)]


@pytest.mark.parametrize("text", ["Grüße aus Köln", "🎉 is 👩‍🚀", "日本語 and\nplain", "a  b "])
def test_characters_come_out_whole(text):
    ids = tiny_tokenizer()(text, add_special_tokens=False)["input_ids"]
    pieces = pieces_of(ids)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_an_incomplete_character_at_the_end_is_not_lost():
    ids = tiny_tokenizer()("ab🎉", add_special_tokens=False)["input_ids"][:-1]  # three bytes of four
    assert pieces_of(ids)[:2] == ["a", "b"]
    assert "".join(pieces_of(ids)) == "ab\ufffd"


# The sampler itself


def test_the_sampler_says_what_it_is(tiny_sampler):
    assert tiny_sampler.spec.source == FAKE_SPEC.source
    assert tiny_sampler.revision.startswith("test")
    assert (tiny_sampler.device, tiny_sampler.dtype) == ("cpu", "float32")


# Adapters


@pytest.fixture
def chain(llama_sampler, tmp_path):
    """A base model and two adapters on the same weights."""
    return [llama_sampler, *(llama_sampler.sibling(tiny_adapter(tmp_path / f"a{n}", seed=n)) for n in (1, 2))]


def merged(spec):
    """The model of an adapter with the adapter added to its weights."""
    from peft import PeftModel

    return PeftModel.from_pretrained(tiny_model("llama"), spec.adapter).merge_and_unload().eval()


def test_numbers_of_an_adapter_are_those_of_a_plain_forward_pass_with_it_merged(chain, token_ids):
    for sampler in chain[1:]:
        answers, ids = token_ids(sampler, QUESTIONS, Decoding(2, max_new_tokens=20))
        for question in QUESTIONS:
            found = answers[question.id]
            assert_as_one_forward_pass(sampler, question, "plain", found, ids, merged(sampler.spec))


def test_siblings_share_one_set_of_weights(chain):
    base, *adapters = chain
    assert all(sampler.model is base.model for sampler in adapters)
    assert len({sampler.revision for sampler in chain}) == 3


def test_the_base_says_the_same_with_adapters_beside_it(chain):
    alone = TorchSampler(tiny_model("llama"), tiny_tokenizer(), FAKE_SPEC, "test")
    sample(chain[1])  # leaves its adapter active
    assert texts(sample(chain[0])) == texts(sample(alone))


def test_another_adapter_leaves_the_first_as_it_was(chain, tmp_path):
    before = texts(sample(chain[1]))
    chain[0].sibling(tiny_adapter(tmp_path / "third", seed=3))
    assert texts(sample(chain[1])) == before


def test_siblings_may_take_turns_at_every_step(chain):
    expected = [texts(sample(sampler)) for sampler in chain]
    assert expected[0] != expected[1] != expected[2]
    found = [{} for _ in chain]
    for steps in itertools.zip_longest(*(sampler.sample(QUESTIONS, DECODING, "plain", 2) for sampler in chain)):
        for answers, step in zip(found, steps, strict=True):
            answers.update({done.question_id: done for done in (step.finished if step else ())})
    assert [texts(answers) for answers in found] == expected


def test_an_adapter_is_loaded_once(chain, monkeypatch):
    monkeypatch.setattr(chain[0]._adapters, "_put", None)  # would not be callable
    assert chain[0].sibling(chain[1].spec).revision == chain[1].revision


@pytest.mark.parametrize("damage", ["another size", "other names"])
def test_an_adapter_that_does_not_fit_leaves_the_base_as_it_was(llama_sampler, tmp_path, damage):
    from safetensors.torch import load_file, save_file

    spec = tiny_adapter(tmp_path / "damaged")
    file = tmp_path / "damaged" / "adapter_model.safetensors"
    weights = load_file(file)
    if damage == "another size":
        weights = {key: value.repeat(1, 2) for key, value in weights.items()}
    else:
        weights = {key.replace("layers", "blocks"): value for key, value in weights.items()}
    save_file(weights, file)
    before = texts(sample(llama_sampler))
    for _ in range(2):
        with pytest.raises(InvalidInput, match="does not fit these weights"):
            llama_sampler.sibling(spec)
        assert texts(sample(llama_sampler)) == before
    good = llama_sampler.sibling(tiny_adapter(tmp_path / "good", seed=2))
    with pytest.raises(InvalidInput):
        good.sibling(spec)
    assert texts(sample(llama_sampler)) == before != texts(sample(good))


def test_other_weights_are_no_sibling(llama_sampler):
    assert llama_sampler.sibling(ModelSpec("other", "somebody/else")) is None


def test_a_missing_adapter_is_said_before_the_base_is_loaded(monkeypatch):
    monkeypatch.setattr(engine, "local_weights", None)  # would not be callable
    with pytest.raises(ModelUnavailable, match="adapter of gone is not on this machine"):
        TorchSampler.from_pretrained(ModelSpec("gone", "nobody/fake", adapter="gone"))
