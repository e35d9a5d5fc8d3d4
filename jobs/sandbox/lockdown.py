"""Lock the calling process down for good: it can compute, read one pipe and write another.

Raw system calls through ctypes, no library, no privilege needed. Each layer answers whether it is on; what must be on
is the caller's to judge (`MANDATORY`). Linux only. Sources: the man pages prctl(2), landlock(7), seccomp(2),
setrlimit(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct

from jobs.sandbox.seccomp_filter import filter_program
from jobs.sandbox.system_calls import MACHINES, Machine

MANDATORY = ("unprivileged", "no_new_privs", "landlock", "limits", "memory_limit", "seccomp")
"""Layers without which nothing of a racer's runs."""
MAY_BE_ACCEPTED_MISSING = frozenset({"unprivileged", "landlock"})
"""Mandatory layers that a caller may explicitly do without; what remains still refuses files, sockets and processes."""
OPTIONAL = ("not_dumpable", "no_executable_memory")

_NOBODY = 65534
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, _PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN = 47, 4, 65, 1
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LANDLOCK_CREATE_RULESET_VERSION = 1
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _SocketFilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; end now if it is gone already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(3)


def lock_down(parent: int, read_fd: int, write_fd: int, memory_bytes: int) -> dict[str, bool]:
    """Apply every layer, the widest first, and say which are on. There is no way back.

    `memory_bytes` is what may be allocated on top of what is mapped already.
    """
    machine = MACHINES.get(os.uname().machine)
    mapped_bytes = _mapped_bytes()
    layers = {"unprivileged": _become_unprivileged()}
    die_with_parent(parent)  # a change of user clears the first request
    layers["not_dumpable"] = _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    layers["no_executable_memory"] = _libc.prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0
    layers["no_new_privs"] = _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    layers["landlock"] = machine is not None and _deny_by_landlock(machine)
    layers["limits"] = _limit_resources()
    layers["memory_limit"] = _limit(resource.RLIMIT_AS, mapped_bytes + memory_bytes)
    layers["seccomp"] = machine is not None and _filter_system_calls(machine, read_fd, write_fd)
    return layers


def missing_layers(layers: dict[str, bool], accepted: frozenset[str]) -> list[str]:
    """Mandatory layers that are neither on nor acceptable to the caller."""
    may_miss = accepted & MAY_BE_ACCEPTED_MISSING
    return [name for name in MANDATORY if not layers.get(name) and name not in may_miss]


def _mapped_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _become_unprivileged() -> bool:
    """Root becomes nobody, with no group and an empty bounding set; anybody loses the capabilities they hold."""
    if os.geteuid() == 0:
        for capability in range(64):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        try:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        except OSError:
            return False
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    return 0 not in os.getresuid() and _give_capabilities_up()


def _give_capabilities_up() -> bool:
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    header, none = struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    return int(_libc.syscall(machine.numbers["capset"], header, none)) == 0


def _deny_by_landlock(machine: Machine) -> bool:
    """Deny every action on files, TCP, signals and abstract sockets that this kernel knows: no rule is added."""
    create = machine.numbers["landlock_create_ruleset"]
    version = _libc.syscall(create, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    files = (1 << 13) - 1  # version 1; refer, truncate and ioctl came with 2, 3 and 5
    files |= (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    attributes = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _libc.syscall(create, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    restricted = _libc.syscall(machine.numbers["landlock_restrict_self"], ruleset, 0) == 0
    os.close(ruleset)
    return bool(restricted)


def _limit(which: int, value: int) -> bool:
    try:
        resource.setrlimit(which, (value, value))
    except (OSError, ValueError):
        return False
    return True


def _limit_resources() -> bool:
    """No core file, no file growth, no locked memory, no message queue, no new descriptor, no new process."""
    nothing = (
        resource.RLIMIT_CORE,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
        resource.RLIMIT_NOFILE,
        resource.RLIMIT_NPROC,
    )
    _limit(resource.RLIMIT_STACK, 8 << 20)  # lower already is well
    refused = [which for which in nothing if not _limit(which, 0)]
    return not refused


def _filter_system_calls(machine: Machine, read_fd: int, write_fd: int) -> bool:
    program = filter_program(machine, read_fd, write_fd)
    buffer = ctypes.create_string_buffer(program, len(program))
    argument = _SocketFilterProgram(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    number, flags = machine.numbers["seccomp"], _SECCOMP_FILTER_FLAG_TSYNC
    return int(_libc.syscall(number, _SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(argument))) == 0
