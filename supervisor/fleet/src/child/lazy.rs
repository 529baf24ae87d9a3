//! A process that is started for its first job: what the job needs may take a while, and no clock of a child runs in
//! that time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use super::outcome::Outcome;
use super::state::Ending;
use super::{ChildEnd, Command, JobSpec, OpenJob};
use crate::keys;

/// A job that a process is started for.
pub(super) type First = (Box<JobSpec>, Box<dyn OpenJob>);

/// Waits for the first job; or the end of a process that never was.
pub(super) async fn first_job(
    commands: &mut mpsc::UnboundedReceiver<Command>,
    accepts: &AtomicBool,
    subject: &super::Subject,
) -> Result<First, ChildEnd> {
    let why = match commands.recv().await {
        Some(Command::Run(spec, job)) => return Ok((spec, job)),
        Some(Command::Stop(reason, _)) => reason,
        Some(Command::Close) | None => "nobody waits for it any more".to_owned(),
    };
    accepts.store(false, Ordering::Release);
    commands.close();
    let epitaph = keys::failure(subject, 0, Outcome::Cancelled(why), Instant::now());
    let end = ChildEnd {
        pid: None,
        ending: Ending::NotStarted,
        exit: None,
        stop: None,
        stage: None,
        leaked: false,
        epitaph: Some(Box::new(epitaph)),
    };
    while let Ok(command) = commands.try_recv() {
        if let Command::Run(spec, job) = command {
            job.finish(Err(Box::new(end.failure_of_late_job(&spec.subject, spec.attempt))));
        }
    }
    Err(end)
}
