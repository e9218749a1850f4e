"""The guard that keeps every other test off the network."""

import os
import socket

import pytest


def test_nothing_but_this_machine_can_be_reached() -> None:
    with pytest.raises(ConnectionRefusedError, match="tests run offline"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as here:
        assert here.getpeername() == server.getsockname()


def test_the_libraries_are_told_to_stay_offline() -> None:
    import datasets
    import huggingface_hub.constants

    assert huggingface_hub.constants.HF_HUB_OFFLINE
    assert datasets.config.HF_HUB_OFFLINE
    assert os.environ["HF_HOME"] in huggingface_hub.constants.HF_HUB_CACHE
