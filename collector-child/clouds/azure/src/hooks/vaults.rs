//! Where key vaults send what happens in them: diagnostic settings are listed for each of them.

use engine::hooks::prelude::*;

pub(super) struct VaultDiagnostics;

const KIND: &str = "azure_monitor_diagnostic_settings";
const VAULT: &str = "azure_key_vault";
const OPERATION: &str = "GET {+vault}/providers/Microsoft.Insights/diagnosticSettings";
/// Vaults asked at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 8;

impl Hook for VaultDiagnostics {
    fn name(&self) -> &'static str {
        "vault_diagnostics"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&[VAULT])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects_child(KIND) {
                return Ok(());
            }
            let vaults: Vec<(Option<RegionIndex>, Value)> = context.graph(|graph| {
                let vaults = graph.of_kind(VAULT).into_iter();
                vaults
                    .filter_map(|vault| Some((graph.region_of(vault), graph.property(vault, "id")?)))
                    .collect()
            });
            each(AT_ONCE, vaults, |(region, vault)| {
                Box::pin(async move {
                    let context = region.map_or(context, |region| context.at(region));
                    let ask = context.ask("arm", OPERATION).with("path", json!({"+vault": vault}));
                    let ask = ask.with("query", json!({"api-version": "2021-05-01-preview"}));
                    for document in ask.all("value").await? {
                        context.make(KIND, document).await?;
                    }
                    Ok(())
                })
            })
            .await
        })
    }
}
