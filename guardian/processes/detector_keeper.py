"""The conductor's side of inference: starts the process, hears its figures, and has it change its model while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from guardian.model.errors import Conflict, GuardianError, ServiceUnavailable
from guardian.model.messages import DetectorUsed, InferenceJob, InferenceStats, Message, UseDetector
from guardian.model.views import InferenceView
from guardian.processes.links import Switchboard
from guardian.processes.supervisor import Supervisor
from guardian.processes.watchdog import MIB, Bounds
from guardian.settings.load import load, save
from guardian.settings.schema import DetectorSettings, Settings

ROLE, NAME = "inference", "detector"
SILENT_S = 6.0  # it reports every second
LOADING_PATIENCE_S = 300.0  # a GPU or an NPU compiles a big model for minutes, and says so before
SWAP_WITHIN_S = 300.0


class SwapRefused(GuardianError):
    """What the inference process said to the wish; what ran before still runs."""

    status = 400


class DetectorKeeper:
    """Implements `contract.Detection`."""

    def __init__(
        self, data_dir: Path, settings: Callable[[], Settings], keep: Callable[[Settings], None], supervisor: Supervisor
    ) -> None:
        self._data_dir, self._settings, self._keep, self._supervisor = data_dir, settings, keep, supervisor
        self.view = InferenceView(ready=False)
        self._switchboard: Switchboard | None = None
        self._asked: dict[int, asyncio.Future[DetectorUsed]] = {}
        self._ticket = 0

    def start(self, switchboard: Switchboard, runtime_dir: Path, secret: str) -> None:
        """Start the process and keep it alive."""
        self._switchboard = switchboard

        def job() -> InferenceJob:
            settings = self._settings()
            return InferenceJob(
                name=NAME,
                data_dir=str(self._data_dir),
                detector_json=settings.detector.model_dump_json(),
                plugins_json=settings.plugins.model_dump_json(),
                conductor_socket=str(runtime_dir / "conductor.sock"),
                inference_socket=str(runtime_dir / "inference.sock"),
                secret=secret,
                log_json=settings.log.format == "json",
            )

        bounds = Bounds(SILENT_S, self._settings().detector.memory_mib * MIB, "detector.memory_mib")
        self._supervisor.start(ROLE, NAME, "guardian.processes.inference:main", job, lambda: None, bounds)

    async def heard(self, name: str, message: Message, payload: bytes) -> None:
        """Take what the process says."""
        if isinstance(message, InferenceStats):
            self._supervisor.beat(ROLE, name, LOADING_PATIENCE_S if message.loading else 0.0)
            self.view = view_of(message)
        elif isinstance(message, DetectorUsed):
            waiting = self._asked.pop(message.ticket, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def gone(self) -> None:
        """The process has hung up."""
        self.view = InferenceView(ready=False, problem="the inference process is being started again")
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(
                    ServiceUnavailable("the inference process ended over it", cure="Look at the system page.")
                )
        self._asked.clear()

    async def use(self, *, model: str | None = None, backend: str | None = None, device: str | None = None) -> InferenceView:
        """Load another model, runtime or device beside what runs, swap, and write it into the settings. What is None stays.

        GuardianError says what is wrong with it; then all stays as it was.
        """
        if self._asked:
            raise Conflict("another model is being loaded", cure="Try again in a moment.")
        settings = self._settings()
        given = {"model": model, "backend": backend, "device": device}
        wish = DetectorSettings.model_validate(
            {**settings.detector.model_dump(), **{key: value for key, value in given.items() if value is not None}}
        )
        self._ticket += 1
        answer: asyncio.Future[DetectorUsed] = asyncio.get_running_loop().create_future()
        self._asked[self._ticket] = answer
        message = UseDetector(self._ticket, wish.model_dump_json())
        try:
            if self._switchboard is None or not self._switchboard.send(ROLE, NAME, message):
                raise ServiceUnavailable(
                    "the inference process is not there", cure="It is being started again: wait a moment."
                )
            used = await asyncio.wait_for(answer, SWAP_WITHIN_S)
        except TimeoutError:
            raise ServiceUnavailable(
                f"the model was not ready within {SWAP_WITHIN_S:.0f} s", cure="Try another device."
            ) from None
        finally:
            self._asked.pop(message.ticket, None)
        if used.error:
            refused = SwapRefused(used.error, cure=used.cure, field=used.field)
            refused.code = used.code
            raise refused
        save(self._data_dir, load(self._data_dir).model_copy(update={"detector": wish}))  # nothing else of what runs
        self._keep(settings.model_copy(update={"detector": wish}))
        return self.view


def view_of(stats: InferenceStats) -> InferenceView:
    """Return the process's report as pages and API see it."""
    return InferenceView(
        ready=not stats.error,
        model=stats.model,
        backend=stats.backend,
        device=stats.device,
        inferences_per_s=stats.inferences_per_s,
        latency_ms=stats.latency_ms,
        dropped=stats.dropped,
        problem=stats.error,
        warning=stats.warning,
        hint=stats.hint,
        cameras=stats.per_camera,
    )
