"""One step's rollouts: branches drawn, videos decoded and encoded once, completions sampled, answers rewarded.

Every process knows all groups of the step; prompts and features it holds for its own branches alone (`rl/world.py`).

Shapes: S samples, B branches of a sample, G rollouts of a branch, C tokens of a completion.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from retroflip.data.answers import gold_answer, is_well_formed, parse_answer
from retroflip.data.answers.spans import Span
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.draws import draw, draw_seed
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Writer
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import VisualFeatures, encode_in_step
from retroflip.rl.methods.base import Branch, Group, Method, Rewards, Rollout, branch_draw, occasion
from retroflip.rl.world import World
from retroflip.train.phases import Phases
from retroflip.video.frames import Frames, Shown
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed, transform_of


class FrameScores(Protocol):
    """How much each frame of a video's pool has to do with its question."""

    def __getitem__(self, sample: Sample) -> npt.NDArray[np.float64]:
        """Return one score per frame."""


AtOnce: TypeAlias = Callable[[int, int], int]
"""(tokens of the longest prompt, rollouts of a branch) -> branches whose rollouts are written together"""


@dataclass(frozen=True)
class Question:
    """A sample as it is asked, with its branches. visit: how often it was asked before in this epoch."""

    sample: Sample
    branches: tuple[Branch, ...]
    visit: int = 0


class Place(NamedTuple):
    """Where a branch stands in a step: question number and branch number."""

    question: int
    branch: int


@dataclass(frozen=True)
class Written:
    """What the model wrote on one branch. shown: what it was shown of each video."""

    branch: Branch
    completions: tuple[Completion, ...]
    texts: tuple[str, ...]
    shown: tuple[Shown, ...] = ()

    @property
    def between(self) -> Span | None:
        """The seconds of the first and the last frame of the first video; None without a video."""
        return (self.shown[0].seconds[0], self.shown[0].seconds[-1]) if self.shown else None


@dataclass(frozen=True)
class BranchRollouts:
    """One branch of this process: what the model was shown, and what it wrote."""

    written: Written
    prompt: Prompt
    features: VisualFeatures | None


@dataclass(frozen=True)
class GroupRollouts:
    """One sample's branches, rewarded. advantages: (G,) per branch."""

    group: Group
    branches: tuple[Written, ...]
    rewards: Rewards
    advantages: tuple[torch.Tensor, ...]

    @property
    def teaches(self) -> bool:
        """Whether some rollout that is trained on has an advantage other than 0."""
        trained = (branch.branch.trained for branch in self.branches)
        return any(bool(a.any()) for a, t in zip(self.advantages, trained, strict=True) if t)


@dataclass(frozen=True)
class Generation:
    """A step's groups, and this process's part in them.

    own: its branches. spare: one that may be scored again without weight, for a process that has fewer than others.
    refilled: groups that were replaced because they taught nothing.
    """

    groups: list[GroupRollouts]
    own: dict[Place, BranchRollouts]
    spare: BranchRollouts
    refilled: int


@dataclass(frozen=True)
class Ahead:
    """Prepares the next step's prompts on a thread while the model works on the current step's."""

    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "prepare"))
    waiting: dict[int, Future[list[Prompt]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Generator:
    """Everything a step's rollouts depend on besides the step itself.

    scores: of the frames, where the method's views need them. refills: how often, at most, questions that teach
    nothing are replaced within a step. at_once: returns how many branches are written together, for the tokens of
    the longest prompt and the most rollouts of a branch; all by default. phases: where the time goes.
    """

    dataset: VideoDataset
    encoder: Encoder
    method: Method
    sampling: Sampling
    seed: int
    scores: FrameScores | None = None
    refills: int = 0
    at_once: AtOnce | None = None
    world: World = field(default_factory=World)
    ahead: Ahead = field(default_factory=Ahead)
    phases: Phases = field(default_factory=Phases)

    def prepare(
        self, samples: Sequence[Sample], *, epoch: int, step: int, visits: Sequence[int] = ()
    ) -> None:
        """Begin, on another thread, to decode and encode what a later `generate` of this step will ask for."""
        questions = self._questions(samples, epoch, visits)
        places = self.world.share(_places(questions, range(len(questions))))
        self.ahead.waiting[step] = self.ahead.pool.submit(self._prompts, questions, places, epoch)

    def generate(
        self,
        model: Any,
        writer: Writer,
        samples: Sequence[Sample],
        *,
        epoch: int,
        step: int,
        visits: Sequence[int] = (),
    ) -> Generation:
        """Roll out and reward every sample.

        visits: how often each was visited before in this epoch; never, by default. Random choices depend on (seed,
        sample, epoch, visit, branch), rollouts on the step as well. Questions that teach nothing are replaced by others
        of the data, drawn by (seed, step, round), up to `refills` times.
        """
        questions = self._questions(samples, epoch, visits)
        asked = {question.sample.id for question in questions}
        numbers: Sequence[int] = range(len(questions))
        own: dict[Place, BranchRollouts] = {}
        written: dict[Place, Written] = {}
        refilled = 0
        for round_ in range(self.refills + 1):
            mine, of_all, spare = self._round(model, writer, questions, numbers, epoch, (step, round_))
            own |= mine
            written |= of_all
            groups = self._rewarded(questions, written)
            idle = [number for number, group in enumerate(groups) if not group.teaches]
            others: Sequence[Sample] = []
            if idle and round_ < self.refills:
                others = self.dataset.others(asked, len(idle), draw(self.seed, "refill", step, round_))
            if not others:
                break
            numbers = idle[: len(others)]
            for place in _places(questions, numbers):
                del written[place]
                own.pop(place, None)
            for number, sample in zip(numbers, others, strict=True):
                questions[number] = self._question(sample, epoch)
            asked |= {sample.id for sample in others}
            refilled += len(others)
        return Generation(groups, own, spare, refilled)

    def _round(
        self,
        model: Any,
        writer: Writer,
        questions: Sequence[Question],
        numbers: Sequence[int],
        epoch: int,
        when: tuple[int, int],
    ) -> tuple[dict[Place, BranchRollouts], dict[Place, Written], BranchRollouts]:
        """Roll out the questions of these numbers; when: the step and the round.

        Returns this process's branches, what was written on those of all processes, and one branch to spare.
        """
        step, round_ = when
        places = _places(questions, numbers)
        mine = self.world.share(places)
        ready = self.ahead.waiting.pop(step, None) if round_ == 0 else None
        with self.phases.during("videos"):
            prompts = ready.result() if ready else self._prompts(questions, mine, epoch)
        rolled = self._roll(model, writer, questions, mine, prompts, when)
        own = dict(zip(mine[: self.world.owned(len(places))], rolled, strict=False))
        written = dict(self.world.gather([(place, branch.written) for place, branch in own.items()]))
        return own, written, rolled[0]

    def _questions(self, samples: Sequence[Sample], epoch: int, visits: Sequence[int]) -> list[Question]:
        each = zip(samples, visits or [0] * len(samples), strict=True)
        return [self._question(sample, epoch, visit) for sample, visit in each]

    def _question(self, sample: Sample, epoch: int, visit: int = 0) -> Question:
        asked = with_null_option(sample) if self.method.null_option else sample
        branches = self.method.branches(asked, branch_draw(self.seed, asked.id, epoch, visit))
        return Question(asked, tuple(branches), visit)

    def _prompts(self, questions: Sequence[Question], places: Sequence[Place], epoch: int) -> list[Prompt]:
        """Decode what each question shows once and encode the views of the branches at these places."""
        pools: dict[int, tuple[Frames, ...]] = {}
        prompts = []
        for place in places:
            question = questions[place.question]
            if place.question not in pools:
                pools = {place.question: self.dataset.load_all(question.sample)}
            prompts.append(self._prompt(question, place, pools[place.question], epoch))
        return prompts

    def _prompt(self, question: Question, place: Place, pools: Sequence[Frames], epoch: int) -> Prompt:
        """Encode a branch's view of each video, which all are drawn alike; images are shown as they are."""
        sample, branch = question.sample, question.branches[place.branch]
        scores = self.scores[sample] if self.scores is not None and branch.view.needs_scores else None
        shown = []
        for medium, pool in zip(sample.shown, pools, strict=True):
            rng = draw(self.seed, "view", sample.id, *occasion(epoch, question.visit), branch.name)
            frames = self.dataset.frames
            shown.append(pool if medium.is_image else branch.view.apply(pool, frames, rng, scores))
        self._note_no_change(sample, branch, pools, shown)
        return self.encoder.encode(sample, shown)

    def _note_no_change(
        self, sample: Sample, branch: Branch, pools: Sequence[Frames], shown: Sequence[Frames]
    ) -> None:
        """Note a video of a dynamic question that a transform leaves as it is: a single frame backwards, a still."""
        is_dynamic = sample.task_type is not None and sample.task_type.dynamic
        if self.encoder.notes is None or not is_dynamic or transform_of(branch.view) is Transform.IDENTITY:
            return
        as_it_is, rng = Transformed(Transform.IDENTITY), np.random.default_rng(0)
        plain = (as_it_is.apply(pool, self.dataset.frames, rng, None) for pool in pools)
        if all(
            np.array_equal(one.pixels_TCHW, two.pixels_TCHW) for one, two in zip(plain, shown, strict=True)
        ):
            self.encoder.notes.add(
                sample.id,
                f"its video shows the same, picture for picture, under the transform {branch.view.label!r}, so that no "
                "change of its answer can be seen.",
            )

    def _roll(
        self,
        model: Any,
        writer: Writer,
        questions: Sequence[Question],
        places: Sequence[Place],
        prompts: Sequence[Prompt],
        when: tuple[int, int],
    ) -> list[BranchRollouts]:
        """Encode every video once, and sample every branch's completions."""
        with self.phases.during("vision"), torch.no_grad():
            features = encode_in_step(model, prompts, self.world.idle)[: len(prompts)]
        branches = [questions[place.question].branches[place.branch] for place in places]
        seeds = [self._seed(questions[place.question], place.branch, when) for place in places]
        completions: list[list[Completion]] = []
        together = self._together(prompts, branches)
        for first in range(0, len(prompts), together):
            chosen = slice(first, first + together)
            counts = [branch.rollouts for branch in branches[chosen]]
            with self.phases.during("rollouts"):
                completions += writer.roll(
                    prompts[chosen], features[chosen], counts, self.sampling, seeds[chosen]
                )
        return [
            BranchRollouts(
                Written(
                    branch,
                    tuple(ended),
                    tuple(self.encoder.decode(one.ids) for one in ended),
                    prompt.shown,
                ),
                prompt,
                seen,
            )
            for branch, ended, prompt, seen in zip(branches, completions, prompts, features, strict=True)
        ]

    def _seed(self, question: Question, branch: int, when: tuple[int, int]) -> int:
        step, round_ = when
        occasions = occasion(step, question.visit)
        return draw_seed(
            self.seed, "rollouts", *occasions, round_, question.sample.id, question.branches[branch].name
        )

    def _together(self, prompts: Sequence[Prompt], branches: Sequence[Branch]) -> int:
        """Return how many branches are written together: as many in every process, as they may share weights."""
        if self.at_once is None:
            return len(prompts)
        longest = self.world.most(max(len(prompt.input_ids_L) for prompt in prompts))
        rollouts = self.world.most(max(branch.rollouts for branch in branches))
        return -self.world.most(-self.at_once(longest, rollouts))

    def _rewarded(self, questions: Sequence[Question], written: dict[Place, Written]) -> list[GroupRollouts]:
        branches = [
            tuple(written[Place(number, index)] for index in range(len(question.branches)))
            for number, question in enumerate(questions)
        ]
        groups = [_group(question, rolled) for question, rolled in zip(questions, branches, strict=True)]
        rewards = [self.method.rewards(group) for group in groups]
        advantages = self.method.advantages([reward.totals for reward in rewards])
        return [GroupRollouts(*parts) for parts in zip(groups, branches, rewards, advantages, strict=True)]


def _places(questions: Sequence[Question], numbers: Iterable[int]) -> list[Place]:
    return [Place(number, index) for number in numbers for index in range(len(questions[number].branches))]


def _group(question: Question, branches: Sequence[Written]) -> Group:
    sample = question.sample
    rollouts = tuple(
        tuple(Rollout(parse_answer(text, sample), is_well_formed(text)) for text in branch.texts)
        for branch in branches
    )
    return Group(sample, gold_answer(sample), question.branches, rollouts, branches[0].between)
