import json

import numpy as np

from benchlib.measure.samples import STEADY, WARMUP, Block, Samples


def some():
    blocks = [
        Block(0, 0, -1, WARMUP, 0, 50, 40, 0, np.array([30, 20], np.uint64)),
        Block(0, 0, 0, STEADY, 60, 90, 30, 1, np.array([15, 10, 12], np.uint64)),
        Block(1, 0, 0, STEADY, 90, 99, 9, 1, np.array([9, 5, 7], np.uint64)),
        Block(0, 0, 1, STEADY, 99, 130, 30, 1, np.array([15, 20, 22], np.uint64)),  # a round that was cut off
    ]
    return Samples(["eager", "script"], 5, blocks)


def test_there_and_back_through_json():
    back = Samples.decode(json.loads(json.dumps(some().encode())))
    assert back.contenders == ["eager", "script"]
    assert back.order_seed == 5
    for one, two in zip(some().blocks, back.blocks, strict=True):
        np.testing.assert_array_equal(one.ns, two.ns)
        assert vars(one).keys() == vars(two).keys()
        assert (one.start, one.phase, one.round, one.discarded) == (two.start, two.phase, two.round, two.discarded)


def test_what_counts():
    np.testing.assert_allclose(some().counted(0) * 1e9, [10, 12, 20, 22])
    np.testing.assert_allclose(some().counted(0, phase=WARMUP) * 1e9, [30, 20])
    np.testing.assert_allclose(some().rounds(0) * 1e9, [[11, 6]])  # complete rounds only


def test_the_table_has_every_call():
    frame = some().frame()
    assert len(frame) == 11
    assert frame.groupby("phase").size().to_dict() == {"resume": 3, "steady": 6, "warmup": 2}


def test_no_samples():
    assert len(Samples.decode(Samples(["a"]).encode()).blocks) == 0
