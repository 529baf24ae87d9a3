//! What the rogue child does when it is asked to delete resources: `orders.json` in the directory of markers says,
//! for each node id, what to do at the first, second, ... time. What is deleted is a file in `deleted/`, so that
//! another child does not find it any more; each question is a line in `asked`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context as _;
use ipc_proto::clean::{CleanEvent, CleanJob, CleanOutcome, Cleaned};
use ipc_proto::fault::{FaultKind, Retry};
use ipc_proto::message::{JobId, Report};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::done;
use super::link::{Link, forever};
use super::modes::{beat, fault};

/// Returns the exit code, or `None` to go on with the next job.
pub(super) fn clean(link: &mut Link, id: JobId, job: &CleanJob) -> anyhow::Result<Option<u8>> {
    let config: Value = serde_json::from_str(job.config.expose()).context("the config section")?;
    let cloud = Cloud { markers: PathBuf::from(config["markers"].as_str().unwrap_or_default()) };
    link.send(id, Report::Ready)?;
    for resource in &job.resources {
        let node: Value = serde_json::from_str(&resource.node_json).context("a node")?;
        let node = node["id"].as_str().context("a node has an id")?;
        let tries = cloud.note(node)?;
        let order = cloud.order(node, tries)?;
        match order.as_str() {
            "die" => die(),
            "credentials" => {
                let fault = fault(FaultKind::Credentials, Retry::Never, "the token has expired");
                link.send(id, Report::Fatal(fault))?;
                return Ok(Some(77));
            }
            "silent" => return Ok(None),
            _ => {}
        }
        let (outcome, log) = if job.dry_run {
            (CleanOutcome::Planned, vec![CleanEvent::done("detach it"), CleanEvent::done("delete it")])
        } else {
            cloud.delete(link, id, node, &order)?
        };
        if order == "die_after" {
            die();
        }
        let node_id = if order == "another" { "nobody".to_owned() } else { node.to_owned() };
        link.send(id, Report::Cleaned(Box::new(Cleaned { node_id, outcome, log })))?;
    }
    link.send(id, done())?;
    Ok(None)
}

fn die() -> ! {
    crate::process::signal(process::id().cast_signed(), Signal::SIGKILL);
    forever()
}

/// The cloud, as files.
struct Cloud {
    markers: PathBuf,
}

impl Cloud {
    /// Notes a question; returns how often it was asked before.
    fn note(&self, node: &str) -> anyhow::Result<usize> {
        let path = self.markers.join("asked");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).context("the file of questions")?;
        writeln!(file, "{} {node}", process::id())?;
        let same = |line: &&str| line.split_once(' ').is_some_and(|(_, asked)| asked == node);
        Ok(before.lines().filter(same).count())
    }

    fn order(&self, node: &str, tries: usize) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.markers.join("orders.json")).unwrap_or_else(|_| "{}".to_owned());
        let orders: Value = serde_json::from_str(&text).context("orders.json")?;
        let of_node = orders.get(node).or_else(|| orders.get("*"));
        let order = of_node.and_then(|orders| orders.get(tries).and_then(Value::as_str));
        // The last order, with a star, holds for ever.
        let last = || of_node?.as_array()?.last()?.as_str().filter(|order| order.ends_with('*'));
        Ok(order.or_else(last).unwrap_or("gone").trim_end_matches('*').to_owned())
    }

    fn delete(
        &self,
        link: &mut Link,
        id: JobId,
        node: &str,
        order: &str,
    ) -> anyhow::Result<(CleanOutcome, Vec<CleanEvent>)> {
        let deleted = self.markers.join("deleted");
        fs::create_dir_all(&deleted)?;
        let mark = deleted.join(node);
        if mark.exists() {
            return Ok((CleanOutcome::Gone, vec![CleanEvent::done("it was not found")]));
        }
        let reason = || format!("the cloud says {order}");
        Ok(match order {
            "later" => (CleanOutcome::Later { reason: reason() }, vec![CleanEvent::failed("still in use")]),
            "fail" => (CleanOutcome::Failed { reason: reason() }, vec![CleanEvent::failed("denied")]),
            "refuse" => (CleanOutcome::Refused { reason: reason() }, Vec::new()),
            "plan" => (CleanOutcome::Planned, Vec::new()),
            _ => {
                if order == "hold" {
                    hold(link, id, &self.markers)?;
                }
                // A resource is deleted once: whoever comes second would see an error here.
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(&mark)
                    .context("it was deleted before")?;
                (CleanOutcome::Gone, vec![CleanEvent::done("the cloud took it")])
            }
        })
    }
}

fn hold(link: &mut Link, id: JobId, markers: &Path) -> anyhow::Result<()> {
    let mut work = 0;
    while !markers.join("release").exists() {
        work += 1;
        beat(link, id, work)?;
    }
    Ok(())
}
