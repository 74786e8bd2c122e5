r"""ViRL39K, as published (a table) and VideoAuto-R1's selection of it (a JSON list): questions about images.

`{"question": "<image>...", "answer": "\\boxed{A}", "image": ["images/x.jpg"]}`, and as published `qid, category,
source, PassRate_32BTrained, PassRate_7BBase` besides. A row may show several images: VideoAuto-R1's loader drops such
rows, and here they are read. <image> says where each stands; where there are more or fewer than images, all stand
before the question.
"""

from collections.abc import Iterator

from retroflip.data.media import placeholders
from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    Source,
    Wanted,
    entries,
    files_of,
    text,
    type_of_answer,
    unboxed,
    without_placeholders,
)

_PATTERNS = ("virl-filter-23k.json", "39Krelease.parquet", "data/*.parquet", "*.parquet", "*.json", "*.jsonl")


def _records(row: Record, _: Place) -> Iterator[Record]:
    answer, question = unboxed(text(row, "answer")), text(row, "question", "problem")
    shown = row.get("image", row.get("images"))
    images = shown if isinstance(shown, list) else [shown]
    if not shown:
        images = []
    if placeholders(question) != ["image"] * len(images):
        question = without_placeholders(question)
    labels = {"category": row.get("category"), "origin": row.get("source")}
    yield {
        **({"problem_id": text(row, "qid")} if row.get("qid") else {}),
        "problem": question,
        "data_type": "image" if images else "text",
        "problem_type": type_of_answer(answer).value,
        "solution": answer,
        **({"path": images} if images else {}),
        "data_source": "ViRL39K",
        "labels": {name: value for name, value in labels.items() if isinstance(value, str) and value},
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, _PATTERNS), _records)


SOURCE = Source(
    name="virl39k",
    title="ViRL39K: 39k questions about one image or several, with answers that can be checked",
    get="39Krelease.parquet and images.zip of huggingface.co/datasets/TIGER-Lab/ViRL39K; or ViRL/ of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds images/",
    licence="MIT, by its card; the images are those of the sets that it draws on",
    read=_read,
)
