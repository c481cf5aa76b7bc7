"""/system, /detector and /tokens."""

from __future__ import annotations

from aiohttp import web

from guardian.api.paging import Page
from guardian.api.routing import Operations
from guardian.api.schemas import NewTokenOut, TokenIn, TokenOut
from guardian.api.system_schemas import DetectorIn, InferenceOut, SystemOut
from guardian.api.tokens import SESSION
from guardian.model.errors import NotAllowed
from guardian.services.contract import Services

operations = Operations("system")


@operations.add("GET", "/system")
async def get_system(services: Services, request: web.Request) -> SystemOut:
    """The box: processes, disk, memory, detector, and what needs the owner."""
    return SystemOut.of(await services.health.system())


@operations.add("PUT", "/detector", errors=(400, 409, 503))
async def use_detector(services: Services, request: web.Request, body: DetectorIn) -> InferenceOut:
    """Run another model, runtime or device: loaded and tried beside the one that runs, then swapped and kept in the settings.

    Where it fails the answer says why, and what ran before still runs. Takes as long as the model takes to load.
    """
    return InferenceOut.of(await services.detection.use(model=body.model, backend=body.backend, device=body.device))


@operations.add("GET", "/tokens")
async def list_tokens(services: Services, request: web.Request) -> Page[TokenOut]:
    """Every API token, without its secret."""
    return Page[TokenOut](items=[TokenOut.of(token) for token in await services.accounts.list_tokens()], next=None)


@operations.add("POST", "/tokens", status=201, errors=(400, 403))
async def create_token(services: Services, request: web.Request, body: TokenIn) -> NewTokenOut:
    """Make an API token; its secret is shown this once. Needs a login: a token cannot make another."""
    session = request[SESSION]
    if session.kind != "session":
        raise NotAllowed("a token cannot make another", cure="Log in, or use `guardian token create NAME`.")
    token, secret = await services.accounts.create_token(session.user, body.name)
    return NewTokenOut(
        **TokenOut.of(token).model_dump(exclude={"created", "last_used"}),
        created=token.created_us,
        last_used=None,
        token=secret,
    )


@operations.add("DELETE", "/tokens/{token}", status=204, errors=(404,))
async def revoke_token(services: Services, request: web.Request) -> web.StreamResponse:
    """Revoke an API token."""
    await services.accounts.revoke_token(request.match_info["token"])
    return web.Response(status=204)
