import pytest

from guardian.model.camera import CameraState, CameraStatus
from guardian.model.errors import NotFound
from guardian.platform.clock import SystemClock
from guardian.services.cameras import CameraService
from guardian.settings.schema import CameraSettings


@pytest.fixture
def made():
    changes = []
    cameras = {"door": CameraSettings(kind="rtsp", name="Front door"), "off": CameraSettings(kind="usb", enabled=False)}
    return CameraService(cameras, SystemClock(), changes.append), changes


def test_cameras_are_listed_in_the_order_of_the_configuration(made):
    service, _ = made
    assert [(view.id, view.name, view.status.state) for view in service.list()] == [
        ("door", "Front door", CameraState.STARTING),
        ("off", "off", CameraState.STOPPED),
    ]


def test_only_a_change_of_state_is_told(made):
    service, changes = made
    for fps in range(3):
        service.report(CameraStatus("door", CameraState.RUNNING, 1, detect_fps=fps))
    assert [(change.camera, change.state) for change in changes] == [("door", CameraState.RUNNING)]
    assert service.get("door").status.detect_fps == 2


def test_a_lost_process_is_said_in_words(made):
    service, _ = made
    service.report(CameraStatus("door", CameraState.RUNNING, 1, recording=True, pid=7))
    service.process_lost("door")
    status = service.get("door").status
    assert (status.state, status.code, status.recording, status.pid) == (CameraState.STARTING, "process_lost", False, 0)
    service.refused("door", "bad_setting", "url is missing", "Add it.")
    service.process_lost("door")
    assert service.get("door").status.code == "bad_setting"


def test_an_unknown_camera_names_those_there_are(made):
    with pytest.raises(NotFound, match="attic") as raised:
        made[0].get("attic")
    assert "door, off" in raised.value.cure


def test_a_camera_with_a_size_limit_only_keeps_footage_as_long_as_the_others():
    settings = CameraSettings.model_validate({"kind": "rtsp", "retention": {"max_gb": 5}})
    own = CameraSettings.model_validate({"kind": "rtsp", "retention": {"days": 3}})
    service = CameraService({"door": settings, "own": own}, SystemClock(), lambda _: None)
    assert [view.retention_days for view in service.list()] == [None, 3]
