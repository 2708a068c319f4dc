"""Hypothesis's inputs: values that look like those of an example, with anything that JSON can say in some places."""

import json
from typing import Any

from hypothesis import strategies as st

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
ANYTHING = st.recursive(
    _LEAVES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=10), inside, max_size=4),
    max_leaves=8,
)


def contents(form: str, examples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Files of a form, alike to the examples; of a form that is not made of JSON or text, any bytes."""
    if form == "jsonl":
        rows = st.one_of(
            [st.lists(st.one_of([like(json.loads(line)) for line in one.splitlines()]), max_size=4) for one in examples]
        )
        return rows.map(lambda rows: "\n".join(map(json.dumps, rows)).encode())
    if form == "json":
        return st.one_of([like(json.loads(one)) for one in examples]).map(lambda value: json.dumps(value).encode())
    if form in ("csv", "toml", "text"):
        words = st.sampled_from([word for one in examples for word in one.decode().split()])
        pieces = words | st.sampled_from(',;"\n=[]{}\t ') | st.text(max_size=8)
        return st.lists(pieces, max_size=30).map(lambda pieces: "".join(pieces).encode("utf-8", "replace"))
    return st.binary(max_size=300)


def like(example: Any) -> st.SearchStrategy[Any]:
    """Values of the example's shape, in which anything may stand anywhere."""
    if isinstance(example, dict):
        of_keys = {key: like(value) for key, value in example.items()}
        return st.fixed_dictionaries({}, optional=of_keys) | st.fixed_dictionaries(of_keys) | ANYTHING
    if isinstance(example, list) and example:
        return st.lists(st.one_of([like(value) for value in example[:3]]), max_size=4) | ANYTHING
    return st.just(example) | ANYTHING
