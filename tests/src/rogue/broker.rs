//! The rogue child as a broker, and as the child of an account that tells what it was given.
//!
//! The name of the program says how the broker misbehaves: `describe-broker-die`. It does so once, and leaves the file
//! `misbehaved` among the markers; from then on it is honest. Or it says how the child of an account asks for new
//! credentials: `describe-broker-ask-greedily`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context as _;
use ipc_proto::job::{Described, PathAccess, PathGrant, Variable};
use ipc_proto::limits::MAX_SEAL;
use ipc_proto::message::{JobId, Order, Report};
use ipc_proto::seal::{AccountJob, Brokering, Seal, SealJob, SealedJob};
use serde_json::{Value, json};

use super::link::{Link, forever};
use super::{answer, clean, describe, done, modes, tasks};

/// Where the credentials of all accounts are.
const KEYS: &str = "~/.rogue";

/// What a greedy child asks before it looks at an answer.
const QUESTIONS: usize = 10_000;

/// Reads variables and a file with keys, and its account's children need one variable only.
pub(super) fn describe(link: &mut Link, job: JobId, mut described: Described) -> anyhow::Result<Option<u8>> {
    described.environment.push("ROGUE_*".to_owned());
    described.paths.push(PathGrant { path: KEYS.to_owned(), access: PathAccess::Read });
    let brokering = Brokering {
        collector: described.collector.clone(),
        // More than was described is not given.
        environment: vec!["ROGUE_REGION".to_owned(), "SECRET_OF_OTHERS".to_owned()],
        paths: described.paths.iter().filter(|grant| grant.path != KEYS).cloned().collect(),
        secrets: vec!["key".to_owned()],
    };
    link.send(job, Report::Ready)?;
    link.send(job, Report::Described(Box::new(described)))?;
    link.send(job, Report::Brokering(Box::new(brokering)))?;
    link.send(job, done())?;
    Ok(None)
}

fn markers(job: &AccountJob) -> anyhow::Result<(PathBuf, Value)> {
    let config: Value = serde_json::from_str(job.config().expose()).context("the config section")?;
    let markers = PathBuf::from(config["markers"].as_str().context("markers")?);
    Ok((markers, config))
}

/// The account, or the kind of job where that does not name one.
fn account(job: &AccountJob) -> &str {
    match job {
        AccountJob::Collect(job) => &job.account.id,
        AccountJob::Clean(job) => &job.account.id,
        AccountJob::Tag(_) => "tag",
        AccountJob::Command(_) => "command",
    }
}

pub(super) fn seal(
    link: &mut Link,
    id: JobId,
    job: &SealJob,
    variables: &[Variable],
) -> anyhow::Result<Option<u8>> {
    let (markers, config) = markers(&job.job)?;
    let mut file = OpenOptions::new().create(true).append(true).open(markers.join("brokers"))?;
    writeln!(file, "{} {} again={}", process::id(), account(&job.job), job.again)?;
    // It has all that there is.
    let key = config["key"].as_str().unwrap_or_default();
    let secret = variables.iter().any(|variable| variable.name == "ROGUE_SECRET");
    anyhow::ensure!(key == "long-lived" && secret && keys().is_some(), "the broker lacks credentials");
    let order = describe::order().unwrap_or_default();
    if order != "broker" && !order.starts_with("broker-ask") && is_first(&markers) {
        return misbehave(link, id, &order);
    }
    let again = if job.again { " again" } else { "" };
    let bytes = format!("session of {}{again}", account(&job.job)).into_bytes();
    answer(link, id, sealed_report(bytes))
}

/// Whether nobody has misbehaved yet.
fn is_first(markers: &Path) -> bool {
    OpenOptions::new().write(true).create_new(true).open(markers.join("misbehaved")).is_ok()
}

fn sealed_report(bytes: Vec<u8>) -> Report<'static> {
    Report::Sealed(Box::new(Seal { bytes: bytes.into(), remaining: None, shared: None }))
}

fn misbehave(link: &mut Link, id: JobId, order: &str) -> anyhow::Result<Option<u8>> {
    link.send(id, Report::Ready)?;
    match order.trim_start_matches("broker-") {
        "hang" => forever(),
        "die" => process::abort(),
        "junk" => {
            link.send_raw(&5_u32.to_le_bytes())?;
            link.send_raw(&[0xff; 5])?;
            forever();
        }
        // The answer to a question that nobody has asked.
        "other" => {
            link.send(JobId(id.0 + 1000), sealed_report(b"session of somebody".to_vec()))?;
            forever();
        }
        "nothing" => link.send(id, done())?,
        "huge" => {
            link.send(id, sealed_report(vec![0; MAX_SEAL + 1]))?;
            forever();
        }
        other => anyhow::bail!("there is no way to misbehave called {other:?}"),
    }
    Ok(None)
}

/// Notes what this process has, asks for new credentials, and does the job.
pub(super) fn sealed(
    link: &mut Link,
    id: JobId,
    job: &SealedJob,
    variables: &[Variable],
) -> anyhow::Result<Option<u8>> {
    let (markers, config) = markers(&job.job)?;
    let account = account(&job.job);
    let mut dump = json!({
        "seal": String::from_utf8_lossy(job.seal.bytes.expose()),
        "config": config,
        "variables": variables.iter().map(|variable| &variable.name).collect::<Vec<_>>(),
        "keys": keys(),
    });
    let is_collected = matches!(&job.job, AccountJob::Collect(_));
    if is_collected {
        link.send(id, Report::Ready)?;
    }
    match describe::order().as_deref() {
        _ if !is_collected => {}
        Some("broker-ask") => dump["renewed"] = ask(link, id, 1)?.into(),
        Some("broker-ask-greedily") => {
            for _ in 0..2 {
                dump["renewed"] = ask(link, id, QUESTIONS)?.into();
            }
        }
        // Those of another job, which is not its own.
        Some("broker-ask-for-another") if is_first(&markers) => {
            link.send(JobId(id.0 + 1), Report::Renew)?;
            forever();
        }
        _ => {}
    }
    fs::write(markers.join(format!("dump-{account}")), dump.to_string())?;
    match &job.job {
        AccountJob::Collect(collect) => modes::collect_when_ready(link, id, collect),
        AccountJob::Clean(job) => clean::clean(link, id, job),
        AccountJob::Tag(job) => tasks::tag(link, id, job),
        AccountJob::Command(job) => tasks::command(link, id, job),
    }
}

/// Asks for new credentials so often, and waits for one answer.
fn ask(link: &mut Link, id: JobId, times: usize) -> anyhow::Result<String> {
    for _ in 0..times {
        link.send(id, Report::Renew)?;
    }
    Ok(match link.next_order()?.context("an answer")?.body {
        Order::Renewed(seal) => String::from_utf8_lossy(seal.bytes.expose()).into_owned(),
        other => format!("{other:?}"),
    })
}

/// The file with the credentials of all accounts, if it can be read.
fn keys() -> Option<String> {
    fs::read_to_string(std::env::home_dir()?.join(".rogue/keys")).ok()
}
