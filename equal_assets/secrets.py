"""Secrets: which texts must be seen nowhere, and what is shown in their place.

Known are the environment variables and texts that the settings name, environment variables named
like a secret, and what stands in an address where a password or a key stands.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

NAME = re.compile(
    r"(?:^|[^a-z])(?:password|passwd|pass|pwd|secret|credentials?|signature|sig|authorization|cookie"
    r"|(?:api|access|auth|account|private|secret|subscription)?[-_]?key"
    r"|(?:api|access|auth|bearer|session|refresh|id|hf|hub)?[-_]?token)$",
    re.IGNORECASE,
)
"""How parameters and environment variables are called that hold a secret."""

FIELD = re.compile(
    r"(?:x[-_])?(?:password|passwd|pass|pwd|credentials?|authorization|cookie"
    r"|(?:client|api|app)?[-_]?secret|(?:api|access|auth|private|secret|subscription)[-_]?key"
    r"|(?:api|access|auth|bearer|session|refresh)?[-_]?token)",
    re.IGNORECASE,
)
"""The same of fields of a request, where `prompt_cache_key` and `stop_token` are none."""

SHORTEST = 4
"""Characters; a shorter one is no secret, and would be found in any text."""

SHORTEST_UNNAMED = 8
"""Of an environment variable that no settings name: a shorter one may be a common word."""

HIDDEN = "[hidden]"

HOST = re.compile(r"^https?://[^/?#]*", re.IGNORECASE)
USER_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+@")
PARAMETER_IN_ADDRESS = re.compile(r"(?<=[?&])([\w.-]+)=([^\s&#\"'<>)]+)")

_variables: set[str] = set()
_texts: dict[str, str] = {}


def know_variable(name: str) -> None:
    """Take the value of an environment variable as a secret from now on."""
    _variables.add(name)


def know_address(address: str) -> None:
    """Take the password and the keys in an address as secrets from now on."""
    _texts.update(in_address(address))


def in_address(address: str) -> dict[str, str]:
    """Return the secrets in an address, each with what is shown in its place."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no host: nothing is ever sent there
        return {}
    found = {unquote(parts.password or ""): "[password]"}
    if parts.password is None and len(parts.username or "") >= SHORTEST_UNNAMED:
        found[unquote(parts.username or "")] = "[user]"
    found |= {value: f"[{name}]" for name, value in parse_qsl(parts.query) if NAME.search(name)}
    return {secret: shown for secret, shown in found.items() if len(secret) >= SHORTEST}


def without_credentials(address: str) -> str:
    """Return an address for a link: without user and password.

    >>> without_credentials("https://me:1234@host:5000/mlflow")
    'https://host:5000/mlflow'
    """
    return USER_IN_ADDRESS.sub("", address)


def in_environment(*names: str) -> dict[str, str]:
    """Return what environment variables hold, each with what is shown in its place.

    Of an address, as webhooks have it, also what follows the host is a secret.
    """
    found = {}
    for name in names:
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST:
            found[value] = f"[{name}]"
        rest = HOST.sub("", value)
        if rest != value and len(rest) >= SHORTEST_UNNAMED:
            found[rest] = f"[{name}]"
    return found


def hide(text: str, secrets: Mapping[str, str] | None = None) -> str:
    """Return a text in which no secret is, plain, quoted, escaped or in base64.

    Parameters
    ----------
    text : str
    secrets : mapping of str to str, optional
        What to hide, and what is shown in its place; by default all that is known, and what stands
        in addresses.

    Examples
    --------
    >>> hide("no key%2D1234567 here", {"key-1234567": "[KEY]"})
    'no [KEY] here'
    >>> hide("http://me:1234@host/v1?api_key=5678&page=2")
    'http://[hidden]@host/v1?api_key=[hidden]&page=2'
    """
    hidden = _known() if secrets is None else secrets
    for secret in sorted(hidden, key=len, reverse=True):
        text = _pattern(secret).sub(hidden[secret].replace("\\", r"\\"), text)
    if secrets is None and "://" in text:
        text = USER_IN_ADDRESS.sub(f"{HIDDEN}@", text)
        text = PARAMETER_IN_ADDRESS.sub(_without_value, text)
    return text


def scrub(error: BaseException) -> BaseException:
    """Return an error without secrets, with all that led to it: in place, as far as that goes."""
    seen: set[int] = set()

    def clean(found: BaseException) -> BaseException:
        if id(found) in seen:
            return found
        seen.add(id(found))
        if found.__cause__ is not None:
            found.__cause__ = clean(found.__cause__)
        if found.__context__ is not None:
            found.__context__ = clean(found.__context__)
        if isinstance(found, BaseExceptionGroup):
            for inner in found.exceptions:
                clean(inner)
        found.args = tuple(hide(a) if isinstance(a, str) else a for a in found.args)
        if notes := getattr(found, "__notes__", None):
            found.__notes__ = [hide(note) for note in notes]
        shown = str(found)
        if hide(shown) == shown:
            return found
        plain = RuntimeError(f"{type(found).__name__}: {hide(shown)}")
        plain.__cause__, plain.__context__ = found.__cause__, found.__context__
        plain.__suppress_context__ = found.__suppress_context__
        return plain.with_traceback(found.__traceback__)

    return clean(error)


def hide_in_logs() -> None:
    """Let no logger of this process write a secret, whatever library it belongs to."""
    if not isinstance(logging.getLogRecordFactory(), _Factory):
        logging.setLogRecordFactory(_Factory())


class _Factory:
    """Makes log records in whose texts no secret is."""

    def __init__(self) -> None:
        self._make = logging.getLogRecordFactory()

    def __call__(self, *arguments: object, **named: object) -> logging.LogRecord:
        record = self._make(*arguments, **named)
        if isinstance(record.msg, str):
            record.msg = hide(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden_value, record.args))
        elif record.args:
            record.args = {name: _hidden_value(value) for name, value in record.args.items()}
        return record


def _hidden_value(value: object) -> object:
    """Return a value of a log record as it is, or as text where a secret is in it."""
    if value is None or isinstance(value, (int, float)):
        return value
    shown = str(value)
    hidden = hide(shown)
    return value if hidden == shown else hidden


def _known() -> dict[str, str]:
    unnamed = [
        name
        for name, value in os.environ.items()
        if name not in _variables
        and len(value) >= SHORTEST_UNNAMED
        and NAME.search(name)
        and not value.startswith(("/", "."))  # a file that holds it
        and not value.isalpha()
    ]
    return {**in_environment(*unnamed), **_texts, **in_environment(*_variables)}


def _without_value(found: re.Match[str]) -> str:
    return f"{found[1]}={HIDDEN}" if NAME.search(found[1]) else found[0]


@lru_cache(maxsize=256)
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile("|".join([_each_character(secret), *_in_base64(secret)]))


def _each_character(secret: str) -> str:
    """Return a pattern of a secret in which any character may be quoted or escaped."""
    return "".join(
        rf"(?:{re.escape(character)}|{'|'.join(_written(character))})" for character in secret
    )


def _written(character: str) -> Iterator[str]:
    """Yield how addresses, JSON, HTML and Python write a character in place of itself."""
    quoted = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
    digits = "".join(_either_case(digit) for digit in f"{ord(character):04x}")
    yield "".join(_either_case(sign) for sign in quoted)
    yield rf"\\{{1,8}}u{digits}"
    yield rf"&#(?:0*{ord(character)}|[xX]0*{digits.lstrip('0')});"
    if not character.isalnum():
        yield rf"\\{{1,8}}{re.escape(character)}"
    if character in NAMED:
        yield NAMED[character]


NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", " ": r"\+"}
"""How HTML and forms write some characters."""


def _either_case(sign: str) -> str:
    return f"[{sign.lower()}{sign.upper()}]" if sign.isalpha() else re.escape(sign)


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret wherever it begins in a group of three bytes."""
    raw = secret.encode("utf-8", "surrogatepass")
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = coded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        if len(inner) >= SHORTEST:
            yield "".join(
                {"+": r"(?:[+-]|%2[Bb])", "/": r"(?:[/_]|\\{1,8}/|%2[Ff])"}.get(sign, sign)
                for sign in inner
            )
