//! Compiles the kind tables of `kinds/` to plans.

use std::process::ExitCode;

use tables::compile::Dialect;

static DIALECT: Dialect = Dialect { cloud: "aws", catalog: &aws_shapes::CATALOG };

fn main() -> ExitCode {
    tables::build::cloud("collector-child/clouds/aws", &["base", "aws"], &DIALECT)
}
