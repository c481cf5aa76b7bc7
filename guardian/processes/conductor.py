"""The conductor: index, services, pages, API and observer plugins in one asyncio process that supervises all others.

It imports no codec and no network, so that nothing a camera sends can harm it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from guardian.api.app import make_api
from guardian.api.probes import probe_routes
from guardian.index.engine import open_index
from guardian.model.camera import CameraChange
from guardian.model.event import Event
from guardian.model.messages import (
    CropSeen,
    EventReport,
    FragmentSealed,
    LiveFragment,
    LiveInit,
    Message,
    NewVaultKey,
    PauseRecording,
    SegmentClosed,
    SegmentOpened,
    StatusReport,
    Stop,
    WantLive,
)
from guardian.platform.clock import Clock, PatientClock, SystemClock
from guardian.platform.files import make_private_dir, replace_file
from guardian.platform.limits import harden, settle_memory
from guardian.platform.lock import exclusive
from guardian.platform.logs import set_up_logs
from guardian.platform.ports import port_is_free
from guardian.platform.runtime_dir import RuntimeDir
from guardian.platform.tasks import Tasks
from guardian.pluginhost.dispatch import Dispatcher
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.processes import plugin_life
from guardian.processes.camera_keeper import CameraKeeper
from guardian.processes.chosen import channels_of, clip_margins, plugin_findings, tiers_of
from guardian.processes.detector_keeper import DetectorKeeper
from guardian.processes.links import Switchboard
from guardian.processes.refusals import cannot_serve
from guardian.processes.relaying import make_relay, seal_text
from guardian.processes.spawning import begin, start_transcoder
from guardian.processes.supervisor import Supervisor
from guardian.processes.understanding import Understanding
from guardian.processes.vault_opening import open_notary, open_vault
from guardian.services.accounts import AccountService
from guardian.services.afar_settings import AfarSettings
from guardian.services.archives import ArchiveService
from guardian.services.cameras import CameraService
from guardian.services.contract import Services
from guardian.services.demo import Login
from guardian.services.events import EventService
from guardian.services.exports import ExportService
from guardian.services.health import HealthService, HealthSources
from guardian.services.holds import HoldService
from guardian.services.live import LiveHub
from guardian.services.notifications import NotificationService
from guardian.services.playback import PlaybackService
from guardian.services.recordings import RecordingService
from guardian.services.rules import RuleService
from guardian.services.space import SpaceService, SpaceSources
from guardian.services.storage import make_sweeper, rules_of
from guardian.services.tiers import TierService
from guardian.services.timeline import TimelineService
from guardian.services.transcode import TranscodeService
from guardian.services.vault import VaultService
from guardian.settings.schema import Settings
from guardian.store import spare
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer
from guardian.web.app import make_web

_log = structlog.get_logger(__name__)
TAKEN_IN_S = 5.0
DEFAULT_LOGIN = "owner"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run. `login`, when given, is made at start: user, password, and a vault that is opened at once."""

    data_dir: Path
    settings: Settings
    login: Login | None = None
    token_name: str = ""
    exit_after_s: float | None = None
    runtime: RuntimeDir | None = None  # of spawning.begin(), called before this was imported


@dataclass(frozen=True, slots=True)
class Running:
    """What the caller is told once pages and API are served. `new_password`: of the first user, when one was made."""

    url: str
    token: str
    new_password: str


def run(options: RunOptions, started: Callable[[Running], None]) -> None:
    """Run until SIGINT or SIGTERM (or `exit_after_s`); returns when everything has been closed in order."""
    set_up_logs(as_json=options.settings.log.format == "json", level=options.settings.log.level)
    harden()
    make_private_dir(options.data_dir)
    with exclusive(options.data_dir):
        (options.data_dir / "run.json").unlink(missing_ok=True)  # of one that was killed: nobody may speak to its address
        asyncio.run(_run(options, started))


async def _run(options: RunOptions, started: Callable[[Running], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    async with AsyncExitStack() as stack:
        conductor = Conductor(options, SystemClock())
        stack.push_async_callback(conductor.close)
        started(await conductor.start())
        try:
            await asyncio.wait_for(ending.wait(), options.exit_after_s)
        except TimeoutError:
            pass


class Conductor:
    """Everything that runs in this process, wired."""

    def __init__(self, options: RunOptions, clock: Clock) -> None:
        self.options, self.settings, self.clock = options, options.settings, clock
        self.data_dir = options.data_dir
        self.tasks = Tasks()
        self._runtime = options.runtime or begin()
        self.runtime_dir = self._runtime.path
        self.secret = secrets.token_hex(32)
        self.paused = ""
        self.ending = False
        self.supervisor = Supervisor(clock, self.tasks)
        self.detector = DetectorKeeper(self.data_dir, lambda: self.settings, self._settings_changed, self.supervisor)
        self.switchboard = Switchboard(
            self.runtime_dir / "conductor.sock",
            self.secret,
            {"camera": self._from_camera, "inference": self.detector.heard},
            self._process_gone,
        )
        self.contexts = ContextMaker(self.data_dir, seal=lambda *what: seal_text(self.keyring, *what), clock=clock)
        self.registry = PluginRegistry(self.settings.plugins, self.contexts)
        self.dispatcher = Dispatcher(self.registry.manager, clock, self.tasks)
        self.cameras = CameraService(self.settings.cameras, clock, self._camera_changed)
        self._closers = AsyncExitStack()

    async def start(self) -> Running:
        """Open everything, in the order in which things need each other; pages and API last."""
        web_settings = self.settings.web
        if web_settings.port and not port_is_free(web_settings.host, web_settings.port):
            raise cannot_serve(web_settings, "the port is taken, or the address is not this machine's")
        self.keyring, self.vault_problem = await open_vault(
            self.data_dir, self.settings.vault.unlock_file, self.options.login, self.clock
        )
        spare.give_up(self.data_dir)
        self.index = await open_index(self.data_dir / "index.db")
        self._closers.push_async_callback(self.index.close)
        self._make_services()
        await self.recordings.reconcile()
        if (newest_us := await self.recordings.catalogue.newest()) is not None:
            self.patient_clock.remember(newest_us)
        await self.events.end_left_open()
        await self.holds.load()
        plugin_life.offer(self.contexts, self.data_dir, self.cameras, self.recordings, self.events, self.keyring)
        await plugin_life.begin(self.registry, self.dispatcher, self.holds, self.clock, self.tasks)
        await self.switchboard.open()
        self.understanding.begin()
        self._start_processes()
        self.tasks.spawn(self.sweeper.run(), "sweeper")
        self.tasks.spawn(self.space.run(), "space")
        self.tasks.spawn(self.tiers.run(), "tiers")
        self._keep_spare()
        token, password = await self._make_login()
        url = await self._serve()
        self.notifications.base_url = url
        replace_file(self.data_dir / "run.json", f'{{"url": "{url}", "pid": {os.getpid()}}}\n'.encode())
        settle_memory()
        return Running(url, token, password)

    def _make_services(self) -> None:
        sealer = VaultSealer(self.keyring.public_key, self.keyring.epoch)
        self.recordings = RecordingService(self.index, self.data_dir, self.clock)
        margins = partial(clip_margins, self.settings)
        self.events = EventService(self.index, self.data_dir, self.clock, self.keyring, margins, self._event_changed)
        self.holds = HoldService(self.index, self.data_dir, self.clock, self.events)
        self._make_viewing(sealer)
        self._make_storage()
        self._make_health()

    def _make_viewing(self, sealer: VaultSealer) -> None:
        self.live = LiveHub(self._want_live, self.clock, self.tasks)
        self.vault = VaultService(
            self.keyring,
            self.clock,
            self.settings.vault.auto_lock_minutes,
            data_dir=self.data_dir,
            problem=self.vault_problem,
        )
        self.transcoder = TranscodeService(start_transcoder, self.tasks)
        self.playback = PlaybackService(self.recordings, self.data_dir, self.keyring, self.transcoder, used=self.vault.touch)
        self.vault.observe(self.playback.vault_changed)
        self.exports = ExportService(self.playback, self.data_dir, sealer, self.keyring, self.clock, self.tasks)
        self.exports.used = self.vault.touch
        self.exports.names = self.cameras.names
        self.vault.notary = self.exports.notary = open_notary(self.data_dir, self.keyring, self.clock)
        self.vault.observe_keys(self._use_key)
        self.vault.observe(self._end_transcoder)
        self.understanding = Understanding(
            lambda: self.settings,
            self.registry,
            self.index,
            self.data_dir,
            self.clock,
            self.keyring,
            self.tasks,
            self.events,
            names=self.cameras.names,
            used=self.vault.touch,
        )
        self.vault.observe(self.understanding.search.vault_changed)

    def _make_storage(self) -> None:
        self.patient_clock = PatientClock(self.clock)
        self.tiers = TierService(
            self.index,
            self.data_dir,
            self.patient_clock,
            self.recordings,
            tiers_of(self.settings, self.registry),
            scan,
            lambda tier: self.notifications.tell(*tier.news()),
        )
        self.space = SpaceService(
            self.clock,
            SpaceSources(
                settings=lambda: self.settings,
                cameras=self.cameras.list,
                usage=self.recordings.usage,
                held=self.recordings.held,
                tiers=self.tiers.status,
                tell=lambda title, body: self.notifications.tell(title, body),
            ),
        )
        self.sweeper = make_sweeper(
            self.recordings,
            self.events,
            self.data_dir,
            self.patient_clock,
            lambda: self.settings,
            self._pause,
            self.space.made_room,
            self.playback.drop_gone,
        )

    def _make_health(self) -> None:
        self.archives = ArchiveService([one.kind for one in self.registry.archives.values()], self.clock)
        self._closers.push_async_callback(self.archives.close)
        self.health = HealthService(
            self.data_dir,
            self.clock,
            HealthSources(
                cameras=self.cameras.list,
                processes=self.supervisor.usage,
                inference=lambda: self.detector.view,
                vault=self.vault.status,
                paused=lambda: self.paused,
                footage=self.recordings.footage,
                plugins=lambda: (
                    *self.supervisor.findings(),
                    *plugin_findings(self.registry),
                    *self.understanding.findings(),
                    *self.relay.findings(),
                    *self.archives.findings(),
                ),
                space=self.space.status,
                disk=self.space.brief,
                event_delay_ms=self.events.delay_ms,
                archives=self.archives.status,
            ),
        )
        self.health.parts["index"] = True
        self.rules = RuleService(
            self.data_dir, lambda: self.settings, self._use_settings, partial(self.switchboard.send, "camera")
        )
        looks = (self.cameras, self.events, self.live, self.recordings)
        self.camera_keeper = self._make_camera_keeper()
        afar = AfarSettings(self.data_dir, lambda: self.settings, self._use_settings, self.rules, self.camera_keeper.again)
        self.relay, self.viewing, self.commands = make_relay(
            self.data_dir, self.registry, self.keyring, self.clock, looks, afar
        )
        self.notifications = NotificationService(channels_of(self.settings, self.registry), self.clock, self.tasks)
        self.services = Services(
            cameras=self.cameras,
            timeline=TimelineService(self.recordings),
            playback=self.playback,
            live=self.live,
            events=self.events,
            search=self.understanding.search,
            holds=self.holds,
            exports=self.exports,
            vault=self.vault,
            accounts=AccountService(self.index, self.clock, self.settings.web.session_hours),
            rules=self.rules,
            health=self.health,
            detection=self.detector,
            relay=self.relay,
            viewing=self.viewing,
            commands=self.commands,
        )

    def _make_camera_keeper(self) -> CameraKeeper:
        return CameraKeeper(
            lambda: self.settings,
            self.registry,
            self.cameras,
            self.supervisor,
            self.switchboard,
            self.keyring,
            self.data_dir,
            self.runtime_dir,
            self.secret,
        )

    def _use_settings(self, settings: Settings) -> None:
        """Go by settings in which rules of watching are others; their cameras are told by `services.rules`."""
        self.settings = settings
        self.cameras.use_settings(settings.cameras)

    # processes

    def _start_processes(self) -> None:
        self.detector.start(self.switchboard, self.runtime_dir, self.secret)
        self.camera_keeper.start_all()

    def _settings_changed(self, settings: Settings) -> None:
        self.settings = settings

    def _process_gone(self, role: str, name: str) -> None:
        if self.ending:
            return
        if role == "inference":
            self.detector.gone()
        elif role == "camera":
            self.cameras.process_lost(name)
            self.live.camera_gone(name)
            self.tasks.spawn(self._tidy_after(name), f"tidy after {name}")

    async def _tidy_after(self, camera: str) -> None:
        await self.recordings.camera_lost(camera)
        await self.events.close_camera(camera, self.clock.now().utc_us)

    async def _from_camera(self, camera: str, message: Message, payload: bytes) -> None:
        if isinstance(message, StatusReport):
            self.cameras.report(message.status)
            self.rules.process_says(camera, message.status.pid)
            self.live.set_streams(camera, tuple((stream.stream, stream.codec) for stream in message.status.streams))
            if message.status.code == "disk_full":
                self.sweeper.poke()
            if message.status.vault_epoch != self.keyring.epoch:  # it was starting when the key was changed
                self.switchboard.send("camera", camera, NewVaultKey(self.keyring.epoch), self.keyring.public_key)
            if self.paused and not message.status.recording_paused:  # it has started since
                self.switchboard.send("camera", camera, PauseRecording(True, self.paused))
        elif isinstance(message, LiveFragment):
            self.live.on_fragment(camera, message, payload)
        elif isinstance(message, LiveInit):
            self.live.on_init(camera, message, payload)
        elif isinstance(message, SegmentOpened | FragmentSealed | SegmentClosed):
            await self.recordings.take(camera, message)
            if isinstance(message, SegmentClosed):
                self.dispatcher.observe("segment_sealed", segment=message.record)
        elif isinstance(message, CropSeen):
            self.understanding.describing.take(camera, message, payload)
        elif isinstance(message, EventReport) and message.event.camera == camera:
            await self.events.report(message)

    def _end_transcoder(self, unlocked: bool) -> None:
        if not unlocked:  # its memory holds what was looked at
            self.tasks.spawn(self.transcoder.close(), "end transcoder")

    def _use_key(self, public_key: bytes, epoch: int) -> None:
        """Have everything that comes sealed to a new key; what is open is finished under the old one."""
        self.exports.use_sealer(VaultSealer(public_key, epoch))
        self.switchboard.send_all("camera", NewVaultKey(epoch), public_key)

    def _want_live(self, camera: str, feed: str, on: bool) -> None:
        self.switchboard.send("camera", camera, WantLive(feed, on))

    def _pause(self, why: str) -> None:
        """Pause recording (an empty reason resumes it)."""
        if why != self.paused:
            self.paused = why
            _log.warning("recording_paused" if why else "recording_resumed", why=why)
            self.switchboard.send_all("camera", PauseRecording(bool(why), why))
            self._keep_spare()
            self.space.paused(why)

    def _keep_spare(self) -> None:
        if not self.paused:
            spare.keep(self.data_dir, rules_of(self.settings).target_bytes)

    # what plugins hear

    def _camera_changed(self, change: CameraChange) -> None:
        _log.info("camera_state", camera=change.camera, state=change.state.value)
        self.dispatcher.observe("camera_changed", change=change)

    def _event_changed(self, what: str, event: Event) -> None:
        hook = {"start": "event_started", "update": "event_updated", "end": "event_ended"}.get(what)
        self.understanding.search.event_changed(event)
        if hook is not None:
            self.dispatcher.observe(hook, event=event)
        if what == "end":
            self.tasks.spawn(self.holds.event_ended(event.id), "end of a held event")
        if hook is not None:
            self.notifications.event_changed(what, event, self.cameras.get(event.camera).name)

    # pages and API

    async def _make_login(self) -> tuple[str, str]:
        accounts, wish = self.services.accounts, self.options.login
        user, password = (wish.user, wish.password) if wish is not None else (DEFAULT_LOGIN, "")
        made = ""
        if not await accounts.has_users():
            made = password or secrets.token_urlsafe(12)
            await accounts.create_user(user, made)
        token = ""
        if self.options.token_name:
            _, token = await accounts.create_token(user, self.options.token_name)
        return token, made

    async def _serve(self) -> str:
        wish = self.settings.web
        app = make_web(self.services, make_api(self.services), probe_routes(self.services))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        self._closers.push_async_callback(runner.cleanup)
        try:
            site = web.TCPSite(runner, wish.host, wish.port)
            await site.start()
        except OSError as error:
            raise cannot_serve(wish, error.strerror or str(error)) from error
        port = runner.addresses[0][1]
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(wish.host, wish.host)  # noqa: S104 - an address to open, not to bind
        self.health.parts["web"] = True
        return f"http://{host}:{port}"

    async def close(self) -> None:
        """End cameras first (they close their segments), then everything else in reverse."""
        self.ending = True
        self.supervisor.expect_end()
        self.switchboard.send_all("camera", Stop("Guardian ends"))
        self.switchboard.send_all("inference", Stop("Guardian ends"))
        names = [("camera", camera) for camera in self.settings.cameras] + [("inference", "detector")]
        await asyncio.gather(*(self.supervisor.stop(role, name) for role, name in names))
        await self.switchboard.emptied(TAKEN_IN_S)  # the last segments of the cameras are to be indexed yet
        await self.dispatcher.all_of("shutdown")
        if hasattr(self, "recordings"):
            await self.events.close()
            self.vault.close()
            await self.transcoder.close()
            await self.understanding.close()
            await self.recordings.close()
        await self._closers.aclose()
        await self.switchboard.close()
        await self.tasks.close()
        (self.data_dir / "run.json").unlink(missing_ok=True)
        self._runtime.close()
