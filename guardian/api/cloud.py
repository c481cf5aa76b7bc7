"""/cloud: what is asked of this home from afar, and commands that it signs."""

from __future__ import annotations

import base64

from aiohttp import web
from pydantic import Field, StrictBool, StrictFloat, StrictInt

from guardian.api.fields import CameraId, In, Out, TimeOut
from guardian.api.routing import Operations
from guardian.model.command import CommandSeen, Signer, Wish
from guardian.services.contract import Services

operations = Operations("cloud")


class WishIn(In):
    """A setting that is to be changed from afar."""

    setting: str = Field(min_length=1, max_length=80, description="such as enabled, detect.min_score or storage.days")
    value: StrictBool | StrictInt | StrictFloat | None = Field(description="what it is to be; null: none")
    camera: CameraId | None = Field(None, description="whose setting; null: the house's")
    valid_s: float = Field(3600, ge=1, le=604_800, description="how long the command is good, in seconds")


class SignedOut(Out):
    """A signed command. Whoever has `message` can have it done once, until it expires, and nothing else."""

    command: str
    message: str = Field(description="Base64: for POST /commands of the cloud.")
    expires: TimeOut


class CommandOut(Out):
    """A command that came, and what became of it."""

    command: str
    at: TimeOut
    verb: str
    signed: bool
    member: str | None = Field(description="Which signer says to have signed it; null: the home, or nobody.")
    setting: str | None
    value: bool | float | None
    camera: str | None
    ok: bool
    code: str
    message: str
    times: int = Field(description="How often it came; it is done once. Of refusals: it, or the like of it.")

    @staticmethod
    def of(one: CommandSeen) -> CommandOut:
        """Make it of what was seen."""
        return CommandOut(
            command=one.id,
            at=one.at_us,
            verb=one.verb,
            signed=one.signed,
            member=one.member or None,
            setting=one.wish.setting if one.wish is not None else None,
            value=one.wish.value if one.wish is not None else None,
            camera=(one.wish.camera or None) if one.wish is not None else None,
            ok=one.answer.ok,
            code=one.answer.code,
            message=one.answer.message,
            times=one.times,
        )


class SignerOut(Out):
    """A key beside the home's that may sign commands. `out`: no longer, and never again."""

    member: str
    name: str
    added: TimeOut
    out: bool

    @staticmethod
    def of(one: Signer) -> SignerOut:
        """Make it of a signer."""
        return SignerOut(member=one.subject, name=one.name, added=one.added_us, out=one.out)


class SignerIn(In):
    """A signer to be made."""

    name: str = Field(min_length=1, max_length=40, description="what you call it, such as Olga's laptop")


class SignerKeyOut(Out):
    """A fresh signer's key file, shown this once. Whoever has it can sign what `guardian cloud sign` does."""

    format: int
    name: str
    home: str
    member: str
    signing_key: str = Field(repr=False)
    cameras: dict[str, str] = Field(description="The opaque id of each camera.")


class CloudOut(Out):
    """What those outside ask of this home. `relay`: the state of the link."""

    relay: str
    sync: bool = Field(description="Whether a plugin tells the cloud how the home is, and takes its commands.")
    home: str = Field(description="The home's public key, in hex: commands are bound to it.")
    of_camera: dict[str, str] = Field(description="What may be set of a camera from afar.")
    of_house: dict[str, str] = Field(description="What may be set of the house.")
    signers: tuple[SignerOut, ...]
    commands: tuple[CommandOut, ...] = Field(description="Since the start, the newest first.")


@operations.add("GET", "/cloud")
async def get_cloud(services: Services, request: web.Request) -> CloudOut:
    """What was asked of this home from afar, and what became of it."""
    return _cloud(services)


def _cloud(services: Services) -> CloudOut:
    commands = services.commands
    return CloudOut(
        relay=services.relay.status().state.value,
        sync=commands.taken,
        home=commands.home.hex(),
        of_camera=dict(commands.of_camera),
        of_house=dict(commands.of_house),
        signers=tuple(SignerOut.of(one) for one in commands.signers.all()),
        commands=tuple(CommandOut.of(one) for one in commands.seen()),
    )


@operations.add("POST", "/cloud/commands", errors=(400, 403, 404, 409, 423, 503))
async def sign_command(services: Services, request: web.Request, body: WishIn) -> SignedOut:
    """Have the home sign a change of a setting, to be carried by its cloud. Nothing changes yet. The vault must be unlocked."""
    made = services.commands.sign(Wish(body.setting, body.value, body.camera or ""), body.valid_s)
    return SignedOut(command=made.id, message=base64.b64encode(made.message).decode(), expires=made.expires_us)


@operations.add("POST", "/cloud/signers", errors=(400, 409, 423, 503))
async def add_signer(services: Services, request: web.Request, body: SignerIn) -> SignerKeyOut:
    """Make a key by which commands are signed away from home, until it is taken back. The vault must be unlocked: the home signs it."""
    return SignerKeyOut(**await services.commands.signers.add(body.name))


@operations.add("DELETE", "/cloud/signers/{member}", errors=(404, 423, 503))
async def remove_signer(services: Services, request: web.Request) -> CloudOut:
    """Take a signer out, for good. The vault must be unlocked: the home signs that, too."""
    await services.commands.signers.remove(request.match_info["member"])
    return _cloud(services)
