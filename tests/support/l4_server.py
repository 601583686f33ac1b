"""Servers behind sidecars, run in pods as processes of their own by l4_objects_test.

    l4_server.py greet NAME PORT               speaks first: NAME to whoever connects, and closes
    l4_server.py tls NAME PORT CHAIN KEY       TLS: answers an HTTP request with NAME and the server name that was asked for
    l4_server.py postgres NAME PORT CHAIN KEY  the same behind PostgreSQL's SSLRequest
"""

import socket
import ssl
import struct
import sys
import threading

SSL_REQUEST = struct.pack("!II", 8, 80877103)


def greet(connection, name):
    connection.sendall(name.encode())


def answer(connection, name, context, preamble=b""):
    if preamble:
        if connection.recv(len(preamble), socket.MSG_WAITALL) != preamble:
            return
        connection.sendall(b"S")
    with context.wrap_socket(connection, server_side=True) as sealed:
        head = b""
        while b"\r\n\r\n" not in head:
            data = sealed.recv(4096)
            if not data:
                return
            head += data
        body = f"{name} {getattr(sealed, 'asked_for', None)}".encode()
        sealed.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def remember_name(sealed, name, context):
    sealed.asked_for = name


def serve(port, handle):
    def one(connection):
        try:
            with connection:
                handle(connection)
        except OSError as why:  # a handshake that the other side ends; the log says which
            print(why, flush=True)

    with socket.create_server(("", port), backlog=256) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()


def main(kind, name, port, chain=None, key=None):
    if kind == "greet":
        return serve(int(port), lambda connection: greet(connection, name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.sni_callback = remember_name
    preamble = SSL_REQUEST if kind == "postgres" else b""
    return serve(int(port), lambda connection: answer(connection, name, context, preamble))


if __name__ == "__main__":
    main(*sys.argv[1:])
