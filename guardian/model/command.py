"""What is asked of a home from afar, as it came, and what became of it. The cloud can ask, never order (docs/protocol.md#commands)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOT_SIGNED, BAD_SIGNATURE, NOT_TRUSTED = "not_signed", "bad_signature", "not_trusted"
ANOTHER_HOME, EXPIRED, NOT_YET, OUT_OF_ORDER = "another_home", "expired", "not_yet", "out_of_order"
BAD_REQUEST, BAD_SETTING, UNKNOWN_VERB, NOT_ALLOWED = "bad_request", "bad_setting", "unknown_verb", "not_allowed"
BUSY, NO_ANSWER, EDGE_AWAY = "busy", "no_answer", "edge_away"

# By code, what those in between may say of a refusal: the home's own words may tell of it, and stay there.
REASONS: Mapping[str, str] = {
    NOT_SIGNED: "What changes anything needs a signature of the home: guardian cloud sign.",
    BAD_SIGNATURE: "The signature is not right: the command was altered, or somebody else signed it.",
    NOT_TRUSTED: "The home does not know who signed it.",
    ANOTHER_HOME: "It is meant for another home.",
    EXPIRED: "Its time was over when it arrived.",
    NOT_YET: "It says that it was made in the future: a clock is wrong.",
    OUT_OF_ORDER: "A command that was signed later has been done already: sign it anew.",
    BAD_REQUEST: "It says nothing that the home understands.",
    BAD_SETTING: "The home does not take that value.",
    UNKNOWN_VERB: "The home does not do that.",
    NOT_ALLOWED: "That cannot be set from afar, signed or not.",
    BUSY: "It was asked too often.",
    NO_ANSWER: "The home takes no commands: its cloud sync is off.",
    EDGE_AWAY: "The home is not connected.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it came. `signed`: the very bytes that a signature covers, before their context."""

    id: bytes
    issued_ms: int
    expires_ms: int
    verb: str
    body: bytes
    home: bytes
    member: bytes
    signature: bytes
    signed: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command. `message` is the home's own words."""

    ok: bool
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A setting to be changed. `camera`: its id at home; empty: of the house."""

    setting: str
    value: bool | float | None
    camera: str = ""


@dataclass(frozen=True, slots=True)
class CommandSeen:
    """A command and its answer, for the owner."""

    id: str
    at_us: int
    verb: str
    signed: bool
    answer: Answer
    wish: Wish | None = None
    times: int = 1  # it came; of refusals: that it, or the like of it, did
    member: str = ""  # who signed, in hex; empty: the home


@dataclass(frozen=True, slots=True)
class Signer:
    """A key beside the home's that may sign commands. `subject` in hex; `out`: no longer."""

    name: str
    subject: str
    added_us: int
    out: bool = False


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """A command that the home has signed, to be carried by whom it may concern."""

    id: str
    message: bytes
    expires_us: int
