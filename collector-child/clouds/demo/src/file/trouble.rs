//! What can be wrong with a file, as faults that name it.

use std::io;
use std::path::Path;

use collector::{FaultExt, fault};
use ipc_proto::fault::{Fault, FaultKind, Retry};

use super::lines::LineError;

/// A fault about a file as a whole.
pub(super) fn file(path: &Path, what: &str) -> Fault {
    let path = path.display();
    fault(FaultKind::Input, format!("{path} {what}")).scope_service(path.to_string())
}

/// A fault about a line.
pub(super) fn line(path: &Path, number: u64, what: &str) -> Box<Fault> {
    let shown = path.display();
    let broken = fault(FaultKind::Input, format!("line {number} of {shown} is broken: {what}"))
        .scope_service(shown.to_string())
        .scope_action(format!("line {number}"))
        .with_hint("nothing of this account is sent; export it again");
    Box::new(broken)
}

/// A file that cannot be opened or read.
pub(super) fn io(path: &Path, error: &io::Error) -> Box<Fault> {
    Box::new(match error.kind() {
        io::ErrorKind::NotFound => {
            file(path, "does not exist").with_hint("correct file.paths, or copy the export to this place")
        }
        io::ErrorKind::PermissionDenied => file(path, "may not be read")
            .with_hint("give the user that fixworker runs as the right to read it"),
        io::ErrorKind::IsADirectory => file(path, "is a directory now"),
        // A disk or a network mount with a bad moment.
        _ => file(path, &format!("cannot be read: {error}")).with_retry(Retry::Later),
    })
}

/// A file that ends before its time.
pub(super) fn reading(path: &Path, error: &LineError) -> Box<Fault> {
    match error {
        LineError::Io(error) => io(path, error),
        LineError::TooLong(number) => line(path, *number, &error.to_string()),
        LineError::Compressed => Box::new(file(path, "is compressed").with_hint("unpack it first")),
    }
}
