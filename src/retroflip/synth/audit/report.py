"""The audit as one HTML file: what was tried on every kind, how it fared, and what the videos look like."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.errors import VideoError
from retroflip.files.storage import write_text_atomic
from retroflip.synth.audit.items import kind_of
from retroflip.synth.audit.sheets import answer_line, jpeg, strip
from retroflip.synth.audit.verdict import MARGIN, WITHOUT_CHOICE, KindAudit

SAMPLES = 4
"""of every kind that are shown"""


@dataclass(frozen=True)
class Shown:
    """One video of the report: its frames as a data URI, or why there is none."""

    id: str
    question: str
    answer: str
    frames: str
    note: str


def write_report(
    out: Path, root: Path, audits: Mapping[str, KindAudit], samples: Sequence[Sample], unread: int
) -> Path:
    """Write the report to `out` and return its path. Texts of the data set are escaped."""
    by_kind: dict[str, list[Sample]] = {}
    for sample in samples:
        by_kind.setdefault(kind_of(sample), []).append(sample)
    environment = Environment(
        loader=PackageLoader("retroflip.synth.audit"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("audit.html.j2").render(
        folder=root.name,
        audits=audits,
        margin=MARGIN,
        failed=[kind for kind, one in audits.items() if one.faults],
        shown={kind: [_shown(root, sample) for sample in by_kind.get(kind, [])[:SAMPLES]] for kind in audits},
        questions=sum(one.samples for one in audits.values()),
        unread=unread,
        without_choice=WITHOUT_CHOICE,
    )
    write_text_atomic(out, page)
    return out


def _shown(root: Path, sample: Sample) -> Shown:
    try:
        picture = base64.b64encode(jpeg(strip(resolve(root, sample.video)))).decode("ascii")
        uri, note = f"data:image/jpeg;base64,{picture}", ""
    except VideoError as error:
        uri, note = "", str(error)
    return Shown(sample.id, sample.question, answer_line(sample), uri, note)
