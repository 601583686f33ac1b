"""Runs Bazel's unit tests and the integration tests of tests/, and sums them.  Started by tests/run."""
