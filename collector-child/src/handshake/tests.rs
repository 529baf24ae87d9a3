use std::os::unix::net::UnixStream;

use ipc_proto::frame::HEADER_LEN;
use ipc_proto::handshake::Welcome;
use ipc_proto::job::{AccountsJob, Job};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::Cancel;
use ipc_proto::preface;

use super::*;

/// Answers a child's opening with `bytes` and returns what the child makes of it.
fn opening(bytes: &[u8]) -> Result<Terms, HandshakeError> {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    ours.write_all(bytes).unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let result = introduce(&mut theirs, &mut PayloadReader::new());
    drop(theirs);
    let mut sent = Vec::new();
    // A child that leaves bytes unread resets the connection after what it sent.
    drop(ours.read_to_end(&mut sent));
    assert_eq!(sent[..preface::LEN], preface::encode(preface::Role::Child));
    if let Some(frame) = sent.get(preface::LEN + HEADER_LEN..).filter(|frame| !frame.is_empty()) {
        let hello: Hello = codec::decode(frame).unwrap();
        assert_eq!(hello.pid, std::process::id());
    }
    result
}

fn reply(reply: &HelloReply) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(reply, MAX_FRAME, &mut frame).unwrap();
    [&preface::encode(preface::Role::Supervisor)[..], &frame].concat()
}

#[test]
fn the_handshake_takes_the_terms() {
    let heartbeat = Duration::from_secs(5);
    let welcome = |version| HelloReply::Welcome(Welcome { version, frame_cap: 1 << 20, heartbeat });
    assert_eq!(opening(&reply(&welcome(SUPPORTED.max))).unwrap(), Terms { frame_cap: 1 << 20, heartbeat });
    let error = opening(&reply(&welcome(SUPPORTED.max + 1))).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Protocol);
}

#[test]
fn a_handshake_that_fails_says_whose_fault_it_is() {
    let rejected = |reason| {
        let reject = Reject { reason, supported: SUPPORTED, build: "fixworker 9".to_owned() };
        opening(&reply(&HelloReply::Reject(reject))).unwrap_err()
    };
    for reason in [RejectReason::Version, RejectReason::Token, RejectReason::Peer] {
        let error = rejected(reason);
        assert_eq!(error.exit_code(), ExitCode::Protocol);
        assert!(error.to_string().contains("fixworker 9"), "{error}");
    }
    for (bytes, code) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ExitCode::Protocol),
        (&preface::encode(preface::Role::Child), ExitCode::Protocol),
        (&preface::encode(preface::Role::Supervisor), ExitCode::TryAgain),
        (b"", ExitCode::TryAgain),
    ] {
        assert_eq!(opening(bytes).unwrap_err().exit_code(), code, "{bytes:?}");
    }
}

#[test]
fn the_first_job_is_waited_for() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let job = AccountsJob { collector: "scripted".to_owned(), config: String::new().into() };
    let start = Start { job: Job::Accounts(job), remaining: None, environment: Vec::new() };
    let mut frame = Vec::new();
    for body in [
        Order::Cancel(Cancel { reason: String::new(), grace: Duration::ZERO }),
        Order::Start(Box::new(start)),
    ] {
        encode_frame(&ToChild { job: JobId(4), body }, MAX_FRAME, &mut frame).unwrap();
        ours.write_all(&frame).unwrap();
    }
    drop(ours);
    let mut frames = PayloadReader::new();
    frames.set_cap(MAX_FRAME);
    let (job, start) = first_job(&mut theirs, &mut frames).unwrap().unwrap();
    assert_eq!((job, crate::job::title(&start.job)), (JobId(4), "accounts scripted".to_owned()));
    assert!(first_job(&mut theirs, &mut frames).unwrap().is_none());
}
