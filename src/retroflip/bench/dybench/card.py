"""What a benchmark is made of, in numbers, and its data card: the columns of CRPO's table 3, sources, what was refused.

The card says what was counted here and nothing else: not that a model has not seen the sources, and not that people
have looked at the pairs, unless a release says so.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from huggingface_hub import DatasetCardData

from retroflip.bench.dybench.base import ALSO_IN
from retroflip.bench.dybench.recipe import DyBenchRecipe
from retroflip.bench.dybench.survey import Missing, RefusedPlan
from retroflip.bench.questions import RECORDS
from retroflip.data.card import size_of
from retroflip.data.folder import CARD
from retroflip.data.sample import Sample
from retroflip.errors import counted
from retroflip.files.markdown import table
from retroflip.files.storage import write_text_atomic

SUMMARY = "summary.json"
_MOST_REASONS = 40


@dataclass(frozen=True)
class Part:
    """A quota: how many pairs were wanted (None is all), made, and candidates there were. built: how many were made
    before raters left some out; None where nobody did."""

    sub_task: str
    source: str
    wanted: int | None
    made: int
    candidates: int
    built: int | None = None

    @property
    def short(self) -> int:
        """How many pairs are missing."""
        return 0 if self.wanted is None else self.wanted - self.made

    @property
    def why_short(self) -> str:
        """What became of the candidates."""
        gave = f"its {counted(self.candidates, 'candidate')} gave"
        if self.built is None or self.built == self.made:
            return f"{gave} no more"
        return f"{gave} {counted(self.built, 'pair')}, of which raters kept {self.made}"


@dataclass(frozen=True)
class Summary:
    """The counts of a benchmark. missing: what a source lacked on the machine that built it, by source."""

    pairs: int
    videos: int
    questions: int
    seconds_median: float
    seconds_max: float
    domains: Mapping[str, int]
    axes: Mapping[str, int]
    options: Mapping[str, int]
    clips: int
    licences: Mapping[str, int]
    overlaps: Mapping[str, int]
    parts: Sequence[Part]
    refused: Mapping[str, int]
    missing: Mapping[str, str]
    not_asked: Mapping[str, int]

    @classmethod
    def count(
        cls,
        samples: Sequence[Sample],
        seconds: Iterable[float],
        parts: Sequence[Part],
        refused: Iterable[RefusedPlan] = (),
        missing: Iterable[Missing] = (),
        not_asked: Mapping[str, int] = MappingProxyType({}),
    ) -> Self:
        """Count a benchmark. samples: both sides of every pair, one behind the other. seconds: of every pair."""
        firsts, lengths = samples[::2], list(seconds)
        return cls(
            pairs=len(firsts),
            videos=len({sample.video for sample in samples}),
            questions=len(samples),
            seconds_median=round(statistics.median(lengths), 2),
            seconds_max=round(max(lengths), 2),
            domains=_counted(one.labels.get("domain", "not stated") for one in firsts),
            axes=_counted(one.labels["axis"] for one in firsts),
            options=_counted(str(len(one.options)) for one in firsts),
            clips=len({one.source_clip for one in firsts}),
            licences=_counted(f"{one.source}: {one.licence}" for one in firsts),
            overlaps=_counted(
                f"{one.source}: {one.labels[ALSO_IN]}" for one in firsts if ALSO_IN in one.labels
            ),
            parts=list(parts),
            refused=_counted(f"{one.key.partition('/')[0]}: {one.reason}" for one in refused),
            missing={one.source: one.what for one in missing},
            not_asked=dict(sorted(not_asked.items())),
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the counts in JSON values of `as_json`."""
        return cls(**{**values, "parts": [Part(**part) for part in values["parts"]]})

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return asdict(self)


def _counted(texts: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(texts).items(), key=lambda one: (-one[1], one[0])))


def write_card(out: Path, recipe: DyBenchRecipe, summary: Summary, released: str = "") -> None:
    """Write the data card. released: what a release says of people's labels; by default that nobody looked."""
    sections = [
        f"---\n{metadata(summary)}\n---",
        _head(summary),
        table(
            ["sub-task", "source", "pairs", "wanted", "candidates"],
            [
                [
                    one.sub_task,
                    one.source,
                    one.made,
                    "all" if one.wanted is None else one.wanted,
                    one.candidates,
                ]
                for one in summary.parts
            ],
        ),
        _missing(summary),
        _ASK,
        "## How the pairs were made\n\n" + _how(recipe, summary),
        "## Quality control\n\n" + (released or _UNRELEASED),
        "## Refused\n\n" + _refused(summary),
        "## Licences\n\n" + _licences(recipe, summary),
        "## Not claimed\n\n" + _NOT_CLAIMED + _overlaps(summary),
    ]
    write_text_atomic(out / CARD, "\n\n".join(section for section in sections if section) + "\n")


_UNRELEASED = (
    "Automatic checks alone (`quality.jsonl`): something moves, the sides hold the same content, no two pairs of a "
    "sub-task are nearly the same. Flags there (text, clocks, people) are guesses for raters and refused nothing. No "
    "person's verdict is recorded in this folder; `retroflip dybench release` keeps what raters accepted."
)
_NOT_CLAIMED = (
    "That a model was not trained on these sources: `retroflip leaks TRAIN BENCH` compares a training set with this "
    "folder. That nothing but the asked change tells a video from one played backwards: smoke, water, gait and "
    "falling things do, and `retroflip dybench audit` measures how well a small classifier tells them. That lengths, "
    "domains and licences are more than what the sources' own files state."
)


_ASK = """## Ask a model, and score it

```sh
retroflip generate --model MODEL --bench DIR --controls full,text_only,shuffled_frames --out answers
retroflip score answers
```

DIR is this folder. A pair counts where both sides are right; `scores.json` has every metric with its interval."""


def metadata(summary: Summary) -> str:
    """Return the card's head in YAML, by which the hub finds it.

    The licence is `other`: each source has its own, and the card's section says which. Of the folder's files the
    questions alone are the data set.
    """
    parts = dict.fromkeys(str(part.sub_task) for part in summary.parts if part.made)
    data = DatasetCardData(
        license="other",
        license_name="as-the-sources-state",
        license_link="README.md#licences",
        language="en",
        task_categories=["video-text-to-text", "visual-question-answering", "multiple-choice"],
        size_categories=size_of(summary.questions),
        tags=["retroflip", "video", "benchmark", "counterfactual-pairs", *parts],
        configs=[{"config_name": "default", "data_files": [{"split": "test", "path": RECORDS}]}],
    )
    return str(data.to_yaml()).strip()


def _head(summary: Summary) -> str:
    length = f"{summary.seconds_median:g} s median, {summary.seconds_max:g} s at most"
    domains = ", ".join(f"{name} ({count})" for name, count in summary.domains.items())
    columns = ["videos / QAs", "length", "domain (pairs)", "adversarial"]
    cells = [
        f"{summary.videos:,} / {summary.questions:,}",
        length,
        domains,
        "yes: every question is one of a pair",
    ]
    return (
        f"# A paired benchmark of {counted(summary.pairs, 'pair', ',')}\n\n"
        "Each pair is two videos with the same question and options and different answers. They differ in one thing: "
        f"{', '.join(f'{axis} ({count})' for axis, count in summary.axes.items())}. The pairs come from "
        f"{counted(summary.clips, 'recording', ',')} (`source_clip`), by which statistics are clustered.\n\n"
        + table(columns, [cells])
    )


def _missing(summary: Summary) -> str:
    lines = [
        f"- {one.source}, {one.sub_task}: {one.short} of {counted(one.wanted or 0, 'pair')} missing; "
        f"{one.why_short}."
        for one in summary.parts
        if one.short and one.source not in summary.missing
    ]
    lines += [f"- {source}: was not there. {what}." for source, what in summary.missing.items()]
    lines += [
        f"- {source}: {counted(count, 'candidate')} of sub-tasks that the recipe does not ask for."
        for source, count in summary.not_asked.items()
    ]
    return "\n".join(["Against the recipe:", "", *lines]) if lines else ""


def _how(recipe: DyBenchRecipe, summary: Summary) -> str:
    options = ", ".join(f"{count} with {number}" for number, count in summary.options.items())
    return (
        f"Parts are cut first and transformed then, all frames of them; sound is left out. Both sides are H.264 with "
        f"x264's preset {recipe.encoder.preset}, crf {recipe.encoder.crf} and a key frame every {recipe.encoder.gop} "
        "frames, in files of equal size, with equal frames in number, rate and shape. Options stand in the same order "
        f"on both sides ({options} options), the right letters dealt out evenly. `recipe.yaml` and `candidates.jsonl` "
        "rebuild the folder where the sources are: `retroflip dybench build recipe.yaml --candidates candidates.jsonl "
        "--out DIR --root NAME=DIR`."
    )


def _refused(summary: Summary) -> str:
    if not summary.refused:
        return "Nothing."
    rows = [[*reason.split(": ", 1), count] for reason, count in summary.refused.items()]
    rest = len(rows) - _MOST_REASONS
    more = f"\n\nAnd {rest} more reasons." if rest > 0 else ""
    return (
        "By source and reason, as far as candidates were tried; each is in `refused.jsonl`.\n\n"
        + table(["source", "reason", "candidates"], rows[:_MOST_REASONS])
        + more
    )


def _overlaps(summary: Summary) -> str:
    """Return what is known of other data sets that hold the same clips."""
    known = [
        f"Also in {others}: the clips of {counted(count, 'pair')} of {source}."
        for (source, _, others), count in zip(
            (name.partition(": ") for name in summary.overlaps), summary.overlaps.values(), strict=True
        )
    ]
    return "".join(f" {sentence}" for sentence in known)


def _licences(recipe: DyBenchRecipe, summary: Summary) -> str:
    rows = [[*licence.split(": ", 1), count] for licence, count in summary.licences.items()]
    used = dict.fromkeys(one.source for one in summary.parts if one.made)
    homes = [f"- {name}: {recipe.source(name).title}, {recipe.source(name).home}" for name in used]
    return (
        "As the sources state them; whoever passes the videos on must see that they may.\n\n"
        + table(["source", "licence", "pairs"], rows)
        + "\n\n"
        + "\n".join(homes)
    )
