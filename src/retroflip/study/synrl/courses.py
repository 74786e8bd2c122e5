"""What the study's two courses teach and ask, how much of everything, and where their videos lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from retroflip.synth.registry import TEMPORAL_KINDS

Labels = Mapping[str, Sequence[str]]
"""records' labels, and the values wanted of each"""


@dataclass(frozen=True)
class Amount:
    """How much of everything is done: videos of a course, held-out pairs of it, and steps.

    start_videos: answered by guessing. rl_videos: asked about by every arm, each once; twice as many for twice the
    data. Every lesson of SFT has a video of its own.
    """

    start_videos: int
    rl_videos: int
    round2_videos: int
    test_pairs: int
    start_steps: int
    sft_steps: int
    rl_steps: int
    round2_steps: int


QUICK = Amount(
    start_videos=18,
    rl_videos=40,
    round2_videos=16,
    test_pairs=2,
    start_steps=1,
    sft_steps=2,
    rl_steps=1,
    round2_steps=1,
)
"""shows that every step works, and no more"""


@dataclass(frozen=True)
class Course:
    """What is taught and asked.

    frames: how many of a video the model is shown. tokens: at which an answer is cut off; there is a note for every
    two frames. amount: how much of everything is done.
    """

    name: str
    kinds: tuple[str, ...]
    frames: int
    tokens: int
    amount: Amount

    def per_kind(self, videos: int) -> int:
        """Return how many of so many videos, or pairs, are of each kind."""
        return max(1, videos // len(self.kinds))

    def labelled(self, labels: Labels) -> tuple[str, ...]:
        """Return the kinds with these labels."""
        return tuple(kind for kind in self.kinds if is_labelled(kind, labels))


def is_labelled(kind: str, labels: Labels) -> bool:
    """Return whether a kind's records have these labels."""
    found = TEMPORAL_KINDS[kind]
    return all(getattr(found, name).value in values for name, values in labels.items())


MOTION = Course(
    "motion",
    ("direction",),
    frames=8,
    tokens=112,
    amount=Amount(
        start_videos=960,
        rl_videos=960,
        round2_videos=480,
        test_pairs=120,
        start_steps=180,
        sft_steps=1000,
        rl_steps=60,
        round2_steps=30,
    ),
)
PRIMITIVES = Course(
    "primitives",
    ("direction", "speed", "attribute_change", "shell_game"),
    frames=20,
    tokens=192,
    amount=Amount(
        start_videos=960,
        rl_videos=320,
        round2_videos=160,
        test_pairs=80,
        start_steps=180,
        sft_steps=600,
        rl_steps=20,
        round2_steps=10,
    ),
)
LABELS: Mapping[str, Labels] = {
    "spatial": {"domain": ("spatial",)},
    "temporal": {"domain": ("temporal",)},
    "short": {"term": ("short",)},
    "long": {"term": ("long",)},
}
"""table 9's primitives as the records' labels"""


@dataclass(frozen=True)
class CourseFolder:
    """Where the videos of a course lie, for one seed, and the model that starts it."""

    path: Path

    @property
    def embedded(self) -> Path:
        """The embedded model, which looks at as many frames as the course shows."""
        return self.path / "embedded"

    @property
    def guessed(self) -> Path:
        """Videos whose questions are answered by guessing."""
        return self.path / "guessed"

    @property
    def guesses(self) -> Path:
        """Their records, with the guesses as responses."""
        return self.path / "guesses.jsonl"

    def lessons(self, kinds: Sequence[str]) -> Path:
        """Return the settings of the videos to reason about, which are drawn when they are needed."""
        return self.path / f"lessons-{'-'.join(kinds)}.yaml"

    @property
    def rl(self) -> Path:
        """Videos for RL: those of one round first, and as many more."""
        return self.path / "rl"

    @property
    def round2(self) -> Path:
        """Videos of twice the length, for the second round."""
        return self.path / "round2"

    @property
    def test(self) -> Path:
        """Held-out pairs."""
        return self.path / "test"
