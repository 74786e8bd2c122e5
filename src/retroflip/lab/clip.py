"""A synthetic clip with its question, its answer, and the answers its counterfactuals have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from retroflip.data.sample import TaskType
from retroflip.lab.scene import Scene
from retroflip.video.transforms import Transform

Reading = Callable[[Scene, int], str]
"""(scene, frame index) -> the state at that frame in a word or two, e.g. a square of the grid"""


@dataclass(frozen=True)
class Clip:
    """One video question with exact ground truth.

    `changes` says for each transformation which answer turns into which; an answer it does not name stays.
    `reading` says what a careful viewer notes at one frame, `conclusion` is the phrase that leads from the notes to
    the answer, with `{}` for the answer. A clip without a reading is answered from any single frame. `subject` is
    whether the question is about the scene's first object, which a viewer then names first.
    `cue_colour_of` is the colour that gives each answer away in the shortcut laboratory; empty where there is no cue.
    """

    scene: Scene
    task: str
    question: str
    options: tuple[str, ...]
    answer: str
    conclusion: str
    changes: Mapping[Transform, Mapping[str, str]] = field(default_factory=dict)
    cue_colour_of: Mapping[str, str] = field(default_factory=dict)
    reading: Reading | None = None
    subject: bool = True

    @property
    def colour(self) -> str:
        """The colour of the object that the question is about."""
        return self.scene.tracks[0].colour

    def answer_after(self, transform: Transform) -> str:
        """Return the right answer to the same question about the transformed clip."""
        return self.changes.get(transform, {}).get(self.answer, self.answer)

    @property
    def task_type(self) -> TaskType:
        """Which transformations change the answer (CRPO's Task Router, known here by construction)."""
        flips = self.answer_after(Transform.FLIP) != self.answer
        reverses = self.answer_after(Transform.REVERSE) != self.answer
        if flips and reverses:
            return TaskType.SPATIOTEMPORAL
        if flips or reverses:
            return TaskType.SPATIAL if flips else TaskType.TEMPORAL
        return TaskType.STATIC

    def recoloured(self, colour: str) -> "Clip":
        """Return the same clip with the object that the question is about in another colour."""
        first, *others = self.scene.tracks
        return replace(self, scene=replace(self.scene, tracks=(replace(first, colour=colour), *others)))

    def transformed(self, transform: Transform) -> "Clip":
        """Return the counterfactual clip, mirrored or reversed, with its own answer.

        Raises KeyError for any other transformation: a scene does not know how to undergo it.
        """
        scene = {Transform.FLIP: self.scene.flipped, Transform.REVERSE: self.scene.reversed}[transform]()
        return replace(self, scene=scene, answer=self.answer_after(transform))

    def notes(self, seconds: Sequence[float], group: int = 2) -> list[tuple[float, str]]:
        """Return what is seen at each time stamp the model is given.

        `seconds` are the sampled frames' times. The model merges `group` frames into one step and is told their
        mean time (Qwen3-VL's processor), so each note describes the middle of its group.
        """
        if self.reading is None:
            return []
        notes = []
        for start in range(0, len(seconds), group):
            block = seconds[start : start + group]
            stamp = (block[0] + block[-1]) / 2.0
            frame = min(round(stamp * self.scene.fps), len(self.scene) - 1)
            notes.append((stamp, self.reading(self.scene, frame)))
        return notes
