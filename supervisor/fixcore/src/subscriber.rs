//! Who we are at fixcore.

/// A worker as fixcore knows it. Workers that share accounts read one config document, and each has a name of its own:
/// fixcore keeps one connection for each name, and waits for each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    document: String,
    part: Option<u32>,
}

impl Subscriber {
    /// A worker that is alone with its config document.
    pub fn new(document: &str) -> Self {
        Self { document: document.to_owned(), part: None }
    }

    /// One of several workers of a config document, by its number.
    #[must_use]
    pub fn part(self, part: Option<u32>) -> Self {
        Self { part, ..self }
    }

    /// The config document: `fix.worker`.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The name of this worker alone: `fix.worker`, or `fix.worker.2` of those that share accounts.
    pub fn name(&self) -> String {
        match self.part {
            None => self.document.clone(),
            Some(part) => format!("{}.{part}", self.document),
        }
    }

    /// The name under which actions are subscribed: `fix.worker-collector`, `fix.worker.2-collector`.
    pub fn of_actions(&self) -> String {
        format!("{}-collector", self.name())
    }
}

impl From<&str> for Subscriber {
    fn from(document: &str) -> Self {
        Self::new(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_share_have_one_document_and_different_names() {
        let alone = Subscriber::new("fix.worker");
        assert_eq!((alone.name(), alone.of_actions()), ("fix.worker".into(), "fix.worker-collector".into()));
        let second = alone.part(Some(2));
        assert_eq!(second.document(), "fix.worker");
        assert_eq!(
            (second.name(), second.of_actions()),
            ("fix.worker.2".into(), "fix.worker.2-collector".into())
        );
    }
}
