"""The forward pass with the rounding that it may carry, and the derivatives of its activations."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jfnn.activations import Activation
from jfnn.losses import Loss
from jfnn.own_code.rounded import Rounded


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is to be computed.

    Attributes:
        x: Inputs ``[n, n_in]``.
        targets: ``[n, t]``.
        weights: ``[n_in, n_out]`` of each layer.
        biases: ``[n_out]`` of each layer.
        functions: The activation of each layer.
        loss: The loss.
        l2: λ, of λ/2 Σ w².
        l1: λ_1, of λ_1 Σ |w|.
        penalised: "weights" or "all".
        reduction: "sum" or "mean".
        unit: The spacing of floats at 1 in the student's dtype.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    functions: Sequence[Activation]
    loss: Loss
    l2: float
    l1: float
    penalised: str
    reduction: str
    unit: float

    @property
    def depth(self) -> int:
        """The number of layers, L."""
        return len(self.weights)

    @property
    def scale(self) -> float:
        """Factor of the objective: 1 for a sum, 1/n for a mean."""
        return 1.0 if self.reduction == "sum" else 1 / len(self.x)

    @property
    def has_penalty(self) -> bool:
        """Whether there is any."""
        return self.l2 > 0 or self.l1 > 0

    def penalty(self, array: np.ndarray) -> np.ndarray:
        """``λ w + λ_1 sign(w)``, without the factor of the objective."""
        return np.asarray(self.l2 * array + self.l1 * np.sign(array))

    def exact(self, value: np.ndarray) -> Rounded:
        """Numbers that the student has, too."""
        return Rounded.exact(value, self.unit)


class Forward:
    """z_l and a_l of each layer; layers count from 0 here, and ``a[0]`` are the inputs."""

    def __init__(
        self,
        setting: Setting,
        functions: Sequence[Activation] | None = None,
        own: Sequence[np.ndarray] | None = None,
        without_bias: Sequence[int] = (),
    ) -> None:
        """The pass by some activations.

        Args:
            setting: What is to be computed.
            functions: The activation of each layer; None for those of the setting.
            own: The student's a_1 to a_L, from which each next layer is then computed.
            without_bias: Layers whose bias is left out.
        """
        self.setting = setting
        self.functions = list(setting.functions if functions is None else functions)
        self.z: list[Rounded] = []
        self.a = [setting.exact(setting.x)]
        self.made: list[Rounded] = []  # f(z_l), also where the student's a_l goes on
        for i, (w, b) in enumerate(zip(setting.weights, setting.biases, strict=True)):
            z = self.a[-1].matmul(setting.exact(w))
            self.z.append(
                z if i in without_bias else z.plus(setting.exact(np.broadcast_to(b, z.value.shape)))
            )
            self.made.append(self.z[-1].mapped(self.functions[i].f))
            finite = own is not None and np.isfinite(own[i]).all()
            self.a.append(setting.exact(own[i]) if own is not None and finite else self.made[-1])

    @functools.cached_property
    def _slopes(self) -> dict[tuple[int, str, Callable[[Any], Any]], Rounded]:
        return {}

    def slope(self, i: int, of: str = "z", function: Callable[[Any], Any] | None = None) -> Rounded:
        """f' of layer i, of its z or of its a; ``function`` instead of its own derivative."""
        derivative = self.functions[i].df if function is None else function
        key = i, of, derivative
        if key not in self._slopes:
            at = self.z[i] if of == "z" else self.a[i + 1]
            self._slopes[key] = at.mapped(derivative, least=1.0)
        return self._slopes[key]

    def d_cost(self, loss: Loss | None = None, at: Rounded | None = None) -> Rounded:
        """``∂C/∂a_L`` of the sum of the costs, at the outputs or elsewhere."""
        outputs = self.made[-1] if at is None else at
        delta = (loss or self.setting.loss).delta
        targets = self.setting.targets
        return outputs.mapped_rows(delta, targets, least=float(np.abs(targets).max(initial=0)))

    def probabilities(self) -> Rounded:
        """What the loss makes of the outputs."""
        function = self.setting.loss.probabilities or self.setting.loss.predictions
        outputs = self.made[-1]
        return outputs.mapped_rows(lambda a, t: function(a, axis=-1), self.setting.targets, least=1.0)

    def over_rows(self) -> Rounded:
        """A softmax of the outputs over the rows, instead of the outputs of a row."""
        outputs = self.made[-1]
        columns = outputs.transposed.mapped_rows(_softmax, np.zeros(outputs.value.T.shape), least=1.0)
        return columns.transposed


def _softmax(a: Any, t: Any) -> Any:
    exponentials = jnp.exp(a - jnp.max(a, axis=-1, keepdims=True))
    return exponentials / jnp.sum(exponentials, axis=-1, keepdims=True)
