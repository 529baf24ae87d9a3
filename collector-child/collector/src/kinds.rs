//! The kinds of a collector.

use std::sync::OnceLock;

use inventory::{KindTable, KindTableError};
use ipc_proto::fault::FaultKind;

use crate::fault::{Failure, fault};

/// The kinds of a collector, loaded when first asked for.
#[derive(Debug)]
pub struct Kinds {
    files: &'static [&'static str],
    table: OnceLock<Result<KindTable, KindTableError>>,
}

impl Kinds {
    /// The kinds of these data files.
    pub const fn of(files: &'static [&'static str]) -> Self {
        Self { files, table: OnceLock::new() }
    }

    /// The kinds.
    pub fn table(&self) -> Result<&KindTable, Failure> {
        self.table
            .get_or_init(|| KindTable::load(self.files))
            .as_ref()
            .map_err(|error| fault(FaultKind::Internal, error.to_string()).into())
    }

    /// The kinds as fixcore's model takes them. Broken ones (which tests rule out) show as an empty model; a
    /// collection then says why.
    pub fn model(&self) -> String {
        self.table().ok().and_then(|table| table.export_model().ok()).unwrap_or_else(|| "[]".to_owned())
    }
}
