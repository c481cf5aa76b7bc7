"""`guardian-cloud doctor`: look at everything the settings name, change nothing, and say what is wrong with its cure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from guardian.platform.clock import Clock
from guardian_cloud.ca.authority import Authority
from guardian_cloud.ephemeral.redis import RedisEphemeral
from guardian_cloud.identity.provider import Provider
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.migrate import HEAD, revision, table_faults
from guardian_cloud.model.errors import BadSetting, CloudError, Unavailable
from guardian_cloud.processes.cloud import check_store
from guardian_cloud.push.web_push import WebPush
from guardian_cloud.queue.contract import Job
from guardian_cloud.queue.rabbit import RabbitQueue
from guardian_cloud.settings.schema import Settings

GOOD, WARNING, BAD = "ok", "warning", "bad"
_SOON: Final = dt.timedelta(days=180)
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do."""

    part: str
    state: str
    message: str
    cure: str = ""


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Look at everything."""
    looks: list[tuple[str, Callable[[Settings, Clock], Awaitable[list[Finding]]]]] = [
        ("web", _web),
        ("store", _store),
        ("authority", _authority),
        ("identity", _identity),
        ("ephemeral", _ephemeral),
        ("queue", _queue),
        ("push", _push),
        ("mail", _mail),
    ]
    found: list[Finding] = []
    for part, look in looks:
        try:
            found += await look(settings, clock)
        except CloudError as error:
            found.append(Finding(part, BAD, error.message, error.cure))
    return found


async def _web(settings: Settings, _: Clock) -> list[Finding]:
    if not settings.web.public_url.startswith("https://"):
        return [
            Finding(
                "web", WARNING, "browsers reach it without TLS", "For more than a trial: a TLS proxy, and web.public_url."
            )
        ]
    return [Finding("web", GOOD, f"browsers reach it at {settings.web.public_url}")]


async def _store(settings: Settings, _: Clock) -> list[Finding]:
    store = open_store(settings)
    try:
        await check_store(store, settings)
        if not store.postgresql:
            return [
                Finding("store", GOOD, f"SQLite, revision {await revision(store)}"),
                Finding(
                    "store", WARNING, "SQLite keeps tenants apart by the program alone", "For strangers' homes: PostgreSQL."
                ),
            ]
        async with store.engine.connect() as connection:
            open_tables = await table_faults(connection)
        if open_tables:
            return [Finding("store", BAD, fault, "`guardian-cloud migrate` as of this version.") for fault in open_tables]
        return [Finding("store", GOOD, f"PostgreSQL, revision {HEAD}, each table of tenants forces its policy")]
    finally:
        await store.close()


async def _authority(settings: Settings, clock: Clock) -> list[Finding]:
    authority = Authority(settings.authority_dir, clock)
    ends = authority.intermediate.not_valid_after_utc
    found = [Finding("authority", GOOD, f"signs until {ends:%Y-%m-%d}")]
    if ends - dt.datetime.fromtimestamp(clock.now().utc_us / 1e6, dt.UTC) < _SOON:
        found = [
            Finding("authority", WARNING, f"signs until {ends:%Y-%m-%d} only", "Sign a new intermediate with root.key.")
        ]
    if authority.root_key_is_here:
        path = settings.authority_dir / "root.key"
        found.append(
            Finding("authority", WARNING, f"{path} is on this machine", "Move it off: it is needed again in five years.")
        )
    readable = [one.name for one in settings.authority_dir.glob("*.key") if one.stat().st_mode & 0o077]
    if readable:
        names = ", ".join(sorted(readable))
        found.append(Finding("authority", BAD, f"others may read {names}", f"chmod 600 {settings.authority_dir}/*.key"))
    return found


async def _identity(settings: Settings, clock: Clock) -> list[Finding]:
    provider = Provider(settings.identity, f"{settings.web.public_url}/login/done", clock)
    try:
        await provider.check()
    finally:
        await provider.close()
    return [Finding("identity", GOOD, f"{settings.identity.issuer} answers, and its keys can be read")]


async def _ephemeral(settings: Settings, clock: Clock) -> list[Finding]:
    url = settings.ephemeral.redis_url.get_secret_value()
    if not url:
        return [Finding("ephemeral", GOOD, "in the process: enough for one")]
    redis = RedisEphemeral(url, clock)
    try:
        await redis.ping()
    finally:
        await redis.close()
    return [Finding("ephemeral", GOOD, "Redis answers")]


async def _queue(settings: Settings, clock: Clock) -> list[Finding]:
    url = settings.queue.amqp_url.get_secret_value()
    if not url:
        if settings.ephemeral.redis_url.get_secret_value():
            return [
                Finding("queue", WARNING, "in the process, though there is Redis", "Several processes need queue.amqp_url.")
            ]
        return [Finding("queue", GOOD, "in the process: enough for one")]
    rabbit = RabbitQueue(url, clock)

    async def refuse(_: Job) -> None:
        raise AssertionError("we look, and consume nothing")

    try:
        await rabbit.start(refuse, consume=False)
        await rabbit.check()
    finally:
        await rabbit.close()
    return [Finding("queue", GOOD, "RabbitMQ answers, and has our quorum queues")]


async def _push(settings: Settings, clock: Clock) -> list[Finding]:
    if not settings.push.contact:
        return [Finding("push", WARNING, "there is no web push", "Set push.contact.")]
    if not settings.push.contact.startswith(("mailto:", "https://")):
        raise BadSetting("push.contact is no address", cure="mailto:you@example.org, or an https address.")
    key = WebPush(settings.authority_dir, settings.push.contact, clock).public_key
    return [Finding("push", GOOD, f"our key is {key[:12]}…")]


async def _mail(settings: Settings, _: Clock) -> list[Finding]:
    mail = settings.mail
    if not mail.host:
        return [Finding("mail", GOOD, "there is no mail, as set")]
    client = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        use_tls=mail.security == "tls",
        start_tls=mail.security == "starttls",
        username=mail.user or None,
        password=mail.password.get_secret_value() or None,
        timeout=_TIMEOUT_S,
    )
    try:
        await client.connect()
        await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise Unavailable(
            f"the mail server refuses, or does not answer ({type(error).__name__})", cure="See mail.*."
        ) from error
    return [Finding("mail", GOOD, f"{mail.host} answers, and lets us in")]
