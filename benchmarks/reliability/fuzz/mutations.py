# ruff: noqa: E501
"""Valid files → files that are wrong somewhere: in a value, a name, a line, a byte, or in how they are packed.

A form knows how its files are made of rows; what is done to the rows is the same for all.
"""

import csv
import gzip
import io
import json
import random
import re
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.runs.manifest import with_checksum

HOSTILE_TEXTS = (
    "", " ", "\0", "\ud800", "\x1b[31m", "a\nb", "\u202e", "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd",
    "=cmd|' /C calc'!A1", "{question}", "[" * 300, "'" * 40, "<think>", "</think>", "<|channel|>", "▁Ġ▁", "nan", "-0", "1e999",
    "𝟛", "²", "é" * 300, "x" * 5000, "[1,", '["a"', "{" * 50, "0" * 400, "a;b;c", "\ufeff", "true", "null",
)  # fmt: skip
HOSTILE: tuple[Any, ...] = (
    *HOSTILE_TEXTS, None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**30), 0.5, 1e308, -1e308, 5e-324, float("nan"),
    float("inf"), -float("inf"), [], {}, [[]], [None], [{}], {"": None}, {"a": {"b": []}}, [1, "a"], ["a"] * 600, [0.1] * 50,
)  # fmt: skip
_ENDS = (
    b"",
    b"\n",
    b"\0",
    b"\xff",
    b"\r",
    b'"',
    b",",
    b";",
    b"\t",
    b"{",
    b"[",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"PAR1",
    b"PK",
)
_DEEPEST = 1500
_MANY = 600  # more than the answers to a question that are kept


def changed(form: str, example: bytes, rng: random.Random) -> bytes:
    """A file of that form that differs from the example in one to five places."""
    content = _FORMS[form](example, rng) if rng.random() < 0.8 else example
    return _bytes_changed(content, rng) if rng.random() < 0.3 or content == example else content


def changed_value(value: Any, rng: random.Random) -> Any:
    """The value with something in it replaced, left out, put twice, renamed or put somewhere else."""
    places = list(_places(value))
    times = rng.choice((1, 2, _MANY))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        if not places:
            return rng.choice(HOSTILE)
        holder, key = rng.choice(places)
        if (isinstance(holder, list) and not 0 <= key < len(holder)) or (
            isinstance(holder, dict) and key not in holder
        ):
            continue  # a change before has taken it away
        if _change(holder, key, places, times, rng):
            times = 1  # many times many would fill the memory
    return value


def _places(value: Any) -> Any:
    """Every place in a value: what holds it, and under which key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in list(items):
        yield value, key
        yield from _places(inside)


def _change(holder: Any, key: Any, places: list[Any], times: int, rng: random.Random) -> bool:
    """Change one place; whether what stands there is now there `times` more."""
    what = rng.randrange(8)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        names = [name for _, name in places if isinstance(name, str)]
        holder[rng.choice([*names, *HOSTILE_TEXTS])] = holder.pop(key)
    elif what == 2:
        other, name = rng.choice(places)
        if (name in other) if isinstance(other, dict) else name < len(other):
            holder[key] = _copied(other[name])
    elif what == 3 and isinstance(holder, list):
        holder.extend([holder[key]] * times)
        return True
    elif what == 4:
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"text": holder[key]}
    elif what == 5 and isinstance(holder[key], str):
        at, text = rng.randrange(len(holder[key]) + 1), rng.choice(HOSTILE_TEXTS)
        holder[key] = holder[key][:at] + text + holder[key][at:]
    else:
        holder[key] = _copied(rng.choice(HOSTILE))
    return False


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _bytes_changed(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, n = rng.randrange(len(content) + 1), rng.choice((0, 1, 1, 4, 40))
        what = rng.randrange(4)
        if what == 0:
            content = content[:at] + rng.randbytes(n) + content[at + n :]
        elif what == 1:
            content = content[:at] + content[at + n :]
        elif what == 2:
            content = content[:at] + rng.choice(_ENDS) + content[at:]
        else:
            content = content[:at] if rng.random() < 0.3 else content[:at] + content[max(at - n, 0) :]
    return content


def _packed(content: bytes, rng: random.Random) -> bytes:
    """Now and then in another encoding, with a mark of the byte order, with other line ends, or gzipped."""
    match rng.randrange(24):
        case 0:
            return b"\xef\xbb\xbf" + content
        case 1:
            return content.replace(b"\n", b"\r\n")
        case 2:
            return content.decode("utf-8", "replace").encode(
                rng.choice(("utf-16", "utf-32", "cp1252", "utf-7")), "replace"
            )
        case 3:
            packed = gzip.compress(content, 1)
            return packed[: rng.randrange(len(packed) + 1)] if rng.random() < 0.5 else packed
        case 4:
            return content + gzip.compress(content, 1)
    return content


def dumped(value: Any, rng: random.Random) -> str:
    """JSON of a value; now and then with a key twice, or nested deeper than anybody reads."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.02:
        text = text.replace("null", "[" * _DEEPEST + "]" * _DEEPEST, 1)
    if rng.random() < 0.03 and text.startswith("{") and len(text) > 2:
        text = f"{text[:-1]},{text[1:]}"
    return text


def _text(text: str, rng: random.Random) -> bytes:
    return _packed(text.encode("utf-8", "surrogatepass"), rng)


def _jsonl(example: bytes, rng: random.Random) -> bytes:
    rows = changed_value([json.loads(line) for line in example.splitlines()], rng)
    return _text("\n".join(dumped(row, rng) for row in rows) + "\n", rng)


def _json(example: bytes, rng: random.Random) -> bytes:
    return _text(dumped(changed_value(json.loads(example), rng), rng), rng)


def _csv(example: bytes, rng: random.Random) -> bytes:
    rows = changed_value(list(csv.reader(io.StringIO(example.decode()))), rng)
    rows = [[str(cell) for cell in row] if isinstance(row, list) else [str(row)] for row in rows]
    sink = io.StringIO()
    for row in rows:
        csv.writer(
            sink, delimiter=rng.choice(",,,;\t"), quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        ).writerow(row)
    return _text(sink.getvalue(), rng)


def _toml(example: bytes, rng: random.Random) -> bytes:
    """Lines of TOML with other values, in other places, or left out."""
    lines = example.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        name, equals, _ = lines[at].partition("=")
        match rng.randrange(6):
            case 0:
                del lines[at : at + 1]
                lines = lines or [""]
            case 1:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 2 if equals:
                lines[at] = f'"{rng.choice(HOSTILE_TEXTS)[:40]}" ={lines[at].partition("=")[2]}'
            case 3:
                lines[at] = re.sub(r"\w+", lambda word: rng.choice((word[0], "x" * 300, "0")), lines[at], count=1)
            case _ if equals:
                lines[at] = f"{name}= {_toml_value(rng)}"
            case _:
                lines[at] = rng.choice(("[x]", "[[x]]", "=", "[", "\x00", "a.b.c = 1", "[[x"))
    return _text("\n".join(lines), rng)


def _toml_value(rng: random.Random) -> str:
    values = (
        "nan",
        "inf",
        "-1",
        "0",
        "1e400",
        str(10**30),
        "true",
        "[]",
        "{}",
        "1979-05-27",
        "07:32:00",
        "[[]]",
        "{a = 1}",
        "''",
    )
    value = rng.choice((*values, *HOSTILE_TEXTS))
    return value if value in values else json.dumps(value)


def _parquet(example: bytes, rng: random.Random) -> bytes:
    """A table with other values, columns or types; as it was where Arrow knows no such table."""
    table = pq.read_table(io.BytesIO(example))
    try:
        rows = changed_value(table.to_pylist(), rng)
        schema = table.schema if rng.random() < 0.5 else None
        table = pa.Table.from_pylist([row for row in rows if isinstance(row, dict)], schema=schema)
        if rng.random() < 0.3 and table.num_columns:
            at = rng.randrange(table.num_columns)
            wanted = rng.choice(
                (pa.string(), pa.int8(), pa.float64(), pa.binary(), pa.large_string(), pa.null(), pa.date32())
            )
            table = table.set_column(at, table.schema.names[at], table.column(at).cast(wanted))
    except (pa.ArrowException, ValueError, TypeError, OverflowError, AttributeError, KeyError):
        pass
    sink = io.BytesIO()
    try:
        pq.write_table(table, sink, compression=rng.choice(("zstd", "none", "gzip")))
    except pa.ArrowException:  # a table that no file can hold
        return example
    return sink.getvalue()


def _zip(example: bytes, rng: random.Random) -> bytes:
    """An archive with other names and contents."""
    with zipfile.ZipFile(io.BytesIO(example)) as archive:
        members = [[info.filename, archive.read(info)] for info in archive.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(5):
        case 0:
            members[at][0] = rng.choice((*HOSTILE_TEXTS[:12], "a\\b", "C:x", f"{name}/x", "x" * 300)).replace(
                "\ud800", "?"
            )
        case 1:
            del members[at]
        case 2:
            members.append(members[at])
        case _:
            form = {"json": "json", "jsonl": "jsonl", "toml": "toml"}[name.rpartition(".")[2]]
            members[at][1] = _FORMS[form](content, rng)
    sink = io.BytesIO()
    warnings.filterwarnings("ignore", "Duplicate name")
    with zipfile.ZipFile(
        sink, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    ) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


def _manifest(example: bytes, rng: random.Random) -> bytes:
    """Other content, with a checksum that mostly fits."""
    content = changed_value(json.loads(example), rng)
    if isinstance(content, dict) and rng.random() < 0.8:
        content.pop("checksum", None)
        with suppress(UnicodeEncodeError):  # half of a surrogate pair, which no file of ours can hold
            return with_checksum(content).encode()
    return dumped(content, rng).encode("utf-8", "replace")


def _stream(example: bytes, rng: random.Random) -> bytes:
    """The events of a server, with other content and between other marks."""
    events = [json.loads(line.removeprefix(b"data: ")) for line in example.splitlines() if line.startswith(b"data: {")]
    lines = [f"data: {dumped(event, rng)}\n\n" for event in changed_value(events, rng)]
    if rng.random() < 0.2:
        lines.insert(
            rng.randrange(len(lines) + 1),
            rng.choice(("event: error\n", ": \n", "data: \n\n", "\n", "data: [DONE]\n\n", "id\n")),
        )
    return "".join([*lines, "data: [DONE]\n\n"]).encode("utf-8", "replace")


def _words(example: bytes, rng: random.Random) -> bytes:
    """A text in which others are put."""
    text = example.decode()
    for _ in range(rng.choice((1, 2, 5, 30))):
        at = rng.randrange(len(text) + 1)
        text = (
            text[:at]
            + rng.choice((*HOSTILE_TEXTS, text[:40] * rng.choice((1, 50)), chr(rng.randrange(0x110000))))
            + text[at:]
        )
    return text[:20_000].encode("utf-8", "replace")


_FORMS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "jsonl": _jsonl, "json": _json, "csv": _csv, "toml": _toml, "parquet": _parquet, "zip": _zip, "manifest": _manifest,
    "stream": _stream, "text": _words,
}  # fmt: skip
