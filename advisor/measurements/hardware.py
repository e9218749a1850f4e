"""The machine as it is now, with one large product measured."""

import os
import platform
import shutil
import time
from pathlib import Path

import psutil

from advisor.records import HardwareMeasurement
from pipeline.precision import find_bfloat16

PRODUCT_SIZE = 1024
PRODUCTS = 5


def measure_hardware(folder: Path) -> HardwareMeasurement:
    """Measure cores, memory, disk, accelerator and arithmetic rate.

    Args:
        folder: Where the run will write.
    """
    import torch

    from pipeline.training.block import efficient_tokens

    begun = time.perf_counter()
    bfloat16 = find_bfloat16()
    memory = psutil.virtual_memory()
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return HardwareMeasurement(
        processor=platform.processor() or platform.machine(),
        physical_cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        load_average=os.getloadavg()[0],
        memory_total_bytes=memory.total,
        memory_free_bytes=memory.available,
        disk_free_bytes=shutil.disk_usage(folder).free,
        accelerator=accelerator,
        accelerator_memory_bytes=torch.cuda.get_device_properties(0).total_memory if accelerator else None,
        bfloat16=bfloat16,
        matmul_flops_per_second=_product_rate(),
        efficient_tokens=efficient_tokens(bfloat16=bfloat16 is not None),
        seconds=time.perf_counter() - begun,
    )


def _product_rate() -> float:
    """Arithmetic operations a second in a square product, the best of a few."""
    import torch

    from pipeline.embeddings import device

    matrix = torch.rand(PRODUCT_SIZE, PRODUCT_SIZE, device=device())
    best = float("inf")
    for _ in range(PRODUCTS):
        begun = time.perf_counter()
        float((matrix @ matrix)[0, 0])
        best = min(best, time.perf_counter() - begun)
    return 2 * PRODUCT_SIZE**3 / best
