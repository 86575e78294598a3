"""Who gets in and what they may do, with real processes: TLS, tokens, roles, the audit log, and secrets that stay secret."""

import json
import os
import pathlib
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.request

import harness
import pki
import secrets_sweep

FLAGS = ["--model", harness.MODELS / "vit_fmnist.onnx", *harness.FASHION_FLAGS, "--preset", "w8a8-minmax",
         "--calibration-rows", "32"]
SHORT = [*FLAGS, "--evaluation-rows", "64"]
LONG = [*FLAGS, "--evaluation-rows", "1500"]
DENIED, UNKNOWN = "PERMISSION_DENIED", "UNAUTHENTICATED"


class SecureCluster(harness.Cluster):
    """A server that asks for tokens, over TLS if `certificate` is given; quantctl is the operator unless it is told to
    be somebody else. What quantctl prints is kept, for a search."""

    def __init__(self, folder, certificate=None, client_ca=None, **options):
        super().__init__(folder, **options)
        self.server_flags += ["--auth", "token"]
        self.client_flags = []
        if certificate:
            self.server_flags += ["--tls-cert", certificate[0], "--tls-key", certificate[1]]
        if client_ca:
            self.server_flags += ["--tls-client-ca", client_ca]
        self.admin_token = self.folder / "data/admin.token"
        self.audit_log = self.folder / "data/audit.log"
        self.token_file = self.admin_token

    def ctl(self, *arguments, token_file=None, flags=None, timeout=600):
        words = [*(self.client_flags if flags is None else flags), "--token-file", token_file or self.token_file, *arguments]
        code, out, err = super().ctl(*words, timeout=timeout)
        with open(self.folder / "printed.log", "a", encoding="utf-8") as printed:
            # All but the one answer that is to tell a secret.
            print(words, code, err, "" if "create" in words or "rotate" in words else out, sep="\n", file=printed)
        return code, out, err

    def error(self, *arguments, **options):
        """The error of a command that must fail: (exit code, its fields)."""
        code, out, err = self.ctl("--output", "json", *arguments, **options)
        assert code != 0, f"{arguments}: {out}"
        return code, json.loads(err.splitlines()[-1])

    def make_token(self, name, *flags):
        """Returns (the file of the new token's secret, the token's id)."""
        path = self.folder / f"{name}.token"
        code, out, err = self.ctl("admin", "token", "create", *flags, "--out", path)
        assert code == 0, f"{out}\n{err}\n{self.logs()}"
        return path, out.strip().rsplit("/", 1)[1]

    def audit(self, **wanted):
        """The lines of the audit log that have these values."""
        lines = [json.loads(line) for line in self.audit_log.read_text().splitlines()]
        return [line for line in lines if all(line[key] == value for key, value in wanted.items())]

    def certificate_is_of(self, authority):
        """Whether a new connection meets a certificate of this authority."""
        context = ssl.create_default_context(cafile=authority.pem)
        try:
            with socket.create_connection(("127.0.0.1", self.ports["grpc"]), 20) as plain:
                context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError:
            return False
        return True


class SecurityTest(harness.ClusterTest):
    def secure_cluster(self, name="cluster", **options):
        cluster = SecureCluster(pathlib.Path(self.folder) / name, **options)
        self.addCleanup(cluster.stop)
        cluster.start_server()
        return cluster

    def authority(self, name):
        return pki.Authority(self.folder, name)

    def expect_error(self, cluster, code_name, *arguments, code=2, words="", **options):
        exit_code, error = cluster.error(*arguments, **options)
        self.assertEqual((exit_code, error["code"]), (code, code_name), error)
        self.assertIn(words, error["message"])
        return error

    def expect_private(self, path):
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)


class Secrecy(SecurityTest):
    """The main case, and at its end a search for every secret that there was."""

    def setUp(self):
        super().setUp()
        self.secrets = secrets_sweep.Secrets()
        self.processes = secrets_sweep.Processes()
        self.may_hold = set()  # The files that are there to hold a secret.

    def know_token(self, what, path):
        self.expect_private(path)
        self.may_hold.add(path)
        return self.secrets.add_token(what, path.read_text())

    def know_key(self, what, path):
        self.may_hold.add(path)
        self.secrets.add_key(what, path)

    def new_token(self, cluster, name, *flags):
        path, token = cluster.make_token(name, *flags)
        self.assertEqual(self.know_token(name, path), token)
        return path, token

    def test_a_job_runs_over_tls_and_no_secret_is_left_anywhere(self):
        authority = self.authority("authority")
        certificate = authority.issue("server")
        self.know_key("the server's key", certificate[1])
        cluster = self.secure_cluster(certificate=certificate, embedded_workers=1)
        cluster.client_flags = ["--tls-ca", authority.pem]
        self.know_token("the operator's token", cluster.admin_token)
        self.know_token("the embedded workers' token", cluster.folder / "data/worker.token")
        submit, submit_id = self.new_token(cluster, "submit", "--tenant", "vision", "--roles", "submit")
        read, _ = self.new_token(cluster, "read", "--tenant", "vision", "--roles", "read")
        worker, _ = self.new_token(cluster, "worker", "--all-tenants", "--roles", "worker")
        cluster.start_worker("w1", "--tls-ca", authority.pem, "--token-file", worker)

        command = [harness.BIN / "quantctl", "--server", cluster.address, "--tls-ca", authority.pem, "--token-file", submit,
                   "--tenant", "vision", "submit", *LONG, "--wait"]
        waiting = harness.Process(cluster.folder / "submit.log", command)
        self.look_at_a_running_job(cluster, read, waiting)
        self.assertEqual(waiting.process.wait(300), 0, cluster.logs())
        (job,) = self.ctl_json(cluster, read, "--tenant", "vision", "list")["jobs"]
        self.assertEqual(job["state"], "SUCCEEDED")
        downloaded = cluster.folder / "downloaded"
        code, _, err = cluster.ctl("--tenant", "vision", "download", job["name"], "--to", downloaded, token_file=read)
        self.assertEqual(code, 0, err)
        self.assertTrue(any(downloaded.rglob("*.onnx")))

        rotated = cluster.folder / "rotated.token"
        code, _, err = cluster.ctl("admin", "token", "rotate", submit_id, "--tenant", "vision", "--overlap", "1h", "--out", rotated)
        self.assertEqual(code, 0, err)
        self.know_token("rotated", rotated)
        self.make_mistakes(cluster, submit, read)
        self.assertEqual(len(cluster.audit(method="JobService/CreateJob", code="OK",
                                           caller=f"tenants/vision/tokens/{submit_id}")), 1)

        page = urllib.request.urlopen(f"http://127.0.0.1:{cluster.ports['metrics']}/metrics", timeout=20).read()
        self.assertIn(b"quantd_", page)
        self.assertEqual(self.secrets.in_bytes(page, "/metrics"), [])
        self.assertEqual(self.secrets.in_folder(self.folder, self.may_hold)[0], [])
        # What is known of a token is in the database, so that the search did look where it would be.
        code, out, err = cluster.ctl("admin", "token", "list", "--tenant", "vision")
        self.assertEqual(code, 0, err)
        self.assertIn(submit_id, out)
        stored = b"".join(p.read_bytes() for p in (cluster.folder / "data").glob("quantd.db*"))
        self.assertIn(submit_id.encode(), stored)
        cluster.server.kill(signal.SIGTERM)
        cluster.workers["w1"].kill(signal.SIGTERM)
        found, read_files = self.secrets.in_folder(self.folder, self.may_hold)
        self.assertEqual(found, [])
        self.assertGreater(read_files, 20)
        self.assertEqual(self.processes.found(self.secrets), [])
        self.check_that_the_search_finds(cluster)

    def ctl_json(self, cluster, token_file, *arguments):
        code, out, err = cluster.ctl("--output", "json", *arguments, token_file=token_file)
        self.assertEqual(code, 0, f"{err}\n{cluster.logs()}")
        return json.loads(out)

    def look_at_a_running_job(self, cluster, token_file, waiting):
        """While a job's process lives, all processes and the folder of the job are searched."""
        def seen():
            self.assertTrue(waiting.alive(), cluster.logs())
            embedded = harness.children_of(cluster.server.pid)
            children = [child for parent in (*embedded, cluster.workers["w1"].pid) for child in harness.children_of(parent)]
            # A child may also be one that only tries out the sandbox.
            self.processes.look()
            return any(self.processes.saw(pid, b"--run-job") for pid in children)

        harness.eventually(seen, "a job's process runs and is seen")
        for pid in (cluster.server.pid, *harness.children_of(cluster.server.pid), cluster.workers["w1"].pid, waiting.pid):
            self.assertTrue(self.processes.saw(pid), f"process {pid} was not seen")
        self.assertEqual(self.secrets.in_folder(self.folder, self.may_hold)[0], [])

    def make_mistakes(self, cluster, submit, read):
        """Errors that people make with a secret at hand; what is printed and logged is searched later."""
        with self.subTest("a token with a typing error"):
            bad = cluster.folder / "typo.token"
            bad.write_text(submit.read_text().strip()[:-1] + "\n")
            self.may_hold.add(bad)
            self.expect_error(cluster, UNKNOWN, "--tenant", "vision", "list", token_file=bad)
        with self.subTest("a file with two tokens"):
            bad = cluster.folder / "two.token"
            bad.write_text(submit.read_text() + read.read_text())
            self.may_hold.add(bad)
            self.expect_error(cluster, "INVALID_ARGUMENT", "--tenant", "vision", "list", token_file=bad)
        with self.subTest("a job that is not there, a role that is missing, another tenant"):
            self.expect_error(cluster, "NOT_FOUND", "--tenant", "vision", "get", "none", token_file=read)
            self.expect_error(cluster, DENIED, "--tenant", "vision", "cancel", "none", token_file=read)
            self.expect_error(cluster, DENIED, "--tenant", "speech", "list", token_file=read)
        with self.subTest("doctor"):
            code, out, err = cluster.ctl("--tenant", "vision", "doctor", token_file=read)
            self.assertEqual(code, 0, f"{out}\n{err}")

    def check_that_the_search_finds(self, cluster):
        """The same search, after a secret was put into each kind of place."""
        name, secret = next(iter(self.secrets.known.items()))
        planted = cluster.folder / "data/blobs/planted"
        planted.write_bytes(b"\0" * 100_000 + secret + b"\0")
        self.assertEqual(self.secrets.in_folder(self.folder, self.may_hold)[0], [f"{name} in {planted}"])
        self.assertEqual(len(self.secrets.in_bytes(b"a page of " + secret, "/metrics")), 1)
        for arguments, environment in (([secret], {}), ([], {"SECRET": secret})):
            talkative = subprocess.Popen([sys.executable, "-c", "input()", *arguments], stdin=subprocess.PIPE,
                                         env={**os.environ, **environment})
            try:
                looking = secrets_sweep.Processes()
                harness.eventually(lambda p=looking, t=talkative: p.look() or p.saw(t.pid), "the process is seen")
                self.assertEqual(len(looking.found(self.secrets)), 1)
            finally:
                talkative.communicate(b"\n", 60)


class Tls(SecurityTest):
    def test_mutual_tls_lets_only_certificates_of_its_authority_in(self):
        servers, clients, strangers = self.authority("servers"), self.authority("clients"), self.authority("strangers")
        cluster = self.secure_cluster(certificate=servers.issue("server"), client_ca=clients.pem)
        trusting = ["--tls-ca", servers.pem]

        def own(authority, name):
            certificate, key = authority.issue(name, f"DNS:{name}")
            return [*trusting, "--tls-cert", certificate, "--tls-key", key]

        cluster.client_flags = own(clients, "operator")
        code, _, err = cluster.ctl("list")
        self.assertEqual(code, 0, err)
        worker_token, _ = cluster.make_token("worker", "--all-tenants", "--roles", "worker")
        cluster.start_worker("w1", *own(clients, "worker"), "--token-file", worker_token)
        cluster.wait(cluster.submit(*SHORT))
        with self.subTest("no certificate"):
            code, _, err = cluster.ctl("--timeout", "5s", "list", flags=trusting)
            self.assertEqual(code, 3, err)
            self.assertIn("--tls-cert", err)
        with self.subTest("a stranger's certificate"):
            code, _, err = cluster.ctl("--timeout", "5s", "list", flags=own(strangers, "stranger"))
            self.assertEqual(code, 3, err)
            self.assertIn("certificate", err)
        with self.subTest("a certificate is no token"):
            empty = cluster.folder / "unknown.token"
            empty.write_text("quantd_nobody_" + "0" * 64)
            self.expect_error(cluster, UNKNOWN, "list", token_file=empty)
        with self.subTest("a server of another authority is not believed"):
            code, _, err = cluster.ctl("--timeout", "5s", "list", flags=[*cluster.client_flags[2:], "--tls-ca", strangers.pem])
            self.assertEqual(code, 3, err)
            self.assertIn("certificate", err)
        with self.subTest("no TLS at all"):
            code, _, err = cluster.ctl("--timeout", "5s", "list", flags=[])
            self.assertEqual(code, 3, err)
            self.assertIn("--tls", err)

    def test_certificates_are_replaced_while_the_server_runs(self):
        old, new = self.authority("old"), self.authority("new")
        certificate, key = pathlib.Path(self.folder) / "cert.pem", pathlib.Path(self.folder) / "key.pem"

        def install(source, target):
            # As tools that renew certificates do it: a new file in the place of the old one.
            fresh = target.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            fresh.rename(target)

        first, second = old.issue("first"), new.issue("second")
        install(first[0], certificate)
        install(first[1], key)
        cluster = self.secure_cluster(certificate=(certificate, key))
        cluster.client_flags = ["--tls-ca", old.pem]
        worker_token, _ = cluster.make_token("worker", "--all-tenants", "--roles", "worker")
        cluster.start_worker("w1", "--tls-ca", old.pem, "--token-file", worker_token)
        cluster.wait(cluster.submit(*SHORT))
        self.assertTrue(cluster.certificate_is_of(old))

        def log():
            return (cluster.folder / "server.log").read_text()

        with self.subTest("a key that is not the certificate's"):
            install(second[1], key)
            harness.eventually(lambda: "new TLS files cannot be used" in log(), "the log tells of the key")
            self.assertIn(f"{key} is not the key of the certificate", log())
            self.assertTrue(cluster.certificate_is_of(old))
            self.assertEqual(cluster.ctl("list")[0], 0)
        with self.subTest("then the certificate, too"):
            install(second[0], certificate)
            harness.eventually(lambda: cluster.certificate_is_of(new), "new connections meet the new certificate")
            self.assertFalse(cluster.certificate_is_of(old))
            self.assertIn("new connections use the new TLS files", log())
            cluster.client_flags = ["--tls-ca", new.pem]
            self.assertEqual(cluster.ctl("list")[0], 0)
        with self.subTest("the worker's old connection goes on"):
            # It trusts the old authority alone, hence could not connect again.
            cluster.wait(cluster.submit(*FLAGS, "--evaluation-rows", "65"))
        with self.subTest("a file that is gone"):
            certificate.unlink()
            harness.eventually(lambda: f"cannot open {certificate}" in log(), "the log tells of the file")
            self.assertTrue(cluster.certificate_is_of(new))
            self.assertEqual(cluster.ctl("list")[0], 0)


class Tokens(SecurityTest):
    def test_the_life_of_a_token(self):
        cluster = self.secure_cluster()
        token, token_id = cluster.make_token("ci", "--tenant", "vision", "--roles", "submit", "--description", "the CI")
        expired_at = time.time() + 10
        brief, brief_id = cluster.make_token("brief", "--tenant", "vision", "--roles", "read", "--expires", "10s")

        def lists(path):
            return cluster.ctl("--tenant", "vision", "list", token_file=path)[0] == 0

        def refused(path):
            error = self.expect_error(cluster, UNKNOWN, "--tenant", "vision", "list", token_file=path)
            return error["message"], error["reason"]

        self.assertTrue(lists(token))
        self.assertTrue(lists(brief) or time.time() > expired_at)
        with self.subTest("rotation with an overlap"):
            second = cluster.folder / "second.token"
            code, out, err = cluster.ctl("admin", "token", "rotate", token_id, "--tenant", "vision", "--overlap", "1h", "--out", second)
            self.assertEqual((code, out.strip()), (0, f"tenants/vision/tokens/{token_id}"), err)
            self.expect_private(second)
            self.assertTrue(lists(token) and lists(second))
        with self.subTest("without one, and what was old before is over"):
            third = cluster.folder / "third.token"
            code, _, err = cluster.ctl("admin", "token", "rotate", token_id, "--tenant", "vision", "--out", third)
            self.assertEqual(code, 0, err)
            answers = {refused(token), refused(second)}
            self.assertTrue(lists(third))
        with self.subTest("an overlap that ends"):
            fourth = cluster.folder / "fourth.token"
            code, _, err = cluster.ctl("admin", "token", "rotate", token_id, "--tenant", "vision", "--overlap", "2s", "--out", fourth)
            self.assertEqual(code, 0, err)
            harness.eventually(lambda: not lists(third), "the old secret is not taken any more")
            self.assertTrue(lists(fourth))
        with self.subTest("the secret on standard output"):
            code, out, err = cluster.ctl("admin", "token", "rotate", token_id, "--tenant", "vision")
            self.assertEqual(code, 0)
            self.assertRegex(out, secrets_sweep.TOKEN.pattern + "\n$")
            self.assertNotRegex(err, secrets_sweep.TOKEN)
            fifth = cluster.folder / "fifth.token"
            fifth.write_text(out)
            self.assertTrue(lists(fifth))
        with self.subTest("revocation, also of a token that is revoked"):
            for _ in range(2):
                code, out, err = cluster.ctl("admin", "token", "revoke", token_id, "--tenant", "vision")
                self.assertEqual(code, 0, err)
                self.assertIn(f"tenants/vision/tokens/{token_id}  revoked ", out)
            answers.add(refused(fifth))
            error = self.expect_error(cluster, "FAILED_PRECONDITION", "admin", "token", "rotate", token_id, "--tenant", "vision")
            self.assertEqual(error["reason"], "TOKEN_REVOKED")
        with self.subTest("expiry"):
            harness.eventually(lambda: not lists(brief), "the token expires")
            answers.add(refused(brief))
            error = self.expect_error(cluster, "FAILED_PRECONDITION", "admin", "token", "rotate", brief_id, "--tenant", "vision")
            self.assertEqual(error["reason"], "TOKEN_EXPIRED")
            code, out, _ = cluster.ctl("admin", "token", "list", "--tenant", "vision")
            self.assertEqual(code, 0)
            states = {words[0]: words[2] for words in map(str.split, out.splitlines()[1:])}
            self.assertEqual(states, {token_id: "revoked", brief_id: "expired"})
        with self.subTest("nobody, in the same words"):
            unknown = cluster.folder / "unknown.token"
            unknown.write_text("quantd_nobody_" + "0" * 64)
            answers.add(refused(unknown))
            self.assertEqual(len(answers), 1, answers)
        with self.subTest("what cannot be done"):
            other = cluster.folder / "other.token"
            for words, arguments in (
                    ("none of read, submit, worker, admin", ("create", "--roles", "submitter")),
                    ("--roles is needed", ("create",)),
                    ("is not in the future", ("create", "--roles", "read", "--expires", "0s")),
                    ("no duration; write 90s, 12h or 30d", ("create", "--roles", "read", "--expires", "soon")),
                    ("0 to 7 days", ("rotate", token_id, "--tenant", "vision", "--overlap", "8d")),
                    ("exists; remove it first", ("rotate", token_id, "--out", token)),
                    ("is nothing for 'admin token create'", ("create", "--roles", "read", "--overlap", "1d"))):
                self.expect_error(cluster, "INVALID_ARGUMENT", "admin", "token", *arguments, words=words)
            self.expect_error(cluster, "NOT_FOUND", "admin", "token", "rotate", "none", "--out", other)
            self.assertFalse(other.exists())
            self.expect_error(cluster, "NOT_FOUND", "admin", "token", "revoke", "none")
        for method, count in (("CreateToken", 2), ("RotateToken", 4)):
            self.assertEqual(len(cluster.audit(method=f"AdminService/{method}", code="OK", caller="operator")), count, method)
        self.assertEqual(len(cluster.audit(method="AdminService/RevokeToken", code="OK",
                                           resources=[f"tenants/vision/tokens/{token_id}"])), 2)

    def test_each_role_does_its_own_and_nothing_else(self):
        cluster = self.secure_cluster()
        tokens = {role: cluster.make_token(role, "--tenant", "vision", "--roles", role)[0]
                  for role in ("read", "submit", "worker", "admin")}
        name = cluster.submit("--tenant", "vision", *SHORT)
        commands = {"list": (("list",), {"read", "submit", "admin"}),
                    "cancel": (("cancel", name), {"submit", "admin"}),
                    "tokens": (("admin", "token", "list"), {"admin"}),
                    "state": (("admin", "state"), set()),
                    "tenant": (("admin", "tenant", "set", "vision", "--weight", "2"), set())}
        refusals = 0
        for role, token in tokens.items():
            for what, (arguments, allowed) in commands.items():
                with self.subTest(what, role=role):
                    if role in allowed:
                        code, _, err = cluster.ctl("--tenant", "vision", *arguments, token_file=token)
                        self.assertEqual(code, 0, err)
                    else:
                        self.expect_error(cluster, DENIED, "--tenant", "vision", *arguments, token_file=token)
                        refusals += 1
                    if what in ("list", "cancel", "tokens"):
                        others = [word.replace("tenants/vision/", "tenants/speech/") for word in arguments]
                        self.expect_error(cluster, DENIED, "--tenant", "speech", *others, token_file=token)
                        refusals += 1
        left_out = sum(int(line["reason"].split("; ")[1].split(" ")[0]) for line in cluster.audit(code=DENIED)
                       if "left out" in line["reason"])
        self.assertEqual(len(cluster.audit(code=DENIED)) + left_out, refusals)
        with self.subTest("a worker without the role says why it gets nothing"):
            cluster.start_worker("w1", "--token-file", tokens["read"])
            log = cluster.folder / "worker-w1.log"
            harness.eventually(lambda: DENIED in log.read_text(), "the worker tells of its refusal")

    def test_the_audit_log_is_moved_away_and_goes_on(self):
        cluster = self.secure_cluster()
        cluster.make_token("first", "--roles", "read")
        moved = cluster.audit_log.with_suffix(".1")
        cluster.audit_log.rename(moved)
        cluster.make_token("second", "--roles", "read")
        self.assertFalse(cluster.audit_log.exists())
        cluster.server.process.send_signal(signal.SIGHUP)
        harness.eventually(cluster.audit_log.exists, "a new file is there")
        cluster.make_token("third", "--roles", "read")
        self.expect_private(cluster.audit_log)
        old = [json.loads(line) for line in moved.read_text().splitlines()]
        new = cluster.audit()
        self.assertEqual([line["method"] for line in (*old, *new)], ["AdminService/CreateToken"] * 3)
        self.assertEqual([line["sequence"] for line in (*old, *new)], [1, 2, 3])
        self.assertEqual(len(old), 2)


class Start(SecurityTest):
    """What quantd refuses to be."""

    def refused(self, words, *flags, code=2):
        done = subprocess.run([str(w) for w in (harness.BIN / "quantd", "--data-dir", pathlib.Path(self.folder) / "data",
                                                "--metrics-listen", "none", *flags)],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def test_beyond_loopback_it_needs_tls_and_authentication(self):
        certificate, key = self.authority("authority").issue("server")
        tls, auth, everywhere = ["--tls-cert", certificate, "--tls-key", key], ["--auth", "token"], ["--listen", "0.0.0.0:0"]
        self.refused(["--tls-cert", "--auth token", "--insecure"], *everywhere)
        self.assertNotIn("--tls-cert", self.refused(["--auth token", "--insecure"], *everywhere, *tls))
        self.assertNotIn("--auth token", self.refused(["--tls-cert", "--insecure"], *everywhere, *auth))
        self.refused(["--metrics-insecure"], *everywhere, *tls, *auth, "--metrics-listen", "0.0.0.0:0")
        self.assertFalse((pathlib.Path(self.folder) / "data").exists(), "a server that does not start leaves nothing")
        for name, flags in (("both", [*tls, *auth]), ("insecure", ["--insecure"])):
            with self.subTest(name):
                cluster = harness.Cluster(pathlib.Path(self.folder) / name, server_flags=flags)
                cluster.listen = "0.0.0.0:0"
                self.addCleanup(cluster.stop)
                cluster.start_server()

    def test_files_that_it_cannot_use_are_named(self):
        authority = self.authority("authority")
        certificate, key = authority.issue("server")
        other_key = authority.issue("other")[1]
        absent = pathlib.Path(self.folder) / "absent.pem"
        self.refused([str(other_key), "is not the key of the certificate", str(certificate)], "--tls-cert", certificate,
                     "--tls-key", other_key)
        self.refused([str(absent), "No such file"], "--tls-cert", absent, "--tls-key", key)
        self.refused([str(key), "no PEM certificate"], "--tls-cert", key, "--tls-key", key)
        self.refused(["tls-key", "given together"], "--tls-cert", certificate)
        self.refused(["tls-client-ca", "needs TLS"], "--tls-client-ca", authority.pem)

    def test_an_operators_token_that_others_may_read_is_refused(self):
        token = pathlib.Path(self.folder) / "admin.token"
        digits = "d" * 64
        token.write_text(f"quantd_operator_{digits}\n")
        token.chmod(0o644)
        flags = ["--listen", "127.0.0.1:0", "--auth", "token", "--admin-token-file", token]
        said = self.refused([str(token), "may be read by others", "chmod 600"], *flags, code=3)
        token.chmod(0o600)
        token.write_text(digits)
        said += self.refused([str(token), "holds no token"], *flags)
        self.assertNotIn(digits, said)


if __name__ == "__main__":
    harness.unittest.main()
