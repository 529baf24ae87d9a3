//! The rogue child: one binary, misbehaving by the name of the account.

mod around;
mod broker;
mod bulk;
mod clean;
mod describe;
mod escape;
mod flood;
mod graph;
mod link;
mod modes;
mod tasks;

use std::process::ExitCode;

use anyhow::Context as _;
use ipc_proto::job::Job;
use ipc_proto::message::{Order, Report};

use crate::expect;
use link::Link;

/// The program.
#[expect(clippy::print_stderr, reason = "standard error of a child goes to the supervisor's log")]
pub fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("rogue child: {error:#}");
            ExitCode::from(70)
        }
    }
}

fn run() -> anyhow::Result<u8> {
    anyhow::ensure!(argument("--connect").as_deref() == Some("fd:0"), "--connect fd:0 is missing");
    let label = argument("--label").context("--label is missing")?;

    let account = label.split_once('/').map(|(_, account)| account);
    let mode = account.and_then(expect::of).map(|row| row.mode);
    let Some(mut link) = Link::open(mode)? else { return Ok(0) };
    let mut variables = Vec::new();
    while let Some(order) = link.next_order()? {
        let Order::Start(start) = order.body else { return Ok(0) };
        // They come with the first job.
        variables.extend(start.environment);
        let code = match start.job {
            Job::Describe { .. } => describe::describe(&mut link, order.job)?,
            Job::Accounts(job) => describe::accounts(&mut link, order.job, &job)?,
            Job::Collect(job) => modes::collect(&mut link, order.job, &job)?,
            Job::Tag(job) => tasks::tag(&mut link, order.job, &job)?,
            Job::Command(job) => tasks::command(&mut link, order.job, &job)?,
            Job::Clean(job) => clean::clean(&mut link, order.job, &job)?,
            Job::Seal(job) => broker::seal(&mut link, order.job, &job, &variables)?,
            Job::Sealed(job) => broker::sealed(&mut link, order.job, &job, &variables)?,
            Job::Identify(job) => modes::identify(&mut link, order.job, &job)?,
        };
        if let Some(code) = code {
            return Ok(code);
        }
    }
    Ok(0)
}

fn argument(name: &str) -> Option<String> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)
}

/// A job that ends well: Ready, `middle`, Done without a graph.
fn answer(link: &mut Link, job: ipc_proto::message::JobId, middle: Report<'_>) -> anyhow::Result<Option<u8>> {
    link.send(job, Report::Ready)?;
    link.send(job, middle)?;
    link.send(job, done())?;
    Ok(None)
}

/// The end of a job without a graph.
fn done() -> Report<'static> {
    Report::Done(ipc_proto::message::Done { totals: ipc_proto::graph::Totals::default(), faults: 0 })
}
