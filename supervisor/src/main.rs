//! The worker of Fix Inventory. See the library for the map.

use fixworker::exit_code::ExitCode;

fn main() -> ExitCode {
    fixworker::main()
}
