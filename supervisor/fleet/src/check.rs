//! Has a child try its walls.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::Settings;
use crate::child::error::SpawnError;
use crate::child::spawn::{self, Born, Launch, Purpose};

/// No report is longer.
const MAX_REPORT: u64 = 1 << 20;

/// What a child may have that has to take more. It takes 100 MiB, less than what [`self_check_memory`] lets it have of
/// data, so that only its control group can be what stops it.
const MEMORY: u64 = 64 << 20;

/// Starts `fix-collector self-check` as a child would be started, and returns what it prints.
pub async fn self_check(settings: &Settings) -> Result<String, SpawnError> {
    start(settings, Purpose::SelfCheck, settings.memory_limit).await
}

/// Has a child take more memory than its control group lets it have; whether it was stopped.
pub async fn self_check_memory(settings: &Settings) -> Result<bool, SpawnError> {
    start(settings, Purpose::Fill, Some(MEMORY)).await.map(|said| said.is_empty())
}

async fn start(
    settings: &Settings,
    purpose: Purpose,
    memory_limit: Option<u64>,
) -> Result<String, SpawnError> {
    let born = spawn::spawn(Launch {
        binary: settings.binary.clone(),
        label: String::new(),
        memory_limit,
        nice: settings.nice,
        open_files: settings.open_files,
        collector: None,
        sealed: false,
        walls: Arc::clone(&settings.walls),
        purpose,
    });
    // The leader inside ends the process when this returns.
    let Born { leader: _leader, socket: _socket, stdout, stderr: _stderr } = born.await?;
    read(stdout).await.map_err(|source| SpawnError::Other { path: settings.binary.clone(), source })
}

async fn read(pipe: std::os::fd::OwnedFd) -> io::Result<String> {
    let mut text = String::new();
    pipe::Receiver::from_owned_fd(pipe)?.take(MAX_REPORT).read_to_string(&mut text).await?;
    Ok(text)
}
