"""Storage that others can reach, by its address: a folder, a bucket of S3, a data set of the hub.

Files are written and read from beginning to end, by their path below the address. It knows nothing of runs.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homog_core.errors import HomogError, InvalidInput, NotFound, first_line
from homog_core.files import expanded

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # of a server that is not Amazon's, as AWS's own tools call it
CHUNK = 1 << 20  # bytes of a file that are in memory


@dataclass(frozen=True, slots=True)
class Storage:
    """A place below which files lie."""

    address: str  # as somebody wrote it
    root: str
    system: "AbstractFileSystem"

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Put a file there, in the place of another one. Raises `HomogError` where that fails."""
        with self._reached(path, "written"), self.system.open(f"{self.root}/{path}", "wb") as stream:
            for chunk in chunks:
                stream.write(chunk)

    def chunks(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """A file, piece by piece.

        Raises `NotFound` where there is none, `HomogError` for one that is larger, or does not read.
        """
        left = most_bytes
        with self._reached(path, "read"), self.system.open(f"{self.root}/{path}", "rb") as stream:
            while left >= 0 and (chunk := stream.read(min(left + 1, CHUNK))):
                left -= len(chunk)
                yield chunk
        if left < 0:
            raise HomogError(f"{self.address} has a {path} of more than the {most_bytes:,} bytes that it may have.")

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A small file; None where there is none. Raises `HomogError` as `chunks` does."""
        try:
            return b"".join(self.chunks(path, most_bytes))
        except NotFound:
            return None

    def remove(self, path: str) -> None:
        """Take a file away."""
        with self._reached(path, "taken away"):
            self.system.rm_file(f"{self.root}/{path}")

    def folders(self) -> list[str]:
        """The names of what lies directly below, sorted; nothing where the place does not exist."""
        try:
            with self._reached("", "listed"):
                found = self.system.ls(self.root, detail=False)
        except NotFound:
            return []
        return sorted(str(name).rstrip("/").rpartition("/")[2] for name in found)

    @contextmanager
    def _reached(self, path: str, what: str) -> Iterator[None]:
        """Each storage has errors of its own; all become one sentence, but that of a file that is not there."""
        try:
            yield
        except HomogError:
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            if what == "written":
                raise self._failure(path, what, error) from error
            raise NotFound(f"There is no {self.address.rstrip('/')}/{path}.") from error
        except Exception as error:
            raise self._failure(path, what, error) from error

    def _failure(self, path: str, what: str, error: Exception) -> HomogError:
        return HomogError(f"{self.address.rstrip('/')}/{path} could not be {what} ({first_line(error)}).")


def storage(address: str) -> Storage:
    """The storage at an address. Credentials are those that S3's and the hub's own tools use.

    Raises `InvalidInput` for an address of another kind.
    """
    protocol, mark, rest = address.partition("://")
    if not mark:
        from fsspec.implementations.local import LocalFileSystem

        return Storage(address, str(expanded(address).absolute()), LocalFileSystem(auto_mkdir=True))
    if protocol == "s3" and rest.strip("/"):
        return Storage(address, rest.strip("/"), _s3())
    if protocol == "hf" and rest.startswith("datasets/"):
        from huggingface_hub import HfFileSystem

        return Storage(address, rest.rstrip("/"), HfFileSystem())
    raise InvalidInput(
        f"{address!r} is no place for runs; give a folder, s3://BUCKET/FOLDER or hf://datasets/OWNER/NAME/FOLDER."
    )


def _s3() -> "AbstractFileSystem":
    """S3 as pyarrow speaks it, which is here anyway."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    scheme, _, host = endpoint.rpartition("://")
    return ArrowFSWrapper(S3FileSystem(endpoint_override=host or None, scheme=scheme or "https"))
