//! The lines of a file, one in memory at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use ipc_proto::limits::MAX_NODE_JSON;

/// The longest line: more than a node may have, since what the supervisor adds is in there as well.
const MAX_LINE: usize = MAX_NODE_JSON + (64 << 10);
/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What some editors put at the beginning.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines and counts them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// A line that has something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// Without end of line.
    pub(super) text: &'a [u8],
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The line would not fit into memory, or into a message.
    #[error("line {0} has more than {MAX_LINE} bytes")]
    TooLong(u64),
    /// The file is compressed.
    #[error("it is compressed")]
    Compressed,
}

impl Lines<BufReader<File>> {
    /// Opens a file, which has to be a file. Returns its length too.
    pub(super) fn open(path: &Path) -> io::Result<(Self, u64)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok((Self::new(BufReader::with_capacity(256 << 10, file)), metadata.len()))
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0, bytes: 0 }
    }

    /// The bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, LineError> {
        loop {
            self.buffer.clear();
            let limit = MAX_LINE as u64 + 2;
            let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if self.number == 1 && self.buffer.starts_with(&GZIP) {
                return Err(LineError::Compressed);
            }
            if self.buffer.trim_ascii_end().len() > MAX_LINE {
                return Err(LineError::TooLong(self.number));
            }
            if !self.text().is_empty() {
                break;
            }
        }
        Ok(Some(Line { number: self.number, text: self.text() }))
    }

    fn text(&self) -> &[u8] {
        let text = match self.number {
            1 => self.buffer.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.buffer),
            _ => &self.buffer,
        };
        text.trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::new(text);
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push((line.number, String::from_utf8(line.text.to_vec()).unwrap()));
        }
        assert_eq!(lines.bytes(), text.len() as u64);
        read
    }

    #[test]
    fn blank_lines_count_but_are_not_seen() {
        assert_eq!(read(b"\xef\xbb\xbfa\r\n\n  \nb"), [(1, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(read(b""), []);
        assert_eq!(read(b"\n\n"), []);
    }

    #[test]
    fn an_endless_line_is_not_read_to_the_end() {
        let mut lines = Lines::new(BufReader::new(io::repeat(b'x')));
        assert!(matches!(lines.next(), Err(LineError::TooLong(1))));
        assert!(lines.buffer.len() <= MAX_LINE + 2);
    }

    #[test]
    fn compressed_files_are_told() {
        assert!(matches!(Lines::new(&b"\x1f\x8b\x08..."[..]).next(), Err(LineError::Compressed)));
    }
}
