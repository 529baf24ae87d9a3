//! What each child has for itself while it lives: a control group, and a folder for temporary files.
//!
//! Both are made by the fork server before a child is forked, and removed by it when nothing of the attempt is left.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::cgroup::{self, Base, Group};
use super::temp;
use super::wire::Limits;
use crate::walls::Controls;

/// Files that are removed before children are started and buried again.
const AT_ONCE: usize = 500;

/// Where places are made. Made by the supervisor, used by the fork server.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    groups: Option<Base>,
    folders: Option<PathBuf>,
    next: u64,
}

/// The places of one child.
#[derive(Debug, Default)]
pub(super) struct Held {
    group: Option<PathBuf>,
    /// Its folder for temporary files.
    pub(super) temp: Option<PathBuf>,
}

impl Places {
    /// Looks for a place for groups, and makes one for folders, which nobody else can have made.
    pub(super) fn settle() -> Self {
        let template = std::env::temp_dir().join("fixworker-children-XXXXXX");
        Self { groups: Base::settle(), folders: nix::unistd::mkdtemp(&template).ok(), next: 0 }
    }

    /// What holds for groups, if there are any.
    pub(super) fn controls(&self) -> Option<Controls> {
        self.groups.as_ref().map(Base::controls)
    }

    /// Where the folders for temporary files are.
    pub(super) fn folders(&self) -> Option<&Path> {
        self.folders.as_deref()
    }

    /// Places for a child, as far as there are some; a group only with limits.
    pub(super) fn hold(&mut self, limits: Option<&Limits>) -> (Held, Option<Group>) {
        let mut group = None;
        let mut held = Held::default();
        if let (Some(base), Some(limits)) = (&self.groups, limits) {
            group = base.group(&mut self.next, limits).ok();
            held.group = group.as_ref().map(|group| group.path().to_owned());
        }
        self.next += 1;
        if let Some(folders) = &self.folders {
            // An earlier fork server has counted as well.
            let folder = folders.join(format!("{}-{}", std::process::id(), self.next));
            held.temp = DirBuilder::new().mode(0o700).create(&folder).is_ok().then_some(folder);
        }
        (held, group)
    }

    /// What an earlier fork server of this supervisor has left.
    pub(super) fn litter(&self) -> Litter {
        let entries = self.folders.iter().flat_map(fs::read_dir).flatten().flatten();
        Litter { folders: entries.map(|entry| entry.path()).collect(), ..Litter::default() }
    }

    /// Ends what is in the groups, for the supervisor that takes over.
    pub(super) fn kill_all(&self) {
        if let Some(groups) = &self.groups {
            groups.kill_all();
        }
    }

    /// Goes back to where this process was started, and removes what is empty.
    pub(super) fn leave(&self) {
        if let Some(groups) = &self.groups {
            groups.leave();
        }
        if let Some(folders) = &self.folders {
            let _best_effort = fs::remove_dir(folders);
        }
    }
}

impl Held {
    /// Ends what is in the group.
    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            cgroup::kill(group);
        }
    }
}

/// What has to be removed, some of it at a time: a child can have made any number of files.
#[derive(Debug, Default)]
pub(super) struct Litter {
    groups: Vec<PathBuf>,
    folders: VecDeque<PathBuf>,
}

impl Litter {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.folders.is_empty()
    }

    pub(super) fn add(&mut self, held: Held) {
        self.groups.extend(held.group);
        self.folders.extend(held.temp);
    }

    /// Removes what can be removed now.
    pub(super) fn remove_some(&mut self) {
        self.groups.retain(|group| !cgroup::remove(group));
        let mut left = AT_ONCE;
        while let Some(folder) = self.folders.front() {
            match temp::remove(folder, &mut left) {
                // The next time, after the others: processes that were killed may still be busy in it.
                Ok(false) => {
                    self.folders.rotate_left(1);
                    return;
                }
                // Done; or nobody can be told, and nobody else would do better.
                Ok(true) | Err(_) => drop(self.folders.pop_front()),
            }
        }
    }
}
