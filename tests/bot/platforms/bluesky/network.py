"""The real Bluesky servers (PLC directory, PDS, AppView) on loopback, for end-to-end tests.

They need Node 20, `@atproto/dev-env` (`make peers`, or the folder that VERITAG_PEERS names), PostgreSQL 15
and Redis. Everything listens on loopback, keeps its data in the test's folder, and ends with the test.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
START_SECONDS = 60.0
SCRIPT = """
import { TestNetwork, mockMailer } from '@atproto/dev-env'
const [plc, pds, bsky, ozone, introspect] = process.env.PORTS.split(',').map(Number)
const network = await TestNetwork.create({
  pds: { port: pds, hostname: 'localhost', enableDidDocWithSession: true },
  bsky: { dbPostgresSchema: 'bsky', port: bsky, publicUrl: `http://localhost:${bsky}` },
  plc: { port: plc }, ozone: { port: ozone }, introspect: { port: introspect },
})
mockMailer(network.pds)
console.log(JSON.stringify({ pds: network.pds.url, plc: network.plc.url }))
process.on('SIGTERM', async () => { await network.close(); process.exit(0) })
"""


@dataclass(frozen=True)
class Network:
    """Where the servers are."""

    pds: str
    plc: str

    @property
    def port(self) -> int:
        return int(self.pds.rpartition(":")[2])


def peers() -> Path:
    """The folder of npm packages, or a skip that says what is missing."""
    named = os.environ.get("VERITAG_PEERS")
    start = Path(named) if named else ROOT / ".peers"
    for folder in (start, start / "bsky"):
        if (folder / "node_modules" / "@atproto" / "dev-env").is_dir():
            return folder / "node_modules"
    pytest.skip("there is no @atproto/dev-env; run `make peers`, or name its folder in VERITAG_PEERS")


def program(name: str, *folders: str) -> str:
    """A program's path, or a skip that names it."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"the program {name} is not installed")
    return found


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


@contextmanager
def real_network(folder: Path) -> Iterator[Network]:
    """Start everything; skips with the reason where something is missing."""
    modules, node = peers(), program("node")
    redis = program("redis-server", "/usr/sbin")
    newest = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    pg_ctl, initdb = program("pg_ctl", *newest), program("initdb", *newest)
    postgres_port, redis_port, *ports = free_ports(7)
    with ExitStack() as stack:
        stack.enter_context(_postgres(initdb, pg_ctl, postgres_port))
        stack.enter_context(
            _process(
                [redis, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
            )
        )
        script = folder / "network.mjs"
        script.write_text(SCRIPT)
        (folder / "node_modules").symlink_to(modules)
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_ENV": "development",
            "DB_POSTGRES_URL": f"postgresql://pg@127.0.0.1:{postgres_port}/postgres",
            "REDIS_HOST": f"127.0.0.1:{redis_port}",
            "PORTS": ",".join(map(str, ports)),
        }
        log = folder / "network.log"
        stack.enter_context(_process([node, str(script)], log=log, env=environment))
        yield _started(log)


def _started(log: Path) -> Network:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.startswith('{"pds"'):
                told = json.loads(line)
                return Network(told["pds"], told["plc"])
        time.sleep(0.1)
    raise AssertionError(f"the network did not start:\n{log.read_text()[-2000:]}")


@contextmanager
def _postgres(initdb: str, pg_ctl: str, port: int) -> Iterator[None]:
    # Not in pytest's folder: that is closed to others, and PostgreSQL may have to be another user.
    with tempfile.TemporaryDirectory(prefix="veritag-pg-", ignore_cleanup_errors=True) as name:
        as_user = _as_postgres(Path(name))
        folder = f"{name}/data"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "timeout": 60, "cwd": "/"}
        subprocess.run([*as_user, initdb, "-D", folder, "-U", "pg", "-A", "trust"], **quiet)
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={name} -c fsync=off "
            "-c max_connections=300"
        )
        control = [*as_user, pg_ctl, "-D", folder]
        subprocess.run([*control, "-l", f"{name}/log", "-o", options, "-w", "start"], **quiet)
        try:
            yield
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def _as_postgres(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then its own user does it."""
    if os.getuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [program("runuser", "/usr/sbin"), "-u", "postgres", "--"]


@contextmanager
def _process(
    command: list[str], *, log: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[None]:
    with (log or Path(os.devnull)).open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
