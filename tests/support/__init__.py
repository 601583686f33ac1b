"""What the integration tests and the benchmark share. Standard library only, so that a stranger's
Debian 12 needs nothing from PyPI."""
