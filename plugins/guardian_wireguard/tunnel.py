"""The edge's end of the tunnel. It is brought up only for keys that the home has signed; that is checked where it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from guardian.protocol import wireguard as wg
from guardian.protocol.tunnel import EDGE_PATIENCE_S, Keys, KeySet, rotated, step
from guardian.sdk import Child, Clock, Ran, ServiceUnavailable, run, start
from guardian_wireguard import paths
from guardian_wireguard.checks import obstacles
from guardian_wireguard.detour import Detour
from guardian_wireguard.state import Joined

SOCKET_WAIT_S = 5.0
# The relay goes over 50 ms after its answer. Who is too early is not understood, and WireGuard would try again after 5 s only
# (REKEY_TIMEOUT): so the edge comes a little later, and begins anew with the peer while it hears nothing.
SWITCH_AFTER_S, HURRY_S, HURRIES = 0.1, 0.2, 15
CALLS_S = 15.0  # three tries at a relay that has not been heard since the interface was made
RESOLVE_AGAIN_S = 150.0  # WireGuard shakes hands every 120 s while there is traffic, and keep-alives are traffic


class Tunnel:
    """One interface. `keep(keys)` makes keys durable before they are used. `tls_port`: of the relay's gateway, 0 where it is not to be used."""

    def __init__(
        self, interface: str, joined: Joined, clock: Clock, keep: Callable[[Keys], None], tls_port: int = 0
    ) -> None:
        self._name, self._joined, self._clock, self._keep = interface, joined, clock, keep
        self.keys = joined.keys
        self._child: Child | None = None
        self._lock = asyncio.Lock()
        self._resolved_s = 0.0
        self._tls_port, self._way = tls_port, paths.begin(0.0)
        self._detour: Detour | None = None
        self._shaken_s, self._shaken_at_s = 0, 0.0
        self.kind = ""
        self.seen: wg.Seen | None = None

    async def up(self) -> None:
        """Bring it up; ServiceUnavailable with the reason and the cure."""
        async with self._lock:
            await self._up()

    async def _up(self) -> None:
        await _quietly(wg.remove(self._name))  # of one that was killed
        await self._leave_detour()
        self._way = paths.begin(self._clock.mono_s())
        self._shaken_s, self._shaken_at_s = 0, self._clock.mono_s()
        self.kind = await self._add()
        await _must(*wg.close_off(self._name, None))  # before it is up
        await self._configure(keep_sessions=False)
        for command in wg.bring_up(self._interface()):
            await _must(command)

    async def _add(self) -> str:
        if not (why := await _quietly(wg.add_kernel(self._name))):
            return "kernel"
        socket = Path("/var/run/wireguard") / f"{self._name}.sock"
        if self._child is not None:
            await self._child.end()
        socket.unlink(missing_ok=True)  # one that was killed leaves it behind
        try:
            self._child = await start(wg.add_userspace(self._name))
        except FileNotFoundError:
            raise _blocked(f"the kernel makes no WireGuard interface ({why})", "apt install wireguard-go") from None
        began_s = self._clock.mono_s()
        while not socket.exists():
            if self._child.code is not None or self._clock.mono_s() - began_s > SOCKET_WAIT_S:
                raise _blocked("wireguard-go does not start", "It needs /dev/net/tun and the right CAP_NET_ADMIN.")
            await self._clock.sleep(0.05)
        return "userspace"

    async def _configure(self, *, keep_sessions: bool) -> None:
        self._resolved_s = self._clock.mono_s()  # wg looks the name up
        await _must(wg.configure(self._name, keep_sessions=keep_sessions), wg.config(self._interface()))

    def _interface(self) -> wg.Interface:
        one, joined = self.keys.current, self._joined
        peer = wg.Peer(one.peer, one.preshared, joined.relay_address, self._endpoint, wg.KEEPALIVE_S)
        return wg.Interface(self._name, one.private, joined.edge_address, 0, (peer,))

    @property
    def _endpoint(self) -> str:
        return self._detour.endpoint if self._detour is not None and self.over_tls else self._joined.endpoint

    @property
    def over_tls(self) -> bool:
        """Say whether it takes the detour."""
        return self._way.name == paths.TLS

    @property
    def problem(self) -> str:
        """Why the detour does not work, or empty."""
        return self._detour.problem if self._detour is not None and self.over_tls else ""

    async def rotate(self, new: KeySet) -> None:
        """Go over to new keys; the ones before are kept until these have shaken hands."""
        async with self._lock:
            self.keys = rotated(self.keys, new, self._clock.mono_s())
            self._keep(self.keys)
            await self._clock.sleep(SWITCH_AFTER_S)
            await self._configure(keep_sessions=True)
            for _ in range(HURRIES):
                await self._clock.sleep(HURRY_S)
                await self._see()
                if self.seen is not None and self.seen.handshake_s:
                    return
                await self._configure(
                    keep_sessions=False
                )  # it tries to shake hands at once, as it does with a peer that is new

    async def look(self, *, connected: bool = False) -> bool:
        """See how it is, settle a rotation, begin anew where the program has ended, look the relay up again where it is silent, and
        take the other way where this one is blocked. `connected`: the relay is talked to. Returns whether the other end has shaken hands
        since the last look.
        """
        async with self._lock:
            if self._child is not None and self._child.code is not None:
                await self._up()
            await self._see()
            shaken = self.seen is not None and self.seen.handshake_s > 0
            now_s = self._clock.mono_s()
            after = step(self.keys, shaken=shaken, now_s=now_s, patience_s=EDGE_PATIENCE_S)
            if after is not self.keys:
                turned, self.keys = after.current != self.keys.current, after
                self._keep(after)
                if turned:
                    await self._configure(keep_sessions=True)
            handshake_s = self.seen.handshake_s if self.seen is not None else 0
            anew = handshake_s not in (0, self._shaken_s)  # another one, be it older by a clock that was set back
            if anew:
                self._shaken_s, self._shaken_at_s = handshake_s, now_s
            if now_s - max(self._shaken_at_s, self._resolved_s) > RESOLVE_AGAIN_S:
                await self._configure(keep_sessions=True)
            await self._choose_way(heard=connected or anew)
            return anew

    async def _choose_way(self, *, heard: bool) -> None:
        before, gateway_s = self._way, self._detour.since_s if self._detour is not None else None
        self._way = paths.step(before, heard=heard, now_s=self._clock.mono_s(), gateway_s=gateway_s)
        if self._way.calls and self._detour is None and self._tls_port:
            self._detour = Detour(self._joined.endpoint.rpartition(":")[0].strip("[]"), self._tls_port, self._clock)
            await self._detour.open()
        if self._way.name != before.name:
            await self._configure(keep_sessions=False)  # it shakes hands at once
        if not self._way.calls:
            await self._leave_detour()

    async def _leave_detour(self) -> None:
        if self._detour is not None:
            await self._detour.close()
            self._detour = None

    async def _see(self) -> None:
        outputs = [(await _must(command)).out for command in wg.look(self._name)]
        self.seen = wg.seen(*outputs).get(self.keys.current.peer)

    @property
    def silent(self) -> bool:
        """Say whether the other end shakes no hands: no session is in force, and it answers none of our calls."""
        return self._clock.mono_s() - self._shaken_at_s > (wg.REJECT_AFTER_S if self._shaken_s else CALLS_S)

    async def down(self) -> None:
        """Take it down."""
        async with self._lock:
            await self._leave_detour()
            await _quietly(wg.remove(self._name))
            await _quietly(wg.open_again(self._name))
            if self._child is not None:
                await self._child.end()
                self._child = None


async def _must(command: list[str], stdin: bytes = b"") -> Ran:
    try:
        done = await asyncio.to_thread(run, command, timeout_s=10.0, stdin=stdin)
    except FileNotFoundError:
        raise _blocked(f"there is no program `{command[0]}`", "apt install wireguard-tools iproute2 nftables") from None
    except TimeoutError as error:
        raise _blocked(str(error), "Try again.") from error
    if done.code != 0:
        said = (done.err.strip().splitlines() or ["it failed"])[-1]
        raise _blocked(f"`{' '.join(command[:3])}`: {said}", "`guardian doctor` says more.")
    return done


async def _quietly(command: list[str]) -> str:
    """Run it and return why it failed, or an empty text."""
    try:
        await _must(command)
    except ServiceUnavailable as error:
        return error.message
    return ""


def _blocked(what: str, cure: str) -> ServiceUnavailable:
    """Return the error; where this machine is in the way, that is the reason and its cure."""
    found = next((one for one in obstacles() if one.health.value != "info"), None)
    return ServiceUnavailable(found.message if found else what, cure=found.cure if found else cure)
