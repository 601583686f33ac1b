"""Run in a pod by mesh_test: an HTTP server that notes each request's query in a file before it does anything else, and closes
every third connection instead of answering."""

import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline().rstrip()):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            with self.server.lock:
                self.server.noted.write(line.split()[1] + b"\n")
                self.server.noted.flush()
                self.server.seen += 1
                if self.server.seen % 3 == 0:
                    return
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    import threading
    with Server(("0.0.0.0", int(sys.argv[1])), Handler) as server, open(sys.argv[2], "ab") as server.noted:
        server.seen, server.lock = 0, threading.Lock()
        server.serve_forever()


main()
