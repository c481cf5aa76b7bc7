"""The disk's state, and that each change is told once."""

import pytest

from guardian.model.camera import CameraState, CameraStatus, CameraView
from guardian.model.views import CameraSpace, SpaceState
from guardian.services import space as module
from guardian.services.space import SpaceService, SpaceSources
from guardian.settings.schema import Settings
from tests.support.recorded import OwnClock

SETTINGS = Settings.model_validate({"cameras": {"door": {"kind": "file", "retention": {"max_gb": 1}}}})
FULL = CameraStatus("door", CameraState.RUNNING, 0, "disk_full", "the disk is full", "Free some space.")


class Box:
    def __init__(self) -> None:
        self.clock, self.told = OwnClock(), []
        self.status = CameraStatus("door", CameraState.RUNNING, 0)
        self.space = SpaceService(
            self.clock,
            SpaceSources(
                lambda: SETTINGS,
                lambda: (CameraView("door", "Front door", "file", self.status, record=True),),
                self.usage,
                self.held,
                lambda title, body: self.told.append(title),
            ),
        )

    async def usage(self) -> dict[str, int]:
        return {"door": 500, "gone": 20}

    async def held(self) -> dict[str, int]:
        return {"door": 100}

    def look(self) -> SpaceState:
        self.space._look()
        return self.space.brief().state


@pytest.fixture
def box() -> Box:
    return Box()


def test_deleting_pausing_and_going_on_are_told_once_each(box: Box) -> None:
    assert box.look() is SpaceState.OK
    for _ in range(3):
        box.space.made_room()
        box.clock.forward(60)
    assert box.look() is SpaceState.MAKING_ROOM
    box.space.paused("the disk has only 0.01 GB free")
    assert box.space.brief().why == "The disk has only 0.01 GB free."
    box.space.paused("")
    assert box.look() is SpaceState.MAKING_ROOM
    box.clock.forward(module.MAKES_ROOM_FOR_S)
    assert box.look() is SpaceState.OK
    words = module.WORDS
    assert box.told == [words[SpaceState.MAKING_ROOM], words[SpaceState.PAUSED], words[SpaceState.OK]]


def test_a_disk_that_refuses_is_told_with_the_camera_that_met_it(box: Box) -> None:
    box.status = FULL
    assert box.look() is SpaceState.FAILING
    assert box.space.brief().why == "Front door: The disk is full."
    box.space.paused("nothing is left to delete")
    assert box.look() is SpaceState.PAUSED, "which says more"
    box.space.paused("")
    box.status = CameraStatus("door", CameraState.RUNNING, 0)
    assert box.look() is SpaceState.OK
    assert box.told[-1] == module.WORDS[SpaceState.OK]


async def test_who_takes_what_of_it(box: Box) -> None:
    status = await box.space.status()
    day = 86_400_000_000
    assert status.cameras == (
        CameraSpace("door", 500, 100, 1_000_000_000, 14 * day),
        CameraSpace("gone", 20, 0, None, 14 * day),
    )
    assert status.held_bytes == 100
