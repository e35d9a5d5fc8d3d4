"""Ways out of the sandbox, each really tried from inside a reward function.

Every attempt is also made by a plain Python process, where it must succeed: an attempt that fails everywhere would
prove nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.reward_state import RewardFailed
from tests.jobs.sandbox.conftest import RunCode

# Python's import is no barrier: `random` holds `os`, which holds `sys`, and the sandbox's program has loaded ctypes.
PREAMBLE = """
import random
os = random._os
sys = os.sys
ctypes = sys.modules["ctypes"]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
MAP_FAILED = ctypes.c_void_p(-1).value

def mapped(length, protection, flags):
    return libc.mmap(None, ctypes.c_size_t(length), protection, flags, -1, ctypes.c_long(0))
"""

ESCAPES = {
    "read_a_file": "return os.open('/etc/passwd', os.O_RDONLY) >= 0",
    "list_a_folder": "return bool(os.listdir('/'))",
    "look_at_a_file": "return bool(os.stat('/etc/passwd'))",
    "write_a_file": "return os.open('FILE', os.O_WRONLY | os.O_CREAT) >= 0",
    "change_a_mode": "return os.chmod('FILE', 0o666) is None",
    "delete_a_file": "return os.unlink('FILE') is None",
    "open_its_own_memory": "return os.open('/proc/self/mem', os.O_RDWR) >= 0",
    "read_the_workers_environment": "return os.open(f'/proc/{os.getppid()}/environ', os.O_RDONLY) >= 0",
    "open_a_tcp_socket": "return libc.socket(2, 1, 0) >= 0",
    "open_a_unix_socket": "return libc.socket(1, 1, 0) >= 0",
    "open_a_netlink_socket": "return libc.socket(16, 3, 0) >= 0",
    "open_a_socket_pair": "return libc.socketpair(1, 1, 0, (ctypes.c_int * 2)()) == 0",
    "open_a_pipe": "return bool(os.pipe())",
    "make_a_memory_file": "return os.memfd_create('x') >= 0",
    "fork": "return os.fork() >= 0",
    "start_a_thread": "return bool(sys.modules['_thread'].start_new_thread(int, ()))",
    "spawn_a_program": "return os.posix_spawn('/bin/true', ['true'], {}) > 0",
    "become_a_program": "os.execv('/bin/echo', ['echo', 'escaped'])",
    "signal_the_worker": "return os.kill(os.getppid(), 0) is None",
    "ask_to_be_traced": "return libc.ptrace(0, 0, 0, 0) == 0",
    "read_a_processs_memory": """
    there, here = ctypes.create_string_buffer(b'secret!'), ctypes.create_string_buffer(8)
    class Piece(ctypes.Structure):
        _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
    pieces = [Piece(ctypes.addressof(buffer), 8) for buffer in (here, there)]
    return libc.process_vm_readv(os.getpid(), ctypes.byref(pieces[0]), 1, ctypes.byref(pieces[1]), 1, 0) == 8
    """,
    "leave_a_namespace": "return libc.unshare(0x400) == 0",
    "hold_a_process": "return os.pidfd_open(os.getpid()) >= 0",
    "share_memory": """
    segment = libc.shmget(0, 4096, 0o1600)
    return segment >= 0 and libc.shmctl(segment, 0, None) == 0
    """,
    "map_executable_memory": "return mapped(4096, 7, 0x22) != MAP_FAILED",
    "make_memory_executable": """
    address = mapped(4096, 3, 0x22)
    return libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5) == 0
    """,
    "take_two_gigabytes": "return len(bytes(2 << 30)) > 0",
    "map_two_gigabytes_shared": "return mapped(2 << 30, 3, 0x21) != MAP_FAILED",
    "write_to_standard_output": "return os.write(1, b'') == 0",
    "loosen_itself": "return libc.prctl(4, 1, 0, 0, 0) == 0",
}


@pytest.fixture
def target() -> Iterator[Path]:
    """A file that anybody may write and delete."""
    folder = Path(tempfile.mkdtemp(prefix="escape"))
    folder.chmod(0o777)
    file = folder / "target"
    file.write_text("untouched")
    file.chmod(0o666)
    yield file
    shutil.rmtree(folder)


def escape_code(name: str, target: Path) -> str:
    return f"{PREAMBLE}\ndef escape():\n    {ESCAPES[name].strip()}\n".replace("FILE", str(target))


@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_leads_out(name: str, target: Path, run_code: RunCode) -> None:
    code = (
        escape_code(name, target)
        + """
def reward_function(params):
    try:
        return 1.0 if escape() else 0.0
    except OSError:
        return 0.0
"""
    )
    try:
        outcome = str(run_code(code, rows=1).tolist())
    except RewardFailed as failed:
        outcome = failed.message
    expected = ("[0.0]", "SIGSYS", "needs more memory", "can't start new thread")
    assert any(text in outcome for text in expected), outcome
    assert target.read_text() == "untouched"
    assert target.stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("name", ESCAPES)
def test_the_same_way_is_open_to_a_plain_process(name: str, target: Path) -> None:
    code = "import ctypes, _thread, random\n" + escape_code(name, target)
    code += "\nif escape():\n    os.write(1, b'escaped')\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "escaped" in done.stdout, done.stderr


def test_no_secret_lies_about_inside(run_code: RunCode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_SECRET_KEY", "the-workers-own-secret")
    code = """
import random
os = random._os
gc_free = len(os.environ), list(os.environ)
def reward_function(params):
    everything = repr(os.sys.argv) + repr(dict(os.environ))
    return 1.0 if "secret" in everything or len(os.environ) > 3 else 0.0
"""
    assert run_code(code, rows=1).tolist() == [0.0]


def test_descriptors_inside_are_the_two_pipes_and_null(run_code: RunCode) -> None:
    code = """
import random
os = random._os
def reward_function(params):
    found = 0
    for descriptor in range(64):
        try:
            os.lseek(descriptor, 0, 1)
            found |= 1 << descriptor
        except OSError as error:
            found |= (error.errno != 9) << descriptor  # EBADF
    return float(found)
"""
    assert run_code(code, rows=1).tolist() == [0b11111]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
def test_root_becomes_nobody(run_code: RunCode) -> None:
    code = """
import random
def reward_function(params):
    return float(random._os.getuid())
"""
    assert run_code(code, rows=1).tolist() == [65534.0]
