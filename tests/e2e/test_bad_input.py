"""Bad input: answered before the job runs where it can be, with a stable reason and the field or node at fault; nothing
crashes, and the next job runs."""

import io
import json
import pathlib
import subprocess
import zipfile

import harness
import numpy
import onnx_bytes

RESNET = harness.MODELS / "resnet8_cifar10.onnx"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 52428800\n"
DEPTH = 100_000


def zip_of(name, content):
    """The bytes of a zip file with one deflated member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def npy_of_zeros(rows):
    """rows of the images' shape, as numpy.save writes them."""
    file = io.BytesIO()
    numpy.save(file, numpy.zeros((rows, 3, 32, 32), numpy.float32))
    return file.getvalue()


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

    def model_with_external_weight(self, location):
        """y = Relu(x), and a float32[2] that lies in another file."""
        entry = onnx_bytes.text(1, "location") + onnx_bytes.text(2, location)
        weight = (onnx_bytes.number(1, 2) + onnx_bytes.number(2, 1) + onnx_bytes.text(8, "w")
                  + onnx_bytes.text(13, entry) + onnx_bytes.number(14, 1))
        graph = (onnx_bytes.text(1, onnx_bytes.node("Relu", "relu", ["x"], ["y"])) + onnx_bytes.text(2, "g")
                 + onnx_bytes.text(5, weight) + onnx_bytes.text(11, onnx_bytes.value_info("x", ["N", 3, 32, 32]))
                 + onnx_bytes.text(12, onnx_bytes.value_info("y", ["N", 3, 32, 32])))
        return onnx_bytes.number(1, 8) + onnx_bytes.text(7, graph) + onnx_bytes.text(8, onnx_bytes.number(2, 13))

    def output_files(self):
        """What jobs have left in the worker's folder for them, but for their verdicts."""
        return [p for p in (self.running.folder / "w1").rglob("output/**/*") if p.is_file() and p.name != "status.pb"]

    def test_hostile_files(self):
        """A few rows of tests/hostile through the whole product."""
        relu = onnx_bytes.model([onnx_bytes.node("Relu", b"\xff\xfe\x1b[2J", ["x"], ["y"])],
                                [onnx_bytes.value_info("x", ["N", 3, 32, 32])],
                                [onnx_bytes.value_info("y", ["N", 3, 32, 32])])
        for what, content, reason, field, words in (
                ("Git LFS pointer as a model", LFS_POINTER, "MALFORMED_MODEL", "model", "git lfs pull"),
                ("weights outside the model's folder", self.model_with_external_weight("../../../etc/passwd"),
                 "EXTERNAL_DATA", "model.graph.initializer[w]", "leaves the model's folder"),
                ("weights under an absolute path", self.model_with_external_weight("/etc/passwd"),
                 "EXTERNAL_DATA", "model.graph.initializer[w]", "absolute path"),
                ("a name that is no text", relu, "BAD_GRAPH", "model.graph.node[\\xff\\xfe\\x1b[2J]", "UTF-8"),
                ("four million empty nodes", onnx_bytes.text(7, b"\x0a\x00" * (4 << 20)), "MODEL_TOO_LARGE", "model",
                 "memory")):
            with self.subTest(what):
                message, _, fields = self.fails("INVALID_ARGUMENT", reason, model=self.write("bad.onnx", content))
                self.assertEqual(fields, [field])
                self.assertIn(words, message)
        for what, name, content, words in (
                ("Git LFS pointer as data", "rows.npy", LFS_POINTER, "git lfs pull"),
                ("a zip bomb", "rows.npz", zip_of("input.npy", npy_of_zeros(12_000)), "100 times"),
                ("a member's name that is no text", "rows.npz",
                 zip_of("inputXY.npy", b"no array").replace(b"XY", b"\xff\xfe"), "not a readable .npy"),
                ("a renamed pickle", "rows.npy", b"\x80\x04\x95\x0f\x00\x00\x00.", "NUMPY")):
            with self.subTest(what):
                message, _, fields = self.fails("INVALID_ARGUMENT", "BAD_DATA", data=self.write(name, content))
                self.assertEqual(fields, [f"spec.data.files[{name}]"])
                self.assertIn(words, message)
        for what, content, words in (
                ("Git LFS pointer as a recipe", LFS_POINTER, "git lfs pull"),
                ("a key that stands twice", b"preset: w8a8-minmax\npreset: w8a8-mse\n", ":2:1: preset: stands twice"),
                ("lists in lists", b"rules: " + b"[" * DEPTH, ":1:"),
                ("JSON in JSON", b'{"rules": ' * DEPTH, ":1:")):
            with self.subTest(what):
                recipe = self.write("recipe.yaml", content)
                code, out, err = self.submit("--recipe", recipe)
                self.assertEqual(code, 2, f"{out}\n{err}")
                error = json.loads(err.splitlines()[-1])
                self.assertEqual(error["reason"], "INVALID_FILE", error)
                self.assertIn(str(recipe), error["message"])
                self.assertIn(words, error["message"])

        self.assertEqual(self.output_files(), [])
        # The next job runs, and its own result is no part of the check above.
        code, out, err = self.submit("--wait")
        self.assertEqual(code, 0, f"{out}\n{err}")


class BadConfiguration(harness.ClusterTest):
    """A configuration file that is wrong ends the start, and says where it is wrong."""

    def test_config_files(self):
        path = pathlib.Path(self.folder) / "quantd.yaml"
        for what, content, words in (("a key that stands twice", b"listen: a\nlisten: b\n", "listen"),
                                     ("lists in lists", b"listen: " + b"[" * DEPTH, "line 1"),
                                     ("JSON in JSON", b'{"a":' * DEPTH, "line 1"),
                                     ("Git LFS pointer", LFS_POINTER, "git lfs pull"),
                                     ("no text", b"\xff\xfe\x00\x01", str(path))):
            for program in ("quantd", "quantd-worker"):
                with self.subTest(what, program=program):
                    path.write_bytes(content)
                    done = subprocess.run([harness.BIN / program, "--config", path], capture_output=True, timeout=60,
                                          check=False)
                    self.assertGreater(done.returncode, 0, done)  # A signal would be negative.
                    said = (done.stdout + done.stderr).decode()  # Raises for what is no UTF-8.
                    self.assertIn(str(path), said)
                    self.assertIn(words, said)


if __name__ == "__main__":
    harness.unittest.main()
