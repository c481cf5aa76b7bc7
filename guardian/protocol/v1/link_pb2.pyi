from guardian.protocol.v1 import events_pb2 as _events_pb2
from guardian.protocol.v1 import trust_pb2 as _trust_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Invitation(_message.Message):
    __slots__ = ("address", "certificate_sha256", "code")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    address: str
    certificate_sha256: bytes
    code: bytes
    def __init__(self, address: _Optional[str] = ..., certificate_sha256: _Optional[bytes] = ..., code: _Optional[bytes] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ("code", "home", "edge", "signing_key", "tunnel_key", "commitment", "version")
    CODE_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: bytes
    home: bytes
    edge: bytes
    signing_key: bytes
    tunnel_key: bytes
    commitment: bytes
    version: str
    def __init__(self, code: _Optional[bytes] = ..., home: _Optional[bytes] = ..., edge: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ..., tunnel_key: _Optional[bytes] = ..., commitment: _Optional[bytes] = ..., version: _Optional[str] = ...) -> None: ...

class EnrolReply(_message.Message):
    __slots__ = ("pairing", "relay", "signing_key", "tunnel_key", "nonce", "endpoint", "edge_address", "relay_address", "link_port", "version")
    PAIRING_FIELD_NUMBER: _ClassVar[int]
    RELAY_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    EDGE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RELAY_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LINK_PORT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    pairing: bytes
    relay: bytes
    signing_key: bytes
    tunnel_key: bytes
    nonce: bytes
    endpoint: str
    edge_address: str
    relay_address: str
    link_port: int
    version: str
    def __init__(self, pairing: _Optional[bytes] = ..., relay: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ..., tunnel_key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., endpoint: _Optional[str] = ..., edge_address: _Optional[str] = ..., relay_address: _Optional[str] = ..., link_port: _Optional[int] = ..., version: _Optional[str] = ...) -> None: ...

class RevealRequest(_message.Message):
    __slots__ = ("pairing", "nonce")
    PAIRING_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    pairing: bytes
    nonce: bytes
    def __init__(self, pairing: _Optional[bytes] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class RevealReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConfirmRequest(_message.Message):
    __slots__ = ("pairing", "edge_statement", "relay_statement", "preshared_key")
    PAIRING_FIELD_NUMBER: _ClassVar[int]
    EDGE_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    RELAY_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    PRESHARED_KEY_FIELD_NUMBER: _ClassVar[int]
    pairing: bytes
    edge_statement: _trust_pb2.Signed
    relay_statement: _trust_pb2.Signed
    preshared_key: bytes
    def __init__(self, pairing: _Optional[bytes] = ..., edge_statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ..., relay_statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ..., preshared_key: _Optional[bytes] = ...) -> None: ...

class ConfirmReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SignedTunnelKey(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class TunnelKey(_message.Message):
    __slots__ = ("home", "subject", "number", "tunnel_key")
    HOME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_KEY_FIELD_NUMBER: _ClassVar[int]
    home: bytes
    subject: bytes
    number: int
    tunnel_key: bytes
    def __init__(self, home: _Optional[bytes] = ..., subject: _Optional[bytes] = ..., number: _Optional[int] = ..., tunnel_key: _Optional[bytes] = ...) -> None: ...

class RotateRequest(_message.Message):
    __slots__ = ("edge", "preshared_key")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    PRESHARED_KEY_FIELD_NUMBER: _ClassVar[int]
    edge: SignedTunnelKey
    preshared_key: bytes
    def __init__(self, edge: _Optional[_Union[SignedTunnelKey, _Mapping]] = ..., preshared_key: _Optional[bytes] = ...) -> None: ...

class RotateReply(_message.Message):
    __slots__ = ("relay",)
    RELAY_FIELD_NUMBER: _ClassVar[int]
    relay: SignedTunnelKey
    def __init__(self, relay: _Optional[_Union[SignedTunnelKey, _Mapping]] = ...) -> None: ...

class FromEdge(_message.Message):
    __slots__ = ("hello", "events", "telemetry", "done", "inventory", "statement", "offer")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    events: _events_pb2.EventBatch
    telemetry: _events_pb2.Telemetry
    done: _events_pb2.CommandDone
    inventory: Inventory
    statement: _trust_pb2.Signed
    offer: Offer
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., events: _Optional[_Union[_events_pb2.EventBatch, _Mapping]] = ..., telemetry: _Optional[_Union[_events_pb2.Telemetry, _Mapping]] = ..., done: _Optional[_Union[_events_pb2.CommandDone, _Mapping]] = ..., inventory: _Optional[_Union[Inventory, _Mapping]] = ..., statement: _Optional[_Union[_trust_pb2.Signed, _Mapping]] = ..., offer: _Optional[_Union[Offer, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("edge", "version", "outbox_first", "run", "before")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_FIRST_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    edge: bytes
    version: str
    outbox_first: int
    run: int
    before: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, edge: _Optional[bytes] = ..., version: _Optional[str] = ..., outbox_first: _Optional[int] = ..., run: _Optional[int] = ..., before: _Optional[_Iterable[int]] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("cameras", "version", "plugins", "other_plugins")
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PLUGINS_FIELD_NUMBER: _ClassVar[int]
    OTHER_PLUGINS_FIELD_NUMBER: _ClassVar[int]
    cameras: _containers.RepeatedCompositeFieldContainer[Camera]
    version: str
    plugins: _containers.RepeatedCompositeFieldContainer[_events_pb2.Plugin]
    other_plugins: int
    def __init__(self, cameras: _Optional[_Iterable[_Union[Camera, _Mapping]]] = ..., version: _Optional[str] = ..., plugins: _Optional[_Iterable[_Union[_events_pb2.Plugin, _Mapping]]] = ..., other_plugins: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("acknowledged", "heartbeat_s", "statements_sha256", "run", "copied")
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_S_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    COPIED_FIELD_NUMBER: _ClassVar[int]
    acknowledged: int
    heartbeat_s: int
    statements_sha256: bytes
    run: int
    copied: bool
    def __init__(self, acknowledged: _Optional[int] = ..., heartbeat_s: _Optional[int] = ..., statements_sha256: _Optional[bytes] = ..., run: _Optional[int] = ..., copied: _Optional[bool] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("time_ms", "retry_after_s", "full")
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    retry_after_s: int
    full: bool
    def __init__(self, time_ms: _Optional[int] = ..., retry_after_s: _Optional[int] = ..., full: _Optional[bool] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("segment", "camera", "time_s", "size", "sealed")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    segment: bytes
    camera: bytes
    time_s: int
    size: int
    sealed: bytes
    def __init__(self, segment: _Optional[bytes] = ..., camera: _Optional[bytes] = ..., time_s: _Optional[int] = ..., size: _Optional[int] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Fetch(_message.Message):
    __slots__ = ("ticket", "segment", "offset", "length")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    segment: bytes
    offset: int
    length: int
    def __init__(self, ticket: _Optional[int] = ..., segment: _Optional[bytes] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

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
