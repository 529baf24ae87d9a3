//! Memory of this process, as the kernel counts it.

/// Resident now, in bytes; 0 if the kernel does not say.
pub(crate) fn resident() -> u64 {
    status("VmRSS:")
}

/// The most that was ever resident, in bytes; 0 if the kernel does not say.
pub(crate) fn peak() -> u64 {
    status("VmHWM:")
}

fn status(field: &str) -> u64 {
    std::fs::read_to_string("/proc/self/status").ok().and_then(|text| parse(&text, field)).unwrap_or(0)
}

fn parse(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_field_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1234 kB\n";
        assert_eq!(parse(status, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(parse(status, "VmSwap:"), None);
        assert!(resident() > 0 && peak() >= resident());
    }
}
