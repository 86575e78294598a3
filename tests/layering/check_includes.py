#!/usr/bin/env python3
"""Fails when an #include goes against the layering of docs/architecture.md.

usage: check_includes.py SOURCE_DIR

Each layer lists the layers that it may include, itself excepted. A folder that no layer covers is an error, so that
a new one is placed on purpose.
"""

import pathlib
import re
import sys

# Folder -> folders it may include. The longest matching folder counts.
COMMON = ["common"]
WORKER_GRAPH = COMMON + ["worker/graph"]
ALLOWED = {
    "common": ["common"],
    "common/stats": ["common", "common/stats"],
    "common/config": ["common", "common/config"],
    "proto/wire": ["common", "google/rpc", "quantd/v1", "grpc"],
    "server/core": COMMON + ["common/stats"],
    "server/auth": COMMON,
    "server/store": COMMON + ["server/core"],
    "server/blob": COMMON + ["server/core"],
    "server/http": COMMON + ["server/core", "server/auth"],
    "server/rpc": COMMON + ["common/stats", "server/core", "server/auth", "server/http", "proto/wire", "google/rpc",
                            "quantd/v1", "grpc"],
    "server/app": COMMON + ["common/config", "server", "proto/wire", "google/rpc", "quantd/v1", "grpc"],
    "server": COMMON + ["common/config", "server"],
    "worker/kernels": COMMON,
    "worker/formats": WORKER_GRAPH + ["worker/kernels"],
    "worker/graph": WORKER_GRAPH,
    "worker/graph/rewrites": WORKER_GRAPH + ["worker/graph/rewrites"],
    "worker/graph/optimize": WORKER_GRAPH + ["worker/graph/rewrites"],
    "worker/backend": WORKER_GRAPH,
    "worker/backend/cpu": WORKER_GRAPH + ["worker/backend", "worker/formats", "worker/kernels"],
    "worker/observe": WORKER_GRAPH + ["worker/formats", "worker/kernels"],
    "worker/exec": WORKER_GRAPH + ["worker/graph/optimize", "worker/backend", "worker/observe"],
    "worker/methods": WORKER_GRAPH + ["worker/methods", "worker/exec", "worker/observe", "worker/formats",
                                      "worker/kernels"],
    "worker/quantize": WORKER_GRAPH + ["worker/graph/rewrites", "worker/methods", "worker/exec", "worker/backend",
                                       "worker/observe", "worker/formats"],
    "worker/quality": WORKER_GRAPH + ["common/stats", "worker/methods", "worker/exec"],
    "worker/io": WORKER_GRAPH + ["worker/graph/rewrites", "worker/formats", "worker/io", "onnx"],
    "worker/job/protocol": COMMON + ["quantd/v1"],
    "worker/job": COMMON + ["common/stats", "worker", "proto/wire", "quantd/v1", "google/rpc"],
    "worker/sandbox": COMMON,
    "worker/agent": COMMON + ["worker/sandbox", "worker/job/protocol", "proto/wire", "google/rpc", "quantd/v1"],
    "worker/app": COMMON + ["common/config", "worker", "proto/wire", "quantd/v1"],
    "worker": COMMON + ["common/config", "worker"],
    "client/lib": COMMON + ["proto/wire", "google/rpc", "quantd/v1", "grpc"],
    "client/cli": COMMON + ["common/config", "common/stats", "client/lib", "proto/wire", "google/rpc", "quantd/v1"],
}
# What worker/job and worker/app may not reach although they may include most of worker/.
FORBIDDEN = {"worker/job": ["worker/agent", "worker/app", "worker/sandbox"]}
# The only folders where generated protobuf or gRPC headers may appear.
PROTOBUF = ["proto/wire", "server/rpc", "server/app", "worker/agent", "worker/job", "worker/app", "worker/io",
            "client/lib", "client/cli"]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
SYSTEM_ROOTS = ("grpcpp/", "google/protobuf/")


def layer_of(path, table):
    best = None
    for folder in table:
        if (path == folder or path.startswith(folder + "/")) and (best is None or len(folder) > len(best)):
            best = folder
    return best


def within(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def check(root):
    problems = []
    files = [p for top in ("common", "proto", "server", "worker", "client") for p in (root / top).rglob("*")
             if p.suffix in (".h", ".cc")]
    if len(files) < 50:
        return [f"{root}: only {len(files)} sources found; is this the project's top level?"]
    tops = ("common/", "proto/", "server/", "worker/", "client/", "google/rpc/", "quantd/v1/", "grpc/", "onnx/")
    for path in sorted(files):
        name = path.relative_to(root).as_posix()
        folder = name.rsplit("/", 1)[0]
        layer = layer_of(folder, ALLOWED)
        if layer is None:
            problems.append(f"{name}: folder {folder} belongs to no layer; add it to {sys.argv[0]}")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            protobuf = target.endswith(".pb.h") or target.startswith(SYSTEM_ROOTS)
            if protobuf and not within(folder, PROTOBUF):
                problems.append(f"{name}:{number}: protobuf or gRPC header {target} outside of the wire layers")
            if not target.startswith(tops):
                continue
            target_folder = target.rsplit("/", 1)[0]
            same = target_folder == folder or within(target_folder, [layer])
            # Of nested layers the most specific one decides: common/stats is not common.
            allowed = layer_of(target_folder, {f: 0 for f in ALLOWED[layer]})
            specific = layer_of(target_folder, ALLOWED)
            nested = specific is not None and allowed is not None and len(specific) > len(allowed)
            ok = same or (allowed is not None and (not nested or allowed in ("server", "worker")))
            if not ok or within(target_folder, FORBIDDEN.get(layer, [])):
                problems.append(f"{name}:{number}: {layer} may not include {target}")
    return problems


def main():
    problems = check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) if problems else "every include points the right way")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
