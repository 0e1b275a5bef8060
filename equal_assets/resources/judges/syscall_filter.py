"""The seccomp filter of the sandbox: which system calls untrusted Python may make.

An allowlist: calls that are not named are refused, those of future kernels included. No named call
starts a process or a thread, opens a socket, signals or inspects another process,
maps memory outside the address-space limit, or changes a file's owner, mode or times.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from equal_assets.errors import SandboxError

EVERYWHERE = """
read:0:63 write:1:64 close:3:57 fstat:5:80 lseek:8:62 mmap:9:222 mprotect:10:226 munmap:11:215
brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 pread64:17:67
pwrite64:18:68 readv:19:65 writev:20:66 sched_yield:24:124 mremap:25:216 madvise:28:233 dup:32:23
dup3:292:24 pipe2:293:59 nanosleep:35:101 clock_nanosleep:230:115 clock_gettime:228:113
clock_getres:229:114 gettimeofday:96:169 getpid:39:172 gettid:186:178 getppid:110:173 getuid:102:174
geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158
getpgid:121:155 getsid:124:156 uname:63:160 fsync:74:82 fdatasync:75:83 ftruncate:77:46
getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 mkdirat:258:34 unlinkat:263:35
renameat:264:38 renameat2:316:276 readlinkat:267:78 faccessat:269:48 faccessat2:439:439
newfstatat:262:79 statx:332:291 statfs:137:43 fstatfs:138:44 umask:95:166 getrlimit:97:163
getrusage:98:165 sysinfo:99:179 times:100:153 exit:60:93 exit_group:231:94 futex:202:98
set_robust_list:273:99 rseq:334:293 set_tid_address:218:96 getrandom:318:278 sigaltstack:131:132
getitimer:36:102 setitimer:38:103 epoll_create1:291:20 epoll_ctl:233:21 epoll_pwait:281:22
ppoll:271:73 pselect6:270:72 eventfd2:290:19 sched_getaffinity:204:123 restart_syscall:219:128
sendto:44:206 recvfrom:45:207 getsockname:51:204 getsockopt:55:209 setsockopt:54:208
shutdown:48:210 membarrier:324:283 close_range:436:436 copy_file_range:326:285 sendfile:40:71
"""
"""name:x86_64:aarch64. Calls on sockets serve the pair that `asyncio` wakes itself with."""

X86_64_ONLY = """
stat:4 poll:7 lstat:6 access:21 pipe:22 select:23 dup2:33 pause:34 alarm:37 getdents:78 rename:82
mkdir:83 rmdir:84 unlink:87 readlink:89 getpgrp:111 time:201 epoll_wait:232
"""

LOAD_WORD, AND, EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06  # classic BPF
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000  # what seccomp does
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


@dataclass(frozen=True)
class Argument:
    """A condition on one argument: ``argument & mask`` is one of the values."""

    position: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Conditional:
    """A call that is allowed if all conditions hold; otherwise it fails with ``error``."""

    number: int
    conditions: tuple[Argument, ...]
    error: int = errno.EPERM


@dataclass(frozen=True)
class Machine:
    """A processor architecture that the filter supports."""

    audit: int  # AUDIT_ARCH_* of linux/audit.h
    allowed: tuple[int, ...]
    conditional: tuple[Conditional, ...]


def filter_program() -> bytes:
    """Return the filter for this machine: an array of ``struct sock_filter``.

    Raises
    ------
    SandboxError
        On a processor whose system call numbers are unknown here.
    """
    machines = {"x86_64": _x86_64(), "aarch64": _aarch64()}
    machine = machines.get(platform.machine())
    if machine is None:
        raise SandboxError(
            f"generated code cannot be run safely: no system call filter for the processor "
            f"{platform.machine()!r}; must be one of {', '.join(machines)}"
        )
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _instructions(machine))


def _numbers(table: str, column: int) -> tuple[int, ...]:
    return tuple(int(entry.split(":")[column]) for entry in table.split())


def _x86_64() -> Machine:
    return Machine(
        audit=0xC000003E,
        allowed=_numbers(EVERYWHERE, 1) + _numbers(X86_64_ONLY, 1),
        conditional=(
            *_conditional(openat=257, fcntl=72, ioctl=16, prlimit64=302, socketpair=53),
            Conditional(2, (_opening(1),)),
        ),
    )


def _aarch64() -> Machine:
    return Machine(
        audit=0xC00000B7,
        allowed=_numbers(EVERYWHERE, 2),
        conditional=_conditional(openat=56, fcntl=25, ioctl=29, prlimit64=261, socketpair=199),
    )


def _opening(position: int) -> Argument:
    """Refuse to truncate a file that is opened for reading: Landlock before Linux 6.2 allows it."""
    writing = (os.O_WRONLY, os.O_RDWR)
    values = (os.O_RDONLY, *writing, *(os.O_TRUNC | mode for mode in writing))
    return Argument(position, values, mask=os.O_TRUNC | os.O_ACCMODE)


def _conditional(
    *, openat: int, fcntl: int, ioctl: int, prlimit64: int, socketpair: int
) -> tuple[Conditional, ...]:
    # fcntl: F_SETOWN and F_SETSIG would have the kernel send any signal to any process of the user
    descriptors = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, ..CLOEXEC
    locks = (5, 6, 7)  # F_GETLK, F_SETLK, F_SETLKW
    stream = Argument(1, (socket.SOCK_STREAM,), mask=0xF)  # datagrams reach other sockets
    return (
        Conditional(openat, (_opening(2),)),
        Conditional(fcntl, (Argument(1, descriptors + locks),)),
        Conditional(ioctl, (Argument(1, (0x5421, 0x5451)),), errno.ENOTTY),  # FIONBIO, FIOCLEX
        Conditional(prlimit64, (Argument(0, (0,)),)),  # its own limits, of no other process
        Conditional(socketpair, (Argument(0, (socket.AF_UNIX,)), stream)),
    )


def _instructions(machine: Machine) -> list[tuple[int, int, int, int]]:
    """Return (code, jump if true, jump if false, operand); jumps count instructions to skip."""
    program = [
        (LOAD_WORD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, KILL),  # 32-bit calls have other numbers
        (LOAD_WORD, 0, 0, NUMBER),
    ]
    for number in machine.allowed:
        program += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for call in machine.conditional:
        body = _checks(call.conditions, call.error)
        program += [(EQUAL, 0, len(body), call.number), *body]
    return [*program, (RETURN, 0, 0, REFUSE | errno.EPERM)]


def _checks(conditions: Sequence[Argument], error: int) -> list[tuple[int, int, int, int]]:
    body: list[tuple[int, int, int, int]] = []
    for condition in conditions:
        # the low half of a 64-bit argument: the kernel takes all of these as 32-bit integers
        body += [(LOAD_WORD, 0, 0, ARGUMENTS + 8 * condition.position)]
        body += [(AND, 0, 0, condition.mask)]
        n_values = len(condition.values)
        body += [
            (EQUAL, n_values - position, 0, value)
            for position, value in enumerate(condition.values)
        ]
        body += [(RETURN, 0, 0, REFUSE | error)]
    return [*body, (RETURN, 0, 0, ALLOW)]
