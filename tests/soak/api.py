"""The API of quantd for the soak's clients: stubs without generated services, and calls that are repeated until they
are answered, whatever breaks in between. Every call that is repeated here is one that may be repeated."""

import hashlib
import importlib
import os
import random
import sys
import time
import uuid

import grpc

PROTO = os.environ["QUANTD_PYTHON_PROTO_DIR"]
sys.path.insert(0, PROTO)
import google  # noqa: E402

google.__path__.append(f"{PROTO}/google")

job_pb2 = importlib.import_module("quantd.v1.job_pb2")
spec_pb2 = importlib.import_module("quantd.v1.spec_pb2")
artifact_pb2 = importlib.import_module("quantd.v1.artifact_pb2")
admin_pb2 = importlib.import_module("quantd.v1.admin_pb2")

TENANT = "tenants/default"
CHUNK = 64 << 10
# What says that the request is wrong; anything else passes.
FINAL = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS,
         grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.FAILED_PRECONDITION,
         grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNIMPLEMENTED}
OPTIONS = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50),
           ("grpc.max_reconnect_backoff_ms", 500), ("grpc.use_local_subchannel_pool", 1),
           ("grpc.max_receive_message_length", 16 << 20)]


class Client:
    """One client's connection. Used by one thread."""

    def __init__(self, address, seed=0, give_up=120):
        self.random = random.Random(seed)
        self.give_up = give_up
        self.errors = {}
        self.channel = grpc.insecure_channel(address, options=OPTIONS)

    def close(self):
        self.channel.close()

    def _call(self, method, request, response_type, timeout=10):
        call = self.channel.unary_unary(f"/quantd.v1.{method}", type(request).SerializeToString,
                                        response_type.FromString)
        return self._until_answered(method, lambda: call(request, timeout=timeout))

    def _until_answered(self, what, attempt):
        deadline = time.monotonic() + self.give_up
        while True:
            try:
                return attempt()
            except grpc.RpcError as error:
                name = error.code().name
                self.errors[name] = self.errors.get(name, 0) + 1
                if error.code() in FINAL:
                    raise
                if time.monotonic() > deadline:
                    raise AssertionError(f"{what}: no answer in {self.give_up} s: {name} {error.details()}") from error
                time.sleep(self.random.uniform(0.02, 0.3))

    def upload(self, content):
        """Makes a blob of `content`; returns its digest."""
        digest = hashlib.sha256(content).hexdigest()
        missing = self._call("ArtifactService/FindMissingBlobs",
                             artifact_pb2.FindMissingBlobsRequest(parent=TENANT, digests=[digest]),
                             artifact_pb2.FindMissingBlobsResponse).missing_digests
        if not missing:
            return digest
        upload_id = str(uuid.UUID(int=self.random.getrandbits(128)))
        write = self.channel.stream_unary("/quantd.v1.ArtifactService/WriteBlob",
                                          artifact_pb2.WriteBlobRequest.SerializeToString,
                                          artifact_pb2.WriteBlobResponse.FromString)

        def attempt():
            status = self._call("ArtifactService/QueryWriteStatus", artifact_pb2.QueryWriteStatusRequest(
                parent=TENANT, upload_id=upload_id, digest=digest), artifact_pb2.QueryWriteStatusResponse)
            if status.complete:
                return
            write(self._chunks(content, digest, upload_id, status.committed_bytes), timeout=10)

        self._until_answered("WriteBlob", attempt)
        return digest

    @staticmethod
    def _chunks(content, digest, upload_id, offset):
        first = True
        while first or offset < len(content):
            data = content[offset:offset + CHUNK]
            request = artifact_pb2.WriteBlobRequest(offset=offset, data=data, finish=offset + len(data) == len(content))
            if first:
                request.parent, request.digest, request.upload_id = TENANT, digest, upload_id
                request.size_bytes = len(content)
            yield request
            offset, first = offset + len(data), False

    def download(self, digest):
        read = self.channel.unary_stream("/quantd.v1.ArtifactService/ReadBlob",
                                         artifact_pb2.ReadBlobRequest.SerializeToString,
                                         artifact_pb2.ReadBlobResponse.FromString)

        def attempt():
            request = artifact_pb2.ReadBlobRequest(parent=TENANT, digest=digest)
            return b"".join(part.data for part in read(request, timeout=20))

        return self._until_answered("ReadBlob", attempt)

    def create_job(self, spec, name, labels, request_id):
        request = job_pb2.CreateJobRequest(parent=TENANT, request_id=request_id)
        request.job.display_name = name
        request.job.labels.update(labels)
        request.job.spec.CopyFrom(spec)
        return self._call("JobService/CreateJob", request, job_pb2.Job)

    def get_job(self, name):
        return self._call("JobService/GetJob", job_pb2.GetJobRequest(name=name), job_pb2.Job)

    def cancel_job(self, name):
        return self._call("JobService/CancelJob", job_pb2.CancelJobRequest(name=name), job_pb2.Job)

    def redrive_job(self, name):
        return self._call("JobService/RedriveJob", job_pb2.RedriveJobRequest(name=name), job_pb2.Job)

    def list_jobs(self, filter_text=""):
        jobs, token = [], ""
        while True:
            page = self._call("JobService/ListJobs", job_pb2.ListJobsRequest(
                parent=TENANT, page_size=500, page_token=token, filter=filter_text), job_pb2.ListJobsResponse)
            jobs.extend(page.jobs)
            token = page.next_page_token
            if not token:
                return jobs

    def list_artifacts(self):
        artifacts, token = [], ""
        while True:
            page = self._call("ArtifactService/ListArtifacts", artifact_pb2.ListArtifactsRequest(
                parent=TENANT, page_size=500, page_token=token), artifact_pb2.ListArtifactsResponse)
            artifacts.extend(page.artifacts)
            token = page.next_page_token
            if not token:
                return artifacts

    def get_artifact(self, name):
        return self._call("ArtifactService/GetArtifact", artifact_pb2.GetArtifactRequest(name=name),
                          artifact_pb2.Artifact)

    def delete_job(self, name):
        self._call("JobService/DeleteJob", job_pb2.DeleteJobRequest(name=name), job_pb2.DeleteJobResponse)

    def delete_artifact(self, name):
        self._call("ArtifactService/DeleteArtifact", artifact_pb2.DeleteArtifactRequest(name=name),
                   artifact_pb2.DeleteArtifactResponse)

    def events(self, name):
        """All events of a finished job."""
        watch = self.channel.unary_stream("/quantd.v1.JobService/WatchJob", job_pb2.WatchJobRequest.SerializeToString,
                                          job_pb2.JobEvent.FromString)
        return self._until_answered("WatchJob",
                                    lambda: list(watch(job_pb2.WatchJobRequest(name=name), timeout=20)))

    def collect_garbage(self, grace_seconds):
        """What `quantctl admin gc` does."""
        request = admin_pb2.CollectGarbageRequest()
        request.grace.SetInParent()
        request.grace.seconds = grace_seconds
        return self._call("AdminService/CollectGarbage", request, admin_pb2.CollectGarbageResponse, timeout=60)
