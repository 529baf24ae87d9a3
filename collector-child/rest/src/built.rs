//! What the build script of a cloud has compiled, and the client that it leads to.

use std::env;
use std::fmt;
use std::sync::{Arc, OnceLock};

use collector::{Failure, fault};
use engine::Plans;
use http_client::{Budgets, Hub, Limits, RetryPolicy, Roots, Transport};
use ipc_proto::fault::FaultKind;
use tables::plan::CloudPlan;

use crate::rest::{Endpoints, Rest};

/// Calls of one account that are under way at once.
const CALLS_AT_ONCE: usize = 32;

/// What `tables::build::cloud` has written, read when it is first asked for.
pub struct Built {
    cloud: &'static str,
    files: &'static [(&'static str, &'static str)],
    read: OnceLock<Result<(CloudPlan, Plans), String>>,
}

impl Built {
    /// Of the texts of `cloud.json` and `plans.rs`.
    pub const fn new(cloud: &'static str, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { cloud, files, read: OnceLock::new() }
    }

    fn read(&'static self) -> Result<&'static (CloudPlan, Plans), Failure> {
        let read = self.read.get_or_init(|| {
            let cloud = serde_json::from_str(self.cloud)
                .map_err(|error| format!("the plan cloud of this build is broken: {error}"))?;
            Ok((cloud, Plans::compiled(self.files)?))
        });
        read.as_ref().map_err(|error| fault(FaultKind::Internal, error.clone()).into())
    }

    /// What `cloud.toml` says.
    pub fn cloud(&'static self) -> Result<&'static CloudPlan, Failure> {
        Ok(&self.read()?.0)
    }

    /// The plans of all kinds.
    pub fn plans(&'static self) -> Result<&'static Plans, Failure> {
        Ok(&self.read()?.1)
    }

    /// A client for an account, without credentials. Proxies and endpoints are those of the environment. Opens no
    /// connection.
    pub fn client(&'static self, account: &str) -> Result<Rest, Failure> {
        self.client_on(self.hub(Roots::default())?, account)
    }

    /// Connections and budgets, with these authorities. Proxies are those of the environment.
    pub fn hub(&'static self, roots: Roots) -> Result<Arc<Hub>, Failure> {
        self.hub_over(Transport::new(Limits::default(), roots, &variable).map_err(wrong)?)
    }

    /// The same over connections that are made in a way of their own.
    pub fn hub_over(&'static self, transport: Transport) -> Result<Arc<Hub>, Failure> {
        let size = |at_once: u32| usize::try_from(at_once).unwrap_or(CALLS_AT_ONCE).max(1);
        let services = &self.cloud()?.services;
        let services = services.iter().map(|service| (service.name.clone(), size(service.at_once)));
        let budgets =
            Budgets { overall: CALLS_AT_ONCE, per_service: CALLS_AT_ONCE, services: services.collect() };
        Ok(Arc::new(Hub::new(budgets, RetryPolicy::default(), transport)))
    }

    /// The client of [`Self::client`] with connections that others use as well.
    pub fn client_on(&'static self, hub: Arc<Hub>, account: &str) -> Result<Rest, Failure> {
        let cloud = self.cloud()?;
        let endpoints = Endpoints::of_environment(cloud, &variable).map_err(wrong)?;
        Ok(Rest::new(hub, cloud, account, endpoints))
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn wrong(told: String) -> Failure {
    fault(FaultKind::Config, told).into()
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Built").field("files", &self.files.len()).finish_non_exhaustive()
    }
}
