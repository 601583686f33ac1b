"""Test certificates made by the openssl command: P-256 or RSA, SPIFFE ids as URI SANs, revocation, OCSP answers."""

import os
import subprocess
import tempfile
import shutil

from tests.support import programs


class Leaf:
    """Paths of one certificate: `chain` (leaf and issuer), `key`."""

    def __init__(self, chain, key, uri, serial=None):
        self.chain, self.key, self.uri, self.serial = chain, key, uri, serial


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

    def issue(self, name, *, dns=(), uri=None, starts=None, ends=None, rsa=False, usage="serverAuth,clientAuth",
              extra=""):
        """A leaf for `namespace/account`. `starts` and `ends` are YYYYMMDDHHMMSSZ; `extra` is a line of extensions."""
        self._count += 1
        stem = f"leaf{self._count}"
        uri = uri or self.spiffe(name)
        names = [f"URI:{uri}"] + [f"DNS:{one}" for one in dns]
        key, request, leaf = (self._path(stem + end) for end in (".key", ".csr", ".pem"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self._openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", "/O=test")
        extensions = self._path(stem + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(names) + "\n"
                       "keyUsage=critical,digitalSignature\n"
                       f"extendedKeyUsage={usage}\n"
                       f"basicConstraints=critical,CA:FALSE\n{extra}\n")
        if starts or ends:
            self._issue_with_dates(request, leaf, extensions, starts or "20200101000000Z", ends)
        else:
            self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                          self.key, "-set_serial", str(1000 + self._count), "-days", "10",
                          "-extfile", extensions, "-out", leaf)
        with open(leaf, "a", encoding="ascii") as chain, \
                open(self.certificate, encoding="ascii") as root:
            chain.write(root.read())
        return Leaf(leaf, key, uri, 1000 + self._count)

    def subordinate(self):
        """An issuing authority below this one; it goes away with this one."""
        self._count += 1
        below = Authority(self.trust_domain)
        below.folder = self._path(f"below{self._count}")
        os.mkdir(below.folder)
        below.certificate, below.key = below._path("root.pem"), below._path("root.key")
        below.serial = 1000 + self._count
        request, extensions = below._path("ca.csr"), below._path("ca.ext")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      below.key, "-out", request, "-subj", f"/O={self.trust_domain}/CN=issuing{self._count}")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-set_serial",
                      str(below.serial), "-days", "10", "-extfile", extensions, "-out", below.certificate)
        return below

    def _database(self, serials, status):
        """An index file of `openssl ca`: serial numbers that are valid (V) or revoked (R)."""
        self._count += 1
        index = self._path(f"index{self._count}")
        with open(index, "w", encoding="ascii") as file:
            for serial in serials:
                number = f"{serial:X}" if len(f"{serial:X}") % 2 == 0 else f"0{serial:X}"
                revoked = "200101000000Z" if status == "R" else ""
                file.write(f"{status}\t491231235959Z\t{revoked}\t{number}\tunknown\t/O=test\n")
        with open(index + ".attr", "w", encoding="ascii") as file:
            file.write("unique_subject = no\n")
        return index

    def revocation_list(self, *serials, seconds=86400):
        """The path of a CRL with these serial numbers, valid so long."""
        index = self._database(serials, "R")
        config = index + ".cnf"
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\ndefault_md=sha256\n")
        self._openssl("ca", "-gencrl", "-config", config, "-cert", self.certificate, "-keyfile", self.key,
                      "-crlsec", str(seconds), "-out", index + ".crl")
        return index + ".crl"

    def ocsp_answer(self, leaf, *, revoked=False):
        """The path of an OCSP response in DER about the leaf, good for an hour."""
        index = self._database([leaf.serial], "R" if revoked else "V")
        request, answer = index + ".req", index + ".der"
        self._openssl("ocsp", "-issuer", self.certificate, "-cert", leaf.chain, "-no_nonce", "-reqout", request)
        self._openssl("ocsp", "-index", index, "-CA", self.certificate, "-rsigner", self.certificate, "-rkey", self.key,
                      "-reqin", request, "-nmin", "60", "-respout", answer)
        return answer

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
