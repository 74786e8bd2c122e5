"""Reading JSON out of a model's response, strictly."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from retroflip.errors import first_fault

Form = TypeVar("Form", bound=BaseModel)
_THOUGHT = re.compile(r"\A\s*(?:<think>)?.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL)


class GarbledError(Exception):
    """A response is not the JSON that was asked for."""


def parse_structured(text: str, form: type[Form]) -> Form:
    """Return a response as the object asked for. A thought before it and a fence around it are taken off, nothing else.

    Raises GarbledError for text around it, JSON that is cut off, and other keys or types than asked for.
    """
    bare = _THOUGHT.sub("", text, count=1).strip()
    fenced = _FENCE.match(bare)
    try:
        return form.model_validate_json(fenced[1] if fenced else bare, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "response"
        raise GarbledError(f"{where}: {first_fault(error)}") from error
