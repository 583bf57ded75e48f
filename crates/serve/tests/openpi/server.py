"""Starts ``parapolicy serve``."""

import subprocess
import threading
from contextlib import contextmanager


@contextmanager
def started(program, options):
    """A server that ends with the block, and its address."""
    command = [program, "serve", "--port", "0", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if line.startswith("serves "):
                # What else it has to say is nobody's to read, and must not fill the pipe.
                threading.Thread(target=server.stderr.read, daemon=True).start()
                yield server, line.split()[1]
                break
        else:
            raise SystemExit("the server has not started")
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0, "the server ends with 0"
