//! Which walls children are behind: the settings, what the collectors declare, and what this host can do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fixworker_fleet::Fleet;
use fixworker_fleet::walls::{Host, Sandbox, Walls};
use fixworker_settings::{Environment, Running, Sandbox as Wanted};
use fixworker_surface::metrics;
use ipc_proto::job::{Described, PathAccess};
use ipc_proto::paths::{Sources, operator_grant, ports_in};
use serde::Serialize;
use serde_json::{Value, json};

use crate::describe::{Collectors, rules};

/// `supervisor.sandbox: require` on a host that has not all of it.
#[derive(Debug, thiserror::Error)]
#[error(
    "supervisor.sandbox is \"require\", but {0}; use a kernel of Linux 6.12 or later with Landlock, or set it to \"auto\""
)]
pub(crate) struct Incomplete(String);

/// The port of fixcore, if no cloud and no name of a host is reached by it.
pub(crate) fn closable(fixcore: Option<u16>) -> impl Iterator<Item = u16> {
    fixcore.into_iter().filter(|port| ![53, 80, 443].contains(port))
}

/// The ports that collectors need: of addresses in their settings and variables.
fn named_ports(settings: &Running, collectors: &Collectors, environment: &Environment) -> BTreeSet<u16> {
    let sections = collectors.described.iter().filter_map(|one| one.section.as_ref());
    let sections = sections.filter_map(|section| settings.section(&section.name));
    let settings = sections.flat_map(|values| ports_in(&Value::Object(values.clone()).to_string()));
    let seen =
        environment.names().filter(|name| collectors.described.iter().any(|one| rules::sees(one, name)));
    settings.chain(seen.filter_map(|name| environment.get(name)).flat_map(ports_in)).collect()
}

/// The walls by these settings, where fixcore is at this port.
pub(crate) fn walls(
    settings: &Running,
    collectors: &Collectors,
    environment: &Environment,
    fixcore: Option<u16>,
) -> Walls {
    let supervisor = settings.supervisor();
    let common = supervisor.child_paths.iter().filter_map(|text| operator_grant(text));
    let common = common.map(|(path, access)| (path.to_owned(), access));
    let expand = |one: &Described| (one.collector.clone(), paths(one, settings, environment));
    let open = |one: &Described| {
        let left = &collectors.brokering.get(&one.collector)?.paths;
        let paths = one.paths.iter().filter(|grant| left.contains(grant)).cloned().collect();
        Some(expand(&Described { paths, ..one.clone() }))
    };
    let described = &collectors.described;
    let named = named_ports(settings, collectors, environment);
    Walls {
        sandbox: wanted(supervisor.sandbox),
        namespace: supervisor.child_namespace,
        common: common.collect(),
        of_collector: described.iter().map(expand).collect(),
        of_sealed: described.iter().filter_map(open).collect(),
        hidden: environment.get("FIXWORKER_PSK_FILE").map(PathBuf::from).into_iter().collect(),
        closed_ports: closable(fixcore).filter(|port| !named.contains(port)).collect(),
    }
}

fn wanted(sandbox: Wanted) -> Sandbox {
    match sandbox {
        Wanted::Auto => Sandbox::Auto,
        Wanted::Require => Sandbox::Require,
        Wanted::Off => Sandbox::Off,
    }
}

/// The paths that a collector declares, as this worker's variables and settings have them.
fn paths(described: &Described, settings: &Running, environment: &Environment) -> Vec<(PathBuf, PathAccess)> {
    let home = std::env::home_dir();
    let section = described.section.as_ref().and_then(|section| settings.section(&section.name));
    let setting = |name: &str| match section.and_then(|section| section.get(name)) {
        Some(Value::String(text)) => vec![text.clone()],
        // An entry with settings of its own has its path among them.
        Some(Value::Array(items)) => {
            let path = |item: &Value| item.as_str().or_else(|| item.get("path")?.as_str()).map(str::to_owned);
            items.iter().filter_map(path).collect()
        }
        _ => Vec::new(),
    };
    let variable = |name: &str| environment.get(name).map(str::to_owned);
    let sources = Sources { home: home.as_deref(), variable, setting };
    let here = std::env::current_dir().unwrap_or_default();
    let declared = described.paths.iter();
    // A child has our working directory, so a relative path means the same to it.
    declared
        .flat_map(|grant| {
            let access = grant.access;
            grant.expand(&sources).into_iter().map(move |path| (path, access))
        })
        .map(|(path, access)| (here.join(path), access))
        .collect()
}

/// Says once what holds, and refuses what was required and cannot be had.
pub(crate) fn announce(settings: &Running) -> Result<(), Incomplete> {
    let sandbox = wanted(settings.supervisor().sandbox);
    let host = Host::look();
    let sentence = host.describe(sandbox);
    tracing::info!("{sentence}");
    let on = sandbox != Sandbox::Off;
    for (wall, is_there) in parts(host) {
        metrics::child_wall(wall, on && is_there);
    }
    if sandbox == Sandbox::Require && !host.is_complete() { Err(Incomplete(sentence)) } else { Ok(()) }
}

fn parts(host: Host) -> [(&'static str, bool); 7] {
    let groups = host.groups.unwrap_or_default();
    [
        ("cgroup", groups.kill),
        ("memory", groups.memory),
        ("pids", groups.pids),
        ("files", host.landlock >= 1),
        ("tcp", host.landlock >= 4),
        ("signals", host.landlock >= 6),
        ("syscalls", host.seccomp),
    ]
}

/// For the page.
pub(crate) fn sandbox(settings: &Running) -> fixworker_surface::status::Sandbox {
    let host = Host::look();
    let sandbox = wanted(settings.supervisor().sandbox);
    let on = sandbox != Sandbox::Off;
    fixworker_surface::status::Sandbox {
        mode: format!("{sandbox:?}").to_lowercase(),
        summary: host.describe(sandbox),
        walls: parts(host).into_iter().map(|(wall, is_there)| (wall.to_owned(), on && is_there)).collect(),
    }
}

/// For `/info`.
pub(crate) fn info(settings: &Running) -> Value {
    let host = Host::look();
    let sandbox = wanted(settings.supervisor().sandbox);
    let walls: serde_json::Map<_, _> = parts(host)
        .into_iter()
        .map(|(wall, is)| (wall.to_owned(), (is && sandbox != Sandbox::Off).into()))
        .collect();
    json!({
        "sandbox": format!("{sandbox:?}").to_lowercase(),
        "landlock_abi": host.landlock,
        "walls": walls,
        "summary": host.describe(sandbox),
    })
}

/// What a child has tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trial {
    /// Which wall should be in its way.
    pub(crate) wall: String,
    /// What it tried.
    pub(crate) what: String,
    /// What came of it.
    pub(crate) said: String,
    pub(crate) mark: Mark,
}

/// What a trial says about a wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// It holds.
    Held,
    /// This host has nothing to make it of.
    Absent,
    /// It should hold on this host, and does not.
    Open,
}

impl Mark {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Absent => "absent",
            Self::Open => "OPEN",
        }
    }
}

/// What a child in its sandbox can do here, by trying.
pub(crate) async fn trials(fleet: &Fleet) -> Result<Vec<Trial>, String> {
    let report = fixworker_fleet::self_check(&fleet.settings()).await.map_err(|error| {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{error}{hint}")
    })?;
    let mut rows: Vec<Value> = serde_json::from_str(&report)
        .map_err(|_| "the program of the children does not know self-check".to_owned())?;
    let host = Host::look();
    rows.push(take_memory(fleet, host).await?);
    Ok(rows.iter().map(|row| trial(row, host)).collect())
}

fn trial(row: &Value, host: Host) -> Trial {
    let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let wall = word("wall");
    let mark = match (row["held"].as_bool().unwrap_or(false), can_hold(host, &wall)) {
        (true, _) => Mark::Held,
        (false, false) => Mark::Absent,
        (false, true) => Mark::Open,
    };
    Trial { wall, what: word("what"), said: word("said"), mark }
}

/// The trials for people, one a line. Pure but for the look at the host.
pub(crate) fn listing(trials: &[Trial]) -> String {
    let mut text = format!("{}\n", Host::look().describe(Sandbox::Auto));
    for Trial { wall, what, said, mark } in trials {
        let line = format!("{:<7} {wall:<11} {what}: {said}\n", mark.name());
        text.push_str(&line);
    }
    text
}

/// Who takes too much ends with all that it has started, so another child tries it, for which this one speaks.
async fn take_memory(fleet: &Fleet, host: Host) -> Result<Value, String> {
    let tried = host.groups.is_some_and(|groups| groups.memory);
    let held =
        tried && fixworker_fleet::self_check_memory(&fleet.settings()).await.map_err(|e| e.to_string())?;
    let said = match (tried, held) {
        (false, _) => "no cgroup limits it",
        (true, true) => "it was killed",
        (true, false) => "it works",
    };
    Ok(json!({"wall": "memory", "what": "take more memory than its limit", "held": held, "said": said}))
}

/// Whether this host has what a wall is made of.
fn can_hold(host: Host, wall: &str) -> bool {
    let groups = host.groups.unwrap_or_default();
    match wall {
        "cgroup" => host.groups.is_some(),
        "memory" => groups.memory,
        "pids" => groups.pids,
        "files" | "processes" => host.landlock >= 1,
        "tcp" => host.landlock >= 4,
        "signals" => host.landlock >= 6,
        "seccomp" => host.seccomp,
        _ => true,
    }
}
