"""Starts real quantd, quantd-worker and quantctl processes for the end-to-end tests.

Everything listens on ports that the system chose and lives in a temporary folder. Waiting is always for a condition,
with a limit.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["QUANTD_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["QUANTD_BIN_DIR"])
MODELS = SOURCE / "tests/data/models"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
FASHION_IMAGES = FASHION / "t10k-images-idx3-ubyte.gz"
FASHION_LABELS = FASHION / "t10k-labels-idx1-ubyte.gz"
# (x / 255 - 0.2860) / 0.3530, as the ViT was trained.
FASHION_FLAGS = ["--data", FASHION_IMAGES, FASHION_LABELS, "--labels", FASHION_LABELS.name,
                 "--bind", f"image={FASHION_IMAGES.name}", "--scale", "1/255", "--mean", "0.2860", "--std", "0.3530"]


def eventually(condition, what, seconds=60):
    """Asks until `condition` answers something true; returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


class Process:
    """A child process whose output goes to a file, shown when a test fails."""

    def __init__(self, log, arguments):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen([str(a) for a in arguments], stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def kill(self, sig=signal.SIGKILL):
        if self.alive():
            self.process.send_signal(sig)
        return self.process.wait(60)


class Cluster:
    """One server and its workers on one data folder, restartable."""

    def __init__(self, folder, embedded_workers=0, server_flags=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.embedded_workers = embedded_workers
        self.server_flags = list(server_flags)
        self.port_file = self.folder / "ports.json"
        self.listen = "127.0.0.1:0"
        self.server = None
        self.workers = {}

    def start_server(self):
        self.port_file.unlink(missing_ok=True)
        flags = ["--listen", self.listen, "--metrics-listen", "127.0.0.1:0", "--data-dir", self.folder / "data",
                 "--port-file", self.port_file, "--lease-length", "3s", *self.server_flags]
        if self.embedded_workers:
            flags += ["--embedded", "--workers", str(self.embedded_workers)]
        self.server = Process(self.folder / "server.log", [BIN / "quantd", *flags])

        def ports():
            assert self.server.alive(), f"the server ended:\n{self.logs()}"
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(self.port_file.read_text())
            return None

        self.ports = eventually(ports, "the server tells its ports", 30)
        self.address = f"127.0.0.1:{self.ports['grpc']}"
        # A restarted server must be found at the same place.
        self.listen = self.address

    def start_worker(self, name="w1", *flags):
        self.workers[name] = Process(self.folder / f"worker-{name}.log",
                                     [BIN / "quantd-worker", "--server", self.address, "--worker-name", name,
                                      "--data-dir", self.folder / name, *flags])

    def stop(self):
        for worker in self.workers.values():
            worker.kill()
        if self.server:
            self.server.kill()

    def logs(self):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-6000:]}"
                         for p in sorted(self.folder.glob("*.log")))

    def ctl(self, *arguments, timeout=600):
        """Runs quantctl; returns (exit code, standard output, standard error)."""
        done = subprocess.run([str(BIN / "quantctl"), "--server", self.address, *map(str, arguments)],
                              capture_output=True, text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr

    def ctl_json(self, *arguments):
        code, out, err = self.ctl("--output", "json", *arguments)
        assert out.strip(), f"quantctl {arguments}: code {code}\n{err}\n{self.logs()}"
        return json.loads(out)

    def submit(self, *flags):
        """Submits without waiting; returns the job's name."""
        code, out, err = self.ctl("--output", "json", "submit", *flags)
        assert code == 0, f"submit: code {code}\n{out}\n{err}\n{self.logs()}"
        return json.loads(out)["name"]

    def job(self, name):
        return self.ctl_json("get", name)

    def wait(self, name, state="SUCCEEDED", seconds=300):
        def finished():
            job = self.job(name)
            if job["state"] in ("SUCCEEDED", "FAILED", "CANCELLED", "DEAD_LETTERED"):
                return job
            return None

        job = eventually(finished, f"{name} is finished", seconds)
        assert job["state"] == state, f"{json.dumps(job, indent=1)[:4000]}\n{self.logs()}"
        return job

    def wait_for_stage(self, name, stages):
        """Until the running job is in one of the stages."""
        return eventually(lambda: (lambda j: j if j.get("progress", {}).get("stage") in stages else None)(self.job(name)),
                          f"{name} reaches {stages}", 120)

    def artifact_files(self, job):
        """File name -> digest of a finished job's artifact, by downloading it."""
        folder = tempfile.mkdtemp(dir=self.folder)
        code, out, err = self.ctl("download", job["name"], "--to", folder)
        assert code == 0, f"download: {out}\n{err}"
        return {p.relative_to(folder).as_posix(): p for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def children_of(pid):
    """Process ids whose parent is `pid`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


class ClusterTest(unittest.TestCase):
    """Gives each test a folder, and its logs when it fails."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="quantd_e2e_")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def cluster(self, name="cluster", **options):
        cluster = Cluster(pathlib.Path(self.folder) / name, **options)
        self.addCleanup(cluster.stop)
        cluster.start_server()
        return cluster
