"""The API's fakes, with logins and a hostile camera."""

from __future__ import annotations

from guardian.model.camera import CameraState, CameraStatus, CameraView
from guardian.model.errors import TooManyRequests, WrongPassphrase
from tests.guardian.api.fakes import COOKIE, T0, FakeAccounts, Fakes

HOSTILE = "<img src=x onerror=alert(1)>\"'"


class Accounts(FakeAccounts):
    def __init__(self) -> None:
        super().__init__()
        self.ended: list[str] = []
        self.peers: list[str] = []
        self.throttled = False
        self.users = True

    async def login(self, user: str, password: str, peer: str) -> str:
        self.peers.append(peer)
        if self.throttled:
            raise TooManyRequests("too many tries: wait 5 s")
        if (user, password) != ("owner", "right"):
            raise WrongPassphrase("name or password is wrong", cure="Try again.")
        return COOKIE

    async def logout(self, secret: str) -> None:
        self.ended.append(secret)

    async def has_users(self) -> bool:
        return self.users


class WebFakes(Fakes):
    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        status = CameraStatus("evil", CameraState.FAILED, T0, "x", problem=HOSTILE, cure=HOSTILE, notes=(HOSTILE,))
        self.cameras.views = (*self.cameras.views, CameraView("evil", HOSTILE, "rtsp", status, retention_days=7))
