"""What is asked of this home from afar. The cloud can ask, never order: what changes anything is not among what is done here."""

from __future__ import annotations

from collections import OrderedDict

from guardian.protocol.v1 import events_pb2 as events

REMEMBERED = 1000
SKEW_MS = 5 * 60_000  # a cloud's clock may be ahead of ours


class Commands:
    """Answers each command once."""

    def __init__(self, home: bytes) -> None:
        self._home = home
        self._done: OrderedDict[bytes, events.CommandDone] = OrderedDict()

    def take(self, command: events.Command, now_ms: int) -> events.CommandDone:
        """Do a command, or say why not. One that was done is answered as it was."""
        if command.id in self._done:
            return self._done[command.id]
        code, words = self._judge(command, now_ms)
        done = events.CommandDone(id=command.id, ok=not code, code=code, message=words)
        self._done[command.id] = done
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        return done

    def _judge(self, command: events.Command, now_ms: int) -> tuple[str, str]:
        if len(command.id) != 16:
            return "bad_request", "the command has no id"
        if command.home != self._home:
            return "not_allowed", "the command is meant for another home"
        if command.expires_ms <= now_ms or command.issued_ms > now_ms + SKEW_MS:
            return "gone", "the command's time is over, or has not come"
        if command.verb == "ping":
            return "", ""
        return "unknown_verb", "this home does not do that when it is asked from afar"
