//! Calls that take many members at once. A service that knows one of them no more (deleted since it was listed)
//! mostly refuses all, so what is refused is halved until the guilty one is alone.

use collector::Failure;
use http_client::{CallError, Class};
use serde_json::Value;
use tables::plan::Path;

use super::ask::{Ask, parsed};

/// Calls that halving may cost for one list of members, whatever is wrong with it.
const MOST_CALLS: usize = 64;

impl Ask<'_> {
    /// All that the answers have at `path`, asked for these members with as few calls as the service allows.
    /// `argument` is the parameter that takes the list of them.
    pub async fn of_members(
        self,
        argument: &str,
        members: Vec<Value>,
        path: &str,
    ) -> Result<Vec<Value>, Failure> {
        let path = parsed(path)?;
        self.halving(argument, Value::Array, members, Some(&path)).await
    }

    /// As [`Self::of_members`], where the argument that `of` makes of members is more than their list.
    pub async fn of_members_in(
        self,
        argument: &str,
        of: impl Fn(Vec<Value>) -> Value,
        members: Vec<Value>,
        path: &str,
    ) -> Result<Vec<Value>, Failure> {
        let path = parsed(path)?;
        self.halving(argument, of, members, Some(&path)).await
    }

    /// As [`Self::of_members`], with the argument that `of` makes of members; without a path the answers themselves.
    pub(super) async fn halving(
        self,
        argument: &str,
        of: impl Fn(Vec<Value>) -> Value,
        members: Vec<Value>,
        path: Option<&Path>,
    ) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        let mut more_calls = (2 * members.len()).min(MOST_CALLS);
        let mut waiting = vec![members];
        while let Some(mut members) = waiting.pop() {
            let before = found.len();
            let ask = self.clone().with(argument, of(members.clone()));
            let Err(error) = ask.gather(path, &mut found).await else { continue };
            let nothing_yet = found.len() == before;
            if nothing_yet && members.len() > 1 && more_calls >= 2 && may_be_one_member(&error) {
                more_calls -= 2;
                let second = members.split_off(members.len() / 2);
                waiting.extend([second, members]);
            } else if members.len() == 1 && says_gone(&error) {
                tracing::debug!("gone since it was listed: {error}");
            } else {
                self.failed(error).await?;
            }
        }
        Ok(found)
    }
}

/// Whether a service may have refused a list because of one of its members: not for who asks, how often, or over
/// which network.
fn may_be_one_member(error: &CallError) -> bool {
    matches!(error.class, Class::Service | Class::Expected)
}

/// Whether an error says that what was asked for is not there.
fn says_gone(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    may_be_one_member(error)
        && ["NotFound", "NoSuch", "DoesNotExist", "NotExist"].iter().any(|part| code.contains(part))
}
