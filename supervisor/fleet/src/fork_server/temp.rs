//! Removes folders that a child has filled, however deep, wide or odd they are.
//!
//! A child may nest folders deeper than a stack or a path can follow. So nothing here descends: what is in a folder of the
//! folder is moved up, until only files and empty folders are left. Links are never followed.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes `folder`; says whether it is gone. Looks at `left` entries at most, and counts them down.
pub(super) fn remove(folder: &Path, left: &mut usize) -> io::Result<bool> {
    loop {
        match fs::remove_dir(folder) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            Err(error) => return Err(error),
        }
        if *left == 0 {
            return Ok(false);
        }
        flatten(folder, left)?;
    }
}

/// Removes what is in `folder`; what is in folders there comes up in their place, to be met the next time.
fn flatten(folder: &Path, left: &mut usize) -> io::Result<()> {
    open(folder)?;
    let mut number = 0_u64;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if *left == 0 {
            break;
        }
        *left -= 1;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        } else if fs::remove_dir(entry.path()).is_err() {
            raise(&entry.path(), folder, &mut number, left)?;
        }
    }
    Ok(())
}

/// Moves what is in `inner`, a folder in `outer`, up into `outer`, and removes it if that was all.
fn raise(inner: &Path, outer: &Path, number: &mut u64, left: &mut usize) -> io::Result<()> {
    open(inner)?;
    for entry in fs::read_dir(inner)? {
        let entry = entry?;
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
            continue;
        }
        open(&entry.path())?;
        loop {
            *number += 1;
            let free = outer.join(format!("raised-{number}"));
            // Onto an empty folder it would be moved as well, which does no harm.
            match fs::rename(entry.path(), &free) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
                Err(error) if error.kind() == ErrorKind::NotADirectory => {}
                moved => break moved?,
            }
        }
    }
    // What was moved up meanwhile is gone; what has come meanwhile is met the next time.
    let _best_effort = fs::remove_dir(inner);
    Ok(())
}

/// A folder can have been closed to its owner.
fn open(folder: &Path) -> io::Result<()> {
    if fs::symlink_metadata(folder)?.permissions().mode() & 0o700 != 0o700 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_odd_folder_is_removed_and_nothing_outside() {
        let scratch = tempfile::tempdir().unwrap();
        let (folder, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
        fs::create_dir_all(folder.join("a/b/raised-1/c")).unwrap();
        fs::create_dir_all(folder.join("raised-1/x")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "years").unwrap();
        symlink(&outside, folder.join("link")).unwrap();
        symlink(&outside, folder.join("a/b/raised-2")).unwrap();
        fs::write(folder.join("a/file"), "x").unwrap();
        fs::set_permissions(folder.join("a/b"), fs::Permissions::from_mode(0o000)).unwrap();
        let mut steps = 0;
        while !remove(&folder, &mut 1000).unwrap() {
            steps += 1;
            assert!(steps < 20);
        }
        assert!(!folder.exists());
        assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "years");
    }

    /// Deeper than any path is long.
    #[test]
    fn depth_does_not_matter_and_each_step_is_short() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("deep");
        // Chains that are short enough to name, one put into the end of the other, from the innermost out.
        let chain = "d/".repeat(100);
        for number in 0..22 {
            let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
            fs::create_dir_all(new.join(&chain)).unwrap();
            if number > 0 {
                fs::rename(&old, new.join(&chain).join("d")).unwrap();
            }
            fs::rename(&new, &old).unwrap();
        }
        fs::rename(scratch.path().join("old"), &folder).unwrap();
        let mut steps = 0;
        loop {
            let mut left = 100;
            if remove(&folder, &mut left).unwrap() {
                break;
            }
            steps += 1;
            assert!(steps < 200, "2,200 folders at 100 a step");
        }
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_not_there_is_gone() {
        assert!(remove(Path::new("/nowhere/at/all"), &mut 1).unwrap());
    }
}
