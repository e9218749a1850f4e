"""A block that does what a layer of an encoder mostly does, by which it is measured how this machine computes."""

import time

import torch

from pipeline.precision import mixed_precision

WIDTH, TOKENS = 384, (128, 256, 512, 1024, 2048)
"""Of the block and of the steps by which it is found how many tokens a step should read; set by us."""
STEPS = 4
"""That each number of tokens is measured in, of which the quickest counts; set by us."""
NEARLY = 0.75
"""Of the fastest reading, which is fast enough; set by us."""
INNER = 4
"""A layer's inner features over its outer ones, as most encoders have it."""


def efficient_tokens(*, bfloat16: bool) -> int:
    """The fewest tokens with which a training step reads nearly as fast as with many: with fewer, it is mostly spent on the weights.

    Measured on one thread by its processor seconds, the least of some, so that other programs hardly matter.

    Args:
        bfloat16: Whether products are computed in it.
    """
    before = torch.get_num_threads()
    rates = {}
    with torch.random.fork_rng():
        torch.set_num_threads(1)
        for tokens in TOKENS:
            block = Block(tokens, WIDTH)
            rates[tokens] = tokens / min(block.step_seconds(mixed=bfloat16) for _ in range(STEPS))
        torch.set_num_threads(before)
    return next(tokens for tokens, rate in rates.items() if rate >= NEARLY * max(rates.values()))


class Block:
    """What a layer of an encoder mostly does: two products with what stands between and behind them.

    Shapes: the input is (tokens, width).
    """

    def __init__(self, tokens: int, width: int) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.parts = torch.nn.Sequential(
            torch.nn.Linear(width, INNER * width),
            torch.nn.GELU(),
            torch.nn.Linear(INNER * width, width),
            torch.nn.Dropout(0.1),
            torch.nn.LayerNorm(width),
        ).to(self.device)
        self.given = torch.randn(tokens, width, device=self.device, requires_grad=True)
        self.optimizer = torch.optim.AdamW(self.parts.parameters(), fused=True)
        for mixed in (False, True):
            self.seconds(mixed=mixed)  # the first time memory is asked for, and code is made

    def seconds(self, *, mixed: bool) -> float:
        """Of one pass forwards and backwards."""
        begun = time.perf_counter()
        self._pass(mixed=mixed)
        self._forget()
        return time.perf_counter() - begun

    def step_seconds(self, *, mixed: bool) -> float:
        """Of a pass and a step of the optimizer: of the processor, or by the clock where an accelerator computes."""
        clock = time.perf_counter if self.device == "cuda" else time.process_time
        begun = clock()
        self._pass(mixed=mixed)
        torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
        self.optimizer.step()
        self._forget()
        return clock() - begun

    def _pass(self, *, mixed: bool) -> None:
        with mixed_precision(self.device, used=mixed):
            found = self.parts(self.given)
        torch.autograd.backward(found.float().square().mean())

    def _forget(self) -> None:
        float(self.given.grad.sum() if self.given.grad is not None else 0)  # an accelerator is waited for
        self.parts.zero_grad()
        self.given.grad = None
