# ruff: noqa: E501
"""Small valid files of everything that is read. All are ours."""

import io
import json
import zipfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.runs.importers.jsonl import EXAMPLE_JSONL
from homog_core.runs.importers.study import EXAMPLE_TOML

QUESTION = "Which planet is red?"
ANSWERS = ["Mars.", "It is Mars."]


def lines(*rows: Any) -> bytes:
    """JSONL of some rows."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def table(
    rows: list[dict[str, Any]], schema: pa.Schema | None = None, metadata: dict[bytes, bytes] | None = None
) -> bytes:
    """Parquet of some rows."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema).replace_schema_metadata(metadata), sink)
    return sink.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """A ZIP of some files."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as stream:
        for name, content in members.items():
            stream.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


_NUMBERS = {
    "tokens": [["Mars", "."], ["It", " is Mars."]], "token_logprobs": [[-0.1, -0.2], [-1.0, -0.5]],
    "token_entropies": [[0.5, 0.1], [1.5, 0.25]], "finish_reasons": ["stop", "length"], "entropy_kinds": ["exact", "top_k:20"],
}  # fmt: skip
_GREEDY = {
    "greedy_answer": "Mars",
    "greedy_tokens": ["Mars"],
    "greedy_token_logprobs": [-0.1],
    "greedy_token_entropies": [0.2],
}
_ABOUT = {"id": "q1", "references": ["Mars", "the red one"], "incorrect_references": ["Venus"], "category": "space"}
OURS = {
    "question": QUESTION,
    "answers": ANSWERS,
    "prompt": f"Q: {QUESTION}\nA:",
    "answer_type": "text",
    **_ABOUT,
    **_NUMBERS,
    **_GREEDY,
}
JSONL = (EXAMPLE_JSONL.encode(), lines(OURS, OURS | {"id": "q2", "question": "How many?", "answer_type": "number"}))
CSV = (
    b"question,answer,sample_index,id,references\nWhich?,Mars.,0,q1,Mars\nWhich?,=Venus,1,q1,Mars\nHow many?,8,0,q2,8;eight\nHow many?,9,-1,q2,\n",
    b'question;answers\nWhich?;"[\'Mars\', ""It\'s""]"\nHow?;"[""a"", ""b""]"\n',
    b"model,question,response,instruction_id\nm,Which?,Mars.,1\nother,Which?,Mars.,1\n",
)
PARQUET = (
    table([{"question": QUESTION, "answers": ANSWERS}, {"question": "How?", "answers": ["a", "b"]}]),
    table([{"question": QUESTION, "answer": text, "sample_index": i} for i, text in enumerate(ANSWERS)]),
)
_OLDER = {"question": QUESTION, "most_likely_answer": {"response": "Mars", "token_log_likelihoods": [-0.5]}, "reference": {"answers": {"text": ["Mars"]}}, "responses": [["Mars", [-0.5]], ["Venus", [-1.0]]]}  # fmt: skip
JSON = (
    json.dumps([_OLDER, _OLDER]).encode(),
    json.dumps({"question": {"0": QUESTION, "1": "How?"}, "answers": {"0": ANSWERS, "1": ANSWERS}}).encode(),
)
LM_EVAL = (
    lines(
        {"doc_id": 0, "doc": {"question": QUESTION}, "target": "so #### 1,000", "arguments": [["Q: Which?\nA:", {"temperature": 0.7, "max_gen_toks": 8}]], "resps": [ANSWERS], "filtered_resps": ANSWERS, "filter": "none", "exact_match": 0.0},
        {"doc_id": 1, "doc": {"text": "How?"}, "target": ["a"], "arguments": {"gen_args_0": {"arg_0": [{"role": "user", "content": "How?"}], "arg_1": {"do_sample": False}}}, "resps": [["a", "b"]]},
    ),
)  # fmt: skip
_CHOICE = {"message": {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Mars"}]}, "stop_reason": "stop", "logprobs": {"content": [{"token": "Mars", "logprob": -0.5}]}}  # fmt: skip
_HEADER = {"version": 2, "status": "success", "eval": {"task": "space", "model": "openai/x", "model_generate_config": {"temperature": 0.5, "max_tokens": 9}}, "plan": {"config": {"top_p": 0.9}}}  # fmt: skip
_EPOCHS = [
    {"id": 1, "epoch": n, "input": [{"role": "user", "content": QUESTION}], "target": ["Mars"], "output": {"choices": [_CHOICE]}, "attachments": {"a": "x"}, "scores": {}}
    for n in (1, 2)
]  # fmt: skip
INSPECT_JSON = (json.dumps({**_HEADER, "samples": _EPOCHS}).encode(),)
INSPECT_ARCHIVE = (
    archive(
        {
            "header.json": json.dumps(_HEADER).encode(),
            **{f"samples/1_epoch_{one['epoch']}.json": json.dumps(one).encode() for one in _EPOCHS},
        }
    ),
)
_COMPLETION = {
    "text": "Mars",
    "finish_reason": {"reason": "stop"},
    "tokens": [{"text": "Mars", "logprob": -0.5}],
    "logprob": -0.5,
}
_STATE = {"instance": {"id": "i1", "input": {"text": QUESTION}, "references": [{"output": {"text": "Mars"}, "tags": ["correct"]}]}, "request": {"prompt": "Q"}, "result": {"completions": [_COMPLETION, _COMPLETION]}}  # fmt: skip
HELM = (
    json.dumps(
        {"adapter_spec": {"model": "m/x", "temperature": 0.5, "max_tokens": 9}, "request_states": [_STATE]}
    ).encode(),
)
_BODY = {"model": "gpt-x", "messages": [{"role": "user", "content": QUESTION}], "temperature": 0.5, "max_tokens": 9}
BATCH_INPUT = lines(*({"custom_id": f"r{n}", "method": "POST", "url": "/v1", "body": _BODY} for n in range(2)))
_SAID = {"message": {"content": "Mars", "reasoning_content": "hm"}, "finish_reason": "stop", "logprobs": {"content": [{"token": "Mars", "logprob": -0.5}]}}  # fmt: skip
BATCH = (lines(*({"custom_id": f"r{n}", "response": {"status_code": 200, "body": {"model": "gpt-x", "choices": [_SAID]}}, "error": None} for n in range(2))),)  # fmt: skip
_OUTPUT = {
    "text": "Mars",
    "finish_reason": "stop",
    "token_ids": [5],
    "logprobs": [{"5": {"decoded_token": "Mars", "logprob": -0.5}}],
}
VLLM = (lines({"request_id": "1", "prompt": f"[INST] {QUESTION} [/INST]", "outputs": [_OUTPUT, _OUTPUT]}),)
COUNTED = (lines({"metadata": {"id": "p1"}, "question": {"original": QUESTION}, "answers": {"raw": {"Mars": 3, "mars": 2}, "clusters": {"c1": {"count": 5, "answers": ["Mars", "mars"]}}}}),)  # fmt: skip
STUDY = (
    EXAMPLE_TOML.encode(),
    b'[[run]]\nfile = "base.jsonl"\nmodel = "m"\ntemperature = 0.5\nn_samples = 2\ncolumns = {question = "q"}\n',
)
STUDY_ARCHIVE = (archive({"import.toml": EXAMPLE_TOML.encode(), "base.jsonl": JSONL[0], "sft.jsonl": JSONL[0]}),)
QUESTIONS_CSV = (
    b"question,references,category,id,answer_type\nWhich?,Mars;the red one,space,q1,text\nHow many?,8,,q2,number\n",
)
QUESTIONS_JSONL = (
    lines(
        *(
            {"question": f"{QUESTION} {n}", "references": ["Mars"], "incorrect_references": ["Venus"], "id": n}
            for n in range(2)
        )
    ),
)
PUBLISHED = {  # by the name of the data set
    "starter": lines({"text": QUESTION, "references": ["Mars"], "category": "space", "id": "s1"}),
    "truthfulqa": b"Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\nA,Space,Which?,Mars,Mars; It is Mars,Venus,x\n",
    "gsm8k": lines({"question": "How many?", "answer": "It is 8.\n#### 1,008"}),
    "webquestions": json.dumps([{"qId": "w1", "qText": QUESTION, "answers": ["Mars"]}]).encode(),
    "hotpotqa": json.dumps([{"_id": "h1", "question": QUESTION, "answer": "Mars", "type": "bridge"}]).encode(),
    "triviaqa": lines(
        {"question_id": "t1", "question": QUESTION, "answer": {"value": "Mars", "aliases": ["the red one"]}}
    ),
}
MODELS = b"""[[models]]
key = "mine"
source = "nobody/mine"
parent = "gemma-3-270m"
stage = "sft"
family = "Mine"
n_parameters = 268e6
prompt_style = "chat"
[[servers]]
key = "lab"
url = "http://localhost:8000/v1"
requests = 4
timeout = 60.0
top_logprobs = 20
check = true
[[encoders]]
key = "own"
source = "nobody/own"
n_parameters = 1
license = "MIT"
title = "Own"
"""
STUDIES = b"""[[studies]]
key = "own"
title = "Own"
source = "example.org"
license = "MIT"
note = "Ours."
folder = "own"
dataset = "own"
temperature = 0.5
prompt_style = "chat"
files = [{ file = "a.jsonl", sha256 = "00", model = "m", stage = "sft", n_parameters = 10 }]
"""
DATASETS = b"""[[datasets]]
key = "own"
title = "Own"
files = ["own.jsonl"]
license = "MIT"
stop = ["x"]
hub = { repository = "a/b", split = "test" }
"""
CARDS = json.dumps([{"clusterer": "jaccard", "threshold": 0.5, "auc": 0.8, "precision": 0.7, "recall": 0.6, "false_join_rate": 0.1, "n_same": 5, "n_different": 9, "reference_auc": None}]).encode()  # fmt: skip
WEIGHTS = json.dumps([{"encoder": "minilm", "intercept": -3.0, "cosine": 4.7, "shared_words": 2.5, "same_number": 2.8, "same_decision": 3.6}]).encode()  # fmt: skip
_LISTED = [{"token": " red", "logprob": -0.5}, {"token": " blue", "logprob": -1.5}]
_PIECE = {"token": " red", "logprob": -0.5, "top_logprobs": _LISTED}
EVENTS = (
    [{"choices": [{"index": 0, "delta": {"content": " red", "reasoning_content": None}, "logprobs": {"content": [_PIECE]}, "finish_reason": None}], "system_fingerprint": "f1"}, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}],
    [{"choices": [{"index": 0, "text": " red", "logprobs": {"tokens": [" red"], "token_logprobs": [-0.5], "top_logprobs": [{" red": -0.5, " blue": -1.5}]}, "finish_reason": "length"}]}],
)  # fmt: skip
STREAMS = tuple(b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) for events in EVENTS)
WHOLE = tuple(json.dumps({"choices": [{"index": 0, "message": {"content": " red"}, "logprobs": {"content": [_PIECE, _PIECE]}, "finish_reason": "stop"}], "system_fingerprint": "f"}).encode() for _ in range(1))  # fmt: skip
LISTED = (json.dumps({"object": "list", "data": [{"id": "toy/six"}, {"id": "other"}]}).encode(),)
REFUSED = (
    json.dumps({"error": {"message": "unknown argument min_p", "type": "invalid", "param": None, "code": 3}}).encode(),
)
TEXTS = (
    "<think>The number is 5.</think>It is 1,000.5, or 1/2 of 2 million; “Mars”.".encode(),
    b"<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>No, not Venus.<|return|>",
    "▁It▁is ĠMars Ġand ĠVenus, e.g. −5 °C. 它是火星。".encode(),
)
