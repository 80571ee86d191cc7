"""Runs the command in its arguments, and has the kernel end it when the set-up is killed.

Without this a `kill -9` of the set-up leaves pip downloading hundreds of megabytes into a folder
that nobody owns any more.
"""
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

parent = os.getppid()
try:
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
except (ImportError, OSError, AttributeError):
    # Sandboxed or stripped Python: the command still works, it only outlives a killed set-up.
    pass
if os.getppid() == parent:
    os.execvp(sys.argv[1], sys.argv[1:])
