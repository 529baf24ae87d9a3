//! Golden bytes: the layout of every message, as the other side of another build will see it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p ipc-proto --test golden` writes the files anew. A file that changes for an
//! existing message is a break of the protocol: it needs a new message version.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bincode::{BorrowDecode, Encode};
use ipc_proto::clean::{
    CleanEvent, CleanJob, CleanOutcome, CleanResource, Cleaned, CommandJob, Related, TagJob,
};
use ipc_proto::codec;
use ipc_proto::connection::encode_frame;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::frame::FrameDecoder;
use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector, Totals};
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, VersionRange, Welcome};
use ipc_proto::job::{
    Account, AccountsJob, AutoEnable, CollectJob, Described, Job, PathAccess, PathGrant, Section, Start,
    Variable,
};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{
    Cancel, Denied, Done, Heartbeat, JobId, Order, Progress, Report, ToChild, ToSupervisor,
};
use ipc_proto::preface;
use ipc_proto::seal::{AccountJob, Brokering, Seal, SealJob, SealedJob};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The stored bytes, after they were written anew if that was asked for.
fn stored(name: &str, current: &[u8]) -> &'static [u8] {
    let path = folder().join(format!("{name}.bin"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, current).expect("the golden folder is writable");
    }
    let bytes = fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; see the top of this file", path.display()));
    bytes.leak()
}

/// Decoding the file gives `message`, and encoding `message` gives the file.
fn check<M>(name: &str, message: &M)
where
    M: Encode + BorrowDecode<'static, ()> + PartialEq + Debug,
{
    let mut frame = Vec::new();
    encode_frame(message, MAX_FRAME, &mut frame).expect("the sample fits a frame");
    let stored = stored(name, &frame);
    let mut decoder = FrameDecoder::new(MAX_FRAME);
    decoder.feed(stored);
    let payload = decoder.next_frame().expect("a valid length").expect("a whole frame").to_vec().leak();
    assert!(!decoder.is_mid_frame(), "{name}.bin holds exactly one frame");
    let message_found: M =
        codec::decode(payload).unwrap_or_else(|error| panic!("{name}.bin does not decode: {error}"));
    assert_eq!(&message_found, message, "{name}.bin decodes to something else");
    assert_eq!(stored, frame, "{name} encodes to other bytes");
}

fn account() -> Account {
    Account {
        cloud: "aws".to_owned(),
        id: "123456789012".to_owned(),
        name: "Prod – Zürich".to_owned(),
        node_id: "3JzZ7ZpEQAvSGWHAZ2p0hQ".to_owned(),
        scope: vec![0, 1, 0xfa, 0xff].into(),
    }
}

fn replies() -> Vec<HelloReply> {
    let reject = |reason| {
        let supported = VersionRange { min: 2, max: 300 };
        HelloReply::Reject(Reject { reason, supported, build: "fixworker 0.1.0".to_owned() })
    };
    vec![
        HelloReply::Welcome(Welcome { version: 1, frame_cap: 4 << 20, heartbeat: Duration::from_secs(5) }),
        reject(RejectReason::Version),
        reject(RejectReason::Token),
        reject(RejectReason::Peer),
    ]
}

fn reply_name(reply: &HelloReply) -> &'static str {
    match reply {
        HelloReply::Welcome(_) => "reply-welcome",
        HelloReply::Reject(reject) => match reject.reason {
            RejectReason::Version => "reply-reject-version",
            RejectReason::Token => "reply-reject-token",
            RejectReason::Peer => "reply-reject-peer",
        },
    }
}

fn orders() -> Vec<Order> {
    let start = |job| {
        let variable = Variable { name: "AWS_PROFILE".to_owned(), value: "prod".to_owned().into() };
        Order::Start(Box::new(Start {
            job,
            remaining: Some(Duration::new(3600, 500_000_000)),
            environment: vec![variable],
        }))
    };
    vec![
        start(Job::Describe { collectors: vec!["example".to_owned(), "random".to_owned()] }),
        start(Job::Accounts(AccountsJob {
            collector: "random".to_owned(),
            config: r#"{"seed":42}"#.to_owned().into(),
        })),
        start(Job::Collect(Box::new(CollectJob {
            collector: "aws".to_owned(),
            config: r#"{"region":["us-east-1"]}"#.to_owned().into(),
            account: account(),
            max_resources: Some(70_000),
            last_run_started_ago: Some(Duration::from_millis(86_400_001)),
        }))),
        start(Job::Clean(Box::new(clean_job()))),
        start(Job::Tag(Box::new(tag_job()))),
        start(Job::Command(Box::new(CommandJob {
            collector: "aws".to_owned(),
            config: "{}".to_owned().into(),
            name: "aws".to_owned(),
            args: vec!["sts".to_owned(), "get-caller-identity".to_owned()],
            node_json: Some(r#"{"id":"a"}"#.to_owned()),
        }))),
        Order::Cancel(Cancel { reason: "the run was aborted".to_owned(), grace: Duration::from_secs(10) }),
        start(Job::Seal(Box::new(SealJob { job: AccountJob::Clean(Box::new(clean_job())), again: true }))),
        start(Job::Sealed(Box::new(SealedJob { job: AccountJob::Tag(Box::new(tag_job())), seal: seal() }))),
        start(Job::Identify(Box::new(CollectJob {
            collector: "aws".to_owned(),
            config: "{}".to_owned().into(),
            account: account(),
            max_resources: None,
            last_run_started_ago: None,
        }))),
        Order::Renewed(Box::new(Seal { remaining: None, shared: None, ..seal() })),
        Order::NotRenewed(Box::new(fault())),
    ]
}

fn tag_job() -> TagJob {
    TagJob {
        collector: "aws".to_owned(),
        config: "{}".to_owned().into(),
        node_json: r#"{"id":"a"}"#.to_owned(),
        set: vec![("owner".to_owned(), "me".to_owned())],
        remove: vec!["Name".to_owned()],
    }
}

fn seal() -> Seal {
    Seal {
        bytes: vec![7, 0, 0xff].into(),
        remaining: Some(Duration::new(3599, 250_000_000)),
        shared: Some("is reached with the keys of the environment".to_owned()),
    }
}

fn clean_job() -> CleanJob {
    let related = |(edge, outgoing)| Related { edge, outgoing, node_json: r#"{"id":"b"}"#.to_owned() };
    CleanJob {
        collector: "aws".to_owned(),
        config: r#"{"region":["us-east-1"]}"#.to_owned().into(),
        account: Account { scope: Vec::new().into(), ..account() },
        ancestors_json: vec![r#"{"id":"account"}"#.to_owned(), r#"{"id":"region"}"#.to_owned()],
        resources: vec![CleanResource {
            node_json: r#"{"id":"a","reported":{}}"#.to_owned(),
            related_json: [(EdgeType::Delete, true), (EdgeType::Default, false)].map(related).to_vec(),
            related_cut: true,
        }],
        dry_run: true,
        parallel: 16,
    }
}

fn order_name(order: &Order) -> &'static str {
    match order {
        Order::Start(start) => match start.job {
            Job::Describe { .. } => "order-start-describe",
            Job::Accounts(_) => "order-start-accounts",
            Job::Collect(_) => "order-start-collect",
            Job::Clean(_) => "order-start-clean",
            Job::Tag(_) => "order-start-tag",
            Job::Command(_) => "order-start-command",
            Job::Seal(_) => "order-start-seal",
            Job::Sealed(_) => "order-start-sealed",
            Job::Identify(_) => "order-start-identify",
        },
        Order::Cancel(_) => "order-cancel",
        Order::Renewed(_) => "order-renewed",
        Order::NotRenewed(_) => "order-not-renewed",
    }
}

fn chunk() -> Chunk<'static> {
    let node = |(role, id)| Node { id, kind: "example_volume", role, json: br#"{"id":"x","reported":{}}"# };
    let edge = |edge_type| Edge { from: "a", to: "b", edge_type, reported: None };
    let ids = ["root", "cloud", "organization", "account", "region", "resource"];
    Chunk {
        seq: 70_000,
        nodes: Role::ALL.into_iter().zip(ids).map(node).collect(),
        edges: vec![
            edge(EdgeType::Default),
            edge(EdgeType::Delete),
            Edge { reported: Some(br#"{"permissions":[]}"#), ..edge(EdgeType::Iam) },
        ],
        deferred: vec![DeferredEdge {
            from: Selector::NodeId("a"),
            to: Selector::Search("is(volume) and id=\"b\""),
            edge_type: EdgeType::Default,
        }],
    }
}

fn fault() -> Fault {
    Fault {
        scope: FaultScope {
            region: Some("eu-west-1".to_owned()),
            service: Some("ec2".to_owned()),
            action: Some("DescribeVolumes".to_owned()),
            kind: None,
        },
        kind: FaultKind::AccessDenied,
        source: FaultSource::User,
        retry: Retry::Never,
        level: Level::Error,
        message: "not allowed to list volumes".to_owned(),
        hint: Some("grant ec2:DescribeVolumes".to_owned()),
        count: 3,
    }
}

fn described() -> Described {
    let grant = |(path, access): (&str, _)| PathGrant { path: path.to_owned(), access };
    Described {
        collector: "aws".to_owned(),
        clouds: vec!["aws".to_owned()],
        account_noun: "account".to_owned(),
        kinds_json: r#"[{"fqn":"aws_account"}]"#.to_owned(),
        section: Some(Section {
            name: "aws".to_owned(),
            kinds_json: r#"[{"fqn":"aws"}]"#.to_owned(),
            defaults_json: r#"{"account_pool_size":10}"#.to_owned(),
        }),
        pool_setting: Some("account_pool_size".to_owned()),
        tasks_json: "[]".to_owned(),
        environment: vec!["AWS_*".to_owned()],
        paths: [
            ("~/.aws", PathAccess::Read),
            ("~/.aws/sso", PathAccess::Write),
            ("/bin", PathAccess::Execute),
        ]
        .map(grant)
        .to_vec(),
        auto_enable: vec![
            AutoEnable::Variable("AWS_ACCESS_KEY_ID".to_owned()),
            AutoEnable::File("~/.aws/credentials".to_owned()),
        ],
        account_kinds: vec!["aws_account".to_owned()],
    }
}

fn reports() -> Vec<Report<'static>> {
    let progress = Progress {
        path: vec!["aws".to_owned(), "123456789012".to_owned()],
        name: "eu-west-1".to_owned(),
        current: 3,
        total: 250,
    };
    let totals =
        Totals { chunks: 3, nodes: 250, edges: 251, deferred: 65_536, bytes: u64::MAX, digest: 0xdead_beef };
    let log = vec![CleanEvent::done("terminated"), CleanEvent::failed("no answer")];
    let cleaned = Cleaned { node_id: "a".to_owned(), outcome: CleanOutcome::Gone, log };
    vec![
        Report::Ready,
        Report::Heartbeat(Heartbeat { rss: 48 << 20, step: "ec2 eu-west-1".to_owned(), work: 1 << 40 }),
        Report::Described(Box::new(described())),
        Report::Accounts(vec![account()]),
        Report::Chunk(chunk()),
        Report::Progress(vec![progress]),
        Report::Fault(fault()),
        Report::Done(Done { totals, faults: 2 }),
        Report::Fatal(Fault { kind: FaultKind::Internal, retry: Retry::Later, hint: None, ..fault() }),
        Report::Cleaned(Box::new(cleaned)),
        Report::Tagged(r#"{"id":"a","reported":{},"metadata":{}}"#.to_owned()),
        Report::Output(r#"{"Account":"123456789012"}"#.to_owned()),
        Report::Denied(vec![Denied {
            service: "kms".to_owned(),
            operation: "ListKeys".to_owned(),
            regions: ["eu-west-1", "us-east-1"].map(str::to_owned).to_vec(),
            calls: 300,
        }]),
        Report::Brokering(Box::new(Brokering {
            collector: "aws".to_owned(),
            environment: vec!["AWS_REGION".to_owned(), "AWS_ENDPOINT_URL*".to_owned()],
            paths: vec![PathGrant { path: "$AWS_CA_BUNDLE".to_owned(), access: PathAccess::Read }],
            secrets: vec!["secret_access_key".to_owned()],
        })),
        Report::Sealed(Box::new(seal())),
        Report::Renew,
    ]
}

fn report_name(report: &Report<'_>) -> &'static str {
    match report {
        Report::Ready => "report-ready",
        Report::Heartbeat(_) => "report-heartbeat",
        Report::Described(_) => "report-described",
        Report::Accounts(_) => "report-accounts",
        Report::Chunk(_) => "report-chunk",
        Report::Progress(_) => "report-progress",
        Report::Fault(_) => "report-fault",
        Report::Done(_) => "report-done",
        Report::Fatal(_) => "report-fatal",
        Report::Cleaned(_) => "report-cleaned",
        Report::Tagged(_) => "report-tagged",
        Report::Output(_) => "report-output",
        Report::Denied(_) => "report-denied",
        Report::Brokering(_) => "report-brokering",
        Report::Sealed(_) => "report-sealed",
        Report::Renew => "report-renew",
    }
}

const OTHERS: [&str; 9] = [
    "preface-supervisor",
    "preface-child",
    "hello",
    "values-fault-kind",
    "values-fault-source",
    "values-retry",
    "values-level",
    "values-none",
    "values-clean-outcome",
];

#[test]
fn prefaces() {
    for (name, role) in
        [("preface-supervisor", preface::Role::Supervisor), ("preface-child", preface::Role::Child)]
    {
        let bytes = preface::encode(role);
        let stored = stored(name, &bytes);
        assert_eq!(stored, bytes);
        assert_eq!(preface::check(stored.try_into().expect("16 bytes"), role), Ok(()));
    }
}

#[test]
fn hello() {
    let token = std::array::from_fn(|i| u8::try_from(i * 8).expect("a byte"));
    let versions = VersionRange { min: 1, max: 2 };
    check(
        "hello",
        &Hello { versions, build: "fix-collector 0.1.0".to_owned(), token: token.into(), pid: 70_000 },
    );
}

#[test]
fn handshake_replies() {
    for reply in replies() {
        check(reply_name(&reply), &reply);
    }
}

#[test]
fn orders_to_a_child() {
    for body in orders() {
        check(order_name(&body), &ToChild { job: JobId(300), body: body.clone() });
    }
}

#[test]
fn reports_to_the_supervisor() {
    for body in reports() {
        check(report_name(&body), &ToSupervisor { job: JobId(1), body: body.clone() });
    }
}

#[test]
fn values_of_small_enums() {
    check("values-fault-kind", &FaultKind::ALL.to_vec());
    let sources = [FaultSource::Cloud, FaultSource::User, FaultSource::Collector, FaultSource::Host];
    check("values-fault-source", &sources.to_vec());
    check("values-retry", &vec![Retry::Never, Retry::Later]);
    check("values-level", &vec![Level::Info, Level::Error]);
    let reason = || "why".to_owned();
    let outcomes = vec![
        CleanOutcome::Gone,
        CleanOutcome::Later { reason: reason() },
        CleanOutcome::Failed { reason: reason() },
        CleanOutcome::Refused { reason: reason() },
        CleanOutcome::Planned,
        CleanOutcome::GoesWith { node_id: "n".to_owned() },
    ];
    check("values-clean-outcome", &outcomes);
    check("values-none", &(None::<Duration>, None::<String>, None::<u64>));
}

#[test]
fn no_file_is_missing_and_none_is_left_over() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // The other tests are writing the files right now.
        return;
    }
    let expected: BTreeSet<String> = OTHERS
        .into_iter()
        .chain(replies().iter().map(reply_name))
        .chain(orders().iter().map(order_name))
        .chain(reports().iter().map(report_name))
        .map(|name| format!("{name}.bin"))
        .collect();
    let found: BTreeSet<String> = fs::read_dir(folder())
        .expect("the golden folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    assert_eq!(found, expected);
}
