"""What processes agree on."""

import pytest

from retroflip.rl.world import World


@pytest.mark.parametrize(
    ("world", "runs", "added"),
    [
        (World(sharded=True), 0, 0),
        (World(sharded=True, least_runs=1), 0, 1),
        (World(sharded=True, least_runs=1), 3, 0),
        (World(least_runs=1), 0, 0),
    ],
)
def test_idle_runs_of_one_process(world: World, runs: int, added: int) -> None:
    assert world.idle(runs) == added
