//! What the kind tables of Microsoft Azure cannot say; see [`engine::hooks`].

mod above;
mod configurations;
mod findings;
mod organization;
mod policies;
mod ports;
mod server_types;
mod sizes;
mod storage_skus;
mod vaults;
mod words;

use engine::hooks::Hooks;

/// All hooks.
pub(crate) fn all() -> Hooks {
    Hooks::new(vec![
        Box::new(above::Above),
        Box::new(configurations::Configurations),
        Box::new(findings::Findings),
        Box::new(organization::OrganizationEdge),
        Box::new(policies::Policies),
        Box::new(ports::PortRanges),
        Box::new(server_types::MYSQL),
        Box::new(server_types::POSTGRESQL),
        Box::new(sizes::MACHINES),
        Box::new(storage_skus::StorageSkus),
        Box::new(vaults::VaultDiagnostics),
        Box::new(words::Words),
    ])
}
