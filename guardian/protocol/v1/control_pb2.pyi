from guardian.protocol.v1 import events_pb2 as _events_pb2
from guardian.protocol.v1 import trust_pb2 as _trust_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FromRelay(_message.Message):
    __slots__ = ("hello", "events", "fleet", "done", "statement")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    events: _events_pb2.EventBatch
    fleet: Fleet
    done: _events_pb2.CommandDone
    statement: _trust_pb2.Signed
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., events: _Optional[_Union[_events_pb2.EventBatch, _Mapping]] = ..., fleet: _Optional[_Union[Fleet, _Mapping]] = ..., done: _Optional[_Union[_events_pb2.CommandDone, _Mapping]] = ..., statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "outbox_first")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_FIRST_FIELD_NUMBER: _ClassVar[int]
    version: str
    outbox_first: int
    def __init__(self, version: _Optional[str] = ..., outbox_first: _Optional[int] = ...) -> None: ...

class Fleet(_message.Message):
    __slots__ = ("time_s", "edge_connected", "edge_seen_s", "edge", "relay", "cameras", "home", "edge_version", "plugins", "other_plugins", "edge_past")
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    EDGE_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    EDGE_SEEN_S_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    RELAY_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    EDGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PLUGINS_FIELD_NUMBER: _ClassVar[int]
    OTHER_PLUGINS_FIELD_NUMBER: _ClassVar[int]
    EDGE_PAST_FIELD_NUMBER: _ClassVar[int]
    time_s: int
    edge_connected: bool
    edge_seen_s: int
    edge: _events_pb2.Telemetry
    relay: _events_pb2.Telemetry
    cameras: _containers.RepeatedCompositeFieldContainer[CameraState]
    home: bytes
    edge_version: str
    plugins: _containers.RepeatedCompositeFieldContainer[_events_pb2.Plugin]
    other_plugins: int
    edge_past: _containers.RepeatedCompositeFieldContainer[_events_pb2.Telemetry]
    def __init__(self, time_s: _Optional[int] = ..., edge_connected: _Optional[bool] = ..., edge_seen_s: _Optional[int] = ..., edge: _Optional[_Union[_events_pb2.Telemetry, _Mapping]] = ..., relay: _Optional[_Union[_events_pb2.Telemetry, _Mapping]] = ..., cameras: _Optional[_Iterable[_Union[CameraState, _Mapping]]] = ..., home: _Optional[bytes] = ..., edge_version: _Optional[str] = ..., plugins: _Optional[_Iterable[_Union[_events_pb2.Plugin, _Mapping]]] = ..., other_plugins: _Optional[int] = ..., edge_past: _Optional[_Iterable[_Union[_events_pb2.Telemetry, _Mapping]]] = ...) -> None: ...

class CameraState(_message.Message):
    __slots__ = ("camera", "state", "sealed")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    camera: bytes
    state: str
    sealed: bytes
    def __init__(self, camera: _Optional[bytes] = ..., state: _Optional[str] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class FromCloud(_message.Message):
    __slots__ = ("welcome", "ack", "command", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: _events_pb2.Ack
    command: _events_pb2.Command
    heartbeat: Heartbeat
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[_events_pb2.Ack, _Mapping]] = ..., command: _Optional[_Union[_events_pb2.Command, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("acknowledged", "heartbeat_s")
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_S_FIELD_NUMBER: _ClassVar[int]
    acknowledged: int
    heartbeat_s: int
    def __init__(self, acknowledged: _Optional[int] = ..., heartbeat_s: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("time_ms", "retry_after_s")
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    retry_after_s: int
    def __init__(self, time_ms: _Optional[int] = ..., retry_after_s: _Optional[int] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("certificate_request",)
    CERTIFICATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    certificate_request: bytes
    def __init__(self, certificate_request: _Optional[bytes] = ...) -> None: ...

class RenewReply(_message.Message):
    __slots__ = ("chain",)
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    chain: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, chain: _Optional[_Iterable[bytes]] = ...) -> None: ...
