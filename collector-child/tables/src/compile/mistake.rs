//! What is wrong in a table, and where.

use std::cell::RefCell;
use std::fmt;

use super::Dialect;

/// Something in a table that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The kind whose table it is in, if it is in one.
    pub kind: Option<String>,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Gathers the mistakes of one file, and knows what it is compiled with.
#[derive(Debug)]
pub(crate) struct Log {
    dialect: &'static Dialect,
    file: String,
    /// Where each line begins.
    lines: Vec<usize>,
    kind: RefCell<Option<String>>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Log {
    pub(crate) fn new(file: &str, text: &str, dialect: &'static Dialect) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            dialect,
            file: file.to_owned(),
            lines: std::iter::once(0).chain(breaks).collect(),
            kind: RefCell::new(None),
            mistakes: RefCell::default(),
        }
    }

    /// What the file is compiled with.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// Notes a mistake at this byte of the file.
    pub(crate) fn say(&self, at: usize, message: impl Into<String>) {
        let mistake = Mistake {
            file: self.file.clone(),
            line: self.line(at),
            kind: self.kind.borrow().clone(),
            message: message.into(),
        };
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }

    /// From now on mistakes are in the table of this kind, or of none.
    pub(crate) fn enter(&self, kind: Option<&str>) -> Option<String> {
        self.kind.replace(kind.map(str::to_owned))
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(crate) fn take(&self) -> Vec<Mistake> {
        self.mistakes.take()
    }
}
