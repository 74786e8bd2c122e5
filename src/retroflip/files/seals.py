"""Seals: JSON tells by a hash in itself whether it is, byte for byte, what was written.

The last entry of a sealed object, "check", holds the first 16 hexadecimal digits of the SHA-256 of the text before it,
white space and the order of keys included. In seals of earlier versions it is that of the object written anew, its keys
sorted; these are still checked. JSON without a seal, as other programs write it, is taken as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

SEAL = "check"
_DIGITS = 16
_HASH = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


def dumped(value: Mapping[str, Any], indent: int | None) -> str:
    """Return the text of an object: on one line, or indented. Raises ValueError for NaN and infinities."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def sealed(value: Mapping[str, Any], indent: int | None) -> str:
    """Return the text of an object with its seal.

    Raises ValueError as `dumped` does, and for an object with an entry of the seal's name.
    """
    if SEAL in value:
        raise ValueError(f"an object with an entry {SEAL!r} has no place for its seal")
    return _with_seal(dumped({**value, SEAL: "0" * _DIGITS}, indent), indent)


def unsealed(text: str, indent: int | None) -> dict[str, Any]:
    """Return the object that `sealed` or `dumped` gave a text of, without its seal.

    Raises ValueError, which says what is wrong, for a text that is no JSON object and for one that was changed.
    """
    try:
        value = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__} where a JSON object is expected")
    last = next(reversed(value), None)
    if last != SEAL:
        if last is not None and isinstance(value[last], str) and _HASH.fullmatch(value[last]):
            raise ValueError(f"its last entry is a hash, and is not called {SEAL!r}")
        return value
    if text != _with_seal(text, indent):
        _check_earlier(value, text, indent)
    del value[SEAL]
    return value


def _parsed(text: str) -> Any:
    """Return what a JSON text says, as `json` does, in less than half the time.

    pydantic's reader refuses some that `json` takes, halves of surrogate pairs and very deep nesting, and takes no
    other.
    """
    try:
        return from_json(text)
    except (ValueError, TypeError):
        return json.loads(text)


def _with_seal(text: str, indent: int | None) -> str:
    """Return the text of an object that ends in a seal, with the seal that belongs there."""
    end = "}" if indent is None else "\n}"
    head = text[: -len(f'"{SEAL}": ""{end}') - _DIGITS]
    digits = hashlib.sha256(head.encode()).hexdigest()[:_DIGITS]
    return f'{head}"{SEAL}": "{digits}"{end}'


def _check_earlier(value: Mapping[str, Any], text: str, indent: int | None) -> None:
    """Raise ValueError where an object was changed that an earlier version sealed."""
    rest = {key: found for key, found in value.items() if key != SEAL}
    digits = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    if dumped({**rest, SEAL: digits}, indent) != text:
        raise ValueError("it does not fit the hash in it")
