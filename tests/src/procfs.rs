//! What is going on among processes, as `/proc` shows it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proc {
    /// Its id.
    pub pid: i32,
    /// The id of its parent.
    pub parent: i32,
    /// The id of its process group.
    pub group: i32,
    /// `R`, `S`, `Z` and so on.
    pub state: char,
    /// Its command line.
    pub args: Vec<String>,
}

impl Proc {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, so fields are counted behind the last one.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let args = raw.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned());
        let mut args: Vec<_> = args.collect();
        args.pop();
        Some(Self { pid, parent, group, state, args })
    }

    /// Neither a zombie nor dead.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }

    /// The value after `flag` on the command line.
    pub fn flag(&self, flag: &str) -> Option<&str> {
        let at = self.args.iter().position(|arg| arg == flag)?;
        self.args.get(at + 1).map(String::as_str)
    }

    /// The `--label` of a child of ours.
    pub fn label(&self) -> Option<&str> {
        self.flag("--label")
    }
}

/// All live processes.
pub fn live() -> Vec<Proc> {
    let entries = fs::read_dir("/proc").expect("/proc is readable");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(Proc::read).filter(Proc::is_live).collect()
}

/// Whether `pid` is a live process.
pub fn is_live(pid: i32) -> bool {
    Proc::read(pid).is_some_and(|process| process.is_live())
}

/// The live children of `pid`.
pub fn children_of(pid: i32) -> Vec<Proc> {
    live().into_iter().filter(|process| process.parent == pid).collect()
}

/// The live processes in the tree below `pid`, without `pid` itself.
pub fn descendants_of(pid: i32) -> Vec<Proc> {
    let all = live();
    let mut found: Vec<Proc> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// The live members of a process group.
pub fn members_of(group: i32) -> Vec<Proc> {
    live().into_iter().filter(|process| process.group == group).collect()
}

/// The live processes that name `path` on their command line, without this one.
pub fn mentioning(path: &Path) -> Vec<Proc> {
    let own = std::process::id().cast_signed();
    let path = path.to_str().expect("scratch paths are plain text");
    live().into_iter().filter(|p| p.pid != own && p.args.iter().any(|arg| arg.contains(path))).collect()
}

/// Zombies whose parent is `pid`: children it forgot to reap.
pub fn zombies_of(pid: i32) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc is readable");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(Proc::read).filter(|process| process.parent == pid && !process.is_live()).count()
}

/// How many descriptors `pid` has open; `None` if it is gone.
pub fn descriptors(pid: i32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count)
}

/// A line of `/proc/PID/status` in bytes, for example `VmRSS` or `VmHWM`; `None` if the process is gone.
pub fn memory(pid: i32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The environment `pid` was started with; `None` if it is gone.
pub fn environment(pid: i32) -> Option<Vec<(String, String)>> {
    let raw = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let entries = raw.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let pairs = entries.map(|entry| {
        let text = OsStr::from_bytes(entry).to_string_lossy().into_owned();
        text.split_once('=')
            .map_or((text.clone(), String::new()), |(name, value)| (name.into(), value.into()))
    });
    Some(pairs.collect())
}
