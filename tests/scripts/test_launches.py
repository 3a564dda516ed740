"""A step launches few kernels on a GPU; programs are compiled for an H100 without having one."""

import importlib.util

import launches
import pytest

COMPILES = importlib.util.find_spec(launches.PLUGIN) is not None
# Kernels beyond those of plain JAX. Its compiler joins products and updates in kernels by Triton, which jfnn
# does not use (`jfnn.numerics.compiling`).
MORE = {"notes' grid, 49 of 64-50-10": 0, "100 seeds of 64-50-10": 4, "49 of 64-32-32-32-10": 4}


def test_kernels_of_the_innermost_loop_are_counted():
    text = """
%inner (p: f32[2]) -> f32[2] {
  %p = f32[2] parameter(0)
  %a = f32[2] fusion(%p), kind=kLoop
  ROOT %b = f32[2] copy(%a)
}
%outer (p: f32[2]) -> f32[2] {
  ROOT %w = f32[2] while(%p), condition=%c, body=%inner, backend_config={"known_trip_count":{"n":"14"}}
}
ENTRY %main (p: f32[2]) -> f32[2] {
  ROOT %w = f32[2] while(%p), condition=%c, body=%outer
}
"""
    assert launches.in_a_step(text) == launches.Launches(2, 14)


@pytest.mark.thorough
@pytest.mark.skipif(not COMPILES, reason="no compiler for GPUs (scripts/launches.py names the packages)")
@pytest.mark.parametrize("name", launches.WORKLOADS)
def test_step_launches_as_many_kernels_as_plain_jax_and_its_number_is_known(name):
    ours, plain = launches.launches(launches.WORKLOADS[name])
    assert ours.turns == 14
    assert ours.kernels <= plain.kernels + MORE[name]
