//! Ways around the walls for files, other processes and TCP ports that only the list of system calls closes.
#![expect(unsafe_code, reason = "system calls without a safe form")]

use std::fs::{self, File, Permissions};
use std::io::{self, Error, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, listen, sendto, socket,
};
use nix::unistd::Pid;

use super::Attempt;

/// The kernel refused it; whatever else goes wrong says nothing.
fn refused<T>(what: &'static str, result: io::Result<T>) -> Attempt {
    let said = match &result {
        Ok(_) => "it works".to_owned(),
        Err(error) => error.to_string(),
    };
    let held = result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    Attempt::is("seccomp", what, held, said)
}

/// Tries them, with `temp` as the one folder that is its own, and `parent` as another process.
pub(super) fn attempts(temp: &Path, parent: Pid) -> Vec<Attempt> {
    vec![
        refused("have a local socket, which could connect to services of this host", local_socket()),
        refused("connect by multipath TCP", multipath()),
        refused("connect by sending at once", fast_open()),
        refused("wait for connections at any port", wait_for_connections()),
        refused("change who may read a file", change_mode(temp)),
        refused("share memory that outlives it", shared_memory()),
        refused("slow its parent down", priority_of(parent)),
    ]
}

fn tcp() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Tcp)?)
}

fn local_socket() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?)
}

fn multipath() -> io::Result<OwnedFd> {
    // SAFETY: the call takes plain numbers; a result that is not negative is a descriptor that nobody else owns.
    unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        let fd = libc::socket(libc::AF_INET, kind, libc::IPPROTO_MPTCP);
        if fd < 0 { Err(Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// To the port that discards, of this host; where nobody waits it is refused by another error.
fn fast_open() -> io::Result<usize> {
    let discard = SockaddrIn::new(127, 0, 0, 1, 9);
    let flags = MsgFlags::from_bits_retain(libc::MSG_FASTOPEN) | MsgFlags::MSG_NOSIGNAL;
    Ok(sendto(tcp()?.as_raw_fd(), b"x", &discard, flags)?)
}

fn wait_for_connections() -> io::Result<()> {
    Ok(listen(&tcp()?, nix::sys::socket::Backlog::new(1)?)?)
}

/// To what it is, so that nothing has happened if it works.
fn change_mode(folder: &Path) -> io::Result<()> {
    let mode = File::open(folder)?.metadata()?.permissions().mode();
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

fn shared_memory() -> io::Result<()> {
    // SAFETY: both calls take plain numbers; nobody maps the memory.
    unsafe {
        let id = libc::shmget(libc::IPC_PRIVATE, 4096, 0o600);
        if id < 0 {
            return Err(Error::last_os_error());
        }
        libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut());
    }
    Ok(())
}

/// To what it is.
fn priority_of(pid: Pid) -> io::Result<()> {
    let who = pid.as_raw().cast_unsigned();
    // SAFETY: both calls take plain numbers.
    let result = unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, who);
        libc::setpriority(libc::PRIO_PROCESS, who, now)
    };
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}
