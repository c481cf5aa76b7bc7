from dataclasses import replace

import pytest

from guardian.model.camera import CameraState, CameraStatus, CameraView
from guardian.model.health import Health
from guardian.model.views import InferenceView, SpaceState, SpaceStatus, VaultStatus
from guardian.platform.clock import SystemClock
from guardian.services.health import HealthService, HealthSources

RUNNING = CameraView("door", "Door", "rtsp", CameraStatus("door", CameraState.RUNNING, 0))


@pytest.fixture
def sources():
    async def footage():
        return 1234, 5678

    async def space():
        return SpaceStatus(SpaceState.OK, 0)

    return HealthSources(
        cameras=lambda: (RUNNING,),
        processes=lambda: (),
        inference=lambda: InferenceView(ready=True),
        vault=lambda: VaultStatus(True, True, 1, "x"),
        paused=lambda: "",
        footage=footage,
        plugins=lambda: (),
        space=space,
        disk=lambda: SpaceStatus(SpaceState.OK, 0),
    )


async def test_a_healthy_box_has_nothing_to_say(tmp_path, sources):
    status = await HealthService(tmp_path, SystemClock(), sources).system()
    assert [finding.check for finding in status.findings if finding.health is not Health.WARNING] == []
    assert (status.footage_bytes, status.oldest_footage_us) == (1234, 5678)
    assert status.disk_total > status.disk_free > 0


async def test_each_trouble_is_a_finding_with_a_cure(tmp_path, sources):
    broken = replace(
        RUNNING, status=CameraStatus("door", CameraState.RETRYING, 0, "unreachable", "does not answer", "Is it on?")
    )

    async def full():
        return SpaceStatus(SpaceState.PAUSED, 0, "It is full.", "Free some space.")

    bad = replace(
        sources,
        space=full,
        cameras=lambda: (broken,),
        vault=lambda: VaultStatus(True, False, 1, "x"),
        paused=lambda: "the disk is full",
        inference=lambda: InferenceView(ready=False, problem="no model"),
    )
    findings = {f.check: f for f in (await HealthService(tmp_path, SystemClock(), bad).system()).findings}
    assert findings["camera door"].cure == "Is it on?"
    disk = findings["disk"]
    assert (disk.health, disk.message) == (Health.ERROR, "Recording is paused. It is full.")
    assert {"vault", "detector"} <= set(findings)


def test_it_is_ready_when_every_part_is_up(tmp_path, sources):
    starting = replace(RUNNING, status=CameraStatus("door", CameraState.STARTING, 0))
    health = HealthService(tmp_path, SystemClock(), replace(sources, cameras=lambda: (starting,)))
    assert health.ready() == (False, ("index", "web", "camera door"))
    health.parts.update(index=True, web=True)
    assert HealthService(tmp_path, SystemClock(), sources).ready()[1] == ("index", "web")
