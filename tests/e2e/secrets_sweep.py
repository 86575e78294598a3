"""Looks for secrets wherever a process could have left one."""

import contextlib
import pathlib
import re

TOKEN = re.compile(r"quantd_([a-z0-9-]+)_([0-9a-f]{64})")


class Secrets:
    """Every secret that there was in a test. What is looked for is the part that nobody can guess."""

    def __init__(self):
        self.known = {}

    def add_token(self, what, text):
        match = TOKEN.fullmatch(text.strip())
        assert match, f"{what} is no token"
        self.known[what] = match.group(2).encode()
        return match.group(1)

    def add_key(self, what, path):
        """A private key: its longest line but the last one, which may be short."""
        lines = [line for line in path.read_bytes().splitlines() if not line.startswith(b"-----")]
        assert len(lines[0]) >= 40, f"{path} is no key"
        self.known[what] = lines[0]

    def in_bytes(self, content, where):
        return [f"{what} in {where}" for what, secret in self.known.items() if secret in content]

    def in_folder(self, folder, but):
        """What is found in the files below `folder`, those of `but` left out; and how many were read."""
        found, read = [], 0
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.is_file() and path not in but:
                with contextlib.suppress(FileNotFoundError):  # A file of a running job.
                    found += self.in_bytes(path.read_bytes(), path)
                    read += 1
        return found, read


class Processes:
    """Command line and environment of every process there is, as any user may (or root alone can) read them."""

    def __init__(self):
        self.seen = {}

    def look(self):
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    self.seen.setdefault((int(entry.name), part), set()).add((entry / part).read_bytes())

    def saw(self, pid, word=b""):
        """Whether the process was seen, with that word on a command line of its own."""
        lines = self.seen.get((pid, "cmdline"), ())
        return any(line and word in line for line in lines) and (pid, "environ") in self.seen

    def found(self, secrets):
        return [hit for (pid, part), contents in self.seen.items() for content in contents
                for hit in secrets.in_bytes(content, f"/proc/{pid}/{part}: {content[:200]}")]
