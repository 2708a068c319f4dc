"""A file → its records, whatever it is packed in. The packing is told by the first bytes, never by the file's name.

Nothing is ever unpickled: a pickle can run any program. Archives are read in memory, and only up to a size.
"""

import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from homog_core.errors import HomogError, InvalidInput
from homog_core.runs import rows
from homog_core.runs.importers.notes import Notes, Record

FORMATS = (
    "JSONL, JSON, CSV or Parquet with questions and lists of answers or one row an answer, samples_*.jsonl of "
    "lm-evaluation-harness, .eval or JSON of Inspect, scenario_state.json of HELM, output of an OpenAI batch, vLLM's "
    "RequestOutput"
)
_WRAPPERS = ("data", "rows", "records", "items", "examples", "questions", "results")  # of a list of rows
_FIELDS = frozenset(
    {"question", "prompt", "id", "instruction", "query", "input", "answers", "answer", "model", "input_texts"}
)
_ROW = frozenset({"question", "prompt", "answers", "answer"})  # of these an object that is a row has one
_PACKED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR"}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"  # how the files of Excel begin that end in .xls
_OLDER_LETTERS = "a file that is not UTF-8: its letters are read as Windows-1252; if they look wrong, save it as UTF-8"
MAX_ROWS = 5_000_000  # of a file; each takes some microseconds, however short it is
_BATCH = 64  # rows of a Parquet file that are unpacked at once,
_BATCH_BYTES = 128 << 20  # or fewer, where they may be larger: a text that a file holds once can stand in all of them
_LEAST_VALUE = 4  # bytes that a value of a Parquet file takes in memory, however short it is in the file
_PICKLES = (b"(dp", b"(lp", b"ccopy_reg", b"c__")  # how pickles of protocol 0 begin
_EXPORT = (
    "import json,pickle,sys; d=pickle.load(open(sys.argv[1],'rb')); "
    "[print(json.dumps(r,default=str)) for r in (d.values() if isinstance(d,dict) else d)]"
)
DAMAGED_ARCHIVE = (  # what Python raises where a ZIP is damaged, encrypted, or packed in a way that is not known
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, LookupError, RuntimeError,
)  # fmt: skip
Packing = Literal["jsonl", "json", "csv", "parquet", "zip"]


def records(path: Path, notes: Notes) -> Iterator[Record]:
    """The records of a file. One that is damaged is noted and left out.

    Raises `InvalidInput` for no known packing, and for more rows or bytes than a machine can take.
    """
    for number, record in enumerate(_records(path, notes)):
        if number == MAX_ROWS:
            raise InvalidInput(f"{path.name} has more than {MAX_ROWS:,} rows; import it in parts.")
        yield record


def _records(path: Path, notes: Notes) -> Iterator[Record]:
    kind = packing(path)
    if kind == "zip":
        yield from _members(path, notes)
    elif kind == "parquet":
        yield from _parquet_rows(path)
    elif kind == "json":
        yield from _objects(path, notes)
    elif kind == "jsonl":
        yield from _numbered(path, rows.jsonl_rows(path, notes.left_out))
    else:
        is_older = rows.is_windows_1252(path)
        if is_older:
            notes.add(_OLDER_LETTERS, path.name)
        yield from _numbered(path, rows.csv_rows(path, notes.left_out, "cp1252" if is_older else "utf-8"))


def _numbered(path: Path, found: rows.Rows) -> Iterator[Record]:
    return (Record(f"{path.name}, line {line}", row) for line, row in found)


def _objects(path: Path, notes: Notes) -> Iterator[Record]:
    """The objects of a JSON list; an object alone is one record."""
    twice = lambda error: notes.add("fields that an object has twice: the last one counts", str(error))
    content = _rows_of_object(rows.json_content(path, twice))
    for number, row in enumerate(content if isinstance(content, list) else [content], start=1):
        where = f"{path.name}, entry {number}" if isinstance(content, list) else path.name
        if isinstance(row, dict):
            yield Record(where, row)
        else:
            notes.left_out(InvalidInput(f"{where}: a row must be a JSON object, not {rows.kind_of(row)}."))


def _rows_of_object(content: Any) -> Any:
    """The rows that an object holds: by column as pandas and datasets write a frame, under one name, or answers by
    question; anything else as it is.
    """
    if not isinstance(content, dict) or not content:
        return content
    name = next((name for name in _WRAPPERS if name in content), None)
    if name and _ROW.isdisjoint(content) and _are_objects(content[name]):  # what is said beside them is said of each
        beside = {key: value for key, value in content.items() if key != name}
        return [beside | row for row in content[name]]
    if isinstance(content.get("columns"), list) and _are_lists(content.get("data")):  # a table of W&B, or of pandas
        names = [str(name) for name in content["columns"]]
        return [dict(zip(names, row, strict=False)) for row in content["data"]]
    columns = list(content.values())
    if all(isinstance(row, dict) and not _ROW.isdisjoint(row) for row in columns):  # by the ids of the questions
        return [{"id": key} | row for key, row in content.items()]
    if len(columns) > 1 and all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
        return [{name: column[key] for name, column in content.items()} for key in columns[0]]
    if not all(isinstance(column, list) for column in columns):
        return content
    if _FIELDS.isdisjoint(name.lower() for name in content):
        is_answers = all(column and all(isinstance(answer, str) for answer in column) for column in columns)
        return [{"question": name, "answers": column} for name, column in content.items()] if is_answers else content
    if len({len(column) for column in columns}) > 1:
        return content
    return [dict(zip(content, row, strict=True)) for row in zip(*columns, strict=True)]


def _are_lists(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, list) for one in value)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def packing(path: Path) -> Packing:
    """What a file is packed in. Raises `InvalidInput` for a pickle, and for what is none of `FORMATS`."""
    try:
        with rows.opened(path) as stream:
            head = stream.read(16)
            if (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05") or head.startswith(_PICKLES):
                raise InvalidInput(_no_pickle(path))
            if packed := next((name for begin, name in _PACKED.items() if head.startswith(begin)), None):
                raise InvalidInput(f"{path.name} is packed with {packed}; unpack it first, or pack it with gzip.")
            if head.startswith(_OLD_OFFICE):
                raise InvalidInput(_no_workbook(path))
            if head[:4] == b"PAR1":
                return "parquet"
            if head[:4] == b"PK\x03\x04":
                return "zip"
        with rows.opened(path) as stream:
            first, second = islice(_full_lines(stream), 1), islice(_full_lines(stream), 1)
            return _of_text(path, next(first, b""), next(second, b""))
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} is cut off or damaged ({error}); pack it again.") from error
    except OSError as error:
        raise HomogError(f"{path.name} could not be read ({error.strerror or error}); try again.") from error


def _full_lines(stream: Any) -> Iterator[bytes]:
    while raw := stream.readline(rows.MAX_LINE):
        if raw.strip():
            yield raw


def _of_text(path: Path, first: bytes, second: bytes) -> Packing:
    """The packing of a text by its first two lines that are not empty."""
    try:
        head = first.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        if _is_older_header(first) and rows.is_windows_1252(path):
            return "csv"
        raise InvalidInput(
            f"{path.name}, line 1: this is not UTF-8 text; save it as UTF-8, or give one of: {FORMATS}."
        ) from error
    if head.startswith("["):
        return "json"
    if head.startswith("{"):
        return "json" if head.endswith(("{", "[", ",")) or not (second or _is_row(head)) else "jsonl"
    return "jsonl" if re.match(rb'\s*\{\s*"', second) else "csv"  # in CSV a cell with a quote begins with one


def _is_older_header(line: bytes) -> bool:
    """Whether a line can be the header of CSV in Windows-1252: several cells, and nothing but text."""
    try:
        text = line.decode("cp1252").strip()
    except UnicodeDecodeError:
        return False
    return bool(re.search(r"[,;\t|]", text)) and text.replace("\t", "").isprintable()


def _is_row(text: str) -> bool:
    """Whether a line is JSON of its own, and not a whole frame."""
    try:
        return isinstance(_rows_of_object(json.loads(text)), dict)
    except (ValueError, RecursionError):
        return False


def _no_pickle(path: Path) -> str:
    return (
        f"{path.name} is a pickle. A pickle can run any program when it is opened, so it is not. Where it was made, "
        f'this writes its records as JSONL, which can be imported: python -c "{_EXPORT}" {path.name} > '
        f"{path.stem}.jsonl"
    )


def _no_workbook(path: Path) -> str:
    return f"{path.name} is a workbook of Excel; save the sheet as CSV (UTF-8) and import that."


def _parquet_rows(path: Path) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            columns = [group.column(i) for group in groups for i in range(group.num_columns)]
            total = sum(max(column.total_uncompressed_size, _LEAST_VALUE * column.num_values) for column in columns)
            _check_size(path, total)
            longest = max((column.total_uncompressed_size for column in columns if _may_repeat(column)), default=1)
            number = total = 0
            for batch in file.iter_batches(batch_size=min(max(_BATCH_BYTES // max(longest, 1), 1), _BATCH)):
                total += batch.nbytes
                _check_size(path, total)
                for row in batch.to_pylist():
                    number += 1
                    yield Record(f"{path.name}, row {number}", row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a text whose bytes are damaged
        raise InvalidInput(f"{path.name} is no Parquet file that reads ({str(error)[:120]!r}).") from error


def _check_size(path: Path, n_bytes: int) -> None:
    if n_bytes > rows.MAX_UNPACKED:
        raise InvalidInput(f"{path.name} unpacks to more than {rows.MAX_UNPACKED:,} bytes; import it in parts.")


def _may_repeat(column: Any) -> bool:
    """Whether a part of a Parquet column may hold a text once that stands in many rows."""
    return column.physical_type == "BYTE_ARRAY" and any("DICTIONARY" in name for name in column.encodings)


def _members(path: Path, notes: Notes) -> Iterator[Record]:
    """The header of Inspect's archive and its samples. Names inside are only read, never written to."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.endswith("data.pkl") for name in names):
                raise InvalidInput(_no_pickle(path))
            if "xl/workbook.xml" in names:
                raise InvalidInput(_no_workbook(path))
            if "header.json" not in names:
                raise InvalidInput(f"{path.name} is an archive without the header.json of an Inspect log; unpack it.")
            _check_size(path, sum(info.file_size for info in archive.infolist()))
            samples = [name for name in names if name.startswith("samples/") and name.endswith(".json")]
            for name in ("header.json", *samples):
                content = _member(archive, name, f"{path.name}, {name}", notes)
                if content is not None:
                    yield Record(f"{path.name}, {name}", content)
    except (*DAMAGED_ARCHIVE, OSError) as error:
        raise InvalidInput(f"{path.name} is no archive that reads ({error}).") from error


def _member(archive: zipfile.ZipFile, name: str, where: str, notes: Notes) -> dict[str, Any] | None:
    try:
        content = json.loads(archive.read(name).decode("utf-8-sig"))
    except NotImplementedError as error:  # a compression that this Python does not have
        raise InvalidInput(
            f"{where}: it is packed in a way that cannot be read ({error}); convert it to JSON."
        ) from error
    except (*DAMAGED_ARCHIVE, OSError) as error:  # an OSError of bz2's
        notes.left_out(InvalidInput(f"{where}: this is not JSON that reads ({error})."))
        return None
    if isinstance(content, dict):
        return content
    notes.left_out(InvalidInput(f"{where}: it must be a JSON object, not {rows.kind_of(content)}."))
    return None
