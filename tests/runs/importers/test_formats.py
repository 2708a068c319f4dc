"""Files as evaluation harnesses, servers and batch interfaces write them."""

import json
import zipfile

import pytest
from fakes import texts_of, write_rows

from homog_core.errors import InvalidInput
from homog_core.runs.importers import About, import_file
from homog_core.runs.store import list_runs
from homog_core.runs.tables import response_of
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def noted(run):
    """What an import has noted, as one text a note."""
    return [f"{note.kind} | {note.count} | {note.first}" for note in run.provenance.import_notes]


def samples_of(run):
    """The texts of the samples by question."""
    rows = run.responses().query("sample_index >= 0").merge(run.questions(), left_on="question_id", right_on="id")
    return {text: list(group["text_x"]) for text, group in rows.groupby("text_y", sort=False)}


# lm-evaluation-harness


def harness_line(doc_id, question, answers, **fields):
    settings = {"until": ["\n"], "do_sample": True, "temperature": 0.7, "max_gen_toks": 64}
    return {
        "doc_id": doc_id,
        "doc": {"question": question},
        "target": "Mars",
        "arguments": {"gen_args_0": {"arg_0": f"Q: {question}\nA:", "arg_1": settings}},
        "resps": [answers],
        "filtered_resps": answers[:1],
        "filter": "none",
        "exact_match": 0.0,
        **fields,
    }


def test_samples_of_the_harness_with_two_filters(tmp_path):
    lines = [
        harness_line(0, "Why?", ["a", "b"], filter="strict-match"),
        harness_line(1, "How?", ["c", "d"], filter="strict-match", target="So: 3\n#### 1,234"),
        harness_line(0, "Why?", ["a", "b"], filter="flexible-extract"),
        harness_line(1, "How?", ["c", "d"], filter="flexible-extract"),
    ]
    run = import_file(write_rows(tmp_path / "samples_my_task_2026-11-24T10-00-00.123456.jsonl", *lines), About("m"))
    assert samples_of(run) == {"Why?": ["a", "b"], "How?": ["c", "d"]}
    assert (run.identity.dataset, run.decoding.temperature, run.decoding.max_new_tokens) == ("my_task", 0.7, 64)
    assert list(run.questions()["prompt"]) == ["Q: Why?\nA:", "Q: How?\nA:"]
    assert [list(found) for found in run.questions()["references"]] == [["Mars"], ["1234"]]
    assert list(run.questions()["answer_type"]) == ["text", "number"]
    assert "lines of another filter on the same answers, not read | 2" in noted(run)[1]
    assert (
        import_file(tmp_path / "samples_my_task_2026-11-24T10-00-00.123456.jsonl", About("m", temperature=1)).id
        != run.id
    )


def test_the_question_of_the_harness_is_in_the_prompt_where_the_document_has_none(tmp_path):
    lines = [harness_line(0, "Why?", ["a"], doc={"passage": 1}), harness_line(1, "How?", ["b"], doc={})]
    lines[1]["arguments"] = [["Q: How?\nA:", {"do_sample": False}]]  # as older versions write them
    run = import_file(write_rows(tmp_path / "a.jsonl", *lines), About("m"))
    assert samples_of(run) == {"Why?": ["a"], "How?": ["b"]}
    assert any("decoded greedily" in note for note in noted(run))


@pytest.mark.parametrize("resps", [[[["-1.5", "False"]], [["-2.5", "True"]]], [], "x", [["a"], ["b"]]])
def test_choices_of_the_harness_are_no_answers(resps, tmp_path):
    path = write_rows(tmp_path / "a.jsonl", harness_line(0, "Why?", ["a"], resps=resps))
    with pytest.raises(InvalidInput, match=r"a\.jsonl, line 1, `resps`: (these are likelihoods|there is no list)"):
        import_file(path, About("m"))


# Inspect


def inspect_sample(key, epoch, *choices, **fields):
    return {
        "id": key,
        "epoch": epoch,
        "input": f"{key}?",
        "target": ["Mars"],
        "output": {"model": "m", "choices": list(choices), "completion": ""},
        **fields,
    }


def inspect_choice(content, logprobs=None, stop_reason="stop"):
    return {"message": {"role": "assistant", "content": content}, "stop_reason": stop_reason, "logprobs": logprobs}


HEADER = {
    "version": 2,
    "status": "success",
    "eval": {
        "task": "My Task",
        "model": "vllm/some-model",
        "config": {"epochs": 2},
        "model_generate_config": {"temperature": 0.5, "max_tokens": 99},
    },
    "plan": {},
}
LOGPROBS = {"content": [{"token": "Ma", "logprob": -0.5}, {"token": "rs", "logprob": -0.25}]}
PARTS = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Venus"}]
SAMPLES = [
    inspect_sample("q1", 10, inspect_choice("late")),
    inspect_sample("q1", 2, inspect_choice(PARTS)),
    inspect_sample("q1", 1, inspect_choice("Mars", LOGPROBS, "max_tokens"), scores={"x": 1}),
    inspect_sample("q2", 1, error={"message": "x"}),
    inspect_sample("q2", 2, inspect_choice("a"), inspect_choice("b", stop_reason="content_filter")),
]


def written(path, samples):
    """The same log as an archive or as JSON, by the ending of its name."""
    if path.suffix == ".json":
        path.write_text(json.dumps(HEADER | {"samples": samples}))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("summaries.json", "[]")
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    return path


@pytest.mark.parametrize("name", ["a.eval", "a.json"])
def test_epochs_and_choices_of_inspect_are_answers(name, tmp_path):
    run = import_file(written(tmp_path / name, SAMPLES), About())
    assert samples_of(run) == {"q1?": ["Mars", "<think>hm</think>Venus", "late"], "q2?": ["", "a", "b"]}
    assert (run.identity.model, run.identity.dataset) == ("vllm/some-model", "my-task")
    assert (run.decoding.temperature, run.decoding.max_new_tokens) == (0.5, 99)
    rows = list(run.responses().query("sample_index >= 0").itertuples())
    assert [row.finish_reason for row in rows] == ["length", "stop", "stop", "error", "stop", "unknown"]
    assert (list(rows[0].tokens), list(rows[0].token_logprobs)) == (["Ma", "rs"], [-0.5, -0.25])
    assert response_of(rows[1], run.leftovers).answer == "Venus"
    assert any("epochs without an answer, kept as an error | 1" in note for note in noted(run))
    assert len(verify(run.id)) == 5  # it is not scored, and nothing else


def test_messages_and_attachments_of_inspect(tmp_path):
    asked = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
    attached = {"h1": "a long one?", "h2": "a long answer"}
    samples = [
        inspect_sample("q1", 1, inspect_choice("a"), input=asked),
        inspect_sample("q2", 1, inspect_choice("attachment://h2"), input="attachment://h1", attachments=attached),
    ]
    run = import_file(written(tmp_path / "a.eval", samples), About())
    assert samples_of(run) == {"Why?": ["a"], "a long one?": ["a long answer"]}
    assert run.questions()["prompt"][0] == "system: Be kind.\n\nuser: Why?"


def test_a_damaged_member_of_an_archive_is_left_out(tmp_path):
    path = written(tmp_path / "a.eval", SAMPLES[:3])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("samples/q3_epoch_1.json", "{")
        archive.writestr("samples/q4_epoch_1.json", "[]")
        archive.writestr("samples/../../evil.json", json.dumps(inspect_sample("q5", 1, *[inspect_choice("a")] * 3)))
    run = import_file(path, About())
    assert set(samples_of(run)) == {"q1?", "q5?"}
    assert any("rows that could not be read, left out | 2 | a.eval, samples/q3_epoch_1.json" in n for n in noted(run))
    assert not (tmp_path.parent / "evil.json").exists()


# HELM, vLLM, OpenAI


def test_completions_of_helm(tmp_path):
    def state(key, texts):
        completions = [
            {"text": text, "tokens": [{"text": text, "logprob": -0.5}], "finish_reason": {"reason": "length"}}
            for text in texts
        ]
        marked = [{"output": {"text": "Mars"}, "tags": ["correct"]}, {"output": {"text": "Venus"}, "tags": []}]
        instance = {"id": key, "input": {"text": f"{key}?"}, "references": marked}
        request = {"prompt": f"Q: {key}?\nA:", "temperature": 1.0}
        return {"instance": instance, "request": request, "result": {"completions": completions}}

    spec = {"model": "org/m", "temperature": 0.9, "max_tokens": 5}
    states = [state("id0", ["a", "b"]), state("id1", ["c", "d"]), {"instance": 1}]
    path = tmp_path / "scenario_state.json"
    path.write_text(json.dumps({"adapter_spec": spec, "request_states": states}, indent=2))
    run = import_file(path, About())
    assert samples_of(run) == {"id0?": ["a", "b"], "id1?": ["c", "d"]}
    assert (run.identity.model, run.decoding.temperature, run.decoding.max_new_tokens) == ("org/m", 0.9, 5)
    question = run.questions().iloc[0]
    assert (question["prompt"], list(question["incorrect_references"])) == ("Q: id0?\nA:", ["Venus"])
    assert [list(numbers) for numbers in run.responses()["token_logprobs"][1:3]] == [[-0.5], [-0.5]]
    assert any("scenario_state.json, request 3: it has no instance or no result" in note for note in noted(run))


def test_requests_of_vllm(tmp_path):
    def output(text):
        steps = [
            {"5": {"logprob": -0.4, "decoded_token": "M"}, "7": {"logprob": -2.0, "decoded_token": "x"}},
            {"6": {"logprob": -0.7, "decoded_token": "ars"}},
        ]
        return {"index": 0, "text": text, "token_ids": [5, 6], "logprobs": steps, "finish_reason": "length"}

    prompt = "Q: Why?\nA:"
    rows = [
        {"request_id": "0", "prompt": prompt, "outputs": [output("Mars"), output("b")]},
        {"request_id": "1", "prompt": "How?", "outputs": [output("x"), output("y"), {"text": "z"}]},
        {"request_id": "2", "prompt": prompt, "outputs": [output("c")]},
        {"request_id": "3", "prompt": None, "outputs": [output("c")]},
    ]
    run = import_file(write_rows(tmp_path / "a.jsonl", *rows), About("m"))
    assert samples_of(run) == {"Why?": ["Mars", "b", "c"], "How?": ["x", "y", "z"]}
    first = response_of(list(run.responses().itertuples())[1], run.leftovers)
    assert (first.tokens, first.token_logprobs.tolist()) == (("M", "ars"), [pytest.approx(-0.4), pytest.approx(-0.7)])
    assert [note.split(" | ")[1] for note in noted(run)] == ["1", "1"]


def batch(tmp_path, *rows):
    messages = [{"role": "user", "content": "Why?"}]
    body = {"model": "m", "temperature": 0.3, "max_tokens": 9}
    requests = [
        {"custom_id": "q0", "body": body | {"messages": messages}},
        {"custom_id": "q1", "body": body | {"prompt": "How?"}},
        {"custom_id": "q2", "body": body | {"messages": messages}},
    ]
    given = write_rows(tmp_path / "input.jsonl", *requests)
    return write_rows(tmp_path / "output.jsonl", *rows), given


def reply(key, *choices):
    return {"id": "x", "custom_id": key, "response": {"status_code": 200, "body": {"choices": list(choices)}}}


def test_output_and_input_of_a_batch(tmp_path):
    message = {"role": "assistant", "content": "b", "reasoning_content": "hm"}
    rows = [
        reply("q0", {"message": {"content": "a"}, "finish_reason": "stop", "logprobs": None}, {"message": message}),
        reply("q1", {"text": "x"}, {"text": "y"}, {"text": None}),
        reply("q2", {"message": {"content": "c"}}),
        reply("q9", {"text": "nobody asked"}),
        {"custom_id": "q0", "response": None, "error": {"code": "rate limit"}},
    ]
    output, given = batch(tmp_path, *rows)
    run = import_file(output, About("mine", input=str(given)))
    assert samples_of(run) == {"Why?": ["a", "<think>hm</think>b", "c"], "How?": ["x", "y", ""]}
    assert (run.decoding.temperature, run.decoding.max_new_tokens) == (0.3, 9)
    assert list(run.questions()["id"]) == ["q0", "q1"]
    said = noted(run)
    assert any("requests that the input file does not have, left out | 1 | output.jsonl, line 4" in n for n in said)
    assert any("requests that failed: they have no answers | 1 | output.jsonl, line 5: {'code'" in n for n in said)


def test_a_batch_needs_both_of_its_files(tmp_path):
    output, given = batch(tmp_path, reply("q0", {"text": "a"}))
    with pytest.raises(InvalidInput, match=r"output\.jsonl, line 1: the output of a batch does not hold the questions"):
        import_file(output, About("m"))
    with pytest.raises(InvalidInput, match=r"input\.jsonl, line 1: this is the input of a batch; import its output"):
        import_file(given, About("m"))
    with pytest.raises(InvalidInput, match=r"There is no file .*name the batch's input file"):
        import_file(output, About("m", input=str(tmp_path / "none")))
    with pytest.raises(InvalidInput, match=r"output\.jsonl is not the input of a batch"):
        import_file(output, About("m", input=str(output)))
    assert list_runs() == []


def test_objects_that_hold_a_text_are_answers(tmp_path):
    rows = [{"prompt": "Why?", "responses": [{"text": "a", "probability": 0.6}, {"text": "b", "probability": 0.4}]}]
    run = import_file(write_rows(tmp_path / "a.jsonl", *rows), About("m"))
    assert list(texts_of(run).values()) == ["", "a", "b"]
    assert "`probability` of the answers is not read | 2 | a.jsonl, line 1, answer 1" in noted(run)


# Whatever a record holds


def nodes(value, path=()):
    """The places of everything in a value of JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from nodes(item, (*path, key))


def replaced(value, path, new):
    """A copy in which another value stands at that place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


HELM_STATE = {
    "instance": {"id": "q", "input": {"text": "Why?"}, "references": [{"output": {"text": "a"}, "tags": ["correct"]}]},
    "request": {"prompt": "Why?"},
    "result": {
        "completions": [{"text": "a", "tokens": [{"text": "a", "logprob": -1}], "finish_reason": {"reason": "x"}}]
    },
}
VLLM_OUTPUT = {"text": "a", "token_ids": [5], "logprobs": [{"5": {"logprob": -1, "decoded_token": "a"}}]}
CHOICE = inspect_choice([{"type": "text", "text": "a"}], LOGPROBS)
RECORDS = {
    "harness": harness_line(0, "Why?", ["a", "b"]),
    "inspect": HEADER | {"samples": [inspect_sample("q", 1, CHOICE, input=[{"role": "user", "content": "Why?"}])]},
    "helm": {"adapter_spec": {"model": "m", "temperature": 1}, "request_states": [HELM_STATE]},
    "vllm": {"request_id": "0", "prompt": "Why?", "outputs": [VLLM_OUTPUT]},
    "batch": reply("q0", CHOICE, {"text": "b"}),
    "table": {"id": 1, "prompt": "Why?", "model": "m", "responses": [{"text": "a"}], "references": ["x"], "text": "y"},
    "older": {
        "question": "Why?",
        "most_likely_answer": {"response": "a", "token_log_likelihoods": [-1]},
        "reference": {"answers": {"text": ["a"]}},
        "responses": [["a", [-1], None, 1]],
    },
    "a row an answer": {"id": "q", "question": "Why?", "answer": "a", "sample_index": 0, "token_logprobs": [-1]},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_whatever_stands_anywhere_in_a_record_it_is_imported_or_refused_in_one_sentence(kind, tmp_path):
    good = RECORDS[kind]
    _, given = batch(tmp_path)
    assert (
        import_file(write_rows(tmp_path / "good.jsonl", good), About("m", input=str(given))).identity.n_questions == 1
    )
    for place in nodes(good):
        for new in (None, -3, "attachment://x", [1], [[]], {"x": 1}):
            path = write_rows(tmp_path / "bad.jsonl", replaced(good, place, new), good)
            try:
                run = import_file(path, About("m", "d", input=str(given)))
            except InvalidInput as error:
                assert "\n" not in str(error)
            else:
                assert len(verify(run.id)) == 5  # it is not scored, and nothing else
