//! Any value of any message, for property tests.
//!
//! Messages borrow their text, so what is generated is leaked: a test process is short.

use std::time::Duration;

use ipc_proto::clean::{
    CleanEvent, CleanJob, CleanOutcome, CleanResource, Cleaned, CommandJob, Related, TagJob,
};
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector, Totals};
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, VersionRange, Welcome};
use ipc_proto::job::{
    Account, AccountsJob, AutoEnable, CollectJob, Described, Job, PathAccess, PathGrant, Section, Start,
    Variable,
};
use ipc_proto::message::{
    Cancel, Denied, Done, Heartbeat, JobId, Order, Progress, Report, ToChild, ToSupervisor,
};
use ipc_proto::seal::{AccountJob, Brokering, Seal, SealJob, SealedJob};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9_./ -]{0,24}", any::<String>()]
}

fn leaked() -> impl Strategy<Value = &'static str> {
    text().prop_map(|text| &*text.leak())
}

fn leaked_bytes() -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..300).prop_map(|bytes| &*bytes.leak())
}

fn duration() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..1_000_000_000u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos))
}

fn versions() -> impl Strategy<Value = VersionRange> {
    any::<(u16, u16)>().prop_map(|(min, max)| VersionRange { min, max })
}

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    (versions(), text(), any::<[u8; 32]>(), any::<u32>()).prop_map(|(versions, build, token, pid)| Hello {
        versions,
        build,
        token: token.into(),
        pid,
    })
}

pub(crate) fn reply() -> impl Strategy<Value = HelloReply> {
    let welcome = (any::<(u16, u32)>(), duration()).prop_map(|((version, frame_cap), heartbeat)| {
        HelloReply::Welcome(Welcome { version, frame_cap, heartbeat })
    });
    let reasons = select(vec![RejectReason::Version, RejectReason::Token, RejectReason::Peer]);
    let reject = (reasons, versions(), text())
        .prop_map(|(reason, supported, build)| HelloReply::Reject(Reject { reason, supported, build }));
    prop_oneof![welcome, reject]
}

fn account() -> impl Strategy<Value = Account> {
    (text(), text(), text(), text(), vec(any::<u8>(), 0..64)).prop_map(|(cloud, id, name, node_id, scope)| {
        Account { cloud, id, name, node_id, scope: scope.into() }
    })
}

fn job() -> impl Strategy<Value = Job> {
    let collect = (text(), text(), account(), any::<Option<u64>>(), option::of(duration())).prop_map(
        |(collector, config, account, max_resources, last_run_started_ago)| {
            let config = config.into();
            Box::new(CollectJob { collector, config, account, max_resources, last_run_started_ago })
        },
    );
    let collect = collect.boxed();
    let identify = collect.clone().prop_map(Job::Identify);
    let collect = collect.prop_map(Job::Collect);
    let tag = (text(), text(), text(), vec((text(), text()), 0..4), vec(text(), 0..4)).prop_map(
        |(collector, config, node_json, set, remove)| {
            Job::Tag(Box::new(TagJob { collector, config: config.into(), node_json, set, remove }))
        },
    );
    let command = (text(), text(), text(), vec(text(), 0..4), option::of(text())).prop_map(
        |(collector, config, name, args, node_json)| {
            Job::Command(Box::new(CommandJob { collector, config: config.into(), name, args, node_json }))
        },
    );
    let of_account = prop_oneof![collect, clean().prop_map(|job| Job::Clean(Box::new(job))), tag, command];
    let of_account = of_account.boxed();
    let errand = of_account.clone().prop_map(|job| AccountJob::of(job).expect("a job of an account"));
    let sealing = (errand.clone(), any::<bool>());
    prop_oneof![
        vec(text(), 0..4).prop_map(|collectors| Job::Describe { collectors }),
        (text(), text()).prop_map(|(collector, config)| {
            Job::Accounts(AccountsJob { collector, config: config.into() })
        }),
        of_account,
        identify,
        sealing.prop_map(|(job, again)| Job::Seal(Box::new(SealJob { job, again }))),
        (errand, seal()).prop_map(|(job, seal)| Job::Sealed(Box::new(SealedJob { job, seal }))),
    ]
}

fn seal() -> impl Strategy<Value = Seal> {
    (vec(any::<u8>(), 0..64), option::of(duration()), option::of(text()))
        .prop_map(|(bytes, remaining, shared)| Seal { bytes: bytes.into(), remaining, shared })
}

fn clean() -> impl Strategy<Value = CleanJob> {
    let related = (select(EdgeType::ALL.to_vec()), any::<bool>(), text())
        .prop_map(|(edge, outgoing, node_json)| Related { edge, outgoing, node_json });
    let resource =
        (text(), vec(related, 0..4), any::<bool>()).prop_map(|(node_json, related_json, related_cut)| {
            CleanResource { node_json, related_json, related_cut }
        });
    (text(), text(), account(), vec(text(), 0..4), vec(resource, 0..4), any::<(bool, u32)>()).prop_map(
        |(collector, config, account, ancestors_json, resources, (dry_run, parallel))| CleanJob {
            collector,
            config: config.into(),
            account,
            ancestors_json,
            resources,
            dry_run,
            parallel,
        },
    )
}

fn cleaned() -> impl Strategy<Value = Cleaned> {
    let outcome = prop_oneof![
        Just(CleanOutcome::Gone),
        text().prop_map(|reason| CleanOutcome::Later { reason }),
        text().prop_map(|reason| CleanOutcome::Failed { reason }),
        text().prop_map(|reason| CleanOutcome::Refused { reason }),
        Just(CleanOutcome::Planned),
        text().prop_map(|node_id| CleanOutcome::GoesWith { node_id }),
    ];
    let event = (text(), any::<bool>()).prop_map(|(message, failed)| CleanEvent { message, failed });
    (text(), outcome, vec(event, 0..4)).prop_map(|(node_id, outcome, log)| Cleaned { node_id, outcome, log })
}

fn order() -> impl Strategy<Value = Order> {
    let variable = (text(), text()).prop_map(|(name, value)| Variable { name, value: value.into() });
    let start =
        (job(), option::of(duration()), vec(variable, 0..4)).prop_map(|(job, remaining, environment)| {
            Order::Start(Box::new(Start { job, remaining, environment }))
        });
    let cancel = (text(), duration()).prop_map(|(reason, grace)| Order::Cancel(Cancel { reason, grace }));
    let renewed = seal().prop_map(|seal| Order::Renewed(Box::new(seal)));
    let not_renewed = fault().prop_map(|fault| Order::NotRenewed(Box::new(fault)));
    prop_oneof![start, cancel, renewed, not_renewed]
}

pub(crate) fn to_child() -> impl Strategy<Value = ToChild> {
    (any::<u32>(), order()).prop_map(|(job, body)| ToChild { job: JobId(job), body })
}

fn fault() -> impl Strategy<Value = Fault> {
    let part = || option::of(text());
    let scope = (part(), part(), part(), part()).prop_map(|(region, service, action, kind)| FaultScope {
        region,
        service,
        action,
        kind,
    });
    let sources = vec![FaultSource::Cloud, FaultSource::User, FaultSource::Collector, FaultSource::Host];
    (
        scope,
        select(FaultKind::ALL.to_vec()),
        select(sources),
        select(vec![Retry::Never, Retry::Later]),
        select(vec![Level::Info, Level::Error]),
        text(),
        part(),
        any::<u32>(),
    )
        .prop_map(|(scope, kind, source, retry, level, message, hint, count)| Fault {
            scope,
            kind,
            source,
            retry,
            level,
            message,
            hint,
            count,
        })
}

fn described() -> impl Strategy<Value = Described> {
    let access = select(vec![PathAccess::Read, PathAccess::Write, PathAccess::Execute, PathAccess::Programs]);
    let grant = (text(), access).prop_map(|(path, access)| PathGrant { path, access });
    let sign = prop_oneof![text().prop_map(AutoEnable::Variable), text().prop_map(AutoEnable::File)];
    let section = (text(), text(), text()).prop_map(|(name, kinds_json, defaults_json)| Section {
        name,
        kinds_json,
        defaults_json,
    });
    let names = (text(), vec(text(), 0..3), text(), option::of(text()));
    let lists = (vec(text(), 0..4), vec(grant, 0..4), vec(sign, 0..4), vec(text(), 0..4));
    (names, text(), option::of(section), text(), lists).prop_map(
        |(names, kinds_json, section, tasks_json, lists)| {
            let (collector, clouds, account_noun, pool_setting) = names;
            let (environment, paths, auto_enable, account_kinds) = lists;
            Described {
                collector,
                clouds,
                account_noun,
                kinds_json,
                section,
                pool_setting,
                tasks_json,
                environment,
                paths,
                auto_enable,
                account_kinds,
            }
        },
    )
}

fn chunk() -> impl Strategy<Value = Chunk<'static>> {
    let types = || select(EdgeType::ALL.to_vec());
    let node = (leaked(), leaked(), select(Role::ALL.to_vec()), leaked_bytes())
        .prop_map(|(id, kind, role, json)| Node { id, kind, role, json });
    let edge = (leaked(), leaked(), types(), option::of(leaked_bytes()))
        .prop_map(|(from, to, edge_type, reported)| Edge { from, to, edge_type, reported });
    let selector = || prop_oneof![leaked().prop_map(Selector::NodeId), leaked().prop_map(Selector::Search)];
    let deferred = (selector(), selector(), types()).prop_map(|(from, to, edge_type)| DeferredEdge {
        from,
        to,
        edge_type,
    });
    (any::<u32>(), vec(node, 0..8), vec(edge, 0..8), vec(deferred, 0..4))
        .prop_map(|(seq, nodes, edges, deferred)| Chunk { seq, nodes, edges, deferred })
}

fn report() -> impl Strategy<Value = Report<'static>> {
    let heartbeat = (any::<u64>(), text(), any::<u64>())
        .prop_map(|(rss, step, work)| Report::Heartbeat(Heartbeat { rss, step, work }));
    let progress = (vec(text(), 0..4), text(), any::<u32>(), any::<u32>())
        .prop_map(|(path, name, current, total)| Progress { path, name, current, total });
    let done = any::<(u32, u64, u64, u64, u64, u32, u32)>().prop_map(
        |(chunks, nodes, edges, deferred, bytes, digest, faults)| {
            let totals = Totals { chunks, nodes, edges, deferred, bytes, digest };
            Report::Done(Done { totals, faults })
        },
    );
    let denied = (text(), text(), vec(text(), 0..4), any::<u32>())
        .prop_map(|(service, operation, regions, calls)| Denied { service, operation, regions, calls });
    let brokering =
        (text(), vec(text(), 0..4), vec(text(), 0..4)).prop_map(|(collector, environment, secrets)| {
            Brokering { collector, environment, paths: Vec::new(), secrets }
        });
    prop_oneof![
        Just(Report::Ready),
        heartbeat,
        described().prop_map(|described| Report::Described(Box::new(described))),
        vec(account(), 0..8).prop_map(Report::Accounts),
        chunk().prop_map(Report::Chunk),
        vec(progress, 0..4).prop_map(Report::Progress),
        fault().prop_map(Report::Fault),
        done,
        fault().prop_map(Report::Fatal),
        cleaned().prop_map(|cleaned| Report::Cleaned(Box::new(cleaned))),
        text().prop_map(Report::Tagged),
        text().prop_map(Report::Output),
        vec(denied, 0..4).prop_map(Report::Denied),
        brokering.prop_map(|brokering| Report::Brokering(Box::new(brokering))),
        seal().prop_map(|seal| Report::Sealed(Box::new(seal))),
        Just(Report::Renew),
    ]
}

pub(crate) fn to_supervisor() -> impl Strategy<Value = ToSupervisor<'static>> {
    (any::<u32>(), report()).prop_map(|(job, body)| ToSupervisor { job: JobId(job), body })
}
