//! `fix-collector`: collects one account, for fixworker or by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    fix_collector::run(std::env::args_os())
}
