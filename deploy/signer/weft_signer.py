#!/usr/bin/env python3
"""Reference signer: keeps private keys away from weft-proxy and signs TLS handshakes for it over a unix socket.

    deploy/signer/weft_signer.py --socket /run/weft/signer.sock key.pem…

The protocol is docs/signer.md. This program is for reading and for tests: it calls the openssl command for each
signature (some ms). A signer for production speaks the same bytes, in front of an HSM or a key service.
"""

import argparse
import hashlib
import os
import socketserver
import struct
import subprocess
import sys

VERSION, SIGN = 1, 1
SIGNED, UNKNOWN_KEY, REFUSED, FAILED = 0, 1, 2, 3
LONGEST_REQUEST = 64 * 1024

_PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
# SignatureScheme (RFC 8446, 4.2.3) → what `openssl dgst` is told.
SCHEMES = {
    0x0401: ["-sha256"], 0x0501: ["-sha384"], 0x0601: ["-sha512"],
    0x0403: ["-sha256"], 0x0503: ["-sha384"],
    0x0804: ["-sha256", *_PSS], 0x0805: ["-sha384", *_PSS], 0x0806: ["-sha512", *_PSS],
}


def key_id(path):
    """SHA-256 of the key's SubjectPublicKeyInfo."""
    done = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True,
                          check=True)
    return hashlib.sha256(done.stdout).digest()


def answer(keys, request):
    """(status, signature or words) for the body of a request."""
    if len(request) < 36 or request[0] != VERSION or request[1] != SIGN:
        return REFUSED, b"expected version 1, operation 1"
    (scheme,) = struct.unpack(">H", request[2:4])
    path = keys.get(request[4:36])
    if path is None:
        return UNKNOWN_KEY, b"no such key"
    if scheme not in SCHEMES:
        return REFUSED, b"signature scheme %04x" % scheme
    done = subprocess.run(["openssl", "dgst", *SCHEMES[scheme], "-sign", path], input=request[36:],
                          capture_output=True, check=False)
    if done.returncode != 0:
        return FAILED, done.stderr.splitlines()[0] if done.stderr else b"openssl failed"
    return SIGNED, done.stdout


class Connection(socketserver.StreamRequestHandler):
    """Any number of requests, answered in their order, until the client closes."""

    def handle(self):
        while True:
            head = self.rfile.read(4)
            if len(head) < 4:
                return
            (size,) = struct.unpack(">I", head)
            if size > LONGEST_REQUEST:
                return
            request = self.rfile.read(size)
            if len(request) < size:
                return
            status, text = answer(self.server.keys, request)
            self.wfile.write(struct.pack(">IB", len(text) + 1, status) + text)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", required=True)
    parser.add_argument("keys", nargs="+", metavar="KEY.pem")
    options = parser.parse_args()
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    keys = {key_id(path): path for path in options.keys}
    old = os.umask(0o077)
    with Server(options.socket, Connection) as server:
        os.umask(old)
        server.keys = keys
        sys.stdout.write(f"signing with {len(keys)} keys at {options.socket}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
