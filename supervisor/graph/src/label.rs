//! Names of nodes for people, found in their lines when a report needs them.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader};

use serde::Deserialize;

use crate::id::CompactId;
use crate::spool::Blob;

/// The longest part of a label in characters.
const MAX_PART: usize = 80;

/// A node as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLabel {
    /// `reported.kind`.
    pub kind: String,
    /// `reported.name`, else `reported.id`.
    pub name: String,
    /// The node id.
    pub id: String,
}

impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |text: &str| text.chars().take(MAX_PART).collect::<String>();
        match self.name.as_str() {
            "" => write!(f, "{} {}", cut(&self.kind), cut(&self.id)),
            name => write!(f, "{} {} ({})", cut(&self.kind), cut(name), cut(&self.id)),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    id: String,
    reported: Reported,
}

#[derive(Deserialize)]
struct Reported {
    kind: String,
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    name: Option<serde_json::Value>,
}

impl NodeLabel {
    fn from_line(line: Line) -> Self {
        let text =
            |value: Option<serde_json::Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        let name = text(line.reported.name).or(text(line.reported.id)).unwrap_or_default();
        Self { kind: line.reported.kind, name, id: line.id }
    }

    /// The label of a node that is mentioned, but not there.
    fn unknown() -> Self {
        Self { kind: "unknown".to_owned(), name: String::new(), id: "node".to_owned() }
    }
}

/// The labels of `wanted` in their order, by a scan over `shared` lines and all of `nodes`.
pub(crate) fn find<'a>(
    wanted: &[CompactId],
    shared: impl Iterator<Item = &'a [u8]>,
    nodes: &Blob,
) -> io::Result<Vec<NodeLabel>> {
    let mut found = HashMap::new();
    let mut look = |line: &[u8]| {
        if let Ok(line) = serde_json::from_slice::<Line>(line)
            && let Ok(id) = CompactId::parse(&line.id)
            && wanted.contains(&id)
        {
            found.insert(id, NodeLabel::from_line(line));
        }
        found.len() < wanted.len()
    };
    let mut more = shared.map(&mut look).last().unwrap_or(true);
    let mut reader = BufReader::with_capacity(64 << 10, nodes.read(0..nodes.len())?);
    let mut line = Vec::new();
    while more && reader.read_until(b'\n', &mut line)? > 0 {
        more = look(&line);
        line.clear();
    }
    Ok(wanted.iter().map(|id| found.get(id).cloned().unwrap_or_else(NodeLabel::unknown)).collect())
}
