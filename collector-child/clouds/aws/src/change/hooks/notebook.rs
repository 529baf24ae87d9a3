//! Notebooks of SageMaker can only be deleted when they are stopped, which takes a minute or two.

use aws_client::CallError;
use engine::change::{Job, Resource, Stop, later, words};
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value};

use super::{FIRST_LOOK, pause};

const SERVICE: &str = "sagemaker";
/// Looks before it is left to a later pass, so that a notebook that hangs does not hold up others for ever.
const LOOKS: u32 = 20;

/// Stops it, and waits until it is stopped.
pub(super) async fn stop(job: Job<'_>, resource: &Resource) -> Result<usize, Stop> {
    let name = resource.document()["name"].clone();
    let params = Map::from_iter([("NotebookInstanceName".to_owned(), name)]);
    let (mut wait, mut asked) = (FIRST_LOOK, false);
    for _ in 0..LOOKS {
        let status = status(job, &params).await?;
        match status.as_str() {
            // Nothing runs any more. If it was refused as running a moment ago, another try makes sense.
            "Stopped" | "Failed" => return Ok(1),
            "Deleting" => {
                job.journal.done("it is on its way out already".to_owned());
                return Err(gone(job));
            }
            "InService" if job.dry_run => {
                let call = words::call(SERVICE, "StopNotebookInstance", &params);
                job.journal.done(format!("would call {call}, and wait until it is stopped"));
                return Ok(1);
            }
            "InService" if !asked => {
                let stopped = job.access.call(SERVICE, "StopNotebookInstance", params.clone()).await;
                stopped.map_err(|error| judged(job, &error))?;
                job.journal.done(format!("called {}", words::call(SERVICE, "StopNotebookInstance", &params)));
                asked = true;
            }
            _ if job.dry_run => {
                job.journal.done(format!("would wait until it is stopped: it is {status}"));
                return Ok(1);
            }
            _ => {}
        }
        if !pause(job.access, &mut wait).await {
            break;
        }
    }
    Err(later("it is not stopped yet"))
}

async fn status(job: Job<'_>, params: &Map<String, Value>) -> Result<String, Stop> {
    match job.access.call(SERVICE, "DescribeNotebookInstance", params.clone()).await {
        Ok(answer) => Ok(answer["NotebookInstanceStatus"].as_str().unwrap_or_default().to_owned()),
        Err(error) => Err(judged(job, &error)),
    }
}

fn judged(job: Job<'_>, error: &CallError) -> Stop {
    engine::change::stop(job.codes.of_call(&[], error), error).unwrap_or_else(|| {
        job.journal.done("it is gone already".to_owned());
        gone(job)
    })
}

fn gone(job: Job<'_>) -> Stop {
    Stop::Outcome(if job.dry_run { CleanOutcome::Planned } else { CleanOutcome::Gone })
}
