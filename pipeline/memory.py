"""Memory that ran out: how it shows, and how to give some back."""

import ctypes
import gc
import sys

SIGNS = ("out of memory", "can't allocate memory", "not enough memory")
"""What `torch` says when the processor's or an accelerator's memory is full."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the processor or on an accelerator."""
    if isinstance(error, MemoryError):
        return True
    named = type(error).__name__ == "OutOfMemoryError"  # of `torch`, which need not be there
    return isinstance(error, RuntimeError) and (named or any(sign in str(error).lower() for sign in SIGNS))


def release_memory() -> None:
    """Give back what is no longer used, to the machine too where the C library allows it."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
