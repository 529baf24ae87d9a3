//! The lines of all nodes. Those of a small account stay as they are; behind that they are packed, because a large one
//! is mostly the same words again and again.

use std::fmt;
use std::io::{Read, Write};
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Bytes that are packed together. To read one line, all of them are unpacked.
const BLOCK: usize = 64 << 10;
/// Bytes that stay as they are: some thousand resources.
const PLAIN: usize = 4 << 20;

/// Lines, in the order in which they came.
#[derive(Default)]
pub(super) struct Lines {
    blocks: Vec<Block>,
    /// Bytes in blocks that are not packed, but for the last one.
    plain: usize,
    /// The block that was unpacked last: whoever reads one line often reads the next one too.
    unpacked: Mutex<Option<(usize, Arc<[u8]>)>>,
}

enum Block {
    Plain(Vec<u8>),
    Packed(Box<[u8]>),
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineAt {
    block: u32,
    start: u32,
    length: u32,
}

/// A line.
pub(super) enum Line<'l> {
    Plain(&'l [u8]),
    Unpacked(Arc<[u8]>, Range<usize>),
}

impl Deref for Line<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Plain(line) => line,
            Self::Unpacked(block, place) => &block[place.clone()],
        }
    }
}

impl Lines {
    /// Keeps a line.
    pub(super) fn push(&mut self, line: &[u8]) -> LineAt {
        let fits = |block: &Block| matches!(block, Block::Plain(bytes) if bytes.len() + line.len() <= BLOCK);
        if !self.blocks.last().is_some_and(fits) {
            self.close();
            self.blocks.push(Block::Plain(Vec::with_capacity(BLOCK.max(line.len()))));
        }
        let block = self.blocks.len() - 1;
        let mut start = 0;
        if let Some(Block::Plain(bytes)) = self.blocks.last_mut() {
            start = bytes.len();
            bytes.extend_from_slice(line);
        }
        LineAt { block: small(block), start: small(start), length: small(line.len()) }
    }

    /// A line that was kept.
    pub(super) fn get(&self, at: LineAt) -> Line<'_> {
        let place = at.start as usize..(at.start + at.length) as usize;
        let number = at.block as usize;
        match &self.blocks[number] {
            Block::Plain(bytes) => Line::Plain(&bytes[place]),
            Block::Packed(packed) => {
                let mut last = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
                let block = match &*last {
                    Some((known, block)) if *known == number => block.clone(),
                    _ => unpack(packed),
                };
                *last = Some((number, block.clone()));
                Line::Unpacked(block, place)
            }
        }
    }

    /// Nothing comes into the last block any more.
    fn close(&mut self) {
        let Some(Block::Plain(bytes)) = self.blocks.last_mut() else { return };
        if self.plain + bytes.len() <= PLAIN {
            bytes.shrink_to_fit();
            self.plain += bytes.len();
            return;
        }
        // Packing into memory does not fail; if it did, the block would stay as it is.
        let packed = pack(bytes);
        if let (Ok(packed), Some(block)) = (packed, self.blocks.last_mut()) {
            *block = Block::Packed(packed);
        }
    }
}

/// Blocks and lines are far smaller than 4 GiB.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn pack(bytes: &[u8]) -> std::io::Result<Box<[u8]>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Vec::into_boxed_slice)
}

#[expect(clippy::expect_used, reason = "it was packed above, in this memory")]
fn unpack(packed: &[u8]) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(BLOCK);
    ZlibDecoder::new(packed).read_to_end(&mut bytes).expect("a block that was packed");
    bytes.into()
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks of lines", self.blocks.len())
    }
}

/// What stands in a line where a text had something that no text can have: U+FFFD, as JSON.
const REPLACEMENT: &[u8] = br"\ufffd";

/// Whether the line of a node has texts that had to be repaired.
pub(super) fn is_repaired(line: &[u8]) -> bool {
    memchr::memmem::find(line, REPLACEMENT).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_again_in_any_order_packed_or_not() {
        let line = |number: usize| {
            format!("{{\"id\":\"snap-{number:017x}\",\"text\":\"{}\"}}", "x".repeat(number % 1500))
        };
        let mut lines = Lines::default();
        let count = 3 * PLAIN / 800;
        let places: Vec<LineAt> = (0..count).map(|number| lines.push(line(number).as_bytes())).collect();
        let packed = lines.blocks.iter().filter(|block| matches!(block, Block::Packed(_))).count();
        assert!(packed > 50 && packed + 50 < lines.blocks.len(), "{packed} of {}", lines.blocks.len());
        for number in (0..count).chain([0, count - 1, 7, count / 2, count / 2 + 1]) {
            assert_eq!(&*lines.get(places[number]), line(number).as_bytes());
        }
    }

    #[test]
    fn a_line_that_is_longer_than_a_block_stays_whole() {
        let long = vec![b'a'; 3 * BLOCK];
        let mut lines = Lines::default();
        let places = [lines.push(b"{}"), lines.push(&long), lines.push(b""), lines.push(b"[]")];
        let found: Vec<usize> = places.iter().map(|at| lines.get(*at).len()).collect();
        assert_eq!(found, [2, 3 * BLOCK, 0, 2]);
    }

    #[test]
    fn repaired_texts_are_seen() {
        assert!(!is_repaired(br#"{"name":"plain \u00e4"}"#));
        assert!(is_repaired(br#"{"name":"bell \ufffd here"}"#));
    }
}
