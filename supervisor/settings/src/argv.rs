//! Secrets that somebody gave as arguments.
//!
//! `ps` shows arguments to everybody on the host. They cannot be unseen, but they need not stay: the kernel
//! serves `/proc/PID/cmdline` from the memory where it put the arguments, and a process may overwrite its own.
//! Between `exec` and that moment they are readable; `FIXWORKER_PSK` in the environment is the better way.

use std::io;
use std::ops::Range;

#[cfg(target_os = "linux")]
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
#[cfg(target_os = "linux")]
use nix::unistd::Pid;
#[cfg(target_os = "linux")]
use std::io::IoSlice;

/// Options whose value is a secret; any unambiguous beginning of them counts too.
const SECRET_OPTIONS: [(&str, &str); 2] = [("--psk", "--p"), ("--cert-key-pass", "--cert-key-")];
/// Sections whose overrides are no secrets, with the settings in them that are.
const OPEN_SECTIONS: [&str; 2] = ["fixworker.", "supervisor."];

/// The parts of `cmdline` (arguments, each with a NUL at its end) that are secrets: the psk, the passphrase of
/// the key, and the values of overrides of collectors' sections and of files.
pub fn secret_spans(cmdline: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut next_is_secret = false;
    let mut start = 0;
    for argument in cmdline.split(|byte| *byte == 0) {
        let whole = start..start + argument.len();
        let text = String::from_utf8_lossy(argument);
        let (option, value_at) = match argument.iter().position(|byte| *byte == b'=') {
            Some(at) => (text.split('=').next().unwrap_or_default().to_owned(), Some(at + 1)),
            None => (text.clone().into_owned(), None),
        };
        if next_is_secret && !text.starts_with("--") {
            spans.push(whole.clone());
            next_is_secret = false;
        } else if is_secret_option(&option) {
            next_is_secret = value_at.is_none();
            spans.extend(value_at.map(|at| start + at..whole.end));
        } else {
            next_is_secret = false;
            let inner = option.starts_with("--o").then_some(value_at).flatten().unwrap_or(0);
            spans.extend(override_value(&argument[inner..]).map(|at| start + inner + at..whole.end));
        }
        start = whole.end + 1;
    }
    spans.retain(|span| !span.is_empty());
    spans
}

fn is_secret_option(option: &str) -> bool {
    SECRET_OPTIONS.iter().any(|(whole, least)| whole.starts_with(option) && option.starts_with(least))
}

/// Where the value of an override that may be a secret begins.
fn override_value(argument: &[u8]) -> Option<usize> {
    let at = argument.iter().position(|byte| *byte == b'=')?;
    let path = String::from_utf8_lossy(&argument[..at]).replace("resoto", "fix");
    let open = OPEN_SECTIONS.iter().any(|section| path.starts_with(section)) && !path.contains("files_");
    let is_path = path.contains('.') && !path.starts_with('-');
    (is_path && !open).then_some(at + 1)
}

/// Overwrites the secrets among the arguments of this process, and says how many there were.
///
/// Call it once, early, after the arguments were read: `std::env::args` gives asterisks from then on, so a
/// process that replaces itself has to hand the secrets over in another way.
#[cfg(target_os = "linux")]
pub fn hide_secrets() -> io::Result<usize> {
    let spans = secret_spans(&std::fs::read("/proc/self/cmdline")?);
    if spans.is_empty() {
        return Ok(0);
    }
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let begin = arguments_begin(&stat).ok_or_else(|| io::Error::other("/proc/self/stat has another form"))?;
    for span in &spans {
        // Not by way of /proc/self/mem, which is root's when the process is closed to others.
        let (stars, base) = (vec![b'*'; span.len()], begin + span.start);
        let place = RemoteIoVec { base, len: span.len() };
        let written = process_vm_writev(Pid::this(), &[IoSlice::new(&stars)], &[place])?;
        if written != span.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(spans.len())
}

/// Other systems have no way to do it: nothing is hidden.
#[cfg(not(target_os = "linux"))]
pub fn hide_secrets() -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The field `arg_start` of `/proc/PID/stat`: the 48th, the second being a name in parentheses that may hold
/// anything.
#[cfg(target_os = "linux")]
fn arguments_begin(stat: &str) -> Option<usize> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(48 - 3)?.parse().ok().filter(|begin| *begin != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(arguments: &[&str]) -> String {
        let mut cmdline: Vec<u8> = arguments.iter().flat_map(|a| [a.as_bytes(), b"\0"].concat()).collect();
        for span in secret_spans(&cmdline) {
            cmdline[span].fill(b'*');
        }
        String::from_utf8_lossy(&cmdline).trim_end_matches('\0').replace('\0', " ")
    }

    #[test]
    fn finds_secrets_in_all_forms() {
        for (arguments, expected) in [
            (&["fixworker", "--psk", "abc", "-v"][..], "fixworker --psk *** -v"),
            (&["fixworker", "--psk=abc"], "fixworker --psk=***"),
            (&["fixworker", "--ps", "a=b"], "fixworker --ps ***"),
            (&["fixworker", "--psk", "--verbose"], "fixworker --psk --verbose"),
            (
                &["fixworker", "--cert-key", "k.pem", "--cert-key-pass", "pw"],
                "fixworker --cert-key k.pem --cert-key-pass **",
            ),
            (
                &["fixworker", "--override", "aws.secret_access_key=ab", "fixworker.pool_size=3"],
                "fixworker --override aws.secret_access_key=** fixworker.pool_size=3",
            ),
            (&["fixworker", "--override=aws.key=abc"], "fixworker --override=aws.key=***"),
            (
                &["fixworker", "--override", "resotoworker.files_in_home_dir.x=abc"],
                "fixworker --override resotoworker.files_in_home_dir.x=***",
            ),
            (
                &["fixworker", "--fixcore-uri=https://host.example:8900"],
                "fixworker --fixcore-uri=https://host.example:8900",
            ),
        ] {
            assert_eq!(hidden(arguments), expected);
        }
    }

    #[test]
    #[ignore = "runs in a process of its own, started by the test below"]
    fn hides_in_this_process() {
        let before = std::fs::read("/proc/self/cmdline").expect("cmdline");
        assert!(String::from_utf8_lossy(&before).contains("hunter2"), "the parent must pass the secret");
        assert_eq!(hide_secrets().expect("hide"), 1);
        let after = std::fs::read("/proc/self/cmdline").expect("cmdline");
        assert_eq!(String::from_utf8_lossy(&before).replace("hunter2", "*******").as_bytes(), after);
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[expect(clippy::disallowed_methods, reason = "the arguments of a whole process are the subject")]
    fn hides_the_arguments_of_a_process() {
        // The test harness takes any value for --skip.
        let arguments =
            ["argv::tests::hides_in_this_process", "--exact", "--ignored", "--skip", "--psk=hunter2"];
        let program = std::env::current_exe().expect("own path");
        let output = std::process::Command::new(program).args(arguments).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
