//! Memory of this process: how it is taken from the kernel, and how much the kernel counts.

/// Blocks of so many bytes go back to the kernel as soon as they are free.
#[cfg(target_env = "gnu")]
const LARGE: nix::libc::c_int = 64 << 10;

/// One heap for all threads, and large blocks apart from it: with hundreds of these processes on a machine, what
/// glibc would keep for speed is worth more elsewhere. Other allocators are left as they are.
pub(crate) fn keep_small() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [(nix::libc::M_ARENA_MAX, 1), (nix::libc::M_MMAP_THRESHOLD, LARGE)] {
        // SAFETY: mallopt takes two numbers, may be called at any time, and says with 0 that it changed nothing.
        #[expect(unsafe_code, reason = "the C library offers no other way")]
        let changed = unsafe { nix::libc::mallopt(parameter, value) };
        debug_assert_ne!(changed, 0, "glibc knows these parameters");
    }
}

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
