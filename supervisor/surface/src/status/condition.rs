//! How the worker itself is: its connections, its sandbox, what is not as it should be.

use jiff::Timestamp;
use serde::Serialize;

/// Where the worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// It has not been connected yet.
    #[default]
    Starting,
    /// It serves.
    Serving,
    /// It goes.
    Stopping,
}

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Up.
    Up,
    /// Down, and tried again.
    Down,
    /// There is nothing to connect for.
    Idle,
}

/// A connection to fixcore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name, that of the peer for the same.
    pub name: String,
    /// How it is.
    pub state: LinkState,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why it is down.
    pub why: Option<String>,
}

/// Something that does not keep the worker from working, and should be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Degraded {
    /// A stable name: `Sandbox`, `History`.
    pub name: String,
    /// What is wrong, and what to do.
    pub why: String,
}

/// The sandbox of the children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// What is wanted: `auto`, `require` or `off`.
    pub mode: String,
    /// One sentence.
    pub summary: String,
    /// The walls, and whether they are there.
    pub walls: Vec<(String, bool)>,
}

/// How the worker is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its name at fixcore.
    pub worker: String,
    /// Its release.
    pub version: String,
    /// Where it is in its life.
    pub stage: Stage,
    /// The address of fixcore.
    pub fixcore: String,
    /// The connections to it.
    pub connections: Vec<Connection>,
    /// What keeps it from working, by name.
    pub failing: Vec<Degraded>,
    /// What does not.
    pub degraded: Vec<Degraded>,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The collectors that are configured.
    pub collectors: Vec<String>,
    /// Accounts at once, for a collector without a number of its own.
    pub pool: usize,
}

impl Condition {
    /// Everything that keeps the worker from working, connections included.
    pub fn all_failing(&self) -> Vec<Degraded> {
        let down = self.connections.iter().filter(|link| link.state == LinkState::Down);
        let down = down.map(|link| Degraded {
            name: link.name.clone(),
            why: link.why.clone().unwrap_or_else(|| "not connected".to_owned()),
        });
        down.chain(self.failing.iter().cloned()).collect()
    }

    /// Why nothing is taken on now; empty if the worker is ready.
    pub fn not_ready(&self) -> Vec<Degraded> {
        let stage = match self.stage {
            Stage::Serving => None,
            Stage::Starting => Some("it is not connected to fixcore yet"),
            Stage::Stopping => Some("it is shutting down"),
        };
        let stage = stage.map(|why| Degraded { name: "Worker".to_owned(), why: why.to_owned() });
        stage.into_iter().chain(self.all_failing()).collect()
    }
}
