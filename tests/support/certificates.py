"""Test certificates made by the openssl command: P-256, SPIFFE ids as URI SANs."""

import os
import subprocess
import tempfile
import shutil

from tests.support import programs


class Leaf:
    """Paths of one certificate: `chain` (leaf and issuer), `key`."""

    def __init__(self, chain, key, uri):
        self.chain, self.key, self.uri = chain, key, uri


class Authority:
    """A root of its own, in a folder that goes away with the context."""

    def __init__(self, trust_domain="mesh.test"):
        self.trust_domain = trust_domain
        self.folder = None
        self._count = 0

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="weft-ca-")
        self._make_root()
        return self

    def _make_root(self):
        self.certificate = self._path("root.pem")
        self.key = self._path("root.key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "30",
                      "-subj", f"/O={self.trust_domain}/CN=root",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def __exit__(self, kind, value, trace):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        done = subprocess.run([programs.debian("openssl"), *arguments], capture_output=True,
                              check=False, cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode()}")

    def spiffe(self, name):
        """name is `namespace/account`."""
        namespace, _, account = name.partition("/")
        return f"spiffe://{self.trust_domain}/ns/{namespace}/sa/{account}"

    def issue(self, name, *, dns=(), uri=None, starts=None, ends=None):
        """A leaf for `namespace/account`. `starts` and `ends` are YYYYMMDDHHMMSSZ."""
        self._count += 1
        stem = f"leaf{self._count}"
        uri = uri or self.spiffe(name)
        names = [f"URI:{uri}"] + [f"DNS:{one}" for one in dns]
        key, request, leaf = (self._path(stem + end) for end in (".key", ".csr", ".pem"))
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", key, "-out", request, "-subj", "/O=test")
        extensions = self._path(stem + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(names) + "\n"
                       "keyUsage=critical,digitalSignature\n"
                       "extendedKeyUsage=serverAuth,clientAuth\n"
                       "basicConstraints=critical,CA:FALSE\n")
        if starts or ends:
            self._issue_with_dates(request, leaf, extensions, starts or "20200101000000Z", ends)
        else:
            self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                          self.key, "-set_serial", str(1000 + self._count), "-days", "10",
                          "-extfile", extensions, "-out", leaf)
        with open(leaf, "a", encoding="ascii") as chain, \
                open(self.certificate, encoding="ascii") as root:
            chain.write(root.read())
        return Leaf(leaf, key, uri)

    def _issue_with_dates(self, request, leaf, extensions, starts, ends):
        """Only `openssl ca` takes dates in the past (3.0)."""
        config = self._path("ca.cnf")
        for name, text in (("index", ""), ("serial", "2000\n")):
            if not os.path.exists(self._path(name)):
                with open(self._path(name), "w", encoding="ascii") as file:
                    file.write(text)
        with open(config, "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\n"
                       f"database={self._path('index')}\nserial={self._path('serial')}\n"
                       f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=p\n"
                       "unique_subject=no\n[p]\norganizationName=optional\n")
        self._openssl("ca", "-batch", "-notext", "-config", config, "-in", request, "-out", leaf,
                      "-cert", self.certificate, "-keyfile", self.key, "-extfile", extensions,
                      "-startdate", starts, "-enddate", ends)
