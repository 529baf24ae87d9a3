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
    // The link survives a replaced binary only as "(deleted)": the name we were started by finds the new one.
    let path = std::env::current_exe()?;
    let path = CString::new(path.as_os_str().as_bytes())?;
    let arguments: Vec<CString> =
        arguments.iter().map(|argument| CString::new(argument.as_bytes())).collect::<Result<_, _>>()?;
    Ok(nix::unistd::execv(&path, &arguments)?)
}
