"""Transfers go on where they stood, whoever was killed in the middle."""

import hashlib
import os
import urllib.request

import harness

MIB = 1 << 20


def blob_bytes_in(cluster):
    """What the server has received since it started."""
    with urllib.request.urlopen(f"http://127.0.0.1:{cluster.ports['metrics']}/metrics", timeout=10) as page:
        for line in page.read().decode().splitlines():
            if line.startswith('quantd_blob_bytes_total{direction="in"}'):
                return float(line.split()[-1])
    return 0


class Transfers(harness.ClusterTest):
    SIZE = 512 * MIB

    def big_file(self):
        """A file that does not shrink: one random mebibyte after the other, each changed a little."""
        path = os.path.join(self.folder, "big.bin")
        noise = bytearray(os.urandom(MIB))
        digest = hashlib.sha256()
        with open(path, "wb") as out:
            for i in range(self.SIZE // MIB):
                noise[:4] = i.to_bytes(4, "little")
                out.write(noise)
                digest.update(noise)
        return path, digest.hexdigest()

    def upload(self, cluster, path):
        return harness.Process(cluster.folder / "upload.log",
                               [harness.BIN / "quantctl", "--server", cluster.address, "upload", path])

    def wait_for_bytes(self, cluster, uploading):
        def some():
            assert uploading.alive(), cluster.logs()
            return blob_bytes_in(cluster) > 16 * MIB

        harness.eventually(some, "some of the file has arrived")

    def stored(self, cluster, digest):
        tenants = cluster.folder / "data/blobs/tenants"
        return [path.stat().st_size for path in tenants.glob(f"*/objects/{digest[:2]}/{digest}")]

    def test_killed_client(self):
        cluster = self.cluster()
        path, digest = self.big_file()
        uploading = self.upload(cluster, path)
        self.wait_for_bytes(cluster, uploading)
        uploading.kill()
        self.assertEqual(self.stored(cluster, digest), [])
        sent_before = blob_bytes_in(cluster)
        code, _, err = cluster.ctl("upload", path)
        self.assertEqual(code, 0, err)
        self.assertLess(blob_bytes_in(cluster) - sent_before, self.SIZE - 8 * MIB, "it began anew")
        self.assertEqual(self.stored(cluster, digest), [self.SIZE])

    def test_killed_server(self):
        cluster = self.cluster()
        path, digest = self.big_file()
        uploading = self.upload(cluster, path)
        self.wait_for_bytes(cluster, uploading)
        cluster.server.kill()
        cluster.start_server()
        self.assertEqual(uploading.process.wait(120), 0, cluster.logs())
        self.assertLess(blob_bytes_in(cluster), self.SIZE - 8 * MIB, "it began anew")
        self.assertEqual(self.stored(cluster, digest), [self.SIZE])
