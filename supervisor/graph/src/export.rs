//! Graphs as files: the output of a one-shot run, and the debug dumps of a daemon.

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::merge::{Batch, Replace, Upload};

/// Writes one NDJSON graph of all accounts: nodes, edges, deferred edges; one root, each cloud once.
///
/// They are the lines that fixcore would get. Returns what was written.
pub fn write_graph(batch: &Batch, out: &mut impl Write) -> io::Result<Upload> {
    let upload = batch.whole(Replace::Accounts);
    copy(&upload, out)?;
    Ok(upload)
}

/// Like [`write_graph`], to a file that is there as a whole or not at all. A device or pipe is written directly.
pub fn write_graph_file(batch: &Batch, path: &Path) -> io::Result<Upload> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if target.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return write_graph(batch, &mut OpenOptions::new().write(true).open(&target)?);
    }
    let name = target.file_name().ok_or_else(|| io::Error::other("the path has no file name"))?;
    let temporary = target.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), random_suffix()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let upload = write_graph(batch, &mut file)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)?;
        Ok(upload)
    };
    write().inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(&temporary)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %temporary.display(), %error, "cannot remove an incomplete output file");
        }
    })
}

fn copy(upload: &Upload, out: &mut impl Write) -> io::Result<()> {
    let mut reader = upload.reader();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return out.flush(),
            count => out.write_all(&buffer[..count])?,
        }
    }
}

/// The folder of one run for `fixworker.debug_dump_json`, with names as the peer gives them.
#[derive(Debug)]
pub struct DebugDump {
    folder: PathBuf,
}

impl DebugDump {
    /// Makes `<tempdir>/fix-<task><8 random characters>`; `tempdir` is `fixworker.tempdir`, else the system's.
    pub fn create(tempdir: Option<&Path>, task: &str) -> io::Result<Self> {
        // The task id is fixcore's word, and becomes part of a path.
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let task: String = task.chars().filter(is_plain).take(64).collect();
        let parent = tempdir.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = parent.join(format!("fix-{task}{}", random_suffix()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes what is uploaded as `fix-graph-<local time>-<random>.ndjson`.
    pub fn graph(&self, upload: &Upload, local_time: DateTime) -> io::Result<PathBuf> {
        let (path, mut file) = self.file("graph", "ndjson", local_time)?;
        copy(upload, &mut file)?;
        Ok(path)
    }

    /// Writes the model as `fix-model-<local time>-<random>.json`.
    pub fn model(&self, json: &str, local_time: DateTime) -> io::Result<PathBuf> {
        let (path, mut file) = self.file("model", "json", local_time)?;
        file.write_all(json.as_bytes())?;
        file.flush()?;
        Ok(path)
    }

    fn file(&self, what: &str, ending: &str, time: DateTime) -> io::Result<(PathBuf, BufWriter<File>)> {
        let time = time.strftime("%Y-%m-%d-%H-%M");
        let path = self.folder.join(format!("fix-{what}-{time}-{}.{ending}", random_suffix()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((path, BufWriter::new(file)))
    }
}

/// Eight characters that nobody else has.
fn random_suffix() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let random = RandomState::new().hash_one(());
    (0..8).map(|n| char::from(LETTERS[usize::try_from(random >> (5 * n) & 31).unwrap_or_default()])).collect()
}
