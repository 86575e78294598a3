"""The soak's jobs: small, deterministic, and each with the end that it must come to."""

import dataclasses
import hashlib
import io
import random
import uuid

import api
import harness
import numpy

# Quantized models depend on these; reports also on the seed that makes every job work of its own.
PRESETS = ["w8a8-minmax", "w8a8-mse", "w8"]
CALIBRATION_SEEDS = [1, 2, 3, 4]
ROWS = 24


@dataclasses.dataclass(frozen=True)
class Planned:
    """One job as the seed has it."""

    number: int
    kind: str           # "good", "bad", "cancelled", "fragile"
    preset: str
    calibration_seed: int
    request_id: str
    cancel_after: float  # Seconds; of a "cancelled" job.

    @property
    def recipe(self):
        return (self.preset, self.calibration_seed)


def plan(count, seed, fragile):
    """`fragile`: jobs of one attempt, which the server must be able to redrive."""
    rng = random.Random(f"jobs {seed}")
    kinds = ["good"] * 16 + ["bad"] * 2 + ["cancelled"] * 2 + (["fragile"] * 2 if fragile else [])
    return [Planned(number=number, kind=rng.choice(kinds), preset=rng.choice(PRESETS),
                    calibration_seed=rng.choice(CALIBRATION_SEEDS),
                    request_id=str(uuid.UUID(int=rng.getrandbits(128))), cancel_after=rng.uniform(0, 1.5))
            for number in range(count)]


class Inputs:
    """Files of all jobs, and specs that name them."""

    def __init__(self):
        rng = numpy.random.default_rng(7)
        rows = io.BytesIO()
        numpy.save(rows, rng.normal(0, 1, (ROWS, 1, 28, 28)).astype(numpy.float32))
        self.rows = rows.getvalue()
        self.model = (harness.MODELS / "mnist_cnn.onnx").read_bytes()
        self.bad_model = self.model[:len(self.model) // 2]

    def upload(self, client):
        for content in (self.rows, self.model, self.bad_model):
            client.upload(content)

    def spec(self, recipe, number, kind):
        def ref(name, content):
            return api.spec_pb2.FileRef(name=name, digest=hashlib.sha256(content).hexdigest(),
                                        size_bytes=len(content))

        spec = api.spec_pb2.JobSpec()
        spec.model.files.append(ref("model.onnx", self.bad_model if kind == "bad" else self.model))
        spec.data.files.append(ref("rows.npy", self.rows))
        spec.recipe.preset, spec.calibration.seed = recipe
        spec.calibration.rows = 8
        spec.evaluation.bootstrap_replicates = 100
        spec.evaluation.seed = number + 1
        spec.execution.max_attempts = 1 if kind == "fragile" else 10
        spec.execution.threads = 1
        return spec
