"""The main job: a real model, real data, a real server and worker, and ONNX Runtime as the judge."""

import json
import pathlib
import subprocess
import unittest

import harness

VIT = harness.MODELS / "vit_fmnist.onnx"


class MainJob(harness.ClusterTest):
    def test_the_vit_is_quantized_reported_and_accepted_by_onnx_runtime(self):
        cluster = self.cluster(embedded_workers=1)
        code, out, err = cluster.ctl("submit", "--model", VIT, *harness.FASHION_FLAGS, "--preset", "w8a8-mse",
                                     "--calibration-rows", "128", "--evaluation-rows", "1000", "--wait",
                                     "--gate", "top1_agreement.lower >= 0.95", "--name", "vit")
        self.assertEqual(code, 0, f"{out}\n{err}\n{cluster.logs()}")
        (listed,) = cluster.ctl_json("list")["jobs"]
        job = cluster.job(listed["name"])
        self.assertEqual(job["gate_results"][0]["outcome"], "PASSED")
        report = job["result"]["report"]
        metrics = {m["id"]: m for m in report["metrics"]}
        for metric in ("top1_agreement", "accuracy_reference", "accuracy_quantized", "accuracy_difference", "kl"):
            self.assertEqual(metrics[metric]["status"], "METRIC_OK")
            self.assertTrue(metrics[metric]["intervals"], metric)
        # 8,865 of the 10,000 images are right in full precision: 1,000 of them deviate by at most a few points.
        self.assertAlmostEqual(metrics["accuracy_reference"]["value"], 0.8865, delta=0.04)
        self.assertLessEqual(report["sizes"]["ratio"], 0.36)
        self.assertEqual(report["data_use"]["evaluation_rows"], "1000")

        files = cluster.artifact_files(job)
        self.assertEqual(set(files), {"vit_fmnist.onnx_qdq.onnx", "report.html", "report.json", "rows.csv"})
        done = subprocess.run(["node", harness.SOURCE / "tests/node/check_artifact.js", files["vit_fmnist.onnx_qdq.onnx"],
                               files["rows.csv"], harness.FASHION_IMAGES, "0.2860", "0.3530"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = json.loads(done.stdout)
        self.check_page(files["report.html"], report, metrics)
        self.assertEqual(checked["rows"], 1000)
        self.assertGreaterEqual(checked["disabled"]["agreement_with_quantd"], 0.995)
        self.assertAlmostEqual(checked["disabled"]["accuracy"], metrics["accuracy_quantized"]["value"], delta=0.005)

    def check_page(self, page, report, metrics):
        """The page as a real browser builds it: figures of the report, every layer, nothing loaded from elsewhere."""
        dom = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                              "--disable-component-update", "--no-first-run", f"--user-data-dir={self.folder}/chromium",
                              "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True, timeout=120).stdout
        # assertTrue, because the page is too long to be printed.
        self.assertTrue(f"{100 * metrics['top1_agreement']['value']:.2f} %" in dom, "the agreement is not on the page")
        self.assertGreater(len(report["layers"]), 10)
        for layer in report["layers"]:
            self.assertTrue(layer["node"] in dom, f"{layer['node']} is not on the page")
        self.assertEqual(dom.count('class="bin'), page.read_text().count('class="bin'))
        self.assertFalse("://" in dom.replace("http://www.w3.org/", ""), "the page loads something")

    def test_identical_submissions_run_once(self):
        cluster = self.cluster()
        flags = ["--model", harness.MODELS / "vit_fmnist.onnx", *harness.FASHION_FLAGS, "--preset", "w8a8-minmax",
                 "--calibration-rows", "32", "--evaluation-rows", "64"]
        first = cluster.submit(*flags)
        second = cluster.submit(*flags)
        cluster.start_worker("w1")
        cluster.start_worker("w2")
        jobs = [cluster.wait(first), cluster.wait(second)]
        third = cluster.wait(cluster.submit(*flags))
        self.assertEqual(len({j["result"]["artifact"] for j in [*jobs, third]}), 1)
        self.assertEqual(sum(len(j.get("attempts", [])) for j in [*jobs, third]), 1)
        self.assertEqual(third["result"]["cached_from"], first)

    def test_threads_and_workers_change_no_bit(self):
        images = self.random_images()
        contents = []
        # A server of its own for each: one server would answer the second job from its cache.
        for threads, workers in ((1, 1), (2, 1), (1, 2)):
            cluster = self.cluster(f"threads{threads}workers{workers}")
            for worker in range(workers):
                cluster.start_worker(f"w{worker}")
            name = cluster.submit("--model", harness.MODELS / "resnet8_cifar10.onnx", "--data", images, "--preset",
                                  "w8a8-entropy", "--calibration-rows", "32", "--evaluation-rows", "64", "--threads",
                                  str(threads))
            job = cluster.wait(name)
            self.assertEqual(job["result"]["cached_from"], "")
            contents.append({n: p.read_bytes() for n, p in cluster.artifact_files(job).items()})
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])

    def random_images(self):
        import numpy  # Only this test needs it.

        path = pathlib.Path(self.folder) / "images.npy"
        numpy.save(path, numpy.random.default_rng(7).integers(0, 256, (96, 3, 32, 32)).astype(numpy.float32))
        return path


if __name__ == "__main__":
    unittest.main()
