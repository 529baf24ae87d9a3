//! The web server: it answers from the start, and moves when the configuration says so.

use std::sync::Arc;
use std::time::Duration;

use fixworker_fixcore::CancellationToken;
use fixworker_fixcore::tls::TlsIdentity;
use fixworker_settings::WorkerSettings;
use fixworker_surface::metrics::MetricsHandle;
use fixworker_surface::web::{self, BindError, WebConfig, WebServer, WebTls};
use tokio::sync::watch;

use super::web::State;

/// A web server before fixcore is there: with the settings of the command line and a certificate of its own.
pub(super) struct Early {
    server: WebServer,
    address: Address,
    tls: Option<WebTls>,
}

/// Where a server listens.
#[derive(Clone, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    path: String,
}

impl Address {
    fn of(worker: &WorkerSettings) -> Self {
        Self { host: worker.web_host.clone(), port: worker.web_port, path: worker.web_path.clone() }
    }

    async fn serve(
        &self,
        tls: Option<WebTls>,
        state: Arc<State>,
        metrics: MetricsHandle,
    ) -> Result<WebServer, BindError> {
        let Self { host, port, path } = self.clone();
        web::serve(WebConfig { host, port, path, tls }, state, metrics).await
    }
}

fn tls(identity: Option<&TlsIdentity>) -> Option<WebTls> {
    let identity = identity?;
    match WebTls::new(identity.chain().to_vec(), identity.key().clone_key()) {
        Ok(tls) => Some(tls),
        Err(error) => {
            tracing::error!("{error}; the web server speaks plain http");
            None
        }
    }
}

/// Serves before there is a connection. Where that is not possible it is tried again with the configuration, which may name
/// another port.
pub(super) async fn early(
    worker: &WorkerSettings,
    identity: Option<TlsIdentity>,
    state: Arc<State>,
    metrics: MetricsHandle,
) -> Option<Early> {
    let (address, tls) = (Address::of(worker), tls(identity.filter(|_| !worker.no_tls).as_ref()));
    match address.serve(tls.clone(), state, metrics).await {
        Ok(server) => Some(Early { server, address, tls }),
        Err(error) => {
            tracing::warn!("{error}; it is tried again with the configuration of fixcore");
            None
        }
    }
}

/// Serves as the configuration says: by the server that is there, or by another one. Its certificate follows `identity` until
/// `stop`.
pub(super) async fn serve(
    early: Option<Early>,
    worker: &WorkerSettings,
    state: Arc<State>,
    metrics: MetricsHandle,
    identity: Option<watch::Receiver<TlsIdentity>>,
    stop: CancellationToken,
) -> Result<WebServer, BindError> {
    let identity = identity.filter(|_| !worker.no_tls);
    let address = Address::of(worker);
    let server = match early {
        Some(Early { server, address: known, tls: known_tls })
            if known == address && known_tls.is_some() == identity.is_some() =>
        {
            if let (Some(tls), Some(mut identity)) = (known_tls, identity) {
                identity.mark_changed();
                tokio::spawn(follow(tls, identity, stop));
            }
            server
        }
        early => {
            if let Some(early) = early {
                early.server.stop(Duration::ZERO).await;
            }
            let first = identity.as_ref().map(|identity| identity.borrow().clone());
            let tls = tls(first.as_ref());
            if let (Some(tls), Some(identity)) = (tls.clone(), identity) {
                tokio::spawn(follow(tls, identity, stop));
            }
            address.serve(tls, state, metrics).await?
        }
    };
    Ok(server)
}

async fn follow(tls: WebTls, mut identity: watch::Receiver<TlsIdentity>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = identity.changed() => if changed.is_err() { return },
        }
        let new = identity.borrow_and_update().clone();
        match tls.replace(new.chain().to_vec(), new.key().clone_key()) {
            Ok(()) => tracing::info!("the web server has a new certificate"),
            Err(error) => tracing::error!("{error}; the web server keeps the old certificate"),
        }
    }
}
