"""The owner's cameras and what each last said of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from guardian.model.camera import CameraChange, CameraState, CameraStatus, CameraView
from guardian.model.errors import NotFound
from guardian.platform.clock import Clock
from guardian.settings.schema import CameraSettings


class CameraService:
    """Implements `contract.Cameras`. `changed` is told of each change of state."""

    def __init__(self, cameras: dict[str, CameraSettings], clock: Clock, changed: Callable[[CameraChange], None]) -> None:
        self._settings, self._clock, self._changed = cameras, clock, changed
        now = clock.now().utc_us
        first = {True: CameraState.STARTING, False: CameraState.STOPPED}
        self._status = {name: CameraStatus(name, first[settings.enabled], now) for name, settings in cameras.items()}

    def list(self) -> tuple[CameraView, ...]:
        """Every camera, in the order of the configuration."""
        return tuple(self.get(camera) for camera in self._settings)

    def get(self, camera: str) -> CameraView:
        """One camera; NotFound names those there are."""
        settings = self._settings.get(camera)
        if settings is None:
            known = ", ".join(self._settings) or "none"
            raise NotFound(f"there is no camera {camera!r}", field="camera", cure=f"Cameras: {known}.")
        return CameraView(
            camera,
            settings.name or camera,
            settings.kind,
            self._status[camera],
            detect=settings.detect.enabled,
            record=settings.record.enabled,
            zones=(*settings.detect.zones, *settings.detect.lines),
            retention_days=settings.retention.days if "days" in settings.retention.model_fields_set else None,
        )

    def names(self) -> tuple[tuple[str, str], ...]:
        """Ids and names for people."""
        return tuple((view.id, view.name) for view in self.list())

    def settings(self, camera: str) -> CameraSettings:
        """Settings of one camera."""
        self.get(camera)
        return self._settings[camera]

    def use_settings(self, cameras: dict[str, CameraSettings]) -> None:
        """Show the same cameras with other settings."""
        self._settings = cameras

    def report(self, status: CameraStatus) -> None:
        """Take what a camera's process says."""
        if status.camera not in self._status:
            return
        before = self._status[status.camera].state
        self._status[status.camera] = status
        if status.state is not before:
            self._changed(CameraChange(status.camera, self.get(status.camera).name, "state", status.state))

    def process_lost(self, camera: str) -> None:
        """The camera's process has died; it is being started again."""
        status = self._status.get(camera)
        if status is not None and status.state not in (CameraState.ENDED, CameraState.FAILED, CameraState.STOPPED):
            self.report(
                replace(
                    status,
                    state=CameraState.STARTING,
                    since_us=self._clock.now().utc_us,
                    code="process_lost",
                    problem="Its process ended unexpectedly and is being started again.",
                    cure="",
                    recording=False,
                    streams=(),
                    pid=0,
                )
            )

    def switched(self, camera: str, *, on: bool) -> None:
        """The camera's process was ended to be begun anew, or for good."""
        state = CameraState.STARTING if on else CameraState.STOPPED
        self.report(CameraStatus(camera, state, self._clock.now().utc_us))

    def refused(self, camera: str, code: str, problem: str, cure: str) -> None:
        """The camera cannot be started as configured."""
        self.report(CameraStatus(camera, CameraState.FAILED, self._clock.now().utc_us, code, problem, cure))
