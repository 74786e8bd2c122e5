"""The audit finds a planted shortcut of each type, and nothing where there is none."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retroflip.data.records import write_samples
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.files.storage import read_json_object, write_json_atomic
from retroflip.progress import Silence
from retroflip.synth.audit.items import (
    THUMBNAIL,
    VIEWED,
    Floats,
    Folder,
    Item,
    read_folder,
    seen,
    thumbnails,
)
from retroflip.synth.audit.report import write_report
from retroflip.synth.audit.sheets import SHOWN, WIDTH, contact_sheet
from retroflip.synth.audit.verdict import WITHOUT_CHOICE, KindAudit, attempt, audit, holm, left_out
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.names import Form
from retroflip.synth.settings import SceneSettings
from retroflip.video.encode import encode
from retroflip.workers import LocalEngine

ANSWERS = ("left", "right", "away", "down")


def clean(count: int = 80, seed: int = 0) -> list[Item]:
    """Return questions that nothing gives away: answers dealt out evenly, noise for pictures."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(count):
        options = tuple(ANSWERS[int(one)] for one in rng.permutation(4))
        code = f"{1000 * seed + number:064d}"
        stills_SHW3, heap_4HW3 = seen(noise(code))
        items.append(
            Item(
                id=f"q{number}",
                kind="moves",
                group=f"g{number}",
                question=f"Which way does the {('red', 'blue')[int(rng.integers(2))]} one go?",
                options=options,
                right=options.index(ANSWERS[number % 4]),
                stills_SHW3=stills_SHW3,
                heap_4HW3=heap_4HW3,
                facts={"seconds": float(rng.uniform(3, 5)), "objects": float(rng.integers(1, 4))},
                places=(),
                sha256=code,
                truth=None,
            )
        )
    return items


def noise(code: str) -> Floats:
    """Return the frames, (VIEWED, THUMBNAIL, THUMBNAIL, 3), of the item whose file has this hash."""
    return np.random.default_rng(int(code)).uniform(0.0, 0.2, size=(VIEWED, THUMBNAIL, THUMBNAIL, 3))


def shown(item: Item, pictures_VHW3: Floats) -> Item:
    stills_SHW3, heap_4HW3 = seen(pictures_VHW3)
    return replace(item, stills_SHW3=stills_SHW3, heap_4HW3=heap_4HW3)


def audited(items: list[Item]) -> KindAudit:
    return audit(Folder(items, {}), Silence())["moves"]


def lit(item: Item, frame: int, place: int) -> Item:
    """Return the item with a bright spot in one frame, or in a frame drawn from its number for -1."""
    pictures = noise(item.sha256)
    pictures[int(item.id[1:]) * 7 % VIEWED if frame < 0 else frame, 4 * place : 4 * place + 3, 8:10] = 1.0
    return shown(item, pictures)


def answer_number(item: Item) -> int:
    return ANSWERS.index(item.answer)


PLANTS: dict[str, tuple[str, Callable[[Item], Item]]] = {
    "an answer that is nearly always right": (
        "majority",
        lambda item: replace(item, right=item.options.index("left")) if int(item.id[1:]) % 4 else item,
    ),
    "the letter": ("position", lambda item: _at_letter(item, 2)),
    "the longest option": ("longest", lambda item: _renamed(item, item.answer + " and then some more")),
    "the shortest option": ("shortest", lambda item: _renamed(item, item.answer[:2])),
    "the middle number": ("central", lambda item: replace(item, options=("1", "4", "5", "7"), right=1)),
    "the question's words": (
        "bag_of_words",
        lambda item: replace(item, question=f"Which way, object {answer_number(item)}?"),
    ),
    "the answer in the question": ("echo", lambda item: replace(item, question=f"Does it go {item.answer}?")),
    "the clip's length": (
        "clip_facts",
        lambda item: replace(item, facts={**item.facts, "seconds": 2.0 + answer_number(item)}),
    ),
    "the first frame": ("first_frame", lambda item: lit(item, 0, answer_number(item))),
    "the middle frame": ("middle_frame", lambda item: lit(item, VIEWED // 2, answer_number(item))),
    "the last frame": ("last_frame", lambda item: lit(item, VIEWED - 1, answer_number(item))),
    "some frame in no order": ("shuffled_frames", lambda item: lit(item, -1, answer_number(item))),
    "where an object ends": (
        "last_places",
        lambda item: replace(
            item, places=(np.zeros(2), np.zeros(2), np.array([answer_number(item) / 4, 0.5]))
        ),
    ),
}


def _at_letter(item: Item, seat: int) -> Item:
    others = [option for option in item.options if option != item.answer]
    return replace(item, options=(*others[:seat], item.answer, *others[seat:]), right=seat)


def _renamed(item: Item, text: str) -> Item:
    return replace(
        item, options=tuple(text if index == item.right else one for index, one in enumerate(item.options))
    )


@pytest.mark.parametrize("seed", range(4))
def test_clean_data_passes(seed: int) -> None:
    found = audited(clean(seed=seed))
    assert found.faults == ()
    assert found.chance == pytest.approx(0.25)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_shortcut_is_found(name: str) -> None:
    attack, plant = PLANTS[name]
    found = audited([plant(item) for item in clean()])
    assert found.attempts[attack].accuracy > 0.6
    assert any(fault.startswith(attack) for fault in found.faults)


def test_a_frame_that_tells_only_with_the_question_is_found() -> None:
    """The spot shows the answer to "red", and two places on the answer to "blue"."""
    items = []
    for item in clean(160):
        shift = 2 * ("blue" in item.question)
        items.append(lit(item, 0, (answer_number(item) + shift) % 4))
    found = audited(items)
    assert found.attempts["first_frame"].accuracy > 0.6
    assert found.faults


def test_a_partial_shortcut_is_found_as_well() -> None:
    items = [
        lit(item, 0, answer_number(item)) if number % 3 else item for number, item in enumerate(clean(200))
    ]
    assert any(fault.startswith("first_frame") for fault in audited(items).faults)


@pytest.mark.parametrize("seed", range(2))
def test_a_small_mark_that_is_right_in_most_clips_is_found(seed: int) -> None:
    """One cell of 16 x 16, lit with 70 % validity, in frames that vary as much everywhere else."""
    rng = np.random.default_rng(seed)
    items = []
    for item in clean(120, seed):
        told = answer_number(item) if rng.random() < 0.7 else int(rng.integers(4))
        pictures = noise(item.sha256) * 5.0
        pictures[0, 15, told] = 1.0
        items.append(shown(item, pictures))
    assert any(fault.startswith("first_frame") for fault in audited(items).faults)


def test_a_kind_that_cannot_be_judged_fails() -> None:
    found = audit(Folder([], {"riddles": 30}), Silence())
    assert found["riddles"].faults[0].startswith("none of its 30 questions can be judged: no options")
    assert found["riddles"].as_json()["samples"] == 0


def test_few_questions_can_show_less() -> None:
    few, many = audited(clean(40)), audited(clean(400))
    assert 0.3 <= many.detectable < few.detectable < 0.7


def test_foreign_files_beside_records_are_no_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asked = CorpusSettings(kinds=("direction",), per_task=10, seed=1, scene=SceneSettings(size=64))
    samples = write_corpus(folder, asked, engine=LocalEngine(1), progress=Silence())
    (folder / "metadata" / f"{samples[0].id}.json").write_text('{"camera": "phone"}')
    (folder / "manifest.json").unlink()
    odd = samples[1].model_copy(update={"id": "../../etc/passwd"})
    write_samples(folder / "records.jsonl", [samples[0], odd, *samples[2:]])
    found = read_folder(folder, Silence())
    assert [item.truth is None for item in found.items[:3]] == [True, True, False]
    with pytest.raises(UsageError, match="holds no records"):
        read_folder(tmp_path, Silence())


def test_repeated_videos_options_and_false_pairs_are_found() -> None:
    items = clean()
    assert any("more than once" in fault for fault in audited([*items, replace(items[0], id="again")]).faults)
    twice = replace(items[0], options=("left", "LEFT ", "up", "down"))
    assert any("offer an option twice" in fault for fault in audited([twice, *items[1:]]).faults)
    pair = [replace(items[0], group="p"), replace(items[0], id="q0b", group="p", sha256="x")]
    assert any("pairs do not ask the same" in fault for fault in audited([*pair, *items[1:]]).faults)


def test_few_questions_are_not_judged() -> None:
    assert audited(clean(8)).faults == ("8 questions, too few to judge by; write at least 20",)


def test_questions_that_were_left_out_are_said_so() -> None:
    (fault,) = audit(Folder(clean(8), {"moves": 12}), Silence())["moves"].faults
    assert fault.startswith(
        "8 questions (of 20; the others: no options, none in metadata either, and not 2 to 12"
    )
    assert fault.endswith("too few to judge by; write at least 20")


def test_more_questions_left_out_than_judged_are_a_fault() -> None:
    folder = Folder(clean(), {"moves": 81})
    assert audit(folder, Silence())["moves"].faults == (
        f"81 of 161 questions are left out, more than are judged: {WITHOUT_CHOICE}",
    )
    folder = Folder(clean(), {"moves": 80})
    assert audit(folder, Silence())["moves"].faults == ()
    assert left_out(folder) == [f"80 questions left out (moves 80): {WITHOUT_CHOICE}."]
    assert left_out(Folder(clean(), {})) == []


def test_a_mark_that_is_shown_for_a_twentieth_of_every_clip_is_found(tmp_path: Path) -> None:
    """As long as it lasts a model is shown a frame of it; every ninth of a clip falls beside it."""
    rng = np.random.default_rng(0)
    samples = []
    (tmp_path / "videos").mkdir()
    for number in range(40):
        right = int(rng.integers(4))
        pixels_TCHW = np.broadcast_to(
            rng.integers(0, 90, (3, 64, 64), dtype=np.uint8), (100, 3, 64, 64)
        ).copy()
        pixels_TCHW[20:25, :, :16, 16 * right : 16 * right + 16] = 255
        name = f"videos/q{number}.mp4"
        encode(tmp_path / name, pixels_TCHW, 20)
        samples.append(
            Sample(id=f"q{number}", question="Which?", problem_type=ProblemType.MULTIPLE_CHOICE, options=ANSWERS,
                   solution="ABCD"[right], video=name, source_clip=f"q{number}", task="moves")
        )  # fmt: skip
    write_samples(tmp_path / "records.jsonl", samples)
    found = audit(read_folder(tmp_path, Silence()), Silence())["moves"]
    assert found.attempts["shuffled_frames"].accuracy > 0.6
    assert any(fault.startswith("shuffled_frames") for fault in found.faults)


def test_a_clip_flatter_than_the_thumbnails_is_looked_at_all_the_same() -> None:
    pixels_TCHW = np.full((2, 3, 5, 64), 51, dtype=np.uint8)
    assert thumbnails(pixels_TCHW) == pytest.approx(np.full((2, THUMBNAIL, THUMBNAIL, 3), 0.2))


def test_answers_in_numbers_choose_among_the_options_of_the_metadata(tmp_path: Path) -> None:
    """Far more different answers than are taken for a choice; a record that was changed is not borne out."""
    folder = tmp_path / "data"
    asked = CorpusSettings(
        kinds=("chip_cups",),
        per_task=20,
        seed=3,
        form=Form.NUMERIC,
        paired=False,
        scene=SceneSettings(size=64),
    )
    samples = write_corpus(folder, asked, engine=LocalEngine(1), progress=Silence())
    assert {sample.problem_type for sample in samples} >= {ProblemType.NUMERICAL}
    data = read_folder(folder, Silence())
    assert (len(data.items), data.unread) == (20, {})
    for sample, item in zip(samples, data.items, strict=True):
        truth = json.loads((folder / "metadata" / f"{sample.id}.json").read_text())["question"]
        assert (item.options, item.answer) == (tuple(truth["options"]), truth["answer"])
    found = audit(data, Silence())["chip_cups"]
    assert (found.faults, found.oracle) == ((), 1.0)


def test_both_sides_of_a_pair_count_as_one_draw() -> None:
    items = [replace(item, group=f"p{number // 2}") for number, item in enumerate(clean(100))]
    scores = np.array([1.0, 1.0] * 20 + [0.0, 0.0] * 30)
    paired, alone = attempt(scores, items), attempt(scores, clean(100))
    assert paired.accuracy == alone.accuracy == pytest.approx(0.4)
    # Twice the same draw is half the evidence: the interval is wider by the root of two.
    assert (paired.high - paired.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(2), rel=1e-6)


def test_holm_is_as_worked_out_by_hand() -> None:
    # 0.01 <= 0.05/4; 0.015 <= 0.05/3; 0.03 > 0.05/2 stops the search, so 0.02 > ... cannot count behind it.
    assert holm({"a": 0.01, "b": 0.015, "c": 0.03, "d": 0.04}) == {"a", "b"}
    assert holm({}) == set()


def test_a_written_data_set_is_read_judged_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asked = CorpusSettings(kinds=("direction",), per_task=12, seed=1, scene=SceneSettings(size=64))
    samples = write_corpus(folder, asked, engine=LocalEngine(1), progress=Silence())
    data = read_folder(folder, Silence())
    found = audit(data, Silence())
    assert found["direction"].oracle == 1.0
    assert {"first_frame", "shuffled_frames", "last_places"} <= found["direction"].attempts.keys()
    assert json.loads(json.dumps(found["direction"].as_json(), allow_nan=False))["samples"] == 24
    hostile = samples[0].model_copy(update={"question": "<script>alert(1)</script>"})
    page = write_report(tmp_path / "audit.html", folder, found, [hostile, *samples[1:]], 0).read_text()
    assert "<script>" not in page
    assert page.count("data:image/jpeg;base64,") == 4
    sheet = contact_sheet(folder, samples[:2])
    assert sheet.width == WIDTH
    assert SHOWN == 12


def test_wrong_metadata_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asked = CorpusSettings(kinds=("direction",), per_task=10, seed=1, scene=SceneSettings(size=64))
    write_corpus(folder, asked, engine=LocalEngine(1), progress=Silence())
    path = folder / "metadata" / "direction-00000-0.json"
    truth = read_json_object(path)
    truth["states"] = truth["states"][::-1]
    write_json_atomic(path, truth)
    faults = audit(read_folder(folder, Silence()), Silence())["direction"].faults
    assert any("bears out only 95.0%" in fault for fault in faults)
