//! System calls that have no safe form: a fork into namespaces and a control group, and marks of folders.
#![expect(unsafe_code, reason = "clone3, getxattr")]

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::cgroup::Group;

/// What a child gets of its own if that is wanted. Its first process is then process 1, with which all end.
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER | libc::CLONE_NEWPID;
/// The child begins in the group of [`libc::clone_args::cgroup`] (Linux 5.7).
const INTO_GROUP: u64 = 1 << 33;

/// A fork, with namespaces and into a group as far as this kernel and host allow it; says whether it got namespaces.
/// `None` in the child.
pub(super) fn fork_into(namespace: bool, group: Option<&Group>) -> (nix::Result<Option<Pid>>, bool) {
    let wishes = [(namespace, group), (namespace, None), (false, group)];
    for (namespace, group) in wishes.into_iter().filter(|(namespace, group)| *namespace || group.is_some()) {
        // Some host may refuse the one and not the other; a group less costs limits, a namespace less a wall.
        if let Ok(forked) = clone3(if namespace { NAMESPACES } else { 0 }, group) {
            return (Ok(forked), namespace);
        }
    }
    if namespace && let Ok(forked) = clone(NAMESPACES) {
        return (Ok(forked), true);
    }
    (fork(), false)
}

fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: this process has one thread, so the child may do what it likes until it becomes the program.
    Ok(match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => None,
        nix::unistd::ForkResult::Parent { child } => Some(child),
    })
}

fn clone(flags: libc::c_int) -> nix::Result<Option<Pid>> {
    let flags = libc::c_long::from(flags | libc::SIGCHLD);
    let none = 0 as libc::c_long;
    // SAFETY: as above; without a stack and other flags it is a fork, and no thread is there whose state libc would
    // have to put in order.
    born(unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) })
}

fn clone3(namespaces: libc::c_int, group: Option<&Group>) -> nix::Result<Option<Pid>> {
    // SAFETY: all zero is a valid value: a fork.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = u64::from(namespaces.cast_unsigned());
    arguments.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    if let Some(group) = group {
        arguments.flags |= INTO_GROUP;
        arguments.cgroup = u64::from(group.fd.as_raw_fd().cast_unsigned());
    }
    // SAFETY: the pointer is to a valid structure of that size; else as above.
    born(unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) })
}

fn born(result: libc::c_long) -> nix::Result<Option<Pid>> {
    match i32::try_from(result) {
        Ok(0) => Ok(None),
        Ok(pid) if pid > 0 => Ok(Some(Pid::from_raw(pid))),
        _ => Err(Errno::last()),
    }
}

/// Whether a folder has this extended attribute with the value `1`.
pub(super) fn is_marked(path: &Path, attribute: &str) -> bool {
    let (Ok(path), Ok(name)) = (CString::new(path.as_os_str().as_bytes()), CString::new(attribute)) else {
        return false;
    };
    let mut value = [0_u8; 8];
    // SAFETY: both texts end in zero, and the buffer is valid for its length.
    let len = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    len == 1 && value[0] == b'1'
}
