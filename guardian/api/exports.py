"""/exports: make a file of a span, ask how far it is, fetch it, delete it."""

from __future__ import annotations

from aiohttp import web

from guardian.api.cameras import checked_span, stamp
from guardian.api.fields import PREFIX
from guardian.api.media import MP4, ZIP, send_file
from guardian.api.paging import Page
from guardian.api.routing import Operations, json_response
from guardian.api.schemas import ExportIn, ExportOut
from guardian.model.errors import BadRequest, Conflict, NotFound
from guardian.services.contract import Services

operations = Operations("exports")


@operations.add("GET", "/exports")
async def list_exports(services: Services, request: web.Request) -> Page[ExportOut]:
    """Every export, newest first."""
    return Page[ExportOut](items=[ExportOut.of(export) for export in await services.exports.list()], next=None)


@operations.add("POST", "/exports", status=202, errors=(400, 404, 423))
async def create_export(services: Services, request: web.Request, body: ExportIn) -> ExportOut | web.StreamResponse:
    """Begin to make an export. `Location` says where to ask how far it is."""
    if not body.cameras and body.camera is None:
        raise BadRequest("camera: is missing", field="camera", cure="camera: id of a camera; or cameras, of several")
    cameras = [services.cameras.get(camera).id for camera in body.cameras or [body.camera or ""]]
    span = checked_span(body.start, body.end)
    export = await services.exports.create(
        cameras,
        span.start_us,
        span.end_us,
        body.name,
        exact=body.exact,
        speedup=body.speedup,
        evidence=body.evidence,
    )
    return json_response(ExportOut.of(export), 202, {"Location": f"{PREFIX}/exports/{export.id}"})


@operations.add("GET", "/exports/{export}", errors=(404,))
async def get_export(services: Services, request: web.Request) -> ExportOut:
    """One export and how far it is."""
    return ExportOut.of(await services.exports.get(request.match_info["export"]))


@operations.add("DELETE", "/exports/{export}", status=204, errors=(404,))
async def delete_export(services: Services, request: web.Request) -> web.StreamResponse:
    """Cancel an export while it is made, delete it when it is done."""
    await services.exports.delete(request.match_info["export"])
    return web.Response(status=204)


@operations.add("GET", "/exports/{export}/file.mp4", media=MP4, errors=(404, 409, 416, 423))
async def get_export_file(services: Services, request: web.Request) -> web.StreamResponse:
    """The MP4 of an export that is done."""
    return await _file(services, request, "mp4")


@operations.add("GET", "/exports/{export}/file.zip", media=ZIP, errors=(404, 409, 416, 423))
async def get_export_zip(services: Services, request: web.Request) -> web.StreamResponse:
    """The ZIP of an export that is done, of several cameras or of evidence."""
    return await _file(services, request, "zip")


async def _file(services: Services, request: web.Request, suffix: str) -> web.StreamResponse:
    export = await services.exports.get(request.match_info["export"])
    if export.state != "done":
        raise Conflict(f"the export is {export.state}", field="export", cure="Wait until its state is done.")
    if export.suffix != suffix:
        raise NotFound(f"this export is no {suffix}", field="export", cure=f"Its file is file.{export.suffix}.")
    what = "evidence" if export.evidence else "cameras" if len(export.cameras) > 1 else export.camera
    filename = f"{what}-{stamp(export.start_us)}.{suffix}"
    media = ZIP if suffix == "zip" else MP4
    return await send_file(request, services.exports.content(export.id), export.size_bytes, filename, media)
