//! A child in this process against a supervisor that is the test, over a real socket.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use collector::identity::{Errand, Identity};
use collector::{BoxFuture, CollectRequest, ConfigSection, Failure, FaultExt, Sink, SinkExt, fault};
use ipc_proto::codec;
use ipc_proto::connection::encode_frame;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::frame::{FrameDecoder, HEADER_LEN};
use ipc_proto::graph::{Edge, EdgeType, Node, Role, Tally};
use ipc_proto::job::{Account, AccountsJob, CollectJob, Described, Job, Variable};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{Done, Heartbeat, Progress, Report, ToSupervisor};
use serde_json::json;

use super::*;

/// Bytes of the JSON of one node of the collector.
const NODE_BYTES: usize = 10_000;

/// Does in an account what the config says.
#[derive(Default)]
struct Scripted {
    gate: Arc<Gate>,
}

/// Opened by the test, waited for by blocking the thread.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    blocked: AtomicUsize,
    /// Nodes that found their place.
    placed: AtomicUsize,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn block(&self) {
        self.blocked.fetch_add(1, Ordering::SeqCst);
        let guard = self.open.lock().unwrap();
        drop(self.opened.wait_while(guard, |open| !*open).unwrap());
    }
}

impl Collector for Scripted {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "scripted".into()
    }

    fn describe(&self) -> Described {
        Described {
            collector: "scripted".to_owned(),
            clouds: vec!["scripted".to_owned()],
            account_noun: "account".to_owned(),
            kinds_json: "[]".to_owned(),
            section: None,
            pool_setting: None,
            tasks_json: "[]".to_owned(),
            environment: vec![],
            paths: vec![],
            auto_enable: vec![],
            account_kinds: vec![],
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            output.fault(fault(FaultKind::AccessDenied, "one account cannot be seen").info());
            let count = config.get("accounts").and_then(serde_json::Value::as_u64).unwrap_or(0);
            Ok((0..count).map(account).collect())
        })
    }

    fn identity<'a>(
        &'a self,
        _errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async { Ok(Identity::NoCredentials) })
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            output.step("scripted step".to_owned());
            let text =
                |name: &str| request.config.get(name).and_then(|value| value.as_str().map(str::to_owned));
            match text("first").as_deref() {
                Some("panic") => panic!("scripted panic"),
                Some("fail") => return Err(fault(FaultKind::Credentials, "the key is wrong").into()),
                Some("stop") => return Err(Failure::Stopped),
                Some("wait") => std::future::pending().await,
                Some("block") => self.gate.block(),
                _ => {}
            }
            let nodes = request.config.get("nodes").and_then(serde_json::Value::as_u64).unwrap_or(0);
            send_graph(nodes, &request.account.id, output, &self.gate.placed).await?;
            for _ in 0..3 {
                output.fault(fault(FaultKind::Property, "a property is wrong"));
            }
            output.progress(Progress { path: vec![], name: "eu".to_owned(), current: 1, total: 1 });
            Ok(())
        })
    }
}

async fn send_graph(
    nodes: u64,
    account: &str,
    output: &dyn Sink,
    placed: &AtomicUsize,
) -> Result<(), Failure> {
    fn node(id: &str, role: Role) -> Node<'_> {
        Node { id, kind: "k", role, json: &[b'x'; NODE_BYTES] }
    }
    output.node(node("root", Role::Root)).await?;
    output.node(node(account, Role::Account)).await?;
    for n in 0..nodes {
        let id = format!("n{n}");
        output.node(node(&id, Role::Resource)).await?;
        placed.fetch_add(1, Ordering::SeqCst);
        output.edge(Edge { from: account, to: &id, edge_type: EdgeType::Default, reported: None }).await?;
    }
    Ok(())
}

fn account(n: u64) -> Account {
    Account {
        cloud: "scripted".to_owned(),
        id: format!("a{n}"),
        name: format!("Account {n}"),
        node_id: format!("node-{n}"),
        scope: b"role".to_vec().into(),
    }
}

fn collect(config: &serde_json::Value) -> Start {
    let max_resources = config.get("max").and_then(serde_json::Value::as_u64);
    let job = CollectJob {
        collector: "scripted".to_owned(),
        config: config.to_string().into(),
        account: account(1),
        max_resources,
        last_run_started_ago: None,
    };
    start(Job::Collect(Box::new(job)))
}

fn start(job: Job) -> Start {
    Start { job, remaining: None, environment: Vec::new() }
}

fn collectors(gate: &Arc<Gate>) -> Vec<Box<dyn Collector>> {
    vec![Box::new(Scripted { gate: Arc::clone(gate) })]
}

/// The supervisor's end of a socket whose other end is served by a thread.
struct Supervisor {
    socket: UnixStream,
    decoder: FrameDecoder,
    child: thread::JoinHandle<ExitCode>,
    gate: Arc<Gate>,
    last_resort: blocking::Receiver<ExitCode>,
    /// Heartbeats that were skipped by [`Supervisor::next`].
    heartbeats: Vec<Heartbeat>,
}

/// A message, without borrowing.
#[derive(Debug, PartialEq)]
enum Seen {
    Ready,
    Described(String),
    Accounts(usize),
    Chunk(u32),
    Progress(Vec<Progress>),
    Fault(Fault),
    Cleaned(String),
    Answer(String),
    Denied(usize),
    Brokering(String),
    Sealed(Vec<u8>),
    Renew,
    Done(Done),
    Fatal(Fault),
}

impl Supervisor {
    fn spawn(first: Start, heartbeat: Duration) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let gate = Arc::new(Gate::default());
        let (last_resort_in, last_resort) = blocking::channel();
        let collectors = collectors(&gate);
        let child = thread::spawn(move || {
            let mut frames = PayloadReader::new();
            frames.set_cap(MAX_FRAME);
            let connection = Connection {
                reader: theirs.try_clone().unwrap(),
                frames,
                writer: theirs,
                terms: Terms { frame_cap: MAX_FRAME, heartbeat },
            };
            let resort = Box::new(move |code| last_resort_in.send(code).unwrap_or(()));
            serve(collectors, connection, (JobId(1), first), resort).unwrap()
        });
        let decoder = FrameDecoder::new(MAX_FRAME);
        Self { socket, decoder, child, gate, last_resort, heartbeats: Vec::new() }
    }

    fn quiet(first: Start) -> Self {
        Self::spawn(first, Duration::from_mins(10))
    }

    fn send(&mut self, job: u32, body: Order) {
        let mut frame = Vec::new();
        encode_frame(&ToChild { job: JobId(job), body }, MAX_FRAME, &mut frame).unwrap();
        self.socket.write_all(&frame).unwrap();
    }

    /// The next message that is not a heartbeat; `None` at the end of the socket.
    fn next(&mut self, tallies: &mut BTreeMap<JobId, Tally>) -> Option<(u32, Seen)> {
        loop {
            while let Some(payload) = self.decoder.next_frame().unwrap() {
                let message: ToSupervisor<'_> = codec::decode(payload).unwrap();
                let tally = tallies.entry(message.job).or_default();
                match seen(message.body, tally) {
                    Ok(seen) => return Some((message.job.0, seen)),
                    Err(beat) => self.heartbeats.push(beat),
                }
            }
            let mut bytes = [0; 16384];
            match self.socket.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(n) => self.decoder.feed(&bytes[..n]),
            }
        }
    }

    /// All messages of one job up to its last.
    fn until_end(&mut self) -> Vec<Seen> {
        let mut tallies = BTreeMap::new();
        let mut all = Vec::new();
        while let Some((_, seen)) = self.next(&mut tallies) {
            let last = matches!(seen, Seen::Done(_) | Seen::Fatal(_));
            if let Seen::Done(done) = &seen {
                assert_eq!(tallies.values().next().unwrap().totals(), done.totals);
            }
            all.push(seen);
            if last {
                return all;
            }
        }
        panic!("the socket ended after {all:?}");
    }

    /// Closes the socket and waits for the child.
    fn close(self) -> ExitCode {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.child.join().unwrap()
    }
}

fn seen(report: Report<'_>, tally: &mut Tally) -> Result<Seen, Heartbeat> {
    Ok(match report {
        Report::Ready => Seen::Ready,
        Report::Heartbeat(beat) => return Err(beat),
        Report::Described(described) => Seen::Described(described.collector),
        Report::Accounts(accounts) => Seen::Accounts(accounts.len()),
        Report::Chunk(chunk) => {
            assert_eq!(chunk.seq, tally.totals().chunks, "chunks come in order");
            tally.add(&chunk);
            Seen::Chunk(chunk.seq)
        }
        Report::Progress(lines) => Seen::Progress(lines),
        Report::Fault(fault) => Seen::Fault(fault),
        Report::Cleaned(cleaned) => Seen::Cleaned(cleaned.node_id),
        Report::Tagged(json) | Report::Output(json) => Seen::Answer(json),
        Report::Denied(calls) => Seen::Denied(calls.len()),
        Report::Brokering(brokering) => Seen::Brokering(brokering.collector),
        Report::Sealed(seal) => Seen::Sealed(seal.bytes.expose().clone()),
        Report::Renew => Seen::Renew,
        Report::Done(done) => Seen::Done(done),
        Report::Fatal(fault) => Seen::Fatal(fault),
    })
}

fn fatal(all: &[Seen]) -> &Fault {
    match all.last() {
        Some(Seen::Fatal(fault)) => fault,
        other => panic!("expected Fatal, found {other:?}"),
    }
}

#[test]
fn describe_answers_one_message_per_collector() {
    let mut supervisor = Supervisor::quiet(start(Job::Describe { collectors: vec![] }));
    let all = supervisor.until_end();
    assert_eq!(all[..2], [Seen::Ready, Seen::Described("scripted".to_owned())]);
    assert_eq!(all[2], Seen::Done(Done { totals: Tally::default().totals(), faults: 0 }));
    assert_eq!(supervisor.close(), ExitCode::Done);
}

#[test]
fn describe_of_an_unknown_collector_is_a_fault_beside_the_known_ones() {
    let names = vec!["scriptd".to_owned(), "scripted".to_owned()];
    let mut supervisor = Supervisor::quiet(start(Job::Describe { collectors: names }));
    let all = supervisor.until_end();
    let hints: Vec<_> = all
        .iter()
        .filter_map(|seen| match seen {
            Seen::Fault(fault) => fault.hint.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(hints, ["did you mean scripted?"]);
    assert!(all.contains(&Seen::Described("scripted".to_owned())));
    assert_eq!(supervisor.close(), ExitCode::DoneWithFaults);
}

#[test]
fn accounts_come_in_bounded_messages_with_their_faults() {
    let job =
        AccountsJob { collector: "scripted".to_owned(), config: json!({"accounts": 300}).to_string().into() };
    let mut supervisor = Supervisor::quiet(start(Job::Accounts(job)));
    let all = supervisor.until_end();
    let counts: Vec<usize> = all
        .iter()
        .filter_map(|seen| if let Seen::Accounts(count) = seen { Some(*count) } else { None })
        .collect();
    assert_eq!(counts, [256, 44]);
    assert!(matches!(all.last(), Some(Seen::Done(Done { faults: 1, .. }))));
    assert_eq!(supervisor.close(), ExitCode::DoneWithFaults);
}

#[test]
fn collect_streams_chunks_and_ends_with_their_totals() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"nodes": 100})));
    let all = supervisor.until_end();
    let Some(Seen::Done(done)) = all.last() else { panic!("{all:?}") };
    assert_eq!((done.totals.nodes, done.totals.edges, done.faults), (102, 100, 1));
    assert_eq!(done.totals.bytes, 102 * NODE_BYTES as u64);
    // 25 nodes of 10 kB in 256 KiB.
    assert_eq!(done.totals.chunks, 4);
    let faults: Vec<_> =
        all.iter().filter(|seen| matches!(seen, Seen::Fault(Fault { count: 3, .. }))).collect();
    assert_eq!(faults.len(), 1, "{all:?}");
    assert!(all.iter().any(|seen| matches!(seen, Seen::Progress(lines) if lines[0].name == "eu")));
    assert_eq!(supervisor.close(), ExitCode::DoneWithFaults);
}

#[test]
fn one_resource_beyond_the_limit_costs_the_account() {
    // The account counts, the root does not.
    let mut within = Supervisor::quiet(collect(&json!({"nodes": 5, "max": 6})));
    assert!(matches!(within.until_end().last(), Some(Seen::Done(_))));
    within.close();
    let mut beyond = Supervisor::quiet(collect(&json!({"nodes": 6, "max": 6})));
    let all = beyond.until_end();
    assert_eq!(fatal(&all).kind, FaultKind::Limit);
    assert!(fatal(&all).message.contains("limit of 6 (fixworker.max_resources_per_account)"));
    assert_eq!(beyond.close(), ExitCode::Internal);
    let mut unlimited = Supervisor::quiet(collect(&json!({"nodes": 6, "max": 0})));
    assert!(matches!(unlimited.until_end().last(), Some(Seen::Done(_))));
}

#[test]
fn failures_end_the_job_and_give_the_exit_code() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "fail"})));
    assert_eq!(fatal(&supervisor.until_end()).message, "the key is wrong");
    assert_eq!(supervisor.close(), ExitCode::Credentials);

    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "stop"})));
    assert_eq!(fatal(&supervisor.until_end()).kind, FaultKind::Internal);
    assert_eq!(supervisor.close(), ExitCode::Internal);

    let job = AccountsJob { collector: "nope".to_owned(), config: String::new().into() };
    let mut supervisor = Supervisor::quiet(start(Job::Accounts(job)));
    assert_eq!(fatal(&supervisor.until_end()).message, "there is no collector \"nope\"");
    assert_eq!(supervisor.close(), ExitCode::Config);
}

#[test]
fn a_panic_is_the_end_of_its_job_only() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "panic"})));
    let all = supervisor.until_end();
    assert_eq!(fatal(&all).kind, FaultKind::Internal);
    assert!(fatal(&all).message.ends_with("scripted panic"), "{:?}", fatal(&all));
    supervisor.send(2, Order::Start(Box::new(collect(&json!({"nodes": 1})))));
    assert!(matches!(supervisor.until_end().last(), Some(Seen::Done(_))));
    assert_eq!(supervisor.close(), ExitCode::Done, "two jobs: each told its own end");

    let mut only = Supervisor::quiet(collect(&json!({"first": "panic"})));
    only.until_end();
    assert_eq!(only.close(), ExitCode::Internal);
}

#[test]
fn two_jobs_run_at_once_and_keep_their_chunks_apart() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "wait"})));
    supervisor.send(2, Order::Start(Box::new(collect(&json!({"nodes": 60})))));
    let mut tallies = BTreeMap::new();
    let done = loop {
        match supervisor.next(&mut tallies).unwrap() {
            (2, Seen::Done(done)) => break done,
            (1, Seen::Ready) | (2, _) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(done.totals, tallies[&JobId(2)].totals());
    supervisor.send(1, Order::Cancel(Cancel { reason: "enough".to_owned(), grace: DRAIN }));
    assert_eq!(fatal(&supervisor.until_end()).message, "cancelled: enough");
    assert_eq!(supervisor.close(), ExitCode::Done);
}

#[test]
fn a_cancelled_job_is_answered_and_means_try_again() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "wait"})));
    supervisor.send(9, Order::Cancel(Cancel { reason: "of no job".to_owned(), grace: DRAIN }));
    supervisor.send(1, Order::Cancel(Cancel { reason: "abort".to_owned(), grace: DRAIN }));
    assert_eq!(fatal(&supervisor.until_end()).message, "cancelled: abort");
    assert_eq!(supervisor.close(), ExitCode::TryAgain);
}

#[test]
fn a_job_that_blocks_its_thread_can_be_cancelled_and_still_beats() {
    let mut supervisor = Supervisor::spawn(collect(&json!({"first": "block"})), Duration::from_millis(10));
    // The other thread of the runtime is blocked as well.
    supervisor.send(2, Order::Start(Box::new(collect(&json!({"first": "block"})))));
    while supervisor.gate.blocked.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    let mut tallies = BTreeMap::new();
    assert_eq!(supervisor.next(&mut tallies).unwrap().1, Seen::Ready);
    assert_eq!(supervisor.next(&mut tallies).unwrap().1, Seen::Ready);
    let before = supervisor.heartbeats.len();
    while supervisor.heartbeats.len() < before + 4 {
        let mut bytes = [0; 4096];
        let n = supervisor.socket.read(&mut bytes).unwrap();
        supervisor.decoder.feed(&bytes[..n]);
        while let Some(payload) = supervisor.decoder.next_frame().unwrap() {
            let message: ToSupervisor<'_> = codec::decode(payload).unwrap();
            let beat = seen(message.body, &mut Tally::default()).expect_err("nothing but heartbeats");
            supervisor.heartbeats.push(beat);
        }
    }
    let beats = &supervisor.heartbeats[before..];
    assert!(beats.iter().all(|beat| beat.rss > 0 && beat.step == "scripted step"));
    assert!(beats.iter().all(|beat| beat.work == beats[0].work), "the counter of a blocked job stands still");
    supervisor.send(1, Order::Cancel(Cancel { reason: "stuck".to_owned(), grace: DRAIN }));
    assert_eq!(fatal(&supervisor.until_end()).message, "cancelled: stuck");
    // It cannot be stopped, so closing needs the last resort.
    supervisor.socket.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(supervisor.last_resort.recv().unwrap(), ExitCode::TryAgain);
    supervisor.gate.open();
    assert_eq!(supervisor.child.join().unwrap(), ExitCode::TryAgain);
}

#[test]
fn the_end_of_the_supervisor_ends_the_child_and_its_jobs() {
    let mut supervisor = Supervisor::quiet(collect(&json!({"first": "wait"})));
    let mut tallies = BTreeMap::new();
    assert_eq!(supervisor.next(&mut tallies), Some((1, Seen::Ready)));
    assert_eq!(supervisor.close(), ExitCode::TryAgain);
}

#[test]
fn a_supervisor_that_stops_reading_holds_the_collector_back() {
    let nodes = 4000;
    let mut supervisor = Supervisor::spawn(collect(&json!({"nodes": nodes})), Duration::from_millis(10));
    // Time for a collector that nothing holds back to run away.
    thread::sleep(Duration::from_millis(200));
    let waiting = supervisor.gate.placed.load(Ordering::SeqCst) * NODE_BYTES;
    assert!(waiting < 4 << 20, "{waiting} bytes wait in socket and queue");
    let all = supervisor.until_end();
    let Some(Seen::Done(done)) = all.last() else { panic!("{all:?}") };
    assert_eq!(done.totals.nodes, nodes + 2);
    supervisor.close();
}

#[test]
fn violations_of_the_supervisor_end_the_session() {
    let second_start = |supervisor: &mut Supervisor| {
        supervisor.send(1, Order::Start(Box::new(collect(&json!({"first": "wait"})))));
    };
    let late_environment = |supervisor: &mut Supervisor| {
        let variable = Variable { name: "A".to_owned(), value: "1".to_owned().into() };
        let start = Start { environment: vec![variable], ..collect(&json!({})) };
        supervisor.send(2, Order::Start(Box::new(start)));
    };
    let no_message =
        |supervisor: &mut Supervisor| supervisor.socket.write_all(b"\x02\0\0\0\xff\xff").unwrap();
    let too_long = |supervisor: &mut Supervisor| supervisor.socket.write_all(&[0xff; HEADER_LEN]).unwrap();
    let provoke: [&dyn Fn(&mut Supervisor); 4] = [&second_start, &late_environment, &no_message, &too_long];
    for (n, provoke) in provoke.into_iter().enumerate() {
        let mut supervisor = Supervisor::quiet(collect(&json!({"first": "wait"})));
        provoke(&mut supervisor);
        assert_eq!(supervisor.child.join().unwrap(), ExitCode::Protocol, "violation {n}");
    }
}

#[test]
fn a_job_without_graph_sends_no_chunk() {
    let mut supervisor = Supervisor::quiet(start(Job::Accounts(AccountsJob {
        collector: "scripted".to_owned(),
        config: String::new().into(),
    })));
    assert!(!supervisor.until_end().iter().any(|seen| matches!(seen, Seen::Chunk(_))));
    supervisor.close();
}
