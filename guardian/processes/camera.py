"""One camera's process: capture, record, watch. Reads like the way of a packet.

source → normalise → segmenter → sealer → file, and beside it → watch → inference → tracker → events; each sample also
goes to whoever looks at it live. Recording needs nothing but the source and the disk: when the conductor, inference or
watching fails, it goes on (without a conductor it closes its segment and ends, for the next one starts it again).
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from guardian.capture.runner import CaptureRunner
from guardian.interfaces import CameraKind
from guardian.model.camera import CameraState, CameraStatus, StreamStatus
from guardian.model.errors import GuardianError
from guardian.model.media import Codec, Sample, StreamInfo
from guardian.model.messages import (
    CameraJob,
    EventReport,
    Hello,
    Message,
    NewRules,
    NewVaultKey,
    PauseRecording,
    StatusReport,
    Stop,
    WantLive,
)
from guardian.model.time import Instant
from guardian.platform.clock import Clock, SystemClock
from guardian.platform.ipc import BlockingLink, LinkClosed, connect
from guardian.platform.limits import harden, keep_freed_memory, settle_memory
from guardian.platform.local_zone import local_zone
from guardian.platform.logs import set_up_logs
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.processes.live_out import LiveOut
from guardian.processes.live_transcode import LiveTranscoder
from guardian.processes.recorder import Recorder
from guardian.settings.schema import CameraSettings, DetectSettings, PluginsSettings
from guardian.vault.sealer import VaultSealer

if TYPE_CHECKING:
    from guardian.detect.client import InferenceClient
    from guardian.listen.listener import Listener
    from guardian.processes.watching import Watching
    from guardian.watch.watcher import Watcher

_log = structlog.get_logger(__name__)
AWAKE_LATE_S, CALM_LATE_S, RECORDED_LATE_S = 0.1, 0.5, 2.5
REPORT_EVERY_S, RECORDED_REPORT_EVERY_S = 5.0, 10.0  # changes of state are reported at once


def main(job: CameraJob) -> None:
    """Entry of the process."""
    set_up_logs(as_json=job.log_json, camera=job.camera)
    harden()
    keep_freed_memory()
    link = connect(job.conductor_socket)
    link.send(Hello("camera", job.camera, os.getpid(), job.secret))
    process = CameraProcess(job, link, SystemClock())
    try:
        process.run()
    finally:
        link.close()


class Stream:
    """One stream of the camera: its capture, and what its samples feed."""

    def __init__(self, name: str, recorder: Recorder | None, live: LiveOut) -> None:
        self.name, self.recorder, self.live = name, recorder, live
        self.watcher: Watcher | None = None
        self.capture: CaptureRunner | None = None
        self.state = CameraState.STARTING
        self.error: GuardianError | None = None
        self.info: StreamInfo | None = None
        self.looked_at = False
        self.awake = True

    def on_awake(self, awake: bool) -> None:
        """Watching looks closely from now on, or no longer."""
        self.awake = awake
        self.set_pace()

    def set_pace(self) -> None:
        """Say how late samples may come: the later, the more are taken in at once, and the less work it is."""
        if self.capture is not None:
            watched_late_s = AWAKE_LATE_S if self.awake else CALM_LATE_S
            late_s = RECORDED_LATE_S if self.watcher is None else watched_late_s
            self.capture.allow_delay(0.0 if self.looked_at else late_s)

    def on_run(self, info: StreamInfo, start: Instant) -> None:
        """A run begins: everything that follows shares one media clock."""
        self.info = info
        if self.recorder is not None:
            self.recorder.begin_run(info, start)
        self.live.begin_run(info)
        if self.watcher is not None:
            self.watcher.configure(info, start.utc_us)

    def on_sample(self, sample: Sample, utc_us: int) -> None:
        """The way of a packet."""
        if self.recorder is not None:
            self.recorder.push(sample, utc_us)
        self.live.push(sample)
        if self.watcher is not None and sample.kind == "video":
            self.watcher.push(sample, utc_us)

    def on_end(self) -> None:
        """The run is over: the camera has gone, or its clock jumped."""
        if self.recorder is not None:
            self.recorder.end_run()
        self.live.end_run()


class CameraProcess:
    """All of one camera."""

    def __init__(self, job: CameraJob, link: BlockingLink, clock: Clock) -> None:
        self.job, self.link, self.clock = job, link, clock
        self.settings = CameraSettings.model_validate_json(job.options_json)
        self.data_dir = Path(job.data_dir)
        self.sealer = VaultSealer(job.vault_public_key, job.vault_epoch)
        self.done = threading.Event()
        self.changed = threading.Event()
        self.since_us = clock.now().utc_us
        self.last_state = CameraState.STARTING
        plugins = PluginsSettings.model_validate(json.loads(job.plugins_json))
        self.registry = PluginRegistry(
            plugins,
            ContextMaker(self.data_dir),
            only=frozenset({job.plugin, job.tracker_plugin, *job.audio_plugins}),
        )
        self.kind: CameraKind = self.registry.camera(job.kind)
        self.source_settings = self.kind.config_model.model_validate(self.settings.source)
        self.streams = self._make_streams()
        self.inference: InferenceClient | None = None
        self.watching: Watching | None = None
        self.listener: Listener | None = None

    def _make_streams(self) -> dict[str, Stream]:
        names = self.kind.streams(self.source_settings)
        streams: dict[str, Stream] = {}
        for name in names:
            recorded = self.settings.record.enabled and (name == names[0] or self.settings.record.sub_stream)
            recorder = (
                Recorder(
                    self.job.camera,
                    name,
                    self.settings.record,
                    self.data_dir,
                    self.sealer,
                    self.clock,
                    self._send,
                    self.changed.set,
                )
                if recorded
                else None
            )
            streams[name] = Stream(name, recorder, LiveOut(name, self._send, LiveTranscoder))
        return streams

    def _start_watching(self) -> None:
        detect = self.settings.detect
        if not detect.enabled:
            return
        from guardian.detect.client import InferenceClient  # a camera that is not watched does without OpenCV's memory
        from guardian.processes.watching import make_watcher

        wanted = detect.stream if detect.stream in self.streams else ""
        stream = self.streams[wanted or ("sub" if "sub" in self.streams else next(iter(self.streams)))]
        self.inference = InferenceClient(self.job.inference_socket, self.job.camera, self.clock)
        self.watching = make_watcher(
            camera=self.job.camera,
            options=detect,
            zone=local_zone(self.job.time_zone),
            clock=self.clock,
            infer=self.inference,
            tracker=self.registry.tracker(self.job.tracker).make(),
            sealer=self.sealer,
            pictures_dir=self.data_dir / "pictures",
            report=self._report_event,
            on_awake=lambda awake: self._on_awake(stream, awake),
            seen=self._send if detect.classifiers else None,
        )
        stream.watcher = self.watching.watcher
        settle_memory()

    def _on_awake(self, stream: Stream, awake: bool) -> None:
        stream.on_awake(awake)
        self.changed.set()

    def _start_listening(self) -> None:
        if not self.settings.audio.enabled or not self.job.audio_plugins:
            return
        from guardian.processes.listening import make_listener  # only who listens pays for a decoder of sound

        self.listener = make_listener(self.job.camera, self.settings.audio, self.registry, self.clock, self._report_event)

    def run(self) -> None:
        """Work until told to stop, or until the conductor has gone."""
        threading.Thread(target=self._obey, name="commands", daemon=True).start()
        self._start_watching()
        self._start_listening()
        for name, stream in self.streams.items():
            stream.capture = self._capture(name, stream)
            stream.set_pace()
            stream.capture.start()
        while not self.done.is_set():
            self._report()
            self.changed.wait(REPORT_EVERY_S if self.watching is not None else RECORDED_REPORT_EVERY_S)
            self.changed.clear()
        self._close()

    def _capture(self, name: str, stream: Stream) -> CaptureRunner:
        def on_state(state: CameraState, error: GuardianError | None) -> None:
            if state is not CameraState.RUNNING:
                stream.on_end()
            stream.state, stream.error = state, error
            self.changed.set()

        return CaptureRunner(
            lambda: self.kind.make(self.source_settings, name),
            self.clock,
            name=name,
            on_run=stream.on_run,
            on_sample=stream.on_sample,
            on_state=on_state,
            on_hung=self._hung,
            jitter=random.random,
            on_sound=self.listener.push if self.listener is not None and name == next(iter(self.streams)) else None,
        )

    def _hung(self) -> None:
        """A source does not come back from a call: only a new process helps."""
        _log.error("source_hangs", cure="the camera's process starts again")
        os._exit(70)

    def _send(self, message: Message, payload: bytes = b"") -> None:
        try:
            self.link.send(message, payload)
        except LinkClosed:
            self._stop()

    def _stop(self) -> None:
        self.done.set()
        self.changed.set()

    def _report_event(self, report: EventReport) -> None:
        self._send(report)

    def _obey(self) -> None:
        try:
            while True:
                message, payload = self.link.receive()
                self._command(message, payload)
        except LinkClosed:
            pass
        self._stop()

    def _command(self, message: Message, payload: bytes) -> None:
        if isinstance(message, WantLive):
            stream = self.streams.get(message.feed.partition("/")[0])
            if stream is not None:
                stream.looked_at = stream.live.want(message.feed, message.on)
                stream.set_pace()
        elif isinstance(message, PauseRecording):
            for stream in self.streams.values():
                if stream.recorder is not None:
                    stream.recorder.pause(message.why if message.paused else "")
        elif isinstance(message, NewVaultKey):
            self._use_sealer(VaultSealer(payload, message.epoch))
        elif isinstance(message, NewRules):
            if self.watching is not None:
                detect = DetectSettings.model_validate_json(message.detect_json)
                self.watching.use_rules(detect, local_zone(message.time_zone))
        elif isinstance(message, Stop):
            self._stop()

    def _use_sealer(self, sealer: VaultSealer) -> None:
        self.sealer = sealer
        for stream in self.streams.values():
            if stream.recorder is not None:
                stream.recorder.sealer = sealer
            if stream.watcher is not None:
                stream.watcher.use_sealer(sealer)

    def _report(self) -> None:
        self._send(StatusReport(self._status()))

    def _status(self) -> CameraStatus:
        main = next(iter(self.streams.values()))
        captures = [stream.capture for stream in self.streams.values() if stream.capture is not None]
        state, error = main.state, main.error
        if state is not self.last_state:
            self.last_state, self.since_us = state, self.clock.now().utc_us
        statuses: Sequence[StreamStatus] = [capture.status() for capture in captures if capture.running]
        watched = [stream.watcher.stats() for stream in self.streams.values() if stream.watcher is not None]
        troubled = [stream for stream in self.streams.values() if stream is not main and stream.error is not None]
        notes = [*self.job.notes, *_notes(main.info)]
        notes += [self.listener.problem()] if self.listener is not None and self.listener.problem() else []
        notes += [f"The {stream.name} stream: {stream.error.message}" for stream in troubled if stream.error is not None]
        status = CameraStatus(
            camera=self.job.camera,
            state=state,
            since_us=self.since_us,
            recording=any(stream.recorder is not None and stream.recorder.recording for stream in self.streams.values()),
            recording_paused=next(
                (s.recorder.paused for s in self.streams.values() if s.recorder is not None and s.recorder.paused), ""
            ),
            streams=tuple(statuses),
            detect_fps=sum(one.detect_fps for one in watched),
            motion=any(one.motion for one in watched),
            watch=next((one.state for one in watched), None),
            reconnects=sum(capture.reconnects for capture in captures),
            dropped_packets=sum(capture.dropped for capture in captures),
            notes=tuple(notes),
            pid=os.getpid(),
            vault_epoch=self.sealer.epoch,
        )
        if error is not None and state is not CameraState.RUNNING:
            status = replace(status, code=error.code, problem=error.message, cure=error.cure)
        problem = next(
            (s.recorder.problem for s in self.streams.values() if s.recorder is not None and s.recorder.problem), None
        )
        if problem is not None and not status.problem:
            status = replace(status, code=problem.code, problem=problem.message, cure=problem.cure)
        return status

    def _close(self) -> None:
        for stream in self.streams.values():
            if stream.capture is not None:
                stream.capture.stop()
        for stream in self.streams.values():
            stream.on_end()
            if stream.watcher is not None:
                stream.watcher.close()
        if self.listener is not None:
            self.listener.close()
        if self.inference is not None:
            self.inference.close()


def _notes(info: StreamInfo | None) -> tuple[str, ...]:
    if info is None or info.audio is None or info.audio.codec.fits_mp4:
        return ()
    name = {Codec.PCMU: "G.711 µ-law", Codec.PCMA: "G.711 A-law"}[info.audio.codec]
    return (f"Sound is not recorded: MP4 cannot carry {name}. Set the camera's audio to AAC or Opus.",)
