"""The part of Kubo's RPC that the archive speaks, over a store of blocks. Not Kubo: no binary of it could be had that imports
CARs (see docs/archive.md). It refuses GET, as Kubo does, and a block that its name does not fit.
"""

from __future__ import annotations

import io
import json

from aiohttp import web
from guardian_filecoin import car

from guardian.sdk import Damaged


class KuboServer:
    """Blocks and pins. With a token it asks for one."""

    def __init__(self, token=""):
        self.blocks, self.pins, self.token = {}, set(), token

    def app(self):
        app = web.Application(client_max_size=1 << 31, middlewares=[self._authorised])
        app.add_routes(
            [
                web.post("/api/v0/dag/import", self._import),
                web.post("/api/v0/block/get", self._block),
                web.post("/api/v0/pin/ls", self._pins),
            ]
        )
        return app

    @web.middleware
    async def _authorised(self, request, handler):
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise web.HTTPForbidden
        return await handler(request)

    async def _import(self, request):
        part = await (await request.multipart()).next()
        file = io.BytesIO(await part.read())
        try:
            roots = car.read_header(file)
            self.blocks |= {str(cid): block for cid, block in car.blocks(file)}
        except Damaged as error:
            raise web.HTTPInternalServerError(text=json.dumps({"Message": str(error), "Code": 0, "Type": "error"})) from None
        if request.query.get("pin-roots") == "true":
            self.pins |= {str(root) for root in roots}
        lines = [json.dumps({"Root": {"Cid": {"/": str(root)}, "PinErrorMsg": ""}}) for root in roots]
        return web.Response(text="\n".join(lines) + "\n")

    async def _block(self, request):
        block = self.blocks.get(request.query["arg"])
        if block is None:
            text = json.dumps(
                {"Message": f"block was not found locally (offline): ipld: could not find {request.query['arg']}"}
            )
            raise web.HTTPInternalServerError(text=text)
        return web.Response(body=block)

    async def _pins(self, request):
        keys = {cid: {"Type": "recursive"} for cid in self.pins} | {"QmNX6Tffavsya4xgBi2VJQnSuqy9GsxongxZZ9uZBqp16d": {}}
        return web.json_response({"Keys": keys})
