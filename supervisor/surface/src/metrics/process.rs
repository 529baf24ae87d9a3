//! Metrics of this process, under the names that Prometheus clients (and so the peer) give them.

use std::fmt::Write;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};

/// What `/proc` tells.
#[derive(Debug, Default, PartialEq)]
struct Process {
    virtual_bytes: u64,
    resident_bytes: u64,
    cpu_seconds: f64,
    start_seconds: f64,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
}

/// Appends them to `text`. Nothing is appended where there is no `/proc`.
pub(super) fn render(text: &mut String) {
    if let Some(process) = read() {
        write(&process, text);
    }
}

fn read() -> Option<Process> {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok()??;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let mut process = parse(&stat, &boot, u32::try_from(ticks).ok()?, u32::try_from(page).ok()?)?;
    // Reading the folder holds a descriptor of its own.
    process.open_fds = fs::read_dir("/proc/self/fd").ok().map(|fds| (fds.count() as u64).saturating_sub(1));
    process.max_fds = getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft);
    Some(process)
}

/// Parses `/proc/self/stat` and the boot time in `/proc/stat`.
fn parse(stat: &str, boot: &str, ticks: u32, page: u32) -> Option<Process> {
    // The second field is a name in brackets that may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    // Fields are numbered from 1 in proc(5), and two were cut off.
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok().map(f64::from);
    let long = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let boot_seconds: u32 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let (user, system) = (field(14)?, field(15)?);
    // Ticks since the boot, which pass 32 bits after a year and a half.
    let born = super::float(long(22)?);
    Some(Process {
        virtual_bytes: long(23)?,
        resident_bytes: long(24)?.saturating_mul(u64::from(page)),
        cpu_seconds: (user + system) / f64::from(ticks),
        start_seconds: f64::from(boot_seconds) + born / f64::from(ticks),
        open_fds: None,
        max_fds: None,
    })
}

fn write(process: &Process, text: &mut String) {
    let mut put = |name: &str, kind: &str, help: &str, value: String| {
        // Writing into a string cannot fail.
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n").unwrap_or_default();
    };
    let bytes = |count: u64| count.to_string();
    put(
        "process_virtual_memory_bytes",
        "gauge",
        "Virtual memory size in bytes",
        bytes(process.virtual_bytes),
    );
    put(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory size in bytes",
        bytes(process.resident_bytes),
    );
    put(
        "process_start_time_seconds",
        "gauge",
        "Start time of the process since the Unix epoch in seconds",
        format!("{:.2}", process.start_seconds),
    );
    put(
        "process_cpu_seconds_total",
        "counter",
        "User and system CPU time in seconds",
        format!("{:.2}", process.cpu_seconds),
    );
    if let Some(count) = process.open_fds {
        put("process_open_fds", "gauge", "Open file descriptors", count.to_string());
    }
    if let Some(count) = process.max_fds {
        put("process_max_fds", "gauge", "Most file descriptors that may be open", count.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_understood() {
        let stat = "77 (a ) b) S 1 77 77 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 1234 1000000 2500 9 9";
        let process = parse(stat, "cpu 1 2\nbtime 1700000000\nprocesses 5\n", 100, 4096).expect("understood");
        let expected = Process {
            virtual_bytes: 1_000_000,
            resident_bytes: 2500 * 4096,
            cpu_seconds: 2.0,
            start_seconds: 1_700_000_012.34,
            open_fds: None,
            max_fds: None,
        };
        assert_eq!(process, expected);
        assert_eq!(parse("77 (x) S 1", "btime 1\n", 100, 4096), None);
        assert_eq!(parse(stat, "", 100, 4096), None);
    }

    #[test]
    fn this_process_is_shown() {
        let mut text = String::new();
        render(&mut text);
        for name in [
            "process_virtual_memory_bytes",
            "process_resident_memory_bytes",
            "process_start_time_seconds",
            "process_cpu_seconds_total",
            "process_open_fds",
            "process_max_fds",
        ] {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
            let value: f64 = line.rsplit(' ').next().expect("a value").parse().expect("a number");
            assert!(value >= 0.0, "{line}");
        }
        assert!(!text.contains("process_resident_memory_bytes 0\n"), "{text}");
    }
}
