//! Blocking frames.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use ipc_proto::codec;
use ipc_proto::connection::encode_frame;
use ipc_proto::frame::HEADER_LEN;
use ipc_proto::handshake::{Hello, VersionRange};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{JobId, Report, ToSupervisor};
use ipc_proto::preface::{self, Role};

/// One end of the socket; clones write to the same one.
pub(crate) struct Wire {
    stream: UnixStream,
    pub(crate) writer: Writer,
}

#[derive(Clone)]
pub(crate) struct Writer(Arc<Mutex<UnixStream>>);

impl Wire {
    pub(crate) fn open(mut stream: UnixStream, versions: VersionRange) -> Self {
        stream.write_all(&preface::encode(Role::Child)).unwrap();
        let mut theirs = [0; preface::LEN];
        stream.read_exact(&mut theirs).unwrap();
        preface::check(&theirs, Role::Supervisor).unwrap();
        let writer = Writer(Arc::new(Mutex::new(stream.try_clone().unwrap())));
        let hello =
            Hello { versions, build: "rogue 9.9".into(), token: [0; 32].into(), pid: std::process::id() };
        let mut frame = Vec::new();
        encode_frame(&hello, MAX_FRAME, &mut frame).unwrap();
        writer.raw(&frame);
        Self { stream, writer }
    }

    /// The next message; `None` when the supervisor closed.
    pub(crate) fn read<M: ipc_proto_decode::Owned>(&mut self) -> Option<M> {
        let mut header = [0; HEADER_LEN];
        self.stream.read_exact(&mut header).ok()?;
        let mut payload = vec![0; u32::from_le_bytes(header) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        Some(M::decode(&payload))
    }
}

impl Writer {
    pub(crate) fn raw(&self, bytes: &[u8]) {
        // A supervisor that has closed is no reason to fail here.
        let _closed = self.0.lock().unwrap().write_all(bytes);
    }

    pub(crate) fn report(&self, job: JobId, body: Report<'_>) {
        let mut frame = Vec::new();
        encode_frame(&ToSupervisor { job, body }, MAX_FRAME, &mut frame).unwrap();
        self.raw(&frame);
    }

    pub(crate) fn shutdown(&self) {
        self.0.lock().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
    }
}

/// Messages that borrow nothing.
pub(crate) mod ipc_proto_decode {
    use ipc_proto::handshake::HelloReply;
    use ipc_proto::message::ToChild;

    pub(crate) trait Owned {
        fn decode(payload: &[u8]) -> Self;
    }

    impl Owned for HelloReply {
        fn decode(payload: &[u8]) -> Self {
            super::codec::decode(payload).unwrap()
        }
    }

    impl Owned for ToChild {
        fn decode(payload: &[u8]) -> Self {
            super::codec::decode(payload).unwrap()
        }
    }
}
