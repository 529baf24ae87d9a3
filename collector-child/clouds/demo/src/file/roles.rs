//! The place of a node in the hierarchy, told by its kind.

use collector::wire_role;
use inventory::KindTable;
use ipc_proto::graph::Role;

/// Kinds of accounts whose collectors are not in this build.
const ACCOUNTS: [&str; 13] = [
    "aws_account",
    "azure_subscription",
    "digitalocean_team",
    "dockerhub_namespace",
    "gcp_project",
    "github_account",
    "hcloud_project",
    "kubernetes_cluster",
    "microsoft_graph_organization",
    "onelogin_account",
    "posthog_project",
    "scarf_organization",
    "slack_team",
];
/// Kinds of regions and zones whose collectors are not in this build.
const REGIONS: [&str; 12] = [
    "aws_region",
    "azure_location",
    "digitalocean_region",
    "gcp_region",
    "gcp_zone",
    "github_region",
    "hcloud_datacenter",
    "hcloud_location",
    "kubernetes_namespace",
    "microsoft_graph_organization_root",
    "onelogin_region",
    "slack_region",
];
const ORGANIZATIONS: [&str; 2] = ["aws_organizational_root", "aws_organizational_unit"];

/// The role of nodes of this kind; kinds that nobody knows are resources.
pub(super) fn of_kind(table: &KindTable, kind: &str) -> Role {
    match table.kind(kind) {
        Ok(kind) => wire_role(table.role(kind)),
        Err(_) if ACCOUNTS.contains(&kind) => Role::Account,
        Err(_) if REGIONS.contains(&kind) => Role::Region,
        Err(_) if ORGANIZATIONS.contains(&kind) => Role::Organization,
        Err(_) => Role::Resource,
    }
}

/// Whether nodes of this unknown kind may be accounts. Many resources are called so too (a storage account), so
/// only a place right below the cloud decides.
pub(super) fn may_be_account(table: &KindTable, kind: &str) -> bool {
    !table.contains(kind) && kind.ends_with("_account")
}

/// The kinds of accounts that a file may hold.
pub(super) fn account_kinds(table: Option<&KindTable>) -> Vec<String> {
    let known = table.into_iter().flat_map(|table| {
        let is_account =
            |name: &&str| table.is_a(name, "account") && *name != "account" && *name != "unknown_account";
        table.names().filter(is_account).collect::<Vec<_>>()
    });
    let mut kinds: Vec<String> = known.chain(ACCOUNTS).map(ToOwned::to_owned).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_goes_before_the_lists() {
        let table = KindTable::load(&["base", "example"]).unwrap();
        assert_eq!(of_kind(&table, "cloud"), Role::Cloud);
        assert_eq!(of_kind(&table, "example_account"), Role::Account);
        assert_eq!(of_kind(&table, "aws_account"), Role::Account);
        assert_eq!(of_kind(&table, "gcp_zone"), Role::Region);
        assert_eq!(of_kind(&table, "azure_storage_account"), Role::Resource);
        assert!(
            may_be_account(&table, "azure_storage_account") && !may_be_account(&table, "example_account")
        );
        assert!(account_kinds(Some(&table)).contains(&"example_account".to_owned()));
    }
}
