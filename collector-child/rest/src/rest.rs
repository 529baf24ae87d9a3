//! The client of one account.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use http_client::{Advisor, Call, CallError, CallPlace, Class, Hub, Queue};
use serde_json::{Map, Value};
use shapes::Catalog;
use tables::plan::{CloudPlan, Paging, Path, Place, Scope, ServicePlan};

use crate::allowance::Allowance;
use crate::attempt::Trial;
use crate::auth::Auth;
use crate::operation;
use crate::pages::Pages;
use crate::request::{Prepared, prepare};
use crate::shaped::Shaped;

/// Makes the calls of one account. Clones share everything.
#[derive(Clone)]
pub struct Rest(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) cloud: &'static CloudPlan,
    account: String,
    catalog: Option<&'static Catalog>,
    auth: BTreeMap<String, Arc<dyn Auth>>,
    endpoints: Endpoints,
    advisor: Advisor,
    deadline: Option<Instant>,
    /// What every client of the account keeps to.
    pub(crate) allowance: Arc<Allowance>,
}

/// What stands for the region in an address of the environment, as templates have it.
const REGION: &str = "{{.Region}}";

/// Addresses that take the place of those of `cloud.toml`, by service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(BTreeMap<String, String>);

impl Endpoints {
    /// Those that the variables of the cloud's own tools name. The error, for people, names the variable that holds no
    /// address.
    pub fn of_environment(
        cloud: &CloudPlan,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut endpoints = BTreeMap::new();
        for service in &cloud.services {
            let set = |name: &String| {
                Some((name.clone(), variable(name).filter(|value| !value.trim().is_empty())?))
            };
            let Some((name, address)) = service.env.iter().find_map(set) else { continue };
            let address = address.trim().trim_end_matches('/').to_owned();
            if !is_address(&address.replace(REGION, "region")) {
                return Err(format!(
                    "{name} is no address: `{address}`; write it like https://host.example/path"
                ));
            }
            endpoints.insert(service.name.clone(), address);
        }
        Ok(Self(endpoints))
    }

    /// With this address of a service.
    #[must_use]
    pub fn with(mut self, service: &str, address: &str) -> Self {
        self.0.insert(service.to_owned(), address.trim_end_matches('/').to_owned());
        self
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    })
}

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The service, as `cloud.toml` calls it.
    pub service: &'a str,
    /// The operation: its method and path.
    pub operation: &'a str,
    /// How its pages follow each other, if that is not as its service says.
    pub paging: Option<&'a Paging>,
    /// Where its list is, if an answer without one is none.
    pub list: Option<&'a Path>,
    /// Where it is asked.
    pub place: &'a Place,
}

/// An answer and its headers.
pub(crate) struct Answered {
    pub(crate) document: Value,
    pub(crate) headers: HeaderMap,
    pub(crate) status: u16,
}

impl Rest {
    /// A client for an account of a cloud.
    pub fn new(hub: Arc<Hub>, cloud: &'static CloudPlan, account: &str, endpoints: Endpoints) -> Self {
        Self(Arc::new(Shared {
            hub,
            cloud,
            account: account.to_owned(),
            catalog: None,
            auth: BTreeMap::new(),
            endpoints,
            advisor: Advisor::default(),
            deadline: None,
            allowance: Arc::default(),
        }))
    }

    /// With the operations that have shapes.
    #[must_use]
    pub fn with_catalog(self, catalog: &'static Catalog) -> Self {
        self.change(|shared| shared.catalog = Some(catalog))
    }

    /// With the credentials that `cloud.toml` calls so. To be called before the client is cloned.
    #[must_use]
    pub fn with_auth(self, name: &str, auth: Arc<dyn Auth>) -> Self {
        self.change(|shared| drop(shared.auth.insert(name.to_owned(), auth)))
    }

    /// With who knows what to do about troubles.
    #[must_use]
    pub fn with_advisor(self, advisor: Advisor) -> Self {
        self.change(|shared| shared.advisor = advisor)
    }

    /// No attempt starts after this.
    #[must_use]
    pub fn until(self, deadline: Option<Instant>) -> Self {
        self.change(|shared| shared.deadline = deadline)
    }

    fn change(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::try_unwrap(self.0).unwrap_or_else(|shared| shared.copy());
        change(&mut shared);
        Self(Arc::new(shared))
    }

    /// One call: `params` are `path`, `query`, `body`, `form`. Of a listing it gives the page that they ask for. A change
    /// that takes its time is waited for.
    pub async fn call(&self, asked: Asked<'_>, params: &Map<String, Value>) -> Result<Value, CallError> {
        let prepared = self.prepare(asked, params)?;
        let answered = self.send(asked, &prepared).await?;
        match (&self.service(asked)?.operations, prepared.method.as_str()) {
            (Some(plan), method) if method != "GET" => {
                operation::finished(self, asked, plan, &prepared.address, answered).await
            }
            _ => Ok(answered.document),
        }
    }

    /// No attempt starts after this.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// One call outside of all tables. An answer without the member `needs` is none of this operation.
    pub async fn ask(
        &self,
        (service, operation): (&str, &str),
        params: &Map<String, Value>,
        place: &Place,
        needs: &str,
    ) -> Result<Value, CallError> {
        let asked = Asked { service, operation, paging: None, list: None, place };
        let answer = self.call(asked, params).await?;
        match answer.get(needs) {
            Some(Value::Null) | None => {
                let told = format!("the answer has no {needs}");
                Err(CallError::new(Class::Garbage, self.place(asked), told))
            }
            Some(_) => Ok(answer),
        }
    }

    /// All pages of a listing, one after the other.
    pub fn pages<'a>(&self, asked: Asked<'a>, params: Map<String, Value>) -> Pages<'a> {
        Pages::new(self.clone(), asked, params)
    }

    /// Answers so far, of any kind: as long as it grows, the work goes on.
    pub fn answers(&self) -> u64 {
        self.0.hub.answers()
    }

    /// Whether the listings of a service have their list even if that is empty.
    pub(crate) fn always_lists(&self, service: &str) -> bool {
        self.0.cloud.service(service).is_some_and(|service| service.always_lists)
    }

    /// Where a call goes, for errors.
    pub(crate) fn place<'a>(&'a self, asked: Asked<'a>) -> CallPlace<'a> {
        CallPlace {
            account: &self.0.account,
            region: asked.place.region(),
            service: asked.service,
            operation: asked.operation,
            advisor: self.0.advisor,
        }
    }

    pub(crate) fn service(&self, asked: Asked<'_>) -> Result<&'static ServicePlan, CallError> {
        self.0.cloud.service(asked.service).ok_or_else(|| {
            CallError::new(Class::Input, self.place(asked), "there is no such service in cloud.toml")
        })
    }

    pub(crate) fn prepare(
        &self,
        asked: Asked<'_>,
        params: &Map<String, Value>,
    ) -> Result<Prepared, CallError> {
        let service = self.service(asked)?;
        let base = match self.0.endpoints.0.get(&service.name) {
            Some(base) => base.replace(REGION, asked.place.region()),
            None => service.base.fill(&Scope::new(&Value::Null, asked.place)).ok_or_else(|| {
                let told = format!("the address of the service is not known here: {}", service.base);
                CallError::new(Class::Input, self.place(asked), told)
            })?,
        };
        let prepared = match self.shaped(asked)? {
            Some(shaped) => shaped.prepare(&base, params, &service.query),
            None => prepare(&base, asked.operation, params, &service.query),
        };
        prepared.map_err(|wrong| CallError::new(Class::Input, self.place(asked), wrong))
    }

    /// The operation of a table that is asked for; `None`: the operation is its method and path.
    pub(crate) fn shaped(&self, asked: Asked<'_>) -> Result<Option<Shaped>, CallError> {
        let service = self.service(asked)?;
        let (Some(catalog), Some(name), false) =
            (self.0.catalog, service.shapes.as_deref(), asked.operation.contains(' '))
        else {
            return Ok(None);
        };
        let wrong = |told: String| CallError::new(Class::Input, self.place(asked), told);
        let service = catalog.service(name).map_err(|unknown| wrong(unknown.to_string()))?;
        let operation = service
            .operation(asked.operation)
            .ok_or_else(|| wrong(format!("{name} has no operation {}", asked.operation)))?;
        Ok(Some(Shaped { service, operation }))
    }

    pub(crate) async fn send(&self, asked: Asked<'_>, prepared: &Prepared) -> Result<Answered, CallError> {
        let service = self.service(asked)?;
        let place = self.place(asked);
        let call = Call { place, deadline: self.0.deadline, queue: Queue::Lane };
        let shaped = self.shaped(asked)?;
        let mut trial = Trial::new(&self.0, service, place, (prepared, shaped), asked.list);
        let document = self.0.hub.call(call, &mut trial).await?;
        Ok(Answered { document, headers: trial.headers, status: trial.status })
    }
}

impl Shared {
    pub(crate) fn auth(&self, name: &str) -> Option<&Arc<dyn Auth>> {
        self.auth.get(name)
    }

    fn copy(&self) -> Self {
        Self {
            hub: self.hub.clone(),
            cloud: self.cloud,
            account: self.account.clone(),
            catalog: self.catalog,
            auth: self.auth.clone(),
            endpoints: self.endpoints.clone(),
            advisor: self.advisor,
            deadline: self.deadline,
            allowance: self.allowance.clone(),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { cloud, account, auth, endpoints, .. } = &*self.0;
        f.debug_struct("Rest")
            .field("cloud", &cloud.name)
            .field("account", account)
            .field("auth", auth)
            .field("endpoints", endpoints)
            .finish_non_exhaustive()
    }
}
