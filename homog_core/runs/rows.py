"""A CSV, JSONL or JSON file, gzipped or not → its rows with their line numbers. Complaints name the file and the line.

A row that is damaged ends the reading, unless the caller takes the complaint and goes on. What the columns of a row
mean is known to `dataset_formats` and to the importers.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from homog_core.errors import HomogError, InvalidInput

MAX_LINE = 32 << 20  # bytes; parsed, a line takes about ten times as much
MAX_UNPACKED = 512 << 20  # bytes that a compressed file may hold
MAX_JSON = 128 << 20  # bytes of a file that is parsed as a whole
Rows = Iterator[tuple[int, dict[str, Any]]]  # a row is its line number and its columns
OnBad = Callable[[InvalidInput], None]  # is told of a row that is damaged; it may raise
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_BETWEEN = re.compile(r"[\s,]*")  # two objects of JSON in one file
_LONE_RETURN = re.compile(r"(?<=\r)(?=[^\n])")
_DELIMITERS = ",;\t|"
_MARKS = {  # of the byte order, with which a text begins; the longer ones first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_RULE = re.compile(r"\A:?-{2,}:?\Z")  # below the header of a table of Markdown


def refuse(error: InvalidInput) -> None:
    """The `OnBad` that ends the reading."""
    raise error


def read_rows(path: Path) -> Rows:
    """The rows of a file by its ending; every row of a CSV file has all columns. Raises `HomogError`.

    The number of a row of JSON is its place in the list. Half of a surrogate pair is read as a question mark.
    """
    readers = {".csv": csv_rows, ".jsonl": jsonl_rows}
    rows = readers.get(Path(path.name.lower().removesuffix(".gz")).suffix, json_rows)(path)
    return ((number, _whole(row)) for number, row in rows)


def _whole(value: Any) -> Any:
    """A value of JSON with ? for half of a surrogate pair, which no file of ours can hold."""
    if isinstance(value, dict):
        return {_whole(name): _whole(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [_whole(inside) for inside in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def kind_of(value: Any) -> str:
    """What a value of JSON is, in words."""
    return _KINDS.get(type(value), "a number")


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where they are gzipped; of a text with a mark of UTF-16 or -32 those of UTF-8."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    stream = gzip.open(path, "rb") if is_packed else path.open("rb")  # noqa: SIM115 (whoever asks closes it)
    try:
        head = stream.read(4)
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    return io.BufferedReader(_AsUtf8(stream, marked)) if marked else stream


class _AsUtf8(io.RawIOBase):
    """The bytes of a text in another encoding, as they would be in UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding, newline="")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._text.read(max(len(buffer) // 4, 1)).encode("utf-8", "replace")  # at most 4 bytes a character
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._text.close()
        super().close()


def is_windows_1252(path: Path) -> bool:
    """Whether a text can only be what older spreadsheets write: no line with letters beyond ASCII is UTF-8.

    A file of which some lines with such letters are UTF-8 is damaged, and so is one that Windows-1252 cannot hold; one
    with a null character is no text.
    """
    found = False
    try:
        with opened(path) as stream:
            while raw := stream.readline(MAX_LINE):
                if b"\0" in raw:
                    return False
                if raw.isascii():
                    continue
                try:
                    raw.decode("utf-8")
                    return False
                except UnicodeDecodeError:
                    raw.decode("cp1252")
                    found = True
    except (UnicodeDecodeError, EOFError, zlib.error, OSError):  # whoever reads it says what is wrong
        return False
    return found


def csv_rows(path: Path, on_bad: OnBad = refuse, encoding: str = "utf-8") -> Rows:
    """The rows of CSV; commas, semicolons, tabs or bars stand between the cells, as in the header.

    A first line `sep=;`, which spreadsheets write, says which.
    """
    csv.field_size_limit(MAX_LINE)
    # a line may also end in a lone carriage return
    lines = (
        part
        for line in _lines(path, on_bad, encoding)
        for part in (_LONE_RETURN.split(line) if "\r" in line[:-1] else (line,))
    )
    full = ((before, line) for before, line in enumerate(lines) if line.strip())
    before, first = next(full, (0, ""))
    if said := re.fullmatch(r"sep=([,;\t|])\s*", first):
        before, first = next(full, (0, ""))
    reader = csv.DictReader(chain([first], lines), strict=True, delimiter=said[1] if said else _delimiter(first))
    try:
        columns = reader.fieldnames or ()
    except csv.Error as error:
        raise InvalidInput(f"{path.name}, line {before + 1}: this is not CSV ({error}).") from error
    if twice := [name for name, times in Counter(columns).items() if name and times > 1]:
        raise InvalidInput(
            f"{path.name}, line {before + reader.line_num}: the column {twice[0][:40]!r} is there twice; keep one."
        )
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            on_bad(InvalidInput(f"{path.name}, line {before + reader.reader.line_num}: this is not CSV ({error})."))
            continue
        if None in row or None in row.values():
            on_bad(
                InvalidInput(
                    f"{path.name}, line {before + reader.line_num}: the row does not have the {len(columns)} "
                    "columns of the header; put a text that holds a comma in quotation marks."
                )
            )
            continue
        if reader.reader.dialect.delimiter == "|":  # perhaps a table of Markdown, with a rule below its header
            row = {name: _RULE.sub("", cell.strip()) for name, cell in row.items()}
        if not any(row.values()):
            continue  # a spreadsheet writes empty rows
        yield before + reader.line_num, row


def _delimiter(header: str) -> str:
    """The sign that parts the header into the most columns; of equals the comma."""

    def n_columns(sign: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=sign), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=n_columns)


def jsonl_rows(path: Path, on_bad: OnBad = refuse) -> Rows:
    """The rows of JSONL; empty lines are passed over."""
    for number, line in enumerate(_lines(path, on_bad), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except InvalidInput as error:
            on_bad(InvalidInput(f"{where}: {error}"))
            continue
        except (ValueError, RecursionError) as error:  # a ValueError: also a number of thousands of digits
            on_bad(InvalidInput(f"{where}: this is not JSON ({getattr(error, 'msg', error)})."))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            on_bad(InvalidInput(f"{where}: a row must be a JSON object, not {kind_of(row)}."))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InvalidInput(f"the field {twice[:40]!r} is there twice; keep one.")
    return row


def json_rows(path: Path) -> Rows:
    """The objects of a JSON list."""
    rows = json_content(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path.name} must be a JSON list of objects.")
    yield from enumerate(rows, start=1)


def json_content(path: Path, on_bad: OnBad = refuse) -> Any:
    """What a JSON file holds. Of a field that an object has twice the last one counts, if `on_bad` goes on."""

    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        try:
            return _object(pairs)
        except InvalidInput as error:
            on_bad(InvalidInput(f"{path.name}: {error}"))
            return dict(pairs)

    try:
        with opened(path) as stream:
            content = stream.read(MAX_JSON + 1)
        if len(content) > MAX_JSON:
            raise InvalidInput(
                f"{path.name} holds more than {MAX_JSON:,} bytes of JSON that must be read as a whole; write it as "
                "JSONL, one line an object."
            )
        return _parsed(content.decode("utf-8-sig"), read)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text; save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path.name}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path.name}, line 1: this is not JSON ({error}).") from error
    except (EOFError, zlib.error) as error:
        raise InvalidInput(f"{path.name} is cut off or damaged ({error}); pack it again.") from error
    except OSError as error:
        raise HomogError(f"{path.name} could not be read ({error.strerror or error}); try again.") from error


def _parsed(text: str, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    """What a text of JSON says; the list of its objects where they stand one after the other."""
    try:
        return json.loads(text, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data" or not text.lstrip().startswith("{"):
            raise
    decoder, found, end = json.JSONDecoder(object_pairs_hook=hook), [], 0
    while end < len(text) and (start := _BETWEEN.match(text, end).end()) < len(text):
        one, end = decoder.raw_decode(text, start)
        found.append(one)
    return found


def _lines(path: Path, on_bad: OnBad, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a text file, none of them longer than a machine can take; an empty one for one that is damaged."""
    number, total = 0, 0
    try:
        with opened(path) as stream:
            while raw := stream.readline(MAX_LINE + 1):
                number, total = number + 1, total + len(raw)
                where = f"{path.name}, line {number}"
                if len(raw) > MAX_LINE:
                    on_bad(InvalidInput(f"{where}: the line is longer than {MAX_LINE:,} bytes."))
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(MAX_LINE)
                        total += len(raw)
                    raw = b"\n"
                if total > MAX_UNPACKED:
                    raise InvalidInput(f"{path.name} unpacks to more than {MAX_UNPACKED:,} bytes; import it in parts.")
                try:
                    yield raw.decode("utf-8-sig" if number == 1 and encoding == "utf-8" else encoding)
                except UnicodeDecodeError:
                    on_bad(InvalidInput(f"{where}: this is not UTF-8 text; save it as UTF-8."))
                    yield "\n"
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        on_bad(InvalidInput(f"{path.name}, after line {number}: the file is cut off or damaged ({error})."))
    except OSError as error:
        raise HomogError(f"{path.name} could not be read ({error.strerror}); try again.") from error
