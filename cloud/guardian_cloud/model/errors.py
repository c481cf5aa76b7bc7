"""Every error that the cloud raises on purpose: `code` for programs, a sentence and a cure for people.

CloudError
├── BadSetting       400  one setting is wrong
├── BadRequest       400  one parameter of a call is wrong
├── NotLoggedIn      401
├── NotAllowed       403
├── NotFound         404  also what another tenant has: that it is there is nobody's business
├── Conflict         409
├── TooManyRequests  429  `wait_s`: try again then
└── Unavailable      503  store, queue or provider does not answer
"""

from __future__ import annotations


class CloudError(Exception):
    """Base."""

    code = "error"
    status = 500
    retry = False

    def __init__(self, message: str, *, cure: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.field = field


class BadSetting(CloudError):
    code, status = "bad_setting", 400


class BadRequest(CloudError):
    code, status = "bad_request", 400


class NotLoggedIn(CloudError):
    code, status = "not_logged_in", 401


class NotAllowed(CloudError):
    code, status = "not_allowed", 403


class NotFound(CloudError):
    code, status = "not_found", 404


class Conflict(CloudError):
    code, status = "conflict", 409


class TooManyRequests(CloudError):
    code, status, retry = "too_many_requests", 429, True

    def __init__(self, message: str, *, wait_s: float, cure: str = "") -> None:
        super().__init__(message, cure=cure)
        self.wait_s = wait_s


class Unavailable(CloudError):
    code, status, retry = "unavailable", 503, True
