//! Logging is set up once per process, so this needs a process of its own.

use fixworker_surface::telemetry::{Level, LogFormat, init};

#[test]
fn logging_is_set_up_once() {
    init(LogFormat::Json, Level::Normal).expect("the first time");
    let text = init(LogFormat::Text, Level::Trace).expect_err("the second time").to_string();
    assert!(text.starts_with("logging is set up already"), "{text}");
}
