//! Whose account credentials are: asked before anything is done with them, and compared with the account that it is for.
//!
//! ```text
//! job --errand--> Collector::identity ---> compare ---> collect, clean, tag, command
//!                                             \--> a fault that names both accounts; nothing is done
//! ```

use ipc_proto::fault::{Fault, FaultKind, Retry};

use crate::changes::{CleanRequest, CommandRequest, TagRequest};
use crate::collector::{CollectRequest, Collector};
use crate::fault::{Failure, FaultExt, fault};
use crate::node::StoredNode;
use crate::sink::Sink;

/// What credentials are wanted for.
#[derive(Debug, Clone, Copy)]
pub enum Errand<'a> {
    /// To collect an account.
    Collect(&'a CollectRequest),
    /// To delete this resource, or to tell in a dry run how.
    Clean(&'a CleanRequest, &'a StoredNode),
    /// To change tags.
    Tag(&'a TagRequest),
    /// To execute a command.
    Command(&'a CommandRequest),
}

/// To which account credentials belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// There are none, because what the collector knows is nowhere but in its graphs.
    NoCredentials,
    /// The command is about no account in particular: it is executed wherever the credentials belong to.
    AnyAccount,
    /// They belong to an account.
    Of(Owner),
}

/// The account that credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id in the cloud, as the cloud itself says.
    pub account: String,
    /// Which credentials they are, for people, without secrets.
    pub credentials: String,
    /// The account that a command names, if it does not go by that of its node.
    pub wanted: Option<String>,
    /// How a worker gets credentials of another account, for people: which setting to set.
    pub remedy: String,
}

/// The account that an errand is for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    id: String,
    name: String,
}

/// Makes sure that an errand is done in the account that it is for, or not at all.
pub async fn verify(collector: &dyn Collector, errand: Errand<'_>, sink: &dyn Sink) -> Result<(), Failure> {
    let wanted = errand.account();
    match collector.identity(&errand, sink).await {
        Ok(Identity::NoCredentials | Identity::AnyAccount) => Ok(()),
        Ok(Identity::Of(owner)) => compare(errand, wanted, owner).map_err(|refusal| Failure::from(*refusal)),
        // A node without an account is to blame itself.
        Err(Failure::Fault(fault)) if wanted.is_none() => Err(fault.into()),
        Err(Failure::Fault(fault)) => Err(not_known(errand, *fault).into()),
        Err(Failure::Stopped) => Err(Failure::Stopped),
    }
}

/// Refuses what is for another account than that of the credentials.
fn compare(errand: Errand<'_>, wanted: Option<Wanted>, owner: Owner) -> Result<(), Box<Fault>> {
    let Owner { account, credentials, wanted: named, remedy } = owner;
    let named = named.map(|id| Wanted { name: id.clone(), id });
    let Some(wanted) = named.or(wanted) else {
        let message = "it is not known which account it belongs to, so nothing is changed";
        let hint = "the node names no account among its ancestors; collect it again";
        return Err(Box::new(fault(FaultKind::Resource, message).with_hint(hint)));
    };
    if wanted.id == account {
        return Ok(());
    }
    let message = format!(
        "the credentials of this worker ({credentials}) belong to the account {account}, not to {}: {}",
        wanted.title(),
        errand.not_done(),
    );
    let hint = format!("{remedy}; or leave {} to a worker that has credentials of it", wanted.id);
    Err(Box::new(fault(FaultKind::WrongAccount, message).with_hint(hint)))
}

/// Without an answer nothing is done.
fn not_known(errand: Errand<'_>, trouble: Fault) -> Fault {
    // What the user wrote makes no sense, and these say it all.
    if matches!(trouble.kind, FaultKind::Config | FaultKind::WrongAccount) {
        return trouble;
    }
    let again = if trouble.retry == Retry::Later { "; try again later" } else { "" };
    let message = format!(
        "{}, because it cannot be learned to which account the credentials belong{again}: {}",
        errand.not_done(),
        trouble.message
    );
    Fault { message, ..trouble }
}

impl Errand<'_> {
    /// The account that it is for, if that is known.
    fn account(self) -> Option<Wanted> {
        let of_node = |node: &StoredNode| {
            let account = node.ancestors.account.as_ref().filter(|account| !account.id().is_empty())?;
            Some(Wanted { id: account.id().to_owned(), name: account.name().to_owned() })
        };
        match self {
            Self::Collect(request) => {
                let account = &request.account;
                Some(Wanted { id: account.id.clone(), name: account.name.clone() })
            }
            Self::Clean(_, node) => of_node(node),
            Self::Tag(request) => of_node(&request.node),
            Self::Command(request) => request.node.as_ref().and_then(of_node),
        }
    }

    fn not_done(self) -> &'static str {
        match self {
            Self::Collect(_) => "nothing is collected",
            Self::Clean(request, _) if request.dry_run => "nothing would be deleted there",
            Self::Clean(..) => "nothing is deleted there",
            Self::Tag(_) => "nothing is changed there",
            Self::Command(_) => "nothing is called there",
        }
    }
}

impl Wanted {
    fn title(&self) -> String {
        if self.name.is_empty() || self.name == self.id {
            self.id.clone()
        } else {
            format!("{} ({})", self.id, self.name)
        }
    }
}
