"""The seccomp program: an allow list of system calls as classic BPF, assembled here so that no library is needed.

Source of the layout: linux/filter.h, linux/seccomp.h, seccomp(2). Only the lower 32 bits of an argument are compared:
the kernel itself takes descriptors as unsigned int, and PROT_EXEC is a low bit.
"""

from __future__ import annotations

import struct

from jobs.sandbox.system_calls import ALLOWED, KILLED, MAPS, READS, WRITES, Machine

_LOAD_WORD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL_PROCESS, _REFUSE, _ALLOW = 0x80000000, 0x00050000 | 1, 0x7FFF0000  # _REFUSE answers EPERM
_CALL_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT = 0x40000000
_PROT_EXEC = 4

Instruction = tuple[int, int, int, int]
"""(code, jump if true, jump if false, constant)."""


def filter_program(machine: Machine, read_fd: int, write_fd: int) -> bytes:
    """The program as struct sock_filter[]: calls not named answer EPERM.

    `read` works on `read_fd` alone, `write` on `write_fd` alone, memory is never made executable.
    """
    numbers = machine.numbers
    program = _guard(machine)
    for name in KILLED:
        if name in numbers:
            program += [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _KILL_PROCESS)]
    for names, descriptor in ((READS, read_fd), (WRITES, write_fd)):
        for name in names:
            program += _when(numbers[name], _only_descriptor(descriptor))
    for name in MAPS:
        program += _when(numbers[name], _never_executable())
    for name in ALLOWED:
        if name in numbers:
            program += [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ALLOW)]
    program.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _guard(machine: Machine) -> list[Instruction]:
    """Kill calls made by another ABI, whose numbers mean something else; leave the call's number loaded."""
    program: list[Instruction] = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD_WORD, 0, 0, _CALL_NUMBER),
    ]
    if machine.x32:
        program += [(_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    return program


def _when(number: int, body: list[Instruction]) -> list[Instruction]:
    """`body` must return on every path: it may load an argument over the call's number."""
    return [(_JUMP_EQUAL, 0, len(body), number), *body]


def _only_descriptor(descriptor: int) -> list[Instruction]:
    return [
        (_LOAD_WORD, 0, 0, _ARGUMENTS),
        (_JUMP_EQUAL, 0, 1, descriptor),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _never_executable() -> list[Instruction]:
    return [
        (_LOAD_WORD, 0, 0, _ARGUMENTS + 2 * 8),
        (_JUMP_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
