"""The relay's end of the tunnel: brings the interface up, changes its keys, and goes back where new ones do not work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from guardian.platform.clock import Clock
from guardian.platform.subprocesses import Child, Ran, run, start
from guardian.protocol import wireguard as wg
from guardian.protocol.tunnel import RELAY_PATIENCE_S, Keys, KeySet, rotated, step
from guardian_relay import silence
from guardian_relay.errors import RelayError
from guardian_relay.silence import Silence

_log = structlog.get_logger(__name__)
LOOK_EVERY_S = 2.0
FIRST_LOOK_S = 10.0
SOCKET_WAIT_S = 5.0
COMMAND_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tunnel runs."""

    interface: str
    listen_port: int
    relay_address: str
    edge_address: str
    link_port: int = 7444


class Tunnel:
    """One interface with one peer. `keep(keys)` makes keys durable before they are used."""

    def __init__(self, place: Place, keys: Keys, clock: Clock, keep: Callable[[Keys], None]) -> None:
        self.place, self.keys, self._clock, self._keep = place, keys, clock, keep
        self._program: Child | None = None
        self._lock = asyncio.Lock()
        self.kind = ""
        self.seen: wg.Seen | None = None
        self.restarts = 0
        self.silence = Silence(clock.mono_s())
        self.forgotten = 0
        self._up_s = clock.mono_s()

    async def up(self) -> None:
        """Bring it up; RelayError with the reason and the cure."""
        async with self._lock:
            await self._up()
        self._up_s = self._clock.mono_s()
        _log.info("tunnel_up", interface=self.place.interface, state=self.kind)

    async def _up(self) -> None:
        name = self.place.interface
        await _quietly(wg.remove(name))  # of one that was killed
        self.kind = await self._add(name)
        await _must(*wg.close_off(name, self.place.link_port))  # before it is up
        await _must(wg.configure(name, keep_sessions=False), wg.config(self._interface()))
        for command in wg.bring_up(self._interface()):
            await _must(command)
        self.silence = Silence(self._clock.mono_s())

    async def _add(self, name: str) -> str:
        kernel = await _quietly(wg.add_kernel(name))
        if kernel == "":
            return "kernel"
        socket = Path("/var/run/wireguard") / f"{name}.sock"
        if self._program is not None:
            await self._program.end()
        socket.unlink(missing_ok=True)  # one that was killed leaves it behind
        try:
            self._program = await start(wg.add_userspace(name))
        except FileNotFoundError:
            raise RelayError(
                f"the kernel makes no WireGuard interface ({kernel}), and there is no wireguard-go",
                cure="apt install wireguard-go, or load the kernel's module; and give the program CAP_NET_ADMIN.",
            ) from None
        began = self._clock.mono_s()
        while not socket.exists():
            if self._program.code is not None or self._clock.mono_s() - began > SOCKET_WAIT_S:
                raise RelayError(
                    "wireguard-go does not start",
                    cure="It needs /dev/net/tun and CAP_NET_ADMIN; `guardian-relay doctor` says which of them lacks.",
                )
            await self._clock.sleep(0.05)
        return "userspace"

    def _interface(self) -> wg.Interface:
        one = self.keys.current
        peer = wg.Peer(one.peer, one.preshared, self.place.edge_address)
        return wg.Interface(self.place.interface, one.private, self.place.relay_address, self.place.listen_port, (peer,))

    async def rotate(self, new: KeySet) -> None:
        """Go over to new keys. They are on the disk already when this is called (`promise`)."""
        async with self._lock:
            self.keys = rotated(self.keys, new, self._clock.mono_s())
            await self._apply()
        _log.info("tunnel_rotated", rotation=new.number)

    def promise(self, new: KeySet) -> None:
        """Make new keys durable, so that a relay that ends between its answer and the change knows them."""
        self._keep(rotated(self.keys, new, self._clock.mono_s()))

    async def _apply(self) -> None:
        await _must(wg.configure(self.place.interface, keep_sessions=True), wg.config(self._interface()))

    @property
    def hidden(self) -> bool:
        """Whether it cannot be looked at, though it has been there for long enough."""
        return self.seen is None and self._clock.mono_s() - self._up_s > FIRST_LOOK_S

    async def watch(self) -> None:
        """For ever: look at the handshakes, settle rotations, and begin anew when the program has ended."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                async with self._lock:
                    await self._look()
            except (RelayError, OSError, TimeoutError, ValueError) as error:
                _log.warning("tunnel_failed", problem=type(error).__name__)
                self.seen = None

    async def _look(self) -> None:
        if self._program is not None and self._program.code is not None:
            self.restarts += 1
            await self._up()
        outputs = [(await _must(command)).out for command in wg.look(self.place.interface)]
        self.seen = wg.seen(*outputs).get(self.keys.current.peer)
        await self._forget_when_silent()
        shaken = self.seen is not None and self.seen.handshake_s > 0
        after = step(self.keys, shaken=shaken, now_s=self._clock.mono_s(), patience_s=RELAY_PATIENCE_S)
        if after is self.keys:
            return
        turned, self.keys = after.current != self.keys.current, after
        self._keep(after)
        if turned:
            _log.warning("tunnel_turned", rotation=after.current.number)
            await self._apply()

    async def _forget_when_silent(self) -> None:
        handshake_s, before = self.seen.handshake_s if self.seen is not None else 0, self.silence
        self.silence, forget = silence.step(before, handshake_s=handshake_s, now_s=self._clock.mono_s())
        if not forget:
            return
        if before.forgot_s is None:
            _log.warning("tunnel_silent")
        await _must(wg.configure(self.place.interface, keep_sessions=False), wg.config(self._interface()))
        self.forgotten += 1

    async def use_peer(self, keys: Keys, place: Place) -> None:
        """Another home has joined."""
        async with self._lock:
            self.keys, self.place = replace(keys, since_s=self._clock.mono_s()), place
            await self._up()

    async def down(self) -> None:
        """Take it down."""
        async with self._lock:
            await _quietly(wg.remove(self.place.interface))
            await _quietly(wg.open_again(self.place.interface))
            if self._program is not None:
                await self._program.end()
                self._program = None


async def _must(command: list[str], stdin: bytes = b"") -> Ran:
    try:
        done = await asyncio.to_thread(run, command, timeout_s=COMMAND_S, stdin=stdin)
    except FileNotFoundError:
        raise RelayError(
            f"there is no program `{command[0]}`", cure="apt install wireguard-tools iproute2 nftables"
        ) from None
    if done.code != 0:
        said = (done.err.strip().splitlines() or [""])[-1]
        raise RelayError(f"`{' '.join(command[:3])}` failed: {said}", cure="See `guardian-relay doctor`.")
    return done


async def _quietly(command: list[str]) -> str:
    """Run it and return why it failed, or an empty text."""
    try:
        done = await asyncio.to_thread(run, command, timeout_s=COMMAND_S)
    except (FileNotFoundError, TimeoutError) as error:
        return str(error)
    return "" if done.code == 0 else (done.err.strip().splitlines() or ["it failed"])[-1]
