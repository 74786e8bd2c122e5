"""Video-MMMU (github.com/EvolvingLMMs-Lab/VideoMMMU): 300 lectures, a question about each in three tracks.

Root: the repository (`data/perception_video.json` and its fellows: an object with one key, and below it the questions
by their numbers) or the hub's copy (`Perception/test-*.parquet` and its fellows); videos as `CATEGORY/ID.mp4`, where
an id is SPLIT_SUBJECT_NUMBER and six categories hold thirty subjects. In the track adaptation the question's picture
is the last frame of the video. `videommmu-question-only` shows the clip of that picture alone
(`question_only/ID_image.mp4`), which is the baseline of the gain by watching. Twenty questions of adaptation are open.

The repository's own scorer looks for "A." and "A:", or else "(A)", or else "A " (all anywhere, so that the article
counts), or else an option's words in answers of more than five words, and takes what stands last; an empty answer
leaves the denominator. Open answers are right where a part of them that follows such words as "is" holds the right
text or number. In the published files questions of two tracks do not say their type: with options they are multiple
choice.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    bare,
    choice,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, read_json, read_rows
from retroflip.bench.benchmarks.tables import by_label, label_of, task_of
from retroflip.data.answers.numbers import read_number
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError

TITLE = "Video-MMMU"
TRACKS = ("perception", "comprehension", "adaptation")
_ONLY = "question_only"
_CATEGORIES: Mapping[str, Sequence[str]] = {
    "Art": ("Art", "Art_Theory", "Design", "Music"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Humanities": ("History", "Literature", "Sociology", "Psychology"),
    "Engineering": (
        *(
            "Agriculture",
            "Architecture_and_Engineering",
            "Computer_Science",
            "Electronics",
            "Energy_and_Power",
        ),
        *("Materials", "Mechanical_Engineering"),
    ),
    "Medicine": (
        *("Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine", "Pharmacy"),
        "Public_Health",
    ),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
}
CATEGORY = {subject: name for name, subjects in _CATEGORIES.items() for subject in subjects}
"""the folder of a subject's videos (get_cache_dir of tasks/videommmu/utils.py)"""
_IGNORE = "\nPlease ignore the Quiz question in last frame of the video."
_APPLY = "You should watch and learn the video content. Then apply what you learned to answer the following "
_AT_END = " question. The image for this question is at the end of the video.\n"


def _elsewhere(track: str) -> tuple[str, ...]:
    return (f"{track}_video.json", track.capitalize())


def _items(root: Path) -> Iterator[Item]:
    found = [(track, path) for track in TRACKS if (path := _file(root, track)) is not None]
    if not found:
        raise DataError(
            f"{root}: {TITLE}'s data/perception_video.json, data/comprehension_video.json or "
            "data/adaptation_video.json is not in it. Name the folder that holds them with --root."
        )
    for track, path in found:
        for row in _rows(path):
            yield _item(root, track, row)


def _only_pictures(root: Path) -> Iterator[Item]:
    path = _file(root, "adaptation")
    if path is None:
        raise DataError(
            f"{root}: {TITLE}'s data/adaptation_video.json is not in it. Name the folder that holds it with --root."
        )
    for row in _rows(path):
        yield _item(root, _ONLY, row)


def _file(root: Path, track: str) -> Path | None:
    places = [root / "data" / f"{track}_video.json", root / f"{track}_video.json"]
    places += sorted((root / track.capitalize()).glob("test-*.parquet"))
    return next((place for place in places if place.is_file()), None)


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix != ".json":
        return read_rows(path, "Video-MMMU's own file")
    found = read_json(path, "Video-MMMU's own file")
    inner = next(iter(found.values()), None) if isinstance(found, Mapping) and len(found) == 1 else found
    rows = list(inner.values()) if isinstance(inner, Mapping) else inner
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(
            f"{path}: not a file of Video-MMMU, which has one key, and below it questions by their numbers."
        )
    return rows


def _item(root: Path, track: str, row: Row) -> Item:
    identity = str(field(row, "id", f"{TITLE}, {track}"))
    where = f"{TITLE}, {track}, question {identity}"
    subject = _subject(identity, where)
    video = (
        video_file(root, (_ONLY,), f"{identity}_image")
        if track == _ONLY
        else video_file(root, (CATEGORY[subject],), identity)
    )
    question, written = str(field(row, "question", where)), [str(one) for one in row.get("options") or []]
    answer = field(row, "answer", where)
    about = {
        "source": TITLE,
        "task": track,
        "source_clip": identity,
        "labels": {"subject": subject, "category": CATEGORY[subject]},
    }
    name = f"{track}/{identity}"
    if written:
        options = bare(written)
        sample = choice(name, video, question, options, as_letter(answer, options, where), **about)
    else:
        sample = _open(name, video, question, _golds(answer)[0], **about)
    return Item(sample, _asked(track, question, written), row)


def _subject(identity: str, where: str) -> str:
    found = re.fullmatch(r"[^_]+_(.+)_\d+", identity)
    if found is None or found[1] not in CATEGORY:
        raise DataError(f"{where}: its id names none of the thirty subjects, as dev_Biology_3 does.")
    return found[1]


def _open(name: str, video: str, question: str, answer: str, **about: Any) -> Sample:
    kind = ProblemType.FREE_FORM if read_number(answer) is None else ProblemType.NUMERICAL
    return Sample(id=name, video=video, question=question, solution=answer, problem_type=kind, **about)


def _golds(answer: Any) -> list[str]:
    """Return the right answers of an open question; one of the published lists has lost its last quote."""
    if isinstance(answer, str) and answer.startswith("["):
        answer = re.findall(r"[^\[\]',\"\s][^\[\]',\"]*", answer)
    found = [str(one) for one in answer] if isinstance(answer, list) else [str(answer)]
    numbers = [one for one in found if read_number(one) is not None and "/" not in one]
    return [*numbers, *(one for one in found if one not in numbers)]


def _asked(track: str, question: str, options: Sequence[str]) -> str:
    """utils.py, videommmu_doc_to_text_*."""
    letters = [chr(ord("A") + index) for index in range(len(options))]
    labelled = all(option.startswith(f"{letter}.") for option, letter in zip(options, letters, strict=True))
    lines = (
        options
        if labelled
        else [f"{letter}. {option}" for letter, option in zip(letters, options, strict=True)]
    )
    if track == "adaptation":
        kind = "multi-choice" if options else "open-ended"
        return f"{_APPLY}{kind}{_AT_END}{question}" + ("\n" + "\n".join(lines) if options else "")
    return question + "\n" + "\n".join(lines) + ("" if track == _ONLY else _IGNORE)


def _grade(item: Item, said: str) -> float:
    if not said:
        return 0.0
    if not item.sample.options:
        return float(_is_right(item.row["answer"], said))
    return float(_chosen(said, item.sample.lettered) == item.sample.solution)


def _chosen(said: str, options: Mapping[str, str]) -> str | None:
    """utils.py, parse_multi_choice_response."""
    for mark in ",.!?;:'":
        said = said.strip(mark)
    said = f" {said} "
    periods, colons = ([letter for letter in options if f"{letter}{mark}" in said] for mark in ".:")
    found, place = [*periods, *colons], "{}." if periods else "{}:"
    if not found:
        found, place = [letter for letter in options if f"({letter})" in said], "({})"
    if not found:
        found, place = [letter for letter in options if f"{letter} " in said], " {} "
    if found:
        return max(found, key=lambda letter: said.rfind(place.format(letter)))
    if len(said.split()) > 5:
        lowered = said.lower()
        named = [letter for letter, text in options.items() if text.lower() in lowered]
        return max(named, key=lambda letter: lowered.rfind(options[letter].lower()), default=None)
    return None


# fmt: off
_INDICATORS = (
    "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "are ", "in total ", "total ",
    "identify ", "recognize ", "calculated as ", "counted as ", "measured as ", "observed as ", "concluded as ",
    "found to be ", "equals ", "determined to be ", "number of ", "value is ", "adds up to ", "have ", "has ",
)
# fmt: on
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)


def _is_right(answer: Any, said: str) -> bool:
    """utils.py, parse_open_response and eval_open."""
    golds = [one for gold in (answer if isinstance(answer, list) else [answer]) for one in _plain(str(gold))]
    parts = _key_parts(said)
    read = [one for part in [*parts, *(n for part in parts for n in _numbers(part))] for one in _plain(part)]
    return any(
        any(isinstance(gold, str) and gold in one for gold in golds) if isinstance(one, str) else one in golds
        for one in read
    )


def _key_parts(said: str) -> list[str]:
    """Return what follows words that announce an answer, the shortest of each sentence."""
    said = said.strip().strip(".").lower()
    sentences = re.split(r"\.\s(?=[A-Z])|\n", said)
    found = []
    for number, sentence in enumerate(sentences):
        indicators = (*_INDICATORS, "=") if number == len(sentences) - 1 else _INDICATORS
        tails = [sentence.split(one)[-1].strip() for one in indicators if one in sentence]
        shortest = _shortest(tails)
        if shortest and shortest not in (":", ",", ".", "!", "?", ";", "'"):
            found.append(shortest)
    return found or [said]


def _shortest(tails: Sequence[str]) -> str:
    """Return the first of the shortest tails; an empty one gives way to any that follows it."""
    best = ""
    for tail in tails:
        if not best or len(tail) < len(best):
            best = tail
    return best


def _numbers(text: str) -> list[str]:
    return [one for pattern in _NUMBERS for one in pattern.findall(text)]


def _plain(text: str) -> list[str | float]:
    """utils.py, normalize_str."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]


def _identity(tracks: Sequence[str], row: Row) -> str | None:
    """Return the question of a row that says both its id and its track; a track alone is sure where there is one."""
    if row.get("id") is None:
        return None
    track = row.get("track", tracks[0] if len(tracks) == 1 else None)
    return f"{track}/{row['id']}" if track is not None else None


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    tracks = by_label(task_of, graded)
    known = [value for value in tracks.values() if value is not None]
    return {
        "acc": accuracy(graded),
        "n": len(graded),
        "by_track": tracks,
        "mean_of_tracks": round(fmean(known), 2) if known else None,
        "by_category": by_label(label_of("category"), graded),
    }


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return videommmu_aggregate_results: of answers that say something."""
    return _table([one for one in graded if one.response])


BENCHMARK = Benchmark(
    name="videommmu",
    title=TITLE,
    home="github.com/EvolvingLMMs-Lab/VideoMMMU",
    needs=(
        *(Need(f"data/{track}_video.json", elsewhere=_elsewhere(track)) for track in TRACKS),
        *(Need(f"{name}/", annotation=False) for name in _CATEGORIES),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=partial(_identity, TRACKS), part=its_task)),
    part=its_task,
    summary=_summary,
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=1024,
)
QUESTION_ONLY = Benchmark(
    name="videommmu-question-only",
    title=f"{TITLE}, question only",
    home=BENCHMARK.home,
    needs=(
        Need("data/adaptation_video.json", elsewhere=_elsewhere("adaptation")),
        Need(f"{_ONLY}/", annotation=False),
    ),
    items=_only_pictures,
    grade=_grade,
    recorded=recorder(_only_pictures, _grade, Form(identity=partial(_identity, (_ONLY,)), part=its_task)),
    part=its_task,
    summary=_summary,
    ours=same_table(_table),
    sampler="lmms-eval",
    frames=1,
    max_tokens=1024,
)
