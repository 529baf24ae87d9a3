//! What the rogue child does when it is asked for the graph of an account.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::graph::Tally;
use ipc_proto::job::CollectJob;
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{Done, Heartbeat, JobId, Progress, Report};
use nix::sys::signal::{SigSet, Signal};
use serde_json::Value;

use super::graph::OwnedGraph;
use super::link::{Link, forever};
use crate::expect::{self, Mode};

const BEAT: Duration = Duration::from_millis(100);

/// Returns the exit code, or `None` to go on with the next job.
pub(super) fn collect(link: &mut Link, id: JobId, job: &CollectJob) -> anyhow::Result<Option<u8>> {
    if expect::of(&job.account.id).is_some_and(|row| row.mode == Mode::NeverReady) {
        forever();
    }
    link.send(id, Report::Ready)?;
    collect_when_ready(link, id, job)
}

/// The same after Ready was sent.
pub(super) fn collect_when_ready(link: &mut Link, id: JobId, job: &CollectJob) -> anyhow::Result<Option<u8>> {
    let account = job.account.id.as_str();
    let config: Value = serde_json::from_str(job.config.expose()).context("the config section")?;
    let markers = PathBuf::from(config["markers"].as_str().unwrap_or_default());
    let row = expect::of(account).with_context(|| format!("no mode is called {account}"))?;
    let attempt = note_attempt(&markers, account)?;
    if let Some(code) = before_graph(link, id, row.mode, &markers, attempt)? {
        return Ok(Some(code));
    }
    let done = match row.mode {
        Mode::Bulk => super::bulk::send(link, id, account)?,
        Mode::UnknownEnds => super::flood::edges(link, id, account)?,
        _ => send_graph(link, id, account, row.mode)?,
    };
    link.send(id, Report::Done(done))?;
    match row.mode {
        Mode::Linger => forever(),
        Mode::ExitAfterDone => Ok(Some(70)),
        _ => Ok(None),
    }
}

/// Says whether the credentials get into the account: they do, but for the accounts that end by that.
pub(super) fn identify(link: &mut Link, id: JobId, job: &CollectJob) -> anyhow::Result<Option<u8>> {
    link.send(id, Report::Ready)?;
    let account = job.account.id.as_str();
    let mode = expect::of(account).with_context(|| format!("no mode is called {account}"))?.mode;
    if matches!(mode, Mode::FatalCredentials | Mode::FatalUnavailable)
        && let Some(code) = before_graph(link, id, mode, Path::new(""), 1)?
    {
        return Ok(Some(code));
    }
    link.send(id, super::done())?;
    Ok(None)
}

/// One line in the marker file of the account for each attempt; returns the number of this one.
fn note_attempt(markers: &Path, account: &str) -> anyhow::Result<usize> {
    if markers.as_os_str().is_empty() {
        return Ok(1);
    }
    let path = markers.join(account);
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("the marker file")?;
    writeln!(file, "{}", process::id())?;
    Ok(fs::read_to_string(&path)?.lines().count())
}

fn before_graph(
    link: &mut Link,
    id: JobId,
    mode: Mode,
    markers: &Path,
    attempt: usize,
) -> anyhow::Result<Option<u8>> {
    match mode {
        Mode::Hold => hold(link, id, markers)?,
        Mode::HoldDeaf => {
            let mut deaf = SigSet::empty();
            deaf.add(Signal::SIGTERM);
            deaf.thread_block()?;
            // Deaf to the end of the supervisor as well: only a signal that cannot be blocked helps.
            if hold(link, id, markers).is_err() {
                forever();
            }
        }
        Mode::Flaky if attempt == 1 => process::abort(),
        Mode::Noisy => make_noise()?,
        Mode::Grandchild => start_grandchild()?,
        Mode::SetsidSurvivor => super::escape::leave_survivors(markers),
        Mode::ReadSupervisor => super::escape::attack_supervisor(markers)?,
        Mode::TokenThief => super::escape::attack_siblings(markers)?,
        Mode::ReachFixcore => super::around::reach_fixcore(markers)?,
        Mode::LookAround => super::escape::look_around(markers)?,
        Mode::StagedFileChanged => change_staged(link, id, markers)?,
        Mode::Crash => process::abort(),
        Mode::KillSelf => crate::process::signal(process::id().cast_signed(), Signal::SIGKILL),
        Mode::EndEarly => return Ok(Some(0)),
        Mode::Exit(code) => return Ok(Some(code)),
        Mode::FatalCredentials => {
            let fault = fault(FaultKind::Credentials, Retry::Never, "the token has expired");
            link.send(id, Report::Fatal(fault))?;
            return Ok(Some(77));
        }
        Mode::FatalUnavailable => {
            let fault = fault(FaultKind::Unavailable, Retry::Later, "the cloud is down");
            link.send(id, Report::Fatal(fault))?;
            return Ok(Some(75));
        }
        Mode::Script => {
            let step = Progress { path: Vec::new(), name: expect::MARKUP.into(), current: 1, total: 2 };
            link.send(id, Report::Progress(vec![step]))?;
            link.send(id, Report::Fault(fault(FaultKind::Unavailable, Retry::Later, expect::MARKUP)))?;
        }
        Mode::Faults => {
            for kind in [FaultKind::AccessDenied, FaultKind::Throttled] {
                link.send(id, Report::Fault(fault(kind, Retry::Later, "a service did not answer")))?;
            }
        }
        Mode::BigFaults | Mode::ManyFaults | Mode::BigProgress | Mode::ManyProgress => {
            super::flood::words(link, id, mode)?;
        }
        Mode::Silent => forever(),
        Mode::Stuck => loop {
            beat(link, id, 1)?;
        },
        Mode::Junk => {
            link.send_raw(&5_u32.to_le_bytes())?;
            link.send_raw(&[0xff; 5])?;
            forever();
        }
        Mode::Oversize => {
            let len = u32::try_from(MAX_FRAME).expect("the cap fits") + 1;
            link.send_raw(&len.to_le_bytes())?;
            forever();
        }
        Mode::Empty => {
            link.send_raw(&0_u32.to_le_bytes())?;
            forever();
        }
        Mode::Truncated => {
            link.send_raw(&1000_u32.to_le_bytes())?;
            link.send_raw(&[1; 10])?;
            return Ok(Some(0));
        }
        _ => {}
    }
    Ok(None)
}

fn send_graph(link: &mut Link, id: JobId, account: &str, mode: Mode) -> anyhow::Result<Done> {
    let graph = OwnedGraph::of(account, mode);
    let mut tally = Tally::default();
    for mut chunk in graph.chunks() {
        tally.add(&chunk);
        if mode == Mode::SeqGap && chunk.seq > 0 {
            chunk.seq += 1;
        }
        link.send(id, Report::Chunk(chunk))?;
    }
    let mut totals = tally.totals();
    match mode {
        Mode::TotalsLie => totals.nodes += 1,
        Mode::DigestLie => totals.digest ^= 1,
        _ => {}
    }
    Ok(Done { totals, faults: if mode == Mode::Faults { 2 } else { 0 } })
}

fn hold(link: &mut Link, id: JobId, markers: &Path) -> anyhow::Result<()> {
    let release = markers.join("release");
    let mut work = 0;
    while !release.exists() {
        work += 1;
        beat(link, id, work)?;
    }
    Ok(())
}

fn change_staged(link: &mut Link, id: JobId, markers: &Path) -> anyhow::Result<()> {
    let release = markers.join("release");
    let mut rounds = 0;
    while !release.exists() {
        super::escape::attack_staged(markers)?;
        rounds += 1;
        fs::write(markers.join("rounds"), rounds.to_string())?;
        beat(link, id, rounds)?;
    }
    Ok(())
}

pub(super) fn beat(link: &mut Link, id: JobId, work: u64) -> anyhow::Result<()> {
    let rss = crate::procfs::memory(process::id().cast_signed(), "VmRSS").unwrap_or(0);
    link.send(id, Report::Heartbeat(Heartbeat { rss, step: "holding".into(), work }))?;
    thread::sleep(BEAT);
    Ok(())
}

fn make_noise() -> anyhow::Result<()> {
    let line = [b'x'; 1000];
    for _ in 0..10_000 {
        std::io::stdout().write_all(&line)?;
        std::io::stdout().write_all(b"\n")?;
        std::io::stderr().write_all(&line)?;
        std::io::stderr().write_all(b"\n")?;
    }
    Ok(())
}

/// It holds our standard output and error, and lives on in our process group.
fn start_grandchild() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a process that the supervisor knows nothing about")]
    let mut command = Command::new("sleep");
    command.arg("1000").spawn().context("sleep")?;
    Ok(())
}

pub(super) fn fault(kind: FaultKind, retry: Retry, message: &str) -> Fault {
    Fault {
        scope: FaultScope::default(),
        kind,
        source: FaultSource::Cloud,
        retry,
        level: Level::Error,
        message: message.into(),
        hint: Some("ask the cloud".into()),
        count: 1,
    }
}
