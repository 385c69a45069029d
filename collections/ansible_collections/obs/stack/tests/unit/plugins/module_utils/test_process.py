# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading /proc."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.obs.stack.plugins.module_utils._process import (
    family_of,
    listeners,
    overlaps,
    owner_of,
    parse_tcp_table,
    sockets_of,
)

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000 100 0 0 10 0
"""
TABLE6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 77 1
"""


def test_only_listening_sockets_count() -> None:
    assert [(item.address, item.port, item.inode) for item in parse_tcp_table(TABLE)] == [("127.0.0.1", 9090, 4242)]


def test_ipv6() -> None:
    assert [(item.address, item.port, item.inode) for item in parse_tcp_table(TABLE6)] == [("::", 9090, 77)]


def test_a_socket_of_our_own_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        entries = listeners(server.getsockname()[1])
        assert [entry.address for entry in entries] == ["127.0.0.1"]
        assert entries[0].inode in sockets_of(os.getpid())
        assert owner_of(entries[0].inode) == os.getpid()
        assert os.getpid() in family_of(os.getppid())


@pytest.mark.parametrize(
    ("wanted", "taken", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("0.0.0.0", "10.0.0.1", True),
        ("127.0.0.1", "::", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
    ],
)
def test_overlaps(wanted: str, taken: str, clash: bool) -> None:
    assert overlaps(wanted, taken) is clash
