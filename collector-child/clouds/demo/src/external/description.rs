//! What a program is, as a file of the operator says: its command, the kinds of its graph, its settings.
//!
//! The file is written once (`fix-plugin-bridge describe` writes it for plugins of the Python worker), so that nobody starts
//! a program only to learn what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use collector::changes::tag_handler;
use ipc_proto::graph::Role;
use ipc_proto::job::{Described, PathAccess, PathGrant, Section};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The protocol that is spoken with programs.
pub(super) const PROTOCOL: u32 = 1;
/// The kinds of the largest cloud have 600 kB.
const MAX_DESCRIPTION: u64 = 8 << 20;
/// The levels of the hierarchy by their base kinds.
const LEVELS: [(&str, Role); 6] = [
    ("graph_root", Role::Root),
    ("base_cloud", Role::Cloud),
    ("cloud", Role::Cloud),
    ("account", Role::Account),
    ("region", Role::Region),
    ("zone", Role::Region),
];

/// A program that collects a cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    protocol: u32,
    /// Its name as a collector, and that of its section.
    pub(super) collector: String,
    /// The program and its first arguments.
    pub(super) command: Vec<String>,
    /// The ids of its clouds; the first is that of accounts that name none.
    pub(super) clouds: Vec<String>,
    #[serde(default = "account")]
    pub(super) account_noun: String,
    /// The kinds of its accounts; the first is that of accounts that name none.
    pub(super) account_kinds: Vec<String>,
    /// All kinds of its graph with their bases, as fixcore's model takes them.
    kinds: Vec<Value>,
    #[serde(default)]
    settings: Option<Settings>,
    /// Variables that it may see.
    #[serde(default)]
    environment: Vec<String>,
    /// Paths that it must reach.
    #[serde(default)]
    paths: Vec<Granted>,
    /// Kinds that it deletes.
    #[serde(default)]
    pub(super) clean: BTreeSet<String>,
    /// Kinds whose tags it changes.
    #[serde(default)]
    pub(super) tag: BTreeSet<String>,
    #[serde(default)]
    pub(super) identity: Identified,
}

/// Who knows whose account the credentials are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Identified {
    /// Nobody: nothing is changed.
    #[default]
    Unknown,
    /// The program is asked.
    Asked,
    /// The operator says that the program changes nothing but in the account that it is told.
    Trusted,
}

/// The section of the program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// As fixcore's config model takes them; the kind called like the collector is the section.
    kinds: Vec<Value>,
    defaults: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    path: String,
    access: Access,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Access {
    Read,
    Write,
    Execute,
}

fn account() -> String {
    "account".to_owned()
}

impl Description {
    /// Reads a file. The error is for people, and fits behind the name of the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let file = fs::File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.mode() & 0o002 != 0 {
            return Err("may be written by everybody, so it is not believed; take that right away".to_owned());
        }
        let mut text = String::new();
        file.take(MAX_DESCRIPTION + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_DESCRIPTION {
            return Err(format!("is longer than the {MAX_DESCRIPTION} bytes that are read"));
        }
        Self::parse(&text)
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let description: Self =
            serde_json::from_str(text).map_err(|error| format!("is no description of a program: {error}"))?;
        let Self { protocol, command, clouds, account_kinds, .. } = &description;
        if *protocol != PROTOCOL {
            return Err(format!("is of protocol {protocol}, and this fixworker speaks {PROTOCOL}"));
        }
        if command.first().is_none_or(|program| !program.starts_with('/')) {
            return Err("has no command that begins with the absolute path of a program".to_owned());
        }
        if clouds.is_empty() || account_kinds.is_empty() {
            return Err("names no cloud, or no kind of accounts".to_owned());
        }
        Ok(description)
    }

    pub(super) fn described(&self) -> Described {
        let tag: Vec<Value> = if self.tag.is_empty() {
            Vec::new()
        } else {
            self.clouds.iter().map(|cloud| json!(tag_handler(cloud))).collect()
        };
        Described {
            collector: self.collector.clone(),
            clouds: self.clouds.clone(),
            account_noun: self.account_noun.clone(),
            kinds_json: Value::Array(self.kinds.clone()).to_string(),
            section: self.settings.as_ref().map(|settings| self.section(settings)),
            pool_setting: None,
            tasks_json: Value::Array(tag).to_string(),
            environment: self.environment.clone(),
            paths: self.paths(),
            auto_enable: Vec::new(),
            account_kinds: self.account_kinds.clone(),
        }
    }

    fn section(&self, settings: &Settings) -> Section {
        Section {
            name: self.collector.clone(),
            kinds_json: Value::Array(settings.kinds.clone()).to_string(),
            defaults_json: Value::Object(settings.defaults.clone()).to_string(),
        }
    }

    /// The paths that it must reach, the program among them.
    pub(super) fn paths(&self) -> Vec<PathGrant> {
        let program =
            self.command.first().map(|path| PathGrant { path: path.clone(), access: PathAccess::Execute });
        let granted = self.paths.iter().map(|Granted { path, access }| PathGrant {
            path: path.clone(),
            access: match access {
                Access::Read => PathAccess::Read,
                Access::Write => PathAccess::Write,
                Access::Execute => PathAccess::Execute,
            },
        });
        program.into_iter().chain(granted).collect()
    }

    /// The roles of its kinds that are no plain resources.
    pub(super) fn roles(&self) -> BTreeMap<String, Role> {
        let bases = |kind: &Value| -> Vec<String> {
            let all = kind["bases"].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let kinds: BTreeMap<String, Vec<String>> = self
            .kinds
            .iter()
            .filter_map(|kind| Some((kind["fqn"].as_str()?.to_owned(), bases(kind))))
            .collect();
        let role = |kind: &String| {
            let mut open = vec![kind.as_str()];
            let mut seen = BTreeSet::new();
            while let Some(at) = open.pop() {
                if let Some((_, role)) = LEVELS.iter().find(|(base, _)| *base == at) {
                    return Some(*role);
                }
                if seen.insert(at) {
                    open.extend(kinds.get(at).into_iter().flatten().map(String::as_str));
                }
            }
            None
        };
        kinds.keys().filter_map(|kind| Some((kind.clone(), role(kind)?))).collect()
    }

    pub(super) fn has_kind(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind["fqn"] == name)
    }
}

/// The descriptions in a folder, by the names of their files: good ones, and what is wrong with the others.
pub(super) fn all_in(folder: &Path) -> Vec<(PathBuf, Result<Description, String>)> {
    // A folder that is not there, or that this process may not see, has none.
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort_unstable();
    paths.into_iter().map(|path| (path.clone(), Description::read(&path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"protocol": 1, "collector": "own", "command": ["/usr/bin/own", "--x"], "clouds": ["own"],
        "account_kinds": ["own_account"], "kinds": [{"fqn": "own_account", "bases": ["account"]},
        {"fqn": "own_disk", "bases": ["resource"]}, {"fqn": "own_place", "bases": ["own_base"]},
        {"fqn": "own_base", "bases": ["region", "own_place"]}], "tag": ["own_disk"],
        "paths": [{"path": "~/own", "access": "read"}]}"#;

    #[test]
    fn a_description_is_a_collector() {
        let own = Description::parse(PLAIN).unwrap();
        let described = own.described();
        assert_eq!((described.collector.as_str(), described.account_noun.as_str()), ("own", "account"));
        assert!(described.tasks_json.contains(r#""cloud":["own"]"#), "{}", described.tasks_json);
        let paths: Vec<_> = described.paths.iter().map(|grant| (grant.path.as_str(), grant.access)).collect();
        assert_eq!(paths, [("/usr/bin/own", PathAccess::Execute), ("~/own", PathAccess::Read)]);
        let roles: Vec<_> = own.roles().into_iter().collect();
        let expected =
            [("own_account", Role::Account), ("own_base", Role::Region), ("own_place", Role::Region)];
        assert_eq!(roles, expected.map(|(kind, role)| (kind.to_owned(), role)));
        assert_eq!(own.identity, Identified::Unknown);
        assert!(own.has_kind("own_disk") && !own.has_kind("other"));
    }

    #[test]
    fn what_is_no_description_says_why() {
        for (from, to, told) in [
            ("\"protocol\": 1", "\"protocol\": 2", "is of protocol 2"),
            ("/usr/bin/own", "own", "absolute path"),
            ("\"clouds\": [\"own\"]", "\"clouds\": []", "names no cloud"),
            ("\"tag\"", "\"tags\"", "unknown field `tags`"),
        ] {
            let error = Description::parse(&PLAIN.replace(from, to)).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn files_that_everybody_may_write_are_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.json");
        fs::write(&path, PLAIN).unwrap();
        fs::write(folder.path().join("own.json.bak"), "").unwrap();
        assert!(all_in(folder.path())[0].1.is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let all = all_in(folder.path());
        assert_eq!(all.len(), 1);
        assert!(all[0].1.as_ref().unwrap_err().contains("everybody"));
        assert!(all_in(&folder.path().join("none")).is_empty());
    }
}
