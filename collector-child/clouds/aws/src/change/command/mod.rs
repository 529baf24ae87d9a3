//! The command `aws`: one operation of one service, in the words of the AWS command line.
//!
//! `ec2 describe-volumes --volume-ids vol-1 vol-2 --region eu-west-1` is read against the operations of AWS
//! (`line`, `names`, `value`, `shorthand`), executed with the credentials and the region of the resource that
//! it is about (`run`), and answered with the joined pages (`join`). No program is started and no file is read.

pub(crate) mod allowed;
mod definition;
mod line;
mod names;
mod run;
mod shorthand;
mod value;

use std::time::Duration;

use collector::{Failure, fault};
use ipc_proto::fault::FaultKind;
use thiserror::Error;

use super::Resource;
use crate::config::AwsConfig;

pub(crate) use definition::definition;

/// A command to execute.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    /// The settings.
    pub config: &'a AwsConfig,
    /// The words behind `aws`.
    pub args: &'a [String],
    /// The resource it is about, if any: its account, role, profile and region are used.
    pub resource: Option<&'a Resource>,
    /// Time that is left; `None` is no limit.
    pub remaining: Option<Duration>,
}

/// What is wrong with a command, for the user who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(super) struct Wrong(String);

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        fault(FaultKind::Config, wrong.0).into()
    }
}
