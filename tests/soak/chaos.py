"""Carries out a schedule on a running cluster."""

import contextlib
import errno
import os
import pathlib
import signal
import subprocess
import threading
import time

import harness


class SoakCluster(harness.Cluster):
    """A cluster that clients and workers reach through a proxy."""

    def __init__(self, folder, proxy, **options):
        super().__init__(folder, **options)
        self.proxy = proxy

    def start_server(self):
        super().start_server()
        self.proxy.target = self.address
        self.address = self.proxy.address


class SmallDisk:
    """The server's data folder on a disk of its own that can be full."""

    def __init__(self, folder, size_bytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.filler = self.folder / "filler"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "quantd-soak",
                               str(self.folder)], capture_output=True, text=True, check=False)
        self.reason = "" if done.returncode == 0 else f"no small disk: {done.stderr.strip()}"

    def fill(self):
        with open(self.filler, "ab") as file:
            for step in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), file.tell(), step)
                        file.seek(step, os.SEEK_CUR)
        try:
            (self.folder / "probe").write_bytes(b"x" * 4096)
            raise AssertionError("the disk is not full")
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
        (self.folder / "probe").unlink(missing_ok=True)

    def free(self):
        self.filler.unlink(missing_ok=True)

    def unmount(self):
        if not self.reason:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)


class Chaos(threading.Thread):
    """Kills and restarts by the schedule. `counts` tells what was done. `client` collects garbage."""

    # Longer than anybody takes between sending a blob and naming it, so that what clients and workers sent stays.
    GRACE_SECONDS = 60

    def __init__(self, cluster, disk, events, worker_names, client):
        super().__init__(daemon=True)
        self.client = client
        self.cluster, self.disk, self.events, self.names = cluster, disk, events, worker_names
        self.counts = {}
        self.error = None
        self.behind = 0.0

    def run(self):
        start = time.monotonic()
        try:
            for event in self.events:
                wait = start + event.at - time.monotonic()
                self.behind = max(self.behind, -wait)
                time.sleep(max(0, wait))
                getattr(self, f"_{event.kind}")(event)
        except Exception as error:  # Shown by the main thread.
            self.error = error

    def _count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def _server(self, event):
        self.cluster.server.kill()
        self._count("server killed")
        time.sleep(event.pause)
        self.cluster.start_server()

    def _worker(self, event):
        name = self.names[event.target]
        self.cluster.workers[name].kill()
        self._count("worker killed")
        time.sleep(event.pause)
        self.cluster.start_worker(name, "--threads", "1")

    def _child(self, event):
        """A job's process, of this worker if it has one, else of another one, else of the next that starts one."""
        order = self.names[event.target:] + self.names[:event.target]
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            for name in order:
                for child in harness.children_of(self.cluster.workers[name].pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                        self._count("job's process killed")
                        return
            time.sleep(0.005)
        self._worker(event)  # No job runs.

    def _cut(self, _):
        self.cluster.proxy.cut_all()
        self._count("all connections cut")

    def _collect(self, _):
        self.client.collect_garbage(self.GRACE_SECONDS)
        self._count("garbage collected")

    def _fill(self, event):
        if self.disk.reason:
            return
        self.disk.fill()
        self._count("disk filled")
        time.sleep(event.pause)
        # A server that comes up on a full disk may refuse to; it must be able to go on afterwards.
        self.cluster.server.kill()
        self._count("server killed")
        self.disk.free()
        self.cluster.start_server()
