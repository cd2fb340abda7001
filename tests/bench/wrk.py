"""The load: wrk, replaying requests rendered beforehand, so that it never is the bottleneck."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
REMEDY = "The benchmarks need wrk: apt-get install wrk   (or: brew install wrk)"

# wrk calls request() once to count pipelined requests, and does not send that one.
_SCRIPT = """\
local requests, count, position, counted = {}, 0, 0, false

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local size = file:read("*l")
    if not size then break end
    count = count + 1
    requests[count] = file:read(tonumber(size))
  end
  file:close()
end

function request()
  if not counted then
    counted = true
    return requests[1]
  end
  position = position % count + 1
  return requests[position]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "status": %d, "socket": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """One run. `p50`, `p99` in ms; `refused`: answers of 400 and above; `broken`: sockets."""

    requests: int
    per_second: float
    p50: float
    p99: float
    refused: int
    broken: int

    @property
    def errors(self) -> int:
        return self.refused + self.broken


def render(method: str, path: str, headers: Mapping[str, str], body: Any = None) -> bytes:
    """A raw HTTP/1.1 request. `body`: JSON text or bytes, or something to write as JSON."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    if body is None:
        payload = b""
    else:
        text = body if isinstance(body, str | bytes) else json.dumps(body, ensure_ascii=False)
        payload = text.encode() if isinstance(text, str) else text
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def ensure() -> None:
    """Have wrk, installing it where that is possible without asking; else say how."""
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing    wrk")
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=False, capture_output=True)
    if not shutil.which("wrk"):
        raise SystemExit(REMEDY)


def run(
    port: int, requests: Sequence[bytes], seconds: int, *, connections: int = CONNECTIONS
) -> Load:
    """Replay `requests`, in order and from the start again."""
    with tempfile.TemporaryDirectory(prefix="claimdesk-bench-") as folder:
        script, data = Path(folder, "replay.lua"), Path(folder, "requests")
        script.write_text(_SCRIPT)
        with data.open("wb") as file:
            file.writelines(b"%d\n%b" % (len(request), request) for request in requests)
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "5s",
            "-s",
            str(script),
        ]
        output = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/", "--", str(data)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    result = json.loads(output.strip().rsplit("\n", 1)[-1])
    return Load(
        requests=result["requests"],
        per_second=result["requests"] / (result["microseconds"] / 1e6),
        p50=result["p50"] / 1000,
        p99=result["p99"] / 1000,
        refused=result["status"],
        broken=result["socket"],
    )
