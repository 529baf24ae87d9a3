//! The spool directory on a real file system.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use fixworker_graph::spool::SpoolBuffer;
use fixworker_graph::{MemoryLimits, SpoolDir, SpoolError};

fn open(path: &Path) -> Result<SpoolDir, SpoolError> {
    SpoolDir::open(path, MemoryLimits::default())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn directory_and_files_are_private() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a/b/spool");
    let dir = SpoolDir::open(&path, MemoryLimits { per_buffer: 0, total: 0 }).unwrap();
    let mut buffer = SpoolBuffer::new(&dir);
    buffer.append(|out| out.extend_from_slice(b"secret")).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("staging")), 0o700);
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert!(buffer.is_spilled());
    assert_eq!(fs::read_dir(path.join("staging")).unwrap().count(), 0, "nothing that could be changed");
}

#[test]
fn a_second_worker_is_kept_out_as_long_as_the_first_lives() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("spool");
    let first = open(&path).unwrap();
    let clone = first.clone();
    drop(first);
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, SpoolError::Locked { pid: Some(_), .. }), "{error}");
    let expected = format!("another fixworker (pid {}) uses the spool directory", std::process::id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    drop(clone);
    open(&path).unwrap();
}

#[test]
fn symlinks_and_files_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let real = temp.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = temp.path().join("link");
    symlink(&real, &link).unwrap();
    assert!(matches!(open(&link), Err(SpoolError::NotADirectory { what: "a symlink", .. })));
    symlink(temp.path().join("nowhere"), temp.path().join("dangling")).unwrap();
    assert!(matches!(
        open(&temp.path().join("dangling")),
        Err(SpoolError::NotADirectory { what: "a symlink", .. })
    ));
    let file = temp.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(open(&file), Err(SpoolError::NotADirectory { what: "a file", .. })));
    assert!(open(&file.join("below")).is_err());
    // The parts of the directory as well.
    let spool = temp.path().join("spool");
    drop(open(&spool).unwrap());
    fs::remove_file(spool.join("lock")).unwrap();
    symlink(&file, spool.join("lock")).unwrap();
    assert!(open(&spool).is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "x");
}

#[test]
fn an_open_directory_is_closed_only_if_it_is_ours_alone() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("spool");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    drop(open(&path).unwrap());
    assert_eq!(mode(&path), 0o700);
    fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
    drop(open(&path).unwrap());
    assert_eq!(mode(&path), 0o700);

    let shared = temp.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    fs::write(shared.join("of somebody else"), "x").unwrap();
    let error = open(&shared).unwrap_err();
    assert!(matches!(error, SpoolError::Open { mode: 0o755, .. }), "{error}");
    assert_eq!(mode(&shared), 0o755);
    assert!(!shared.join("lock").exists());
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("spool");
    fs::create_dir(&path).unwrap();
    // Only root can give a directory away; for others `/` is a directory of somebody else.
    let foreign = match std::os::unix::fs::chown(&path, Some(12345), None) {
        Ok(()) => path.as_path(),
        Err(_) => Path::new("/"),
    };
    assert!(matches!(open(foreign), Err(SpoolError::ForeignOwner { .. })));
}

#[test]
fn what_an_earlier_process_left_is_swept_and_the_rest_stays() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("spool");
    let outside = temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    drop(open(&path).unwrap());
    let staging = path.join("staging");
    fs::write(staging.join("00000000"), "stale").unwrap();
    fs::create_dir_all(staging.join("folder/inner")).unwrap();
    symlink(&outside, staging.join("link")).unwrap();
    symlink(&outside, staging.join("00000001")).unwrap();
    fs::create_dir(path.join("mail.tmp")).unwrap();
    fs::write(path.join("timings.json.tmp"), "half").unwrap();
    fs::write(path.join("journal.ndjson"), "whole").unwrap();
    let _dir = open(&path).unwrap();
    assert!(!staging.join("00000000").exists() && staging.join("00000001").symlink_metadata().is_err());
    assert!(staging.join("folder/inner").exists() && path.join("mail.tmp").exists(), "they are not ours");
    assert!(!path.join("timings.json.tmp").exists());
    assert!(path.join("journal.ndjson").exists() && outside.join("kept").exists());
}

#[test]
fn a_directory_with_foreign_files_is_refused_and_nothing_in_it_touched() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    fs::create_dir_all(home.join("staging")).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    fs::write(home.join("staging/00000000"), "thesis").unwrap();
    fs::create_dir(home.join("mail.tmp")).unwrap();
    let error = open(&home).unwrap_err();
    assert!(matches!(&error, SpoolError::Foreign { example, .. } if example == "mail.tmp"), "{error}");
    assert!(home.join("staging/00000000").exists() && home.join("mail.tmp").exists());
    assert!(!home.join("lock").exists() && !home.join(".fixworker-spool").exists());
    // A name alone makes no directory ours.
    fs::write(home.join(".fixworker-spool"), "").unwrap();
    assert!(matches!(open(&home), Err(SpoolError::Foreign { .. })));
}

#[test]
fn the_directory_of_an_older_release_is_taken_over() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("spool");
    fs::create_dir_all(path.join("staging")).unwrap();
    for name in ["lock", "journal.ndjson", "cleanup.ndjson", "timings.json.tmp"] {
        fs::write(path.join(name), "").unwrap();
    }
    drop(open(&path).unwrap());
    fs::write(path.join("note of the operator"), "").unwrap();
    open(&path).unwrap();
}

#[test]
fn what_must_not_be_lost_comes_along_from_the_earlier_place() {
    let temp = tempfile::tempdir().unwrap();
    let (old, new) = (temp.path().join("old"), temp.path().join("new"));
    let source = open(&old).unwrap();
    source.replace("cleanup.ndjson", b"deleted").unwrap();
    source.replace("journal.ndjson", b"old").unwrap();
    let dir = open(&new).unwrap();
    dir.replace("journal.ndjson", b"new").unwrap();
    assert!(matches!(dir.inherit(&old), Err(SpoolError::Locked { .. })), "somebody uses it");
    drop(source);
    assert!(dir.inherit(&old).unwrap());
    assert_eq!(dir.read("cleanup.ndjson", 100).unwrap().unwrap(), b"deleted");
    assert_eq!(dir.read("journal.ndjson", 100).unwrap().unwrap(), b"new");
    assert!(!old.exists() && !dir.inherit(&old).unwrap());
}

/// Three parts for each of 5,000 accounts, all on disk at once.
#[test]
fn graphs_that_wait_take_one_descriptor_however_many_they_are() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits { per_buffer: 0, total: 0 }).unwrap();
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let text = |number: usize| format!("{number} ").repeat(if number == 6 { 100_000 } else { 1 + number });
    let part = |number: usize| {
        let mut buffer = SpoolBuffer::new(&dir);
        buffer.append(|out| out.extend_from_slice(text(number).as_bytes())).unwrap();
        buffer.finish().unwrap()
    };
    // Some are let go meanwhile, and their places are used again.
    let mut blobs: Vec<_> = (0..97).map(part).collect();
    blobs.retain(|blob| blob.len() < 100);
    blobs.extend((blobs.len()..15_000).map(|number| part(number % 97)));
    // Other tests of this process may have some open for a moment.
    assert!(descriptors() < before + 100, "{} descriptors", descriptors());
    for number in [97, 103, 193, 14_998, 14_999] {
        let mut read = String::new();
        let blob = &blobs[number];
        assert!(blob.is_file());
        std::io::Read::read_to_string(&mut blob.read(0..blob.len()).unwrap(), &mut read).unwrap();
        assert_eq!(read, text(number % 97), "{number}");
    }
    blobs.clear();
    assert_eq!(dir.on_disk(), 0);
}

#[test]
fn the_graphs_together_have_a_budget() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits { per_buffer: 0, total: 0 }).unwrap();
    dir.limit_disk(1 << 20);
    let fill = |buffer: &mut SpoolBuffer| {
        (0..10).try_for_each(|_| buffer.append(|out| out.resize(out.len() + (128 << 10), b'x')))
    };
    let mut one = SpoolBuffer::new(&dir);
    let error = fill(&mut one).unwrap_err();
    assert!(matches!(error, SpoolError::Budget { limit: 1, .. }), "{error}");
    drop(one);
    assert_eq!(dir.on_disk(), 0);
    let mut another = SpoolBuffer::new(&dir);
    another.append(|out| out.push(b'x')).unwrap();
}

#[test]
fn troubles_are_sentences_with_a_remedy() {
    let at =
        |errno: i32| SpoolError::at(Path::new("/spool/x"), io::Error::from_raw_os_error(errno)).to_string();
    let (enospc, edquot, erofs, eacces) = (28, 122, 30, 13);
    for errno in [enospc, edquot] {
        assert_eq!(
            at(errno),
            "no space left for /spool/x: free some, or move supervisor.spool_dir to a larger disk"
        );
    }
    assert!(at(erofs).contains("read-only file system: set supervisor.spool_dir"), "{}", at(erofs));
    assert!(at(eacces).starts_with("no permission for /spool/x"), "{}", at(eacces));
    // procfs takes no directories, whoever asks.
    let error = open(Path::new("/proc/fixworker-spool")).unwrap_err();
    assert!(error.to_string().contains("/proc/fixworker-spool"), "{error}");
}

#[test]
fn a_trouble_while_staging_names_the_path() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits { per_buffer: 0, total: 0 }).unwrap();
    let staging = dir.path().join("staging");
    fs::remove_dir_all(&staging).unwrap();
    let mut buffer = SpoolBuffer::new(&dir);
    let error = buffer.append(|out| out.push(1)).unwrap_err();
    assert!(error.to_string().contains("staging"), "{error}");
}
