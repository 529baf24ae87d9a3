//! What the daemon tells the service of the tasks.

use fixworker_settings::Running;

/// What the daemon says.
#[derive(Debug)]
pub(super) enum Order {
    /// New settings.
    Configure(Box<Running>),
    /// No more tasks are begun.
    ShutDown,
    /// What still runs is given up.
    GiveUp,
}
