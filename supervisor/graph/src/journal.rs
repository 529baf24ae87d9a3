//! The run journal: what a restarted supervisor has to know about a run that was cut.
//!
//! JSON lines in the spool directory, appended and synced before the caller goes on:
//!
//! ```text
//! {"fixworker_journal":1}
//! {"started":{"task":"..","step":"collect","graph":"fix","merge_kind":"account"}}
//! {"merged":[{"cloud":"aws","id":"1"}]}
//! {"ended":null}
//! ```
//! A torn last line is what a crash leaves, and does not count. A journal of another version is left aside.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::account::AccountKey;
use crate::merge::MergeKind;
use crate::spool::{SpoolDir, SpoolError};

const NAME: &str = "journal.ndjson";
const VERSION: u32 = 1;
/// The largest journal that is read, in bytes: about a million accounts.
const MAX_SIZE: u64 = 128 << 20;

/// What a run is, as far as it can be resumed: if anything differs, it starts over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunKey {
    /// The task of the action.
    pub task: String,
    /// The step of the action.
    pub step: String,
    /// The graph it goes to.
    pub graph: String,
    /// How it is merged.
    pub merge_kind: MergeKind,
}

#[derive(Serialize, Deserialize)]
struct Header {
    fixworker_journal: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Started(RunKey),
    Merged(Vec<AccountKey>),
    Ended(()),
}

/// The journal of this spool directory.
#[derive(Debug)]
pub struct Journal {
    dir: SpoolDir,
    file: Option<(PathBuf, File)>,
    run: Option<RunKey>,
    merged: BTreeSet<AccountKey>,
}

impl Journal {
    /// Reads what an earlier process has left.
    pub fn open(dir: &SpoolDir) -> Result<Self, SpoolError> {
        let mut journal = Self { dir: dir.clone(), file: None, run: None, merged: BTreeSet::new() };
        if let Some(bytes) = dir.read(NAME, MAX_SIZE)? {
            journal.replay(&bytes);
        }
        Ok(journal)
    }

    /// The run that has begun and not ended.
    pub fn unfinished(&self) -> Option<&RunKey> {
        self.run.as_ref()
    }

    /// Begins `run`. If it is the unfinished one, these are its accounts that fixcore has acknowledged already.
    pub fn begin(&mut self, run: &RunKey) -> Result<BTreeSet<AccountKey>, SpoolError> {
        if self.run.as_ref() != Some(run) {
            self.merged.clear();
        }
        self.run = Some(run.clone());
        self.file = None;
        // Written anew as a whole: behind a torn line nothing could be appended.
        let merged = self.merged.iter().cloned().collect();
        let lines = [line(&Header { fixworker_journal: VERSION }), line(&Entry::Started(run.clone()))];
        let known = line(&Entry::Merged(merged));
        self.dir.replace(NAME, [lines.concat(), known].concat().as_bytes())?;
        self.file = Some(self.dir.append_to(NAME)?);
        Ok(self.merged.clone())
    }

    /// fixcore has acknowledged the merge of these accounts. Returns when it is on disk.
    pub fn merged(&mut self, accounts: &[AccountKey]) -> Result<(), SpoolError> {
        if accounts.is_empty() {
            return Ok(());
        }
        self.merged.extend(accounts.iter().cloned());
        self.append(&Entry::Merged(accounts.to_vec()))
    }

    /// The run is over: nothing of it is to be resumed.
    pub fn ended(&mut self) -> Result<(), SpoolError> {
        self.run = None;
        self.merged.clear();
        self.append(&Entry::Ended(()))?;
        self.file = None;
        Ok(())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), SpoolError> {
        let Some((path, file)) = &mut self.file else {
            return Ok(());
        };
        let written = file.write_all(line(entry).as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|error| SpoolError::at(path, error))
    }

    fn replay(&mut self, bytes: &[u8]) {
        let path = self.dir.path().join(NAME);
        // What is behind the last newline was torn by a crash.
        let mut lines = complete_lines(bytes).split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        match lines.next().map(serde_json::from_slice::<Header>) {
            Some(Ok(Header { fixworker_journal: VERSION })) => {}
            Some(header) => {
                let version = header.ok().map(|header| header.fixworker_journal);
                tracing::warn!(path = %path.display(), ?version, "the run journal is of another version; ignored");
                return;
            }
            None => return,
        }
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(Entry::Started(run)) => (self.run, self.merged) = (Some(run), BTreeSet::new()),
                Ok(Entry::Merged(accounts)) => self.merged.extend(accounts),
                Ok(Entry::Ended(())) => (self.run, self.merged) = (None, BTreeSet::new()),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the run journal is damaged; the rest is ignored");
                    return;
                }
            }
        }
    }
}

/// The lines that were written completely.
fn complete_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

fn line(entry: &impl Serialize) -> String {
    // Strings, numbers and lists of them always serialize.
    let json = serde_json::to_string(entry).unwrap_or_default();
    json + "\n"
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::spool::MemoryLimits;

    fn key(id: &str) -> AccountKey {
        AccountKey { cloud: "aws".into(), id: id.into() }
    }

    fn run(task: &str) -> RunKey {
        let graph = "fix".to_owned();
        RunKey { task: task.into(), step: "collect".into(), graph, merge_kind: MergeKind::Account }
    }

    fn spool() -> (tempfile::TempDir, SpoolDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
        (temp, dir)
    }

    #[test]
    fn a_cut_run_goes_on_where_it_was() {
        let (_temp, dir) = spool();
        let mut journal = Journal::open(&dir).unwrap();
        assert!(journal.begin(&run("t1")).unwrap().is_empty());
        journal.merged(&[key("1"), key("2")]).unwrap();
        journal.merged(&[key("3")]).unwrap();
        drop(journal);

        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.unfinished(), Some(&run("t1")));
        assert_eq!(journal.begin(&run("t1")).unwrap(), BTreeSet::from([key("1"), key("2"), key("3")]));
        journal.merged(&[key("4")]).unwrap();
        drop(journal);
        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.begin(&run("t1")).unwrap().len(), 4);
        journal.ended().unwrap();
        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.unfinished(), None);
        assert!(journal.begin(&run("t1")).unwrap().is_empty());
    }

    #[test]
    fn another_run_starts_over() {
        let (_temp, dir) = spool();
        let mut journal = Journal::open(&dir).unwrap();
        journal.begin(&run("t1")).unwrap();
        journal.merged(&[key("1")]).unwrap();
        let mut journal = Journal::open(&dir).unwrap();
        assert!(journal.begin(&run("t2")).unwrap().is_empty());
        let other_graph = RunKey { graph: "other".into(), ..run("t2") };
        journal.merged(&[key("1")]).unwrap();
        assert!(Journal::open(&dir).unwrap().begin(&other_graph).unwrap().is_empty());
    }

    fn append(dir: &SpoolDir, text: &str) {
        let (_, mut file) = dir.append_to(NAME).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_torn_line_does_not_count_and_is_healed() {
        let (_temp, dir) = spool();
        let mut journal = Journal::open(&dir).unwrap();
        journal.begin(&run("t1")).unwrap();
        journal.merged(&[key("1")]).unwrap();
        append(&dir, "{\"merged\":[{\"cloud\":\"aws\",\"id\":\"2\"}]}");
        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.begin(&run("t1")).unwrap(), BTreeSet::from([key("1")]));
        journal.merged(&[key("3")]).unwrap();
        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.begin(&run("t1")).unwrap(), BTreeSet::from([key("1"), key("3")]));
    }

    #[test]
    fn foreign_and_damaged_journals_are_left_aside() {
        let (_temp, dir) = spool();
        append(&dir, "{\"fixworker_journal\":2}\n{\"started\":{}}\n");
        assert_eq!(Journal::open(&dir).unwrap().unfinished(), None);
        dir.replace(NAME, b"\xff\x00junk\n").unwrap();
        let mut journal = Journal::open(&dir).unwrap();
        assert_eq!(journal.unfinished(), None);
        journal.begin(&run("t1")).unwrap();
        journal.merged(&[key("1")]).unwrap();
        append(&dir, "junk\n{\"merged\":[{\"cloud\":\"aws\",\"id\":\"2\"}]}\n");
        assert_eq!(Journal::open(&dir).unwrap().begin(&run("t1")).unwrap(), BTreeSet::from([key("1")]));
    }
}
