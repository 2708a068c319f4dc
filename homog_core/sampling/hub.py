"""Models of the hub: what of one lies in the cache, which files to fetch, and a sentence for every way that fails.

Only safetensors are fetched, since a pickle runs code when it is read, and of them only those that transformers loads.
It loads no model.
"""

import errno
import fnmatch
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homog_core.catalogue.models import MODELS
from homog_core.device import probe_device, require_room
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.sampling.model_files import INDEX, SINGLE, index_files, missing_weights

_SMALL = ("*.json", "*.model", "*.jinja", "*.txt", "*.tiktoken")  # configuration and tokenizer, beside the weights
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_TOKENS = "huggingface.co/settings/tokens"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fetched of a repository."""

    files: tuple[str, ...]  # the weights last
    n_bytes: int  # that are not in the cache yet
    weight_bytes: int  # of all weight files
    n_parameters: int  # as the hub counts them; without that, for weights of 16 bits
    quantised: bool


def cached(spec: ModelSpec) -> Path | None:
    """The folder of a model in the hub's cache; None unless its weights and all other wanted files are there.

    A download that was interrupted leaves a configuration without weights. Touches no network.
    """
    from huggingface_hub import get_cached_repo_tree, try_to_load_from_cache
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    config = try_to_load_from_cache(spec.source, "config.json", revision=spec.revision)
    if not isinstance(config, str) or missing_weights(folder := Path(config).parent):
        return None
    try:
        small = [file.path for file in get_cached_repo_tree(spec.source, revision=folder.name) if _is_small(file.path)]
    except CachedRepoTreeNotFoundError:  # fetched file by file, as below: the weights come last
        small = []
    return folder if all((folder / name).is_file() for name in small) else None


def takes(spec: ModelSpec) -> str:
    """What it takes to have a model of the hub here, as part of a sentence."""
    size = f"{spec.n_parameters * 2 / 1e9:.1f} GB" if spec.n_parameters else "size unknown"
    return f"downloads {size} from the hub · licence {spec.license or 'see its card'}"


def fetch(spec: ModelSpec, say: Say) -> Path:
    """The folder of a model in the hub's cache, downloaded where it is not whole.

    Weights that do not fit the memory or the disk of this machine are refused before they are fetched (`OutOfMemory`,
    `ModelUnavailable`). Raises `NotFound` for a repository or revision that the hub does not have, `InvalidInput` for
    one without weights in safetensors, and `ModelUnavailable` for what somebody can change: tokens, licences, limits,
    the network, the disk.
    """
    from huggingface_hub.errors import HTTPError

    if (folder := cached(spec)) is not None:
        return folder
    try:
        plan = _plan(spec)
    except (OSError, HTTPError) as error:
        raise _refused(spec, error) or _unreachable(spec) from error
    _require_memory(spec, plan)
    _require_disk(spec, plan)
    try:
        return _download(spec, plan, say)
    except (OSError, HTTPError, RuntimeError) as error:  # of the last kind are those of hf_xet
        raise _refused(spec, error) or _cut(spec) from error


def _plan(spec: ModelSpec) -> Plan:
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    info = HfApi().model_info(spec.source, revision=spec.revision, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    weights: tuple[str, ...] = (SINGLE,) if SINGLE in sizes else ()
    if INDEX in sizes:
        weights = index_files(Path(hf_hub_download(spec.source, INDEX, revision=info.sha)))
    if not weights or set(weights) - sizes.keys():
        raise _no_safetensors(spec, sizes, weights)
    files = (*filter(_is_small, sizes), *weights)
    here = {name for name in files if isinstance(try_to_load_from_cache(spec.source, name, revision=info.sha), str)}
    weight_bytes = sum(sizes[name] for name in weights)
    return Plan(
        files,
        n_bytes=sum(sizes[name] for name in files if name not in here),
        weight_bytes=weight_bytes,
        n_parameters=info.safetensors.total if info.safetensors else weight_bytes // 2,
        quantised="quantization_config" in (info.config or {}),
    )


def _is_small(name: str) -> bool:
    """Whether a file at the top of a repository is configuration or part of a tokenizer."""
    return "/" not in name and any(fnmatch.fnmatch(name, pattern) for pattern in _SMALL)


def _no_safetensors(spec: ModelSpec, sizes: dict[str, int], weights: tuple[str, ...]) -> InvalidInput:
    absent = sorted(set(weights) - sizes.keys())
    if absent:
        return InvalidInput(f"The index of {spec.source} names {absent[0]}, which its repository does not have.")
    if "adapter_config.json" in sizes:
        return InvalidInput(
            f"{spec.source} is an adapter, not a model: download it (`hf download {spec.source} --local-dir FOLDER`) "
            "and give the folder."
        )
    if any(name.endswith(".gguf") for name in sizes):
        return InvalidInput(
            f"{spec.source} has its weights as GGUF files: download one "
            f"(`hf download {spec.source} FILE --local-dir .`) and give its path."
        )
    if any(fnmatch.fnmatch(name, pattern) for name in sizes for pattern in _PICKLES):
        return InvalidInput(
            f"{spec.source} has its weights only as pickles (.bin), which run code when they are read and are never "
            "loaded here; look for a conversion to safetensors among its pull requests on the hub, or choose another "
            "model."
        )
    return InvalidInput(f"{spec.source} has no weights: there is no {SINGLE} in it, and no index of several.")


def _require_memory(spec: ModelSpec, plan: Plan) -> None:
    """Refuse what would not fit once it is here."""
    unpacked = plan.n_parameters * probe_device().bytes_per_parameter
    require_room(spec.key, plan.weight_bytes if plan.quantised else unpacked)


def _require_disk(spec: ModelSpec, plan: Plan) -> None:
    folder = _cache()
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if plan.n_bytes > free:
        raise ModelUnavailable(
            f"{spec.source} needs {plan.n_bytes / 1e9:.1f} GB on the disk and {folder} has {free / 1e9:.1f} GB free; "
            "make room, or point HF_HOME at a larger disk."
        )


def _download(spec: ModelSpec, plan: Plan, say: Say) -> Path:
    """Fetch the files one after the other, the weights last, so that a cache with all weights is whole.

    `snapshot_download` would hand out a part of them without a word where the hub answers no more.
    """
    from huggingface_hub import hf_hub_download

    of_all = f"of {plan.n_bytes / 1e9:.1f} GB"
    bar = _bar(lambda n_bytes: say(f"Downloading {spec.source} from the hub: {n_bytes / 1e9:.1f} {of_all}"))
    for name in plan.files:
        path = Path(hf_hub_download(spec.source, name, revision=spec.revision, tqdm_class=bar))
    if missing_weights(path.parent):
        raise FileNotFoundError(f"{spec.source} has changed meanwhile")
    return path.parent


def _bar(tell: Callable[[int], None]) -> type:
    """A progress bar as the hub's client makes one for each file: it tells how many bytes of all files have come."""
    from tqdm import tqdm

    arrived: list[int] = []  # of each bar

    class Bar(tqdm):
        """Draws nothing."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._place = len(arrived)
            arrived.append(0)
            own = {"disable": False, "mininterval": 0, "miniters": 1, "file": io.StringIO()}
            super().__init__(*arguments, **options | own)

        def refresh(self, *_: object, **__: object) -> None:
            """Tell it without the lock of all bars, which would stay taken for good where `tell` raises."""
            arrived[self._place] = self.n
            tell(sum(arrived))

        def update_transfer(self, n: int) -> None:
            """What has come but is not written yet: of that the client would make a bar of its own."""

    return Bar


def _refused(spec: ModelSpec, error: Exception) -> HomogError | None:
    """The sentence for what the hub or the disk answered; None where neither did."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError

    chain = list(_causes(error))
    if any(getattr(one, "errno", None) in _NO_SPACE or "no space left" in str(one).lower() for one in chain):
        return ModelUnavailable(
            f"The disk of {_cache()} became full while {spec.source} was downloaded; make room or point HF_HOME at a "
            "larger disk, and give the same command again: files that have arrived are kept."
        )
    answer = next((one for one in chain if isinstance(one, HfHubHTTPError)), None)
    if answer is None:
        return None
    if isinstance(answer, GatedRepoError):
        return ModelUnavailable(
            f"{spec.source} is gated: accept its licence on huggingface.co/{spec.source} and set HF_TOKEN to a token "
            "of that account, then try again."
        )
    if isinstance(answer, RevisionNotFoundError):
        return NotFound(
            f"{spec.source} has no revision {spec.revision!r} on the hub; give a branch, tag or commit of its page, or "
            "leave the revision out."
        )
    return _by_status(spec, answer)


def _by_status(spec: ModelSpec, answer: Exception) -> HomogError:
    """The sentence for an answer of the hub by its status code."""
    status, headers = answer.response.status_code, answer.response.headers
    signed = "authorization" in {name.lower() for name in answer.response.request.headers}
    if status == 401 and signed:
        return ModelUnavailable(
            f"The hub does not accept the token that was sent for {spec.source} (401): it is wrong or has expired. "
            f"Make a new one at {_TOKENS} and set HF_TOKEN to it; for a public model unset HF_TOKEN, or log out by "
            "`hf auth logout`."
        )
    if status in (401, 404):
        return NotFound(f"The hub has no model {spec.source!r} (or it is private: set HF_TOKEN).{_of_catalogue(spec)}")
    if status == 403:
        return ModelUnavailable(
            f"The token that was sent may not read {spec.source} (403). A fine-grained token needs read access to "
            f"gated repositories or to this one: change that at {_TOKENS}."
        )
    if status == 429:
        wait = headers.get("Retry-After", "")
        when = f"in {wait} seconds" if wait.isdigit() else "in some minutes"
        return ModelUnavailable(
            f"The hub takes no more requests from here for now (429): try again {when}. Its limit is higher with "
            "HF_TOKEN."
        )
    return ModelUnavailable(f"The hub answers {status} for {spec.source}; try again later (status.huggingface.co).")


def _of_catalogue(spec: ModelSpec) -> str:
    if all(spec.source != other.source for other in MODELS.values()):
        return " Check the spelling: owner/name."
    return f" The catalogue's entry {spec.key!r} is out of date: put one with the new name into your models.toml."


def _unreachable(spec: ModelSpec) -> ModelUnavailable:
    return ModelUnavailable(
        f"{spec.source} is not on this machine and the hub cannot be reached; it {takes(spec)}. "
        "Connect to the network, or point HF_HOME at a cache that has it."
    )


def _cut(spec: ModelSpec) -> ModelUnavailable:
    return ModelUnavailable(
        f"The transfer of {spec.source} was cut. Give the same command again: files that have arrived are kept."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()
