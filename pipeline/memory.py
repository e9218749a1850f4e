"""Memory that ran out: how it shows, how to give some back, and how to take no more and more of it."""

import ctypes
import gc
import os
import sys
from typing import Any

SIGNS = ("out of memory", "can't allocate memory", "not enough memory")
"""What `torch` says when the processor's or an accelerator's memory is full."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""As `malloc.h` of glibc numbers them."""
LARGE_BYTES = 16 << 20
"""Blocks from which on each is given back as soon as it is free."""
KEPT_PRIMITIVES = 16
"""Prepared computations that oneDNN keeps, one for each shape of a batch; it would keep 1,024 of them.

Memory over 240 random batches of short texts with all-MiniLM-L6-v2, one thread, after a twelfth of them and after all: 633 and 793 MB
with the size of blocks alone, 629 and 686 MB with fewer computations kept alone, 627 and 649 MB with both, for 84, 92 (on a busier
machine) and 80 processor seconds. Left to itself, with texts of all lengths, 607 and 846 MB. Measured 2026-11-25."""
KEPT_IN_TRAINING = 256
"""The same while a model learns, which takes many more of them for each shape.

Peak memory of a hundred steps of all-MiniLM-L6-v2 in bfloat16 on SST-2, batches of 16, one thread: 1.61 GB left to itself, and 1.43, 1.30
and 1.26 GB with 256, 64 and 16 kept, for 0.259, 0.254, 0.278 and 0.300 processor seconds a step. Measured 2026-11-30."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the processor or on an accelerator."""
    if isinstance(error, MemoryError):
        return True
    named = type(error).__name__ == "OutOfMemoryError"  # of `torch`, which need not be there
    return isinstance(error, RuntimeError) and (named or any(sign in str(error).lower() for sign in SIGNS))


def keep_memory_flat(primitives: int = KEPT_PRIMITIVES) -> None:
    """See to it that a process that computes for long keeps no more and more; to be called before `torch` computes anything.

    Left to itself, glibc keeps ever larger blocks for itself once one of their size was freed, which batches of all sizes tear up, and
    oneDNN keeps what it prepared for each shape of a batch.

    Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html, and
    https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(primitives))
    adjust = _of_glibc("mallopt")
    if adjust is not None:
        adjust(M_MMAP_THRESHOLD, LARGE_BYTES)
        adjust(M_TRIM_THRESHOLD, LARGE_BYTES)


def _of_glibc(name: str) -> Any:
    """A function that other C libraries lack; None there."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def release_memory() -> None:
    """Give back what is no longer used, to the machine too where the C library allows it."""
    gc.collect()
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
