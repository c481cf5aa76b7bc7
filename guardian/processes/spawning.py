"""Starts child processes from a forkserver that has already imported the heavy libraries, which its children then share.

The conductor names a child's entry as text, so that it never imports what the child does.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import socket
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from guardian.platform.runtime_dir import RuntimeDir
from guardian.processes.jobs import TranscodeJob

PRELOAD = ["guardian.processes.preload"]


def _context() -> ForkServerContext:
    # OpenBLAS would start threads at import, and threads do not survive a fork.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def begin() -> RuntimeDir:
    """Make the folder of this process's sockets, and start the forkserver.

    To be called as early as can be: it imports its libraries while the caller imports its own, which takes each half a second.
    """
    runtime = RuntimeDir()
    _keep_socket_in(runtime.path)
    _context()
    forkserver.ensure_running()
    return runtime


def _keep_socket_in(folder: Path) -> None:
    """Put the forkserver's socket into a folder whose name is short enough, and which is removed at the end.

    To be called before the forkserver starts. multiprocessing would make a folder of its own below the temporary one, and
    has no public way to say otherwise; `tempdir` is where its get_temp_dir() looks first, from Python 3.3 on.
    """
    multiprocessing.current_process()._config["tempdir"] = str(folder)  # type: ignore[attr-defined]


def start_process(entry: str, job: object, name: str) -> ForkServerProcess:
    """Start `module:function` with one picklable job in a process of its own."""
    process = _context().Process(target=_enter, args=(entry, job), name=name, daemon=True)
    process.start()
    return process


def start_transcoder(sock: socket.socket) -> ForkServerProcess:
    """Start the transcoder with its end of a socket pair."""
    return start_process("guardian.processes.transcode:main", TranscodeJob(sock), "transcode")


def _enter(entry: str, job: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the conductor decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    module, _, function = entry.partition(":")
    getattr(importlib.import_module(module), function)(job)
