//! What every collector of this build keeps to, whatever its cloud. Nothing here reaches a network.

use std::collections::BTreeSet;
use std::sync::Arc;

use collector::changes::{Ability, Change};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Entry, Failure, Placed, Sink};
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::{Account, PathAccess, PathGrant, Section};
use ipc_proto::message::{Denied, Progress};
use ipc_proto::seal::Brokering;
use ipc_proto::secret::Secret;
use serde_json::{Map, Value, json};

use super::all;

/// Takes everything and keeps nothing.
#[derive(Clone)]
struct Nowhere;

impl Sink for Nowhere {
    fn put(&self, _entry: Entry<'_>) -> Result<Placed, Failure> {
        Ok(Placed::Yes)
    }

    fn make_room(&self, _bytes: usize) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn fault(&self, _fault: Fault) {}

    fn denied(&self, _calls: Vec<Denied>) {}

    fn progress(&self, _progress: Progress) {}

    fn step(&self, _step: String) {}

    fn work(&self, _amount: u64) {}

    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn share(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }
}

/// The kinds of a JSON list, by name.
fn kinds(json: &str) -> Vec<(String, Value)> {
    let kinds: Vec<Value> = serde_json::from_str(json).unwrap();
    kinds.into_iter().map(|kind| (kind["fqn"].as_str().unwrap().to_owned(), kind)).collect()
}

fn names(kinds: &[(String, Value)]) -> BTreeSet<&str> {
    kinds.iter().map(|(name, _)| name.as_str()).collect()
}

/// The kind of the elements: `string` of `dictionary[string, string[]]`.
fn inner(kind: &str) -> &str {
    let kind = kind.trim_end_matches("[]").trim();
    match kind.strip_prefix("dictionary[").and_then(|rest| rest.strip_suffix(']')) {
        Some(rest) => inner(rest.split_once(',').map_or(rest, |(_, value)| value)),
        None => kind,
    }
}

fn is_simple(kind: &str) -> bool {
    let simple =
        ["string", "int32", "int64", "float", "double", "boolean", "datetime", "date", "duration", "any"];
    simple.contains(&kind) || kind.starts_with("trafo.")
}

fn properties(kind: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = kind["properties"].as_array().into_iter().flatten();
    properties.map(|property| (property["name"].as_str().unwrap(), property))
}

/// The properties of the section itself, by name.
fn settings(section: &Section) -> Vec<(String, Value)> {
    let kinds = kinds(&section.kinds_json);
    let (_, root) = kinds.iter().find(|(name, _)| *name == section.name).unwrap();
    properties(root).map(|(name, property)| (name.to_owned(), property.clone())).collect()
}

fn clouds() -> Vec<Box<dyn Collector>> {
    let own = ["example", "random", "file"];
    all().into_iter().filter(|collector| !own.contains(&collector.name().as_ref())).collect()
}

#[test]
fn names_are_told_once() {
    let all = all();
    let told: BTreeSet<String> = all.iter().map(|collector| collector.name().into_owned()).collect();
    assert_eq!(told.len(), all.len(), "{told:?}");
    for collector in &all {
        assert_eq!(collector.name(), collector.describe().collector);
        assert_eq!(collector.paths(), collector.describe().paths, "{}", collector.name());
    }
}

#[test]
fn every_setting_is_described_and_has_a_default() {
    for collector in clouds() {
        let described = collector.describe();
        let name = &described.collector;
        let section = described.section.unwrap_or_else(|| panic!("{name} has no section"));
        assert_eq!(section.name, *name);
        let all = kinds(&section.kinds_json);
        let known = names(&all);
        for (of, kind) in &all {
            for (setting, property) in properties(kind) {
                let description = property["description"].as_str().unwrap_or_default();
                assert!(!description.trim().is_empty(), "{name}: {of}.{setting} is not described");
                let kind = inner(property["kind"].as_str().unwrap());
                assert!(is_simple(kind) || known.contains(kind), "{name}: {of}.{setting} is {kind}");
            }
        }
        let defaults: Map<String, Value> = serde_json::from_str(&section.defaults_json).unwrap();
        let settings = settings(&section);
        // Those of a first version are understood, but no longer proposed.
        let before =
            |property: &Value| property["description"].as_str().unwrap().starts_with("Of the first version");
        let proposed = settings.iter().filter(|(_, property)| !before(property));
        assert_eq!(
            defaults.keys().collect::<BTreeSet<_>>(),
            proposed.map(|(name, _)| name).collect::<BTreeSet<_>>(),
            "{name}: settings and defaults"
        );
        for (setting, property) in &settings {
            assert_eq!(property["required"], false, "{name}.{setting}: without it an old config is invalid");
        }
    }
}

#[test]
fn a_wrong_setting_is_told_without_its_value() {
    for collector in clouds() {
        let Some(section) = collector.describe().section else { continue };
        for (setting, _) in settings(&section) {
            // No setting is an object in a list in a list.
            let told = accounts(&*collector, &section.name, &setting, json!([[{"s3cret": "t0ken"}]]));
            let Err(Failure::Fault(fault)) = told else { panic!("{}.{setting}: {told:?}", section.name) };
            assert_eq!(fault.kind, FaultKind::Config, "{}.{setting}: {fault:?}", section.name);
            assert!(fault.message.contains(&section.name), "{}.{setting}: {fault:?}", section.name);
            let told = format!("{fault:?}");
            assert!(!told.contains("s3cret") && !told.contains("t0ken"), "the value is shown: {told}");
            assert!(fault.hint.is_some(), "{}.{setting}: {fault:?}", section.name);
        }
    }
}

fn accounts(
    collector: &dyn Collector,
    section: &str,
    setting: &str,
    value: Value,
) -> Result<Vec<Account>, Failure> {
    let settings = Map::from_iter([(setting.to_owned(), value)]);
    wait(collector.accounts(&ConfigSection::new(section, settings), &Nowhere))
}

fn wait<T>(work: BoxFuture<'_, T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn kinds_are_whole_and_have_those_of_accounts() {
    for collector in clouds() {
        let described = collector.describe();
        let name = &described.collector;
        let all = kinds(&described.kinds_json);
        let known = names(&all);
        assert_eq!(known.len(), all.len(), "{name}: a kind is told twice");
        for (of, kind) in &all {
            for base in kind["bases"].as_array().into_iter().flatten() {
                assert!(known.contains(base.as_str().unwrap()), "{name}: the base {base} of {of} is no kind");
            }
            for (property, told) in properties(kind) {
                let kind = inner(told["kind"].as_str().unwrap());
                assert!(is_simple(kind) || known.contains(kind), "{name}: {of}.{property} is {kind}");
            }
        }
        assert!(!described.account_kinds.is_empty(), "{name}");
        let account_kinds = described.account_kinds.iter().filter_map(|kind| kind.split(' ').next());
        for kind in account_kinds.chain(["graph_root", "cloud"]) {
            assert!(known.contains(kind), "{name}: {kind}");
        }
    }
}

#[test]
fn the_environment_is_told_and_has_the_way_out() {
    for collector in clouds() {
        let described = collector.describe();
        let told: BTreeSet<&str> = described.environment.iter().map(String::as_str).collect();
        assert_eq!(told.len(), described.environment.len(), "{}: twice", described.collector);
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            assert!(told.contains(proxy), "{}: {proxy}", described.collector);
        }
    }
}

#[test]
fn a_child_with_credentials_of_its_account_has_nothing_that_leads_to_others() {
    let mut some = 0;
    for collector in clouds() {
        let Some(Brokering { collector: name, environment, paths, secrets }) = collector.brokering() else {
            continue;
        };
        some += 1;
        let described = collector.describe();
        assert_eq!(name, described.collector);
        let certificates = |grant: &PathGrant| {
            (grant.path.ends_with("_BUNDLE") || grant.path.ends_with("CERT_FILE"))
                && grant.access == PathAccess::Read
                && described.paths.contains(grant)
        };
        assert!(paths.iter().all(certificates), "{name}: {paths:?}");
        let hidden = ["KEY", "TOKEN", "PROFILE", "CREDENTIALS", "CONFIG_FILE", "ROLE", "SECRET", "IDENTITY"];
        let leads = |name: &&String| hidden.iter().any(|part| name.contains(part));
        assert_eq!(environment.iter().find(leads), None, "{name}");
        let section = described.section.unwrap();
        let defaults: Map<String, Value> = serde_json::from_str(&section.defaults_json).unwrap();
        assert!(!secrets.is_empty() && secrets.iter().all(|name| defaults.contains_key(name)), "{name}");
    }
    assert!(some >= 3, "{some}");
}

#[test]
fn nothing_is_collected_before_it_is_known_whose_the_credentials_are() {
    for collector in clouds() {
        let described = collector.describe();
        let account = Account {
            cloud: described.clouds.first().cloned().unwrap_or_default(),
            id: "an-account".to_owned(),
            name: "an account".to_owned(),
            node_id: "id".to_owned(),
            scope: Secret::new(Vec::new()),
        };
        let config = ConfigSection::new(described.collector.as_str(), Map::new());
        let request = CollectRequest { config, account, last_run_started_ago: None, remaining: None };
        let told = wait(collector.collect(&request, &Nowhere));
        let Err(Failure::Fault(fault)) = told else { panic!("{}: {told:?}", described.collector) };
        assert_eq!(fault.kind, FaultKind::Internal, "{}: {fault:?}", described.collector);
        assert!(fault.message.contains("whose the credentials are"), "{fault:?}");
    }
}

#[test]
fn what_can_be_changed_is_a_kind() {
    for collector in clouds() {
        let described = collector.describe();
        let all = kinds(&described.kinds_json);
        let changes = |kind: &str| [Change::Tag, Change::Clean].map(|change| collector.ability(change, kind));
        let unknown = changes("no_such_kind");
        assert!(
            unknown.iter().all(|ability| matches!(ability, Ability::Unknown | Ability::Unsupported)),
            "{}: {unknown:?}",
            described.collector
        );
        let some = all.iter().any(|(kind, _)| changes(kind).contains(&Ability::Yes));
        assert_eq!(
            some,
            !unknown.contains(&Ability::Unsupported),
            "{}: it changes something, or says that it changes nothing",
            described.collector
        );
    }
}
