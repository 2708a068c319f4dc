"""Files that somebody has sent → runs: one file, several, or a ZIP of a study.

Everything lies in a folder of its own while it is read, and is gone afterwards. No name from outside leads out of it.
"""

import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.progress import OnProgress
from homog_core.runs.importers import MAX_BYTES, MAX_NAME, check_plain_name, import_file, import_upload, of_each_model
from homog_core.runs.importers.notes import About
from homog_core.runs.importers.sources import DAMAGED_ARCHIVE
from homog_core.runs.importers.study import NAME, entries
from homog_core.runs.store import Run

MOST_FILES = 500  # in a ZIP
_LEFTOVERS = ("__MACOSX", ".DS_Store", "Thumbs.db")  # of those who pack


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent: the name that somebody gave it, and its bytes."""

    name: str
    content: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of some uploads."""

    runs: tuple[Run, ...]
    failed: tuple[str, ...] = ()  # one sentence for each file that gave no run
    unused: tuple[str, ...] = ()  # files that nothing names


def import_uploads(
    uploads: Sequence[Upload],
    about: About,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Imported:
    """`import_file` of some files that belong together; `about` is said of all of them.

    With an `import.toml` among the files, or in a ZIP, they are its study. Otherwise each file is a run, or one of each
    model that it names, and the input file of an OpenAI batch goes with its outputs. A file that gives no run is listed
    and the others go on; raises as `import_file` where none gives one, and `InvalidInput` for names that are paths, for
    a ZIP that leads out of its folder, and for one that unpacks to more than `MAX_BYTES`.
    """
    if len(uploads) == 1 and not is_zip_of_files(uploads[0]):
        one = uploads[0]
        return Imported(
            tuple(of_each_model(lambda said: import_upload(one.name, one.content, said, on_progress), about))
        )
    with TemporaryDirectory(prefix="homog-upload-") as folder, _disk_errors():
        root = _kept(uploads, Path(folder))
        wanted = list(_wanted(root, about))
        used = {file.resolve() for file, _ in wanted}
        used |= {Path(said.input).resolve() for _, said in wanted if said.input} | {(root / NAME).resolve()}
        runs, errors = [], []
        for file, said in wanted:
            try:
                for path in filter(None, (file, said.input and Path(said.input))):
                    if not path.is_file():
                        raise NotFound(f"{NAME} names {path.name}, which is not among the files; send it too.")
                runs += of_each_model(lambda one, file=file: import_file(file, one, on_progress), said)
            except HomogError as error:
                errors.append(error)
        if not runs:
            raise errors[0]
        names = sorted(str(file.relative_to(root)) for file in _files(root) if file.resolve() not in used)
        return Imported(tuple(runs), tuple(map(str, errors)), tuple(names))


def is_zip_of_files(upload: Upload) -> bool:
    """Whether an upload is a ZIP to be unpacked; the logs of Inspect are ZIPs, and files of answers themselves."""
    try:
        with zipfile.ZipFile(BytesIO(upload.content)) as archive:
            names = archive.namelist()
    except DAMAGED_ARCHIVE:
        return False
    return "header.json" not in names and not any(name.endswith("data.pkl") for name in names)


def _kept(uploads: Sequence[Upload], folder: Path) -> Path:
    """Write the files, and say in which folder their study is."""
    if len(uploads) == 1:
        _unpack(uploads[0], folder)
        while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():  # a folder was packed
            folder = inside[0]
        return folder
    if sum(len(upload.content) for upload in uploads) > MAX_BYTES:
        raise InvalidInput(f"These files have more than {MAX_BYTES:,} bytes together; import them in parts.")
    for upload in uploads:
        check_plain_name(upload.name)
        if (folder / upload.name).exists():
            raise InvalidInput(f"Two files are called {upload.name}; rename one of them, or send a ZIP.")
        (folder / upload.name).write_bytes(upload.content)
    return folder


def _unpack(upload: Upload, folder: Path) -> None:
    """Write the members of a ZIP, counting every byte: what a header says of sizes may be a lie."""
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(BytesIO(upload.content)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir() and not _is_leftover(info.filename)]
            if len(members) > MOST_FILES:
                raise InvalidInput(f"{upload.name} holds {len(members):,} files and the limit is {MOST_FILES}.")
            for info in members:
                target = _target(info, folder, upload.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, target.open("xb") as sink:
                    while chunk := source.read(1 << 20):
                        left -= len(chunk)
                        if left < 0:
                            raise InvalidInput(f"{upload.name} unpacks to more than {MAX_BYTES:,} bytes; send parts.")
                        sink.write(chunk)
    except DAMAGED_ARCHIVE as error:
        raise InvalidInput(f"{upload.name} is no ZIP that unpacks ({error}); pack it again.") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidInput(f"{upload.name} holds two files of one name; pack it again.") from error
    except OSError as error:
        if error.errno:  # of the disk; a damaged stream of bz2 has none
            raise
        raise InvalidInput(f"{upload.name} is no ZIP that unpacks ({error}); pack it again.") from error


def _target(info: zipfile.ZipInfo, folder: Path, archive: str) -> Path:
    """Where a member goes: inside the folder, whatever it is called."""
    name = info.filename
    parts = PurePosixPath(name).parts
    if (
        name.startswith("/")
        or re.search(r"[\\:]", name)
        or ".." in parts
        or not name.isprintable()
        or any(len(part.encode()) > 2 * MAX_NAME for part in parts)
        or stat.S_ISLNK(info.external_attr >> 16)
    ):
        raise InvalidInput(f"{archive} holds {name[:MAX_NAME]!r}, which is no plain file in it; pack the folder alone.")
    return folder.joinpath(*parts)


def _is_leftover(name: str) -> bool:
    return any(part in _LEFTOVERS for part in PurePosixPath(name).parts)


def _wanted(root: Path, about: About) -> Iterator[tuple[Path, About]]:
    """The files that make runs, with what is said of each."""
    if (root / NAME).is_file():
        yield from entries(root, about)
        return
    from homog_core.runs.importers.detect import batch_part  # here, since it imports pydantic

    files = {file: batch_part(file) for file in _files(root)}
    requests = [file for file, part in files.items() if part == "input"]
    outputs = {file: part for file, part in files.items() if part != "input"}
    if not outputs:
        raise InvalidInput(f"There are no answers in {', '.join(file.name for file in files) or 'it'}; send them too.")
    if len(requests) > 1:
        raise InvalidInput(
            f"{requests[0].name} and {requests[1].name} are both inputs of a batch; send one with its output, or say "
            f"which goes with which in an {NAME}."
        )
    for file, part in outputs.items():
        yield file, replace(about, input=str(requests[0])) if requests and part == "output" else about


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A full disk, said in one sentence."""
    try:
        yield
    except OSError as error:
        raise HomogError(f"The files could not be kept for the import ({error.strerror or error}).") from error
