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

/// Starts `fix-collector self-check` as a child would be started, and returns what it prints.
pub async fn self_check(settings: &Settings) -> Result<String, SpawnError> {
    let born = spawn::spawn(Launch {
        binary: settings.binary.clone(),
        label: String::new(),
        memory_limit: settings.memory_limit,
        nice: settings.nice,
        open_files: settings.open_files,
        collector: None,
        walls: Arc::clone(&settings.walls),
        purpose: Purpose::SelfCheck,
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
