//! Any messages, encoded into one stream that arrives in any pieces, must come out as they went in.

#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use ipc_proto::clean::{
    CleanEvent, CleanJob, CleanOutcome, CleanResource, Cleaned, CommandJob, Related, TagJob,
};
use ipc_proto::codec;
use ipc_proto::connection::encode_frame;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::frame::FrameDecoder;
use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector, Totals};
use ipc_proto::job::{
    Account, AccountsJob, AutoEnable, CollectJob, Described, Job, PathAccess, PathGrant, Section, Start,
    Variable,
};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{Cancel, Denied, Done, Heartbeat, JobId, Order, Progress, Report, ToChild, ToSupervisor};
use ipc_proto::seal::{AccountJob, Brokering, Seal, SealJob, SealedJob};
use libfuzzer_sys::fuzz_target;

type Source<'s, 'a> = &'s mut Unstructured<'a>;

/// Up to 16 values, each made by `one`.
fn list<'a, T>(u: Source<'_, 'a>, one: impl Fn(Source<'_, 'a>) -> Result<T>) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=16)?).map(|_| one(u)).collect()
}

fn optional<'a, T>(u: Source<'_, 'a>, one: impl Fn(Source<'_, 'a>) -> Result<T>) -> Result<Option<T>> {
    if bool::arbitrary(u)? { one(u).map(Some) } else { Ok(None) }
}

fn text(u: Source<'_, '_>) -> Result<String> {
    String::arbitrary(u)
}

fn account(u: Source<'_, '_>) -> Result<Account> {
    let scope = Vec::<u8>::arbitrary(u)?.into();
    Ok(Account { cloud: text(u)?, id: text(u)?, name: text(u)?, node_id: text(u)?, scope })
}

fn job(u: Source<'_, '_>) -> Result<Job> {
    Ok(match u.int_in_range(0..=7)? {
        6 => Job::Seal(Box::new(SealJob { job: errand(u)?, again: bool::arbitrary(u)? })),
        7 => Job::Sealed(Box::new(SealedJob { job: errand(u)?, seal: seal(u)? })),
        0 => Job::Describe { collectors: list(u, text)? },
        1 => Job::Accounts(AccountsJob { collector: text(u)?, config: text(u)?.into() }),
        2 => Job::Clean(Box::new(clean(u)?)),
        3 => Job::Tag(Box::new(TagJob {
            collector: text(u)?,
            config: text(u)?.into(),
            node_json: text(u)?,
            set: list(u, |u| Ok((text(u)?, text(u)?)))?,
            remove: list(u, text)?,
        })),
        4 => Job::Command(Box::new(CommandJob {
            collector: text(u)?,
            config: text(u)?.into(),
            name: text(u)?,
            args: list(u, text)?,
            node_json: optional(u, text)?,
        })),
        _ => Job::Collect(Box::new(CollectJob {
            collector: text(u)?,
            config: text(u)?.into(),
            account: account(u)?,
            max_resources: Arbitrary::arbitrary(u)?,
            last_run_started_ago: Arbitrary::arbitrary(u)?,
        })),
    })
}

fn errand(u: Source<'_, '_>) -> Result<AccountJob> {
    Ok(AccountJob::Clean(Box::new(clean(u)?)))
}

fn seal(u: Source<'_, '_>) -> Result<Seal> {
    let bytes = Vec::<u8>::arbitrary(u)?.into();
    Ok(Seal { bytes, remaining: Arbitrary::arbitrary(u)?, shared: optional(u, text)? })
}

fn clean(u: Source<'_, '_>) -> Result<CleanJob> {
    let related = |u: Source<'_, '_>| {
        let edge = *u.choose(&EdgeType::ALL)?;
        Ok(Related { edge, outgoing: bool::arbitrary(u)?, node_json: text(u)? })
    };
    let resource = |u: Source<'_, '_>| {
        let (node_json, related_json) = (text(u)?, list(u, related)?);
        Ok(CleanResource { node_json, related_json, related_cut: bool::arbitrary(u)? })
    };
    Ok(CleanJob {
        collector: text(u)?,
        config: text(u)?.into(),
        account: account(u)?,
        ancestors_json: list(u, text)?,
        resources: list(u, resource)?,
        dry_run: bool::arbitrary(u)?,
        parallel: u32::arbitrary(u)?,
    })
}

fn cleaned(u: Source<'_, '_>) -> Result<Cleaned> {
    let outcome = match u.int_in_range(0..=4)? {
        0 => CleanOutcome::Gone,
        1 => CleanOutcome::Later { reason: text(u)? },
        2 => CleanOutcome::Failed { reason: text(u)? },
        3 => CleanOutcome::Refused { reason: text(u)? },
        _ => CleanOutcome::Planned,
    };
    let event = |u: Source<'_, '_>| Ok(CleanEvent { message: text(u)?, failed: bool::arbitrary(u)? });
    Ok(Cleaned { node_id: text(u)?, outcome, log: list(u, event)? })
}

fn order(u: Source<'_, '_>) -> Result<ToChild> {
    let body = if bool::arbitrary(u)? {
        Order::Renewed(Box::new(seal(u)?))
    } else if bool::arbitrary(u)? {
        let environment = list(u, |u| Ok(Variable { name: text(u)?, value: text(u)?.into() }))?;
        Order::Start(Box::new(Start { job: job(u)?, remaining: Arbitrary::arbitrary(u)?, environment }))
    } else {
        Order::Cancel(Cancel { reason: text(u)?, grace: Duration::arbitrary(u)? })
    };
    Ok(ToChild { job: JobId(u32::arbitrary(u)?), body })
}

fn chunk<'a>(u: Source<'_, 'a>) -> Result<Chunk<'a>> {
    let node = |u: Source<'_, 'a>| {
        let (id, kind, role) = (Arbitrary::arbitrary(u)?, Arbitrary::arbitrary(u)?, *u.choose(&Role::ALL)?);
        Ok(Node { id, kind, role, json: Arbitrary::arbitrary(u)? })
    };
    let edge = |u: Source<'_, 'a>| {
        let (from, to, edge_type) =
            (Arbitrary::arbitrary(u)?, Arbitrary::arbitrary(u)?, *u.choose(&EdgeType::ALL)?);
        Ok(Edge { from, to, edge_type, reported: Arbitrary::arbitrary(u)? })
    };
    let selector = |u: Source<'_, 'a>| {
        let by_id = bool::arbitrary(u)?;
        let text = Arbitrary::arbitrary(u)?;
        Ok(if by_id { Selector::NodeId(text) } else { Selector::Search(text) })
    };
    let deferred = |u: Source<'_, 'a>| {
        Ok(DeferredEdge { from: selector(u)?, to: selector(u)?, edge_type: *u.choose(&EdgeType::ALL)? })
    };
    let seq = u32::arbitrary(u)?;
    Ok(Chunk { seq, nodes: list(u, node)?, edges: list(u, edge)?, deferred: list(u, deferred)? })
}

fn fault(u: Source<'_, '_>) -> Result<Fault> {
    let scope = FaultScope {
        region: optional(u, text)?,
        service: optional(u, text)?,
        action: optional(u, text)?,
        kind: optional(u, text)?,
    };
    let sources = [FaultSource::Cloud, FaultSource::User, FaultSource::Collector, FaultSource::Host];
    Ok(Fault {
        scope,
        kind: *u.choose(&FaultKind::ALL)?,
        source: *u.choose(&sources)?,
        retry: *u.choose(&[Retry::Never, Retry::Later])?,
        level: *u.choose(&[Level::Info, Level::Error])?,
        message: text(u)?,
        hint: optional(u, text)?,
        count: u32::arbitrary(u)?,
    })
}

fn described(u: Source<'_, '_>) -> Result<Described> {
    let section =
        |u: Source<'_, '_>| Ok(Section { name: text(u)?, kinds_json: text(u)?, defaults_json: text(u)? });
    let grant = |u: Source<'_, '_>| {
        let access = *u.choose(&[PathAccess::Read, PathAccess::Write, PathAccess::Execute, PathAccess::Programs])?;
        Ok(PathGrant { path: text(u)?, access })
    };
    let sign = |u: Source<'_, '_>| {
        let variable = bool::arbitrary(u)?;
        let name = text(u)?;
        Ok(if variable { AutoEnable::Variable(name) } else { AutoEnable::File(name) })
    };
    Ok(Described {
        collector: text(u)?,
        clouds: list(u, text)?,
        account_noun: text(u)?,
        kinds_json: text(u)?,
        section: optional(u, section)?,
        pool_setting: optional(u, text)?,
        tasks_json: text(u)?,
        environment: list(u, text)?,
        paths: list(u, grant)?,
        auto_enable: list(u, sign)?,
        account_kinds: list(u, text)?,
    })
}

fn progress(u: Source<'_, '_>) -> Result<Progress> {
    let (current, total) = Arbitrary::arbitrary(u)?;
    Ok(Progress { path: list(u, text)?, name: text(u)?, current, total })
}

fn denied(u: Source<'_, '_>) -> Result<Denied> {
    Ok(Denied { service: text(u)?, operation: text(u)?, regions: list(u, text)?, calls: u32::arbitrary(u)? })
}

fn report<'a>(u: Source<'_, 'a>) -> Result<ToSupervisor<'a>> {
    let body = match u.int_in_range(0..=15)? {
        0 => Report::Ready,
        1 => {
            Report::Heartbeat(Heartbeat { rss: u64::arbitrary(u)?, step: text(u)?, work: u64::arbitrary(u)? })
        }
        2 => Report::Described(Box::new(described(u)?)),
        3 => Report::Accounts(list(u, account)?),
        4 => Report::Chunk(chunk(u)?),
        5 => Report::Progress(list(u, progress)?),
        6 => Report::Fault(fault(u)?),
        7 => {
            let (chunks, nodes, edges, deferred) = Arbitrary::arbitrary(u)?;
            let (bytes, digest, faults) = Arbitrary::arbitrary(u)?;
            Report::Done(Done { totals: Totals { chunks, nodes, edges, deferred, bytes, digest }, faults })
        }
        8 => Report::Cleaned(Box::new(cleaned(u)?)),
        9 => Report::Tagged(text(u)?),
        10 => Report::Output(text(u)?),
        11 => Report::Denied(list(u, denied)?),
        12 => Report::Sealed(Box::new(seal(u)?)),
        13 => Report::Renew,
        14 => {
            let (collector, environment, secrets) = (text(u)?, list(u, text)?, list(u, text)?);
            Report::Brokering(Box::new(Brokering { collector, environment, paths: Vec::new(), secrets }))
        }
        _ => Report::Fatal(fault(u)?),
    };
    Ok(ToSupervisor { job: JobId(u32::arbitrary(u)?), body })
}

/// The payloads of `stream`, fed in pieces whose sizes come from `u`.
fn payloads(u: Source<'_, '_>, mut stream: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut decoder = FrameDecoder::new(MAX_FRAME);
    let mut found = Vec::new();
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(u.int_in_range(1..=stream.len())?);
        decoder.feed(piece);
        stream = rest;
        while let Some(payload) = decoder.next_frame().expect("our own frames have valid lengths") {
            found.push(payload.to_vec());
        }
    }
    assert!(!decoder.is_mid_frame());
    Ok(found)
}

fn exercise(u: Source<'_, '_>) -> Result<()> {
    let orders = list(u, order)?;
    let reports = list(u, report)?;
    let mut stream = Vec::new();
    let mut frame = Vec::new();
    for message in &orders {
        encode_frame(message, MAX_FRAME, &mut frame).expect("small messages");
        stream.extend_from_slice(&frame);
    }
    for message in &reports {
        encode_frame(message, MAX_FRAME, &mut frame).expect("small messages");
        stream.extend_from_slice(&frame);
    }
    let found = payloads(u, &stream)?;
    assert_eq!(found.len(), orders.len() + reports.len());
    let (to_child, to_supervisor) = found.split_at(orders.len());
    for (payload, message) in to_child.iter().zip(&orders) {
        assert_eq!(&codec::decode::<ToChild>(payload).expect("a message"), message);
    }
    for (payload, message) in to_supervisor.iter().zip(&reports) {
        assert_eq!(&codec::decode::<ToSupervisor<'_>>(payload).expect("a message"), message);
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    // An error means that `data` ran out, which is no finding.
    exercise(&mut Unstructured::new(data)).unwrap_or_default();
});
