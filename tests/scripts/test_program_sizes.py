"""Compiled training programs have the sizes that are kept, so that larger ones are meant; how they count."""

import json

import program_sizes
import pytest

KEPT = json.loads(program_sizes.FILE.read_text())

# A loop over epochs with one over steps inside, each of which chooses between two computations.
PROGRAM = """\
HloModule jit__advance, is_scheduled=true, entry_computation_layout={(f32[2]{0})->f32[2]{0}}

%fused (param_0.1: f32[2]) -> f32[2] {
  %param_0.1 = f32[2]{0} parameter(0)
  %sine.1 = f32[2]{0} sine(%param_0.1)
  ROOT %negate.1 = f32[2]{0} negate(%sine.1)
}

%sum (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %add.1 = f32[] add(%a, %b)
}

%parallel_fusion (p: f32[2]) -> f32[2] {
  %p = f32[2]{0} parameter(0)
  ROOT %fusion.1 = f32[2]{0} fusion(%p), kind=kLoop, calls=%fused
}

%left (l: f32[2]) -> f32[2] {
  %l = f32[2]{0} parameter(0)
  ROOT %copy.1 = f32[2]{0} copy(%l)
}

%right (r: f32[2]) -> f32[2] {
  %r = f32[2]{0} parameter(0)
  %copy.2 = f32[2]{0} copy(%r)
  ROOT %copy.3 = f32[2]{0} copy(%copy.2)
}

%step (s: (s32[], f32[2])) -> (s32[], f32[2]) {
  %s = (s32[], f32[2]{0}) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %x = f32[2]{0} get-tuple-element(%s), index=1
  %call.1 = f32[2]{0} call(%x), to_apply=%parallel_fusion
  %chosen = f32[2]{0} conditional(%i, %call.1, %x), branch_computations={%left, %right}
  ROOT %tuple.1 = (s32[], f32[2]{0}) tuple(%i, %chosen)
}

%more (m: (s32[], f32[2])) -> pred[] {
  %m = (s32[], f32[2]{0}) parameter(0)
  %j = s32[] get-tuple-element(%m), index=0
  %limit = s32[] constant(3)
  ROOT %compare.1 = pred[] compare(%j, %limit), direction=LT
}

%epoch (e: (s32[], f32[2])) -> (s32[], f32[2]) {
  %e = (s32[], f32[2]{0}) parameter(0)
  %copy.4 = (s32[], f32[2]{0}) copy(%e)
  %y = f32[2]{0} get-tuple-element(%copy.4), index=1
  %is_odd = pred[] constant(true)
  %kept = f32[2]{0} conditional(%is_odd, %y, %y), true_computation=%left, false_computation=%left
  ROOT %while.1 = (s32[], f32[2]{0}) while(%copy.4), condition=%more, body=%step
}

ENTRY %main.7 (given: f32[2]) -> f32[] {
  %given = f32[2]{0} parameter(0), metadata={op_name="(a) while(b)"}
  %zero = s32[] constant(0)
  %bitcast.1 = f32[2]{0} bitcast(%given)
  %tuple.2 = (s32[], /*index=1*/f32[2]{0}) tuple(%zero, %bitcast.1)
  %while.2 = (s32[], f32[2]{0}) while(%tuple.2), condition=%more, body=%epoch
  %after = f32[2]{0} get-tuple-element(%while.2), index=1
  ROOT %reduce.1 = f32[] reduce(%after, %zero), dimensions={0}, to_apply=%sum
}
"""


def test_kernels_are_what_runs_by_the_depth_of_loops():
    """The sum at the end; an epoch's comparison, copy and both choices; a step's, and its fusion."""
    assert program_sizes.kernels(PROGRAM) == [1, 4, 5]


@pytest.mark.thorough
@pytest.mark.skipif(
    program_sizes.made_by() != KEPT["made_by"],
    reason=f"sizes are kept of {KEPT['made_by']}, here is {program_sizes.made_by()}",
)
@pytest.mark.parametrize("name", program_sizes.WORKLOADS)
def test_programs_have_the_sizes_that_are_kept(name):
    found = program_sizes.sizes(program_sizes.WORKLOADS[name])
    assert found == KEPT["programs"][name], "where this is meant: python scripts/program_sizes.py"
