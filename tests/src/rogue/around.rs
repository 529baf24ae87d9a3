//! What the rogue child tries beside opening files and sending signals: other ways to services of this host, to files
//! that it cannot open, to ports, to other processes, and to what stays behind.
#![expect(unsafe_code, reason = "system calls without a safe form")]

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, UnixAddr, listen, sendto, socket,
    socketpair,
};

use super::escape::note;

/// In the folder above the markers the test has put `service` and `datagrams`, two sockets, and `private`, a file; the
/// number of a port of TCP is in `port`, among the markers. What is not there is not tried.
pub(super) fn attack(markers: &Path, supervisor: i32) -> anyhow::Result<()> {
    let above = markers.parent().context("a parent")?;
    let port = fs::read_to_string(markers.join("port")).ok();
    let port = port.map(|text| text.parse().context("the number of a port")).transpose()?;
    let private = above.join("private");
    let attempts = [
        ("service", UnixStream::connect(above.join("service")).is_ok()),
        ("datagrams", send_to_socket(&above.join("datagrams"))),
        ("mode", fs::set_permissions(&private, Permissions::from_mode(0o666)).is_ok()),
        ("time", touch(&private)),
        ("watch", watch(above)),
        ("lease", lease(&markers.join("leased"))),
        ("notices", fs::File::open(markers).is_ok_and(|folder| has(&folder, libc::F_NOTIFY, 0))),
        ("multipath", port.is_some_and(multipath)),
        ("fast open", port.is_some_and(fast_open)),
        ("listen", stream(libc::IPPROTO_TCP).is_some_and(|socket| listen(&socket, Backlog::MAXCONN).is_ok())),
        ("shared memory", shared_memory()),
        ("priority", slow_down(supervisor)),
    ];
    attempts.iter().filter(|(_, worked)| *worked).try_for_each(|(what, _)| note(markers, what))?;
    // What a collector needs is left; else the above would say nothing.
    let plain = port.map(|port| TcpStream::connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)));
    plain.transpose().map(drop).context("plain TCP")
}

/// `port` among the markers is fixcore's, `other` that of something else, which must be reached.
pub(super) fn reach_fixcore(markers: &Path) -> anyhow::Result<()> {
    let connect = |name: &str| -> anyhow::Result<_> {
        let port: u16 = fs::read_to_string(markers.join(name))?.parse()?;
        Ok((port, TcpStream::connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))))
    };
    connect("other")?.1.context("a port that nobody has closed")?;
    let (port, plain) = connect("port")?;
    let attempts =
        [("plain TCP", plain.is_ok()), ("multipath", multipath(port)), ("fast open", fast_open(port))];
    attempts.iter().filter(|(_, worked)| *worked).try_for_each(|(what, _)| note(markers, what))?;
    note(markers, "tried")
}

/// By one end of a pair, which needs no call of `socket`.
fn send_to_socket(path: &Path) -> bool {
    let pair = socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC);
    let (Ok((one, _other)), Ok(address)) = (pair, UnixAddr::new(path)) else { return false };
    sendto(one.as_raw_fd(), b"x", &address, MsgFlags::empty()).is_ok()
}

fn stream(protocol: i32) -> Option<OwnedFd> {
    // SAFETY: the call takes plain numbers; a result that is not negative is a descriptor that nobody else owns.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, protocol);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
    }
}

/// Where the kernel has it, it speaks TCP to whoever does not.
fn multipath(port: u16) -> bool {
    let address = SockaddrIn::new(127, 0, 0, 1, port);
    stream(libc::IPPROTO_MPTCP)
        .is_some_and(|socket| nix::sys::socket::connect(socket.as_raw_fd(), &address).is_ok())
}

fn fast_open(port: u16) -> bool {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    let address = SockaddrIn::new(127, 0, 0, 1, port);
    let flags = MsgFlags::from_bits_retain(libc::MSG_FASTOPEN);
    socket.is_ok_and(|socket| sendto(socket.as_raw_fd(), b"x", &address, flags).is_ok())
}

fn touch(file: &Path) -> bool {
    use nix::sys::stat::{UtimensatFlags, utimensat};
    use nix::sys::time::TimeSpec;
    let then = TimeSpec::from_duration(
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() / 2,
    );
    utimensat(nix::fcntl::AT_FDCWD, file, &then, &then, UtimensatFlags::FollowSymlink).is_ok()
}

fn watch(folder: &Path) -> bool {
    let Ok(path) = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()) else { return false };
    // SAFETY: the path ends in zero and outlives the calls; the descriptor is closed with this process.
    unsafe {
        libc::inotify_add_watch(libc::inotify_init1(libc::IN_CLOEXEC), path.as_ptr(), libc::IN_CREATE) >= 0
    }
}

/// Of a file that nobody else has open: whoever opens it waits then, for 45 seconds as a rule.
fn lease(file: &Path) -> bool {
    fs::write(file, "x").is_ok()
        && fs::File::open(file).is_ok_and(|file| has(&file, libc::F_SETLEASE, libc::F_WRLCK))
}

fn has(file: &fs::File, command: i32, argument: i32) -> bool {
    // SAFETY: the call takes plain numbers.
    unsafe { libc::fcntl(file.as_raw_fd(), command, argument) == 0 }
}

fn shared_memory() -> bool {
    // SAFETY: both calls take plain numbers; nobody maps the memory.
    unsafe {
        let id = libc::shmget(libc::IPC_PRIVATE, 4096, 0o600);
        id >= 0 && libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) == 0
    }
}

fn slow_down(pid: i32) -> bool {
    // SAFETY: both calls take plain numbers.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, pid.cast_unsigned());
        libc::setpriority(libc::PRIO_PROCESS, pid.cast_unsigned(), now) == 0
    }
}
