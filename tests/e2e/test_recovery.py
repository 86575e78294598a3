"""Whatever is killed in the middle of a job, the job ends SUCCEEDED with the artifact it would have had anyway."""

import hashlib
import os
import signal
import unittest

import harness

FLAGS = ["--model", harness.MODELS / "vit_fmnist.onnx", *harness.FASHION_FLAGS, "--preset", "w8a8-mse",
         "--calibration-rows", "64", "--evaluation-rows", "600"]


def digests(cluster, job):
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in cluster.artifact_files(job).items()}


class Recovery(harness.ClusterTest):
    @classmethod
    def setUpClass(cls):
        # What an undisturbed run makes; computed once, on one thread.
        case = cls("undisturbed")
        case.setUp()
        try:
            cluster = case.cluster()
            cluster.start_worker("w1", "--threads", "1")
            name = cluster.submit(*FLAGS)
            cls.expected = digests(cluster, cluster.wait(name))
        finally:
            case.doCleanups()

    def undisturbed(self):
        """Only lends its set-up to setUpClass."""

    def expect_undisturbed_result(self, cluster, name):
        job = cluster.wait(name)
        self.assertEqual(digests(cluster, job), self.expected)
        return job

    def test_killed_worker(self):
        cluster = self.cluster()
        cluster.start_worker("w1", "--threads", "2")
        name = cluster.submit(*FLAGS)
        cluster.wait_for_stage(name, ("quantize", "evaluate"))
        cluster.workers["w1"].kill()
        cluster.start_worker("w1", "--threads", "2")
        job = self.expect_undisturbed_result(cluster, name)
        self.assertEqual([a["outcome"] for a in job["attempts"]], ["LEASE_EXPIRED", "SUCCEEDED"])

    def test_killed_child(self):
        cluster = self.cluster()
        cluster.start_worker("w1")
        name = cluster.submit(*FLAGS)
        cluster.wait_for_stage(name, ("quantize", "evaluate"))
        worker = cluster.workers["w1"]
        (child,) = harness.children_of(worker.pid)
        os.kill(child, signal.SIGKILL)
        job = self.expect_undisturbed_result(cluster, name)
        self.assertTrue(worker.alive(), "the worker lives on")
        self.assertEqual([a["outcome"] for a in job["attempts"]], ["FAILED", "SUCCEEDED"])
        self.assertIn("SIGKILL", job["attempts"][0]["error"]["message"])

    def test_killed_server(self):
        cluster = self.cluster()
        cluster.start_worker("w1")
        name = cluster.submit(*FLAGS)
        cluster.wait_for_stage(name, ("quantize", "evaluate"))
        cluster.server.kill()
        cluster.start_server()
        self.expect_undisturbed_result(cluster, name)

    def test_killed_embedded_server_takes_its_workers_along(self):
        cluster = self.cluster(embedded_workers=1)
        name = cluster.submit(*FLAGS)
        cluster.wait_for_stage(name, ("quantize", "evaluate"))
        workers = harness.children_of(cluster.server.pid)
        self.assertEqual(len(workers), 1)
        cluster.server.kill()
        harness.eventually(lambda: not os.path.exists(f"/proc/{workers[0]}"), "the worker is gone")
        cluster.start_server()
        self.expect_undisturbed_result(cluster, name)

    def test_drained_server_hands_the_job_back(self):
        cluster = self.cluster(embedded_workers=1)
        name = cluster.submit(*FLAGS)
        cluster.wait_for_stage(name, ("quantize", "evaluate"))
        self.assertEqual(cluster.server.kill(signal.SIGTERM), 0)
        self.assertFalse(cluster.port_file.exists(), "nobody reads the ports of a server that has ended")
        cluster.start_server()
        job = self.expect_undisturbed_result(cluster, name)
        self.assertEqual([a["outcome"] for a in job["attempts"]], ["HANDED_BACK", "SUCCEEDED"])


if __name__ == "__main__":
    unittest.main()
