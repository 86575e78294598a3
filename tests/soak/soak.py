"""Many jobs from many clients while everything is killed, cut and filled: each must end once, in the right state, with
the right result, and nothing may be left. See docs/testing.md."""

import argparse
import concurrent.futures
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import api
import chaos
import grpc
import harness
import jobs
import proxy
import schedule
import verify

CLIENTS = 8
WORKERS = ["w1", "w2", "w3"]
JOBS_PER_MINUTE = 100
KILLS_PER_MINUTE = 22
CUTS_PER_MINUTE = 6
COLLECTIONS_PER_MINUTE = 6
# After the last fault everything must come to its end within this time.
SETTLE_SECONDS = 180
Job = api.job_pb2.Job


def undisturbed(folder, inputs):
    """Recipe -> digests of its result, from a server and workers that nobody disturbs."""
    cluster = harness.Cluster(folder)
    cluster.start_server()
    try:
        for name in WORKERS:
            cluster.start_worker(name, "--threads", "1")
        client = api.Client(cluster.address)
        inputs.upload(client)
        recipes = [(preset, seed) for preset in jobs.PRESETS for seed in jobs.CALIBRATION_SEEDS]
        names = {recipe: client.create_job(inputs.spec(recipe, 0, "good"), "undisturbed", {}, f"undisturbed {recipe}").name
                 for recipe in recipes}
        expected = {}
        for recipe, name in names.items():
            job = harness.eventually(lambda: (lambda j: j if j.state in verify.ENDS else None)(client.get_job(name)),
                                     f"{recipe} ends")
            assert job.state == Job.SUCCEEDED, job
            expected[recipe] = verify.result_of(client, job)
        return expected
    finally:
        cluster.stop()


class SoakClient(threading.Thread):
    """Submits its share of the jobs at their times, cancels those that are to be cancelled, and waits for all."""

    def __init__(self, number, address, inputs, planned, submit_at, end):
        super().__init__(daemon=True)
        self.client = api.Client(address, seed=number)
        self.inputs, self.planned, self.submit_at, self.end = inputs, planned, submit_at, end
        self.jobs = {}  # By number, as last seen.
        self.redriven = 0
        self.error = None

    def run(self):
        try:
            self._submit_and_cancel()
            self._wait()
        except Exception as error:  # Shown by the main thread.
            self.error = error

    def _submit_and_cancel(self):
        todo = [(self.submit_at[p.number], "submit", p) for p in self.planned]
        todo += [(at + p.cancel_after, "cancel", p) for at, _, p in todo if p.kind == "cancelled"]
        for at, what, planned in sorted(todo, key=lambda item: item[:2]):
            time.sleep(max(0, at - time.monotonic()))
            if what == "cancel":
                self.client.cancel_job(self.jobs[planned.number].name)
                continue
            self.inputs.upload(self.client)
            spec = self.inputs.spec(planned.recipe, planned.number, planned.kind)
            self.jobs[planned.number] = self.client.create_job(spec, f"soak {planned.number}", {"soak": "1"},
                                                               planned.request_id)

    def _wait(self):
        waiting = {planned.number for planned in self.planned}
        while waiting:
            for number in sorted(waiting):
                job = self.jobs[number] = self.client.get_job(self.jobs[number].name)
                if job.state == Job.DEAD_LETTERED:
                    self.client.redrive_job(job.name)
                    self.redriven += 1
                elif job.state in verify.ENDS:
                    waiting.discard(number)
            if waiting and time.monotonic() > self.end:
                states = {n: Job.State.Name(self.jobs[n].state) for n in sorted(waiting)[:10]}
                raise AssertionError(f"{len(waiting)} jobs did not end: {states}")
            time.sleep(0.3)


def can_redrive(client):
    try:
        client.redrive_job(f"{api.TENANT}/jobs/{'0' * 26}")
    except grpc.RpcError as error:
        return error.code() != grpc.StatusCode.UNIMPLEMENTED
    return True


def disturbed(options, folder, inputs, expected):
    """The run itself. Returns the problems."""
    seconds = options.minutes * 60
    count = options.jobs or max(1, round(options.minutes * JOBS_PER_MINUTE))
    kills = options.kills or max(1, round(options.minutes * KILLS_PER_MINUTE))
    events = schedule.plan(seconds, kills, max(1, round(options.minutes * CUTS_PER_MINUTE)),
                           max(1, round(options.minutes * COLLECTIONS_PER_MINUTE)), len(WORKERS), options.seed)
    # Twice what the jobs need, so that the disk is full when it is filled and not before.
    disk = chaos.SmallDisk(folder / "data", (96 << 20) + count * (256 << 10))
    if disk.reason:
        print(f"SKIPPED the full disk: {disk.reason}")
    relay = proxy.Proxy(options.seed)
    cluster = chaos.SoakCluster(folder, relay)
    try:
        cluster.start_server()
        for name in WORKERS:
            cluster.start_worker(name, "--threads", "1")
        probe = api.Client(relay.address)
        planned = jobs.plan(count, options.seed, can_redrive(probe))
        start = time.monotonic()
        submit_at = {p.number: start + 0.95 * seconds * (p.number + 0.5) / count for p in planned}
        clients = [SoakClient(number, relay.address, inputs, planned[number::CLIENTS], submit_at,
                              start + seconds + SETTLE_SECONDS) for number in range(CLIENTS)]
        breaking = chaos.Chaos(cluster, disk, events, WORKERS, api.Client(relay.address, seed=CLIENTS))
        for thread in [breaking, *clients]:
            thread.start()
        breaking.join()
        ended = time.monotonic()
        for client in clients:
            client.join()
        settled = time.monotonic() - ended
        problems = [f"a client: {c.error}" for c in clients if c.error]
        if breaking.error:
            problems.append(f"the driver: {breaking.error!r}")
        seen = {number: job for client in clients for number, job in client.jobs.items()}
        if not problems:
            problems += check(cluster, relay, planned, seen, expected)
        report(options, planned, seen, clients, breaking, relay, settled)
        return problems, cluster.logs() if problems else ""
    finally:
        cluster.stop()
        relay.stop()
        disk.unmount()


def check(cluster, relay, planned, seen, expected):
    relay_free = api.Client(relay.target)
    problems = verify.whole(relay_free, seen)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda p: verify.one_job(relay_free, p, seen[p.number], expected), planned):
            problems += found
    for what, (found, skipped) in (
            ("folders of jobs", verify.workers_left(cluster, WORKERS)),
            ("collection of garbage", verify.collect(relay_free, cluster, [seen[p.number] for p in planned[::3]]))):
        if skipped:
            print(f"SKIPPED the {what}: {skipped}")
        problems += found
    for worker in cluster.workers.values():
        worker.kill()
    cluster.server.kill()
    return problems + verify.database(cluster)


def report(options, planned, seen, clients, breaking, relay, settled):
    states, errors = {}, {}
    for job in seen.values():
        states[Job.State.Name(job.state)] = states.get(Job.State.Name(job.state), 0) + 1
    for client in clients:
        for name, number in client.client.errors.items():
            errors[name] = errors.get(name, 0) + number
    attempts = [len(job.attempts) for job in seen.values()]
    killed = sum(number for what, number in breaking.counts.items() if what.endswith("killed"))
    print(f"seed {options.seed}: {len(seen)} of {len(planned)} jobs accepted: {states}")
    print(f"{killed} kills; {breaking.counts}; {breaking.behind:.1f} s behind the schedule at most")
    print(f"{relay.connections} connections, {relay.cut} cut; errors that clients saw: {errors}")
    print(f"{sum(attempts)} attempts, {sum(a > 1 for a in attempts)} jobs with several, {max(attempts, default=0)} at most; "
          f"{sum(c.redriven for c in clients)} redriven; settled {settled:.1f} s after the last fault")


def how_to_repeat(options):
    flags = "".join(f" --{name} {getattr(options, name)}" for name in ("jobs", "kills") if getattr(options, name))
    return f"tests/soak/run.sh --minutes {options.minutes:g} --seed {options.seed}{flags}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, help=f"default: {JOBS_PER_MINUTE} a minute")
    parser.add_argument("--kills", type=int, help=f"default: {KILLS_PER_MINUTE} a minute")
    parser.add_argument("--keep", action="store_true", help="keep logs and data, and say where")
    options = parser.parse_args()
    print(f"seed {options.seed}; the same jobs and faults again: {how_to_repeat(options)}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quantd_soak_"))
    try:
        inputs = jobs.Inputs()
        expected = undisturbed(folder / "undisturbed", inputs)
        problems, logs = disturbed(options, folder / "soak", inputs, expected)
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if problems:
        print(logs[-12000:])
        print(f"repeat with: {how_to_repeat(options)}")
    for problem in problems[:50]:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
