"""What tests take of a machine is bounded, and their seconds are summed by function."""

import os
import types

import running


def test_the_oldest_programs_are_deleted_beyond_so_many_bytes(tmp_path):
    for age, name in enumerate(("newest", "middle", "oldest")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    running.delete_oldest(tmp_path, kept=250)
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "middle"}
    running.delete_oldest(tmp_path, kept=250)
    assert len(list(tmp_path.iterdir())) == 2


def test_workers_are_as_many_as_cores_where_they_fit_into_memory(monkeypatch):
    monkeypatch.setattr(running, "CORES", 4)
    for free, expected in ((1e12, 4), (8e9, 3), (1e8, 1)):
        monkeypatch.setattr(running.memory, "available_memory", lambda free=free: free)
        assert running.workers() == expected


def test_programs_are_dropped_where_a_worker_holds_much(monkeypatch):
    held = [running.CLEARED_AT / 2]
    dropped = []
    monkeypatch.setattr(running, "memory_held", lambda: held[0])
    monkeypatch.setattr(running, "forget_programs", lambda: dropped.append(held[0]))
    monkeypatch.setattr(running.jax, "clear_caches", int)
    memory = running.Memory()
    memory.check()
    assert dropped == []
    held[0] = 2 * running.CLEARED_AT
    for _ in range(3):
        memory.check()
    assert len(dropped) == 1  # what stays is not tried again after each test


def test_cases_of_a_function_count_together():
    names = {"a.py::one[x]": 1.0, "a.py::one[y\n::z]": 2.0, "b.py::Two::two": 4.0}
    reports = [types.SimpleNamespace(nodeid=name, duration=seconds) for name, seconds in names.items()]
    files, functions = running.seconds(reports)
    assert files == {"a.py": 3.0, "b.py": 4.0}
    assert functions == {"a.py::one": 3.0, "b.py::Two::two": 4.0}
