"""Tests that need several network namespaces: capture, and the mesh between pods."""
