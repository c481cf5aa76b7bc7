"""From the outbox to people: what waits is handed to the queue, and what the queue gives us is pushed and mailed.

At least once: a job that fails is done again, and what of it was sent is not in the store any more.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Final

import structlog

from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian_cloud.ephemeral.contract import Ephemeral, Listener
from guardian_cloud.index import happenings, people, subscriptions
from guardian_cloud.index.engine import Store
from guardian_cloud.index.happenings import Push, Work
from guardian_cloud.index.subscriptions import Subscription
from guardian_cloud.model.errors import CloudError, Unavailable
from guardian_cloud.model.roles import May, Role, allows
from guardian_cloud.push.mail import Mail
from guardian_cloud.push.web_push import Receiver, Sent, WebPush
from guardian_cloud.queue.contract import MOST_TRIES, Job, Queue
from guardian_cloud.services.happenings import ALERT, WORK_CHANNEL

_log = structlog.get_logger(__name__)
AT_ONCE: Final = 50
LOOK_AGAIN_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0
_SEE: Final = tuple(role for role in Role if allows(role, May.SEE_EVENTS))


class Outbox:
    """Hands on what waits."""

    def __init__(self, store: Store, queue: Queue, ephemeral: Ephemeral, clock: Clock) -> None:
        self._store, self._queue, self._ephemeral, self._clock = store, queue, ephemeral, clock
        self._heard, self._ending = asyncio.Event(), False
        self._failed: dict[str, tuple[int, float]] = {}  # work → tries, and when to try again

    async def run(self) -> None:
        """Work until `end`."""
        async with self._ephemeral.listen(WORK_CHANNEL) as words:
            tasks = Tasks()
            tasks.spawn(self._hear(words), "outbox words")
            try:
                while not self._ending:
                    self._heard.clear()
                    try:
                        while await self.step() == AT_ONCE and not self._ending:
                            pass
                    except CloudError as error:
                        _log.warning("outbox_waits", code=error.code)
                    if not self._ending:
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self._heard.wait(), LOOK_AGAIN_S)
            finally:
                await tasks.close()

    async def _hear(self, words: Listener) -> None:
        async for _ in words:
            self._heard.set()

    def end(self) -> None:
        """Finish what is under way, and no more."""
        self._ending = True
        self._heard.set()

    async def step(self) -> int:
        """Hand on some of what waits; return how much that was."""
        return await (self._do_here() if self._queue.inline else self._give_away())

    async def _give_away(self) -> int:
        async with self._store.jobs() as connection:
            waiting = await happenings.next_work(connection, AT_ONCE, frozenset())
            given: list[str] = []
            try:
                for work in waiting:
                    await self._queue.hand_on(_job(work))
                    given.append(work.id)
            finally:
                await happenings.drop_work(connection, given)
        return len(given)

    async def _do_here(self) -> int:
        now_s = self._clock.mono_s()
        resting = frozenset(one for one, (_, at_s) in self._failed.items() if at_s > now_s)
        async with self._store.jobs() as connection:
            waiting = await happenings.next_work(connection, AT_ONCE, resting)
        for work in waiting:
            try:
                await self._queue.hand_on(_job(work))
            except Exception as error:  # noqa: BLE001 - one that cannot be done must not hold up the others
                tries = self._failed.get(work.id, (0, 0.0))[0] + 1
                _log.warning("work_failed", tenant=work.tenant, kind=work.kind, error=type(error).__name__, count=tries)
                if tries < MOST_TRIES:
                    self._failed[work.id] = (tries, self._clock.mono_s() + min(2.0 ** (tries - 1), LONGEST_WAIT_S))
                    continue
            self._failed.pop(work.id, None)
            async with self._store.jobs() as connection:
                await happenings.drop_work(connection, [work.id])
        return len(waiting)


def _job(work: Work) -> Job:
    return Job(work.id, work.tenant, work.kind, work.body)


class Notifier:
    """Does jobs."""

    def __init__(
        self, store: Store, ephemeral: Ephemeral, web_push: WebPush | None, mail: Mail | None, quiet_minutes: int
    ) -> None:
        self._store, self._ephemeral, self._web_push, self._mail = store, ephemeral, web_push, mail
        self._quiet_s = quiet_minutes * 60

    async def do(self, job: Job) -> None:
        """Do one; Unavailable where some of it must be tried again."""
        if job.kind != "events":
            return
        values = json.loads(job.body)
        first, last = int(values["first"]), int(values["last"])
        pushed = await self._push(job.tenant, first, last)
        mailed = await self._send_mail(job.tenant, first, last)
        if not (pushed and mailed):
            raise Unavailable("some could not be told now", cure="It is tried again.")

    async def _push(self, tenant: str, first: int, last: int) -> bool:
        async with self._store.look(tenant) as connection:
            wanted = await happenings.pushes_of(connection, tenant, first, last)
            receivers = await subscriptions.of_members(connection, tenant, [one.member for _, one in wanted], _SEE)
        whole = True
        for seq, push in wanted:
            mine = [one for one in receivers if one.member == push.member]
            if self._web_push is not None and not await self._push_one(tenant, seq, push, mine):
                whole = False
                continue
            async with self._store.tenant(tenant) as connection:
                await happenings.drop_push(connection, tenant, seq, push.member)
        return whole

    async def _push_one(self, tenant: str, seq: int, push: Push, receivers: list[Subscription]) -> bool:
        assert self._web_push is not None
        whole = True
        for one in receivers:
            receiver = Receiver(one.endpoint, one.p256dh, one.auth)
            match await self._web_push.send(receiver, push.sealed, f"{tenant} {seq}".encode()):
                case Sent.GONE:
                    async with self._store.tenant(tenant) as connection:
                        await subscriptions.drop(connection, tenant, one.id)
                case Sent.LATER:
                    whole = False
                case Sent.REFUSED:
                    _log.warning("push_refused", tenant=tenant)
                case Sent.DONE:
                    pass
        return whole

    async def _send_mail(self, tenant: str, first: int, last: int) -> bool:
        if self._mail is None:
            return True
        async with self._store.look(tenant) as connection:
            if not await happenings.alerts(connection, tenant, first, last, ALERT):
                return True
            members = await people.all_members(connection, tenant)
        whole = True
        for one in members:
            key = f"mailed:{tenant}:{one.user}"
            if not (one.mail and one.email and one.role in _SEE) or await self._ephemeral.get(key) is not None:
                continue
            try:
                await self._mail.send(one.email)
            except Unavailable:
                whole = False
                continue
            if self._quiet_s:
                await self._ephemeral.put(key, b"1", self._quiet_s)
        return whole
