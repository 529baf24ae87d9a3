//! Control groups (cgroup v2): each child in one of its own, if this process may make some.
//!
//! ```text
//!   where we were started/            must become empty before it can hand down controllers
//!     `- fixworker-PID/
//!          |- worker/                 the supervisor and the fork server
//!          |- child-0/ child-1/ ...   one for each process that is started, with its limits
//! ```
//!
//! A group can have processes or hand down controllers, never both. So the supervisor goes into a group of its own
//! first, and goes back when it ends. Where other processes share the group that it was started in, there are no
//! limits, but groups can be killed all the same.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, Uid, access};

use super::wire::Limits;
use crate::walls::Controls;

/// Our groups are called so, with the id of the process behind it.
const PREFIX: &str = "fixworker-";
const WORKER: &str = "worker";
const PROCESSES: &str = "cgroup.procs";
const HANDED_DOWN: &str = "cgroup.subtree_control";
const KILL: &str = "cgroup.kill";
/// What is wanted of what the kernel can control.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// The group in which the groups of the children are.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// Where this process was started.
    outside: PathBuf,
    path: PathBuf,
    /// Controllers that we have turned on outside.
    turned_on: Vec<&'static str>,
    controls: Controls,
}

/// The group of one child.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    /// The folder, for the kernel.
    pub(super) fd: OwnedFd,
}

/// The folder of a process's group, by its `/proc/PID/cgroup` and `/proc/PID/mountinfo`.
fn own_group(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        // id, parent, device, root in the file system, mount point, options, optional fields, "-", type, ...
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let inside = group.strip_prefix(&root).ok()?;
        if inside.components().any(|part| part == std::path::Component::ParentDir) {
            // Outside of the namespace that the mount was made in.
            return None;
        }
        // Joined with nothing a path would end in a slash.
        let folder =
            if inside.as_os_str().is_empty() { point.into() } else { Path::new(&point).join(inside) };
        after.starts_with("cgroup2 ").then_some(folder)
    })
}

/// Blanks are told as `\040` in mountinfo.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

/// What decides whether a group is ours to divide.
#[derive(Debug, Clone, Copy)]
struct Claim {
    writable: bool,
    is_root: bool,
    /// systemd manages the groups of this host, and has not marked this one as left to whoever runs in it (`Delegate=`).
    managed: bool,
}

/// Root may write everywhere, so for root a permission says nothing where somebody else manages the groups.
fn is_delegated(claim: Claim) -> bool {
    claim.writable && !(claim.is_root && claim.managed)
}

fn look_at(own: &Path) -> Claim {
    let may_write = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    Claim {
        writable: may_write(own) && may_write(&own.join(PROCESSES)),
        is_root: Uid::effective().is_root(),
        managed: Path::new("/run/systemd/system").exists()
            && !["user.delegate", "trusted.delegate"].iter().any(|name| super::sys::is_marked(own, name)),
    }
}

/// Those of [`CONTROLLERS`] that are in the kernel's list.
fn wanted(list: &str) -> Vec<&'static str> {
    CONTROLLERS.into_iter().filter(|name| list.split_whitespace().any(|word| word == *name)).collect()
}

/// What is written into the files of a new group.
fn limits_of(limits: &Limits, controls: Controls) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if controls.memory {
        files.push(("memory.max", limits.memory.to_string()));
        // What is swapped out does not count as memory, and would be on a disk.
        files.push(("memory.swap.max", "0".to_owned()));
        files.push(("memory.oom.group", "1".to_owned()));
    }
    if controls.pids {
        files.push(("pids.max", limits.processes.to_string()));
    }
    files
}

impl Base {
    /// Makes a group for this process and its children, if the one that it is in may be divided.
    pub(super) fn settle() -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let own = own_group(&read("cgroup"), &read("mountinfo"))?;
        if !is_delegated(look_at(&own)) {
            return None;
        }
        sweep(&own, |pid| Path::new("/proc").join(pid).exists());
        Self::make(&own, std::process::id()).ok()
    }

    fn make(own: &Path, pid: u32) -> io::Result<Self> {
        let path = own.join(format!("{PREFIX}{pid}"));
        let worker = path.join(WORKER);
        let mut base = Self {
            outside: own.to_owned(),
            path: path.clone(),
            turned_on: Vec::new(),
            controls: Controls::default(),
        };
        let made = make_folder(&path).and_then(|()| make_folder(&worker));
        if let Err(error) = made.and_then(|()| enter(&worker)) {
            base.remove();
            return Err(error);
        }
        let on_already = fs::read_to_string(own.join(HANDED_DOWN)).unwrap_or_default();
        for name in wanted(&fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default()) {
            let is_on = wanted(&on_already).contains(&name);
            if !is_on && hand_down(own, '+', name).is_err() {
                continue;
            }
            if !is_on {
                base.turned_on.push(name);
            }
            let is_here = hand_down(&path, '+', name).is_ok();
            *(if name == "memory" { &mut base.controls.memory } else { &mut base.controls.pids }) = is_here;
        }
        base.controls.kill = worker.join(KILL).exists();
        Ok(base)
    }

    /// What holds for the groups of children.
    pub(super) fn controls(&self) -> Controls {
        self.controls
    }

    /// Makes a group for a child. `number` is where the search for a free name begins, and where the next begins.
    pub(super) fn group(&self, number: &mut u64, limits: &Limits) -> io::Result<Group> {
        let path = loop {
            let path = self.path.join(format!("child-{number}"));
            *number += 1;
            match fs::create_dir(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => break made.map(|()| path)?,
            }
        };
        let fill = || {
            for (name, value) in limits_of(limits, self.controls) {
                match write(&path.join(name), &value) {
                    // Without swap there is no limit for it; a kernel before 4.19 kills one process only.
                    Err(_) if name.starts_with("memory.swap") || name.starts_with("memory.oom") => {}
                    written => written?,
                }
            }
            File::open(&path).map(OwnedFd::from)
        };
        match fill() {
            Ok(fd) => Ok(Group { path, fd }),
            Err(error) => {
                let _best_effort = fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    /// Kills everything in the groups of children. For the supervisor, whose fork server is gone.
    pub(super) fn kill_all(&self) {
        for group in children(&self.path) {
            kill(&group);
        }
    }

    /// Takes this process back to where it was started, and removes the groups if nobody is in them any more.
    pub(super) fn leave(&self) {
        for group in children(&self.path) {
            let _best_effort = fs::remove_dir(group);
        }
        // Nobody may be where controllers are handed down. What others have turned on, or still need, stays.
        for name in CONTROLLERS {
            let _best_effort = hand_down(&self.path, '-', name);
        }
        for name in &self.turned_on {
            let _best_effort = hand_down(&self.outside, '-', name);
        }
        let _best_effort = enter(&self.outside);
        self.remove();
    }

    fn remove(&self) {
        let _best_effort = fs::remove_dir(self.path.join(WORKER));
        let _best_effort = fs::remove_dir(&self.path);
    }
}

impl Group {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Kills everything in a group, whatever parent, session or process group it has.
pub(super) fn kill(group: &Path) {
    // Before Linux 5.14 there is no such file, and the sweep by parents has to do.
    let _best_effort = write(&group.join(KILL), "1");
}

/// Removes a group; `false` while somebody is in it.
pub(super) fn remove(group: &Path) -> bool {
    fs::remove_dir(group).map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true)
}

/// Removes what processes that were killed have left.
fn sweep(own: &Path, lives: impl Fn(&str) -> bool) {
    for left in folders(own) {
        let pid = left.file_name().and_then(|name| name.to_str()?.strip_prefix(PREFIX));
        if pid.is_some_and(|pid| pid.parse::<u32>().is_ok() && !lives(pid)) {
            // The kernel refuses to remove a group that somebody is in.
            for group in folders(&left) {
                let _best_effort = fs::remove_dir(group);
            }
            let _best_effort = fs::remove_dir(&left);
        }
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn children(base: &Path) -> Vec<PathBuf> {
    folders(base).into_iter().filter(|path| !path.ends_with(WORKER)).collect()
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        // Of an earlier program of this process.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn hand_down(group: &Path, sign: char, controller: &str) -> io::Result<()> {
    write(&group.join(HANDED_DOWN), &format!("{sign}{controller}"))
}

/// Moves this process.
fn enter(group: &Path) -> io::Result<()> {
    write(&group.join(PROCESSES), "0")
}

/// These files are there or not; they are never made.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw
30 22 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 22 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids";

    #[test]
    fn the_own_group_is_found_by_its_mount() {
        let own = |groups, mounts| own_group(groups, mounts).map(|path| path.display().to_string());
        let unit = "8:pids:/x\n0::/system.slice/fixworker.service\n";
        assert_eq!(own(unit, MOUNTS).unwrap(), "/sys/fs/cgroup/system.slice/fixworker.service");
        assert_eq!(own("0::/\n", MOUNTS).unwrap(), "/sys/fs/cgroup");
        assert_eq!(own("8:pids:/x\n", MOUNTS), None, "version 1 only");
        let part = "30 22 0:26 /pod/x /mnt/my\\040groups rw - cgroup2 cgroup2 rw";
        assert_eq!(own("0::/pod/x/y\n", part).unwrap(), "/mnt/my groups/y");
        assert_eq!(own("0::/other\n", part), None, "not below what is mounted");
        assert_eq!(own("0::/../other\n", MOUNTS), None, "not in our namespace");
        assert_eq!(own("0::/x\n", "garbage\n\n1 - cgroup2"), None);
    }

    #[test]
    fn a_group_is_divided_by_whom_it_was_left_to() {
        let claim = Claim { writable: true, is_root: false, managed: true };
        assert!(is_delegated(claim), "the owner of the folder");
        assert!(!is_delegated(Claim { writable: false, managed: false, ..claim }));
        assert!(!is_delegated(Claim { is_root: true, ..claim }), "root in a unit that is not delegated");
        assert!(
            is_delegated(Claim { is_root: true, managed: false, ..claim }),
            "in one that is, or in a container"
        );
    }

    #[test]
    fn a_new_group_has_limits_where_the_kernel_has_them() {
        let limits = Limits { memory: 100, processes: 7 };
        let files = |memory, pids| {
            let controls = Controls { kill: true, memory, pids };
            limits_of(&limits, controls).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let all: Vec<String> = files(true, true);
        assert_eq!(all, ["memory.max=100", "memory.swap.max=0", "memory.oom.group=1", "pids.max=7"]);
        let none: Vec<String> = files(false, false);
        assert!(none.is_empty());
    }

    /// A folder that looks like a group to whoever reads and writes files in it.
    fn group(path: &Path, controllers: &str) {
        fs::create_dir_all(path).unwrap();
        for (name, text) in
            [("cgroup.controllers", controllers), (HANDED_DOWN, ""), (PROCESSES, ""), (KILL, "")]
        {
            fs::write(path.join(name), text).unwrap();
        }
    }

    #[test]
    fn controllers_that_are_there_are_handed_down() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path();
        group(own, "cpu memory io pids");
        for name in ["fixworker-7", "fixworker-7/worker"] {
            group(&own.join(name), "");
        }
        let base = Base::make(own, 7).unwrap();
        assert_eq!(base.controls(), Controls { kill: true, memory: true, pids: true });
        assert_eq!(fs::read_to_string(own.join("fixworker-7/worker/cgroup.procs")).unwrap(), "0");
        assert_eq!(base.turned_on, CONTROLLERS);

        fs::write(own.join("cgroup.controllers"), "cpu pids").unwrap();
        fs::write(own.join(HANDED_DOWN), "pids").unwrap();
        let base = Base::make(own, 7).unwrap();
        assert_eq!(base.controls(), Controls { kill: true, memory: false, pids: true });
        assert!(base.turned_on.is_empty(), "it was on already, and stays on when we leave");
        base.leave();
        assert_eq!(fs::read_to_string(own.join(HANDED_DOWN)).unwrap(), "pids");
        assert!(fs::read_to_string(own.join(PROCESSES)).unwrap().starts_with('0'), "back outside");
    }

    #[test]
    fn without_the_files_of_a_group_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Base::make(folder.path(), 7).is_err());
        assert_eq!(folders(folder.path()), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_dead_workers_have_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["fixworker-1/worker", "fixworker-1/child-3", "fixworker-2/worker", "fixworker-x", "other-1"]
        {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        sweep(folder.path(), |pid| pid == "2");
        let mut left = folders(folder.path());
        left.sort();
        assert_eq!(left, ["fixworker-2", "fixworker-x", "other-1"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn names_that_are_taken_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("child-0")).unwrap();
        let base = Base {
            outside: folder.path().to_owned(),
            path: folder.path().to_owned(),
            turned_on: Vec::new(),
            controls: Controls::default(),
        };
        let mut number = 0;
        let limits = Limits { memory: 1, processes: 1 };
        let group = base.group(&mut number, &limits).unwrap();
        assert_eq!((group.path(), number), (folder.path().join("child-1").as_path(), 2));
        let controls = Controls { pids: true, ..Controls::default() };
        let limited = Base { controls, ..base };
        assert!(limited.group(&mut number, &limits).is_err(), "a limit that cannot be set is no limit");
        assert_eq!(folders(folder.path()).len(), 2, "and leaves nothing");
    }
}
