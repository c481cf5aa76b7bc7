"""An RTSP server for `guardian bench record`: serves one H.264 elementary stream, looped for ever in real time, on several paths.

Runs under the system's Python, which has GStreamer's bindings, and imports nothing of Guardian.
Usage: python3 bench_rtsp.py FILE.h264 FPS CAMERAS; prints `READY PORT`.
"""

import re
import sys
import threading
import time
from pathlib import Path

ACCESS_UNIT_DELIMITER = re.compile(rb"\x00\x00(?:\x00)?\x01\x09")


def access_units(data: bytes) -> list[bytes]:
    """Split an elementary stream at its access unit delimiters."""
    starts = [match.start() for match in ACCESS_UNIT_DELIMITER.finditer(data)]
    return [data[begin:end] for begin, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def serve(units: list[bytes], fps: int, cameras: int) -> None:
    """Serve /cam0 … until the process is ended."""
    import gi  # type: ignore[import-not-found]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]

    Gst.init(None)
    frame_ns = Gst.SECOND // fps

    def feed(source: "Gst.Element", stop: threading.Event) -> None:
        began, n = time.monotonic(), 0
        while not stop.is_set():
            buffer = Gst.Buffer.new_wrapped(units[n % len(units)])
            buffer.pts = buffer.dts = n * frame_ns
            buffer.duration = frame_ns
            if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return
            n += 1
            time.sleep(max(0.0, began + n * frame_ns / 1e9 - time.monotonic()))

    def configure(_factory: object, media: "GstRtspServer.RTSPMedia") -> None:
        stop = threading.Event()
        media.connect("unprepared", lambda *_: stop.set())
        threading.Thread(target=feed, args=(media.get_element().get_by_name("video"), stop), daemon=True).start()

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    caps = f"video/x-h264,stream-format=byte-stream,alignment=au,framerate={fps}/1"
    for camera in range(cameras):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_shared(True)
        factory.set_launch(
            f"( appsrc name=video is-live=true format=time caps={caps} ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )
        factory.connect("media-configure", configure)
        server.get_mount_points().add_factory(f"/cam{camera}", factory)
    server.attach(None)
    sys.stdout.write(f"READY {server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(access_units(Path(sys.argv[1]).read_bytes()), int(sys.argv[2]), int(sys.argv[3]))
