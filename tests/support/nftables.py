"""nftables rules in this process's own network namespace, through libnftables in this process.

A child would have no capability when the tests run without root. Refuses to work in the namespace
of the machine.
"""

import ctypes

from tests.support import cases, namespace


def run(commands):
    """One atomic transaction; raises OSError with the library's text."""
    if not namespace.enter_private_network():
        raise cases.Skip("nftables rules need a network namespace of their own")
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as why:
        raise cases.Skip("libnftables.so.1 not found (apt-get install libnftables1)") from why
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    library.nft_ctx_buffer_error(context)
    failed = library.nft_run_cmd_from_buffer(context, commands.encode())
    text = library.nft_ctx_get_error_buffer(context)
    library.nft_ctx_free(context)
    if failed:
        raise OSError(f"nftables: {(text or b'').decode()}")


class Redirect:
    """Connections from `source` to `port` go to `to`, as capture does it. A context manager."""

    def __init__(self, source, port, to):
        self._rule = f"ip saddr {source} tcp dport {port} redirect to :{to}"

    def __enter__(self):
        run("table ip weft_test {\n chain output {\n type nat hook output priority -100\n"
            f"{self._rule}\n }}\n}}\n")
        return self

    def __exit__(self, kind, value, trace):
        run("delete table ip weft_test")
