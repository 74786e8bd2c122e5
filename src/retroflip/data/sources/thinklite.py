r"""ThinkLite-VL-hard, as published (a table that holds its images) and VideoAuto-R1's selection of it (paths).

`{"problem": "<image>...", "ground_truth": "42", "image": "x.png", "problem_type": "math"}`; published rows have the
image's bytes in `image`, the answer under `answer` or `ground_truth`, at times `choices`, and no `problem_type`.
"""

from collections.abc import Iterator
from typing import Any

from retroflip.data.columns import options_listed
from retroflip.data.sample import ProblemType
from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    RejectedError,
    Source,
    Wanted,
    entries,
    files_of,
    text,
    type_of_answer,
    unboxed,
    without_placeholders,
)

_PATTERNS = ("thinklite-filter-4k.json", "data/*.parquet", "*.parquet", "*.json", "*.jsonl")


def _records(row: Record, _: Place) -> Iterator[Record]:
    answer = unboxed(text(row, "ground_truth", "answer"))
    if not row.get("image"):
        raise RejectedError("key", "it has no 'image'.")
    choices = row.get("choices")
    kind: dict[str, Any] = (
        {"problem_type": ProblemType.MULTIPLE_CHOICE.value, "options": options_listed(choices)}
        if choices
        else {"problem_type": type_of_answer(answer).value}
    )
    yield {
        **({"problem_id": text(row, "id")} if row.get("id") is not None else {}),
        "problem": without_placeholders(text(row, "problem")),
        "data_type": "image",
        **kind,
        "solution": answer,
        "path": row["image"],
        "data_source": "ThinkLite-VL-hard",
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, _PATTERNS), _records)


SOURCE = Source(
    name="thinklite",
    title="ThinkLite-VL-hard: 11k questions about an image that a 7B model found hard",
    get="the Parquet files of ThinkLite-VL-hard-11k, whose images --media writes out; or ThinkLite-VL-Hard/ of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds the images (the one of --media, where they come out of a table)",
    licence="not checked; see its page",
    read=_read,
)
