//! File systems for bad days. Only root can mount; others get the nearest thing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::requirements;

/// Something at a path that makes writing fail; dropping it undoes it.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
    mounted: bool,
}

impl Tmpfs {
    /// Nothing can be written: a read-only file system, or a directory without write permission.
    #[track_caller]
    pub fn read_only(path: &Path) -> Self {
        if requirements::is_root() {
            return Self::mount(path, "ro,size=64k");
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o500)).expect("our own directory");
        Self { path: path.into(), mounted: false }
    }

    /// A file system with so much room. Without root nothing happens: use a limit on the size of files.
    #[track_caller]
    pub fn small(path: &Path, bytes: u64) -> Self {
        if requirements::is_root() {
            return Self::mount(path, &format!("mode=0700,size={bytes}"));
        }
        Self { path: path.into(), mounted: false }
    }

    #[track_caller]
    fn mount(path: &Path, options: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "mount is no child of the worker")]
        let mut mount = Command::new("mount");
        let status = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot mount a tmpfs at {}", path.display());
        Self { path: path.into(), mounted: true }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        if self.mounted {
            #[expect(clippy::disallowed_methods, reason = "umount is no child of the worker")]
            let mut unmount = Command::new("umount");
            // Lazy: a process that is being killed may still be in it.
            drop(unmount.arg("--lazy").arg(&self.path).status());
        } else {
            drop(fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700)));
        }
    }
}
