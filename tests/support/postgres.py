"""A PostgreSQL of our own for tests: a fresh cluster on a free port, with the users that an operator would make."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

OWNER, USER, PASSWORD = "cloud_owner", "cloud_app", "for-tests"


def programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


def why_not() -> str:
    """Return why there can be no PostgreSQL here; empty: there can."""
    if programs() is None:
        return "PostgreSQL is not installed (apt: postgresql)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """The running cluster."""

    def __init__(self, *, durable: bool = False) -> None:
        # not in pytest's folder: that is for its owner only, and this is for the user postgres
        self.folder, self.port, self._durable = Path(tempfile.mkdtemp(prefix="guardian-pg-")), free_port(), durable
        self._as = {}
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            self._as = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
            os.chown(self.folder, who.pw_uid, who.pw_gid)

    def start(self) -> None:
        bin_dir, data = programs(), self.folder / "data"
        self._run(bin_dir / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]
        if not self._durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        argv = [str(bin_dir / "postgres"), "-D", str(data), *options]
        with (self.folder / "log").open("wb") as log:
            self._server = subprocess.Popen(argv, cwd=self.folder, stdout=log, stderr=log, **self._as)
        deadline = time.monotonic() + 60
        ready = [str(bin_dir / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, cwd=self.folder, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.1)
        self.sql(
            "postgres",
            f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'",
            f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'",
        )

    @property
    def pid(self) -> int:
        return self._server.pid

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)  # at once: nothing in it is to be kept
        self._server.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *argv) -> str:
        done = subprocess.run(
            [str(one) for one in argv], cwd=self.folder, capture_output=True, text=True, check=False, **self._as
        )
        if done.returncode:
            log = self.folder / "log"
            raise AssertionError(f"{argv[0]}: {done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")
        return done.stdout

    def sql(self, database: str, *statements: str) -> None:
        """Run statements as the cluster's superuser."""
        for statement in statements:
            self._run(
                programs() / "psql", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", database, "-qc", statement
            )

    def ask(self, database: str, query: str, user: str = "postgres") -> str:
        """Return what a query answers to a user, as psql writes it."""
        words = ("-h", "127.0.0.1", "-p", self.port, "-U", user, "-d", database, "-qAtc", query)
        return self._run(programs() / "psql", *words).strip()

    def new_database(self, template: str = "template1") -> str:
        name = f"cloud_{uuid.uuid4().hex[:12]}"
        self.sql("postgres", f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        return name

    def url(self, database: str, user: str = USER) -> str:
        return f"postgresql+asyncpg://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}"
