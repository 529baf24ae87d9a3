//! What a process task waits for. Everything here is cancel safe: it is polled in one select.

use std::future::pending;
use std::pin::Pin;
use std::time::Instant;

use ipc_proto::connection::ConnectionError;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::debug;
use zeroize::Zeroizing;

use super::jobs::Renewal;
use crate::child::Command;
use crate::child::error::SpawnError;
use crate::child::kill::{ExitWatch, Leader};
use crate::child::link::{Inbox, Link, LinkError};
use crate::child::spawn::{Birth, Born};

type Establishing = Pin<Box<dyn Future<Output = Result<Link, LinkError>> + Send>>;

pub(super) enum Inbound {
    None,
    Establishing(Establishing),
    Open(Box<Inbox<OwnedReadHalf>>),
}

pub(super) enum Input {
    Command(Option<Command>),
    Born(Result<Born, SpawnError>),
    Exited,
    Linked(Result<Link, LinkError>),
    Frame(Result<bool, ConnectionError>),
    Renewal(Option<Renewal>),
    PipesClosed,
    Due,
}

pub(super) async fn write(mut half: OwnedWriteHalf, mut orders: mpsc::UnboundedReceiver<Zeroizing<Vec<u8>>>) {
    while let Some(frame) = orders.recv().await {
        if let Err(error) = half.write_all(&frame).await {
            debug!("cannot write to a child: {error}");
            return;
        }
    }
}

pub(super) async fn wait_for_birth(birth: &mut Option<Birth>) -> Result<Born, SpawnError> {
    let Some(future) = birth else { return pending().await };
    let born = future.await;
    *birth = None;
    born
}

pub(super) async fn wait_for_exit(process: Option<&(Leader, ExitWatch)>) {
    match process {
        Some((leader, watch)) => watch.exited(leader).await,
        None => pending().await,
    }
}

pub(super) async fn wait_for_link(inbound: &mut Inbound) -> Input {
    match inbound {
        Inbound::None => pending().await,
        Inbound::Establishing(link) => Input::Linked(link.await),
        Inbound::Open(inbox) => Input::Frame(inbox.next().await),
    }
}

pub(super) async fn wait_for_output(output: &mut Option<JoinHandle<()>>) {
    let Some(task) = output else { return pending().await };
    let _aborted_or_done = task.await;
    *output = None;
}

pub(super) async fn wait_until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
