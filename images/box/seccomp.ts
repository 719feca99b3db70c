/**
 * The system calls of a box: what is not on the list does not exist there (ENOSYS, so that libraries take their older way). The list is what
 * ordinary programs use, plus what it takes to make namespaces inside, since crun runs in the box too. Not on it, among others: bpf,
 * perf_event_open, io_uring, userfaultfd, the kernel's keys, modules, kexec, reboot, swap, clocks that are set, open_by_handle_at, quotas,
 * process accounting, vsock.
 */

const words = (text: string): string[] => text.trim().split(/\s+/);

const files = words(`
  access cachestat chdir chmod chown chown32 chroot close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr
  flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
  getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr
  _llseek lremovexattr lseek lsetxattr lstat lstat64 memfd_create mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2
  pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir
  sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate
  truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev pipe pipe2`);

const memory = words(`
  brk madvise membarrier mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free
  pkey_mprotect map_shadow_stack remap_file_pages shmat shmctl shmdt shmget memfd_secret`);

const processes = words(`
  alarm arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
  getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage
  getsid get_thread_area gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self
  modify_ldt nanosleep pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease process_vm_readv process_vm_writev ptrace
  restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32
  setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid set_thread_area set_tid_address setuid
  setuid32 sigaltstack sigprocmask sigreturn tgkill tkill ugetrlimit uname sysinfo vfork wait4 waitid waitpid getrandom`);

const waiting = words(`
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 futex futex_requeue
  futex_time64 futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit
  _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 mq_getsetattr mq_notify mq_open mq_timedreceive
  mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
  semtimedop_time64 ipc`);

const clocks = words(`
  adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
  clock_nanosleep_time64 getitimer gettimeofday setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
  timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times`);

const network = words(`
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg
  sendto setsockopt shutdown socketcall socketpair`);

/** For crun inside the box. The world's shells have no capabilities and may make no user namespaces, so to them these say no. */
const namespaces = words(`
  clone unshare setns mount umount umount2 pivot_root sethostname setdomainname mount_setattr move_mount open_tree fsopen fsconfig fsmount
  fspick`);

const noSuchCall = 38;
const vsock = 40;
/** personality: Linux, 32 bits, without randomised addresses, both, and asking. */
const personalities = [0, 8, 0x20000, 0x20008, 0xffffffff];

export interface SeccompRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; op: string }[];
}

export const seccomp: {
  defaultAction: string;
  defaultErrnoRet: number;
  architectures: string[];
  syscalls: SeccompRule[];
} = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: noSuchCall,
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  syscalls: [
    {
      names: [...files, ...memory, ...processes, ...waiting, ...clocks, ...network, ...namespaces],
      action: 'SCMP_ACT_ALLOW',
    },
    { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: vsock, op: 'SCMP_CMP_NE' }] },
    ...personalities.map(value => ({
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
  ],
};

/**
 * The same for a container or pod around the box. Docker before 23 knows no default errno, and says EPERM where the C library takes its older way only
 * on ENOSYS: so those calls are named.
 */
export const containerSeccomp: typeof seccomp = {
  ...seccomp,
  syscalls: [...seccomp.syscalls, { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: noSuchCall }],
};
