"""Begins and ends the processes of cameras, as the settings have it by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from guardian.model.errors import GuardianError
from guardian.model.messages import CameraJob, Stop
from guardian.pluginhost.registry import PluginRegistry
from guardian.processes.chosen import camera_job, what_is_there, with_source
from guardian.processes.links import Switchboard
from guardian.processes.supervisor import Supervisor
from guardian.services.cameras import CameraService
from guardian.settings.schema import Settings
from guardian.vault.keyring import Keyring

ENTRY = "guardian.processes.camera:main"


class CameraKeeper:
    """`common` is of all cameras' jobs alike: where sockets and data are, and the start's secret."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        registry: PluginRegistry,
        cameras: CameraService,
        supervisor: Supervisor,
        switchboard: Switchboard,
        keyring: Keyring,
        data_dir: Path,
        runtime_dir: Path,
        secret: str,
    ) -> None:
        self._settings, self._registry, self._cameras = settings, registry, cameras
        self._supervisor, self._switchboard, self._keyring = supervisor, switchboard, keyring
        self._data_dir, self._runtime_dir, self._secret = data_dir, runtime_dir, secret

    def start_all(self) -> None:
        """Begin every camera that is to be used."""
        for camera, settings in self._settings().cameras.items():
            if settings.enabled:
                self.start(camera)

    def start(self, camera: str) -> None:
        """Begin one; what is wrong with its settings is said on its page."""
        whole = self._settings()
        try:
            settings = with_source(camera, whole.cameras[camera], self._registry)
        except GuardianError as error:
            self._cameras.refused(camera, error.code, error.message, error.cure)
            return
        settings, notes = what_is_there(settings, whole.detector.tracker, self._registry)

        def job() -> CameraJob:
            return replace(
                camera_job(camera, settings, whole, self._registry),
                data_dir=str(self._data_dir),
                vault_public_key=self._keyring.public_key,
                vault_epoch=self._keyring.epoch,
                conductor_socket=str(self._runtime_dir / "conductor.sock"),
                inference_socket=str(self._runtime_dir / "inference.sock"),
                secret=self._secret,
                notes=notes,
            )

        self._supervisor.start("camera", camera, ENTRY, job, lambda: None)

    async def again(self, camera: str) -> None:
        """Have a camera go by other settings: its segments are closed, and it begins anew where it is to be used."""
        self._switchboard.send("camera", camera, Stop("its settings have changed"))
        await self._supervisor.stop("camera", camera)
        self._cameras.switched(camera, on=self._settings().cameras[camera].enabled)
        if self._settings().cameras[camera].enabled:
            self.start(camera)
