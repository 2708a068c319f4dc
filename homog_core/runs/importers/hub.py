"""A file of a data set on the hub, by its name: fetched at one revision, which the run then keeps."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.files import named

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

PREFIX = "hf://datasets/"
_NAME = re.compile(
    rf"({PREFIX})?(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[^/]+))?(/(?P<file>.+))?", re.ASCII
)  # as huggingface_hub's own file system writes it
_DATA = re.compile(r"\.(jsonl?|csv|parquet|eval)(\.gz)?", re.IGNORECASE)
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class HubName:
    """What somebody calls a file on the hub."""

    repository: str
    revision: str | None
    file: str | None


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of the hub on this machine."""

    path: Path
    origin: str  # its whole name with the commit, by which it can be had again


def hub_name(text: str) -> HubName | None:
    """What `hf://datasets/OWNER/NAME/FILE` or `OWNER/NAME` calls; None for what is the path of a file.

    A revision may stand after the name, as in `hf://datasets/OWNER/NAME@main/FILE`. Raises `InvalidInput` for an
    address of the hub that is no such name.
    """
    found = _NAME.fullmatch(text)
    if text.startswith("hf:") and not (found and text.startswith(PREFIX)):
        raise InvalidInput(f"{text!r} names no file of a data set; write {PREFIX}OWNER/NAME/FILE.")
    if not found or (not text.startswith(PREFIX) and (found["file"] or _is_file_name(text))):
        return None
    return HubName(found["repository"], found["revision"], found["file"])


def fetch(name: HubName, most_bytes: int) -> HubFile:
    """The file, at the commit that the hub has now, or at the revision that the name says.

    Without a file in the name the repository must have a single one that holds data. Raises `NotFound` for what the hub
    does not have, `InvalidInput` where several files could be meant or one is too large, and `HomogError` where the hub
    does not answer or refuses.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HTTPError

    try:
        info = HfApi().dataset_info(name.repository, revision=name.revision, files_metadata=True)
        file = _chosen(name, {found.rfilename: found.size or 0 for found in info.siblings or ()}, most_bytes)
        path = hf_hub_download(name.repository, file, repo_type="dataset", revision=info.sha)
    except (OSError, HTTPError) as error:
        raise _refused(name, error) from error
    return HubFile(Path(path), _origin(name, info, file))


def _is_file_name(text: str) -> bool:
    return bool(_DATA.search(text)) or named(text).exists()


def _chosen(name: HubName, sizes: dict[str, int], most_bytes: int) -> str:
    """The file that is meant, among those of the repository."""
    data = [file for file in sizes if _DATA.search(file)]
    listed = ", ".join(f"{PREFIX}{name.repository}/{file}" for file in data[:_SHOWN]) + (
        " …" if len(data) > _SHOWN else ""
    )
    if name.file is None and len(data) != 1:
        what = f"{len(data)} files of data; name one: {listed}" if data else "no file that an import reads"
        raise InvalidInput(f"The data set {name.repository} has {what}.")
    file = name.file or data[0]
    if file not in sizes:
        raise NotFound(f"The data set {name.repository} has no file {file!r}; there are {listed or 'none'}.")
    if sizes[file] > most_bytes:
        raise InvalidInput(f"{file} has {sizes[file]:,} bytes and the limit is {most_bytes:,}; import it in parts.")
    return file


def _origin(name: HubName, info: "DatasetInfo", file: str) -> str:
    return f"{PREFIX}{name.repository}@{info.sha}/{file}"


def _refused(name: HubName, error: Exception) -> HomogError:
    """The sentence for what the hub has answered, or that it has not."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError

    page = f"huggingface.co/datasets/{name.repository}"
    answer = getattr(error, "response", None) if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        return HomogError(f"{page} is behind a licence: accept it there, and set HF_TOKEN to a token of that account.")
    if isinstance(error, RevisionNotFoundError):
        return NotFound(f"{page} has no revision {name.revision!r}; give a branch, a tag or a commit.")
    if answer is not None and answer.status_code in (401, 404):
        return NotFound(
            f"The hub has no data set {name.repository!r}, or it is private (set HF_TOKEN). A file of this machine is "
            "given by its path."
        )
    if answer is not None:
        return HomogError(f"The hub answers {answer.status_code} for {page}; try again later.")
    return HomogError(
        f"{page} could not be reached ({type(error).__name__}): connect to the network, or import a file that you have."
    )
