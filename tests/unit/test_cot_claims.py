"""Claims: the forms in which they may come, what they license, and what `retroflip cot check` makes of traces."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cot_samples import CUPS, HITS, TURN, sample
from retroflip.cli.app import app
from retroflip.cot.verify import Report, verify
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.names import Split
from retroflip.synth.settings import SceneSettings
from retroflip.workers import LocalEngine

ROOT = Path(__file__).parents[2]
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "verifier.py"))
UP = {"event": "move", "time": 0.0, "object": "purple diamond", "property": "direction", "value": "up"}
LEFT = {**UP, "time": 2.2, "value": "left"}
ANSWER = {"property": "answer", "value": "first up, then left"}
TEXT = "At 00:00.0 the purple diamond moves up. At 2.2 s it turns left. So it goes first up, then left."


def checked(claims: Any, text: str = TEXT, metadata: dict[str, Any] = TURN) -> Report:
    trace = f"<think>{text}</think>\n\\boxed{{{metadata['question']['answer']}}}"
    return verify(trace, metadata, sample(metadata), claims=claims)


def test_a_trace_needs_each_of_its_claims() -> None:
    claims = [[UP], [LEFT], [ANSWER]]
    assert [problem.sentence for problem in checked(claims).problems] == []
    for number in (0, 1):
        fewer = [one for index, one in enumerate(claims) if index != number]
        assert checked(fewer).reasons == ["unlicensed"]


@pytest.mark.parametrize("text", ["So the answer is first up, then left.", "I watch the video with care."])
def test_claims_do_not_stand_for_a_text_that_tells_nothing(text: str) -> None:
    found = checked([UP, LEFT, ANSWER], text).problems
    assert [problem.sentence for problem in found] == [
        "missing: the text itself tells less than half of the events that decide"
    ]
    half = "At 0.0 s the purple diamond moves up. So it goes first up, then left."
    assert checked([UP, LEFT, ANSWER], half).is_true


@pytest.mark.parametrize(
    "claims",
    [
        [UP, LEFT, ANSWER],
        [[UP], [LEFT], [ANSWER]],
        [{"sentence": 0, **UP}, {"sentence": 1, **LEFT}, {"sentence": 2, **ANSWER}],
        [{"text": "At 00:00.0 ...", "claims": [UP]}, {"text": "...", "claims": [LEFT, ANSWER]}],
        [{**UP, "time": "00:00.0"}, {**LEFT, "time": "2.2 s", "value": "leftwards"}, ANSWER],
        [{**UP, "time": [0.0, 2.2], "object": "o1"}, {**LEFT, "time": "2.2", "value": "to the left"}],
        [{"event": "moves up", "time": 0, "object": "diamond"}, {"event": "turns left", "time": 2.2}],
    ],
)  # fmt: skip
def test_claims_may_come_in_many_forms(claims: Any) -> None:
    assert [problem.sentence for problem in checked(claims).problems] == []


@pytest.mark.parametrize(
    "claim",
    [
        {**LEFT, "value": "right"},
        {**LEFT, "time": 3.2},
        {**LEFT, "object": "pink cross"},
        {**LEFT, "colour": "purple"},
        {**LEFT, "event": "explodes"},
        {**LEFT, "time": "soon"},
        {**LEFT, "relation": "not"},
        {"event": "move", "property": "count", "value": 3},
        {"event": "moves left", "relation": "before", "value": "moves up"},
        {"property": "answer", "value": "first left, then up"},
        "it moves left",
        7,
    ],
)  # fmt: skip
def test_a_claim_that_is_not_so_or_cannot_be_read_is_refused(claim: Any) -> None:
    assert "claim" in checked([UP, LEFT, ANSWER, claim]).reasons


@pytest.mark.parametrize(
    "claims", [[], [[], [], []], [ANSWER], [UP, ANSWER], [{"event": "move", "time": 0.0}]]
)
def test_what_no_claim_says_a_true_sentence_may_not_say(claims: Any) -> None:
    assert checked(claims).reasons == ["unlicensed"]


def test_true_claims_do_not_carry_a_false_text() -> None:
    swapped = (
        "At 00:00.0 the purple diamond moves left. At 2.2 s it turns up. So it goes first up, then left."
    )
    assert not checked([UP, LEFT, ANSWER], swapped).is_true
    assert not checked([UP, LEFT, ANSWER], TEXT.replace("So it", "The diamond explodes. So it")).is_true


def test_counts_orders_and_contents_are_exact() -> None:
    told = "At 0.5s the circle hits the upper wall. At 1.5s it hits the left wall. At 2.6s it hits the upper wall."
    hits = {"event": "hits the upper wall", "property": "count"}
    for value, is_true in ((1, False), (2, True), (3, False)):
        assert ("claim" in checked([{**hits, "value": value}], told, HITS).reasons) is not is_true
    for held, is_true in (([6, 10], True), ([10, 6], True), ([6, 10, 29], False), (["6", "10"], True)):
        claim = {"object": "A", "property": "holds", "value": held, "time": 1.0}
        assert ("claim" in checked([claim], "I watch the cups.", CUPS).reasons) is not is_true


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("tuned", 0),
        ("second", 3),
        ("third", 0),
        ("sixth", 2),
        ("thirty-first", 0),
        ("thirty-second", 0),
        ("thirty-fourth", 2),
    ],
)
def test_hand_written_traces(name: str, refused: int) -> None:
    found = BENCHMARK["measured"](name, text_alone=False)
    assert found["false_passed"] == []
    assert len(found["true_refused"]) <= refused


def test_traces_given_are_judged_one_by_one(tmp_path: Path) -> None:
    settings = CorpusSettings(
        kinds=("direction",), per_task=1, seed=5, split=Split.RL, scene=SceneSettings(size=64)
    )
    write_corpus(tmp_path / "data", settings, engine=LocalEngine(1), progress=Silence())
    cot = tmp_path / "cot"
    write_corpus(
        cot, settings.model_copy(update={"split": Split.COT}), engine=LocalEngine(1), progress=Silence()
    )
    runner = CliRunner()
    assert runner.invoke(app, ["cot", str(cot), "--out", str(cot / "traces.jsonl")]).exit_code == 0
    rows = [json.loads(line) for line in (cot / "traces.claims.jsonl").read_text().splitlines()]
    asked = ["cot", "check", str(cot), "--traces", str(tmp_path / "given.jsonl"), "--json"]
    (tmp_path / "given.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    result = runner.invoke(app, asked)
    assert (result.exit_code, json.loads(result.stdout)) == (
        0,
        {"accepted": [r["id"] for r in rows], "refused": {}},
    )
    spoilt = {
        **rows[0],
        "id": f"{rows[0]['id']}:spoilt",
        "process": rows[0]["process"].replace("moves", "jumps"),
    }
    strange = {**rows[0], "id": "nobody"}
    # Without an end of the last line, as many programs write it.
    (tmp_path / "given.jsonl").write_text("\n".join(json.dumps(row) for row in [*rows, spoilt, strange]))
    result = runner.invoke(app, asked)
    judged = json.loads(result.stdout)
    assert result.exit_code == 1
    assert judged["accepted"] == [row["id"] for row in rows]
    assert set(judged["refused"]) == {spoilt["id"], "nobody"}
    written = cot / "traces.claims.jsonl"
    written.write_text(written.read_text().replace("moves", "jumps", 1))
    result = runner.invoke(app, [*asked[:4], str(written)])
    assert result.exit_code == 1
    assert f"{written.name}: not the file that" in result.stderr
    result = runner.invoke(app, [*asked[:4], str(tmp_path / "nowhere.jsonl")])
    assert result.exit_code == 1
    assert "nowhere.jsonl: the traces cannot be read" in result.stderr
