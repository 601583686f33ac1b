#!/usr/bin/env python3
"""Makes the ClientHellos of this folder anew: real clients dial a socket that keeps their first message.

Each file holds the bytes exactly as they came. corpus.tsv says for each: what must be read from it, and how it was made.
Needs what Debian has (curl openssl wget gnutls-bin libnss3-tools nodejs openjdk-17-jdk-headless postgresql-client
chromium), Go 1.24 or newer, and our own //tests/conformance:boringssl_hello (its path is the only argument). A client that
is not there keeps the file that it has.
"""

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "pay.shop.test"
FRONT = "front.test"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def message_is_whole(data):
    """The handshake message at the beginning, in however many records."""
    message, at = b"", 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 3:at + 5], "big")
        message += data[at + 5:at + 5 + length]
        at += 5 + length
    return len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big")


class Listener:
    """Keeps the first ClientHello that comes, then hangs up on everybody."""

    def __init__(self, wanted=lambda hello: True):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.wanted, self.hello, self.came = wanted, None, threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                data = b""
                try:
                    while not message_is_whole(data):
                        part = connection.recv(65536)
                        if not part:
                            break
                        data += part
                        if data == SSL_REQUEST:
                            connection.sendall(b"S")
                            data = b""
                except OSError:
                    pass
                if message_is_whole(data) and self.hello is None and self.wanted(data):
                    self.hello = data
                    self.came.set()

    def take(self, command, *, stdin=b"", env=None):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
        try:
            if stdin:
                process.stdin.write(stdin)
            process.stdin.flush()
            if not self.came.wait(90):
                process.kill()
                raise SystemExit(f"no ClientHello from {command}: {process.stderr.read()[-500:]!r}")
        finally:
            process.kill()
            process.communicate()
            self.socket.close()
        return self.hello


def python_hello(port, name, alpn):
    code = ("import socket,ssl,sys;c=ssl.create_default_context();c.check_hostname=False;"
            f"c.set_alpn_protocols({alpn!r}) if {alpn!r} else None;"
            f"c.wrap_socket(socket.create_connection(('127.0.0.1',{port})),server_hostname={name!r})")
    return ["python3", "-c", code]


def node_hello(port, options):
    return ["node", "-e", f"require('tls').connect({{port:{port},host:'127.0.0.1',{options}}})"
            ".on('error',()=>{})"]


def esni(hello):
    """draft-ietf-tls-esni-02, section 5: the name leaves, encrypted_server_name (0xffce) comes in its place."""
    body = hello[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    extensions, rest = b"", body[at + 2:]
    while rest:
        kind, length = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        if kind != 0:
            extensions += rest[:4 + length]
        rest = rest[4 + length:]

    def prefixed(data):
        return len(data).to_bytes(2, "big") + data

    share = bytes(range(32))  # what is encrypted needs to mean nothing here
    sealed = (b"\x13\x01" + b"\x00\x1d" + prefixed(share) + prefixed(bytes(range(100, 132)))
              + prefixed(bytes((7 * i) & 0xff for i in range(292))))
    extensions += b"\xff\xce" + prefixed(sealed)
    message = body[:at] + prefixed(extensions)
    message = b"\x01" + len(message).to_bytes(3, "big") + message
    return hello[:3] + prefixed(message)


def clients(boringssl, ech_list):
    """file, name, kind, ALPN, how, command of a port (a callable), keyword arguments of take()."""
    ech = base64.b64encode(ech_list).decode()
    go = [os.path.join(tempfile.mkdtemp(), "go_client")]
    if shutil.which("go"):
        subprocess.run(["go", "build", "-o", go[0], os.path.join(HERE, "go_client.go")], check=True)
    s_client = lambda port, *more: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *more]
    curl = lambda port, *more: ["curl", "-sk", "--resolve", f"{NAME}:{port}:127.0.0.1", *more, f"https://{NAME}:{port}/"]
    nss = lambda port, *more: ["tstclnt", "-h", "127.0.0.1", "-p", str(port), "-D", "-o", "-Q", *more]
    chromium = lambda port: [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tempfile.mkdtemp()}",
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--dump-dom", f"https://{NAME}:{port}/"]
    return [
        ("curl_h2", NAME, "plain", "h2,http/1.1", "curl 7.88 (OpenSSL 3.0)", curl, {}),
        ("curl_tls12", NAME, "plain", "http/1.1", "curl --tls-max 1.2 --http1.1",
         lambda p: curl(p, "--tls-max", "1.2", "--http1.1"), {}),
        ("curl_by_address", "", "none", "h2,http/1.1", "curl https://127.0.0.1",
         lambda p: ["curl", "-sk", f"https://127.0.0.1:{p}/"], {}),
        ("openssl", NAME, "plain", "", "openssl s_client -servername", lambda p: s_client(p, "-servername", NAME), {}),
        ("openssl_nameless", "", "none", "", "openssl s_client -noservername",
         lambda p: s_client(p, "-noservername"), {}),
        ("openssl_tls12", NAME, "plain", "h2,weft-tcp", "openssl s_client -tls1_2 -alpn",
         lambda p: s_client(p, "-servername", NAME, "-tls1_2", "-alpn", "h2,weft-tcp"), {}),
        ("openssl_many_shares", NAME, "plain", "", "openssl s_client -groups ffdhe8192:P-521:P-384:X448",
         lambda p: s_client(p, "-servername", NAME, "-groups", "ffdhe8192:P-521:P-384:X448"), {}),
        ("python", NAME, "plain", "", "Python 3.11 ssl", lambda p: python_hello(p, NAME, []), {}),
        ("python_alpn", NAME, "plain", "weft-http/1.1,h2", "Python 3.11 ssl with ALPN",
         lambda p: python_hello(p, NAME, ["weft-http/1.1", "h2"]), {}),
        ("node", NAME, "plain", "", "Node 20 tls.connect with servername",
         lambda p: node_hello(p, f"servername:'{NAME}'"), {}),
        ("node_nameless", "", "none", "", "Node 20 tls.connect to an address", lambda p: node_hello(p, ""), {}),
        ("java_socket", NAME, "plain", "", "Java 17 SSLSocket",
         lambda p: ["java", os.path.join(HERE, "JavaClient.java"), str(p), NAME, "socket"], {}),
        ("java_http", "localhost", "plain", "h2,http/1.1", "Java 17 HttpClient",
         lambda p: ["java", os.path.join(HERE, "JavaClient.java"), str(p), NAME, "http"], {}),
        ("go", NAME, "plain", "h2,http/1.1", "Go 1.26 crypto/tls: X25519MLKEM768",
         lambda p: go + [f"127.0.0.1:{p}", NAME, "default"], {}),
        ("go_without_post_quantum", NAME, "plain", "", "Go 1.26, CurvePreferences X25519 and P-256",
         lambda p: go + [f"127.0.0.1:{p}", NAME, "no-post-quantum"], {}),
        ("go_tls12", NAME, "plain", "", "Go 1.26, MaxVersion 1.2", lambda p: go + [f"127.0.0.1:{p}", NAME, "tls12"], {}),
        ("go_ech", FRONT, "outer", "", "Go 1.26, EncryptedClientHelloConfigList: a real ECH",
         lambda p: go + [f"127.0.0.1:{p}", NAME, "ech", ech], {}),
        ("gnutls", NAME, "plain", "", "gnutls-cli 3.7 --sni-hostname",
         lambda p: ["gnutls-cli", "--insecure", "--sni-hostname", NAME, "-p", str(p), "127.0.0.1"], {}),
        ("wget", "localhost", "plain", "", "wget 1.21 (GnuTLS)",
         lambda p: ["wget", "-qO-", "--tries=1", "--no-check-certificate", f"https://localhost:{p}/"], {}),
        ("nss", NAME, "plain", "", "NSS 3.87 tstclnt (as Firefox)", lambda p: nss(p, "-a", NAME), {}),
        ("nss_grease_ech", NAME, "outer", "", "NSS 3.87 tstclnt -i: GREASE ECH as Firefox sends it",
         lambda p: nss(p, "-a", NAME, "-V", "tls1.2:tls1.3", "-i", "100"), {}),
        ("nss_ech", FRONT, "outer", "", "NSS 3.87 tstclnt -N: a real ECH",
         lambda p: nss(p, "-a", NAME, "-V", "tls1.2:tls1.3", "-N", ech), {}),
        ("chromium", NAME, "outer", "h2,http/1.1", "Chromium of Debian, headless: GREASE, X25519MLKEM768, GREASE ECH",
         chromium, {}),
        ("psql", NAME, "plain", "", "psql 15 sslmode=require, behind its SSLRequest",
         lambda p: ["psql", f"host={NAME} hostaddr=127.0.0.1 port={p} user=u dbname=d sslmode=require"], {}),
    ]


def boringssl_files(boringssl, ech_list):
    run = lambda *args, stdin=b"": subprocess.run([boringssl, *args], input=stdin, stdout=subprocess.PIPE,
                                                  check=True).stdout
    yield "boringssl", NAME, "plain", "h2,http/1.1", "boringssl_hello hello: X25519MLKEM768", run("hello", NAME)
    yield ("boringssl_chromium", NAME, "outer", "h2,http/1.1",
           "boringssl_hello chromium: GREASE, permuted extensions, GREASE ECH", run("chromium", NAME))
    yield ("boringssl_ech", FRONT, "outer", "h2,http/1.1", "boringssl_hello ech: a real ECH",
           run("ech", NAME, stdin=ech_list))


def main():
    boringssl = sys.argv[1]
    ech_list = subprocess.run([boringssl, "ech-config", FRONT], stdout=subprocess.PIPE, check=True).stdout
    lines = ["# file\tname\tkind\tALPN\tbytes\thow it was made (make_client_hellos.py)"]

    def keep(file, name, kind, alpn, how, hello):
        if hello is not None:
            with open(os.path.join(HERE, file + ".bin"), "wb") as out:
                out.write(hello)
        size = os.path.getsize(os.path.join(HERE, file + ".bin"))
        lines.append("\t".join([file + ".bin", name or "-", kind, alpn or "-", str(size), how]))
        print(f"{size:6} {file}")

    for file, name, kind, alpn, how, command, more in clients(boringssl, ech_list):
        listener = Listener()
        line = command(listener.port)
        keep(file, name, kind, alpn, how, listener.take(line, **more) if shutil.which(line[0]) else None)
    for entry in boringssl_files(boringssl, ech_list):
        keep(*entry)
    with open(os.path.join(HERE, "openssl.bin"), "rb") as file:
        keep("esni_draft", "", "hidden", "", "openssl.bin with encrypted_server_name of draft-ietf-tls-esni-02 "
             "in the place of server_name (built; no client of today sends it)", esni(file.read()))
    with open(os.path.join(HERE, "corpus.tsv"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
