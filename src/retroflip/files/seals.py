"""Seals: JSON tells by a hash in itself whether it is, byte for byte, what was written.

The last entry of a sealed object, "check", holds the first 16 hexadecimal digits of the SHA-256 of the rest, its keys
sorted. White space and the order of keys are checked as well: the text must be what its content is written as. JSON
without a seal, as earlier versions wrote it and other programs do, is taken as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

SEAL = "check"
_HASH = re.compile(r"[0-9a-f]{16}")


def dumped(value: Mapping[str, Any], indent: int | None) -> str:
    """Return the text of an object: on one line, or indented. Raises ValueError for NaN and infinities."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with its seal."""
    return {**value, SEAL: _hash_of(value)}


def unsealed(text: str, indent: int | None) -> dict[str, Any]:
    """Return the object that `dumped` gave a text of, without its seal.

    Raises ValueError, which says what is wrong, for a text that is no JSON object and for one that was changed.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__} where a JSON object is expected")
    last = next(reversed(value), None)
    if last != SEAL:
        if last is not None and isinstance(value[last], str) and _HASH.fullmatch(value[last]):
            raise ValueError(f"its last entry is a hash, and is not called {SEAL!r}")
        return value
    found = value.pop(SEAL)
    if found != _hash_of(value) or dumped(sealed(value), indent) != text:
        raise ValueError("it does not fit the hash in it")
    return value


def _hash_of(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
