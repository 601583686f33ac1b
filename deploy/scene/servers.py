"""The programs of others that a scene needs: nginx as the application, Prometheus beside the mesh."""

import json
import os
import socket

from deploy.scene.programs import Program, find

APPLICATION_PORT = 8080
PROMETHEUS_PORT = 9090

# One line per request: the step that its load belongs to, its method, and who the sidecar says is calling.
_LOG_FORMAT = "$arg_step $request_method $status $http_x_forwarded_client_cert"

# A plain 200 with the version, in a body and in a header. The access log is written at once, so that it can be counted.
_NGINX = """
daemon off;
user root;
master_process off;  # uid 0 of a user namespace cannot change its groups, as a master does for its workers
pid {folder}/{name}.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  log_format scene '{log_format}';
  access_log {folder}/{name}.requests scene;
  client_body_temp_path {folder}/{name}.b; proxy_temp_path {folder}/{name}.p; fastcgi_temp_path {folder}/{name}.f;
  uwsgi_temp_path {folder}/{name}.u; scgi_temp_path {folder}/{name}.s;
  keepalive_requests 1000000;
  server {{
    listen {port};
    location / {{
      default_type text/plain;
      add_header x-version {version} always;
      return 200 "{name} {version}\\n";
    }}
  }}
}}
"""


class Nginx:
    """A replica: a real nginx in a pod, whose log tells what really arrived."""

    def __init__(self, pod, version, folder):
        self.pod = pod
        self.version = version
        self.requests_path = os.path.join(folder, f"{pod.name}.requests")
        config = os.path.join(folder, f"{pod.name}.nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(_NGINX.format(folder=folder, name=pod.name, version=version, port=APPLICATION_PORT,
                                     log_format=_LOG_FORMAT))
        self.program = Program(f"{pod.name}.nginx", [find("nginx", "nginx-light"), "-p", folder, "-e", "stderr", "-c", config],
                               folder, pod)

    def is_ready(self):
        """Asked from the scene's own namespace, so before the pod's traffic is captured."""
        try:
            with socket.create_connection((self.pod.ip, APPLICATION_PORT), timeout=1):
                return True
        except OSError:
            return False

    def lines(self, step=None):
        """(step, method, status, certificate header) of each request, in their order; of one step only."""
        if not os.path.exists(self.requests_path):
            return []
        with open(self.requests_path, encoding="utf-8", errors="replace") as file:
            split = [line.rstrip("\n").split(" ", 3) for line in file if line.endswith("\n")]
        return [line for line in split if step is None or line[0] == step]


def prometheus(pod, targets, folder):
    """Prometheus as Debian ships it. `targets` is {job: [HOST:PORT with a name of the pod's /etc/hosts]}."""
    config = os.path.join(folder, "prometheus.yml")
    jobs = [{"job_name": job, "static_configs": [{"targets": hosts}]} for job, hosts in targets.items()]
    with open(config, "w", encoding="ascii") as file:  # JSON is YAML
        json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}, file, indent=1)
    return Program("prometheus", [
        find("prometheus", "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address={pod.ip}:{PROMETHEUS_PORT}", "--web.console.templates=/etc/prometheus/consoles",
        "--web.console.libraries=/etc/prometheus/console_libraries", "--log.level=warn"], folder, pod)
