//! What fixcore has still to be told, on disk: a deletion that was made is not forgotten, whatever dies.
//!
//! JSON lines in the spool directory, appended and synced before the caller goes on:
//!
//! ```text
//! {"fixworker_cleanup":1}
//! {"put":{"number":7,"graph":"fix","line":"{\"id\":...}"}}
//! {"told":[7,8]}
//! ```
//! A torn last line is what a crash leaves, and does not count. The file is written anew when everything is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use fixworker_graph::spool::{SpoolDir, SpoolError};
use serde::{Deserialize, Serialize};

const NAME: &str = "cleanup.ndjson";
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 256 << 20;
/// Above this many bytes of told entries the file is written anew.
const COMPACT_ABOVE: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    fixworker_cleanup: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record {
    Put(Numbered),
    Told(Vec<u64>),
}

#[derive(Serialize, Deserialize)]
struct Numbered {
    number: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// One line for a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The graph in fixcore.
    pub graph: String,
    /// The id of the node.
    pub id: String,
    /// The line for the request.
    pub line: String,
}

/// The entries that wait.
#[derive(Debug)]
pub struct Outbox {
    dir: SpoolDir,
    file: Option<(PathBuf, File)>,
    waiting: BTreeMap<u64, Entry>,
    next: u64,
    /// Bytes of the file that nobody needs any more.
    stale: usize,
}

/// Entries for one request, and their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The graph in fixcore.
    pub graph: String,
    /// Numbers, as many as entries.
    pub numbers: Vec<u64>,
    /// Entries, each node once.
    pub entries: Vec<Entry>,
}

impl Batch {
    /// The body of the request.
    pub fn body(&self) -> String {
        self.entries.iter().flat_map(|entry| [entry.line.as_str(), "\n"]).collect()
    }

    /// Two halves; `None` of a single entry.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let middle = self.entries.len() / 2;
        if middle == 0 {
            return None;
        }
        let part = |range: std::ops::Range<usize>| Self {
            graph: self.graph.clone(),
            numbers: self.numbers[range.clone()].to_vec(),
            entries: self.entries[range].to_vec(),
        };
        Some((part(0..middle), part(middle..self.entries.len())))
    }
}

impl Outbox {
    /// Reads what an earlier process has left.
    pub fn open(dir: &SpoolDir) -> Result<Self, SpoolError> {
        let mut outbox = Self { dir: dir.clone(), file: None, waiting: BTreeMap::new(), next: 0, stale: 0 };
        if let Some(bytes) = dir.read(NAME, MAX_SIZE)? {
            outbox.replay(&bytes);
        }
        outbox.rewrite()?;
        Ok(outbox)
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything is told.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Keeps entries. Returns when they are on disk.
    pub fn put(&mut self, entries: Vec<Entry>) -> Result<(), SpoolError> {
        let mut text = String::new();
        for entry in entries {
            let record = Record::Put(Numbered { number: self.next, entry: entry.clone() });
            text += &line(&record);
            self.waiting.insert(self.next, entry);
            self.next += 1;
        }
        self.append(&text)
    }

    /// What to send next, oldest first: entries of one graph, at most `count` and about `bytes`.
    pub fn batch(&self, count: usize, bytes: usize) -> Option<Batch> {
        let graph = self.waiting.values().next()?.graph.clone();
        let mut batch = Batch { graph, numbers: Vec::new(), entries: Vec::new() };
        let (mut ids, mut size) = (BTreeSet::new(), 0);
        for (number, entry) in &self.waiting {
            size += entry.line.len();
            let full = batch.entries.len() == count || (size > bytes && !batch.entries.is_empty());
            // fixcore takes one line for a node in a request; what is later in the queue stays later.
            if full || entry.graph != batch.graph || !ids.insert(&entry.id) {
                break;
            }
            batch.numbers.push(*number);
            batch.entries.push(entry.clone());
        }
        Some(batch)
    }

    /// fixcore has these, or will never take them.
    pub fn told(&mut self, numbers: &[u64]) -> Result<(), SpoolError> {
        for number in numbers {
            self.stale += self.waiting.remove(number).map_or(0, |entry| entry.line.len());
        }
        if self.waiting.is_empty() || self.stale > COMPACT_ABOVE {
            return self.rewrite();
        }
        self.append(&line(&Record::Told(numbers.to_vec())))
    }

    fn append(&mut self, text: &str) -> Result<(), SpoolError> {
        if self.file.is_none() {
            self.file = Some(self.dir.append_to(NAME)?);
        }
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        let error = match written {
            Ok(()) => return Ok(()),
            Err(error) => SpoolError::at(path, error),
        };
        // Behind a torn line nothing could be appended.
        self.file = None;
        self.rewrite().map_err(|_| error)
    }

    fn rewrite(&mut self) -> Result<(), SpoolError> {
        let mut text = line(&Header { fixworker_cleanup: VERSION });
        for (number, entry) in &self.waiting {
            text += &line(&Record::Put(Numbered { number: *number, entry: entry.clone() }));
        }
        self.file = None;
        self.dir.replace(NAME, text.as_bytes())?;
        self.stale = 0;
        Ok(())
    }

    fn replay(&mut self, bytes: &[u8]) {
        let path = self.dir.path().join(NAME);
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = bytes[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let header = lines.next().map(serde_json::from_slice::<Header>);
        if !matches!(header, Some(Ok(Header { fixworker_cleanup: VERSION })) | None) {
            tracing::warn!(path = %path.display(), "what fixcore was to be told is of another version; ignored");
            return;
        }
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(Record::Put(Numbered { number, entry })) => {
                    self.next = self.next.max(number + 1);
                    self.waiting.insert(number, entry);
                }
                Ok(Record::Told(numbers)) => self.waiting.retain(|number, _| !numbers.contains(number)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "what fixcore was to be told is damaged here; the rest is ignored");
                    return;
                }
            }
        }
    }
}

fn line(record: &impl Serialize) -> String {
    // Strings, numbers and lists of them always serialize.
    serde_json::to_string(record).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use fixworker_graph::spool::MemoryLimits;

    use super::*;

    fn spool() -> (tempfile::TempDir, SpoolDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
        (temp, dir)
    }

    fn entry(id: &str) -> Entry {
        Entry { graph: "fix".into(), id: id.into(), line: format!(r#"{{"id":"{id}"}}"#) }
    }

    fn ids(outbox: &Outbox) -> Vec<String> {
        outbox
            .batch(100, 10_000)
            .map_or(Vec::new(), |b| b.entries.into_iter().map(|entry| entry.id).collect())
    }

    #[test]
    fn what_was_put_and_not_told_is_there_after_a_crash() {
        let (_temp, dir) = spool();
        let mut outbox = Outbox::open(&dir).unwrap();
        outbox.put(vec![entry("a"), entry("b")]).unwrap();
        outbox.put(vec![entry("c")]).unwrap();
        let batch = outbox.batch(1, 1000).unwrap();
        assert_eq!(batch.body(), "{\"id\":\"a\"}\n");
        outbox.told(&batch.numbers).unwrap();
        drop(outbox);
        let mut outbox = Outbox::open(&dir).unwrap();
        assert_eq!((outbox.len(), ids(&outbox)), (2, vec!["b".to_owned(), "c".to_owned()]));
        outbox.put(vec![entry("d")]).unwrap();
        let numbers = outbox.batch(100, 1000).unwrap().numbers;
        assert_eq!(numbers, [1, 2, 3], "numbers go on");
        outbox.told(&numbers).unwrap();
        assert!(outbox.is_empty() && Outbox::open(&dir).unwrap().is_empty());
    }

    #[test]
    fn a_batch_is_of_one_graph_and_has_a_node_once() {
        let (_temp, dir) = spool();
        let mut outbox = Outbox::open(&dir).unwrap();
        let other = Entry { graph: "other".into(), ..entry("x") };
        outbox.put(vec![entry("a"), entry("b"), entry("a"), other]).unwrap();
        assert_eq!(ids(&outbox), ["a", "b"]);
        let batch = outbox.batch(100, 1000).unwrap();
        let (one, two) = batch.halves().unwrap();
        assert_eq!((one.numbers.as_slice(), two.numbers.as_slice()), (&[0][..], &[1][..]));
        assert_eq!(one.halves(), None);
        outbox.told(&batch.numbers).unwrap();
        assert_eq!(ids(&outbox), ["a"]);
        outbox.told(&[2]).unwrap();
        assert_eq!(outbox.batch(100, 1000).unwrap().graph, "other");
        assert_eq!(outbox.batch(100, 1).unwrap().entries.len(), 1, "one goes in any case");
    }

    #[test]
    fn torn_and_foreign_files_do_no_harm() {
        let (_temp, dir) = spool();
        let mut outbox = Outbox::open(&dir).unwrap();
        outbox.put(vec![entry("a")]).unwrap();
        let (_, mut file) = dir.append_to(NAME).unwrap();
        file.write_all(br#"{"put":{"number":1,"gra"#).unwrap();
        let mut outbox = Outbox::open(&dir).unwrap();
        outbox.put(vec![entry("b")]).unwrap();
        assert_eq!(ids(&Outbox::open(&dir).unwrap()), ["a", "b"]);
        dir.replace(NAME, b"{\"fixworker_cleanup\":2}\n").unwrap();
        assert!(Outbox::open(&dir).unwrap().is_empty());
        dir.replace(NAME, b"\xff\n").unwrap();
        assert!(Outbox::open(&dir).unwrap().is_empty());
    }
}
