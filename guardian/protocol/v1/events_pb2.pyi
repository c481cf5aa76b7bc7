from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KindClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_CLASS_UNSPECIFIED: _ClassVar[KindClass]
    KIND_CLASS_ALERT: _ClassVar[KindClass]
    KIND_CLASS_CHANGE: _ClassVar[KindClass]
    KIND_CLASS_SYSTEM: _ClassVar[KindClass]

class SizeClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIZE_CLASS_UNSPECIFIED: _ClassVar[SizeClass]
    SIZE_CLASS_1K: _ClassVar[SizeClass]
    SIZE_CLASS_4K: _ClassVar[SizeClass]
    SIZE_CLASS_16K: _ClassVar[SizeClass]
    SIZE_CLASS_64K: _ClassVar[SizeClass]
KIND_CLASS_UNSPECIFIED: KindClass
KIND_CLASS_ALERT: KindClass
KIND_CLASS_CHANGE: KindClass
KIND_CLASS_SYSTEM: KindClass
SIZE_CLASS_UNSPECIFIED: SizeClass
SIZE_CLASS_1K: SizeClass
SIZE_CLASS_4K: SizeClass
SIZE_CLASS_16K: SizeClass
SIZE_CLASS_64K: SizeClass

class Event(_message.Message):
    __slots__ = ("id", "camera", "serial", "time_s", "kind", "size", "sealed", "push")
    ID_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    PUSH_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    camera: bytes
    serial: int
    time_s: int
    kind: KindClass
    size: SizeClass
    sealed: bytes
    push: _containers.RepeatedCompositeFieldContainer[Push]
    def __init__(self, id: _Optional[bytes] = ..., camera: _Optional[bytes] = ..., serial: _Optional[int] = ..., time_s: _Optional[int] = ..., kind: _Optional[_Union[KindClass, str]] = ..., size: _Optional[_Union[SizeClass, str]] = ..., sealed: _Optional[bytes] = ..., push: _Optional[_Iterable[_Union[Push, _Mapping]]] = ...) -> None: ...

class Push(_message.Message):
    __slots__ = ("member", "sealed")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    sealed: bytes
    def __init__(self, member: _Optional[bytes] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("first", "events")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    first: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, first: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("up_to",)
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    up_to: int
    def __init__(self, up_to: _Optional[int] = ...) -> None: ...

class Telemetry(_message.Message):
    __slots__ = ("time_s", "readings", "past")
    class ReadingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    PAST_FIELD_NUMBER: _ClassVar[int]
    time_s: int
    readings: _containers.ScalarMap[str, float]
    past: bool
    def __init__(self, time_s: _Optional[int] = ..., readings: _Optional[_Mapping[str, float]] = ..., past: _Optional[bool] = ...) -> None: ...

class Plugin(_message.Message):
    __slots__ = ("name", "state")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("id", "issued_ms", "expires_ms", "verb", "body", "home", "member", "signature")
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUED_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    issued_ms: int
    expires_ms: int
    verb: str
    body: bytes
    home: bytes
    member: bytes
    signature: bytes
    def __init__(self, id: _Optional[bytes] = ..., issued_ms: _Optional[int] = ..., expires_ms: _Optional[int] = ..., verb: _Optional[str] = ..., body: _Optional[bytes] = ..., home: _Optional[bytes] = ..., member: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CommandDone(_message.Message):
    __slots__ = ("id", "ok", "code", "message")
    ID_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    ok: bool
    code: str
    message: str
    def __init__(self, id: _Optional[bytes] = ..., ok: _Optional[bool] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
