//! Which system calls a child may not make: a list of what no collector needs and a hostile one would use.
//!
//! Most of it reaches past Landlock: other processes by other ways than signals, files by other ways than opening
//! them, TCP by other ways than `connect` and `bind`.
#![expect(unsafe_code, reason = "a system call without another form")]

use std::collections::BTreeMap;
use std::io;

use nix::libc::{self, c_int, c_long};

use super::bpf::{self, Is, Test, Verdict};

/// Calls that are refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    PROCESS_MRELEASE,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Out of the group and session that is killed with the child.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // What stays when the child is gone, and belongs to all processes of the user while it is there.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Files that cannot be opened can be closed to everybody else by these, and folders watched that cannot be read.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    FILE_SETATTR,
    libc::SYS_inotify_add_watch,
    // Waiting for connections without a port of one's own choice is not the business of Landlock.
    libc::SYS_listen,
    // Namespaces and file systems.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    QUOTACTL_FD,
    libc::SYS_fanotify_init,
    // Parts of the kernel with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // The host.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// Older forms of the same, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

// Calls that are newer than the lists of libc; they have the same numbers everywhere.
const QUOTACTL_FD: c_long = 443;
const PROCESS_MRELEASE: c_long = 448;
const FCHMODAT2: c_long = 452;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

const EPERM: u16 = 1;
const ENOSYS: u16 = 38;

/// Namespaces that `clone` could make.
const NAMESPACES: c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;
/// Sending connects as well.
const FAST_OPEN: c_int = libc::MSG_FASTOPEN;
/// The bits of a socket's type that are no flags.
const TYPE: u32 = 0xf;
/// Puts another protocol onto a TCP socket.
const UPPER_PROTOCOL: c_int = 31;
const OF_PROCESS: c_int = 1;

/// How the filters of children differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doors {
    /// Sockets of this host, by their names in the file system.
    pub(super) local_sockets: bool,
}

/// The compiled filters of children, by whether they have local sockets.
#[derive(Debug)]
pub(super) struct Filters([Vec<libc::sock_filter>; 2]);

impl Filters {
    /// Compiles them; they are empty on an architecture that is not known.
    pub(super) fn compile() -> Self {
        Self([false, true].map(|local_sockets| compile(Doors { local_sockets })))
    }

    /// Whether there are some.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().any(Vec::is_empty)
    }

    /// Has this process filtered, and whatever it will become. `no_new_privs` must be set.
    pub(super) fn apply(&self, doors: Doors) -> io::Result<()> {
        let steps = &self.0[usize::from(doors.local_sockets)];
        if steps.is_empty() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let len = u16::try_from(steps.len()).map_err(io::Error::other)?;
        // The kernel only reads; its type knows no constant pointers.
        let program = libc::sock_fprog { len, filter: steps.as_ptr().cast_mut() };
        let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
        // SAFETY: the pointers are to a program of that length, which outlives the call.
        let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program, 0, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// The kernel's name of the architecture that this program is for.
const fn architecture() -> Option<u32> {
    if cfg!(target_arch = "x86_64") {
        Some(0xc000_003e)
    } else if cfg!(target_arch = "aarch64") {
        Some(0xc000_00b7)
    } else {
        None
    }
}

fn compile(doors: Doors) -> Vec<libc::sock_filter> {
    architecture().map_or_else(Vec::new, |architecture| bpf::program(architecture, &verdicts(doors)))
}

/// The verdicts by the numbers from which on they count.
fn verdicts(doors: Doors) -> Vec<(u32, Verdict)> {
    let mut all = vec![(0, Verdict::Allow)];
    for (number, verdict) in table(doors) {
        if all.last().is_some_and(|(next, _)| *next == number) {
            all.pop();
        }
        // Neighbours with the same verdict need no border.
        if all.last().is_none_or(|(_, last)| *last != verdict) {
            all.push((number, verdict));
        }
        all.push((number + 1, Verdict::Allow));
    }
    if cfg!(target_arch = "x86_64") {
        // Calls of the x32 interface have the numbers of others and this bit, so no list of numbers meets them.
        all.push((0x4000_0000, Verdict::Refuse(ENOSYS)));
    }
    all
}

/// What becomes of the calls that are not allowed as they are.
fn table(doors: Doors) -> BTreeMap<u32, Verdict> {
    let refused = REFUSED.iter().chain(OLDER).map(|call| (*call, Verdict::Refuse(EPERM)));
    // `clone3` hides its flags in memory, where no filter can look. Programs go back to `clone` when it is missing.
    let missing = (libc::SYS_clone3, Verdict::Refuse(ENOSYS));
    let asked = questions(doors).into_iter().map(|(call, questions)| (call, Verdict::Ask(EPERM, questions)));
    let all = refused.chain([missing]).chain(asked);
    all.filter_map(|(call, verdict)| Some((u32::try_from(call).ok()?, verdict))).collect()
}

/// Calls that are refused if all tests of one of their questions hold.
fn questions(doors: Doors) -> Vec<(c_long, Vec<Vec<Test>>)> {
    let test = |argument, is| Test { argument, mask: u32::MAX, is };
    let equal = |argument, value: c_int| test(argument, Is::Equal(value.cast_unsigned()));
    let not = |argument, value: c_int| test(argument, Is::Not(value.cast_unsigned()));
    let having = |argument, bits: c_int| vec![vec![test(argument, Is::Having(bits.cast_unsigned()))]];
    // Of oneself one speaks as 0.
    let others = |argument| vec![vec![not(argument, 0)]];
    vec![
        (libc::SYS_clone, having(0, NAMESPACES)),
        // Who has a lease of a file makes others wait who open it; the other tells what happens in a folder.
        (libc::SYS_fcntl, vec![vec![equal(1, libc::F_SETLEASE)], vec![equal(1, libc::F_NOTIFY)]]),
        (libc::SYS_prlimit64, others(0)),
        (libc::SYS_sched_setaffinity, others(0)),
        (libc::SYS_sched_setscheduler, others(0)),
        (libc::SYS_sched_setparam, others(0)),
        (libc::SYS_sched_setattr, others(0)),
        (libc::SYS_setpriority, vec![vec![not(0, 0)], vec![not(1, 0)]]),
        (libc::SYS_ioprio_set, vec![vec![not(0, OF_PROCESS)], vec![not(1, 0)]]),
        (libc::SYS_socket, sockets(doors)),
        (libc::SYS_socketpair, pairs(doors)),
        (libc::SYS_setsockopt, vec![vec![equal(1, libc::IPPROTO_TCP), equal(2, UPPER_PROTOCOL)]]),
        (libc::SYS_sendto, having(3, FAST_OPEN)),
        (libc::SYS_sendmsg, having(2, FAST_OPEN)),
        (libc::SYS_sendmmsg, having(3, FAST_OPEN)),
    ]
}

/// Sockets that are none of IP, the kernel's list of interfaces, and local ones where these are open. Of IP only plain
/// TCP and UDP: Landlock does not know the ports of others, some of which speak TCP to whoever does not know them.
fn sockets(doors: Doors) -> Vec<Vec<Test>> {
    let not = |argument, mask, value: c_int| Test { argument, mask, is: Is::Not(value.cast_unsigned()) };
    let family = |value| not(0, u32::MAX, value);
    let protocol = |value| not(2, u32::MAX, value);
    let netlink = Test { argument: 0, mask: u32::MAX, is: Is::Equal(libc::AF_NETLINK.cast_unsigned()) };
    let mut strange = vec![family(libc::AF_INET), family(libc::AF_INET6), family(libc::AF_NETLINK)];
    if doors.local_sockets {
        strange.push(family(libc::AF_UNIX));
    }
    // What comes after that question is of a family that is allowed.
    let of_ip = [family(libc::AF_UNIX), family(libc::AF_NETLINK)];
    let kinds = [not(1, TYPE, libc::SOCK_STREAM), not(1, TYPE, libc::SOCK_DGRAM)];
    let protocols = [protocol(0), protocol(libc::IPPROTO_TCP), protocol(libc::IPPROTO_UDP)];
    vec![
        strange,
        [&of_ip[..], &kinds].concat(),
        [&of_ip[..], &protocols].concat(),
        vec![netlink, protocol(libc::NETLINK_ROUTE)],
    ]
}

/// One end of a pair that keeps no connection can send to any local socket.
fn pairs(doors: Doors) -> Vec<Vec<Test>> {
    let kind = Test { argument: 1, mask: TYPE, is: Is::Equal(libc::SOCK_DGRAM.cast_unsigned()) };
    if doors.local_sockets { Vec::new() } else { vec![vec![kind]] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(doors: Doors, call: c_long, arguments: &[c_int]) -> Option<u16> {
        let mut all = [0; 6];
        for (to, from) in all.iter_mut().zip(arguments) {
            *to = from.cast_unsigned();
        }
        let number = u32::try_from(call).unwrap();
        bpf::error_of(bpf::run(&compile(doors), architecture().unwrap(), number, all))
    }

    const CLOSED: Doors = Doors { local_sockets: false };
    const OPEN: Doors = Doors { local_sockets: true };

    #[test]
    fn what_is_refused_is_refused_and_all_else_is_not() {
        let refused: Vec<_> = REFUSED.iter().chain(OLDER).copied().collect();
        let asked: Vec<_> = questions(CLOSED).into_iter().map(|(call, _)| call).collect();
        for call in (0..600).filter(|call| !asked.contains(call)) {
            let expected = match call {
                libc::SYS_clone3 => Some(ENOSYS),
                _ => refused.contains(&call).then_some(EPERM),
            };
            assert_eq!(error(CLOSED, call, &[1, 1, 1]), expected, "{call}");
        }
        #[cfg(target_arch = "x86_64")]
        assert_eq!(error(CLOSED, 0x4000_0000, &[]), Some(ENOSYS), "x32");
    }

    #[test]
    fn of_sockets_plain_tcp_udp_and_the_list_of_interfaces_are_left() {
        use libc::{AF_ALG, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK};
        use libc::{SOCK_CLOEXEC, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM};
        let socket = |doors, arguments: [c_int; 3]| error(doors, libc::SYS_socket, &arguments).is_none();
        for family in [AF_INET, AF_INET6] {
            for (kind, protocol) in [(SOCK_STREAM, 0), (SOCK_STREAM, 6), (SOCK_DGRAM, 0), (SOCK_DGRAM, 17)] {
                assert!(
                    socket(CLOSED, [family, kind | SOCK_CLOEXEC, protocol]),
                    "{family} {kind} {protocol}"
                );
            }
            for (kind, protocol) in
                [(SOCK_STREAM, 262), (SOCK_STREAM, 132), (SOCK_SEQPACKET, 0), (SOCK_RAW, 1), (SOCK_DGRAM, 1)]
            {
                assert!(
                    !socket(CLOSED, [family, kind | SOCK_CLOEXEC, protocol]),
                    "{family} {kind} {protocol}"
                );
            }
        }
        assert!(socket(CLOSED, [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, libc::NETLINK_ROUTE]));
        assert!(!socket(CLOSED, [AF_NETLINK, SOCK_RAW, libc::NETLINK_GENERIC]));
        for family in [AF_VSOCK, AF_PACKET, AF_ALG] {
            assert!(!socket(OPEN, [family, SOCK_STREAM, 0]), "{family}");
        }
        assert!(!socket(CLOSED, [AF_UNIX, SOCK_STREAM, 0]));
        assert!(socket(OPEN, [AF_UNIX, SOCK_STREAM, 0]));

        let pair =
            |doors, kind| error(doors, libc::SYS_socketpair, &[AF_UNIX, kind | SOCK_CLOEXEC, 0]).is_none();
        assert!(pair(CLOSED, SOCK_STREAM) && pair(OPEN, SOCK_DGRAM));
        assert!(!pair(CLOSED, SOCK_DGRAM), "it could send to any local socket");
    }

    #[test]
    fn arguments_decide_about_threads_about_others_and_about_connections() {
        let allowed = |call, arguments: &[c_int]| error(CLOSED, call, arguments).is_none();
        assert!(allowed(libc::SYS_clone, &[libc::CLONE_VM | libc::CLONE_THREAD]));
        assert!(!allowed(libc::SYS_clone, &[libc::CLONE_VM | libc::CLONE_NEWNET]));
        assert!(allowed(libc::SYS_fcntl, &[3, libc::F_SETFL, libc::O_NONBLOCK]));
        for command in [libc::F_SETLEASE, libc::F_NOTIFY] {
            assert!(!allowed(libc::SYS_fcntl, &[3, command, libc::F_RDLCK]), "{command}");
        }
        for call in [libc::SYS_prlimit64, libc::SYS_sched_setaffinity, libc::SYS_sched_setattr] {
            assert!(allowed(call, &[0, 7]) && !allowed(call, &[1, 7]), "{call}");
        }
        assert!(allowed(libc::SYS_setpriority, &[0, 0, 5]));
        assert!(!allowed(libc::SYS_setpriority, &[0, 1, 5]) && !allowed(libc::SYS_setpriority, &[2, 0, 5]));
        assert!(allowed(libc::SYS_ioprio_set, &[1, 0, 5]));
        assert!(!allowed(libc::SYS_ioprio_set, &[1, 9, 5]) && !allowed(libc::SYS_ioprio_set, &[3, 0, 5]));
        assert!(allowed(libc::SYS_sendto, &[3, 0, 0, libc::MSG_NOSIGNAL]));
        assert!(!allowed(libc::SYS_sendto, &[3, 0, 0, libc::MSG_NOSIGNAL | FAST_OPEN]));
        assert!(allowed(libc::SYS_sendmsg, &[3, 0, 0]) && !allowed(libc::SYS_sendmsg, &[3, 0, FAST_OPEN]));
        assert!(!allowed(libc::SYS_sendmmsg, &[3, 0, 1, FAST_OPEN]));
        assert!(allowed(libc::SYS_setsockopt, &[3, libc::IPPROTO_TCP, libc::TCP_NODELAY]));
        assert!(!allowed(libc::SYS_setsockopt, &[3, libc::IPPROTO_TCP, UPPER_PROTOCOL]));
    }

    #[test]
    fn most_calls_are_decided_in_a_few_steps() {
        let borders = verdicts(CLOSED).len();
        assert!(borders < 200, "{borders}");
        assert!(compile(OPEN).len() < 400, "{}", compile(OPEN).len());
    }
}
