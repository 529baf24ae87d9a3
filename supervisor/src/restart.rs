//! The process replaces itself, as the peer does when a setting needs it: same process id, same arguments.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::exit_code::ExitCode;

/// Starts this program anew in this process. `arguments` are those of the start, before secrets were hidden.
pub(crate) fn replace_this_process(arguments: &[OsString]) -> ExitCode {
    match exec(arguments) {
        Ok(never) => match never {},
        Err(error) => {
            tracing::error!("cannot restart for the new configuration: {error}; start fixworker again");
            ExitCode::Internal
        }
    }
}

fn exec(arguments: &[OsString]) -> std::io::Result<Infallible> {
    let path = CString::new(installed(std::env::current_exe()?.as_os_str().as_bytes()))?;
    let arguments: Vec<CString> =
        arguments.iter().map(|argument| CString::new(argument.as_bytes())).collect::<Result<_, _>>()?;
    Ok(nix::unistd::execv(&path, &arguments)?)
}

/// Where the program is: the system adds a word to the path of a program that was replaced since the start, and
/// the new one is what an upgrade wants.
fn installed(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_program_is_found_where_it_was() {
        assert_eq!(installed(b"/usr/bin/fixworker (deleted)"), b"/usr/bin/fixworker");
        assert_eq!(installed(b"/usr/bin/fixworker"), b"/usr/bin/fixworker");
    }
}
