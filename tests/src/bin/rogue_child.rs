//! A child that misbehaves exactly as the account it is asked for is named. See `fixworker_tests::expect`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fixworker_tests::rogue::main()
}
