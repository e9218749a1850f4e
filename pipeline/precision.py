"""Products of matrices in bfloat16, and whether this machine has instructions for them: without any they work, far more slowly."""

import platform
from typing import Any, Literal

from pipeline.errors import PlanError

Unit = Literal["processor", "accelerator"]
X86 = ("x86_64", "amd64", "i386", "i686")


def find_bfloat16() -> Unit | None:
    """What computes in bfloat16: the accelerator where there is one, else the processor; None where it cannot."""
    import torch

    if torch.cuda.is_available():
        return "accelerator" if torch.cuda.is_bf16_supported(including_emulation=False) else None
    if platform.machine().lower() in X86:
        has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        has = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return "processor" if has else None


def mixed_precision(device: str, *, used: bool) -> Any:
    """A context in which products are computed in bfloat16, if that is used."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=used)


def require_bfloat16(precision: str | None) -> None:
    """Refuse to compute all in mixed precision on a machine that has no instructions for it.

    Args:
        precision: What the recipe or the user says.

    Raises:
        PlanError: It would take many times as long; the fix names what to set.
    """
    if precision == "mixed" and find_bfloat16() is None:
        raise PlanError(
            '[training] precision is "mixed", and neither an accelerator nor the processor of this machine computes in bfloat16.',
            'Set precision = "where_faster", which takes it only where it is faster, or leave it out; then assess again.',
        )
