"""A mesh on one machine: pods as namespaces, real servers in them, weft-control and a sidecar per replica.

deploy/demo tells a story with it, tests/netns/mesh_test.py asks it hard questions. Standard library only. Everything runs
inside the network namespace of the caller, which must be one of its own (deploy/demo and tests/run see to that).
"""
