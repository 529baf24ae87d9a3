//! What people see of fixworker: its logs, the live display and the report of a one-shot run, the web server
//! and the metrics.
//!
//! This crate depends on nothing of ours and takes plain data. In each part a pure core decides what is shown
//! ([`display::DisplayModel`], [`report::Report`], the log lines, the routes), and a thin shell shows it.

pub mod display;
pub mod history;
pub mod metrics;
mod page;
pub mod report;
pub mod scrub;
pub mod status;
mod stderr;
pub mod telemetry;
mod text;
pub mod web;
