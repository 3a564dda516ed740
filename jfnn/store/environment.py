"""What computes: the packages and the processor, as far as results depend on them."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "optax")


@functools.cache
def versions() -> dict[str, str]:
    """The versions of what computes; looking them up takes milliseconds."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from its sources, without an installation
            found[name] = "not installed"
    return found


@functools.cache
def processor() -> str:
    """What kind of processor this is: XLA compiles for what it can do, and other code rounds otherwise.

    On Linux its name, and a checksum of its features.
    """
    named = ("model name", "flags", "Features")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".strip()
    told = dict(line.split(":", 1) for line in lines if line.startswith(named))
    features = hashlib.sha256("".join(sorted(told.values())).encode()).hexdigest()[:12]
    model = next((value.strip() for name, value in told.items() if name.startswith("model name")), "")
    return " ".join(filter(None, (platform.machine(), model, features)))
