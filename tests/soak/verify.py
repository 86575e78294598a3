"""What must be so after the soak. Each check returns lines that say what is wrong."""

import hashlib
import json
import os
import pathlib
import sqlite3

import api
import grpc
import harness

Job = api.job_pb2.Job
ENDS = {Job.SUCCEEDED, Job.FAILED, Job.CANCELLED, Job.DEAD_LETTERED}


def result_of(client, job):
    """File name -> digest of the files that depend on the recipe alone, each downloaded and hashed."""
    digests = {}
    for file in client.get_artifact(job.result.artifact).files:
        content = client.download(file.digest)
        assert hashlib.sha256(content).hexdigest() == file.digest, f"{job.name}: {file.name} is damaged"
        assert len(content) == file.size_bytes, f"{job.name}: {file.name} has another size"
        if file.name.endswith(".onnx") or file.name == "rows.csv":
            digests[file.name] = file.digest
    return digests


def history(client, job):
    """Problems of the job's events."""
    events = client.events(job.name)
    problems = []
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        problems.append(f"{job.name}: gaps in its events")
    states = [event.state for event in events if event.WhichOneof("event") == "state"]
    if not states or states[-1] != job.state:
        problems.append(f"{job.name}: its events end in {states[-1:]} and not in {job.state}")
    redriven = states.count(Job.DEAD_LETTERED)
    if sum(state in ENDS for state in states) != 1 + redriven - (job.state == Job.DEAD_LETTERED):
        problems.append(f"{job.name}: ended more than once: {states}")
    return problems


def one_job(client, planned, job, expected):
    """Problems of one finished job."""
    allowed = {"good": {Job.SUCCEEDED}, "fragile": {Job.SUCCEEDED}, "bad": {Job.FAILED},
               # A result that was ready before the worker heard of the cancellation stays.
               "cancelled": {Job.CANCELLED, Job.SUCCEEDED}}[planned.kind]
    label = f"job {planned.number} ({planned.kind}, {job.name})"
    if job.state not in allowed:
        return [f"{label} is {Job.State.Name(job.state)}: {job.error.message} {attempts(job)}"]
    problems = history(client, job)
    if job.state == Job.SUCCEEDED:
        if [a.outcome for a in job.attempts].count("SUCCEEDED") != 1 or job.attempts[-1].outcome != "SUCCEEDED":
            problems.append(f"{label} did not succeed exactly once: {attempts(job)}")
        try:
            if result_of(client, job) != expected[planned.recipe]:
                problems.append(f"{label}: its result is not the undisturbed one")
        except AssertionError as error:
            problems.append(str(error))
    return problems


def attempts(job):
    return [attempt.outcome for attempt in job.attempts]


def whole(client, jobs):
    """The server's lists against what the clients were told."""
    problems = []
    listed = client.list_jobs("labels.soak=1")
    if sorted(job.name for job in listed) != sorted(job.name for job in jobs.values()):
        problems.append(f"{len(listed)} jobs are listed, {len(jobs)} were accepted")
    made = [artifact.job for artifact in client.list_artifacts() if artifact.job]
    wanted = [job.name for job in jobs.values() if job.state == Job.SUCCEEDED]
    if sorted(made) != sorted(wanted):
        problems.append(f"{len(made)} artifacts of jobs, {len(wanted)} jobs that succeeded")
    return problems


def workers_left(cluster, names):
    """Nothing of a job may stay with a worker that has nothing to do. Returns (problems, reason for skipping)."""
    if "--job-folder-retention" not in harness.subprocess.run([str(harness.BIN / "quantd-worker"), "--help"], check=True,
                                                       capture_output=True, text=True).stdout:
        return [], "this worker does not sweep the folders of jobs that went elsewhere"
    # What was kept for another attempt is swept when a worker starts, once it is old.
    for name in names:
        cluster.workers[name].kill()
        for path in (cluster.folder / name / "jobs").glob("*"):
            os.utime(path, (0, 0))
        cluster.start_worker(name, "--threads", "1", "--job-folder-retention", "1m")

    def left():
        return [str(path) for name in names for path in (cluster.folder / name / "jobs").glob("*")] + \
               [f"process {child}" for name in names for child in harness.children_of(cluster.workers[name].pid)]

    try:
        harness.eventually(lambda: not left(), "workers have cleaned up", 30)
    except AssertionError:
        return [f"left with the workers: {left()[:5]}"], ""
    return [], ""


def collect(client, cluster, gone):
    """Deletes the jobs `gone`, collects, and looks for what nobody refers to. Returns (problems, reason for skipping)."""
    for job in gone:
        if job.result.artifact:
            client.delete_artifact(job.result.artifact)
        client.delete_job(job.name)
    try:
        client.collect_garbage(grace_seconds=0)  # Nobody uploads any more.
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return [], "this server collects no garbage"
        raise
    used = {file.digest for artifact in client.list_artifacts() for file in artifact.files}
    for job in client.list_jobs():
        spec = client.get_job(job.name).spec
        for files in (spec.model.files, spec.data.files, spec.evaluation_data.files):
            used.update(file.digest for file in files)
    blobs = pathlib.Path(cluster.folder) / "data/blobs"
    problems = [f"an upload was left: {path}" for path in blobs.glob("**/uploads/*")]
    stored = {path.name for path in blobs.glob("**/objects/*/*")}
    problems += [f"blob {digest} is used by nobody" for digest in sorted(stored - used)[:5]]
    problems += [f"blob {digest} is used and gone" for digest in sorted(used - stored)[:5]]
    return problems, ""


def database(cluster):
    """Of a stopped server."""
    with sqlite3.connect(cluster.folder / "data/quantd.db") as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [json.dumps(found)] * (found != ["ok"]) + [f"rows without their job: {broken[:5]}"] * bool(broken)
