//! What stands above a resource in its id, for the calls of its children: some are not listed below it.

use engine::hooks::prelude::*;

pub(super) struct Above;

impl Hook for Above {
    fn name(&self) -> &'static str {
        "above"
    }

    /// Adds `above`, the id of the resource that it belongs to, and `group`, the id of its resource group.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let id = document["id"].as_str().unwrap_or_default().to_owned();
            for (name, found) in [("above", above(&id)), ("group", group(&id))] {
                if let Some(found) = found {
                    document[name] = found.into();
                }
            }
            Ok(Verdict::Keep)
        })
    }
}

/// Without the last two parts, which are the type and the name.
fn above(id: &str) -> Option<&str> {
    let (parent, _) = id.rsplit_once('/')?;
    Some(parent.rsplit_once('/')?.0).filter(|above| !above.is_empty())
}

/// Up to the name of the resource group.
fn group(id: &str) -> Option<&str> {
    let parts: Vec<&str> = id.split('/').collect();
    let at = parts.iter().position(|part| part.eq_ignore_ascii_case("resourceGroups"))?;
    let name = parts.get(at + 1).filter(|name| !name.is_empty())?;
    let length = parts[..=at].iter().map(|part| part.len() + 1).sum::<usize>() + name.len();
    id.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ids_are_ids() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/managedInstances/m";
        assert_eq!(group(id), Some("/subscriptions/s/resourceGroups/g"));
        assert_eq!(above(id), Some("/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"));
        assert_eq!(group("/subscriptions/s/resourcegroups/g"), Some("/subscriptions/s/resourcegroups/g"));
        assert_eq!((above("x"), group("/subscriptions/s")), (None, None));
    }
}
