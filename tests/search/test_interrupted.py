"""An interrupt inside JAX leaves nothing behind for the next call."""

import sys

import jax
import pytest
from helpers import noise_split, same_bits

import jfnn

pytestmark = pytest.mark.unoptimized


def sweep(units):
    network = jfnn.mlp((5, units, 3))
    return jfnn.sweep(network, noise_split(), learning_rate=0.1, epochs=1, batch_size=16).params


@pytest.mark.thorough
@pytest.mark.parametrize(("at", "units", "seen"), [(1, 4, True), (1, 6, False), (4, 7, False)])
def test_interrupt_at_the_start_of_tracing_does_not_affect_the_next_call(at, units, seen):
    """Each ``with`` block of JAX's tracing sets tracing state; the interrupt comes right after it is set.

    If the network was trained before, only what depends on the sweep is traced again.
    """
    expected = sweep(units) if seen else None
    came = []

    def trace(frame, event, _):
        code = frame.f_code
        if code.co_name != "__enter__" or not code.co_qualname.startswith("SetCurrentTrace"):
            return None
        if event == "return":
            came.append(frame)
            if len(came) == at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep(units)
    finally:
        sys.settrace(before)
    assert len(came) == at
    assert same_bits(sweep(units), expected or sweep(units))
    assert not isinstance(jax.numpy.ones(3) + 1, jax.core.Tracer)
