"""A service under load: is every answer kept, even when the process is killed, and does its memory stay flat?

`python -m tests.benchmarks.serving RUN [--requests 5000] [--clients 32]`: RUN is a finished run; it is copied first. Prints how
many requests were answered and how many of them are in the file, the growth of memory after the first fifth, and the ratio of
requests a second with many clients to those with one, which is what answering together brings.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WORDS = (
    "who",
    "what",
    "where",
    "how",
    "many",
    "far",
    "does",
    "the",
    "a",
    "is",
    "of",
    "city",
    "river",
    "king",
    "year",
    "it",
)


class Process:
    """`advisor serve` as a person starts it."""

    def __init__(self, run: Path, *options: str) -> None:
        command = [sys.executable, "-m", "advisor", "serve", str(run), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found[1])
                return
        raise SystemExit("The service did not start.")

    def memory_bytes(self) -> float:
        """What `/metrics` says of it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return float(re.findall(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)[0])

    def end(self, how: signal.Signals) -> None:
        """Stop it."""
        self.process.send_signal(how)
        self.process.communicate()


class Client:
    """Asks over one connection; remembers the ids that it was given."""

    def __init__(self, port: int, seed: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.draw = random.Random(seed)
        self.given: list[str] = []
        self.refused = 0

    def ask(self) -> None:
        """One text of a few words, and every tenth time a mark of the answer."""
        text = " ".join(self.draw.choices(WORDS, k=self.draw.randint(3, 25))) + f" {self.draw.random()}"
        found = self._post("/predict", {"rows": [{"text": text}]})
        if found is None:
            self.refused += 1
            return
        self.given.append(found["answers"][0]["id"])
        if len(self.given) % 10 == 0:
            self._post("/mark", {"id": self.given[-1], "right": True})

    def _post(self, path: str, body: object) -> dict[str, list[dict[str, str]]] | None:
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        document = json.loads(reply.read())
        return document if reply.status == 200 else None


def load(
    process: Process, requests: int, clients: int, memory: list[float] | None = None
) -> tuple[list[Client], float]:
    """So many requests from so many clients at once; their clients and the seconds that it took."""
    asking = [Client(process.port, seed) for seed in range(clients)]
    begun = time.perf_counter()
    left, lock = [requests], threading.Lock()

    def work(client: Client) -> None:
        while True:
            with lock:
                if not left[0]:
                    return
                left[0] -= 1
                count = requests - left[0]
            if memory is not None and count % max(requests // 20, 1) == 0:
                memory.append(process.memory_bytes())
            try:
                client.ask()
            except (OSError, http.client.HTTPException, ValueError):
                return  # it was killed

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, asking))
    return asking, time.perf_counter() - begun


def kept(run: Path) -> tuple[set[str], int]:
    """Ids and number of marks in the file."""
    with sqlite3.connect(run / "served.sqlite") as base:
        ids = {row[0] for row in base.execute("SELECT id FROM requests")}
        return ids, int(base.execute("SELECT COUNT(*) FROM marks").fetchone()[0])


def main() -> None:
    """Serve, load, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--cheap", action="store_true")
    wish = parser.parse_args()
    options = ["--cheap"] if wish.cheap else []
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        shutil.copytree(wish.run, run, ignore=shutil.ignore_patterns("cache", "served.sqlite*"))
        process = Process(run, *options)
        alone, alone_seconds = load(process, wish.requests // 20, 1)
        memory: list[float] = []
        many, seconds = load(process, wish.requests, wish.clients, memory)
        process.end(signal.SIGINT)
        ids, marks = kept(run)
        given = [id_ for client in [*alone, *many] for id_ in client.given]
        print(
            f"answered {len(given):,}, refused {sum(each.refused for each in many):,}; lost {len(set(given) - ids)}, marks {marks}"
        )
        speed = (len(given) - wish.requests // 20) / seconds / (wish.requests // 20 / alone_seconds)
        print(f"{wish.clients} clients get {speed:.1f} times the answers a second of one")
        shown = ", ".join(f"{each / 1e6:.0f}" for each in memory)
        print(f"memory on the way, in MB: {shown}")
        process = Process(run, *options)
        timer = threading.Timer(seconds / 4, process.process.kill)
        timer.start()
        killed, _ = load(process, wish.requests, wish.clients)
        process.process.communicate()
        given = [id_ for client in killed for id_ in client.given]
        print(f"killed after {len(given):,} answers; lost {len(set(given) - kept(run)[0])}")


if __name__ == "__main__":
    main()
