from guardian.protocol.v1 import events_pb2 as _events_pb2
from guardian.protocol.v1 import trust_pb2 as _trust_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("code", "home", "edge", "signing_key", "tunnel_key", "nonce", "version")
    CODE_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: bytes
    home: bytes
    edge: bytes
    signing_key: bytes
    tunnel_key: bytes
    nonce: bytes
    version: str
    def __init__(self, code: _Optional[bytes] = ..., home: _Optional[bytes] = ..., edge: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ..., tunnel_key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., version: _Optional[str] = ...) -> None: ...

class EnrolReply(_message.Message):
    __slots__ = ("relay", "signing_key", "tunnel_key", "nonce", "endpoint", "fallback", "edge_address", "relay_address", "link_port")
    RELAY_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    EDGE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RELAY_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LINK_PORT_FIELD_NUMBER: _ClassVar[int]
    relay: bytes
    signing_key: bytes
    tunnel_key: bytes
    nonce: bytes
    endpoint: str
    fallback: str
    edge_address: str
    relay_address: str
    link_port: int
    def __init__(self, relay: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ..., tunnel_key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., endpoint: _Optional[str] = ..., fallback: _Optional[str] = ..., edge_address: _Optional[str] = ..., relay_address: _Optional[str] = ..., link_port: _Optional[int] = ...) -> None: ...

class ConfirmRequest(_message.Message):
    __slots__ = ("edge", "edge_statement", "relay_statement", "preshared_key")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    EDGE_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    RELAY_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    PRESHARED_KEY_FIELD_NUMBER: _ClassVar[int]
    edge: bytes
    edge_statement: _trust_pb2.Signed
    relay_statement: _trust_pb2.Signed
    preshared_key: bytes
    def __init__(self, edge: _Optional[bytes] = ..., edge_statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ..., relay_statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ..., preshared_key: _Optional[bytes] = ...) -> None: ...

class ConfirmReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FromEdge(_message.Message):
    __slots__ = ("hello", "events", "telemetry", "done", "inventory", "statement")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    events: _events_pb2.EventBatch
    telemetry: _events_pb2.Telemetry
    done: _events_pb2.CommandDone
    inventory: Inventory
    statement: _trust_pb2.Signed
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., events: _Optional[_Union[_events_pb2.EventBatch, _Mapping]] = ..., telemetry: _Optional[_Union[_events_pb2.Telemetry, _Mapping]] = ..., done: _Optional[_Union[_events_pb2.CommandDone, _Mapping]] = ..., inventory: _Optional[_Union[Inventory, _Mapping]] = ..., statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("edge", "version", "outbox_first")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_FIRST_FIELD_NUMBER: _ClassVar[int]
    edge: bytes
    version: str
    outbox_first: int
    def __init__(self, edge: _Optional[bytes] = ..., version: _Optional[str] = ..., outbox_first: _Optional[int] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("cameras",)
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    cameras: _containers.RepeatedCompositeFieldContainer[Camera]
    def __init__(self, cameras: _Optional[_Iterable[_Union[Camera, _Mapping]]] = ...) -> None: ...

class Camera(_message.Message):
    __slots__ = ("camera", "state", "sealed")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    camera: bytes
    state: str
    sealed: bytes
    def __init__(self, camera: _Optional[bytes] = ..., state: _Optional[str] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class FromRelay(_message.Message):
    __slots__ = ("welcome", "ack", "command", "fetch", "call", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: _events_pb2.Ack
    command: _events_pb2.Command
    fetch: Fetch
    call: Call
    heartbeat: Heartbeat
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[_events_pb2.Ack, _Mapping]] = ..., command: _Optional[_Union[_events_pb2.Command, _Mapping]] = ..., fetch: _Optional[_Union[Fetch, _Mapping]] = ..., call: _Optional[_Union[Call, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("acknowledged", "heartbeat_s", "statements_sha256")
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_S_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    acknowledged: int
    heartbeat_s: int
    statements_sha256: bytes
    def __init__(self, acknowledged: _Optional[int] = ..., heartbeat_s: _Optional[int] = ..., statements_sha256: _Optional[bytes] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("time_ms", "retry_after_s")
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    retry_after_s: int
    def __init__(self, time_ms: _Optional[int] = ..., retry_after_s: _Optional[int] = ...) -> None: ...

class Fetch(_message.Message):
    __slots__ = ("ticket", "segment", "offset", "length")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    segment: str
    offset: int
    length: int
    def __init__(self, ticket: _Optional[int] = ..., segment: _Optional[str] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    def __init__(self, ticket: _Optional[int] = ...) -> None: ...

class Piece(_message.Message):
    __slots__ = ("ticket", "data", "size", "error")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    data: bytes
    size: int
    error: str
    def __init__(self, ticket: _Optional[int] = ..., data: _Optional[bytes] = ..., size: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class Delivered(_message.Message):
    __slots__ = ("received",)
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    received: int
    def __init__(self, received: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("ticket", "data")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    data: bytes
    def __init__(self, ticket: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...
