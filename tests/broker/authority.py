# SPDX-License-Identifier: MIT
"""An authority for tests: certificates that end when a test says so, and files that are replaced as kubelet does."""

import datetime
import os
import shutil
import subprocess

__all__ = ["Authority", "ProjectedVolume"]

CONFIG = """
[ca]
default_ca = this
[this]
database = {directory}/index
new_certs_dir = {directory}
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"]})
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")


def replace(path, data, mode=0o600):
    """Gives a file other bytes, by a name of its own and a rename."""
    new = path.with_name(path.name + ".new")
    new.touch(mode)
    new.write_bytes(data)
    new.replace(path)


class Authority:
    """A directory with ca.pem, which is trusted, and what it vouches for: NAME.pem and NAME.key."""

    def __init__(self, directory, name="Test authority"):
        self.directory = directory
        self.directory.mkdir()
        (self.directory / "index").touch()
        (self.directory / "config").write_text(CONFIG.format(directory=self.directory))
        self.ca_file = self.directory / "ca.pem"
        self._request("-x509", "-days", "1", "-addext", "basicConstraints=critical,CA:TRUE", name=name,
                      key=self.directory / "ca.key", out=self.ca_file)

    def _request(self, *options, name, key, out):
        openssl("req", "-config", self.directory / "config", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", out, *options)

    def issue(self, name, hosts="", lifetime_s=3600, age_s=3600):
        """Makes a key and a certificate: (certificate, key) as paths; those of an earlier one are replaced.

        'hosts' is "DNS:localhost,IP:127.0.0.1" for a server. It has been valid for 'age_s' already.
        """
        request, made, key = (self.directory / f".{name}.{suffix}" for suffix in ("csr", "pem", "key"))
        self._request(*(["-addext", f"subjectAltName={hosts}"] if hosts else []), name=name, key=key, out=request)
        now = datetime.datetime.now(datetime.timezone.utc)
        times = [(now + datetime.timedelta(seconds=s)).strftime("%Y%m%d%H%M%SZ") for s in (-age_s, lifetime_s)]
        openssl("ca", "-batch", "-notext", "-config", self.directory / "config", "-startdate", times[0], "-enddate",
                times[1], "-in", request, "-out", made)
        certificate, key_file = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        # The key first: who looks in between finds a pair that does not fit, and looks again.
        key.replace(key_file)
        made.replace(certificate)
        return certificate, key_file


class ProjectedVolume:
    """A directory whose files kubelet replaces all at once: NAME -> ..data/NAME, and ..data -> another directory."""

    def __init__(self, path):
        self.path = path
        self.path.mkdir()
        self.n = 0

    def __truediv__(self, name):
        return self.path / name

    def write(self, **files):
        """Replaces all files by these: name=bytes. What they were is gone then."""
        self.n += 1
        data, link = self.path / f"..{self.n}", self.path / "..data"
        data.mkdir()
        for name, value in files.items():
            (data / name).write_bytes(value)
        old = link.resolve() if link.is_symlink() else None
        new = self.path / "..data_tmp"
        new.symlink_to(data.name)
        new.replace(link)
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        if old:
            shutil.rmtree(old)
