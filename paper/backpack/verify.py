"""Who sent a request: key, window and ED25519 signature, checked against what was received.

The signed text is rebuilt from the received query or body: parameters sorted by name, strings as
they are, booleans in lower case, numbers as written. Source: docs.backpack.exchange,
"Authentication"; vectors V1 to V6 of the protocol reference.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from paper.backpack.errors import ApiError, BodyError
from paper.backpack.settings import BackpackAccount, BackpackSettings

DEFAULT_WINDOW: Final = "5000"
MAX_WINDOW_MS: Final = 60_000

Pairs = Sequence[tuple[str, str]]
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECTS: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about itself: header texts, or the websocket's signature list."""

    key: str
    signature: str
    timestamp: str
    window: str = DEFAULT_WINDOW


def claim_of(headers: Mapping[str, str]) -> Claim:
    """The claim in REST headers (any case). Raises ApiError when one is missing."""
    missing = [name for name in ("X-API-Key", "X-Signature", "X-Timestamp") if name not in headers]
    if missing:
        raise ApiError(401, "UNAUTHORIZED", f"Missing header {missing[0]}")
    return Claim(
        key=headers["X-API-Key"],
        signature=headers["X-Signature"],
        timestamp=headers["X-Timestamp"],
        window=headers.get("X-Window", DEFAULT_WINDOW),
    )


def body_parameters(body: bytes) -> list[Pairs]:
    """The signed parameters of a body: one list for an object, one per order for a batch.

    Raises BodyError.
    """
    if not body.strip():
        return [()]
    try:
        if body.lstrip().startswith(b"["):
            groups = [_texts(item) for item in _OBJECTS.decode(body)]
        else:
            groups = [_texts(_OBJECT.decode(body))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise BodyError(f"Failed to parse the request body: {cause}") from cause
    if not groups:
        raise BodyError("Failed to parse the request body: a batch without an order")
    return groups


def _texts(fields: Mapping[str, msgspec.Raw]) -> Pairs:
    return [(name, _text(bytes(raw))) for name, raw in fields.items() if bytes(raw) != b"null"]


def _text(raw: bytes) -> str:
    if raw.startswith(b'"'):
        return msgspec.json.decode(raw, type=str)
    return raw.decode()


def signed_text(instruction: str, groups: Iterable[Pairs], timestamp: str, window: str) -> str:
    """The text that a signature covers; several groups are a batch."""
    parts: list[str] = []
    for pairs in groups:
        parts.append(f"instruction={instruction}")
        parts.extend(f"{name}={value}" for name, value in sorted(pairs))
    return "&".join([*parts, f"timestamp={timestamp}", f"window={window}"])


class Verifier:
    """Knows the accounts' keys."""

    def __init__(self, accounts: Sequence[BackpackAccount], settings: BackpackSettings) -> None:
        self._settings = settings
        self._names = {account.public_key: account.name for account in accounts}
        self._keys = {
            account.public_key: Ed25519PublicKey.from_public_bytes(
                base64.b64decode(account.public_key)
            )
            for account in accounts
        }

    def account(self, claim: Claim, instruction: str, groups: Iterable[Pairs], now_ms: int) -> str:
        """The engine account that made this claim. Raises ApiError."""
        key = self._keys.get(claim.key)
        if key is None:
            raise ApiError(401, "UNAUTHORIZED", "Invalid API key")
        self._check_window(claim, now_ms)
        text = signed_text(instruction, groups, claim.timestamp, claim.window)
        try:
            key.verify(base64.b64decode(claim.signature, validate=True), text.encode())
        except (InvalidSignature, binascii.Error, ValueError) as cause:
            raise self._refused("Invalid signature") from cause
        return self._names[claim.key]

    def _check_window(self, claim: Claim, now_ms: int) -> None:
        if not (_is_number(claim.timestamp) and _is_number(claim.window)):
            raise self._refused("Invalid timestamp")
        timestamp_ms, window_ms = int(claim.timestamp), int(claim.window)
        if window_ms > MAX_WINDOW_MS:
            raise self._refused("Invalid window")
        if timestamp_ms > now_ms + self._settings.future_tolerance_ms:
            raise self._refused("Invalid timestamp")
        if now_ms > timestamp_ms + window_ms:
            raise self._refused("Request has expired")

    def _refused(self, text: str) -> ApiError:
        return ApiError(self._settings.refusal_status, "INVALID_CLIENT_REQUEST", text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16
