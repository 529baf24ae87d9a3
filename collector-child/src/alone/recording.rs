//! `collect --record`, `collect --replay` and `record inspect`: a run kept in a file, and made again from it.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use collector::Collector;
use http_client::tape::{self, Inspected, Opening, Recording};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::job::Described;
use ipc_proto::variables;
use serde_json::{Map, Value, json};

use super::accounts::prepare;
use super::cli::{Collect, Inspect};
use super::settings::{self, Settings};
use super::trouble::Trouble;
use super::{print, say};
use crate::environment;
use crate::job::{self, Collectors};

/// What recordings call the account that was collected.
const ACCOUNT: &str = "account";
/// Requests without an answer that are named at the end.
const NAMED: usize = 20;

/// What a run starts with, be it now or when it was recorded.
pub(super) struct Begun {
    /// The collector.
    pub(super) collector: String,
    /// Its settings.
    pub(super) settings: Settings,
    /// The account that is asked for.
    pub(super) account: Option<String>,
}

/// Reads the settings, and begins to record or to replay if that is wanted. Must come before any thread is started.
pub(super) fn begin(collectors: &Collectors, command: &Collect) -> Result<Begun, Trouble> {
    if let Some(path) = &command.replay {
        return replay(collectors, command, path);
    }
    let settings = prepare(collectors, &command.source)?;
    let collector = command.source.collector.clone();
    if let Some(path) = &command.record {
        let described = find(collectors, &collector)?.describe();
        record(path, &described, &settings)?;
    }
    Ok(Begun { collector, settings, account: command.account.clone() })
}

/// The account that was chosen belongs to a recording.
pub(super) fn chosen(account: &str) {
    tape::remember(ACCOUNT, || account.to_owned());
}

/// Completes a recording, says what is in it, and what was missing in one that was replayed. True if something was.
pub(super) fn end(command: &Collect) -> Result<bool, Trouble> {
    if let Some(path) = &command.record {
        let written = tape::finish().map_err(|error| cannot_record(path, &error))?;
        if let Some(tape::Summary { exchanges, secrets }) = written {
            say(&format!(
                "recorded {exchanges} exchanges in {}; {secrets} secrets have stand-ins. It holds what the cloud has \
                 answered: look through it before you pass it on (fix-collector record inspect)",
                path.display()
            ));
        }
    }
    let missed = tape::missed();
    if missed.is_empty() {
        return Ok(false);
    }
    say(&format!("the recording has no answer to {} requests:", missed.len()));
    for request in missed.iter().take(NAMED) {
        say(&format!("  {request}"));
    }
    if missed.len() > NAMED {
        say(&format!("  and {} more", missed.len() - NAMED));
    }
    Ok(true)
}

fn find<'c>(collectors: &'c Collectors, name: &str) -> Result<&'c dyn Collector, Trouble> {
    job::find(collectors, name).map_err(|fault| Trouble { code: ExitCode::Usage, ..(*fault).into() })
}

fn record(path: &Path, described: &Described, settings: &Settings) -> Result<(), Trouble> {
    let cannot = |error| cannot_record(path, &error);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.map_err(cannot)?;
    // One that was there before may have been for everybody.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(cannot)?;
    let opening = Opening {
        config: settings.section.settings().clone(),
        environment: variables(
            described,
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        ),
        max_resources: settings.max_resources,
        ..Opening::now(&described.collector)
    };
    tape::record(file, &opening).map_err(cannot)
}

/// The variables that the collector reads. Those about proxies say how this machine reaches the cloud, and nothing else.
fn variables(described: &Described, all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let of_proxy = |name: &str| name.to_ascii_uppercase().ends_with("_PROXY");
    all.filter(|(name, _)| variables::names(&described.environment, name) && !of_proxy(name)).collect()
}

fn replay(collectors: &Collectors, command: &Collect, path: &Path) -> Result<Begun, Trouble> {
    let recording = read(path)?;
    let collector = recording.opening.collector.clone();
    let asked = &command.source.collector;
    if !asked.is_empty() && *asked != collector {
        let message = format!("{} is a recording of {collector}, not of {asked}", path.display());
        return Err(Trouble::new(ExitCode::Usage, message).hint("leave --collector out"));
    }
    let described = find(collectors, &collector)?.describe();
    say(&introduction(path, &recording));
    let Opening { config, environment, max_resources, .. } = recording.opening.clone();
    let document = document(&described, config, max_resources).to_string();
    let settings = settings::build(&described, Some(&document), &command.source.overrides, &|_| None)?;
    let variables: Vec<(String, String)> = environment.into_iter().collect();
    environment::replace(&described.environment, &variables)
        .map_err(|error| Trouble::new(ExitCode::Internal, error.to_string()))?;
    tape::replay(recording, Duration::from_millis(command.latency))
        .map_err(|error| Trouble::new(ExitCode::Internal, error.to_string()))?;
    let account = command.account.clone().or_else(|| tape::recalled(ACCOUNT));
    Ok(Begun { collector, settings, account })
}

/// The settings of a recording as a config document.
fn document(described: &Described, config: Map<String, Value>, max_resources: Option<u64>) -> Value {
    let mut document = Map::new();
    if let Some(section) = &described.section {
        document.insert(section.name.clone(), Value::Object(config));
    }
    if let Some(max) = max_resources {
        document.insert("fixworker".to_owned(), json!({"max_resources_per_account": max}));
    }
    Value::Object(document)
}

fn introduction(path: &Path, recording: &Recording) -> String {
    let Opening { by, began, .. } = &recording.opening;
    let (path, count) = (path.display(), recording.exchanges.len());
    let other = match by {
        by if by == http_client::AGENT => String::new(),
        _ => format!("; this is {}, which may ask for other things", http_client::AGENT),
    };
    let cut_off = recording.cut_off.as_ref();
    let cut_off =
        cut_off.map_or_else(String::new, |why| format!("\nwarning: the recording is not complete: {why}"));
    format!("replaying {path}: {count} exchanges, recorded at {began} by {by}{other}{cut_off}")
}

fn read(path: &Path) -> Result<Recording, Trouble> {
    tape::read(path).map_err(|error| {
        Trouble::new(ExitCode::Config, format!("the recording {}: {error}", path.display()))
            .hint("recordings are made with fix-collector collect --record FILE")
    })
}

fn cannot_record(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(ExitCode::TryAgain, format!("cannot write the recording {}: {error}", path.display()))
}

/// `record inspect`.
pub(super) fn inspect(command: &Inspect) -> Result<ExitCode, Trouble> {
    let recording = read(&command.file)?;
    let inspected = tape::inspect(&recording);
    print(&if command.json { lines(&inspected) } else { text(&recording, &inspected) })?;
    if inspected.suspicions.is_empty() {
        return Ok(ExitCode::Done);
    }
    for tape::Suspicion { exchange, part } in &inspected.suspicions {
        let place = if *exchange == 0 { "the head".to_owned() } else { format!("exchange {exchange}") };
        say(&format!("warning: in {place}, {part} may hold a secret: it has no stand-in there"));
    }
    Ok(ExitCode::DoneWithFaults)
}

fn text(recording: &Recording, inspected: &Inspected) -> String {
    let Opening { by, began, collector, .. } = &recording.opening;
    let mut lines = vec![format!("{collector}, recorded at {began} by {by}"), String::new()];
    lines.extend(inspected.calls.iter().enumerate().map(|(at, call)| {
        let tape::Inspection { caller, asked, outcome, bytes } = call;
        let caller = if caller.is_empty() { String::new() } else { format!("  ({caller})") };
        format!("{:>6}  {outcome}  {bytes:>9} bytes  {asked}{caller}", at + 1)
    }));
    let bytes: usize = inspected.calls.iter().map(|call| call.bytes).sum();
    lines.push(format!(
        "\n{} exchanges, {bytes} bytes of answers; {} secrets have stand-ins in {} places",
        inspected.calls.len(),
        inspected.stand_ins.len(),
        inspected.stand_ins.values().sum::<usize>()
    ));
    lines.extend(recording.cut_off.as_ref().map(|why| format!("not complete: {why}")));
    if inspected.suspicions.is_empty() {
        let clean = "nothing in it has the name or the form of a secret; names, addresses and tags of the account are in it";
        lines.push(clean.to_owned());
    }
    lines.join("\n") + "\n"
}

fn lines(inspected: &Inspected) -> String {
    let line = |call: &tape::Inspection| {
        let tape::Inspection { caller, asked, outcome, bytes } = call;
        format!("{}\n", json!({"asked": asked, "by": caller, "outcome": outcome, "bytes": bytes}))
    };
    inspected.calls.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_the_variables_that_the_collector_reads_but_for_proxies() {
        let described = Described {
            environment: ["SKY_*", "HTTPS_PROXY", "no_proxy"].map(str::to_owned).to_vec(),
            ..crate::collectors::all().first().unwrap().describe()
        };
        let all = ["SKY_REGION", "HTTPS_PROXY", "no_proxy", "HOME", "SKY_"];
        let all = all.into_iter().map(|name| (name.to_owned(), "x".to_owned()));
        let kept = variables(&described, all);
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), ["SKY_", "SKY_REGION"]);
    }
}
