"""What a visitor may do: on one's own machine everything, on a shared server what the role allows, within limits.

A server is shared as soon as anything says so: `HOMOG_SHARED`, an address beside this machine's own, a login, or a
proxy that a visitor comes through. Roles, and limits other than the usual ones, stand in `secrets.toml`, as
docs/deploy.md says.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any

import streamlit as st

from homog_core.catalogue.models import MODELS
from homog_core.errors import InvalidInput
from homog_core.live import Request, Snapshot
from homog_core.records import ModelSpec
from homog_core.sampling.weights import availability

OWN_ADDRESSES = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")  # headers that proxies add


class Role(IntEnum):
    """What somebody may do; each includes those before it."""

    LOOK = 0  # read, search, compare, export
    SAMPLE = 1  # ask the models that are here, in the Live lab, within the limits
    ADD = 2  # change what is stored, fetch and name models, without limits


ROLES = {"look": Role.LOOK, "sample": Role.SAMPLE, "add": Role.ADD}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one visitor may ask for at once."""

    models: int = 4
    samples: int = 20  # answers of each
    tokens: int = 64  # of each answer
    question: int = 500  # characters
    jobs: int = 3  # that wait or run


@dataclass(frozen=True, slots=True)
class Access:
    """What the visitor may do."""

    role: Role
    limits: Limits | None = None  # None: none
    name: str = ""  # of whoever has logged in
    can_log_in: bool = False
    is_shared: bool = False

    @property
    def may_sample(self) -> bool:
        """Whether models may be asked."""
        return self.role >= Role.SAMPLE

    @property
    def may_add(self) -> bool:
        """Whether what is stored may be changed, and models may be fetched and named."""
        return self.role >= Role.ADD


def access() -> Access:
    """What whoever is looking may do. Raises `InvalidInput` where `secrets.toml` is wrong, so that it opens nothing."""
    secrets = _secrets()
    can_log_in = "auth" in secrets
    if not is_shared(can_log_in):
        return Access(Role.ADD)
    said = Said.of(secrets.get("access", {}))
    name = user_name(st.user.to_dict(), by_proxy=bool(st.get_option("server.trustedUserHeaders")))
    role = said.role(name)
    return Access(role, None if role == Role.ADD else said.limits, name, can_log_in, is_shared=True)


def is_shared(can_log_in: bool) -> bool:
    """Whether others than the person at this machine may be looking. Of `HOMOG_SHARED` only 0 says no."""
    if said := os.environ.get("HOMOG_SHARED", ""):
        return said != "0"
    is_own = st.get_option("server.address") in OWN_ADDRESSES
    return not is_own or can_log_in or any(name in st.context.headers for name in FORWARDED)


@dataclass(frozen=True, slots=True)
class Said:
    """What `[access]` of `secrets.toml` says: roles, and limits."""

    anyone: Role = Role.SAMPLE  # who has not logged in
    logged_in: Role = Role.SAMPLE
    roles: Mapping[str, Role] = field(default_factory=dict)  # by e-mail address
    limits: Limits = Limits()

    @classmethod
    def of(cls, said: object) -> "Said":
        """Raises `InvalidInput` for an entry that is not known, or whose value cannot be used."""
        table = _table("access", said)
        if unknown := set(table) - {"anyone", "logged_in", "roles", "limits"}:
            raise InvalidInput(
                f"[access] in secrets.toml has {sorted(unknown)[0]!r}; it may have anyone, logged_in, roles and limits."
            )
        usual, roles = cls(), _table("access.roles", table.get("roles", {}))
        if twice := [address for address, n in Counter(map(_address, roles)).items() if n > 1]:
            raise InvalidInput(f"[access.roles] in secrets.toml has {twice[0]!r} twice; it can have one role.")
        return cls(
            _role("anyone", table["anyone"]) if "anyone" in table else usual.anyone,
            _role("logged_in", table["logged_in"]) if "logged_in" in table else usual.logged_in,
            {_address(email): _role(email, role) for email, role in roles.items()},
            _limits(_table("access.limits", table.get("limits", {}))),
        )

    def role(self, name: str) -> Role:
        """The role of somebody who has logged in under this e-mail address; of anyone where it is ""."""
        return self.roles.get(_address(name), self.logged_in) if name else self.anyone


def user_name(user: Mapping[str, Any], by_proxy: bool) -> str:
    """The e-mail address that somebody has logged in with; "" where nobody has, or the provider doubts the address.

    `by_proxy` says that a proxy, which has checked it, hands over the address in a header.
    """
    is_known = user.get("is_logged_in", by_proxy) is True and user.get("email_verified", True) in (True, "true")
    email = user.get("email")
    return email if is_known and isinstance(email, str) else ""


def models(found: Access) -> dict[str, ModelSpec]:
    """The models of the catalogue that may be asked: all, or those that are on this machine already."""
    if found.may_add:
        return dict(MODELS)
    return {key: spec for key, spec in MODELS.items() if _is_here(spec)}


def check(found: Access, request: Request, served: Mapping[str, ModelSpec]) -> None:
    """Raise `InvalidInput` where a request is more than a visitor may ask; `served` are the models of our servers.

    What a browser sends need not come from what the page shows, so this is asked again when a job is started.
    """
    if not found.may_sample:
        raise InvalidInput(why_not(found, "Asking models"))
    if found.may_add:
        return
    known = models(found) | dict(served)
    if any(known.get(spec.key) != spec for spec in request.models):
        raise InvalidInput("On a shared server only the models of its list can be asked.")
    asked = {
        "models": len(request.models),
        "samples": request.decoding.n_samples,
        "tokens": request.decoding.max_new_tokens,
        "question": len(request.question.text),
    }
    words = {"models": "models", "samples": "answers", "tokens": "tokens an answer", "question": "characters"}
    for name, value in asked.items():
        if value > (most := getattr(found.limits, name)):
            raise InvalidInput(f"{value:,} {words[name]} are more than the {most:,} that this server allows a visitor.")


def most(found: Access, limit: str, usual: int) -> int:
    """The end of a control: the usual one, or the visitor's limit where that is lower."""
    return min(usual, getattr(found.limits, limit)) if found.limits else usual


def visitor(found: Access, session: str) -> str:
    """Who a job is counted for: who has logged in, otherwise the address that the visitor comes from."""
    return f"user {found.name}" if found.name else f"from {st.context.ip_address or session}"


def may_stop(found: Access, snapshot: Snapshot, session: str, is_connected: bool) -> bool:
    """Whether a visitor may stop a job: the own one, or one that nobody owns any more since its session is gone.

    `is_connected` says whether the session that has submitted it still is.
    """
    is_own = session in snapshot.owner or (bool(found.name) and f"user {found.name}" in snapshot.owner)
    return is_own or not found.is_shared or not is_connected


def why_not(found: Access, what: str) -> str:
    """Why a visitor may not do something, as a sentence; `what` as "Importing"."""
    remedy = "log in" if found.can_log_in and not found.name else "ask whoever runs it"
    return f"{what} is not open to every visitor of this shared server: {remedy}."


def login(found: Access) -> None:
    """Who has logged in, with the button for that; nothing on a server without a login."""
    if not found.can_log_in:
        return
    if found.name:
        st.button("Log out", help=f"You are {found.name}.", type="tertiary", key="log-out", on_click=st.logout)
    else:
        st.button("Log in", icon=":material/login:", type="tertiary", key="log-in", on_click=st.login)


def _secrets() -> Mapping[str, Any]:
    from streamlit.errors import StreamlitSecretNotFoundError

    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:  # the same for no file and for one that does not read
        if error.error_id == "no-secrets-found":
            return {}
        raise InvalidInput(
            "secrets.toml does not read, so that nothing is open; the log of the server says what is wrong with it."
        ) from error


def _address(email: str) -> str:
    """An address as it is compared. Letters beyond ASCII stay: the Kelvin sign, for one, would become somebody's k."""
    return email.lower() if email.isascii() else email


def _table(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"[{name}] in secrets.toml is {value!r}, not a table of entries.")
    return dict(value)


def _role(name: str, value: object) -> Role:
    if not isinstance(value, str) or value not in ROLES:
        raise InvalidInput(f"[access] in secrets.toml gives {name} the role {value!r}; roles are {', '.join(ROLES)}.")
    return ROLES[value]


def _limits(table: Mapping[str, Any]) -> Limits:
    names = [limit.name for limit in fields(Limits)]
    for name, value in table.items():
        if name not in names or type(value) is not int or value < 1:
            raise InvalidInput(
                f"[access.limits] in secrets.toml has {name} = {value!r}; it may have whole numbers from 1 on for "
                f"{', '.join(names)}."
            )
    return Limits(**table)


def _is_here(spec: ModelSpec) -> bool:
    return availability(spec).state in ("ready", "prepare")
