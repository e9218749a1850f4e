"""Dropout that costs a processor little: drawn from 16-bit numbers, four of them from each random number of 64 bits.

On a processor `torch` draws one number for each feature that may be left out, which takes a tenth of a step of a small encoder.
Which features are left out here follows from `torch`'s own random numbers too, so that a run that goes on draws what it would
have drawn, and layers that are computed twice draw the same twice. An accelerator's own dropout is left as it is.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

LEVELS = 1 << 16
"""Numbers that one draw can be: the share that is left out is exact to half of one of them."""
DRAWS = 4
"""Of 16 bits, in one number of 64."""


def cheap_dropout(device: str) -> AbstractContextManager[Any]:
    """A context for the way forwards through a model, in which dropout is drawn cheaply on a processor."""
    return _CheapDropout() if device == "cpu" else nullcontext()


def while_computed_twice(encoder: Any) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Contexts for what layers compute at first and again on the way back, which must draw the same; `checkpoint` asks for both."""
    return nullcontext(), cheap_dropout(encoder.device.type)


def leave_out(given: torch.Tensor, share: float) -> torch.Tensor:
    """Set a random share of some numbers to zero, and make the others larger, so that the expected sum stays.

    Shapes: any; the result has the same.
    """
    left_out = round(share * LEVELS)
    if left_out >= LEVELS:
        return given * 0.0
    draws = torch.empty(-(-given.numel() // DRAWS), dtype=torch.int64).random_(-(1 << 63), None).view(torch.int16)
    kept = torch.empty(given.shape, dtype=given.dtype)
    torch.ge(draws[: given.numel()].view(given.shape), left_out - LEVELS // 2, out=kept)
    return given * kept.mul_(LEVELS / (LEVELS - left_out))


class _CheapDropout(TorchFunctionMode):
    """Answers each call of dropout, and of attention with dropout, in its own way."""

    def __torch_function__(
        self, called: Callable[..., Any], types: Any, given: Sequence[Any] = (), named: Mapping[str, Any] | None = None
    ) -> Any:
        answer = _ANSWERS.get(called)
        found = answer(*given, **(named or {})) if answer is not None else None
        return called(*given, **(named or {})) if found is None else found


def _dropout(given: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor | None:
    """As `dropout` of `torch`; None where that is to do it."""
    return leave_out(given, p) if training and 0.0 < p < 1.0 and not inplace else None


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **others: Any,
) -> torch.Tensor | None:
    """As `scaled_dot_product_attention` of `torch`, which has no fast way with dropout; None where that is to do it.

    Shapes: query (…, read, features), key and value (…, seen, features), mask (…, read, seen); the result is like the query.
    """
    if not 0.0 < dropout_p < 1.0 or is_causal or others.get("enable_gqa"):
        return None
    scale = others.get("scale") or 1.0 / math.sqrt(query.shape[-1])
    with torch.autocast("cpu", enabled=False):
        scores = (query * scale) @ key.transpose(-2, -1)
        if attn_mask is not None:
            scores = scores + _as_addend(attn_mask, scores.dtype)
        return leave_out(scores.softmax(dim=-1), dropout_p) @ value


def _as_addend(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask as what is added to scores: nothing where a token is seen, the least number where it is not."""
    if mask.dtype is not torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, torch.finfo(dtype).min)


_ANSWERS: dict[Callable[..., Any], Callable[..., Any]] = {
    dropout: _dropout,
    scaled_dot_product_attention: _attention,
}
