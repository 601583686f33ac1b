"""The benchmark: weft-proxy beside nginx, HAProxy and Envoy doing the same work in one run."""
