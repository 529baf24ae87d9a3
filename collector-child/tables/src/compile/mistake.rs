//! What is wrong in a table, and where.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

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

/// How many bits of a place say where in its file it is; those above say in which file. Base tables are read with the
/// tables of kinds in other files.
const IN_FILE: u32 = usize::BITS / 2;

/// A file that mistakes may be in.
#[derive(Debug)]
struct Lines {
    file: String,
    /// Where each line begins.
    starts: Vec<usize>,
}

/// Gathers the mistakes that are found while one file is read.
#[derive(Debug)]
pub(crate) struct Log {
    /// All files.
    files: Rc<[Lines]>,
    number: usize,
    kind: RefCell<Option<String>>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Log {
    /// A log for each file, given as name and text.
    pub(crate) fn all<'t>(files: impl Iterator<Item = (&'t str, &'t str)>) -> Vec<Self> {
        let lines = files.map(|(file, text)| {
            let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
            Lines { file: file.to_owned(), starts: std::iter::once(0).chain(breaks).collect() }
        });
        let files: Rc<[Lines]> = lines.collect();
        let log = |number| Self {
            files: Rc::clone(&files),
            number,
            kind: RefCell::new(None),
            mistakes: RefCell::default(),
        };
        (0..files.len()).map(log).collect()
    }

    /// The place of a byte of its file.
    pub(crate) fn place(&self, byte: usize) -> usize {
        (self.number << IN_FILE) | byte
    }

    /// Notes a mistake at this place.
    pub(crate) fn say(&self, at: usize, message: impl Into<String>) {
        let (file, line) = self.line(at);
        let mistake = Mistake { file, line, kind: self.kind.borrow().clone(), message: message.into() };
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }

    /// From now on mistakes are in the table of this kind, or of none.
    pub(crate) fn enter(&self, kind: Option<&str>) -> Option<String> {
        self.kind.replace(kind.map(str::to_owned))
    }

    fn line(&self, at: usize) -> (String, usize) {
        let byte = at & ((1 << IN_FILE) - 1);
        match self.files.get(at >> IN_FILE) {
            Some(lines) => (lines.file.clone(), lines.starts.partition_point(|start| *start <= byte)),
            None => (String::new(), 0),
        }
    }

    pub(crate) fn take(&self) -> Vec<Mistake> {
        self.mistakes.take()
    }
}
