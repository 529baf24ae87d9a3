//! Checks the JSON line of one node, and finds where the supervisor's own marks go.
//!
//! fixcore honours `replace`, `ancestors` and `search` on any node line, so that a line may hold nothing but what a
//! collector has to say: a poisoned child must not reach beyond its account.

use std::borrow::Cow;

use ipc_proto::graph::Node;
use ipc_proto::limits::MAX_NODE_JSON;
use thiserror::Error;

use crate::json::{JsonError, Scanner, Text};

/// The longest kind name in bytes.
pub const MAX_KIND: usize = 256;

/// Why a node line is refused. The fault is always the collector's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// Not one strict JSON object.
    #[error("its line is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// Above [`MAX_NODE_JSON`].
    #[error("its line has {0} bytes, above the limit of {MAX_NODE_JSON}")]
    TooLong(usize),
    /// A key that only fixcore or the supervisor may write.
    #[error("its line has the key {0:?}; only id, reported, metadata, usage and desired are allowed")]
    ForeignKey(String),
    /// A key twice where the last would win.
    #[error("its line has the key {0:?} twice")]
    DuplicateKey(&'static str),
    /// `replace` or `exported_at` in `metadata`.
    #[error("its metadata has the key {0:?}, which only the supervisor sets")]
    Mark(&'static str),
    /// A section that is missing.
    #[error("its line has no {0}")]
    Missing(&'static str),
    /// A value of the wrong type.
    #[error("its {key} is not {expected}")]
    Type {
        /// The key.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Frame and line disagree.
    #[error(transparent)]
    Differs(Box<Difference>),
    /// The kind is empty or longer than [`MAX_KIND`].
    #[error("its kind has {0} bytes; 1 to {MAX_KIND} are allowed")]
    KindLength(usize),
}

/// Frame and line disagree.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("its frame says {key} {frame:?}, but its line says {line:?}")]
pub struct Difference {
    /// `id` or `kind`.
    pub key: &'static str,
    /// What the frame says.
    pub frame: String,
    /// What the line says.
    pub line: String,
}

/// Where in a line the supervisor's marks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splice {
    /// Offset in the line, in bytes.
    pub at: usize,
    /// What surrounds it.
    pub form: SpliceForm,
}

/// What surrounds the place of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpliceForm {
    /// Before the closing brace of a `metadata` with members.
    Append,
    /// Before the closing brace of an empty `metadata`.
    First,
    /// Before the closing brace of the line, which has no `metadata`.
    Section,
}

impl Splice {
    /// The text to insert for `members`, a list of JSON members without braces.
    pub fn text(self, members: &str) -> String {
        match self.form {
            SpliceForm::Append => format!(", {members}"),
            SpliceForm::First => members.to_owned(),
            SpliceForm::Section => format!(", \"metadata\": {{{members}}}"),
        }
    }
}

/// A line that has passed.
#[derive(Debug, Clone)]
pub struct CheckedLine<'a> {
    /// `reported.id`, if it is there and a string.
    pub reported_id: Option<Cow<'a, str>>,
    /// `reported.name`, if it is there and a string.
    pub reported_name: Option<Cow<'a, str>>,
    /// The name that the cloud gives it (`reported.arn`, else `urn` or `link`), which is part of most node ids.
    pub reported_arn: Option<Cow<'a, str>>,
    /// The first of the marks that only resources may have: `desired`, or in `metadata` `protected`, `cleaned` and
    /// `phantom`.
    pub mark: Option<&'static str>,
    /// Where marks go.
    pub splice: Splice,
}

/// Checks the line of `node` against its frame. One pass, nothing is built.
pub fn check_line<'a>(node: &Node<'a>) -> Result<CheckedLine<'a>, LineError> {
    if node.json.len() > MAX_NODE_JSON {
        return Err(LineError::TooLong(node.json.len()));
    }
    if node.kind.is_empty() || node.kind.len() > MAX_KIND {
        return Err(LineError::KindLength(node.kind.len()));
    }
    let mut scanner = Scanner::new(node.json)?;
    let mut line = Line::default();
    scanner.object(|scanner, key| line.section(scanner, key))?;
    let end = scanner.offset();
    scanner.end()?;

    agree("id", node.id, line.id)?;
    if !line.has_reported() {
        return Err(LineError::Missing("reported"));
    }
    agree("kind", node.kind, line.kind)?;
    let splice = line.metadata.unwrap_or(Splice { at: end - 1, form: SpliceForm::Section });
    Ok(CheckedLine {
        reported_id: line.reported_id.map(Text::decoded),
        reported_name: line.reported_name.map(Text::decoded),
        reported_arn: line.reported_arn.map(Text::decoded),
        mark: line.mark,
        splice,
    })
}

fn agree(key: &'static str, frame: &str, line: Option<Text<'_>>) -> Result<(), LineError> {
    let line = line.ok_or(LineError::Missing(key))?;
    if line.is(frame) {
        return Ok(());
    }
    let short = |text: &str| text.chars().take(128).collect();
    Err(LineError::Differs(Box::new(Difference { key, frame: short(frame), line: short(&line.decoded()) })))
}

/// What was seen of a line so far.
#[derive(Debug, Default)]
struct Line<'a> {
    id: Option<Text<'a>>,
    kind: Option<Text<'a>>,
    reported_id: Option<Text<'a>>,
    reported_name: Option<Text<'a>>,
    reported_arn: Option<Text<'a>>,
    mark: Option<&'static str>,
    metadata: Option<Splice>,
    /// The keys in [`KEYS`] that were seen, one bit each.
    seen: u8,
}

/// Keys that a line may have once: the sections, then those in `reported` that decide something.
const KEYS: [&str; 7] = ["id", "reported", "metadata", "usage", "desired", "reported.id", "reported.kind"];

impl<'a> Line<'a> {
    fn once(&mut self, key: &'static str) -> Result<(), LineError> {
        let bit = KEYS.iter().position(|known| *known == key).map_or(0, |at| 1 << at);
        if self.seen & bit != 0 {
            return Err(LineError::DuplicateKey(key));
        }
        self.seen |= bit;
        Ok(())
    }

    fn has_reported(&self) -> bool {
        self.seen & 0b10 != 0
    }

    fn section(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Result<(), LineError> {
        match key {
            "id" => {
                self.once("id")?;
                self.id = Some(string("id", scanner)?);
            }
            "reported" => {
                self.once("reported")?;
                must_be_object("reported", scanner)?;
                scanner.object(|scanner, key| self.property(scanner, key))?;
            }
            "metadata" => {
                self.once("metadata")?;
                self.metadata = Some(metadata(scanner, &mut self.mark)?);
            }
            "usage" => {
                self.once("usage")?;
                must_be_object("usage", scanner)?;
                scanner.value(1)?;
            }
            "desired" => {
                self.once("desired")?;
                self.mark = Some("desired");
                must_be_object("desired", scanner)?;
                scanner.value(1)?;
            }
            foreign => return Err(LineError::ForeignKey(foreign.chars().take(128).collect())),
        }
        Ok(())
    }

    fn property(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Result<(), LineError> {
        match key {
            "kind" => {
                self.once("reported.kind")?;
                self.kind = Some(string("kind", scanner)?);
            }
            "id" => {
                self.once("reported.id")?;
                match scanner.peek() {
                    Some(b'"') => self.reported_id = Some(scanner.string()?),
                    _ => scanner.value(2)?,
                }
            }
            "arn" | "urn" | "link" => match scanner.peek() {
                Some(b'"') => {
                    let text = scanner.string()?;
                    if key == "arn" || self.reported_arn.is_none() {
                        self.reported_arn = Some(text);
                    }
                }
                _ => scanner.value(2)?,
            },
            // The last one wins, here as in fixcore.
            "name" => match scanner.peek() {
                Some(b'"') => self.reported_name = Some(scanner.string()?),
                _ => scanner.value(2)?,
            },
            _ => scanner.value(2)?,
        }
        Ok(())
    }
}

/// Keys of `metadata` that decide what cleanup does with a node.
const MARKS: [&str; 3] = ["protected", "cleaned", "phantom"];

fn metadata(scanner: &mut Scanner<'_>, mark: &mut Option<&'static str>) -> Result<Splice, LineError> {
    must_be_object("metadata", scanner)?;
    let mut form = SpliceForm::First;
    scanner.object(|scanner, key| {
        form = SpliceForm::Append;
        match key {
            "replace" => Err(LineError::Mark("replace")),
            "exported_at" => Err(LineError::Mark("exported_at")),
            key => {
                if let Some(found) = MARKS.iter().find(|found| **found == key) {
                    *mark = Some(found);
                }
                Ok(scanner.value(2)?)
            }
        }
    })?;
    Ok(Splice { at: scanner.offset() - 1, form })
}

fn string<'a>(key: &'static str, scanner: &mut Scanner<'a>) -> Result<Text<'a>, LineError> {
    match scanner.peek() {
        Some(b'"') => Ok(scanner.string()?),
        _ => Err(LineError::Type { key, expected: "a string" }),
    }
}

fn must_be_object(key: &'static str, scanner: &mut Scanner<'_>) -> Result<(), LineError> {
    match scanner.peek() {
        Some(b'{') => Ok(()),
        _ => Err(LineError::Type { key, expected: "an object" }),
    }
}
