//! What is in a registry is where that is, which the API tells of the registry alone.

use engine::hooks::prelude::*;

pub(crate) struct Registry;

impl Hook for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if let (Some(repository), Some(registry)) = (document.as_object_mut(), parent) {
                repository.insert("region".to_owned(), registry["registry"]["region"].clone());
            }
            Ok(Verdict::Keep)
        })
    }
}
