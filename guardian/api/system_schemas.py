"""What the API says of the box: disk, processes, detector, findings."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from guardian.api.fields import In, Out, TimeOut
from guardian.model.archive import ArchiveStatus
from guardian.model.views import InferenceView, SpaceState, SpaceStatus, SystemStatus

DAY_US = 86_400_000_000


class ProcessOut(Out):
    """One process of ours."""

    role: str
    name: str
    pid: int
    cpu_percent: float
    memory_bytes: int
    restarts: int
    since: TimeOut


class TimesOut(Out):
    """Milliseconds of the latest requests."""

    p50: float
    p95: float


class CameraInferenceOut(Out):
    """What a camera asked of the detector since that process started."""

    camera: str
    asked: int
    answered: int
    skipped: int
    failed: int
    wait_ms: TimesOut
    infer_ms: TimesOut


class InferenceOut(Out):
    """What detects, and how fast. `problem`: nothing is detected. `warning`: it runs, but not as the settings wish."""

    ready: bool
    model: str
    backend: str
    device: str
    inferences_per_s: float
    latency_ms: float
    dropped: int
    problem: str
    warning: str
    hint: str
    cameras: list[CameraInferenceOut]

    @classmethod
    def of(cls, view: InferenceView) -> Self:
        return cls(
            ready=view.ready,
            model=view.model,
            backend=view.backend,
            device=view.device,
            inferences_per_s=round(view.inferences_per_s, 2),
            latency_ms=round(view.latency_ms, 2),
            dropped=view.dropped,
            problem=view.problem,
            warning=view.warning,
            hint=view.hint,
            cameras=[
                CameraInferenceOut(
                    camera=one.camera,
                    asked=one.asked,
                    answered=one.answered,
                    skipped=one.skipped,
                    failed=one.failed,
                    wait_ms=TimesOut(p50=one.wait_ms[0], p95=one.wait_ms[1]),
                    infer_ms=TimesOut(p50=one.infer_ms[0], p95=one.infer_ms[1]),
                )
                for one in view.cameras
            ],
        )


class DetectorIn(In):
    """What is to run. What is not given stays as it is."""

    model: str | None = Field(None, min_length=1, max_length=4096, description="Name of a model, or a path to one.")
    backend: str | None = Field(None, max_length=32, description="auto, or a runtime.")
    device: str | None = Field(None, max_length=64, description="AUTO, or a device of the backend.")


class FindingOut(Out):
    """Something that was found, and what to do about it."""

    check: str
    health: str
    message: str
    cure: str


class CameraSpaceOut(Out):
    """What a camera takes of our own disk, and what it may; null for no limit."""

    camera: str
    size_bytes: int
    protected_bytes: int
    max_bytes: int | None
    max_days: float | None


class TierOut(Out):
    """A further place for footage. `problem`: why footage cannot be taken there now."""

    name: str
    kind: str
    segments: int
    size_bytes: int
    problem: str
    cure: str


class StorageOut(Out):
    """The disk. `state`: ok, making_room (footage goes before its time), paused (nothing is left that may go), failing."""

    state: SpaceState
    since: TimeOut
    problem: str
    cure: str
    reserve_bytes: int
    max_bytes: int | None
    protected_bytes: int
    cameras: list[CameraSpaceOut]
    tiers: list[TierOut]

    @staticmethod
    def of(space: SpaceStatus) -> StorageOut:
        """Make it of the disk's status."""
        return StorageOut(
            state=space.state,
            since=space.since_us,
            problem=space.why,
            cure=space.cure,
            reserve_bytes=space.reserve_bytes,
            max_bytes=space.max_bytes,
            protected_bytes=space.held_bytes,
            cameras=[
                CameraSpaceOut(
                    camera=one.camera,
                    size_bytes=one.size_bytes,
                    protected_bytes=one.held_bytes,
                    max_bytes=one.max_bytes,
                    max_days=None if one.max_age_us is None else round(one.max_age_us / DAY_US, 3),
                )
                for one in space.cameras
            ],
            tiers=[
                TierOut(
                    name=one.name,
                    kind=one.kind,
                    segments=one.segments,
                    size_bytes=one.size_bytes,
                    problem=one.problem,
                    cure=one.cure,
                )
                for one in space.tiers
            ],
        )


class ArchivePlaceOut(Out):
    """A place that keeps copies. `public`: what it has is public for ever. `paid`, `a_month`: with their currency, or empty."""

    name: str
    kind: str
    public: bool
    copies: int
    verified: int
    size_bytes: int
    problem: str
    cure: str
    paid: str
    a_month: str


class ArchiveOut(Out):
    """An archive outside the house. `verified`: packs of which every place gave random parts back. `waiting`: segments in no
    pack yet; `missed`: deleted before they were packed. `held_back`: why nothing public is uploaded yet.
    """

    name: str
    title: str
    packs: int
    verified: int
    states: dict[str, int]
    waiting: int
    waiting_bytes: int
    missed: int
    notice: str
    held_back: str
    next_cost: str
    places: list[ArchivePlaceOut]

    @staticmethod
    def of(one: ArchiveStatus) -> ArchiveOut:
        """Make it of an archive's status."""
        return ArchiveOut(
            name=one.name,
            title=one.title,
            packs=one.packs,
            verified=one.verified,
            states=dict(one.states),
            waiting=one.waiting,
            waiting_bytes=one.waiting_bytes,
            missed=one.missed,
            notice=one.notice,
            held_back=one.held_back,
            next_cost=one.next_cost,
            places=[
                ArchivePlaceOut(
                    name=place.name,
                    kind=place.kind,
                    public=place.public,
                    copies=place.copies,
                    verified=place.verified,
                    size_bytes=place.size_bytes,
                    problem=place.problem,
                    cure=place.cure,
                    paid=place.paid,
                    a_month=place.a_month,
                )
                for place in one.places
            ],
        )


class SystemOut(Out):
    """The whole box. Sizes in bytes, CPU in percent of all cores. `event_delay_ms`: from the packet that made something an event
    until all were told, of the latest.
    """

    version: str
    started: TimeOut
    now: TimeOut
    cpu_percent: float
    cpu_count: int
    memory_total: int
    memory_used: int
    disk_total: int
    disk_free: int
    footage_bytes: int
    oldest_footage: TimeOut | None
    recording_paused: str
    storage: StorageOut
    archives: list[ArchiveOut]
    processes: list[ProcessOut]
    inference: InferenceOut
    event_delay_ms: TimesOut
    findings: list[FindingOut]

    @staticmethod
    def of(status: SystemStatus) -> SystemOut:
        """Make it of the system's status."""
        inference = status.inference
        return SystemOut(
            version=status.version,
            started=status.started_us,
            now=status.now_us,
            cpu_percent=status.cpu_percent,
            cpu_count=status.cpu_count,
            memory_total=status.memory_total,
            memory_used=status.memory_used,
            disk_total=status.disk_total,
            disk_free=status.disk_free,
            footage_bytes=status.footage_bytes,
            oldest_footage=status.oldest_footage_us,
            recording_paused=status.recording_paused,
            storage=StorageOut.of(status.space),
            archives=[ArchiveOut.of(one) for one in status.archives],
            processes=[
                ProcessOut(
                    role=one.role,
                    name=one.name,
                    pid=one.pid,
                    cpu_percent=round(one.cpu_percent, 2),
                    memory_bytes=one.memory_bytes,
                    restarts=one.restarts,
                    since=one.since_us,
                )
                for one in status.processes
            ],
            inference=InferenceOut.of(inference),
            event_delay_ms=TimesOut(p50=status.event_delay_ms[0], p95=status.event_delay_ms[1]),
            findings=[
                FindingOut(check=one.check, health=one.health.value, message=one.message, cure=one.cure)
                for one in status.findings
            ],
        )
