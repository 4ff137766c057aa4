"""`python -m vidbench_diffusers`: the worker on stdin and stdout."""

from __future__ import annotations

import sys
from typing import Any

from vidbench_diffusers import architectures
from vidbench_diffusers.messages import Load
from vidbench_diffusers.serve import Model, Notify, Server, end_with_client, private_stdout


def load(asked: Load, notify: Notify) -> tuple[Model, dict[str, Any]]:
    """Loads a model. PyTorch is imported here and not before, so that `initialize` is answered at once."""
    from vidbench_diffusers import model

    return model.load(asked, notify)


def main() -> None:
    """Serves until the client goes."""
    if "--end-with-client" in sys.argv[1:]:
        end_with_client(sys.stdin.fileno())
    sink = private_stdout()
    models = [f"tiny/{name}" for name in architectures.tiny().pipelines]
    try:
        Server(sys.stdin.buffer, sink, load, models).run()
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
