"""Options that several commands share: a frozen dataclass whose fields are options, taken as one parameter."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command as Typer takes it: each field of a parameter that is a dataclass is an option of its own."""
    taken = signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: one.annotation for name, one in taken.items() if is_dataclass(one.annotation)
    }
    options = [option for one in taken.values() for option in _options(one)]

    @wraps(command)
    def with_groups(**given: Any) -> None:
        built = {
            name: group(**{one.name: given.pop(one.name) for one in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **built)

    with_groups.__signature__ = Signature(options)  # type: ignore[attr-defined]
    with_groups.__annotations__ = {one.name: one.annotation for one in options}
    return with_groups


def _options(taken: Parameter) -> Iterator[Parameter]:
    """Yield a parameter, or one for each field of a parameter that is a dataclass."""
    if not is_dataclass(taken.annotation):
        yield taken.replace(kind=Parameter.KEYWORD_ONLY)
        return
    for one in fields(taken.annotation):
        default = Parameter.empty if one.default is MISSING else one.default
        yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=default, annotation=one.type)
