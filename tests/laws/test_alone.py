"""A member of any sweep has the same bits as when trained alone with its rows, numbers and start."""

import jax
from helpers import plain, same_bits
from hypothesis import strategies
from members import OBJECTIVES, alone, arrays, assert_close, place_of
from sweeps import OF_MEMBERS, check_each_structure, of_sweeps


def parts_alone(sweep, result):
    """Pair the parts of the rows with their names in the scores of a member trained alone."""
    if sweep["folds"] is None:
        return {"train": "train", "validation": "validation", "test": "test"}
    held = len(result.runs[0].origin.parts[0]["validation"])
    return {"train": "train"} | ({"validation": "test"} if held else {})


@of_sweeps(20, few=2)
def test_member_has_the_bits_it_has_when_trained_alone(examples):
    def check(sweep, number):
        folded = sweep["folds"] is not None  # `jfnn.train` holds out no rows of these itself
        own = [rule for rule in sweep["schedulers"] if not (folded and rule.validates)]
        sweep = sweep.changed(schedulers=own)
        result = sweep.run()
        place = place_of(result, number)
        trained = alone(sweep, result, place)
        assert same_bits(plain(trained.params), plain(result.member(*place)))
        for name in ("diverged_at", "stopped_at", "epochs"):
            assert getattr(trained, name) == getattr(result, name)[place]
        own = jax.tree.map(lambda array: array[place], arrays(result, OBJECTIVES))
        assert same_bits(arrays(trained, OBJECTIVES), own)
        for metric in result.metrics:
            for part, there in parts_alone(sweep, result).items():
                score = result.scores[f"{part}_{metric}"][place]
                assert_close(trained.scores[f"{there}_{metric}"], score, sweep.structure.dtype)

    check_each_structure(
        examples,
        check,
        without=["refit"],
        schedulers=OF_MEMBERS,
        fields={"keep_params": "all"},
        number=strategies.integers(0, 10**6),
    )
