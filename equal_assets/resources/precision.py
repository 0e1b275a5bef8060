"""Whether a device computes in bfloat16 faster than in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def computes_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bfloat16: without, it is emulated and slower."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and bool(
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )
