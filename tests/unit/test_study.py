"""The study of all methods: equal arms, the papers' numbers, verdicts by hand, and a command that goes on."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.asking import Asking
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.records import append_answers
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import TaskType
from retroflip.errors import NonFiniteLossError, RunDirectoryError, RunStoppedError, UsageError
from retroflip.files.storage import append_jsonl, read_json_object
from retroflip.inference.base import Loaded
from retroflip.lab.laboratory import Laboratory
from retroflip.models import tiny
from retroflip.models.budget import fits_of
from retroflip.models.loading import load_processor
from retroflip.progress import Silence
from retroflip.rl import train as rl_run
from retroflip.rl.recipe import RlRecipe
from retroflip.sft import train as sft_run
from retroflip.study import stages
from retroflip.study.cells import SeedFolder, State
from retroflip.study.compare import Verdict, check_claim, difference, judge, over_seeds
from retroflip.study.loop import run_study
from retroflip.study.markdown import markdown
from retroflip.study.methods import plan as methods
from retroflip.study.methods.arms import ARMS, BASELINE, START, budget, recipe_of
from retroflip.study.methods.papers import REFERENCES
from retroflip.study.papers import Claim, Reference
from retroflip.study.plan import chosen
from retroflip.study.stages import FULL, Size
from retroflip.train.marks import COMPLETE_MARKER
from retroflip.train.run_directory import RunDirectory
from study_tables import METHODS, Done, arm_of, study_of

BY_NAME = {arm.name: arm for arm in ARMS}
LAB = Laboratory(sft=Path("/lab/sft"), train=Path("/lab/train"), pairs=Path("/lab/pairs"))
SMALL = Size(sft_samples=2, train_samples=8, pairs_per_task=1, sft_steps=1, rl_steps=2)


def recipe_by_name(name: str) -> RlRecipe:
    arm = BY_NAME[name]
    assert arm.recipe is not None
    return recipe_of(arm, arm.recipe, Path("/lab/start"), LAB, FULL, seed=3)


TRAINED = [arm.name for arm in ARMS if arm.recipe is not None]


def test_names_are_folders_of_their_own() -> None:
    names = [arm.name for arm in ARMS]
    assert len(set(names)) == len(names)
    assert not {"data", "sft", "eval", "failures"} & set(names)


def test_the_methods_come_first_and_the_controls_after_them() -> None:
    first = ["base", "grpo", "crpo", "dr_grpo", "t_grpo", "arrow_rl", "strive"]
    assert [arm.name for arm in ARMS][:7] == first
    assert (START, BASELINE) == ("base", "grpo")


@pytest.mark.parametrize("name", TRAINED)
def test_an_arm_differs_from_grpo_in_its_method_alone(name: str) -> None:
    own, grpo = recipe_by_name(name).resolved(), recipe_by_name("grpo").resolved()
    allowed = {
        "data": {"pool"},
        "train": {"loss_type"},
    }
    if name == "grpo_data_x2":
        allowed = {"data": {"limit"}, "train": {"steps"}}
    for section in ("model", "data", "train", "prompt"):
        differing = {key for key in grpo[section] if own[section][key] != grpo[section][key]}
        assert differing <= allowed.get(section, set()), section
    assert own["train"]["seed"] == 3
    assert own["data"]["records"] == "/lab/train/records.jsonl"
    assert own["model"]["path"] == "/lab/start"


@pytest.mark.parametrize("name", TRAINED)
def test_every_arm_samples_64_rollouts_a_step_but_the_papers_controls_of_half(name: str) -> None:
    counted = budget(BY_NAME[name])
    assert counted is not None
    assert counted.per_step == (32 if name in {"grpo_g8", "grpo_data_x2"} else 64)


def test_rollouts_trained_and_probed_per_question() -> None:
    counted = {arm.name: budget(arm) for arm in ARMS}
    split = {name: (b.trained, b.probed) for name, b in counted.items() if b is not None}
    assert counted["base"] is None
    assert split["t_grpo"] == (8, 8)
    assert split["arrow_rl"] == (15, 1)
    assert split["crpo_no_branch"] == (8, 8)
    assert split["grpo_g8"] == split["grpo_data_x2"] == (8, 0)
    rest = {"t_grpo", "arrow_rl", "crpo_no_branch", "grpo_g8", "grpo_data_x2"}
    assert {value for name, value in split.items() if name not in rest} == {(16, 0)}


@pytest.mark.parametrize("task_type", list(TaskType))
def test_only_a_question_whose_counterfactual_is_ablated_has_fewer(task_type: TaskType) -> None:
    fewer = set()
    for arm in ARMS:
        most, here = budget(arm), budget(arm, task_type)
        if most is not None and here is not None and here.per_step < most.per_step:
            fewer.add(arm.name)
            assert (here.trained, here.probed) == (8, 0)
    expected = {TaskType.SPATIAL: {"crpo_no_flip"}, TaskType.TEMPORAL: {"crpo_no_reversal"}}
    assert fewer == expected.get(task_type, set())


def test_data_x2_asks_as_many_questions_as_the_others_twice() -> None:
    recipe, other = recipe_by_name("grpo_data_x2"), recipe_by_name("grpo_g8")
    assert recipe.train.steps == 2 * other.train.steps == 160
    assert recipe.data.limit == other.train.steps * other.train.samples_per_step == 320
    assert recipe.data.limit <= FULL.train_samples


def test_strive_arms_choose_from_more_frames_than_they_show() -> None:
    data = recipe_by_name("strive").data
    assert (data.pool_frames, data.frames) == (16, stages.FRAMES)


def test_gradients_are_weights_as_they_are_and_similarities_have_strives_temperature() -> None:
    taus = {name: recipe_by_name(name).resolved()["method"]["tau"] for name in TRAINED if "strive" in name}
    assert taus.pop("strive_gradient") == 1.0
    assert set(taus.values()) == {0.4}


def test_arms_are_chosen_by_name_in_their_own_order() -> None:
    assert [arm.name for arm in chosen(["crpo", "grpo"], ARMS)] == ["grpo", "crpo"]
    assert chosen([], ARMS) == ARMS
    with pytest.raises(UsageError, match=r"no arm named 'crop'.*choose from base, grpo"):
        chosen(["crop"], ARMS)


def test_every_row_stands_for_an_arm() -> None:
    for reference in REFERENCES:
        named = {*reference.values, *(name for order in reference.orders for name in order)}
        assert named <= set(BY_NAME), reference.source


def test_every_two_rows_that_differ_make_one_order() -> None:
    table = Reference("t", "s", PAIR_ACCURACY, {"grpo": 57.0, "strive": 58.0, "dr_grpo": 57.0})
    assert list(table.claims()) == [Claim("strive", "grpo", 1.0), Claim("strive", "dr_grpo", 1.0)]
    counts = {reference.source: len(list(reference.claims())) for reference in REFERENCES}
    assert counts["CRPO, table 1"] == 10
    assert counts["CRPO, table 2"] == 55
    assert counts["STRIVE, table 2"] == 15
    assert counts["STRIVE, table 3"] == 5
    assert counts["STRIVE, table 5"] == 3


@pytest.mark.parametrize(
    ("source", "greater", "lesser", "points"),
    [
        # What the papers' texts say of their tables (CRPO, sections 5.2, 5.3 and D.3; STRIVE, section 4.2).
        ("CRPO, table 1", "crpo", "base", 9.4),
        ("CRPO, table 1", "crpo", "t_grpo", 5.0),
        ("CRPO, table 2", "crpo", "grpo", 4.6),
        ("CRPO, table 2", "crpo", "crpo_no_flip", 1.6),
        ("CRPO, table 2", "crpo", "crpo_no_reversal", 4.1),
        ("CRPO, table 2", "crpo", "crpo_no_crr", 3.6),
        ("CRPO, table 2", "crpo", "crpo_no_behave", 2.1),
        ("CRPO, table 2", "crpo", "crpo_no_branch", 6.0),
        ("STRIVE, table 3", "strive", "grpo", 1.0),
        ("STRIVE, table 3", "st_dr_grpo", "dr_grpo", 0.6),
    ],
)
def test_differences_are_those_of_the_text(source: str, greater: str, lesser: str, points: float) -> None:
    (reference,) = [reference for reference in REFERENCES if reference.source == source]
    assert Claim(greater, lesser, points) in list(reference.claims())


# Student's t for 95 % and 2 degrees of freedom is 4.3027 (any table): half = 4.3027 sd / sqrt(3).
LOW, HIGH = {0: 0.1, 1: 0.2, 2: 0.3}, {0: 0.4, 1: 0.6, 2: 0.5}


def test_a_difference_is_paired_by_seed() -> None:
    found = difference(LOW, HIGH)  # 0.3, 0.4, 0.2: mean 0.3, sd 0.1, half 0.24841
    assert found is not None
    assert found.interval is not None
    assert found.mean == pytest.approx(0.3)
    assert found.interval.low == pytest.approx(0.3 - 0.24841, abs=1e-5)
    assert found.interval.high == pytest.approx(0.3 + 0.24841, abs=1e-5)


def test_a_mean_over_seeds_has_the_same_interval() -> None:
    found = over_seeds(LOW)
    assert found is not None
    assert found.interval is not None
    assert found.mean == pytest.approx(0.2)
    assert found.interval.high == pytest.approx(0.2 + 0.24841, abs=1e-5)
    assert over_seeds({}) is None


def test_only_an_interval_without_0_tells_arms_apart() -> None:
    values = {"a": LOW, "b": HIGH}
    assert judge(check_claim(Claim("b", "a"), values)) is Verdict.AGREES
    assert judge(check_claim(Claim("a", "b"), values)) is Verdict.DISAGREES
    # 0.3, 0.4, 0.0: mean 0.2333, sd 0.2082, half 0.5171
    assert judge(difference(LOW, {**HIGH, 2: 0.3})) is Verdict.UNDECIDED
    assert judge(difference(LOW, LOW)) is Verdict.UNDECIDED
    assert judge(difference(LOW, {seed: value + 0.25 for seed, value in LOW.items()})) is Verdict.UNDECIDED


def test_seeds_that_one_of_the_two_lacks_do_not_count() -> None:
    found = difference(LOW, {1: 0.6, 2: 0.5, 7: 0.0})
    assert found is not None
    assert found.n == 2
    assert found.mean == pytest.approx(0.3)


def test_one_seed_or_none_says_nothing() -> None:
    assert judge(difference(LOW, {1: 0.6})) is Verdict.ONE_SEED
    assert judge(difference(LOW, {5: 0.6})) is Verdict.NOT_RUN
    assert judge(check_claim(Claim("a", "b"), {"a": LOW})) is Verdict.NOT_RUN


DONE: Done = {
    "grpo": {0: {"p_acc": 0.1, "zero_advantage": 0.5}, 1: {"p_acc": 0.2, "zero_advantage": 0.6}},
    "crpo": {0: {"p_acc": 0.5, "zero_advantage": 0.1}, 1: {"p_acc": 0.5, "zero_advantage": 0.2}},
    "dr_grpo": {0: "the loss became NaN"},
}


def test_a_partial_table_has_what_is_there_and_shows_what_is_not() -> None:
    study = study_of([0, 1, 2], DONE)
    assert study["cells"] == {"done": 4, "failed": 1, "not run": 3 * len(ARMS) - 5}
    crpo = arm_of(study, "crpo")
    assert crpo["means"]["p_acc"]["mean"] == pytest.approx(0.5)
    assert crpo["minus_baseline"]["p_acc"]["mean"] == pytest.approx(0.35)
    assert crpo["minus_baseline"]["p_acc"]["n"] == 2
    assert arm_of(study, "strive")["means"] == {}
    assert arm_of(study, "grpo")["minus_baseline"] == {}

    rows = {
        line.split("`")[1]: line for line in markdown(METHODS, study).splitlines() if line.startswith("| `")
    }
    results = markdown(METHODS, study).split("## Training")[0]
    (row,) = [line for line in results.splitlines() if line.startswith("| `crpo` ")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:6] == [
        "64 = 4 x (16)",
        "50.0 [50.0, 50.0]",
        "50.0 50.0 –",
        "+35.0 [-28.5, +98.5]",  # 0.4 and 0.3: sd 0.0707, t(1) = 12.706, half 0.6353
    ]
    assert cells[-1] == "CRPO 54.8 (tables 1, 2)"
    assert "strive_gradient" in rows
    assert "- `dr_grpo`, seed 0: the loss became NaN" in markdown(METHODS, study)


def test_orders_are_judged_on_the_measure_they_are_about() -> None:
    study = study_of([0, 1], DONE)
    papers = {paper["source"]: paper for paper in study["tables"][0]["papers"]}
    (claim,) = [c for c in papers["CRPO, figure 5b"]["claims"] if c["greater"] == "grpo"]
    assert claim["found"]["mean"] == pytest.approx(0.4)  # 0.5 - 0.1 and 0.6 - 0.2, of zero_advantage
    assert claim["verdict"] == "cannot be told apart"  # both seeds differ alike: an interval without a width
    verdicts = Counter(
        claim["verdict"] for paper in study["tables"][0]["papers"] for claim in paper["claims"]
    )
    assert {name: count for name, count in study["verdicts"].items() if count} == dict(verdicts)


def test_an_empty_study_has_a_table_too() -> None:
    text = markdown(METHODS, study_of([0], {}))
    assert "0 done, 0 failed" in text
    assert text.count("| not run |") == sum(len(list(reference.claims())) for reference in REFERENCES)


class StoppedError(Exception):
    """What a kill looks like from inside."""


class Fakes:
    """Training and answering without a model. `stops`: what an arm's training ends with, by the arm's name."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.asked: list[str] = []
        self.stops: dict[str, BaseException] = {}

    def supervise(self, recipe: Any, out: Path, *, resume: bool, **_: Any) -> None:
        run = RunDirectory.open(out, recipe.resolved(), resume=resume)
        run.model.mkdir()
        (run.model / "weights").write_text("start")
        run.finish()

    def train(self, recipe: RlRecipe, out: Path, *, resume: bool, **_: Any) -> None:
        run = RunDirectory.open(out, recipe.resolved(), resume=resume)
        self.trained.append(f"{out.parent.name}/{out.name}#{run.attempt}")
        run.rewind(0)
        for step in range(1, 13):
            row = {"zero_advantage": step / 100, "reward_std": 0.5, "reward/correct": step / 12}
            append_jsonl(run.metrics, {"step": step, **row})
            append_jsonl(run.timings, {"step": step, "seconds": 2.0})
            append_jsonl(run.rollouts, {"step": step})
            append_jsonl(run.rollouts, {"step": step})
            if step == 6 and out.name in self.stops:
                raise self.stops[out.name]
        run.model.mkdir()
        run.finish()

    def answer(self, _engine: Any, dataset: Any, out: Path, asking: Asking, **_: Any) -> None:
        """CRPO's model is always right on the whole video; all others guess."""
        self.asked.append(f"{out.parents[1].name}/{out.name}")
        out.mkdir(parents=True, exist_ok=True)
        (out / "answers.jsonl").unlink(missing_ok=True)
        asked = [with_null_option(sample) for sample in dataset]
        for control in asking.controls:
            right = control.value == "full" and out.name == "crpo"
            records = oracle_answers(asked) if right else random_answers(asked, 0)
            renamed = [replace(record, control=control) for record in records]
            append_answers(out / "answers.jsonl", renamed)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes()
    monkeypatch.setattr(methods, "QUICK", SMALL)
    monkeypatch.setattr(sft_run, "train", made.supervise)
    monkeypatch.setattr(rl_run, "train", made.train)
    monkeypatch.setattr(stages, "generate", made.answer)
    fits = fits_of(load_processor(tiny.NAME), stages.FRAMES)
    monkeypatch.setattr(stages, "load_engine", lambda *_: Loaded(None, fits, "cpu"))  # type: ignore[arg-type]
    return made


def run_quick(out: Path, *names: str, seeds: tuple[int, ...] = (0,)) -> dict[str, Any]:
    return run_study(methods.plan(quick=True), out, seeds=seeds, names=names, progress=Silence())


def marks(out: Path) -> dict[str, int]:
    """Return when each run was finished, and each arm scored."""
    files = [*out.glob(f"seed-*/*/{COMPLETE_MARKER}"), *out.glob("seed-*/eval/*/scores.json")]
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in files}


def test_seeds_come_one_after_the_other_and_the_table_holds_what_was_measured(
    tmp_path: Path, fakes: Fakes
) -> None:
    found = run_quick(tmp_path, "crpo", "base", "grpo", seeds=(0, 1))

    assert fakes.trained == ["seed-0/grpo#1", "seed-0/crpo#1", "seed-1/grpo#1", "seed-1/crpo#1"]
    assert fakes.asked[:3] == ["seed-0/base", "seed-0/grpo", "seed-0/crpo"]
    assert found["cells"]["done"] == 6
    cell = arm_of(found, "crpo")["cells"]["0"]
    assert (cell["p_acc"], cell["state"]) == (1.0, "done")
    assert cell["zero_advantage"] == pytest.approx(sum(range(1, 13)) / 12 / 100)
    assert cell["correct"] == pytest.approx(sum(range(3, 13)) / 10 / 12)  # the last ten of twelve steps
    assert (cell["rollouts_per_step"], cell["seconds_per_step"]) == (2.0, 2.0)
    assert set(arm_of(found, "base")["cells"]["0"]) >= {"p_acc", "single_frame_p_acc", "chance_p_acc"}
    assert "correct" not in arm_of(found, "base")["cells"]["0"]
    assert read_json_object(tmp_path / "study.json") == found
    assert "| `crpo` |" in (tmp_path / "study.md").read_text()


def test_what_is_finished_is_not_touched_and_a_stopped_arm_goes_on(tmp_path: Path, fakes: Fakes) -> None:
    fakes.stops["crpo"] = StoppedError()
    with pytest.raises(StoppedError):
        run_quick(tmp_path, "base", "grpo", "crpo", "dr_grpo")
    before = marks(tmp_path)
    partial = read_json_object(tmp_path / "study.json")
    assert partial["cells"]["done"] == 2
    assert arm_of(partial, "crpo")["cells"]["0"]["state"] == "not run"
    assert not (tmp_path / "report.html").exists()

    fakes.stops.clear()
    fakes.trained.clear()
    fakes.asked.clear()
    found = run_quick(tmp_path, "base", "grpo", "crpo", "dr_grpo")

    assert fakes.trained == ["seed-0/crpo#2", "seed-0/dr_grpo#1"]
    assert fakes.asked == ["seed-0/crpo", "seed-0/dr_grpo"]
    assert {name: time for name, time in marks(tmp_path).items() if name in before} == before
    assert found["cells"]["done"] == 4
    assert "of all runs 4 done" in (tmp_path / "report.html").read_text()

    (tmp_path / "report.html").unlink()  # as a kill between the last arm and the report would leave it
    run_quick(tmp_path, "base", "grpo", "crpo", "dr_grpo")
    assert len(fakes.trained) == len(fakes.asked) == 2
    assert "of all runs 4 done" in (tmp_path / "report.html").read_text()


def test_a_trained_arm_without_scores_is_only_asked(tmp_path: Path, fakes: Fakes) -> None:
    run_quick(tmp_path, "grpo")
    (tmp_path / "seed-0" / "eval" / "grpo" / "scores.json").unlink()
    run_quick(tmp_path, "grpo")
    assert (fakes.trained, fakes.asked) == (["seed-0/grpo#1"], ["seed-0/grpo", "seed-0/grpo"])


def test_a_model_trained_anew_is_asked_anew(tmp_path: Path, fakes: Fakes) -> None:
    run_quick(tmp_path, "grpo")
    (tmp_path / "seed-0" / "grpo").rename(tmp_path / "seed-0" / ".old")
    run_quick(tmp_path, "grpo")
    assert len(fakes.trained) == len(fakes.asked) == 2


@pytest.mark.parametrize(
    "error", [NonFiniteLossError("The loss became NaN."), RuntimeError("The loss became NaN.")]
)
def test_an_arm_that_fails_is_recorded_and_tried_again(
    tmp_path: Path, fakes: Fakes, error: Exception
) -> None:
    fakes.stops["grpo"] = error
    found = run_quick(tmp_path, "grpo", "crpo")
    assert arm_of(found, "grpo")["cells"]["0"]["failure"] == "The loss became NaN."
    assert found["cells"] == {"done": 1, "failed": 1, "not run": len(ARMS) - 2}
    record = json.loads((tmp_path / "seed-0" / "failures" / "grpo.json").read_text())
    assert record["error"] == type(error).__name__
    assert "in train" in record["traceback"]
    assert "The loss became NaN." in (tmp_path / "report.html").read_text()

    fakes.stops.clear()
    found = run_quick(tmp_path, "grpo")
    assert found["cells"]["failed"] == 0
    assert arm_of(found, "crpo")["cells"]["0"]["state"] == "done"


def test_an_arm_that_is_told_to_stop_stops_the_study(tmp_path: Path, fakes: Fakes) -> None:
    fakes.stops["grpo"] = RunStoppedError("Stopped behind step 6 of 12.", 6)
    with pytest.raises(RunStoppedError):
        run_quick(tmp_path, "grpo", "crpo")
    assert fakes.trained == ["seed-0/grpo#1"]
    assert not (tmp_path / "seed-0" / "failures").exists()
    assert read_json_object(tmp_path / "study.json")["cells"]["failed"] == 0


def test_a_run_of_other_settings_fails_its_arm_and_keeps_its_files(
    tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_quick(tmp_path, "grpo")
    before = marks(tmp_path)
    monkeypatch.setattr("retroflip.study.methods.arms.QUESTIONS", 2)
    found = run_quick(tmp_path, "grpo")
    assert "train.samples_per_step (was 4, now 2)" in arm_of(found, "grpo")["cells"]["0"]["failure"]
    assert marks(tmp_path) == before
    assert len(fakes.trained) == 1


@pytest.mark.usefixtures("fakes")
def test_a_study_of_another_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_quick(tmp_path, "base")
    monkeypatch.setattr(methods, "QUICK", FULL)
    with pytest.raises(RunDirectoryError, match="study of another size"):
        run_quick(tmp_path, "base")


@pytest.mark.usefixtures("fakes")
def test_a_lost_table_is_made_again_and_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    first = run_quick(tmp_path / "own", "base")
    (tmp_path / "own" / "study.json").unlink()
    assert run_quick(tmp_path / "own", "base") == first
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").touch()
    with pytest.raises(RunDirectoryError, match="holds no study"):
        run_quick(tmp_path / "foreign", "base")


@pytest.mark.usefixtures("fakes")
def test_the_table_covers_the_seeds_that_are_there(tmp_path: Path) -> None:
    run_quick(tmp_path, "base", seeds=(4,))
    found = run_quick(tmp_path, "base", seeds=(2,))
    assert found["seeds"] == [2, 4]
    assert found["cells"]["done"] == 2


def test_a_cell_without_all_controls_is_not_done(tmp_path: Path) -> None:
    folder = SeedFolder(tmp_path)
    start = BY_NAME[START]
    folder.answers(start).mkdir(parents=True)
    (folder.answers(start) / "scores.json").write_text('{"controls": {}}')
    assert folder.read(start, METHODS.measured).state is State.MISSING
