"""Bad input: answered before the job runs where it can be, with a stable reason and the field or node at fault; nothing
crashes, and the next job runs."""

import json
import pathlib

import harness
import numpy
import onnx_bytes

RESNET = harness.MODELS / "resnet8_cifar10.onnx"


class BadInput(harness.ClusterTest):
    """One server and one worker for all cases, which must outlive them."""

    def setUp(self):
        super().setUp()
        self.files = pathlib.Path(self.folder) / "files"
        self.files.mkdir()
        rng = numpy.random.default_rng(11)
        self.images = self.save("images.npy", rng.integers(0, 256, (48, 3, 32, 32)).astype(numpy.float32))
        self.running = self.cluster()
        self.running.start_worker("w1")
        harness.eventually(lambda: self.running.ctl_json("presets").get("presets"), "the worker has announced itself")

    def save(self, name, array):
        path = self.files / name
        numpy.save(path, array)
        return path

    def write(self, name, content):
        path = self.files / name
        path.write_bytes(content)
        return path

    def submit(self, *flags, model=RESNET, data=None, preset="w8a8-minmax"):
        return self.running.ctl("--output", "json", "submit", "--model", model, "--data", data or self.images,
                                "--preset", preset, "--calibration-rows", "8", *flags)

    def refused(self, reason, field, *flags, **options):
        """The request itself is refused: exit code 2, and the error names reason and field."""
        code, out, err = self.submit(*flags, **options)
        self.assertEqual(code, 2, f"{out}\n{err}")
        error = json.loads(err.splitlines()[-1])
        self.assertEqual(error["code"], "INVALID_ARGUMENT")
        self.assertEqual(error["reason"], reason, error)
        self.assertIn(field, [v["field"] for v in error["violations"]], error)
        return error

    def fails(self, code_name, reason, *flags, **options):
        """The job runs and fails at once, without another attempt; returns its ErrorInfo and the fields."""
        code, out, err = self.submit("--wait", *flags, **options)
        self.assertEqual(code, 2, f"{out}\n{err}\n{self.running.logs()}")
        job = json.loads(out)
        self.assertEqual(job["state"], "FAILED")
        self.assertEqual(len(job["attempts"]), 1, job["attempts"])
        codes = {"INVALID_ARGUMENT": 3, "FAILED_PRECONDITION": 9, "UNIMPLEMENTED": 12}
        self.assertEqual(job["error"]["code"], codes[code_name], job["error"])
        details = {d["@type"].rsplit(".", 1)[1]: d for d in job["error"]["details"]}
        self.assertEqual(details["ErrorInfo"]["reason"], reason, job["error"])
        fields = [v["field"] for v in details.get("BadRequest", {}).get("field_violations", [])]
        return job["error"]["message"], details["ErrorInfo"].get("metadata", {}), fields

    def test_every_kind(self):
        with self.subTest("unknown preset"):
            self.refused("UNKNOWN_PRESET", "spec.recipe.preset", preset="w3a1-hope")
        with self.subTest("alpha of 0 and of 1.5"):
            for alpha in ({"numerator": 0, "denominator": 1}, {"numerator": 3, "denominator": 2}):
                spec = self.write("spec.json", json.dumps({"evaluation": {"alpha": alpha}}).encode())
                self.refused("INVALID_ALPHA", "spec.evaluation.alpha", "--spec", spec)
        with self.subTest("gate on an unknown metric"):
            self.refused("UNKNOWN_METRIC", "spec.gates[0].metric", "--gate", "happiness.lower >= 0.9")
        with self.subTest("gate that needs labels where there are none"):
            self.refused("LABELS_NEEDED", "spec.gates[0].metric", "--gate", "accuracy_quantized.lower >= 0.9")
        with self.subTest("several problems are told in one answer"):
            error = self.refused("UNKNOWN_PRESET", "spec.recipe.preset", "--gate", "happiness.lower >= 0.9",
                                 preset="w3a1-hope")
            self.assertEqual(len(error["violations"]), 2, error)

        whole = RESNET.read_bytes()
        for what, content, reason, words in (("empty file", b"", "EMPTY_MODEL", "empty"),
                                             ("truncated model", whole[: len(whole) // 2], "MALFORMED_MODEL", "truncated"),
                                             ("text file", b"dear model, please\n" * 40, "MALFORMED_MODEL", "text file")):
            with self.subTest(what):
                message, _, fields = self.fails("INVALID_ARGUMENT", reason, model=self.write("bad.onnx", content))
                self.assertEqual(fields, ["model"])
                self.assertIn(words, message)
        with self.subTest("label count that does not match"):
            labels = self.save("labels.npy", numpy.zeros(47, numpy.int64))
            message, _, fields = self.fails("INVALID_ARGUMENT", "LABEL_COUNT_MISMATCH", "--labels", labels,
                                            "--bind", "input=images.npy")
            self.assertEqual(fields, ["spec.data.labels"])
            self.assertIn("47", message)
            self.assertIn("48", message)
        with self.subTest("NaN in the data"):
            broken = numpy.load(self.images)
            broken[5, 1, 2, 3] = numpy.nan
            message, _, fields = self.fails("INVALID_ARGUMENT", "NOT_FINITE", data=self.save("nan.npy", broken))
            self.assertEqual(fields, ["spec.data.files[nan.npy]"])
            self.assertIn("row 5", message)
        with self.subTest("operator that the engine lacks"):
            model = onnx_bytes.model([onnx_bytes.node("Multinomial", "draw", ["x"], ["y"])],
                                     [onnx_bytes.value_info("x", [1, 4, 4])], [onnx_bytes.value_info("y", [1, 3])])
            _, metadata, _ = self.fails("UNIMPLEMENTED", "UNSUPPORTED_OPERATOR", model=self.write("draw.onnx", model))
            self.assertEqual(metadata["op_type"], "Multinomial")
            self.assertEqual(metadata["node"], "draw")

        # After all that both processes live, and work is done.
        self.assertTrue(self.running.server.alive())
        self.assertTrue(self.running.workers["w1"].alive())
        code, out, err = self.submit("--wait")
        self.assertEqual(code, 0, f"{out}\n{err}")


if __name__ == "__main__":
    harness.unittest.main()
