"""A real RTSP server (GStreamer's) that serves MP4 files once through, each connection from the beginning.

Runs under the system's Python, which has GStreamer's bindings. Usage:
    /usr/bin/python3 rtsp_server.py PORT [--digest USER PASSWORD | --basic USER PASSWORD] PATH=FILE[,CODEC[,AUDIO]] ...
CODEC: h264 or h265; AUDIO: aac, opus, pcmu, pcma. Prints `READY PORT`.
"""

import argparse
import sys

AUDIO = {
    "aac": "aacparse ! rtpmp4gpay",
    "opus": "opusparse ! rtpopuspay",
    "pcmu": "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay",
    "pcma": "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay",
}


def launch(file: str, codec: str, audio: str) -> str:
    """Return the pipeline of one path."""
    video = f"{codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96"
    if not audio:
        return f"( filesrc location={file} ! qtdemux ! {video} )"
    if audio in ("pcmu", "pcma"):
        sound = f"audiotestsrc is-live=true wave=sine volume=0.1 ! {AUDIO[audio]} name=pay1"
        return f"( filesrc location={file} ! qtdemux ! {video} {sound} )"
    return f"( filesrc location={file} ! qtdemux name=d d.video_0 ! queue ! {video} d.audio_0 ! queue ! {AUDIO[audio]} name=pay1 pt=97 )"


def main() -> None:
    """Serve until ended."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    gi.require_version("GstRtsp", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--digest", nargs=2)
    parser.add_argument("--basic", nargs=2)
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    login = arguments.digest or arguments.basic
    if login:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        if arguments.digest:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(*login, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*login), token)
        server.set_auth(auth)
    for entry in arguments.paths:
        path, _, rest = entry.partition("=")
        file, codec, audio, *_ = [*rest.split(","), "", ""]
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch(file, codec or "h264", audio))
        factory.set_shared(False)
        if login:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory("/" + path, factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    GLib.timeout_add_seconds(2, lambda: (server.get_session_pool().cleanup(), True)[1])
    sys.stdout.write(f"READY {server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
