"""nginx and HAProxy as proxies, nginx as the backend: configurations that do the same work.

Everywhere: one worker, no access log, keep-alive on both sides without a limit, TLS 1.3 only,
P-256 certificates, chain verified in both directions.
"""

import os

from tests.support import process, programs

_NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"  # Debian libnginx-mod-stream
BULK_BYTES = 64 << 20


def _root_of_a_user_namespace():
    """True where uid 0 cannot change its groups, as nginx's master wants for its workers."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return os.geteuid() == 0 and file.read().split() != ["0", "0", "4294967295"]


class Nginx(process.Process):
    """`body` goes behind the common head of nginx.conf; FOLDER in it is the process's folder."""

    name = "nginx"
    stop_signal = process.signal.SIGQUIT
    stop_seconds = 2.0

    def __init__(self, port, body, **more):
        super().__init__(**more)
        self.port = port
        self.body = body

    def prepare(self):
        stream = f"load_module {_NGINX_STREAM};" if os.path.exists(_NGINX_STREAM) else ""
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="ascii") as file:
            if _root_of_a_user_namespace():
                stream += "\nmaster_process off;"
            file.write(f"{stream}\nuser root;\nworker_processes 1;\npid {self.folder}/pid;\n"
                       "error_log stderr warn;\n"
                       "worker_rlimit_nofile 20000;\n"
                       "events { worker_connections 4096; }\n"
                       + self.body.replace("FOLDER", self.folder))

    def command(self):
        return [programs.debian("nginx", "nginx-light"), "-p", self.folder, "-c",
                os.path.join(self.folder, "nginx.conf"), "-e", "stderr", "-g", "daemon off;"]

    def is_ready(self):
        return process.accepts(self.port)


_HTTP = """http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; tcp_nodelay on;
  client_body_temp_path FOLDER/b; proxy_temp_path FOLDER/p; fastcgi_temp_path FOLDER/f;
  uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s; proxy_max_temp_file_size 0;
%s
}
"""

_KEEP = "keepalive 128; keepalive_requests 1000000000; keepalive_timeout 3600s;"
_PASS = 'proxy_http_version 1.1; proxy_set_header Connection "";'


class Backend(Nginx):
    """What the proxies stand before: a 12-byte answer at / and 64 MiB at /bulk."""

    def __init__(self, port, **more):
        super().__init__(port, _HTTP % f"""  sendfile on;
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location = /bulk {{ root FOLDER; }}
    location / {{ default_type text/plain; return 200 "hello world\\n"; }} }}""", **more)

    def prepare(self):
        super().prepare()
        with open(os.path.join(self.folder, "bulk"), "wb") as file:
            for _ in range(BULK_BYTES >> 20):
                file.write(b"x" * (1 << 20))


def nginx_http(port, backend, **more):
    return Nginx(port, _HTTP % f"""  upstream service {{ server 127.0.0.1:{backend}; {_KEEP} }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://service; {_PASS} }} }}""",
                 **more)


def nginx_tcp(port, backend, **more):
    return Nginx(port, f"""stream {{ tcp_nodelay on;
  server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{backend}; }} }}
""", **more)


def nginx_tls_out(port, peer, certificate, authority, server_name, **more):
    return Nginx(port, _HTTP % f"""  upstream service {{ server 127.0.0.1:{peer}; {_KEEP} }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass https://service; {_PASS}
    proxy_ssl_protocols TLSv1.3; proxy_ssl_certificate {certificate.chain};
    proxy_ssl_certificate_key {certificate.key}; proxy_ssl_verify on; proxy_ssl_name {server_name};
    proxy_ssl_server_name on; proxy_ssl_trusted_certificate {authority.certificate}; }} }}""", **more)


def nginx_tls_in(port, backend, certificate, authority, **more):
    return Nginx(port, _HTTP % f"""  upstream service {{ server 127.0.0.1:{backend}; {_KEEP} }}
  server {{ listen 127.0.0.1:{port} ssl backlog=4096; ssl_protocols TLSv1.3;
    ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};
    ssl_client_certificate {authority.certificate}; ssl_verify_client on;
    location / {{ proxy_pass http://service; {_PASS} }} }}""", **more)


class HAProxy(process.Process):
    name = "haproxy"
    stop_seconds = 2.0
    stop_signal = process.signal.SIGUSR1  # soft stop; the rest is killed

    def __init__(self, port, mode, listen, server, **more):
        super().__init__(**more)
        self.port, self.mode, self.listen, self.server = port, mode, listen, server

    def prepare(self):
        reuse = "  http-reuse always\n" if self.mode == "http" else ""
        with open(os.path.join(self.folder, "haproxy.cfg"), "w", encoding="ascii") as file:
            file.write("global\n  nbthread 1\n  maxconn 8000\n"
                       f"defaults\n  mode {self.mode}\n  maxconn 8000\n  timeout connect 5s\n"
                       "  timeout client 1h\n  timeout server 1h\n"
                       f"frontend f\n  bind 127.0.0.1:{self.port} {self.listen}\n"
                       f"  default_backend b\nbackend b\n{reuse}  server s {self.server}\n")

    def command(self):
        return [programs.debian("haproxy"), "-db", "-f",
                os.path.join(self.folder, "haproxy.cfg")]

    def is_ready(self):
        return process.accepts(self.port)


def _bundle(certificate):
    """HAProxy wants certificate and key in one file."""
    path = certificate.chain + ".bundle"
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as out:
            for part in (certificate.chain, certificate.key):
                with open(part, encoding="ascii") as file:
                    out.write(file.read())
    return path


def haproxy_http(port, backend, **more):
    return HAProxy(port, "http", "", f"127.0.0.1:{backend}", **more)


def haproxy_tcp(port, backend, **more):
    return HAProxy(port, "tcp", "", f"127.0.0.1:{backend}", **more)


def haproxy_tls_out(port, peer, certificate, authority, server_name, **more):
    return HAProxy(port, "http", "", f"127.0.0.1:{peer} ssl crt {_bundle(certificate)} verify required "
                   f"ca-file {authority.certificate} verifyhost {server_name} "
                   f"sni str({server_name}) ssl-min-ver TLSv1.3", **more)


def haproxy_tls_in(port, backend, certificate, authority, **more):
    return HAProxy(port, "http", f"ssl crt {_bundle(certificate)} verify required "
                   f"ca-file {authority.certificate} ssl-min-ver TLSv1.3",
                   f"127.0.0.1:{backend}", **more)
