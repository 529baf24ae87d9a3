//! Programs as collectors: whatever reads a request from its standard input and writes lines of JSON. One process for each
//! account, inside the walls of its child, ended with it. `docs/external.md` has the protocol.
//!
//! A file for each program says what it is ([`description`]), so that nobody but the operator of this machine decides which
//! programs run on it.

mod description;
mod graph;
mod program;
mod words;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, TagRequest};
use collector::identity::{Errand, Identity, Owner};
use collector::node::{Ancestor, StoredNode};
use collector::{
    BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Kinds, Sink, config_fault, fault,
};
use inventory::NodeKey;
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::graph::Role;
use ipc_proto::job::{Account, Described, PathGrant, is_name};
use ipc_proto::paths::{EXTERNAL_DIR, external_dir};
use ipc_proto::secret::Secret;
use serde_json::{Map, Value, json};

use description::{Description, Identified, PROTOCOL};
use program::{Conversation, Said};
use words::{Cleaned, Known, Word};

/// A program as a collector.
#[derive(Debug)]
pub struct External {
    name: String,
    program: Result<Program, String>,
}

#[derive(Debug)]
struct Program {
    description: Description,
    roles: BTreeMap<String, Role>,
    /// Those of graph root and cloud.
    top: Kinds,
}

/// The programs that the files in `folder` describe. Names of `known` collectors are taken. A file that is wrong is a
/// collector whose accounts cannot be listed, and says why.
pub fn externals(folder: &Path, known: &[Cow<'_, str>]) -> Vec<External> {
    let mut taken: BTreeSet<String> = known.iter().map(|name| (*name).to_string()).collect();
    let mut all = Vec::new();
    for (path, description) in description::all_in(folder) {
        let program = description.and_then(|description| {
            let name = &description.collector;
            if !is_name(name) {
                return Err(format!("calls its collector {name:?}; a to z, 0 to 9, - and _ are allowed"));
            }
            if taken.contains(name) {
                return Err(format!("calls its collector {name:?}, and there is one of that name"));
            }
            Ok(description)
        });
        let external = External::new(&path, program);
        if is_name(&external.name) && taken.insert(external.name.clone()) {
            all.push(external);
        } else if let Err(why) = &external.program {
            tracing::warn!("{why}");
        }
    }
    all
}

impl External {
    fn new(path: &Path, program: Result<Description, String>) -> Self {
        match program {
            Ok(description) => {
                let (name, roles) = (description.collector.clone(), description.roles());
                Self { name, program: Ok(Program { description, roles, top: Kinds::of(&["base"]) }) }
            }
            Err(why) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                Self { name, program: Err(format!("{} {why}", path.display())) }
            }
        }
    }

    fn program(&self) -> Result<&Program, Failure> {
        self.program
            .as_ref()
            .map_err(|why| config_fault(why.clone(), "correct the file, and start the worker again").into())
    }
}

impl Program {
    fn account(&self, known: Known) -> Result<Account, Failure> {
        let Known { id, name, cloud, kind, scope } = known;
        let Description { collector, clouds, account_kinds, .. } = &self.description;
        let cloud = cloud.unwrap_or_else(|| clouds[0].clone());
        let kind = kind.unwrap_or_else(|| account_kinds[0].clone());
        if id.is_empty() || !clouds.contains(&cloud) || !account_kinds.contains(&kind) {
            let message = format!(
                "the program of {collector} lists an account without an id, or of a cloud or kind that is not its own: {cloud:?}, {kind:?}"
            );
            return Err(fault(FaultKind::InvalidAnswer, message).into());
        }
        let key = NodeKey::of(&kind, Some(&cloud), Some(&id), None, None, &id);
        Ok(Account {
            node_id: key.id().to_string(),
            name: name.unwrap_or_else(|| id.clone()),
            scope: Secret::new(scope.unwrap_or_default().into_bytes()),
            cloud,
            id,
        })
    }

    fn begin<'a>(
        &'a self,
        what: &str,
        config: &ConfigSection,
        about: Value,
        sink: &'a dyn Sink,
    ) -> Result<Conversation<'a>, Failure> {
        let mut request = json!({"protocol": PROTOCOL, "do": what, "config": config.settings()});
        if let (Value::Object(request), Value::Object(about)) = (&mut request, about) {
            request.extend(about);
        }
        let account = request["account"]["name"].as_str().map(str::to_owned);
        let place = std::iter::once(self.description.collector.clone()).chain(account).collect();
        Conversation::begin(&self.description, &request, place, sink)
    }

    /// What is not expected of it here.
    fn strange(&self, said: &Said<'_>) -> Failure {
        let what = match said {
            Said::Graph(_) => "a part of a graph".to_owned(),
            Said::Word(word) => {
                format!("{word:?}").split(['(', ' ']).next().unwrap_or_default().to_lowercase()
            }
        };
        let message = format!(
            "the program of {} said something that it was not asked: {what}",
            self.description.collector
        );
        fault(FaultKind::InvalidAnswer, message).into()
    }

    async fn accounts(&self, config: &ConfigSection, sink: &dyn Sink) -> Result<Vec<Account>, Failure> {
        let mut program = self.begin("accounts", config, json!({}), sink)?;
        let mut accounts = Vec::new();
        while let Some(said) = program.next().await? {
            match said {
                Said::Word(Word::Account(known)) => accounts.push(self.account(known)?),
                other => return Err(self.strange(&other)),
            }
        }
        Ok(accounts)
    }

    async fn collect(&self, request: &CollectRequest, sink: &dyn Sink) -> Result<(), Failure> {
        let Account { cloud, id, name, node_id, scope } = &request.account;
        let scope = String::from_utf8_lossy(scope.expose());
        let about = json!({
            "account": {"cloud": cloud, "id": id, "name": name, "node_id": node_id, "scope": scope},
            "last_run_started_seconds_ago": request.last_run_started_ago.map(|ago| ago.as_secs()),
        });
        let mut program = self.begin("collect", &request.config, about, sink)?;
        let mut graph = graph::Graph::begin(self, &request.account, sink).await?;
        while let Some(said) = program.next().await? {
            match said {
                Said::Graph(record) => graph.take(&record).await?,
                word @ Said::Word(_) => return Err(self.strange(&word)),
            }
        }
        graph.end()
    }

    /// Whose account the credentials are that a change of this node would be made with.
    async fn identity(
        &self,
        config: &ConfigSection,
        node: &StoredNode,
        sink: &dyn Sink,
    ) -> Result<Identity, Failure> {
        let name = &self.description.collector;
        match self.description.identity {
            Identified::Trusted => Ok(Identity::NoCredentials),
            Identified::Unknown => Err(config_fault(
                format!("the program of {name} does not say whose account its credentials are, so nothing is changed"),
                "its description says who knows that: \"identity\": \"asked\" or \"trusted\"",
            )
            .into()),
            Identified::Asked => {
                let about = json!({"account": account_of(node)});
                let mut program = self.begin("identity", config, about, sink)?;
                let mut owner = None;
                while let Some(said) = program.next().await? {
                    match said {
                        Said::Word(Word::Identity(known)) => owner = Some(known.id),
                        other => return Err(self.strange(&other)),
                    }
                }
                let unknown = || fault(FaultKind::InvalidAnswer, format!("the program of {name} did not say whose account its credentials are"));
                Ok(Identity::Of(Owner {
                    account: owner.ok_or_else(unknown)?,
                    credentials: format!("those of the program of {name}"),
                    wanted: None,
                    remedy: format!("give the program of {name} credentials of that account"),
                }))
            }
        }
    }

    async fn clean(
        &self,
        request: &CleanRequest,
        target: &CleanTarget,
        log: &CleanLog,
        sink: &dyn Sink,
    ) -> Result<CleanOutcome, Failure> {
        let related = target.related.iter().map(
            |one| json!({"edge": one.edge.name(), "outgoing": one.outgoing, "resource": told(&one.node)}),
        );
        let about = json!({
            "account": account_of(&target.node), "dry_run": request.dry_run, "resource": told(&target.node),
            "related": related.collect::<Vec<_>>(),
        });
        let mut program = self.begin("clean", &request.config, about, sink)?;
        let mut cleaned = None;
        while let Some(said) = program.next().await? {
            match said {
                Said::Word(Word::Log(step)) => log.done(step),
                Said::Word(Word::Cleaned(how)) => cleaned = Some(how),
                other => return Err(self.strange(&other)),
            }
        }
        let name = &self.description.collector;
        let silent = || {
            fault(FaultKind::InvalidAnswer, format!("the program of {name} did not say what became of it"))
        };
        Ok(match cleaned.ok_or_else(silent)? {
            Cleaned::Gone if request.dry_run => {
                let message = format!(
                    "the program of {name} says that it is gone, and was asked only what it would do"
                );
                return Err(fault(FaultKind::InvalidAnswer, message).into());
            }
            Cleaned::Gone => CleanOutcome::Gone,
            Cleaned::Planned if !request.dry_run => {
                CleanOutcome::Failed { reason: format!("the program of {name} says only what it would do") }
            }
            Cleaned::Planned => CleanOutcome::Planned,
            Cleaned::Later(reason) => CleanOutcome::Later { reason },
            Cleaned::Failed(reason) => CleanOutcome::Failed { reason },
            Cleaned::Refused(reason) => CleanOutcome::Refused { reason },
        })
    }

    async fn tag(&self, request: &TagRequest, sink: &dyn Sink) -> Result<(), Failure> {
        let TagRequest { node, change, .. } = request;
        let set: Map<String, Value> =
            change.set.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let about = json!({
            "account": account_of(node), "resource": told(node), "remove": change.remove, "set": set,
        });
        let mut program = self.begin("tag", &request.config, about, sink)?;
        match program.next().await? {
            None => Ok(()),
            Some(other) => Err(self.strange(&other)),
        }
    }
}

/// The account of a node, as far as the node says.
fn account_of(node: &StoredNode) -> Value {
    let of = |ancestor: &Option<Ancestor>| ancestor.as_ref().map(|one| one.id().to_owned());
    let name = node.ancestors.account.as_ref().map(|account| account.name().to_owned());
    json!({"cloud": of(&node.ancestors.cloud), "id": of(&node.ancestors.account), "name": name})
}

/// A node for a program, in the form of an export, with its ancestors.
fn told(node: &StoredNode) -> Value {
    let ancestor =
        |one: &Option<Ancestor>| one.as_ref().map(|one| json!({"id": one.node_id, "reported": one.reported}));
    let above = &node.ancestors;
    json!({
        "id": node.id, "reported": node.reported, "metadata": node.metadata,
        "ancestors": {
            "cloud": ancestor(&above.cloud), "account": ancestor(&above.account),
            "region": ancestor(&above.region), "zone": ancestor(&above.zone),
        },
    })
}

impl Collector for External {
    fn name(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }

    fn describe(&self) -> Described {
        match &self.program {
            Ok(program) => program.description.described(),
            Err(_) => Described {
                collector: self.name.clone(),
                clouds: Vec::new(),
                account_noun: "account".to_owned(),
                kinds_json: "[]".to_owned(),
                section: None,
                pool_setting: None,
                tasks_json: "[]".to_owned(),
                environment: Vec::new(),
                paths: Vec::new(),
                auto_enable: Vec::new(),
                account_kinds: Vec::new(),
            },
        }
    }

    fn paths(&self) -> Vec<PathGrant> {
        self.program.as_ref().map(|program| program.description.paths()).unwrap_or_default()
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move { self.program()?.accounts(config, sink).await })
    }

    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                // The program is told which account it is to collect.
                Errand::Collect(_) => Ok(Identity::NoCredentials),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    self.program()?.identity(config, node, sink).await
                }
                Errand::Command(_) => Ok(Identity::AnyAccount),
            }
        })
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.program()?.collect(request, sink).await })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        let Ok(Program { description, roles, .. }) = &self.program else { return Ability::Unknown };
        let all = match change {
            Change::Clean => &description.clean,
            Change::Tag => &description.tag,
        };
        match () {
            () if all.contains(kind) => Ability::Yes,
            () if !description.has_kind(kind) => Ability::Unknown,
            () if all.is_empty() => Ability::Unsupported,
            () if roles.contains_key(kind) => Ability::Phantom,
            () => Ability::No,
        }
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move { self.program()?.clean(request, target, log, sink).await })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.program()?.tag(request, sink).await })
    }
}

/// Where the files are that describe programs: the folder that the operator names, or the usual one.
pub fn folder() -> PathBuf {
    external_dir(std::env::var_os(EXTERNAL_DIR))
}

#[cfg(test)]
mod tests;
