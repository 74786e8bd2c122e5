"""File system: commands run one after the other in a terminal; what is in the folders is listed at one end only.

Commands always succeed and never overwrite. Their order matters because some act on whatever a folder holds at that
moment (`rm docs/*`, `mv docs/* logs/`, `mv --exchange docs logs`). The first two cannot be undone, so that there are
none where the start is asked for. A command is on the screen alone, while it runs.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from retroflip.synth.animation import Actor, Animation
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Mode, Pair, Redraw, listed, paired
from retroflip.synth.long import orders
from retroflip.synth.long.orders import Course, Groups, Offer, Query
from retroflip.synth.long.scenery import Stage
from retroflip.synth.long.timeline import Timeline, Track, draw_timeline, operations_seen
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.wording import holding, phrased
from retroflip.video.transforms import Transform

Files = frozenset[tuple[str, str]]
"""every folder and the name of a file in it; a folder itself is there as (folder, "")"""
Result = int | str | tuple[str, ...]

OPERATIONS = (7, 7, 8, 8, 9)
LEAST_OPERATIONS = 7
MOST_OPERATIONS = 23
"""of so many different commands hardly any are found that can be run; 16 are no trouble"""
SEEN = 1.5
"""frames seen of each operation at least: a command can be read for three quarters of its time"""
FOLDERS = ("docs", "logs", "data", "work", "temp", "home", "pics", "mail")
_STEMS = "plan note song list code memo page card poem task form logo menu bill diet game tale idea fact quiz"
NAMES = tuple(f"{stem}.txt" for stem in _STEMS.split())
FOLDER_COUNT = (3, 3, 3, 4, 4)
MOST_FILES = 5
"""in a folder"""
SETS_OF_OPERATIONS = 40
QUESTIONS = 12
"""tried of one set of operations"""
ATTEMPTS = 50
"""draws of one command, until there is one that can be run"""
NEW_FOLDER = 0.4
"""how often one of the folders is made on the way"""
COMMANDS = {
    "touch": "touch {folder}/{file}",
    "rm": "rm {folder}/{file}",
    "mv": "mv {folder}/{file} {other}/",
    "cp": "cp {folder}/{file} {other}/",
    "rm all": "rm {folder}/*",
    "mv all": "mv {folder}/* {other}/",
    "exchange": "mv --exchange {folder} {other}",
    "mkdir": "mkdir {folder}",
}
FORWARD = ("touch", "rm", "mv", "cp", "rm all", "mv all", "mv all", "exchange", "exchange")
BACKWARD = ("touch", "rm", "mv", "uncp", "exchange", "exchange", "exchange")
"""what is drawn, told from the shown state on, where the end is shown; "uncp" takes a copy away"""
UNDONE = {"touch": "rm", "rm": "touch", "mv": "mv", "uncp": "cp", "exchange": "exchange"}
"""the command that a step backwards undoes"""
ASKS = {
    Mode.FORWARD: (("exists", "end"), ("holds", "end"), ("count", "end")),
    Mode.RETRODICTIVE: (("exists", "start"), ("holds", "start"), ("count", "start")),
    Mode.HISTORICAL: (("deleted", "ever"), ("first", "order"), ("last", "order")),
}
CHOICES = {"exists": 2, "deleted": 2, "holds": 4, "count": 4, "first": 4, "last": 4}

SCREEN = (0.47, 0.4)
"""half the width and the height of the terminal"""
COMMAND_TEXT = 0.034
HEADING_TEXT = 0.03
NAME_TEXT = 0.026
FADE_SHARE = 0.12
"""of an operation: how long its command takes to come, and to go"""


class Step(NamedTuple):
    """What is done. In order of time `action` is a name of COMMANDS."""

    action: str
    folder: str
    other: str = ""
    file: str = ""

    @property
    def command(self) -> str:
        """What is typed."""
        return COMMANDS[self.action].format(**self._asdict())


def done(files: Files, step: Step) -> Files | None:
    """Return what there is after a step, or None where it would fail or overwrite something."""
    if step.action == "mkdir":
        return None if (step.folder, "") in files else files | {(step.folder, "")}
    if (step.folder, "") not in files or (step.other and (step.other, "") not in files):
        return None
    here = frozenset(one for one in files if one[0] == step.folder and one[1])
    there = frozenset(one for one in files if one[0] == step.other and one[1])
    gone, new = _effect(step, here, there)
    if not gone <= files or new & (files - gone) or not (gone or new):
        return None
    crowded = step.action != "exchange" and len(new) + len(there if step.other else here) > MOST_FILES
    return None if crowded else (files - gone) | new


def _effect(step: Step, here: Files, there: Files) -> tuple[Files, Files]:
    """Return the files that a step takes away and those that it adds."""
    nothing: Files = frozenset()
    one, other = frozenset({(step.folder, step.file)}), frozenset({(step.other, step.file)})
    moved = frozenset((step.other, name) for _, name in here)
    moved_back = frozenset((step.folder, name) for _, name in there)
    # What is copied must be there: else the step is to take it away, which cannot be done.
    is_there = one <= here
    return {
        "touch": (nothing, one),
        "rm": (one, nothing),
        "mv": (one, other),
        "cp": (nothing, other) if is_there else (one, nothing),
        "uncp": (other, nothing) if is_there else (one, nothing),
        "rm all": (here, nothing),
        "mv all": (here, moved),
        "exchange": (here | there, moved | moved_back),
    }[step.action]


def held(files: Files, folder: str) -> tuple[str, ...]:
    """Return the names in a folder in alphabetical order."""
    return tuple(sorted(name for where, name in files if where == folder and name))


def contents(files: Files) -> dict[str, list[str]]:
    """Return all folders with the names in them, both in alphabetical order."""
    folders = sorted(folder for folder, name in files if not name)
    return {folder: list(held(files, folder)) for folder in folders}


def inverse(step: Step) -> Step:
    """Return the command that a step backwards in time undoes."""
    if step.action == "mv":
        return step._replace(folder=step.other, other=step.folder)
    return step._replace(action=UNDONE[step.action])


Runs = Course[Files, Step]


def answer_to(query: Query, course: Runs) -> Result:
    """Return the answer; `course` runs with time."""
    if query.when == "order":
        return _ran(query, course)[0 if query.ask == "first" else -1]
    if query.ask == "deleted":
        return "no" if any(name == query.named["file"] for _, name in course.states[-1]) else "yes"
    names = held(course.states[0 if query.when == "start" else -1], query.named["folder"])
    if query.ask == "exists":
        return "yes" if query.named["file"] in names else "no"
    return names if query.ask == "holds" else len(names)


def _ran(query: Query, course: Runs) -> list[str]:
    """Return the commands that the question names, in the order in which they are run."""
    return [step.command for step in course.operations if step.command in query.named["commands"]]


def make(draw: Draw) -> Pair:
    """Draw commands and a question, the answers that their orders lead to, and two of these."""
    what = orders.dealt_ask(draw, ASKS)
    timeline = _timeline(draw)
    query, options, groups = _asked(draw, timeline.operations, what)
    stage = Stage.drawn(draw, timeline, opening=what.mode.from_start)
    text = phrased(draw, query.ask, query.when, **query.named)
    courses = orders.two_answered(draw, groups, options)
    things, is_open = _things(courses[0][1].states), query.ask in ("exists", "deleted", "holds")
    asked = stage.asked(query, text, options, things, seen=SEEN, is_open=is_open)
    one, two = (_side(stage, asked, query, course, answer) for answer, course in courses)
    return paired(draw, one, two)


def _timeline(draw: Draw) -> Timeline:
    """Return the clip's course. Raises Redraw, without a draw, for more commands than can be put in other orders."""
    wanted = draw.wanted(OPERATIONS)
    count = operations_seen(draw.settings, wanted, SEEN, LEAST_OPERATIONS)
    if count > MOST_OPERATIONS:
        raise Redraw(f"no other order of {count} commands can be run ({MOST_OPERATIONS} at most)")
    return draw_timeline(draw, wanted, SEEN, LEAST_OPERATIONS)


def _asked(draw: Draw, operations: int, what: Query) -> Offer[Result, Runs]:
    """Return a question, its answers to choose from, and orders of the same commands by the answer."""
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations, from_start=what.mode.from_start)
        told = list(orders.in_other_orders(draw, course, done, what.mode))
        in_time = told if what.mode.from_start else [one.mirrored(inverse) for one in told]
        for _ in range(QUESTIONS):
            query = _draw_query(draw, in_time[0], what)
            if query is None:
                continue
            groups: Groups[Result, Runs] = orders.by_answer(in_time, partial(answer_to, query))
            if options := orders.of_one_form(draw, groups, CHOICES[what.ask]):
                return query, options, groups
    raise Redraw("no commands with enough different answers were found")


def _draw_course(draw: Draw, operations: int, *, from_start: bool) -> Runs:
    count = min(max(draw.settings.objects or draw.level(FOLDER_COUNT), 2), 4)
    folders, names = draw.some_of(FOLDERS, count), draw.shuffled(NAMES)
    files = {(folder, "") for folder in folders}
    files |= {(folder, names.pop()) for folder in folders for _ in range(int(draw.rng.integers(1, 4)))}
    made = from_start and draw.rng.random() < NEW_FOLDER
    if made:
        files = {one for one in files if one[0] != folders[-1]}

    def draw_step(files: Files, before: Sequence[Step]) -> Step | None:
        if made and not before:
            return Step("mkdir", folders[-1])
        unused = names[: len(names) - sum(step.action == "touch" for step in before)]
        step = _draw_step(draw, files, folders, unused, draw.one_of(FORWARD if from_start else BACKWARD))
        return None if step in before else step

    return orders.draw_course(frozenset(files), operations, draw_step, done, ATTEMPTS)


def _draw_step(
    draw: Draw, files: Files, folders: Sequence[str], unused: Sequence[str], action: str
) -> Step | None:
    folder, other = draw.some_of(folders, 2)
    if action == "exchange":
        return Step(action, *sorted((folder, other)))
    if action in ("rm all", "mv all"):
        return Step(action, folder, "" if action == "rm all" else other)
    if action == "touch":
        return Step(action, folder, file=unused[-1]) if unused else None
    inside = held(files, folder)
    if not inside:
        return None
    return Step(action, folder, "" if action == "rm" else other, draw.one_of(inside))


def _draw_query(draw: Draw, course: Runs, what: Query) -> Query | None:
    if what.when == "order":
        pinned = orders.pinned_places(len(course.operations), from_start=True, ends=False)
        free = [step.command for place, step in enumerate(course.operations) if place not in pinned]
        return what.naming(commands=sorted(draw.some_of(free, CHOICES[what.ask])))
    asked = course.states[0 if what.when == "start" else -1]
    folder = draw.one_of(list(contents(asked)))
    files = sorted({name for files in course.states for _, name in files if name})
    if what.ask == "deleted":
        # A command that names the file would give it away.
        named = {step.file for step in course.operations if step.action in ("rm", "cp")}
        files = [name for name in files if name not in named]
    place = {} if what.ask == "deleted" else {"folder": folder}
    if what.ask not in ("exists", "deleted"):
        return what.naming(**place)
    return what.naming(**place, file=draw.one_of(files)) if files else None


def _clip(stage: Stage, shown: Files, steps: Sequence[Step]) -> Animation:
    """Return the video of the commands, with the listing of what is shown at one end."""
    terminal = stage.actor("terminal", "rectangle", (12, 14, 16), (0.5, 0.5), SCREEN)
    commands = [_command(stage, index, step) for index, step in enumerate(steps)]
    return stage.animation([terminal, *_listing(stage, shown), *commands])


def _listing(stage: Stage, files: Files) -> list[Actor]:
    lines, folders = [], contents(files)
    for column, (folder, names) in enumerate(folders.items()):
        x = 0.5 + (column - (len(folders) - 1) / 2) * 2 * SCREEN[0] / len(folders)
        lines.append(stage.writing(f"folder {folder}", f"{folder}/", (x, 0.24), HEADING_TEXT, stage.shown_T))
        lines += [
            stage.writing(f"file {folder} {name}", name, (x, 0.36 + 0.09 * row), NAME_TEXT, stage.shown_T)
            for row, name in enumerate(names)
        ]
    return lines


def _command(stage: Stage, index: int, step: Step) -> Actor:
    timeline = stage.timeline
    start, end = timeline.span(index)
    fade = max(1, round(FADE_SHARE * (end - start)))
    seen = Track(timeline.frames, 0.0).ease((start, start + fade), 1.0).ease((end - fade, end), 0.0)
    return stage.writing(f"command {index}", f"$ {step.command}", (0.5, 0.5), COMMAND_TEXT, seen.number_T)


def _side(stage: Stage, asked: Asked, query: Query, course: Runs, answer: Result) -> Episode:
    shown = stage.shown_of(course.states)
    note = f"the folders are listed: {holding(contents(shown))}"
    operations = (
        (step.action.replace(" ", "_"), f"the command {step.command} is run", {"command": step.command})
        for step in course.operations
    )
    # Played backwards, the video shows the same listing at its other end; whether files are deleted is not asked then.
    backwards = {} if query.ask == "deleted" else {Transform.REVERSE: course.played_back}
    return asked.episode(
        _clip(stage, shown, course.operations),
        answer,
        orders.changed_by(answer, backwards, partial(answer_to, query)),
        events=stage.told(note, {"folders": contents(shown)}, operations),
        states=stage.timeline.followed("folders", map(contents, course.states)),
        derivation=[*_derivation(query, course), f"So the answer is: {listed(answer)}."],
    )


def _things(states: Sequence[Files]) -> list[dict[str, Any]]:
    folders = sorted({folder for files in states for folder in contents(files)})
    names = sorted({name for files in states for _, name in files if name})
    return [
        *(thing(f"folder {one}", "text", "white", one) for one in folders),
        *(thing(f"file {one}", "text", "white", one) for one in names),
    ]


def _derivation(query: Query, course: Runs) -> list[str]:
    if query.when == "order":
        return [f"In order of time these are run: {'; '.join(_ran(query, course))}."]
    held = [holding(contents(files)) for files in course.states]
    commands = [f"{step.command}:" for step in course.operations]
    return orders.retold(held, commands, from_start=query.mode.from_start)


KIND = Kind("file_system", Category.CODE, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: file system commands"""
