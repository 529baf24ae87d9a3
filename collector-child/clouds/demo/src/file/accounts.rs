//! Which accounts are in which files.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use collector::{FaultExt, fault};
use inventory::KindTable;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::graph::{EdgeType, Role};
use ipc_proto::job::Account;
use ipc_proto::secret::Secret;

use super::lines::Lines;
use super::record::{NodeRecord, Record};
use super::{roles, trouble};

/// More nodes whose names look like accounts are not remembered: the account stands at the top of its file.
const MOST_CANDIDATES: usize = 10_000;

/// The accounts in the files below `paths`, and what is wrong with the others.
pub(super) fn list(table: &KindTable, paths: &[String]) -> (Vec<Account>, Vec<Fault>) {
    let mut accounts: Vec<Account> = Vec::new();
    let mut faults = Vec::new();
    if paths.is_empty() {
        let hint = "set file.paths to the exports, or take `file` out of fixworker.collector";
        faults.push(fault(FaultKind::Config, "file.paths names no file").with_hint(hint));
    }
    for path in paths {
        let files = match expand(Path::new(path)) {
            Ok(files) => files,
            Err(fault) => {
                faults.push(*fault);
                continue;
            }
        };
        for file in files {
            match account_in(table, &file) {
                Ok(account) => match accounts.iter().find(|other| same(other, &account)) {
                    None => accounts.push(account),
                    Some(first) => faults.push(duplicate(first, &file)),
                },
                Err(fault) => faults.push(*fault),
            }
        }
    }
    (accounts, faults)
}

fn same(one: &Account, other: &Account) -> bool {
    one.node_id == other.node_id || (one.cloud == other.cloud && one.id == other.id)
}

fn duplicate(first: &Account, file: &Path) -> Fault {
    let path = path_of(first);
    if path == file {
        return trouble::file(file, "is named twice in file.paths").info();
    }
    let what = format!("holds the account {} again, which is taken from {}", first.name, path.display());
    trouble::file(file, &what).with_hint("keep one export of each account")
}

/// The path of the file that an account comes from.
pub(super) fn path_of(account: &Account) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(account.scope.expose()))
}

/// The files that a path stands for.
fn expand(path: &Path) -> Result<Vec<PathBuf>, Box<Fault>> {
    let metadata = fs::metadata(path).map_err(|error| trouble::io(path, &error))?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !metadata.is_dir() {
        return Err(Box::new(trouble::file(path, "is neither a file nor a directory")));
    }
    let mut files = Vec::new();
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| trouble::io(path, &error))? {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "ndjson") && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(Box::new(trouble::file(path, "is a directory without *.ndjson files")));
    }
    Ok(files)
}

fn account_in(table: &KindTable, path: &Path) -> Result<Account, Box<Fault>> {
    let (lines, _) = Lines::open(path).map_err(|error| trouble::io(path, &error))?;
    let found = find(table, path, lines)?;
    Ok(Account {
        cloud: found.cloud,
        id: found.id,
        name: found.name,
        node_id: found.node_id,
        scope: Secret::new(path.as_os_str().as_bytes().to_vec()),
    })
}

/// What a file is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    cloud: String,
    node_id: String,
    id: String,
    name: String,
}

/// What has been seen of a file.
#[derive(Debug, Default)]
struct Search {
    /// Node id and id of the cloud.
    cloud: Option<(String, String)>,
    /// Node id, id and name of the account.
    account: Option<(String, String, String)>,
    /// Ids and names by node id of what may turn out to be the account.
    candidates: HashMap<String, (String, String)>,
    anything: bool,
}

/// Reads until cloud and account are known, which is at the top in all exports that the workers write.
fn find<R: BufRead>(table: &KindTable, path: &Path, mut lines: Lines<R>) -> Result<Found, Box<Fault>> {
    let mut search = Search::default();
    while let Some(line) = lines.next().map_err(|error| trouble::reading(path, &error))? {
        search.anything = true;
        let seen = Record::parse(line.text).and_then(|record| search.see(table, record));
        seen.map_err(|what| trouble::line(path, line.number, &what))?;
        if let Some(found) = search.found() {
            return Ok(found);
        }
    }
    let what = match search {
        Search { anything: false, .. } => "is empty",
        Search { cloud: None, .. } => "holds no cloud",
        Search { .. } => "holds no account",
    };
    let hint = "an export has the graph root, one cloud, one account and all that is below it; \
                fix-collector collect --output writes such files";
    Err(Box::new(trouble::file(path, what).with_hint(hint)))
}

impl Search {
    fn see(&mut self, table: &KindTable, record: Record<'_>) -> Result<(), String> {
        match record {
            Record::Node(node) => self.see_node(table, &node),
            Record::Edge { from, to, edge_type: EdgeType::Default, .. } => {
                let below_cloud = self.cloud.as_ref().is_some_and(|(cloud, _)| *cloud == from);
                if let Some((id, name)) = self.candidates.remove(&to).filter(|_| below_cloud) {
                    self.account.get_or_insert((to, id, name));
                }
                Ok(())
            }
            Record::Edge { .. } | Record::Deferred { .. } => Ok(()),
        }
    }

    fn see_node(&mut self, table: &KindTable, node: &NodeRecord<'_>) -> Result<(), String> {
        let role = roles::of_kind(table, &node.kind);
        if role == Role::Cloud {
            let (id, _) = node.identity()?;
            self.cloud.get_or_insert((node.id.clone(), id));
        } else if role == Role::Account || node.is_exported_account() {
            let (id, name) = node.identity()?;
            self.account.get_or_insert((node.id.clone(), id, name));
        } else if roles::may_be_account(table, &node.kind) && self.candidates.len() < MOST_CANDIDATES {
            self.candidates.insert(node.id.clone(), node.identity()?);
        }
        Ok(())
    }

    fn found(&self) -> Option<Found> {
        let (_, cloud) = self.cloud.as_ref()?;
        let (node_id, id, name) = self.account.as_ref()?;
        Some(Found { cloud: cloud.clone(), node_id: node_id.clone(), id: id.clone(), name: name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(text: &str) -> Result<Found, String> {
        let table = KindTable::load(&["base"]).unwrap();
        find(&table, Path::new("x.ndjson"), Lines::new(text.as_bytes())).map_err(|fault| fault.message)
    }

    fn node(id: &str, kind: &str, metadata: &str) -> String {
        format!(
            "{{\"id\": \"{id}\", \"reported\": {{\"id\": \"{id}-1\", \"kind\": \"{kind}\"}}, \"metadata\": {metadata}}}\n"
        )
    }

    #[test]
    fn the_account_is_told_by_its_kind_or_by_its_time() {
        let found = Found {
            cloud: "c-1".to_owned(),
            node_id: "a".to_owned(),
            id: "a-1".to_owned(),
            name: "a-1".to_owned(),
        };
        let cloud = node("c", "cloud", "{}");
        assert_eq!(search(&format!("{cloud}{}", node("a", "aws_account", "{}"))), Ok(found.clone()));
        assert_eq!(search(&format!("{}{cloud}", node("a", "aws_account", "{}"))), Ok(found.clone()));
        let exported = node("a", "new_project", "{\"exported_at\": \"2026-01-01T00:00:00Z\"}");
        assert_eq!(search(&format!("{cloud}{exported}")), Ok(found));
    }

    #[test]
    fn an_unknown_account_is_told_by_its_place() {
        let nodes =
            [node("c", "cloud", "{}"), node("s", "x_storage_account", "{}"), node("a", "x_account", "{}")];
        let edges = "{\"from\": \"a\", \"to\": \"s\"}\n{\"from\": \"c\", \"to\": \"a\"}\n";
        assert_eq!(search(&format!("{}{edges}", nodes.concat())).unwrap().node_id, "a");
        assert_eq!(search(&nodes.concat()), Err("x.ndjson holds no account".to_owned()));
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(search("\n\n"), Err("x.ndjson is empty".to_owned()));
        assert_eq!(search(&node("a", "aws_account", "{}")), Err("x.ndjson holds no cloud".to_owned()));
        let broken = format!("{}\n{{\"id\": 1}}", node("c", "cloud", "{}"));
        let error = search(&broken).unwrap_err();
        assert!(error.starts_with("line 3 of x.ndjson is broken: invalid type: integer `1`"), "{error}");
    }
}
