//! The collector `file`: accounts that were exported elsewhere, one NDJSON file each. For estates that the worker
//! cannot reach.
//!
//! An export is what `fix-collector collect --output` writes, or what the Python worker leaves behind with
//! `debug_dump_json` (`fix-graph-*.ndjson`): graph root, cloud, one account and all below it. Kinds are passed on
//! as they are; fixcore knows best whether it knows them.

mod accounts;
mod config;
mod lines;
pub(crate) mod record;
mod roles;
mod stream;
mod trouble;

use std::borrow::Cow;
use std::sync::Arc;

use collector::identity::{Errand, Identity};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Kinds, Sink, fault};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathAccess, PathGrant};
use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};

use config::FileConfig;
use stream::Stream;

/// The collector `file`.
#[derive(Debug)]
pub struct FileCollector {
    kinds: Arc<Kinds>,
}

impl Default for FileCollector {
    fn default() -> Self {
        // A file may hold the kinds of any collector.
        Self { kinds: Arc::new(Kinds::of(&["base", "example", "random"])) }
    }
}

impl Collector for FileCollector {
    fn name(&self) -> Cow<'static, str> {
        "file".into()
    }

    fn describe(&self) -> Described {
        Described {
            collector: "file".to_owned(),
            clouds: Vec::new(),
            account_noun: "account".to_owned(),
            kinds_json: self.kinds.model(),
            section: Some(FileConfig::describe()),
            pool_setting: None,
            tasks_json: "[]".to_owned(),
            environment: Vec::new(),
            paths: self.paths(),
            auto_enable: Vec::new(),
            account_kinds: roles::account_kinds(self.kinds.table().ok()),
        }
    }

    fn paths(&self) -> Vec<PathGrant> {
        vec![PathGrant { path: "config:paths".to_owned(), access: PathAccess::Read }]
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config = FileConfig::read(config)?;
            let kinds = Arc::clone(&self.kinds);
            let (accounts, mut faults) =
                blocking(move || Ok(accounts::list(kinds.table()?, &config.paths))).await?;
            let first = if accounts.is_empty() && !faults.is_empty() { Some(faults.remove(0)) } else { None };
            for fault in faults {
                output.fault(fault);
            }
            first.map_or(Ok(accounts), |fault| Err(fault.into()))
        })
    }

    fn identity<'a>(
        &'a self,
        _errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async { Ok(Identity::NoCredentials) })
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (kinds, account, output) = (Arc::clone(&self.kinds), request.account.clone(), output.share());
            let runtime = Handle::current();
            blocking(move || {
                let path = accounts::path_of(&account);
                let table = kinds.table()?;
                Stream { table, path: &path, account: &account, output: &*output, runtime: &runtime }.run()
            })
            .await
        })
    }
}

/// Runs work that blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let lost =
        |error: JoinError| fault(FaultKind::Internal, format!("the thread that reads files ended: {error}"));
    spawn_blocking(work).await.map_err(lost)?
}

#[cfg(test)]
mod tests;
