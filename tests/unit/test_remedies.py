"""Settings are named that were tried and do, alone or together."""

from retroflip.synth.remedies import least_frames, remedy
from retroflip.synth.settings import SceneSettings

SCENE = SceneSettings(difficulty=3, operations=30, duration_scale=0.1, viewed_frames=64)


def test_every_change_that_does_alone_is_told_at_its_smallest() -> None:
    def works(scene: SceneSettings) -> bool:
        return scene.difficulty <= 2 or (scene.operations or 5) <= 12 or scene.viewed_frames >= 200

    assert remedy(SCENE, works) == (
        "By trial, any of these mends it: operations=12; difficulty=2; "
        "viewed_frames=256 (and data.frames=256, if a recipe draws as it goes)."
    )


def test_a_setting_may_have_to_go_altogether() -> None:
    assert remedy(SCENE, lambda scene: scene.operations is None).endswith("this mends it: operations=null.")


def test_only_changes_that_are_needed_are_told_together() -> None:
    def works(scene: SceneSettings) -> bool:
        return scene.difficulty == 1 and scene.duration_scale == 1.0

    assert remedy(SCENE, works) == ("By trial, these together mend it: difficulty=1; duration_scale=1.0.")


def test_what_nothing_mends_is_to_be_left_out() -> None:
    assert (
        remedy(SCENE, lambda _: False)
        == "By trial, no other settings of the scene mend it; leave the kind out."
    )


def test_the_least_frames_that_do_are_told_up_to_those_set() -> None:
    scene = SceneSettings(viewed_frames=8)
    assert least_frames(scene, 48, lambda shown: shown.viewed_frames >= 20) == 32
    assert least_frames(scene, 48, lambda shown: shown.viewed_frames >= 40) == 48
    assert least_frames(scene, 48, lambda shown: shown.viewed_frames >= 50) is None
    assert least_frames(scene, 8, lambda _: True) is None
