"""Two processes report what one does, also when one image comes twice."""
import multiprocessing
import socket

import pytest
from two_ranks import evaluate, rank_process


def test_two_ranks_equal_one():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    ranks = [
        context.Process(target=rank_process, args=(rank, port, queue))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    found = dict(queue.get(timeout=120) for _ in ranks)
    for process in ranks:
        process.join(timeout=60)
        assert process.exitcode == 0
    expected = evaluate(range(5), 5)
    for result in found.values():
        assert result == pytest.approx(expected, nan_ok=True)
