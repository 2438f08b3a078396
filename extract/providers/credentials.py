"""The Anthropic credential: which one is used, and why not the others.

They are tried in one order: the token given to knowthread, ``CLAUDE_CODE_OAUTH_TOKEN``, the login of Claude Code, then
``ANTHROPIC_API_KEY``. Two rules hold throughout. A subscription is used only if the person chose Anthropic. Claude
Code's login is only read, never written or refreshed. A secret is shown nowhere.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from extract.providers import base
from kg.errors import ModelUnavailable
from kg.narrow import as_object

CredentialKind = Literal["oauth", "api_key"]
OAUTH_BETA = "oauth-2025-04-20"
"""Value of ``anthropic-beta`` without which an OAuth token is not taken."""

GIVEN = "KNOWTHREAD_ANTHROPIC_TOKEN"
GIVEN_BY_MEM0 = "MEM0_ANTHROPIC_TOKEN"
OAUTH_VARIABLE = "CLAUDE_CODE_OAUTH_TOKEN"
API_KEY_VARIABLE = "ANTHROPIC_API_KEY"
KEYCHAIN = "Claude Code's Keychain item"
FILE = "Claude Code's credentials file"

_SECRET = re.compile(r"sk-ant-(oat|api)[A-Za-z0-9_-]+")
_KEYCHAIN_SERVICE = "Claude Code-credentials"
_KEYCHAIN_COMMAND = "/usr/bin/security"
_KEYCHAIN_NO_ITEM = 44
_KEYCHAIN_TIMEOUT_S = 10.0
_MAX_FILE_BYTES = 1 << 20
_MARGIN_S = 30.0
_REFUSED_S = 300.0
_FALLBACK_S = 60.0
_NOT_CHOSEN = "a subscription is used only where KNOWTHREAD_LLM or a list of models names anthropic or gemini_split"


class Credential:
    """A secret for Anthropic's API. Its text is in ``secret`` alone; it cannot be printed, copied or pickled.

    Raises:
        ValueError: the text is neither kind of secret.

    Attributes:
        kind: ``oauth`` (``sk-ant-oat…``, a subscription: goes as a bearer token) or ``api_key`` (``sk-ant-api…``).
        tier: where it comes from, for people.
        expires_at: seconds since the epoch; None if unknown.
    """

    __slots__ = ("_secret", "expires_at", "kind", "tier")

    def __init__(self, secret: str, tier: str, expires_at: float | None = None) -> None:
        match = _SECRET.fullmatch(secret)
        if match is None:
            raise _Unusable("it is neither an OAuth token (sk-ant-oat…) nor an API key (sk-ant-api…)")
        self.kind: CredentialKind = "oauth" if match[1] == "oat" else "api_key"
        self.tier = tier
        self.expires_at = expires_at
        self._secret = secret

    @property
    def secret(self) -> str:
        """The token or key, for Anthropic's own client and nothing else."""
        return self._secret

    def __repr__(self) -> str:
        return f"Credential({self.kind} from {self.tier})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not written anywhere")


@dataclass(frozen=True)
class TierFinding:
    """What was found in one tier of the chain.

    Attributes:
        tier: where a credential was looked for, for people.
        state: ``used``; ``absent``: nothing there; ``refused``: something unusable or not allowed; ``not_needed``: an
            earlier one is used.
        reason: why it is not used; holds no part of a secret.
    """

    tier: str
    state: Literal["used", "absent", "refused", "not_needed"]
    reason: str = ""


class _Absent(Exception):
    """Nothing there."""


class _Unusable(ValueError):
    """Something there that cannot be used."""


class Credentials:
    """The chain of one service.

    Args:
        given: the setting ``anthropic_token``; empty if it is not set.
        environ: the environment; by default the process's.
        chosen: whether the person chose Anthropic, which is what lets a subscription be used.
        keychain: the program that reads the macOS Keychain, or None; by default what the platform has.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        given: str = "",
        environ: Mapping[str, str] | None = None,
        *,
        chosen: bool,
        keychain: str | None = _KEYCHAIN_COMMAND if sys.platform == "darwin" else None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._given = given
        self._environ = os.environ if environ is None else environ
        self._chosen = chosen
        self._keychain = keychain
        self._now = now
        self._lock = threading.Lock()
        self._refused: dict[str, float] = {}
        self._kept: Credential | None = None
        self._kept_until = 0.0

    def __repr__(self) -> str:
        return f"Credentials(chosen={self._chosen})"

    def current(self) -> Credential:
        """Return the first usable credential of the chain.

        Claude Code's login is kept until it expires or is refused, and then read again. Reading may run a command for
        some seconds, so call this off the event loop.

        Raises:
            ModelUnavailable: reason ``not_configured``, or ``auth`` if Anthropic refused what there is; the message
                says what is wrong with each tier.
        """
        with self._lock:
            if self._kept is None or self._now() >= self._kept_until:
                self._kept, findings = self._walk()
                if self._kept is None:
                    known = any(until > self._now() for until in self._refused.values())
                    raise ModelUnavailable("anthropic", "*", "auth" if known else "not_configured", _advice(findings))
                lapses = self._kept.expires_at
                self._kept_until = self._now() + _FALLBACK_S if lapses is None else lapses - _MARGIN_S
            return self._kept

    def refused(self, credential: base.Credential) -> None:
        """Leave out for five minutes a credential that the provider answered with 401; the next call reads again."""
        with self._lock:
            self._refused[credential.secret] = self._now() + _REFUSED_S
            self._kept = None

    def findings(self) -> tuple[TierFinding, ...]:
        """Look at every tier again; say which one is used, and why the others are not."""
        with self._lock:
            return self._walk()[1]

    def _walk(self) -> tuple[Credential | None, tuple[TierFinding, ...]]:
        used: Credential | None = None
        findings: list[TierFinding] = []
        for tier, subscription, read in self._tiers():
            if used is not None:
                findings.append(TierFinding(tier, "not_needed"))
                continue
            try:
                if subscription:
                    self._check_consent()
                used = self._usable(read())
                findings.append(TierFinding(tier, "used"))
            except _Absent as nothing:
                findings.append(TierFinding(tier, "absent", str(nothing)))
            except _Unusable as unusable:
                findings.append(TierFinding(tier, "refused", str(unusable)))
        return used, tuple(findings)

    def _tiers(self) -> Iterator[tuple[str, bool, Callable[[], Credential]]]:
        """Each tier's name, whether it can only be a subscription, and how it is read."""
        given = GIVEN_BY_MEM0 if self._is_mem0s() else GIVEN
        yield given, False, lambda: _from_text(self._given, given)
        yield OAUTH_VARIABLE, True, lambda: self._from_variable(OAUTH_VARIABLE)
        keychain = self._keychain
        if keychain is not None:
            yield KEYCHAIN, True, lambda: self._from_login(_read_keychain(keychain, self._service()), KEYCHAIN)
        yield FILE, True, lambda: self._from_login(_read_private(self._folder() / ".credentials.json"), FILE)
        yield API_KEY_VARIABLE, False, lambda: self._from_variable(API_KEY_VARIABLE)

    def _is_mem0s(self) -> bool:
        own, mem0 = (self._environ.get(name, "").strip() for name in (GIVEN, GIVEN_BY_MEM0))
        return bool(mem0) and not own and mem0 == self._given

    def _check_consent(self) -> None:
        if not self._chosen:
            raise _Unusable(_NOT_CHOSEN)

    def _usable(self, credential: Credential) -> Credential:
        """Refuse a credential that the rules forbid or that Anthropic has refused."""
        if credential.kind == "oauth":
            self._check_consent()
        if self._refused.get(credential.secret, 0.0) > self._now():
            raise _Unusable("Anthropic refused it (401); log in again with claude, or give a valid one")
        return credential

    def _from_variable(self, name: str) -> Credential:
        return _from_text(self._environ.get(name, "").strip(), name)

    def _from_login(self, content: bytes, tier: str) -> Credential:
        """Read the JSON that Claude Code keeps of its login; ``expiresAt`` is in milliseconds."""
        try:
            login = as_object(json.loads(content))
        except (ValueError, RecursionError):
            raise _Unusable("it is not JSON; log in again with claude") from None
        oauth = as_object(login.get("claudeAiOauth"))
        token: Any = oauth.get("accessToken")
        if not isinstance(token, str):
            raise _Unusable("it holds no login (claudeAiOauth.accessToken); log in with claude")
        expires_ms: Any = oauth.get("expiresAt")
        if isinstance(expires_ms, bool) or not isinstance(expires_ms, int | float):
            raise _Unusable(
                "it does not say when the login expires (claudeAiOauth.expiresAt); log in again with claude"
            )
        if expires_ms / 1000 - _MARGIN_S <= self._now():
            raise _Unusable("the login has expired; use claude once, which renews it")
        return Credential(token, tier, expires_ms / 1000)

    def _folder(self) -> Path:
        chosen = self._environ.get("CLAUDE_CONFIG_DIR", "").strip()
        return Path(chosen) if chosen else Path.home() / ".claude"

    def _service(self) -> str:
        """The Keychain item's name. For a chosen settings folder Claude Code appends a hash of its path."""
        chosen = self._environ.get("CLAUDE_CONFIG_DIR", "").strip()
        if not chosen:
            return _KEYCHAIN_SERVICE
        path = unicodedata.normalize("NFC", chosen).encode("utf-8", "surrogateescape")
        return f"{_KEYCHAIN_SERVICE}-{hashlib.sha256(path).hexdigest()[:8]}"


def _from_text(text: str, tier: str) -> Credential:
    if not text:
        raise _Absent("not set")
    return Credential(text, tier)


def _read_private(file: Path) -> bytes:
    """Read a file that belongs to us and that nobody else may read; a link to one is refused."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _Absent(f"there is no {file}") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Unusable(f"{file} is a symbolic link; put the file itself there") from None
        raise _Unusable(f"{file} cannot be opened ({error.strerror}); see who owns it: ls -l {file}") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _Unusable(f"{file} is not a file")
        if found.st_uid != os.geteuid():
            raise _Unusable(f"{file} belongs to another user; log in as yourself with claude")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise _Unusable(f"others may read {file}; chmod 600 {file}")
        if found.st_size > _MAX_FILE_BYTES:
            raise _Unusable(f"{file} is too large to be a login; log in again with claude")
        return os.read(handle, _MAX_FILE_BYTES)
    finally:
        os.close(handle)


def _read_keychain(command: str, service: str) -> bytes:
    """Ask the macOS Keychain, by its own program; what it prints goes to no terminal and no log."""
    try:
        done = subprocess.run(
            [command, "find-generic-password", "-s", service, "-w"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_KEYCHAIN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # The error holds what was printed so far.
        raise _Unusable(f"no answer in {_KEYCHAIN_TIMEOUT_S:.0f} s; unlock the Keychain and allow access") from None
    except OSError as error:
        raise _Unusable(f"{command} cannot be run ({error.strerror})") from None
    if done.returncode == _KEYCHAIN_NO_ITEM:
        raise _Absent(f"the Keychain has no item {service!r}")
    if done.returncode:
        raise _Unusable(f"the Keychain refused it (status {done.returncode}); unlock it and allow access")
    return done.stdout


def _advice(findings: tuple[TierFinding, ...]) -> str:
    wrong = "; ".join(f"{finding.tier}: {finding.reason}" for finding in findings if finding.state == "refused")
    how = f"set {GIVEN} or {API_KEY_VARIABLE}, or log in with claude and set KNOWTHREAD_LLM=anthropic"
    return f"no usable credential ({wrong}); {how}" if wrong else f"no credential; {how}"
