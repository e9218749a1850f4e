"""That a process gives large blocks back, in a fresh one: the C library's settings last as long as a process."""

import subprocess
import sys

import pytest

TORN = """
import ctypes, sys
from pipeline.memory import keep_memory_flat
if sys.argv[1] == "flat":
    keep_memory_flat()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def block(size):
    found = libc.malloc(size)
    ctypes.memset(found, 1, size)
    return found
libc.free(block(30 << 20))  # from now on glibc keeps blocks of up to this size, unless told otherwise
large, small = [], []
for _ in range(8):
    large.append(block(20 << 20))
    small.append(block(100_000))  # between two large ones, so that the heap cannot shrink
for each in large:
    libc.free(each)
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * 4096 >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux")
def test_large_blocks_are_given_back_as_soon_as_they_are_free() -> None:
    resident = {
        way: int(subprocess.run([sys.executable, "-c", TORN, way], capture_output=True, text=True, check=True).stdout)
        for way in ("as it is", "flat")
    }
    assert resident["as it is"] - resident["flat"] > 80
