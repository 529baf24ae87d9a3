//! Prefaces and frames over an in-memory stream.

use std::io::ErrorKind;
use std::time::Duration;

use ipc_proto::connection::{ConnectionError, FrameReader, FrameWriter, encode_frame, exchange_prefaces};
use ipc_proto::frame::FrameError;
use ipc_proto::handshake::{HelloReply, Welcome};
use ipc_proto::job::{Account, AccountsJob, CollectJob, Job, Start, Variable};
use ipc_proto::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME};
use ipc_proto::message::{Cancel, Heartbeat, JobId, Order, Report, ToChild, ToSupervisor};
use ipc_proto::preface::{self, PrefaceError, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// A heartbeat whose payload is a little above `size` bytes.
fn heartbeat(size: usize) -> ToSupervisor<'static> {
    let body = Report::Heartbeat(Heartbeat { rss: 1, step: "x".repeat(size), work: 1 });
    ToSupervisor { job: JobId(1), body }
}

fn welcome() -> HelloReply {
    HelloReply::Welcome(Welcome { version: 1, frame_cap: 1 << 20, heartbeat: Duration::from_secs(5) })
}

#[tokio::test]
async fn prefaces_are_exchanged_when_both_sides_write_first() {
    let (mut one, mut two) = duplex(preface::LEN);
    let (supervisor, child) =
        tokio::join!(exchange_prefaces(&mut one, Role::Supervisor), exchange_prefaces(&mut two, Role::Child));
    supervisor.expect("the child's preface");
    child.expect("the supervisor's preface");
}

#[tokio::test]
async fn two_supervisors_refuse_each_other() {
    let (mut one, mut two) = duplex(64);
    let (one, two) = tokio::join!(
        exchange_prefaces(&mut one, Role::Supervisor),
        exchange_prefaces(&mut two, Role::Supervisor)
    );
    for error in [one.expect_err("one"), two.expect_err("two")] {
        assert!(matches!(error, ConnectionError::Preface(PrefaceError::Role(1))), "{error}");
        assert!(error.is_violation());
    }
}

#[tokio::test]
async fn another_protocol_is_a_violation_and_a_short_preface_a_lost_connection() {
    let (mut ours, mut theirs) = duplex(64);
    theirs.write_all(b"GET / HTTP/1.1\r\n").await.expect("written");
    let error = exchange_prefaces(&mut ours, Role::Supervisor).await.expect_err("http");
    assert!(matches!(error, ConnectionError::Preface(PrefaceError::Magic(_))), "{error}");

    let (mut ours, mut theirs) = duplex(64);
    theirs.write_all(&preface::encode(Role::Child)[..15]).await.expect("written");
    theirs.shutdown().await.expect("closed");
    let error = exchange_prefaces(&mut ours, Role::Supervisor).await.expect_err("15 bytes");
    assert!(
        matches!(&error, ConnectionError::Io(error) if error.kind() == ErrorKind::UnexpectedEof),
        "{error}"
    );
    assert!(!error.is_violation());
}

#[tokio::test]
async fn the_cap_of_the_handshake_holds_until_it_is_raised() {
    let (ours, theirs) = duplex(MAX_FRAME);
    let (mut writer, mut reader) = (FrameWriter::new(ours), FrameReader::new(theirs));
    writer.send(&welcome()).await.expect("small");
    assert_eq!(reader.next::<HelloReply>().await.expect("valid"), Some(welcome()));

    let large = heartbeat(MAX_HANDSHAKE_FRAME);
    let error = writer.send(&large).await.expect_err("above the cap");
    assert!(matches!(error, ConnectionError::Frame(FrameError::TooLarge { cap: MAX_HANDSHAKE_FRAME, .. })));

    writer.set_cap(MAX_FRAME);
    reader.set_cap(MAX_FRAME);
    writer.send(&large).await.expect("below the new cap");
    assert_eq!(reader.next::<ToSupervisor<'_>>().await.expect("valid"), Some(large.clone()));

    // A reader that was not raised refuses the same frame by its length.
    let (ours, theirs) = duplex(64);
    let (mut writer, mut reader) = (FrameWriter::new(ours), FrameReader::new(theirs));
    writer.set_cap(MAX_FRAME);
    let (_, refused) = tokio::join!(
        async move {
            // The reader goes away in the middle, which is its right.
            writer.send(&large).await.err()
        },
        async move { reader.next_payload().await.map(|payload| payload.map(<[u8]>::len)) },
    );
    let error = refused.expect_err("above the cap");
    assert!(matches!(error, ConnectionError::Frame(FrameError::TooLarge { .. })) && error.is_violation());
}

#[tokio::test]
async fn nothing_is_sent_of_a_message_above_the_cap() {
    let (ours, mut theirs) = duplex(MAX_FRAME);
    let mut writer = FrameWriter::new(ours);
    writer.send(&heartbeat(MAX_HANDSHAKE_FRAME)).await.expect_err("above the cap");
    let mut frame = Vec::new();
    encode_frame(&heartbeat(MAX_HANDSHAKE_FRAME), MAX_FRAME, &mut frame).expect("below the largest cap");
    writer.send_frame(&frame).await.expect_err("above the cap");
    writer.send_frame(&frame[..4]).await.expect_err("no payload");
    // No cap can be set above the largest.
    writer.set_cap(usize::MAX);
    let error = writer.send(&heartbeat(MAX_FRAME)).await.expect_err("above the largest cap");
    assert!(matches!(error, ConnectionError::Frame(FrameError::TooLarge { cap: MAX_FRAME, .. })), "{error}");
    drop(writer);
    let mut sent = Vec::new();
    theirs.read_to_end(&mut sent).await.expect("read");
    assert_eq!(sent, b"");
}

#[tokio::test]
async fn the_end_between_frames_is_the_end_and_inside_a_frame_an_error() {
    let mut frame = Vec::new();
    encode_frame(&heartbeat(10), MAX_FRAME, &mut frame).expect("small");
    for cut in 0..frame.len() {
        let (mut ours, theirs) = duplex(1 << 10);
        ours.write_all(&frame).await.expect("written");
        ours.write_all(&frame[..cut]).await.expect("written");
        drop(ours);
        let mut reader = FrameReader::new(theirs);
        assert_eq!(reader.next().await.expect("valid"), Some(heartbeat(10)));
        match reader.next_payload().await {
            Ok(None) => assert_eq!(cut, 0),
            Ok(Some(_)) => panic!("a frame of {cut} bytes"),
            Err(ConnectionError::Io(error)) => {
                assert!(cut > 0 && error.kind() == ErrorKind::UnexpectedEof, "{error}");
            }
            Err(error) => panic!("cut at {cut}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_payload_that_is_no_message_is_a_violation() {
    for payload in [&b"\x01\x09"[..], b"\x01\x00\x00", b"\xff"] {
        let (mut ours, theirs) = duplex(64);
        let len = u32::try_from(payload.len()).expect("short");
        ours.write_all(&[&len.to_le_bytes(), payload].concat()).await.expect("written");
        let error = FrameReader::new(theirs).next::<ToSupervisor<'_>>().await.expect_err("no message");
        assert!(matches!(error, ConnectionError::Codec(_)) && error.is_violation(), "{error}");
    }
}

#[tokio::test]
async fn a_large_frame_does_not_spoil_those_that_follow() {
    let (ours, theirs) = duplex(1 << 16);
    let (mut writer, mut reader) = (FrameWriter::new(ours), FrameReader::new(theirs));
    writer.set_cap(MAX_FRAME);
    reader.set_cap(MAX_FRAME);
    let sizes = [10, MAX_FRAME - 100, 10, 600 << 10, 500 << 10, 0];
    let sent = async move {
        for size in sizes {
            writer.send(&heartbeat(size)).await.expect("sent");
        }
    };
    let received = async move {
        for size in sizes {
            assert_eq!(reader.next().await.expect("valid"), Some(heartbeat(size)));
        }
        assert!(reader.next_payload().await.expect("closed in order").is_none());
    };
    tokio::join!(sent, received);
}

#[test]
fn secrets_are_redacted_in_debug_of_whatever_holds_them() {
    let account = Account {
        cloud: "c".to_owned(),
        id: "visible-id".to_owned(),
        name: "n".to_owned(),
        node_id: "i".to_owned(),
        scope: b"hunter2".to_vec().into(),
    };
    let variable = Variable { name: "AWS_SECRET_ACCESS_KEY".to_owned(), value: "hunter2".to_owned().into() };
    let start = |job| {
        let body =
            Order::Start(Box::new(Start { job, remaining: None, environment: vec![variable.clone()] }));
        format!("{:?}", ToChild { job: JobId(1), body })
    };
    let config = || "hunter2".to_owned().into();
    let texts = [
        format!("{variable:?}"),
        format!("{account:?}"),
        format!("{:?}", Report::Accounts(vec![account.clone()])),
        start(Job::Accounts(AccountsJob { collector: "x".to_owned(), config: config() })),
        start(Job::Collect(Box::new(CollectJob {
            collector: "x".to_owned(),
            config: config(),
            account,
            max_resources: None,
            last_run_started_ago: None,
        }))),
    ];
    for text in texts {
        assert!(text.contains("[redacted]"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("104, 117"), "{text}");
    }
}

#[tokio::test]
async fn readers_and_writers_do_not_print_what_they_hold() {
    let (ours, theirs) = duplex(1 << 10);
    let (mut writer, mut reader) = (FrameWriter::new(ours), FrameReader::new(theirs));
    let body = Order::Cancel(Cancel { reason: "hunter2".to_owned(), grace: Duration::ZERO });
    writer.send(&ToChild { job: JobId(1), body }).await.expect("sent");
    reader.next_payload().await.expect("valid").expect("a payload");
    for text in [format!("{writer:?}"), format!("{reader:?}")] {
        assert!(text.contains("cap: 4096") && !text.contains("104"), "{text}");
    }
}
