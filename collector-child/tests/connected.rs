//! The program under a supervisor that is the test.
#![expect(clippy::disallowed_methods, reason = "tests start and end the program under test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ipc_proto::clean::{CleanJob, CleanResource, CommandJob, TagJob};
use ipc_proto::codec;
use ipc_proto::connection::encode_frame;
use ipc_proto::frame::{FrameDecoder, HEADER_LEN};
use ipc_proto::graph::Tally;
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, SUPPORTED, Welcome};
use ipc_proto::job::{Account, AccountsJob, CollectJob, Job, Start, Variable};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{JobId, Order, Report, ToChild, ToSupervisor};
use ipc_proto::preface::{self, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

struct Connected {
    child: Child,
    socket: UnixStream,
    decoder: FrameDecoder,
    hello: Hello,
}

fn spawn(connection: &str, stdin: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fix-collector"))
        .args(["--connect", connection, "--label", "random/42"])
        .env_clear()
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A child, and our end of its connection.
fn connect() -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (spawn("fd:0", OwnedFd::from(theirs).into()), ours)
}

impl Connected {
    /// Starts a child up to its Hello.
    fn open() -> Self {
        let (child, mut socket) = connect();
        let mut theirs = [0; preface::LEN];
        socket.read_exact(&mut theirs).unwrap();
        preface::check(&theirs, Role::Child).unwrap();
        socket.write_all(&preface::encode(Role::Supervisor)).unwrap();
        let mut header = [0; HEADER_LEN];
        socket.read_exact(&mut header).unwrap();
        let mut payload = vec![0; u32::from_le_bytes(header) as usize];
        socket.read_exact(&mut payload).unwrap();
        let hello = codec::decode(&payload).unwrap();
        Self { child, socket, decoder: FrameDecoder::new(MAX_FRAME), hello }
    }

    fn reply(&mut self, reply: &HelloReply) {
        let mut frame = Vec::new();
        encode_frame(reply, MAX_FRAME, &mut frame).unwrap();
        self.socket.write_all(&frame).unwrap();
    }

    fn welcome(&mut self) {
        let heartbeat = Duration::from_millis(20);
        let frame_cap = u32::try_from(MAX_FRAME).unwrap();
        self.reply(&HelloReply::Welcome(Welcome { version: SUPPORTED.max, frame_cap, heartbeat }));
    }

    fn start(&mut self, job: u32, start: Start) {
        let mut frame = Vec::new();
        let order = ToChild { job: JobId(job), body: Order::Start(Box::new(start)) };
        encode_frame(&order, MAX_FRAME, &mut frame).unwrap();
        self.socket.write_all(&frame).unwrap();
    }

    /// Hands all reports to `take` until it returns false.
    fn reports(&mut self, mut take: impl FnMut(Report<'_>) -> bool) {
        loop {
            while let Some(payload) = self.decoder.next_frame().unwrap() {
                let message: ToSupervisor<'_> = codec::decode(payload).unwrap();
                if !take(message.body) {
                    return;
                }
            }
            let mut bytes = [0; 16384];
            let n = self.socket.read(&mut bytes).unwrap();
            assert_ne!(n, 0, "the child closed the socket");
            self.decoder.feed(&bytes[..n]);
        }
    }

    fn close(self) -> Output {
        drop(self.socket);
        self.child.wait_with_output().unwrap()
    }
}

fn start(job: Job) -> Start {
    Start { job, remaining: None, environment: Vec::new() }
}

fn accounts(config: &str) -> Job {
    Job::Accounts(AccountsJob { collector: "random".to_owned(), config: config.to_owned().into() })
}

fn collect(config: &str, account: Account) -> Job {
    Job::Collect(Box::new(CollectJob {
        collector: "random".to_owned(),
        config: config.to_owned().into(),
        account,
        max_resources: None,
        last_run_started_ago: None,
    }))
}

/// The first account of the random estate, by an Accounts job with the number 1.
fn first_account(connected: &mut Connected, config: &str) -> Account {
    connected.start(1, start(accounts(config)));
    let mut found = None;
    connected.reports(|report| match report {
        Report::Accounts(accounts) => {
            found = accounts.into_iter().next();
            true
        }
        Report::Done(_) => false,
        Report::Fatal(fault) => panic!("{fault:?}"),
        _ => true,
    });
    found.unwrap()
}

fn log_lines(output: &Output) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(&output.stderr).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn jobs_follow_each_other_on_one_connection() {
    let config = r#"{"seed": 3, "accounts": 2, "resources_per_account": 2000}"#;
    let mut connected = Connected::open();
    assert_eq!(connected.hello.pid, connected.child.id());
    connected.welcome();
    let account = first_account(&mut connected, config);
    connected.start(2, start(collect(config, account)));
    let mut tally = Tally::default();
    let mut totals = None;
    connected.reports(|report| {
        match report {
            Report::Chunk(chunk) => tally.add(&chunk),
            Report::Done(done) => totals = Some(done.totals),
            Report::Fatal(fault) => panic!("{fault:?}"),
            _ => {}
        }
        totals.is_none()
    });
    assert_eq!(totals.unwrap(), tally.totals());
    assert!(tally.totals().nodes > 2000 && tally.totals().chunks > 1);
    let output = connected.close();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn secrets_are_not_in_the_environment_that_others_see() {
    let mut connected = Connected::open();
    connected.welcome();
    let variable = Variable { name: "FIX_TEST_SECRET".to_owned(), value: "hunter2".to_owned().into() };
    let first = Start { environment: vec![variable], ..start(accounts("{\"accounts\": 1}")) };
    connected.start(1, first);
    let mut done = false;
    connected.reports(|report| {
        done = matches!(report, Report::Done(_));
        !done
    });
    assert!(done);
    let proc = format!("/proc/{}", connected.child.id());
    for file in ["environ", "cmdline"] {
        // Only root can still read the first one.
        let content = fs::read(format!("{proc}/{file}")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains("hunter2"), "{file}");
    }
    let output = connected.close();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}

#[test]
fn heartbeats_come_while_a_job_takes_its_time() {
    let config = r#"{"accounts": 1, "resources_per_account": 10, "seconds_per_account": 600}"#;
    let mut connected = Connected::open();
    connected.welcome();
    let account = first_account(&mut connected, config);
    connected.start(2, start(collect(config, account)));
    let mut beats = Vec::new();
    connected.reports(|report| {
        if let Report::Heartbeat(beat) = report {
            beats.push(beat);
        }
        beats.len() < 5
    });
    assert!(beats.iter().all(|beat| beat.rss > 0));
    // The supervisor dies: so does the child, at once.
    let output = connected.close();
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let logs = log_lines(&output);
    assert!(logs.iter().any(|line| line["level"] == "WARN" && line["message"].is_string()), "{logs:?}");
}

#[test]
fn sigterm_ends_the_child_with_try_again() {
    let config = r#"{"accounts": 1, "resources_per_account": 10, "seconds_per_account": 600}"#;
    let mut connected = Connected::open();
    connected.welcome();
    let account = first_account(&mut connected, config);
    connected.start(2, start(collect(config, account)));
    connected.reports(|report| !matches!(report, Report::Ready));
    kill(Pid::from_raw(i32::try_from(connected.child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(connected.child.wait().unwrap().code(), Some(75));
}

#[test]
fn the_outcome_of_the_only_job_is_the_exit_code() {
    let mut connected = Connected::open();
    connected.welcome();
    let job = AccountsJob { collector: "nope".to_owned(), config: String::new().into() };
    connected.start(1, start(Job::Accounts(job)));
    connected.reports(|report| !matches!(report, Report::Fatal(_)));
    assert_eq!(connected.close().status.code(), Some(78));
    let mut idle = Connected::open();
    idle.welcome();
    assert_eq!(idle.close().status.code(), Some(0));
}

#[test]
fn a_refused_child_says_why_in_its_log() {
    let mut connected = Connected::open();
    let reject =
        Reject { reason: RejectReason::Version, supported: SUPPORTED, build: "fixworker 9.9".to_owned() };
    connected.reply(&HelloReply::Reject(reject));
    let output = connected.close();
    assert_eq!(output.status.code(), Some(65));
    let logs = log_lines(&output);
    assert_eq!(logs[0]["level"], "ERROR");
    assert!(logs[0]["message"].as_str().unwrap().contains("fixworker 9.9"), "{logs:?}");
}

#[test]
fn a_start_that_cannot_work_has_its_own_code() {
    let (_ours, theirs) = UnixStream::pair().unwrap();
    let wrong =
        [("fd:0", Stdio::null()), ("fd:0", Stdio::piped()), ("/run/socket", OwnedFd::from(theirs).into())];
    for (connection, stdin) in wrong {
        let output = spawn(connection, stdin).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert_eq!(log_lines(&output)[0]["exit_code"], 64);
    }
    let (mut child, socket) = connect();
    drop(socket);
    assert_eq!(child.wait().unwrap().code(), Some(75), "the supervisor is gone");
    let (mut child, mut socket) = connect();
    socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(65));
}

#[test]
fn the_environment_only_comes_with_the_first_job() {
    let mut connected = Connected::open();
    connected.welcome();
    first_account(&mut connected, "{}");
    let variable = Variable { name: "LATE".to_owned(), value: "1".to_owned().into() };
    connected.start(2, Start { environment: vec![variable], ..start(accounts("{}")) });
    assert_eq!(connected.child.wait().unwrap().code(), Some(65));

    let mut connected = Connected::open();
    connected.welcome();
    let variable = Variable { name: "A=B".to_owned(), value: "1".to_owned().into() };
    connected.start(1, Start { environment: vec![variable], ..start(accounts("{}")) });
    assert_eq!(connected.child.wait().unwrap().code(), Some(65));
}

/// A node of the random estate as fixcore's search gives it.
fn stored_node(kind: &str, id: &str, account: &str) -> serde_json::Value {
    serde_json::json!({
        "id": format!("node-{id}"),
        "type": "node",
        "revision": "_h1",
        "reported": {"id": id, "kind": kind, "tags": {"Name": id}, "age": "3d"},
        "desired": {"clean": true},
        "metadata": {"python_type": "fix_plugin_random.resources.RandomThing", "provider_link": "https://x"},
        "ancestors": {"account": {"reported": {"id": account, "name": account}}},
    })
}

fn clean(nodes: &[serde_json::Value], account: &str) -> Job {
    let resource = |node: &serde_json::Value| CleanResource {
        node_json: node.to_string(),
        related_json: Vec::new(),
        related_cut: false,
    };
    Job::Clean(Box::new(CleanJob {
        collector: "random".to_owned(),
        config: String::new().into(),
        account: Account {
            cloud: "random".to_owned(),
            id: account.to_owned(),
            name: account.to_owned(),
            node_id: "account-node".to_owned(),
            scope: Vec::new().into(),
        },
        ancestors_json: Vec::new(),
        resources: nodes.iter().map(resource).collect(),
        dry_run: false,
        parallel: 4,
    }))
}

fn tag(node: &serde_json::Value, remove: &str) -> Job {
    Job::Tag(Box::new(TagJob {
        collector: "random".to_owned(),
        config: String::new().into(),
        node_json: node.to_string(),
        set: vec![("owner".to_owned(), "me".to_owned())],
        remove: vec![remove.to_owned()],
    }))
}

/// The answers of one job, and the text of its failure.
fn answers(connected: &mut Connected) -> (Vec<String>, Option<String>) {
    let (mut answers, mut failure) = (Vec::new(), None);
    connected.reports(|report| {
        match report {
            Report::Cleaned(cleaned) => {
                answers.push(format!("{} {}", cleaned.node_id, cleaned.outcome.name()));
            }
            Report::Tagged(json) | Report::Output(json) => answers.push(json),
            Report::Fatal(fault) => failure = Some(fault.message),
            Report::Done(_) => return false,
            _ => {}
        }
        failure.is_none()
    });
    (answers, failure)
}

#[test]
fn one_child_lives_through_all_passes_and_through_jobs_that_fail() {
    let mut connected = Connected::open();
    connected.welcome();
    let first = [stored_node("random_instance", "i-1", "42"), stored_node("random_region", "eu", "42")];
    connected.start(1, start(clean(&first, "42")));
    let (mut cleaned, failure) = answers(&mut connected);
    cleaned.sort();
    assert_eq!((cleaned, failure), (vec!["node-eu refused".to_owned(), "node-i-1 gone".to_owned()], None));

    let node = stored_node("random_volume", "v-1", "42");
    connected.start(2, start(tag(&node, "nope")));
    let complaint = "random_volume v-1: there is no tag \"nope\" to remove";
    assert_eq!(answers(&mut connected), (Vec::new(), Some(complaint.to_owned())));

    connected.start(3, start(tag(&node, "Name")));
    let (tagged, failure) = answers(&mut connected);
    assert_eq!(failure, None);
    let tagged: serde_json::Value = serde_json::from_str(&tagged[0]).unwrap();
    let mut expected = node.clone();
    expected["reported"] = serde_json::json!({"id": "v-1", "kind": "random_volume", "tags": {"owner": "me"}});
    for key in ["type", "revision", "desired", "ancestors"] {
        expected.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(tagged, expected);

    let command = CommandJob {
        collector: "random".to_owned(),
        config: String::new().into(),
        name: "aws".to_owned(),
        args: vec!["hunter2".to_owned()],
        node_json: None,
    };
    connected.start(4, start(Job::Command(Box::new(command))));
    let complaint = "the collector random has no command \"aws\"";
    assert_eq!(answers(&mut connected), (Vec::new(), Some(complaint.to_owned())));

    connected.start(5, start(clean(&[node], "42")));
    assert_eq!(answers(&mut connected), (vec!["node-v-1 gone".to_owned()], None));
    let output = connected.close();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}
