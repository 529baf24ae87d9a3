//! What supervisor and fork server say to each other: one JSON text for each packet, with descriptors beside it.
//!
//! Both ends are the same program, so there is no version.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::walls::Plan;

/// The longest packet. The kernel refuses more than its send buffer, about 200 KiB.
const MAX_PACKET: usize = 192 << 10;
/// Descriptors that come with [`Order::Start`]: the socket, both outputs, and where a failed exec is told.
pub(crate) const DESCRIPTORS: usize = 4;

/// What the supervisor wants.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Start a process, with [`DESCRIPTORS`].
    Start(Box<Launch>),
    /// Has this leader exited?
    HasExited(i32),
    /// Kill what is left of the group of this leader, reap it if it has exited, and sweep after it.
    Reap(i32),
    /// Kill this group now, and reap its leader whenever it exits.
    Forget(i32),
}

/// What the fork server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The process that was forked. Whether it could become the program is told by its descriptor.
    Started(i32),
    /// It was not forked, for this error of the system.
    NotStarted(i32),
    /// The answer to [`Order::HasExited`].
    Exited(bool),
    /// It is still there.
    Lives,
    /// It was reaped; it had ended with this code.
    Code(i32),
    /// It was reaped; it had died of this signal.
    Signal(i32),
    /// It is no leader of ours.
    Unknown,
    /// Done.
    Noted,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// A variable beside those that every child gets, as `NAME=VALUE`.
    pub(crate) variable: Option<String>,
    /// Niceness above ours.
    pub(crate) nice: i32,
    /// Open files.
    pub(crate) open_files: u64,
    /// Bytes of data (heap, stacks).
    pub(crate) data: u64,
    /// Bytes of the largest file it may write.
    pub(crate) file_size: u64,
    /// A control group with these limits, if this host lets us make some; `None` is no group.
    pub(crate) limits: Option<Limits>,
    /// A user and process id namespace of its own, where that is possible.
    pub(crate) namespace: bool,
    /// The sandbox.
    pub(crate) walls: Option<Plan>,
}

/// Limits for all processes of a child together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// Processes and threads.
    pub(crate) processes: u64,
}

/// Sends one packet.
pub(crate) fn send(socket: impl AsFd, message: &impl Serialize, fds: &[RawFd]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX_PACKET {
        return Err(io::Error::other("the description of a child is too long"));
    }
    let rights = [ControlMessage::ScmRights(fds)];
    let rights = if fds.is_empty() { &[][..] } else { &rights[..] };
    let sent = sendmsg::<()>(
        socket.as_fd().as_raw_fd(),
        &[IoSlice::new(&bytes)],
        rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    );
    sent.map(drop).map_err(io::Error::from)
}

/// Receives one packet; `None` when the other side is gone.
#[expect(unsafe_code, reason = "descriptors that the kernel hands over have no owner yet")]
pub(crate) fn receive<M: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; MAX_PACKET];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS]);
    let (len, fds) = loop {
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let fd = socket.as_fd().as_raw_fd();
        match recvmsg::<()>(fd, &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
            Ok(message) => {
                let mut fds = Vec::new();
                for rights in message.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(raw) = rights {
                        // SAFETY: the kernel has just made these descriptors for this process, and this is the
                        // only place that learns of them.
                        fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                    }
                }
                break (message.bytes, fds);
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(nix::errno::Errno::ECONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    };
    if len == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes[..len])?, fds)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn packets_keep_their_borders_and_bring_descriptors() {
        let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC);
        let (ours, theirs) = pair.unwrap();
        let launch = Launch {
            command: vec![OsString::from_vec(b"/tmp/\xff".to_vec())],
            variable: Some("A=b".to_owned()),
            nice: -3,
            open_files: 7,
            data: 8,
            file_size: 9,
            limits: Some(Limits { memory: 10, processes: 11 }),
            namespace: true,
            walls: Some(Plan {
                required: true,
                local_sockets: true,
                grants: Vec::new(),
                closed_ports: vec![8900],
            }),
        };
        send(&ours, &Order::Start(Box::new(launch.clone())), &[0, 1, 2, 2]).unwrap();
        send(&ours, &Order::Reap(5), &[]).unwrap();
        let (order, fds) = receive::<Order>(&theirs).unwrap().unwrap();
        assert!(
            matches!(order, Order::Start(got) if *got == launch),
            "bytes that are no text arrive as they are"
        );
        assert_eq!(fds.len(), DESCRIPTORS);
        let (order, fds) = receive::<Order>(&theirs).unwrap().unwrap();
        assert!(matches!(order, Order::Reap(5)) && fds.is_empty());
        drop(ours);
        assert!(receive::<Order>(&theirs).unwrap().is_none());
    }
}
