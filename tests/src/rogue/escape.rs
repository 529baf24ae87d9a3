//! What the rogue child does to get out of its walls. Whatever works is a line in the file `stolen` among the markers.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use anyhow::Context as _;
use nix::unistd::Pid;

use crate::procfs::{self, Proc};

/// Starts processes that leave our group, our session, and their parent. They name the directory of markers, so
/// that the test finds them. Behind walls none of them can; that is fine too.
pub(super) fn leave_survivors(markers: &Path) {
    // More than one call could remove, and a folder that is closed even to its owner.
    let odd = std::env::temp_dir().join("a/b/c");
    drop(fs::create_dir_all(&odd));
    drop(fs::write(odd.join("file"), "left"));
    drop(fs::set_permissions(odd, fs::Permissions::from_mode(0o000)));
    for words in [&["setsid", "sleep"][..], &["setsid", "--fork", "sleep"]] {
        #[expect(clippy::disallowed_methods, reason = "a process that the supervisor knows nothing about")]
        let mut command = Command::new(words[0]);
        // What sleeps is a shell, because sleep takes no argument that it does not understand.
        command.args(&words[1..words.len() - 1]).args(["sh", "-c", "sleep 1000; true"]).arg(markers);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut started) = command.spawn() {
            // With --fork this ends at once, and what it has started has no parent; without, it goes on.
            if words.len() > 2 {
                drop(started.wait());
            }
        }
    }
}

/// The supervisor: the program that is called so and is above us.
fn supervisor() -> Option<Proc> {
    let all = procfs::live();
    let parent_of = |pid: i32| all.iter().find(|one| one.pid == pid).map(|one| one.parent);
    let mut above = Vec::new();
    let mut pid = process::id().cast_signed();
    while let Some(parent) = parent_of(pid).filter(|parent| *parent > 1) {
        above.push(parent);
        pid = parent;
    }
    let is_it = |one: &&Proc| {
        above.contains(&one.pid) && one.args.first().is_some_and(|program| program.ends_with("/fixworker"))
    };
    all.iter().find(is_it).cloned()
}

/// Notes what worked.
pub(super) fn note(markers: &Path, what: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(markers.join("stolen"))?;
    writeln!(file, "{what}").context("the file of what was stolen")
}

pub(super) fn attack_supervisor(markers: &Path) -> anyhow::Result<()> {
    let supervisor = supervisor().context("the supervisor is not among those above us")?;
    note(markers, &format!("found {}", supervisor.pid))?;
    let pid = supervisor.pid;
    let proc = |name: &str| format!("/proc/{pid}/{name}");
    let opened = |name: &str| File::open(proc(name)).is_ok();
    let attempts = [
        ("environ", fs::read(proc("environ")).is_ok_and(|bytes| !bytes.is_empty())),
        ("mem", opened("mem")),
        ("maps", fs::read(proc("maps")).is_ok_and(|bytes| !bytes.is_empty())),
        ("fd", fs::read_link(proc("fd/0")).is_ok()),
        ("signal", signal_zero(pid)),
        ("root", fs::read_dir("/").is_ok()),
        ("scratch", fs::read_dir(markers.parent().context("a parent")?).is_ok()),
        ("home", std::env::home_dir().is_some_and(|home| fs::read_dir(home).is_ok())),
        (
            "write",
            std::env::temp_dir().parent().is_some_and(|above| fs::write(above.join("rogue"), "").is_ok()),
        ),
    ];
    attempts.iter().filter(|(_, worked)| *worked).try_for_each(|(what, _)| note(markers, what))?;
    super::around::attack(markers, pid)
}

pub(super) fn attack_siblings(markers: &Path) -> anyhow::Result<()> {
    let own = process::id().cast_signed();
    let siblings = procfs::live().into_iter().filter(|one| one.label().is_some() && one.pid != own);
    for sibling in siblings {
        let pid = sibling.pid;
        note(markers, "found a sibling")?;
        if File::open(format!("/proc/{pid}/fd/0")).is_ok() {
            note(markers, "connection")?;
        }
        if nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(pid)).is_ok() {
            note(markers, "group")?;
        }
        if signal_zero(pid) {
            note(markers, "signal")?;
        }
    }
    Ok(())
}

/// What may pass from the worker's environment to any child.
const VARIABLES: [&str; 5] = ["PATH", "HOME", "TZ", "LANG", "TMPDIR"];
/// The same in both cases, by how they end: proxies and certificates.
const ENDINGS: [&str; 4] = ["_PROXY", "_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Descriptors, variables, and the places of the children that are there.
pub(super) fn look_around(markers: &Path) -> anyhow::Result<()> {
    for (number, target) in descriptors()? {
        let is_own =
            target.starts_with("socket:") || (1..=2).contains(&number) && target.starts_with("pipe:");
        if !is_own {
            note(markers, &format!("descriptor {number} is {target}"))?;
        }
    }
    for (name, value) in std::env::vars() {
        let ends = |ending: &&str| name.to_uppercase().ends_with(*ending);
        if !VARIABLES.contains(&&*name) && !ENDINGS.iter().any(ends) || value.contains("hunter2") {
            note(markers, &format!("variable {name}"))?;
        }
    }
    let own = process::id().cast_signed();
    for sibling in procfs::live().into_iter().filter(|one| one.label().is_some() && one.pid != own) {
        note(markers, "found a sibling")?;
        look_at(markers, sibling.pid)?;
    }
    let temp = std::env::temp_dir();
    let others = temp.parent().context("a parent")?;
    if fs::read_dir(others).is_ok() {
        note(markers, "the names of folders for temporary files")?;
    }
    for number in 0..100 {
        // Its own is called so as well: the id of the fork server, and a number.
        let name = temp.file_name().and_then(|name| name.to_str()).context("a name")?;
        let server = name.split_once('-').map_or(name, |(server, _)| server);
        let other = others.join(format!("{server}-{number}"));
        if other != temp && (fs::read_dir(&other).is_ok() || fs::write(other.join("rogue"), "").is_ok()) {
            note(markers, "a folder for temporary files of another")?;
        }
    }
    Ok(())
}

/// All but the one that looks.
fn descriptors() -> anyhow::Result<Vec<(u32, String)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok()).context("a number")?;
        let target = fs::read_link(entry.path())?.display().to_string();
        if !target.ends_with("/fd") {
            all.push((number, target));
        }
    }
    Ok(all)
}

/// What belongs to another process of ours.
fn look_at(markers: &Path, pid: i32) -> anyhow::Result<()> {
    let proc = |name: &str| format!("/proc/{pid}/{name}");
    if fs::read(proc("environ")).is_ok_and(|bytes| !bytes.is_empty()) {
        note(markers, "variables of another")?;
    }
    if File::open(proc("mem")).is_ok() {
        note(markers, "memory of another")?;
    }
    for link in ["fd/0", "root", "cwd"] {
        if fs::read_dir(proc(link)).is_ok() || fs::read_link(proc(link)).is_ok() {
            note(markers, &format!("{link} of another"))?;
        }
    }
    // What is only opened changes nothing.
    let group = fs::read_to_string(proc("cgroup")).unwrap_or_default();
    let group = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    for mount in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        for file in ["cgroup.kill", "cgroup.procs", "cgroup.freeze", "memory.max"] {
            let path = Path::new(mount).join(group.trim_start_matches('/')).join(file);
            if OpenOptions::new().write(true).open(path).is_ok() {
                note(markers, &format!("{file} of another"))?;
            }
        }
    }
    Ok(())
}

/// Looks for graphs of others in the descriptors of the supervisor and in all folders where it may keep them, and
/// changes them.
pub(super) fn attack_staged(markers: &Path) -> anyhow::Result<()> {
    let supervisor = supervisor().context("the supervisor is not among those above us")?;
    let scratch = markers.parent().context("a parent")?;
    let mut files = files_in(Path::new(&format!("/proc/{}/fd", supervisor.pid)));
    files.extend(["tmp", "state", "run"].iter().flat_map(|folder| files_in(&scratch.join(folder))));
    for path in files {
        // A pipe or a socket would wait for somebody.
        if fs::metadata(&path).is_ok_and(|meta| meta.is_file())
            && let Ok(text) = fs::read_to_string(&path)
            && text.contains("rogue-volume-bulk")
        {
            note(markers, &format!("read {}", path.display()))?;
            if fs::write(&path, text.replace("volume_size\": 10", "volume_size\": 66")).is_ok() {
                note(markers, &format!("changed {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_in(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect()
}

/// Asks for the right to signal, and sends nothing.
fn signal_zero(pid: i32) -> bool {
    #[expect(clippy::disallowed_methods, reason = "no signal is sent")]
    nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok()
}
