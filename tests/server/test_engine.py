"""The engine on graphs made for it: one that takes long, and one that fails where it is told to."""

import asyncio
import time

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from unbraid.core.errors import ServerError
from unbraid.core.server.engine import Engine

WIDTH = 256


class Graphs:
    """`run` as a bundle has it, on real sessions; counts the rows of every run."""

    def __init__(self, **graphs):
        self.sessions = {name: ort.InferenceSession(data) for name, data in graphs.items()}
        self.runs = []

    def run(self, graph, inputs, options=None):
        self.runs.append(len(inputs["x"]))
        return {"y": self.sessions[graph].run(["y"], dict(inputs), options)[0]}


def graph(nodes, initialisers=()):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", WIDTH])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", WIDTH])
    made = helper.make_graph(nodes, "g", [x], [y], list(initialisers))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def long_graph(products):
    """A chain of products with a rotation; many seconds, but in many steps."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0].astype(np.float32)
    names = ["x", *(f"h{i}" for i in range(1, products)), "y"]
    nodes = [helper.make_node("MatMul", [names[i], "w"], [names[i + 1]]) for i in range(products)]
    return graph(nodes, [onnx.numpy_helper.from_array(turn, "w")])


@pytest.fixture(scope="module")
def graphs():
    # Gather fails for a row whose first number is no index: one row, and the batch it is in.
    cast = helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64)
    pick = helper.make_node("Gather", ["table", "i"], ["y"])
    table = onnx.numpy_helper.from_array(np.arange(10, dtype=np.float32), "table")
    quick = graph([helper.make_node("Neg", ["x"], ["y"])])
    return Graphs(long=long_graph(4000), picky=graph([cast, pick], [table]), quick=quick)


def rows(*values):
    return {"x": np.array(values, np.float32)[:, None] * np.ones((1, WIDTH), np.float32)}


def test_a_run_that_nobody_waits_for_is_stopped(graphs):
    async def scenario():
        engine = Engine(1, 64)
        large = {"x": np.ones((1024, WIDTH), np.float32)}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await engine.run(graphs, "long", large)
        begun = time.monotonic()
        await engine.run(graphs, "quick", rows(1))  # waits for the only thread
        return time.monotonic() - begun

    begun = time.process_time()
    assert asyncio.run(scenario()) < 5
    assert time.process_time() - begun < 5, "the whole run is half a minute of arithmetic"


def test_one_bad_row_does_not_hurt_its_neighbours(graphs):
    async def scenario():
        engine = Engine(1, 64)
        values = [1, 2, 99, 3, 4]
        return await asyncio.gather(
            *(engine.run(graphs, "picky", rows(value)) for value in values), return_exceptions=True
        )

    one, two, bad, three, four = asyncio.run(scenario())
    assert [float(found["y"][0, 0]) for found in (one, two, three, four)] == [1, 2, 3, 4]
    assert isinstance(bad, Exception)


def test_what_is_not_finite_is_kept_from_its_own_request_only(graphs):
    async def scenario():
        engine = Engine(1, 64)
        return await asyncio.gather(
            *(engine.run(graphs, "quick", rows(value)) for value in (1, 2, np.inf, 3)), return_exceptions=True
        )

    one, two, bad, three = asyncio.run(scenario())
    assert [float(found["y"][0, 0]) for found in (one, two, three)] == [-1, -2, -3]
    assert isinstance(bad, ServerError) and bad.status == 500


def test_what_queued_goes_together_and_what_did_not_goes_at_once(graphs):
    async def scenario():
        engine = Engine(1, 8)
        await asyncio.gather(*(engine.run(graphs, "quick", rows(value)) for value in range(20)))
        return engine.waiting

    graphs.runs.clear()
    assert asyncio.run(scenario()) == 0
    assert graphs.runs == [1, 8, 8, 3], "the first found a free thread; the rest waited, at most 8 rows at a time"


def test_a_request_larger_than_a_batch_runs_alone(graphs):
    async def scenario():
        engine = Engine(1, 8)
        sizes = (1, 20, 2, 2)
        found = await asyncio.gather(*(engine.run(graphs, "quick", rows(*range(size))) for size in sizes))
        assert [len(answer["y"]) for answer in found] == list(sizes)

    graphs.runs.clear()
    asyncio.run(scenario())
    assert sorted(graphs.runs) == [1, 4, 20]


def test_a_request_taken_back_while_it_waits_never_runs(graphs):
    async def scenario():
        engine = Engine(1, 1)
        tasks = [asyncio.create_task(engine.run(graphs, "quick", rows(value))) for value in range(4)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    graphs.runs.clear()
    asyncio.run(scenario())
    assert len(graphs.runs) == 3
