"""Every error that Guardian raises on purpose.

GuardianError                 what happened, `code` for programs, `cure` for people
├── OwnerMistake              400  the owner can mend it: settings, input, passphrase
│   ├── BadSetting                 one field of the configuration is wrong
│   ├── BadRequest                 one parameter of a call is wrong
│   │   └── MistypedCode           a recovery code whose check symbols do not fit
│   ├── WrongPassphrase       403
│   │   └── WrongRecoveryCode      written right, but of another vault, or an older one
│   ├── NotFound              404
│   └── Conflict              409
├── DeviceFault               502  a camera or another device misbehaves
│   ├── CameraUnreachable          refused, no route, timeout: try again
│   ├── CameraRefusedLogin         401 from the camera: keep trying, slowly
│   ├── CameraPathNotFound         404 from the camera
│   ├── NotAVideo                  what came is no video we can read
│   └── CameraStalled              it holds the line and sends nothing
├── ResourceGone              503
│   ├── VaultLocked           423  footage cannot be opened until the owner unlocks
│   ├── DiskFull              507
│   └── ServiceUnavailable    503
├── Damaged                   500  a sealed file does not open: altered, truncated, another key
└── Bug                       500  ours
"""


class GuardianError(Exception):
    """Base. `code` is a stable word; `cure` says what to do; `retry` whether trying again by itself makes sense."""

    code = "error"
    status = 500
    retry = False

    def __init__(self, message: str, *, cure: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.field = field


class OwnerMistake(GuardianError):
    code, status = "bad_input", 400


class BadSetting(OwnerMistake):
    code = "bad_setting"


class BadRequest(OwnerMistake):
    code = "bad_request"


class MistypedCode(BadRequest):
    code = "mistyped_code"


class NotAllowed(OwnerMistake):
    code, status = "not_allowed", 403


class WrongPassphrase(NotAllowed):
    code = "wrong_passphrase"


class WrongRecoveryCode(WrongPassphrase):
    code = "wrong_recovery_code"


class NotFound(OwnerMistake):
    code, status = "not_found", 404


class Conflict(OwnerMistake):
    code, status = "conflict", 409


class TooManyRequests(OwnerMistake):
    code, status = "too_many_requests", 429


class DeviceFault(GuardianError):
    code, status, retry = "device_fault", 502, True


class CameraUnreachable(DeviceFault):
    code = "unreachable"


class CameraRefusedLogin(DeviceFault):
    code = "login_refused"


class CameraPathNotFound(DeviceFault):
    code = "path_not_found"


class NotAVideo(DeviceFault):
    code = "not_a_video"


class CameraStalled(DeviceFault):
    code = "stalled"


class EndOfSource(DeviceFault):
    """A file that was to be played once has been played."""

    code, retry = "ended", False


class ResourceGone(GuardianError):
    code, status, retry = "resource_gone", 503, True


class VaultLocked(ResourceGone):
    code, status, retry = "vault_locked", 423, False


class DiskFull(ResourceGone):
    code, status = "disk_full", 507


class ServiceUnavailable(ResourceGone):
    code = "unavailable"


class Damaged(GuardianError):
    code = "damaged"


class Bug(GuardianError):
    code = "bug"
