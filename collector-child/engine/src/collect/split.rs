//! Calls that take many members at once. A service that knows one of them no more (deleted since it was listed)
//! mostly refuses all, so what is refused is halved until the guilty one is alone.

use collector::Failure;
use http_client::{CallError, Class, is_about_what_is_not_there};
use serde_json::Value;
use tables::plan::Path;

use super::ask::{Ask, parsed};

/// Calls that halving may cost for one list of members, whatever is wrong with it.
const MOST_CALLS: usize = 64;
/// Lists in a row that are denied before all the others count as denied: a right that is missing altogether is denied in the
/// name of one member, too.
const MOST_DENIED: usize = 4;

/// What was told about members.
pub(super) struct Members {
    pub(super) found: Vec<Value>,
    /// Of how many of them good answers say nothing, not even why, if there is one result for each.
    pub(super) untold: usize,
}

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
        Ok(self.halving(argument, Value::Array, members, Some(&path)).await?.found)
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
        Ok(self.halving(argument, of, members, Some(&path)).await?.found)
    }

    /// As [`Self::of_members`], with the argument that `of` makes of members; without a path the answers themselves.
    pub(super) async fn halving(
        self,
        argument: &str,
        of: impl Fn(Vec<Value>) -> Value,
        members: Vec<Value>,
        path: Option<&Path>,
    ) -> Result<Members, Failure> {
        let (mut found, mut untold) = (Vec::new(), 0);
        let mut course = Course::new(members.len());
        let mut waiting = vec![members];
        while let Some(members) = waiting.pop() {
            let before = found.len();
            let ask = self.clone().with(argument, of(members.clone()));
            let error = match ask.gather(path, &mut found).await? {
                Ok(missing) => {
                    untold += members.len().saturating_sub(found.len() - before + missing);
                    course.denied = 0;
                    continue;
                }
                Err(error) => error,
            };
            let nothing_yet = found.len() == before;
            match course.after(&error, members, nothing_yet) {
                After::Parts(parts) => waiting.extend(parts),
                After::Without(others) => {
                    waiting.push(others);
                    self.failed(error).await?;
                }
                After::Gone => tracing::debug!("gone since it was listed: {error}"),
                After::Failed => self.failed(error).await?,
            }
        }
        Ok(Members { found, untold })
    }
}

/// What becomes of a list that was refused.
enum After {
    /// Its parts are asked for.
    Parts([Vec<Value>; 2]),
    /// It is told, and the rest is asked for without the members that it is about.
    Without(Vec<Value>),
    /// Its one member is not there any more.
    Gone,
    /// It is told.
    Failed,
}

/// How far the search for guilty members is.
struct Course {
    more_calls: usize,
    /// Lists that were denied since something was answered.
    denied: usize,
}

impl Course {
    fn new(members: usize) -> Self {
        Self { more_calls: (2 * members).min(MOST_CALLS), denied: 0 }
    }

    fn after(&mut self, error: &CallError, mut members: Vec<Value>, nothing_yet: bool) -> After {
        let several = nothing_yet && members.len() > 1 && self.more_calls >= 2;
        if several && may_be_one_member(error) {
            self.more_calls -= 2;
            let second = members.split_off(members.len() / 2);
            return After::Parts([second, members]);
        }
        if several && matches!(error.class, Class::AccessDenied { .. }) {
            self.denied += 1;
            let all = members.len();
            members.retain(|member| !names(&error.message, member));
            let some = !members.is_empty() && members.len() < all;
            if some && self.denied < MOST_DENIED {
                self.more_calls -= 2;
                return After::Without(members);
            }
        } else if members.len() == 1 && says_gone(error) {
            return After::Gone;
        }
        After::Failed
    }
}

/// Whether a message names this member: whole, or by the last parts of its name.
fn names(message: &str, member: &Value) -> bool {
    let Some(name) = member.as_str() else { return false };
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '"' | '\'' | '[' | ']');
    let words = message.split(ends).map(|word| word.trim_matches(['.', ':']));
    let is_last_part = |all: &str, part: &str| {
        all.strip_suffix(part).is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
    };
    let mut words = words.filter(|word| !word.is_empty());
    words.any(|word| {
        is_last_part(name, word) || is_last_part(word, name) || word.contains(&format!("/{name}/"))
    })
}

/// Whether a service may have refused a list because of one of its members, or could not be asked because one has not the
/// form of its shape: not for who asks, how often, or over which network.
fn may_be_one_member(error: &CallError) -> bool {
    matches!(error.class, Class::Service | Class::Expected | Class::Input)
}

/// Whether an error says that what was asked for is not there.
fn says_gone(error: &CallError) -> bool {
    may_be_one_member(error) && error.code.as_deref().is_some_and(is_about_what_is_not_there)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_named_whole_or_by_the_end_of_its_name() {
        let arn = json!("arn:x:things:here:1:service/k/s2");
        let message = "not authorized to perform: things:Describe on resource: ";
        for told in ["arn:x:things:here:1:service/k/s2 with an explicit deny", "k/s2", "service/k/s2."] {
            assert!(names(&format!("{message}{told}"), &arn), "{told}");
        }
        for told in ["arn:x:things:here:1:service/k/s21", "*", "", "s"] {
            assert!(!names(&format!("{message}{told}"), &arn), "{told}");
        }
        assert!(names("on resource: arn:x:es:here:1:domain/d1", &json!("d1")));
        assert!(!names("on resource: arn:x:es:here:1:domain/d10", &json!("d1")));
        assert!(!names("d1", &json!({"Name": "d1"})));
    }
}
