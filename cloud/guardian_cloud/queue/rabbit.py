"""Over RabbitMQ: a quorum queue, which keeps what it has confirmed when a node of it dies. What fails too often goes to a queue of its own,
where the operator finds it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, DeliveryError

from guardian.platform.clock import Clock
from guardian_cloud.model.errors import Unavailable
from guardian_cloud.queue.contract import MOST_TRIES, Doer, Job

_log = structlog.get_logger(__name__)
QUEUE: Final = "guardian.work"
DEAD: Final = "guardian.work.failed"
AT_ONCE: Final = 16  # jobs under way in one process
CONFIRM_S: Final = 10.0
AGAIN_S: Final = 1.0


class RabbitQueue:
    """Publishes with confirms, and consumes."""

    inline = False

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._connection: AbstractRobustConnection | None = None
        self._out: AbstractRobustChannel | None = None
        self._doer: Doer | None = None
        self._again_s = AGAIN_S

    async def start(self, doer: Doer, *, consume: bool = True) -> None:
        self._doer = doer
        try:
            self._connection = await aio_pika.connect_robust(self._url, timeout=10)
            self._out = await self._connection.channel(publisher_confirms=True)
            channel = await self._connection.channel()
            await channel.set_qos(prefetch_count=AT_ONCE)
            await channel.declare_queue(DEAD, durable=True, arguments={"x-queue-type": "quorum"})
            arguments: dict[str, Any] = {
                "x-queue-type": "quorum",
                "x-delivery-limit": MOST_TRIES,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": DEAD,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            }
            queue = await channel.declare_queue(QUEUE, durable=True, arguments=arguments)
            if consume:
                await queue.consume(self._consume)
        except (AMQPError, OSError, TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
                raise
            raise Unavailable(
                "RabbitMQ does not answer, or refuses", cure="Is it there, and is queue.amqp_url right?"
            ) from error

    async def hand_on(self, job: Job) -> None:
        if self._out is None:
            raise Unavailable("RabbitMQ is not connected", cure="See `guardian-cloud doctor`.")
        message = aio_pika.Message(
            json.dumps({"tenant": job.tenant, "kind": job.kind, "body": job.body}).encode(),
            message_id=job.id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            content_type="application/json",
        )
        try:
            await self._out.default_exchange.publish(message, routing_key=QUEUE, mandatory=True, timeout=CONFIRM_S)
        except (AMQPError, DeliveryError, OSError, TimeoutError, RuntimeError) as error:
            raise Unavailable("RabbitMQ did not confirm", cure="See `guardian-cloud doctor`.") from error

    async def _consume(self, message: AbstractIncomingMessage) -> None:
        assert self._doer is not None
        try:
            values = json.loads(message.body)
            job = Job(str(message.message_id), values["tenant"], values["kind"], values["body"])
        except (ValueError, KeyError, TypeError):
            await message.reject(requeue=False)  # not ours
            return
        try:
            await self._doer(job)
        except Exception as error:  # noqa: BLE001 - whatever it was: it is tried again, and kept for the operator in the end
            _log.warning("work_failed", tenant=job.tenant, kind=job.kind, error=type(error).__name__)
            await self._clock.sleep(self._again_s)
            await message.reject(requeue=True)
            return
        await message.ack()

    async def check(self) -> None:
        if self._connection is None or self._connection.is_closed or self._out is None:
            raise Unavailable("RabbitMQ is not connected", cure="See `guardian-cloud doctor`.")

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
