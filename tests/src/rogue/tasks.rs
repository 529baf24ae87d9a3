//! What the rogue child does when it is asked for a tag or a command: the value of the tag, or the first argument,
//! says how it misbehaves.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context as _;
use ipc_proto::clean::{CommandJob, TagJob};
use ipc_proto::fault::{FaultKind, Retry};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{JobId, Report};
use serde_json::{Value, json};

use super::link::{Link, forever};
use super::modes::{beat, fault};
use super::{describe::NAME, done};

/// What `/work/queue` is offered: tags, and a command called like the collector.
pub(super) fn definitions() -> String {
    json!([
        {"name": "tag", "info": "already provided", "description": "already provided",
         "filter": {"cloud": [NAME]}, "expect_node_result": true},
        {"name": NAME, "info": "Does what its first argument says", "description": "Long words about it.",
         "args_description": {"what": "echo, or a way to misbehave"}, "allowed_on_kind": "example_volume"},
    ])
    .to_string()
}

/// Returns the exit code, or `None` to go on with the next job.
pub(super) fn tag(link: &mut Link, id: JobId, job: &TagJob) -> anyhow::Result<Option<u8>> {
    let wanted = job.set.first().map_or("", |(_, value)| value.as_str());
    let node: Value = serde_json::from_str(&job.node_json).context("the node")?;
    if let Some(end) = misbehave(link, id, job.config.expose(), wanted)? {
        return Ok(end);
    }
    let (mut reported, metadata) = (node["reported"].clone(), node["metadata"].clone());
    for computed in ["age", "last_update", "last_access"] {
        reported.as_object_mut().context("reported")?.remove(computed);
    }
    for (key, value) in &job.set {
        reported["tags"][key] = json!(value);
    }
    for key in &job.remove {
        reported["tags"].as_object_mut().context("tags")?.remove(key);
    }
    let mut answer = json!({"id": node["id"], "reported": reported, "metadata": metadata});
    match wanted {
        "other-node" => answer["id"] = json!("another-node"),
        "other-section" => answer["desired"] = json!({"clean": true}),
        "poisoned-metadata" => answer["metadata"] = json!({"replace": true, "protected": true}),
        _ => {}
    }
    answer_with(link, id, wanted, &Report::Tagged(answer.to_string()))
}

/// Returns the exit code, or `None` to go on with the next job.
pub(super) fn command(link: &mut Link, id: JobId, job: &CommandJob) -> anyhow::Result<Option<u8>> {
    let wanted = job.args.first().map_or("", String::as_str);
    if let Some(end) = misbehave(link, id, job.config.expose(), wanted)? {
        return Ok(end);
    }
    let node: Option<Value> = job.node_json.as_deref().map(serde_json::from_str).transpose()?;
    let output = match wanted {
        "large" => json!("x".repeat(MAX_FRAME - 40)).to_string(),
        "no-json" => "{".to_owned(),
        _ => json!({"args": job.args, "node": node.map(|node| node["id"].clone())}).to_string(),
    };
    answer_with(link, id, wanted, &Report::Output(output))
}

/// What ends a job before its answer: the inner value is what to return then.
#[expect(clippy::option_option, reason = "go on, or end with this code or without one")]
fn misbehave(link: &mut Link, id: JobId, config: &str, wanted: &str) -> anyhow::Result<Option<Option<u8>>> {
    let config: Value = serde_json::from_str(config).context("the config section")?;
    let markers = PathBuf::from(config["markers"].as_str().unwrap_or_default());
    note(&markers, wanted)?;
    match wanted {
        "never-ready" => return Ok(Some(Some(70))),
        "hang" => {
            link.send(id, Report::Ready)?;
            forever();
        }
        _ => link.send(id, Report::Ready)?,
    }
    match wanted {
        "crash" => process::abort(),
        "exit" => return Ok(Some(Some(70))),
        "hold" => {
            let mut work = 0;
            while !markers.join("release").exists() {
                work += 1;
                beat(link, id, work)?;
            }
        }
        "denied" => {
            let denied = fault(FaultKind::AccessDenied, Retry::Never, "you are not allowed to do that");
            link.send(id, Report::Fatal(denied))?;
            return Ok(Some(None));
        }
        "junk" => {
            link.send_raw(&5_u32.to_le_bytes())?;
            link.send_raw(&[0xff; 5])?;
            forever();
        }
        "no-answer" => {
            link.send(id, done())?;
            return Ok(Some(None));
        }
        "wrong-answer" => link.send(id, Report::Accounts(Vec::new()))?,
        _ => {}
    }
    Ok(None)
}

fn answer_with(link: &mut Link, id: JobId, wanted: &str, report: &Report<'_>) -> anyhow::Result<Option<u8>> {
    link.send(id, report.clone())?;
    if wanted == "twice" {
        link.send(id, report.clone())?;
    }
    link.send(id, done())?;
    Ok((wanted == "exit-after").then_some(0))
}

/// One line for each job: who did it, and what was asked.
fn note(markers: &Path, wanted: &str) -> anyhow::Result<()> {
    if markers.as_os_str().is_empty() {
        return Ok(());
    }
    let mut file = OpenOptions::new().create(true).append(true).open(markers.join("tasks"))?;
    // One write, so that lines of several children do not mix.
    file.write_all(format!("{} {wanted}\n", process::id()).as_bytes())?;
    Ok(())
}
