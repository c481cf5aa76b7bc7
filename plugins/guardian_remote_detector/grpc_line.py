"""Speaks gRPC to `guardian infer serve`; the channel connects again by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from guardian.protocol.v1 import inference_pb2 as pb
from guardian.sdk import BadSetting, ServiceUnavailable
from guardian_remote_detector.config import RemoteDetectorConfig
from guardian_remote_detector.detector import RemoteModel

FIELD = "plugins.settings.remote_detector"
SERVICE = "/guardian.inference.v1.Inference/"
MOST_ANSWER = 4 << 20


class GrpcLine:
    """Implements Line."""

    def __init__(self, config: RemoteDetectorConfig) -> None:
        host, port = config.address
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        options = [("grpc.max_receive_message_length", MOST_ANSWER), ("grpc.enable_http_proxy", 0)]
        if config.scheme == "grpcs":
            try:
                root = Path(config.ca_file).read_bytes() if config.ca_file else None
            except OSError as error:
                raise BadSetting(
                    f"ca_file cannot be used: {error}", field=f"{FIELD}.ca_file", cure="Give a PEM file."
                ) from error
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(root), options)
        else:
            self._channel = grpc.insecure_channel(target, options)
        self._wait_s, self._metadata = config.deadline_s, (("authorization", f"Bearer {config.token}"),)
        self._describe = self._method("Describe", pb.DescribeRequest, pb.Model)
        self._detect = self._method("Detect", pb.DetectRequest, pb.DetectReply)

    def _method(self, name: str, request: Any, reply: Any) -> Any:
        return self._channel.unary_unary(
            SERVICE + name, request_serializer=request.SerializeToString, response_deserializer=reply.FromString
        )

    def describe(self) -> RemoteModel:
        """Ask what runs."""
        m = self._call(self._describe, pb.DescribeRequest())
        keys = ("name", "backend", "device", "width", "height", "colour", "pad", "threshold", "revision")
        return RemoteModel(labels=tuple(m.labels), **{key: getattr(m, key) for key in keys})

    def detect(self, revision: str, count: int, pictures: bytes) -> list[list[list[float]]]:
        """Ask what is in some pictures."""
        reply = self._call(self._detect, pb.DetectRequest(revision=revision, count=count, pictures=pictures))
        return [[[d.label, d.score, d.x1, d.y1, d.x2, d.y2] for d in one.detections] for one in reply.pictures]

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._wait_s, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code()
            if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise BlockingIOError("the remote detector has too much to do") from error
            if code == grpc.StatusCode.UNAUTHENTICATED:
                raise BadSetting(
                    "the remote detector does not know the token",
                    field=f"{FIELD}.token",
                    cure="Give one of its --token-file.",
                ) from error
            raise ServiceUnavailable(
                f"the remote detector is away: {code.name.lower().replace('_', ' ')}",
                cure="See whether `guardian infer serve` runs there.",
            ) from error

    def close(self) -> None:
        """Hang up."""
        self._channel.close()
