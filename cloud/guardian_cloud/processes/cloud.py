"""`guardian-cloud run`: page, API, event streams, control, and the outbox, in one process. More processes share PostgreSQL, Redis and RabbitMQ."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from guardian.platform.clock import Clock, SystemClock
from guardian.platform.tasks import Tasks
from guardian_cloud.api.app import make_api
from guardian_cloud.ca.authority import Authority
from guardian_cloud.control.service import ControlService, make_server
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.ephemeral.memory import MemoryEphemeral
from guardian_cloud.identity.provider import Provider
from guardian_cloud.index.engine import Store, open_store, user_of
from guardian_cloud.index.migrate import HEAD, revision, user_faults
from guardian_cloud.model.errors import BadSetting
from guardian_cloud.push.mail import Mail
from guardian_cloud.push.web_push import WebPush
from guardian_cloud.queue.contract import Queue
from guardian_cloud.queue.embedded import EmbeddedQueue
from guardian_cloud.services.audit import Audit
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.services.fleet import Fleet
from guardian_cloud.services.happenings import Happenings
from guardian_cloud.services.homes import Homes
from guardian_cloud.services.logins import Logins
from guardian_cloud.services.news import News
from guardian_cloud.services.notifying import Notifier, Outbox
from guardian_cloud.services.people import People
from guardian_cloud.services.subscriptions import Subscriptions
from guardian_cloud.settings.schema import Settings
from guardian_cloud.web.app import make_web

_log = structlog.get_logger(__name__)
FORGET_EVERY_S: Final = 3600.0
GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A cloud that runs."""

    cloud: Cloud
    store: Store
    authority: Authority
    outbox: Outbox
    control: ControlService
    web_port: int
    control_port: int


def make_ephemeral(settings: Settings, clock: Clock) -> Ephemeral:
    """Return what the settings choose."""
    url = settings.ephemeral.redis_url.get_secret_value()
    if not url:
        return MemoryEphemeral(clock)
    from guardian_cloud.ephemeral.redis import RedisEphemeral

    return RedisEphemeral(url, clock)


def make_queue(settings: Settings, clock: Clock) -> Queue:
    """Return what the settings choose."""
    url = settings.queue.amqp_url.get_secret_value()
    if not url:
        return EmbeddedQueue()
    from guardian_cloud.queue.rabbit import RabbitQueue

    return RabbitQueue(url, clock)


async def check_store(store: Store, settings: Settings) -> None:
    """BadSetting where the tables are of another version, or the database would let us see other tenants' rows."""
    if await revision(store) != HEAD:
        raise BadSetting("the store has no tables of this version", field="store", cure="Run `guardian-cloud migrate`.")
    if store.postgresql:
        async with store.engine.connect() as connection:
            if faults := await user_faults(connection, user_of(settings)):
                raise BadSetting(f"store.url: {faults[0]}", field="store.url", cure="Run as a plain user.")


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Run a cloud."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        store = open_store(settings)
        stack.push_async_callback(store.close)
        await check_store(store, settings)
        authority = Authority(settings.authority_dir, clock)
        ephemeral, queue = make_ephemeral(settings, clock), make_queue(settings, clock)
        stack.push_async_callback(ephemeral.close)
        stack.push_async_callback(queue.close)
        web_push = WebPush(settings.authority_dir, settings.push.contact, clock) if settings.push.contact else None
        if web_push is not None:
            stack.push_async_callback(web_push.close)
        mail = Mail(settings.mail, settings.web.public_url, clock) if settings.mail.host else None
        notifier = Notifier(store, ephemeral, web_push, mail, settings.mail.quiet_minutes)
        await queue.start(notifier.do)
        provider = Provider(settings.identity, f"{settings.web.public_url}/login/done", clock)
        stack.push_async_callback(provider.close)
        people, happenings, homes = People(store, clock), Happenings(store, ephemeral, clock), Homes(store, clock)
        fleet = Fleet(store, authority, ephemeral, settings, clock)
        news = News(happenings, ephemeral, clock)
        stack.push_async_callback(news.close)
        control = ControlService(fleet, homes, happenings, ephemeral, settings.control, clock)
        server, control_port = make_server(control, authority, settings.control, clock)
        cloud = Cloud(
            settings,
            clock,
            ephemeral,
            people,
            Logins(provider, people, ephemeral, settings.identity),
            fleet,
            homes,
            happenings,
            news,
            Subscriptions(store, settings.push, web_push.public_key if web_push is not None else "", clock),
            Audit(store),
            f"{settings.control.names[0]}:{settings.control.port or control_port}",
        )
        await server.start()
        stack.push_async_callback(control.wait_ended, GRACE_S)
        stack.push_async_callback(server.stop, GRACE_S)
        stack.callback(control.end_all)
        web_port = await stack.enter_async_context(_serving(cloud))
        outbox, ending = Outbox(store, queue, ephemeral, clock), asyncio.Event()
        tasks = Tasks()
        chores = [
            tasks.spawn(outbox.run(), "outbox"),
            tasks.spawn(_forget(happenings, settings, ending), "forget old events"),
        ]

        async def end_chores() -> None:  # not cancelled: what is under way in the store is finished
            outbox.end()
            ending.set()
            await asyncio.wait(chores, timeout=GRACE_S)
            await tasks.close()

        stack.push_async_callback(end_chores)
        yield Running(cloud, store, authority, outbox, control, web_port, control_port)


@asynccontextmanager
async def _serving(cloud: Cloud) -> AsyncIterator[int]:
    runner = web.AppRunner(make_web(cloud, make_api(cloud)), access_log=None, shutdown_timeout=GRACE_S)
    await runner.setup()
    try:
        host, _, port = cloud.settings.web.listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port), backlog=4096)
        try:
            await site.start()
        except OSError as error:
            raise BadSetting(
                f"web.listen: {cloud.settings.web.listen} cannot be listened on",
                field="web.listen",
                cure="Choose a free port.",
            ) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _forget(happenings: Happenings, settings: Settings, ending: asyncio.Event) -> None:
    while not ending.is_set():
        try:
            if gone := await happenings.forget_old(settings.store.keep_events_days):
                _log.info("events_forgotten", count=gone)
        except Exception as error:  # noqa: BLE001 - the next hour brings another chance
            _log.error("forgetting_failed", error=type(error).__name__, exc_info=error)
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), FORGET_EVERY_S)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with running(settings) as found:
        _log.info("cloud_runs", listen=settings.web.listen, backend="postgresql" if found.store.postgresql else "sqlite")
        await ended.wait()
        _log.info("cloud_ends")
