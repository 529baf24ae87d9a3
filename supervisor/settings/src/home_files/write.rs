//! The thin layer that touches the file system.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use secrecy::ExposeSecret;

use super::{Done, HomeFileError, HomeFileOutcome, HomeFilePolicy, Place, place};
use crate::worker::HomeFile;

/// The largest file that is compared before it is written again, in bytes.
const MAX_COMPARED: u64 = 16 << 20;

/// Writes files below `home`: mode 0600, missing directories with 0700, each whole or not at all. A file that
/// has its content already is left alone, but for permissions that others have.
pub fn write_home_files(home: &Path, files: &[HomeFile], policy: &HomeFilePolicy) -> Vec<HomeFileOutcome> {
    let write = |file: &HomeFile| {
        let place = place(&file.path, home)?;
        policy.check(&place, &file.path, file.content.expose_secret())?;
        write_one(home, &place, file)
    };
    files.iter().map(|file| HomeFileOutcome { path: file.path.clone(), result: write(file) }).collect()
}

fn write_one(home: &Path, place: &Place, file: &HomeFile) -> Result<Done, HomeFileError> {
    let directory_flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = nix::fcntl::open(home, directory_flags, Mode::empty())
        .map_err(|errno| HomeFileError::Home { home: home.to_owned(), source: errno.into() })?;
    let failed = |errno: Errno| match errno {
        // What the kernel says when a link leads out, and when one is met that is not followed.
        Errno::EXDEV | Errno::ELOOP => HomeFileError::Outside(file.path.clone()),
        errno => HomeFileError::Io { path: file.path.clone(), source: errno.into() },
    };
    let directory = enter(&directory, &place.directories).map_err(failed)?;
    let content = file.content.expose_secret().as_bytes();
    let name = place.name.as_str();
    match fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(failed(errno)),
        Ok(stat) => match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => {
                if is_same(&directory, name, content).map_err(failed)? {
                    return Ok(Done::Unchanged);
                }
            }
            SFlag::S_IFDIR => return Err(HomeFileError::Directory(file.path.clone())),
            _ => return Err(HomeFileError::Special(file.path.clone())),
        },
    }
    replace(&directory, name, content)
        .map_err(|source| HomeFileError::Io { path: file.path.clone(), source })?;
    Ok(Done::Written)
}

/// Goes down from the home directory, making what is missing.
fn enter(home: &OwnedFd, directories: &[String]) -> Result<OwnedFd, Errno> {
    for depth in 1..=directories.len() {
        let so_far = &directories[..depth];
        match open_beneath(home.as_fd(), so_far) {
            Err(Errno::ENOENT) => {
                let parent = open_beneath(home.as_fd(), &so_far[..depth - 1])?;
                match mkdirat(&parent, so_far[depth - 1].as_str(), Mode::S_IRWXU) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(errno),
                }
            }
            Err(errno) => return Err(errno),
            Ok(_) => {}
        }
    }
    open_beneath(home.as_fd(), directories)
}

/// Opens a directory below another one, which no link on the way can leave.
#[cfg(target_os = "linux")]
fn open_beneath(home: std::os::fd::BorrowedFd<'_>, directories: &[String]) -> Result<OwnedFd, Errno> {
    use nix::fcntl::{OpenHow, ResolveFlag, openat2};

    let path = if directories.is_empty() { ".".to_owned() } else { directories.join("/") };
    let how = OpenHow::new()
        .flags(OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(home, path.as_str(), how) {
        // An old kernel, or a container that forbids the call.
        Err(Errno::ENOSYS | Errno::EPERM) => open_stepwise(home, directories),
        other => other,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(home: std::os::fd::BorrowedFd<'_>, directories: &[String]) -> Result<OwnedFd, Errno> {
    open_stepwise(home, directories)
}

/// The same without following any link.
fn open_stepwise(home: std::os::fd::BorrowedFd<'_>, directories: &[String]) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut at = openat(home, ".", flags, Mode::empty())?;
    for name in directories {
        at = openat(&at, name.as_str(), flags, Mode::empty()).map_err(|errno| match errno {
            // With O_DIRECTORY the kernel may say so of a link that is not followed.
            Errno::ENOTDIR if is_link(&at, name) => Errno::ELOOP,
            errno => errno,
        })?;
    }
    Ok(at)
}

fn is_link(directory: &OwnedFd, name: &str) -> bool {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK)
}

/// Whether the file has this content already. Permissions of others on it are taken away.
fn is_same(directory: &OwnedFd, name: &str, content: &[u8]) -> Result<bool, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let Ok(file) = openat(directory, name, flags, Mode::empty()) else {
        // What cannot be read may still be replaced.
        return Ok(false);
    };
    let file = File::from(file);
    let errno = |error: io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let metadata = file.metadata().map_err(errno)?;
    if metadata.len() != content.len() as u64 || metadata.len() > MAX_COMPARED {
        return Ok(false);
    }
    let mut held = Vec::with_capacity(content.len());
    (&file).take(MAX_COMPARED).read_to_end(&mut held).map_err(errno)?;
    if held != content {
        return Ok(false);
    }
    if metadata.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(errno)?;
    }
    Ok(true)
}

/// Writes beside the file and renames, so that nobody ever sees a half.
fn replace(directory: &OwnedFd, name: &str, content: &[u8]) -> io::Result<()> {
    let temporary = format!(".fixworker-{}.tmp", std::process::id());
    // A leftover of a process that had our id and died.
    match unlinkat(directory, temporary.as_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(directory, temporary.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let mut file = File::from(fd);
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(nix::fcntl::renameat(directory, temporary.as_str(), directory, name)?));
    if written.is_err() {
        // The first failure is the one to report.
        _ = unlinkat(directory, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_openat2_no_link_is_followed() {
        let home = tempfile::tempdir().expect("home");
        std::fs::create_dir_all(home.path().join("a/b")).expect("directories");
        std::fs::write(home.path().join("file"), "").expect("file");
        symlink("a", home.path().join("link")).expect("link");
        let fd = nix::fcntl::open(home.path(), OFlag::O_DIRECTORY, Mode::empty()).expect("open");
        let open = |path: &[&str]| {
            let path: Vec<_> = path.iter().map(|name| (*name).to_owned()).collect();
            open_stepwise(fd.as_fd(), &path).map(drop)
        };
        assert_eq!(open(&[]), Ok(()));
        assert_eq!(open(&["a", "b"]), Ok(()));
        assert_eq!(open(&["link", "b"]), Err(Errno::ELOOP));
        assert_eq!(open(&["file"]), Err(Errno::ENOTDIR));
        assert_eq!(open(&["a", "nope"]), Err(Errno::ENOENT));
    }
}
