//! Compiles the kind tables of `kinds/` to plans.

use std::process::ExitCode;

fn main() -> ExitCode {
    tables::build::cloud("collector-child/clouds/azure", None)
}
