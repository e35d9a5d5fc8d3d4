"""The filter's program, run by a small interpreter of classic BPF: every architecture, without having one."""

from __future__ import annotations

import struct

import pytest

from jobs.sandbox.seccomp_filter import filter_program
from jobs.sandbox.system_calls import ALLOWED, KILLED, MACHINES, Machine

ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
NAMES = sorted(MACHINES)


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would answer to a call."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("<HBBI", program))
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, constant = instructions[at]
        at += 1
        if code == 0x06:
            return int(constant)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
            continue
        holds = {
            0x15: accumulator == constant,
            0x35: accumulator >= constant,
            0x45: bool(accumulator & constant),
        }[code]
        at += if_true if holds else if_false


@pytest.fixture(params=NAMES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def test_only_named_calls_pass(machine: Machine) -> None:
    program = filter_program(machine, 3, 4)
    passed = {n for n in range(512) if verdict(program, machine.audit_arch, n, 99) == ALLOW}
    free = {machine.numbers[name] for name in ALLOWED if name in machine.numbers}
    maps = {machine.numbers["mmap"], machine.numbers["mprotect"]}
    assert passed == free | maps


def test_calls_of_an_attack_end_the_process(machine: Machine) -> None:
    program = filter_program(machine, 3, 4)
    killed = {n for n in range(512) if verdict(program, machine.audit_arch, n) == KILL}
    assert killed == {machine.numbers[name] for name in KILLED if name in machine.numbers}


def test_one_descriptor_is_read_and_one_is_written(machine: Machine) -> None:
    program = filter_program(machine, 3, 4)
    for name, allowed in (("read", 3), ("readv", 3), ("write", 4), ("writev", 4)):
        number = machine.numbers[name]
        passed = [fd for fd in range(-2, 32) if verdict(program, machine.audit_arch, number, fd % 2**64) == ALLOW]
        assert passed == [allowed]


@pytest.mark.parametrize("protection", range(8))
def test_memory_is_never_made_executable(machine: Machine, protection: int) -> None:
    program = filter_program(machine, 3, 4)
    for name in ("mmap", "mprotect"):
        answer = verdict(program, machine.audit_arch, machine.numbers[name], 0, 4096, protection)
        assert answer == (EPERM if protection & 4 else ALLOW)


def test_other_abis_end_the_process(machine: Machine) -> None:
    program = filter_program(machine, 3, 4)
    getpid = machine.numbers["getpid"]
    assert verdict(program, 0x40000003, 20) == KILL
    if machine.x32:
        assert verdict(program, machine.audit_arch, getpid | 0x40000000) == KILL


def test_no_two_calls_share_a_number(machine: Machine) -> None:
    assert len(set(machine.numbers.values())) == len(machine.numbers)
    assert {"read", "write", "mmap", "mprotect", "seccomp", "capset"} <= set(machine.numbers)


def test_it_fits_the_kernels_limit(machine: Machine) -> None:
    assert len(filter_program(machine, 3, 4)) // 8 < 4096
