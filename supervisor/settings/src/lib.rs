//! What `fixworker` is told: by its command line, its environment, and the config document in fixcore.
//!
//! ```text
//! arguments + environment --cli--> Invocation
//! Describe of the collectors -------> Sections (kinds, defaults)
//!
//! stored document --fill_defaults--> what is written back: unknown parts kept, placeholders kept
//! document that counts --placeholders--> --defaults--> --overrides--> --checks--> Running
//! Running, Running --Change--> restart, reload, or nothing
//! ```
//!
//! Nothing here talks to a network. Only [`document::read_config_file`], [`home_files::write_home_files`],
//! [`argv::hide_secrets`], [`environment::Environment::of_this_process`] and [`Facts::of_this_host`] look
//! outside; all else are functions over values.
//!
//! A problem with the configuration is a value ([`Problem`]): the daemon logs it and goes on with what is
//! right, the one-shot ends with exit code 2.

pub mod argv;
pub mod change;
mod check;
pub mod cli;
pub mod collectors;
pub mod document;
pub mod environment;
pub mod home_files;
mod kinds;
pub mod overrides;
mod placeholders;
pub mod problem;
pub mod sections;
mod setting;
pub mod store;
pub mod suggest;
pub mod supervisor;
pub mod worker;

pub use change::Change;
pub use cli::{Invocation, UsageError};
pub use document::{Fetched, Filled, RawDocument};
pub use environment::Environment;
pub use kinds::KindsError;
pub use overrides::Overrides;
pub use problem::{Problem, SettingPath, Severity};
pub use sections::{SectionError, Sections};
pub use setting::Facts;
pub use store::{Inputs, Running};
pub use supervisor::{Compression, Sandbox, Shard, SupervisorSettings};
pub use worker::{HomeFile, MergeKind, WorkerSettings};
