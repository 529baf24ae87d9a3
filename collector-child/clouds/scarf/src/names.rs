//! Names of packages come with their owner before them, or without.

use engine::hooks::prelude::*;

pub(crate) struct PackageNames;

impl Hook for PackageNames {
    fn name(&self) -> &'static str {
        "package_names"
    }

    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if let Some(name) = without_owner(document) {
                document["name"] = name.into();
            }
            Ok(Verdict::Keep)
        })
    }
}

/// The name, if it begins with the owner.
fn without_owner(package: &Value) -> Option<String> {
    let owner = package["owner"].as_str().filter(|owner| !owner.is_empty())?;
    let name = package["name"].as_str()?.strip_prefix(owner)?.strip_prefix('/')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_left_out() {
        let name = |owner: Value, name: &str| without_owner(&json!({"owner": owner, "name": name}));
        assert_eq!(name(json!("demo"), "demo/tool").as_deref(), Some("tool"));
        assert_eq!(name(json!("demo"), "other/tool"), None);
        assert_eq!(name(json!("demo"), "demotool"), None);
        assert_eq!(name(json!(null), "/tool"), None);
        assert_eq!(without_owner(&Value::Null), None);
    }
}
