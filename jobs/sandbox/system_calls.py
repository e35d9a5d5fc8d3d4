"""Numbers of the system calls that the sandbox names, per machine (asm/unistd_64.h, asm-generic/unistd.h)."""

from __future__ import annotations

from typing import NamedTuple


def _words(text: str) -> list[str]:
    return text.split()


ALLOWED = _words(
    "close fstat poll ppoll lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn sched_yield mremap madvise "
    "nanosleep getitimer setitimer getpid getppid gettid getuid getgid geteuid getegid exit exit_group "
    "gettimeofday getrusage times sigaltstack time futex restart_syscall clock_gettime clock_getres "
    "clock_nanosleep getrandom rseq membarrier sched_getaffinity"
)
"""Calls that compute, wait, tell the time or give memory: let through whatever their arguments are."""

KILLED = _words(
    "execve execveat ptrace process_vm_readv process_vm_writev bpf io_uring_setup io_uring_enter "
    "io_uring_register userfaultfd perf_event_open mount umount2 pivot_root chroot setns unshare keyctl add_key "
    "request_key init_module finit_module kexec_load open_by_handle_at pidfd_getfd modify_ldt personality"
)
"""Calls that only an attack makes: they end the process at once instead of being refused."""

READS = ("read", "readv")
WRITES = ("write", "writev")
MAPS = ("mmap", "mprotect")


class Machine(NamedTuple):
    """An architecture: its AUDIT_ARCH value, whether it has the x32 ABI beside its own, its call numbers."""

    audit_arch: int
    x32: bool
    numbers: dict[str, int]


_X86_64 = """
read=0 write=1 close=3 fstat=5 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14
rt_sigreturn=15 readv=19 writev=20 sched_yield=24 mremap=25 madvise=28 nanosleep=35 getitimer=36 setitimer=38
getpid=39 exit=60 gettimeofday=96 getrusage=98 times=100 getuid=102 getgid=104 geteuid=107 getegid=108 getppid=110
capset=126 sigaltstack=131 gettid=186 time=201 futex=202 sched_getaffinity=204 restart_syscall=219 clock_gettime=228
clock_getres=229 clock_nanosleep=230 exit_group=231 ppoll=271 seccomp=317 getrandom=318 membarrier=324 rseq=334
execve=59 execveat=322 ptrace=101 process_vm_readv=310 process_vm_writev=311 bpf=321 io_uring_setup=425
io_uring_enter=426 io_uring_register=427 userfaultfd=323 perf_event_open=298 mount=165 umount2=166 pivot_root=155
chroot=161 setns=308 unshare=272 keyctl=250 add_key=248 request_key=249 init_module=175 finit_module=313
kexec_load=246 open_by_handle_at=304 pidfd_getfd=438 modify_ldt=154 personality=135 landlock_create_ruleset=444
landlock_restrict_self=446
"""

_AARCH64 = """
read=63 write=64 close=57 fstat=80 ppoll=73 lseek=62 mmap=222 mprotect=226 munmap=215 brk=214 rt_sigaction=134
rt_sigprocmask=135 rt_sigreturn=139 readv=65 writev=66 sched_yield=124 mremap=216 madvise=233 nanosleep=101
getitimer=102 setitimer=103 getpid=172 exit=93 gettimeofday=169 getrusage=165 times=153 getuid=174 getgid=176
geteuid=175 getegid=177 getppid=173 capset=91 sigaltstack=132 gettid=178 futex=98 sched_getaffinity=123
restart_syscall=128 clock_gettime=113 clock_getres=114 clock_nanosleep=115 exit_group=94 seccomp=277 getrandom=278
membarrier=283 rseq=293 execve=221 execveat=281 ptrace=117 process_vm_readv=270 process_vm_writev=271 bpf=280
io_uring_setup=425 io_uring_enter=426 io_uring_register=427 userfaultfd=282 perf_event_open=241 mount=40 umount2=39
pivot_root=41 chroot=51 setns=268 unshare=97 keyctl=219 add_key=217 request_key=218 init_module=105 finit_module=273
kexec_load=104 open_by_handle_at=265 pidfd_getfd=438 personality=92 landlock_create_ruleset=444
landlock_restrict_self=446
"""


def _numbers(table: str) -> dict[str, int]:
    return {name: int(number) for name, number in (entry.split("=") for entry in table.split())}


MACHINES: dict[str, Machine] = {
    "x86_64": Machine(0xC000003E, True, _numbers(_X86_64)),
    "aarch64": Machine(0xC00000B7, False, _numbers(_AARCH64)),
}
"""What `os.uname().machine` says -> its facts. Both are little-endian and 64-bit, which the filter relies on."""
