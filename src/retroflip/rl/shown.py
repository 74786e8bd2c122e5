"""A few rollouts of a step, as trackers show them."""

from collections.abc import Iterator, Sequence

from retroflip.data.dataset import VideoDataset
from retroflip.rl.generation import GroupRollouts
from retroflip.train.trackers import Told
from retroflip.video.frames import Frames
from retroflip.video.transforms import taken

MOST_GROUPS = 2
MOST_ROLLOUTS = 2
"""of a branch"""
MOST_LETTERS = 1000
"""of a response"""
COLUMNS = ("sample", "question", "view", "right answer", "answer", "reward", "advantage", "response")


def told_of(groups: Sequence[GroupRollouts], dataset: VideoDataset) -> Told:
    """Return the first rollouts of each branch of the first questions, and the frames that each branch was shown."""
    chosen = groups[:MOST_GROUPS]
    # By places and not by samples: a tracker then has one panel for each, with all steps in it.
    clips = {
        f"question-{place}/{branch}": frames
        for place, group in enumerate(chosen, start=1)
        for branch, frames in _clips(group, dataset)
    }
    return Told(COLUMNS, [row for group in chosen for row in _rows(group)], clips)


def _rows(group: GroupRollouts) -> Iterator[tuple[str, ...]]:
    sample = group.group.sample
    for index, written in enumerate(group.branches):
        for number, rollout in enumerate(group.group.rollouts[index][:MOST_ROLLOUTS]):
            yield (
                sample.id,
                sample.question,
                written.branch.view.label,
                group.group.gold.value,
                "unparsed" if rollout.answer is None else rollout.answer.value,
                f"{float(group.rewards.totals[index][number]):.2f}",
                f"{float(group.advantages[index][number]):+.2f}",
                written.texts[number][:MOST_LETTERS],
            )


def _clips(group: GroupRollouts, dataset: VideoDataset) -> Iterator[tuple[str, Frames]]:
    """Yield each branch with its frames of the first video, as large as the model saw them."""
    sample = group.group.sample
    pools = [
        frames
        for medium, frames in zip(sample.shown, dataset.load_all(sample), strict=True)
        if not medium.is_image
    ]
    for written in group.branches:
        if pools and written.shown:
            yield written.branch.name, taken(pools[0], written.shown[0])
