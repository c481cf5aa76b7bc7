"""/metrics: figures for Prometheus, made anew at each call from what the services say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from guardian.model.camera import CameraState, CameraView
from guardian.model.views import SpaceState, SystemStatus, VaultStatus

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def render(system: SystemStatus, cameras: Sequence[CameraView], vault: VaultStatus) -> bytes:
    """Return the figures as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(system, cameras, vault))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, system: SystemStatus, cameras: Sequence[CameraView], vault: VaultStatus) -> None:
        self._system, self._cameras, self._vault = system, cameras, vault

    def collect(self) -> Iterator[Metric]:
        yield from self._of_box()
        yield from self._of_processes()
        yield from self._of_cameras()
        yield from self._of_inference()

    def _of_inference(self) -> Iterator[Metric]:
        asked = CounterMetricFamily(
            "guardian_camera_inference", "Looks that a camera asked for, by outcome.", labels=["camera", "outcome"]
        )
        labels = ["camera", "quantile"]
        wait = GaugeMetricFamily(
            "guardian_camera_inference_wait_seconds", "Time until a look began, of the latest.", labels=labels
        )
        took = GaugeMetricFamily("guardian_camera_inference_seconds", "Time that a look took, of the latest.", labels=labels)
        for one in self._system.inference.cameras:
            for outcome, count in (("answered", one.answered), ("skipped", one.skipped), ("failed", one.failed)):
                asked.add_metric([one.camera, outcome], count)
            for family, times in ((wait, one.wait_ms), (took, one.infer_ms)):
                for quantile, ms in zip(("0.5", "0.95"), times, strict=True):
                    family.add_metric([one.camera, quantile], ms / 1000)
        delay = GaugeMetricFamily(
            "guardian_event_delay_seconds", "From the packet that made an event to its being told.", labels=["quantile"]
        )
        for quantile, ms in zip(("0.5", "0.95"), self._system.event_delay_ms, strict=True):
            delay.add_metric([quantile], ms / 1000)
        yield from (asked, wait, took, delay)

    def _of_box(self) -> Iterator[Metric]:
        s = self._system
        build = GaugeMetricFamily("guardian_build_info", "Version that runs.", labels=["version"])
        build.add_metric([s.version], 1)
        yield build
        disk = GaugeMetricFamily("guardian_disk_state", "1 for how the disk is now.", labels=["state"])
        for state in SpaceState:
            disk.add_metric([state.value], int(state is s.space.state))
        kept = GaugeMetricFamily("guardian_camera_footage_bytes", "Footage of a camera on our own disk.", labels=["camera"])
        for one in s.space.cameras:
            kept.add_metric([one.camera], one.size_bytes)
        tiers = GaugeMetricFamily("guardian_tier_bytes", "Footage in a further place.", labels=["tier"])
        well = GaugeMetricFamily("guardian_tier_up", "1 while footage can be taken there.", labels=["tier"])
        for tier in s.space.tiers:
            tiers.add_metric([tier.name], tier.size_bytes)
            well.add_metric([tier.name], int(not tier.problem))
        yield from (disk, kept, tiers, well)
        inference = s.inference
        for name, text, value in (
            ("guardian_start_time_seconds", "When it was started, in seconds since 1970.", s.started_us / 1e6),
            ("guardian_disk_total_bytes", "Size of the disk that holds the footage.", s.disk_total),
            ("guardian_disk_free_bytes", "Free space on it.", s.disk_free),
            ("guardian_footage_bytes", "Footage that is kept.", s.footage_bytes),
            ("guardian_vault_unlocked", "1 while the vault is unlocked.", int(self._vault.unlocked)),
            (
                "guardian_footage_protected_bytes",
                "Footage that is protected from deletion.",
                s.space.held_bytes,
            ),
            (
                "guardian_recording_paused",
                "1 while recording is paused, for instance by a full disk.",
                int(bool(s.recording_paused)),
            ),
            ("guardian_inference_up", "1 while the detector runs.", int(inference.ready)),
            ("guardian_inferences_per_second", "Pictures that the detector looks at.", inference.inferences_per_s),
            ("guardian_inference_latency_seconds", "Time from asking to answer.", inference.latency_ms / 1000),
            ("guardian_findings", "Things that need the owner.", len(s.findings)),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        yield CounterMetricFamily("guardian_inference_dropped", "Pictures that were not looked at.", value=inference.dropped)

    def _of_processes(self) -> Iterator[Metric]:
        labels = ["role", "name"]
        cpu = GaugeMetricFamily("guardian_process_cpu_percent", "CPU of a process, of one core.", labels=labels)
        memory = GaugeMetricFamily("guardian_process_memory_bytes", "Memory of a process.", labels=labels)
        restarts = CounterMetricFamily("guardian_process_restarts", "How often a process was started again.", labels=labels)
        for one in self._system.processes:
            cpu.add_metric([one.role, one.name], one.cpu_percent)
            memory.add_metric([one.role, one.name], one.memory_bytes)
            restarts.add_metric([one.role, one.name], one.restarts)
        yield from (cpu, memory, restarts)

    def _of_cameras(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("guardian_camera_up", "1 while a camera sends.", labels=["camera"])
        recording = GaugeMetricFamily("guardian_camera_recording", "1 while a camera is recorded.", labels=["camera"])
        detect = GaugeMetricFamily("guardian_camera_detect_fps", "Pictures a second that are looked at.", labels=["camera"])
        reconnects = CounterMetricFamily("guardian_camera_reconnects", "Reconnections to a camera.", labels=["camera"])
        dropped = CounterMetricFamily("guardian_camera_dropped_packets", "Packets that were unusable.", labels=["camera"])
        fps = GaugeMetricFamily("guardian_camera_fps", "Frames a second.", labels=["camera", "stream"])
        bits = GaugeMetricFamily("guardian_camera_bits_per_second", "Bit rate.", labels=["camera", "stream"])
        for view in self._cameras:
            status, name = view.status, [view.id]
            up.add_metric(name, int(status.state is CameraState.RUNNING))
            recording.add_metric(name, int(status.recording))
            detect.add_metric(name, status.detect_fps)
            reconnects.add_metric(name, status.reconnects)
            dropped.add_metric(name, status.dropped_packets)
            for stream in status.streams:
                fps.add_metric([view.id, stream.stream], stream.fps)
                bits.add_metric([view.id, stream.stream], stream.bitrate_bps)
        yield from (up, recording, detect, reconnects, dropped, fps, bits)
        yield from self._of_watching()

    def _of_watching(self) -> Iterator[Metric]:
        awake = GaugeMetricFamily("guardian_watch_awake", "1 while each frame is decoded.", labels=["camera"])
        packets = CounterMetricFamily("guardian_watch_packets", "Packets that came to be watched.", labels=["camera"])
        decoded = CounterMetricFamily("guardian_watch_decoded_frames", "Frames that were decoded.", labels=["camera"])
        calm = CounterMetricFamily("guardian_watch_calm_seconds", "Time in which nothing moved.", labels=["camera"])
        looks = CounterMetricFamily("guardian_watch_looks", "Frames shown to the detector.", labels=["camera"])
        skipped = CounterMetricFamily("guardian_watch_skipped", "Left out by an overload.", labels=["camera", "what"])
        wakes = CounterMetricFamily("guardian_watch_wakes", "How often the watch woke.", labels=["camera", "why"])
        for view in self._cameras:
            watch, name = view.status.watch, [view.id]
            if watch is None:
                continue
            awake.add_metric(name, int(watch.awake))
            packets.add_metric(name, watch.packets)
            decoded.add_metric(name, watch.decoded)
            calm.add_metric(name, watch.calm_s)
            looks.add_metric(name, watch.looks)
            skipped.add_metric([view.id, "looks"], watch.skipped_looks)
            skipped.add_metric([view.id, "packets"], watch.skipped_packets)
            for why, count in watch.wakes:
                wakes.add_metric([view.id, why], count)
        yield from (awake, packets, decoded, calm, looks, skipped, wakes)
