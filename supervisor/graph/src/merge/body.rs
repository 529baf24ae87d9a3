//! The body of an upload, streamed from the spool.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::read::GzEncoder;

use crate::spool::{Blob, BlobReader};

/// Bytes that [`BodyReader::next_chunk`] aims at.
const CHUNK: usize = 128 << 10;

/// Part of a body.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    Bytes(Bytes),
    Blob(Blob, Range<u64>),
}

impl Segment {
    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }

    pub(super) fn blob(blob: &Blob, range: Range<u64>) -> Self {
        Self::Blob(blob.clone(), range)
    }

    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(_, range) => range.end - range.start,
        }
    }
}

/// One request to fixcore: NDJSON, nodes before edges before deferred edges. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upload {
    segments: Arc<[Segment]>,
    nodes: u64,
    edges: u64,
    deferred: u64,
    len: u64,
}

/// A gzip stream over a body.
pub type GzipReader = GzEncoder<BodyReader>;

impl Upload {
    pub(super) fn new(segments: Vec<Segment>, nodes: u64, edges: u64, deferred: u64) -> Self {
        let segments: Arc<[Segment]> = segments.into_iter().filter(|segment| segment.len() > 0).collect();
        let len = segments.iter().map(Segment::len).sum();
        Self { segments, nodes, edges, deferred, len }
    }

    /// Node lines, for `Fix-Worker-Nodes`.
    pub fn nodes(&self) -> u64 {
        self.nodes
    }

    /// Edge lines, for `Fix-Worker-Edges`.
    pub fn edges(&self) -> u64 {
        self.edges
    }

    /// Deferred edge lines.
    pub fn deferred(&self) -> u64 {
        self.deferred
    }

    /// Length of the body in bytes, not compressed.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The body from its start, as often as needed.
    pub fn reader(&self) -> BodyReader {
        BodyReader { upload: self.clone(), next: 0, current: Current::None }
    }

    /// The body from its start, compressed fast.
    pub fn gzip_reader(&self) -> GzipReader {
        GzEncoder::new(self.reader(), Compression::fast())
    }
}

#[derive(Debug)]
enum Current {
    None,
    Bytes(Bytes),
    Blob(BlobReader),
}

/// Reads a body in constant memory. Reads from files block, if only on the page cache.
#[derive(Debug)]
pub struct BodyReader {
    upload: Upload,
    next: usize,
    current: Current,
}

impl BodyReader {
    /// The next 128 KiB or what is left; `None` at the end.
    pub fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        read_chunk(self)
    }
}

/// The next chunk of any reader over a body, compressed or not.
pub fn read_chunk(reader: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut chunk = BytesMut::zeroed(CHUNK);
    let mut filled = 0;
    while filled < CHUNK {
        match reader.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(filled);
    Ok((filled > 0).then(|| chunk.freeze()))
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match &mut self.current {
                Current::None => 0,
                Current::Bytes(bytes) => {
                    let part = bytes.split_to(bytes.len().min(out.len()));
                    out[..part.len()].copy_from_slice(&part);
                    part.len()
                }
                Current::Blob(reader) => reader.read(out)?,
            };
            if count > 0 {
                return Ok(count);
            }
            let Some(segment) = self.upload.segments.get(self.next) else {
                return Ok(0);
            };
            self.next += 1;
            self.current = match segment {
                Segment::Bytes(bytes) => Current::Bytes(bytes.clone()),
                Segment::Blob(blob, range) => Current::Blob(blob.read(range.clone())?),
            };
        }
    }
}
