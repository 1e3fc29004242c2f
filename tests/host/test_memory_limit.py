"""How much memory there is: the machine's, cut down by the cgroup's limit."""

from benchlib import machine


def test_the_cgroups_limit_counts(tmp_path):
    assert machine.memory_limit(tmp_path) == machine.ram_size()
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory_limit(tmp_path) == machine.ram_size()
    (tmp_path / "memory.max").write_text("1000000\n")
    assert machine.memory_limit(tmp_path) == 1_000_000


def test_what_is_used_is_not_available_but_what_is_cached_is(tmp_path):
    free = machine.memory_available(tmp_path)
    assert 0 < free <= machine.ram_size()
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    assert machine.memory_available(tmp_path) == 100_000
    (tmp_path / "memory.stat").write_text("anon 600000\ninactive_file 300000\n")
    assert machine.memory_available(tmp_path) == 400_000
