//! What /proc tells about the memory of a process.

use std::fs;

use nix::unistd::Pid;

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: u64,
    /// The highest since exec.
    pub(crate) peak: u64,
}

/// The memory of a living process. `ru_maxrss` is of no use instead: it includes the supervisor's own memory,
/// which the child shares between fork and exec.
pub(crate) fn memory(pid: Pid) -> Option<Memory> {
    parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse(status: &str) -> Option<Memory> {
    let resident = kibibytes(status, "VmRSS:")?;
    Some(Memory { resident, peak: kibibytes(status, "VmHWM:")?.max(resident) })
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let memory = memory(nix::unistd::getpid()).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident, "{memory:?}");
    }

    #[test]
    fn a_zombie_has_none() {
        assert_eq!(parse("Name:\tx\nState:\tZ (zombie)\n"), None);
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse(status), Some(Memory { resident: 1 << 20, peak: 2 << 20 }));
    }
}
