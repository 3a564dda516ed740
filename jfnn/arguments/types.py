"""Common type aliases."""

from typing import Any

import jax
import numpy as np

Json = dict[str, Any]  # plain values by name, as in JSON
Tree = Any  # a pytree of arrays, or of their shapes and dtypes
Array = jax.Array | np.ndarray  # on a device or on the host
Whole = jax.Array | np.int32  # a whole number, on a device or on the host
