//! How a resource ends in a run of cleanup.

/// The end of one resource. Reasons are phrases without the name of the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted, or was not there any more.
    Gone,
    /// A dry run: it would be deleted.
    Planned,
    /// It was tried in vain.
    Failed(String),
    /// It must not, or cannot, be deleted; it was not tried.
    Refused(String),
    /// Something that depends on it stays, so it was not touched.
    Skipped(String),
    /// The run ended before.
    Unfinished(String),
    /// This worker does not get into its account. Another worker may, so fixcore is told nothing about it.
    Elsewhere(String),
}

impl Fate {
    /// Whether what it depends on may go.
    pub fn makes_room(&self) -> bool {
        matches!(self, Self::Gone | Self::Planned)
    }

    /// A stable name for records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Planned => "planned",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Skipped(_) => "skipped",
            Self::Unfinished(_) => "unfinished",
            Self::Elsewhere(_) => "elsewhere",
        }
    }

    /// Why it is still there, if it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Gone | Self::Planned => None,
            Self::Failed(reason)
            | Self::Refused(reason)
            | Self::Skipped(reason)
            | Self::Unfinished(reason)
            | Self::Elsewhere(reason) => Some(reason),
        }
    }
}
