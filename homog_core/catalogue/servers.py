"""The servers that models may be behind, from models.toml, and how such a model is named. It asks no server."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from homog_core.catalogue.tables import Table
from homog_core.errors import InvalidInput, NotFound
from homog_core.records import PromptStyle

SERVED = "served:"  # how the source of a served model begins: served:<key of the server>/<its name there>
_KEY = re.compile(r"[^\w.:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that speaks OpenAI's protocol. Its key comes from the environment and stands nowhere else."""

    key: str
    url: str  # up to the version, as in http://localhost:8000/v1
    key_variable: str = "OPENAI_API_KEY"  # the environment's variable that holds what the server wants as a key
    prompt_style: PromptStyle = "chat"  # of its models that have no entry of their own
    top_logprobs: int = 20  # the likeliest tokens that it is asked for; it may give fewer; 0: none
    logprobs: Literal["test", "before", "after"] = "test"  # whether they are those before temperature
    check: bool = True  # whether it is tested for copies and fixed seeds before it is sampled
    requests: int = 8  # at once
    timeout: float = 60.0  # seconds without a word

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or True)
        except ValueError:  # a port that is no number
            known = False
        if not known:
            raise InvalidInput("The address of a server must be as http://localhost:8000/v1; correct it.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidInput(
                f"The address of the server at {self.host} holds more than host and path. Leave out keys and "
                "passwords; what the server wants as a key belongs into the environment, in OPENAI_API_KEY or the "
                "variable that `key_variable` names."
            )
        for name, least, most in (("top_logprobs", 0, 1000), ("requests", 1, 256), ("timeout", 1, 3600)):
            if not least <= getattr(self, name) <= most:
                raise InvalidInput(
                    f"`{name}` of the server at {self.host} is {getattr(self, name):g}; it must be {least} to {most}."
                )

    @property
    def host(self) -> str:
        """Host and port, without credentials."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


SERVERS = Table(Server, "models.toml", "servers", extendable=True)


def is_served(source: str) -> bool:
    """Whether the source of a model says that it is behind a server."""
    return source.startswith(SERVED)


def served_source(server: Server, name: str) -> str:
    """The source of the model that a server calls so."""
    return f"{SERVED}{server.key}/{name}"


def served_name(source: str) -> tuple[str, str]:
    """The key of the server and the name of the model there, of a source that `is_served`."""
    key, _, name = source.removeprefix(SERVED).partition("/")
    return key, name


def find_server(name: str) -> Server:
    """The server of a key of models.toml, or at an address. Raises `NotFound` and `InvalidInput`."""
    if name in SERVERS:
        return SERVERS[name]
    if "://" in name:
        server = Server("server", name.rstrip("/"))
        known = (one for one in SERVERS.values() if one.url.rstrip("/") == server.url)
        return next(known, Server(_KEY.sub("-", server.host), server.url))
    listed = f" There are: {', '.join(SERVERS)}." if len(SERVERS) else ""
    raise NotFound(
        f"There is no server {name!r}. Give its address, as http://localhost:8000/v1, or the key of an entry of "
        f"`servers` in models.toml.{listed}"
    )
