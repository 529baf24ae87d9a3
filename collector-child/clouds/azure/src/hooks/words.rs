//! Tags of service principals are words without values.

use engine::hooks::prelude::*;

pub(super) struct Words;

impl Hook for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    /// Adds `words`, with each of them as the name of a tag.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let told = document["tags"].as_array().into_iter().flatten();
            let words = told.filter_map(|word| Some((word.as_str()?.to_owned(), "yes".into())));
            let words: Map<String, Value> = words.collect();
            document["words"] = words.into();
            Ok(Verdict::Keep)
        })
    }
}
