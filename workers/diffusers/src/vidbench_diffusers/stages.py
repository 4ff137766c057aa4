"""When each stage of a sample began and ended, and each step, seen from outside the pipeline.

Text encoders and denoisers are watched by hooks, the VAE by a wrapper of its `decode`. A compiled network has a wrapper
around its compiled call: hooks would be compiled with it, and again for each sample. Every mark waits for the device, so
it is the moment at which the work was done and not the one at which it was queued.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

import torch

Stage = Literal["text_encode", "denoise", "vae_decode"]
Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]

ENCODERS = ("text_encoder", "image_encoder", "prompt_enhancer", "connectors")
DENOISERS = ("transformer", "unet", "controlnet")
DECODERS = ("vae", "diffusion_decoder")


class Span(NamedTuple):
    """One stage, in nanoseconds of the worker's clock."""

    name: Stage
    start_ns: int
    end_ns: int


def stage_of(component: str) -> Stage | None:
    """The stage that the forward pass of a component belongs to."""
    if component.startswith(ENCODERS):
        return "text_encode"
    return "denoise" if component.startswith(DENOISERS) else None


class Timeline:
    """What happened in one call of a pipeline."""

    def __init__(self, wait: Callable[[], None], on_step: Callable[[int], None]) -> None:
        self._wait = wait
        self._on_step = on_step
        self._spans: list[Span] = []
        self._open: dict[int, int] = {}
        self.step_ends: list[int] = []

    def now(self) -> int:
        """The time once the device has finished its work."""
        self._wait()
        return time.monotonic_ns()

    def step(self) -> None:
        """Records that a step has ended."""
        end = self.now()
        self._spans.append(Span("denoise", end, end))
        self.step_ends.append(end)
        self._on_step(end)

    def has_begun(self) -> bool:
        """Whether any network has run."""
        return bool(self._spans or self._open)

    def spans(self) -> list[Span]:
        """Stages in order. Neighbours of the same name are merged, with the time between them."""
        merged: list[Span] = []
        for span in sorted(self._spans, key=lambda span: span.start_ns):
            last = merged[-1] if merged else None
            if last is not None and last.name == span.name:
                merged[-1] = last._replace(end_ns=max(last.end_ns, span.end_ns))
            elif last is not None and span.start_ns < last.end_ns:
                continue  # within another stage, which it is a part of
            else:
                merged.append(span)
        return merged

    @contextmanager
    def watching(self, components: dict[str, Any]) -> Iterator[None]:
        """Watches the components of a pipeline while it is called."""
        with ExitStack() as stack:
            for name, component in components.items():
                if isinstance(component, torch.nn.Module) and (stage := stage_of(name)) is not None:
                    if component._compiled_call_impl is not None:
                        stack.enter_context(wrapped(component, "_compiled_call_impl", self._timed(stage)))
                    else:
                        self._hook(stack, component, stage)
                if name.startswith(DECODERS) and hasattr(component, "decode"):
                    stack.enter_context(wrapped(component, "decode", self._timed("vae_decode")))
            yield

    def _hook(self, stack: ExitStack, module: torch.nn.Module, stage: Stage) -> None:
        def before(module: torch.nn.Module, *_: Any) -> None:
            self._open[id(module)] = self.now()

        def after(module: torch.nn.Module, *_: Any) -> None:
            self._spans.append(Span(stage, self._open.pop(id(module)), self.now()))

        for handle in (module.register_forward_pre_hook(before), module.register_forward_hook(after)):
            stack.callback(handle.remove)

    def _timed(self, stage: Stage) -> Wrapper:
        def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
            def timed(*args: Any, **kwargs: Any) -> Any:
                start = self.now()
                try:
                    return call(*args, **kwargs)
                finally:
                    self._spans.append(Span(stage, start, self.now()))

            return timed

        return wrap


@contextmanager
def wrapped(owner: Any, name: str, wrap: Wrapper) -> Iterator[None]:
    """Puts a wrapper in the place of a method of one object, for a while."""
    own, before = name in vars(owner), getattr(owner, name)
    setattr(owner, name, wrap(before))
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)
