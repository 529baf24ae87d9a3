//! A cloud that answers from memory after a fixed time, for the bench. See `fixworker_tests::fake_aws`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fixworker_tests::fake_aws::main()
}
