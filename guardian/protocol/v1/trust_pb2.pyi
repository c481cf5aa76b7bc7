from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_EDGE: _ClassVar[Role]
    ROLE_RELAY: _ClassVar[Role]
    ROLE_MEMBER: _ClassVar[Role]
ROLE_UNSPECIFIED: Role
ROLE_EDGE: Role
ROLE_RELAY: Role
ROLE_MEMBER: Role

class Signed(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("home", "subject", "role", "number", "issued_ms", "expires_ms", "revoked", "signing_key", "tunnel_key", "sealing_key", "certificate_sha256")
    HOME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ISSUED_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    home: bytes
    subject: bytes
    role: Role
    number: int
    issued_ms: int
    expires_ms: int
    revoked: bool
    signing_key: bytes
    tunnel_key: bytes
    sealing_key: bytes
    certificate_sha256: bytes
    def __init__(self, home: _Optional[bytes] = ..., subject: _Optional[bytes] = ..., role: _Optional[_Union[Role, str]] = ..., number: _Optional[int] = ..., issued_ms: _Optional[int] = ..., expires_ms: _Optional[int] = ..., revoked: _Optional[bool] = ..., signing_key: _Optional[bytes] = ..., tunnel_key: _Optional[bytes] = ..., sealing_key: _Optional[bytes] = ..., certificate_sha256: _Optional[bytes] = ...) -> None: ...
