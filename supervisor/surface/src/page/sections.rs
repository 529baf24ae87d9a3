//! The parts of the page around the accounts.

use std::time::Duration;

use super::Page;
use super::accounts::error;
use super::html::{Html, put};
use super::words::{ago, since, span, when};
use crate::history::{ResourceReport, RunKind, RunOutcome, RunSummary};
use crate::status::{Condition, Degraded, LinkState, Phase, RunNow, Stage};
use crate::text::{counted, thousands};

/// Causes that are shown; the report of the run has all.
const MOST_FAULTS: usize = 50;
/// Resources of a cleanup that are shown.
const MOST_RESOURCES: usize = 100;
/// Runs that are shown.
const MOST_RUNS: usize = 20;

pub(super) fn head(html: &mut Html, page: &Page<'_>) {
    let condition = page.condition;
    put!(
        html,
        "<header><h1>fixworker<small>",
        (&condition.worker),
        ", version ",
        (&condition.version),
        "</small></h1>"
    );
    let (class, word) =
        match (condition.stage, condition.all_failing().is_empty(), condition.degraded.is_empty()) {
            (Stage::Starting, ..) => ("tag warn", "starting"),
            (Stage::Stopping, ..) => ("tag warn", "shutting down"),
            (Stage::Serving, false, _) => ("tag bad", "not well"),
            (Stage::Serving, true, false) => ("tag warn", "ready, with limits"),
            (Stage::Serving, true, true) => ("tag ok", "ready"),
        };
    put!(
        html,
        "<p role=\"status\"><span class=\"",
        (class),
        "\">",
        (word),
        "</span> ",
        (doing(page)),
        "</p></header>"
    );
}

/// What it does, in words that seldom change: they are read out when they do.
fn doing(page: &Page<'_>) -> String {
    let collects = page.view.run.is_some();
    match (collects, page.view.cleanup.is_some()) {
        (true, true) => "It collects and cleans up.".to_owned(),
        (true, false) => "It collects.".to_owned(),
        (false, true) => "It cleans up.".to_owned(),
        (false, false) => "Nothing runs.".to_owned(),
    }
}

pub(super) fn connections(html: &mut Html, page: &Page<'_>) {
    let condition = page.condition;
    put!(
        html,
        "<section aria-labelledby=\"h-core\"><h2 id=\"h-core\">fixcore</h2><p class=\"soft\">",
        (&condition.fixcore)
    );
    put!(html, "</p><ul class=\"plain\">");
    for link in &condition.connections {
        let (class, word) = match link.state {
            LinkState::Up => ("tag ok", "connected"),
            LinkState::Down => ("tag bad", "not connected"),
            LinkState::Idle => ("tag", "not needed"),
        };
        put!(html, "<li><span class=\"", (class), "\">", (word), "</span> ", (&link.name));
        if let Some(since) = link.since {
            put!(html, " <small>since ", (when(since)), "</small>");
        }
        if let Some(why) = link.why.as_ref().filter(|_| link.state == LinkState::Down) {
            put!(html, "<br>", (why));
        }
        put!(html, "</li>");
    }
    troubles(html, &condition.failing, "tag bad");
    troubles(html, &condition.degraded, "tag warn");
    put!(html, "</ul></section>");
}

fn troubles(html: &mut Html, troubles: &[Degraded], class: &'static str) {
    for Degraded { name, why } in troubles {
        put!(html, "<li><span class=\"", (class), "\">", (name), "</span> ", (why), "</li>");
    }
}

pub(super) fn sandbox(html: &mut Html, condition: &Condition) {
    let sandbox = &condition.sandbox;
    put!(
        html,
        "<section aria-labelledby=\"h-walls\"><h2 id=\"h-walls\">Sandbox of the children <small>",
        (&sandbox.mode)
    );
    put!(html, "</small></h2><p>", (&sandbox.summary), "</p><ul class=\"chips\">");
    for (wall, is_there) in &sandbox.walls {
        let (class, word) = if *is_there { ("tag ok", "") } else { ("tag warn", "no ") };
        put!(html, "<li class=\"", (class), "\">", (word), (wall), "</li>");
    }
    put!(html, "</ul><p class=\"soft\">Collectors: ", (condition.collectors.join(", ")), "</p></section>");
}

/// The run that is on, the one of the past that is looked at, or the last one.
pub(super) fn run(html: &mut Html, page: &Page<'_>) {
    put!(html, "<section aria-labelledby=\"h-run\">");
    match (page.past, &page.view.run) {
        (Some(past), _) => {
            put!(html, "<h2 id=\"h-run\">Run ", (&past.id), "</h2>");
            facts(html, page, &past.summarize());
            put!(
                html,
                "<p><a href=\"./\">Back to what is on</a> · <a href=\"runs/",
                (&past.id),
                "\">The whole report (JSON)</a></p>"
            );
        }
        (None, Some(run)) => now(html, page, run),
        (None, None) => {
            put!(html, "<h2 id=\"h-run\">Last collect run</h2>");
            match page.runs.iter().find(|run| run.kind == RunKind::Collect) {
                Some(run) => facts(html, page, run),
                None => put!(html, "<p class=\"soft\">None is in the history.</p>"),
            }
        }
    }
    for (is_error, text) in page.view.notices.iter().filter(|_| page.past.is_none()) {
        put!(html, "<p><span class=\"");
        if *is_error {
            put!(html, "tag bad\">trouble");
        } else {
            put!(html, "tag\">note");
        }
        put!(html, "</span> ", (text), "</p>");
    }
    put!(html, "</section>");
}

fn now(html: &mut Html, page: &Page<'_>, run: &RunNow) {
    let view = page.view;
    put!(html, "<h2 id=\"h-run\">Collecting</h2>");
    let count = |phase: Phase| view.counts[phase as usize];
    let over: usize = Phase::ALL.into_iter().filter(|phase| phase.is_over()).map(count).sum();
    let shown: usize = view.counts.iter().sum();
    put!(
        html,
        "<p>Since ",
        (when(run.began)),
        ", ",
        (since(run.began, page.now)),
        ". <small>Task ",
        (&run.task),
        "</small></p>"
    );
    if shown > 0 {
        put!(
            html,
            "<p><progress max=\"",
            (shown),
            "\" value=\"",
            (over),
            "\" aria-label=\"accounts that are over\"></progress></p>"
        );
        put!(html, "<p>", (thousands(over as u64)), " of ", (counted(shown as u64, "account")), " over: ");
        let parts = Phase::ALL.into_iter().filter(|phase| count(*phase) > 0);
        let parts: Vec<_> =
            parts.map(|phase| format!("{} {}", thousands(count(phase) as u64), phase.name())).collect();
        put!(html, (parts.join(", ")), ".</p>");
    }
    if count(Phase::Waiting) > 0 {
        put!(
            html,
            "<p class=\"soft\">What waits, waits for its turn: fixworker.pool_size is ",
            (page.condition.pool)
        );
        put!(html, ", and a collector may have a pool of its own.</p>");
    }
    if !run.listing.is_empty() {
        put!(
            html,
            "<p>The accounts of ",
            (run.listing.join(", ")),
            " are being listed: nothing is collected before all are known.</p>"
        );
    }
}

fn facts(html: &mut Html, page: &Page<'_>, run: &RunSummary) {
    let totals = &run.totals;
    put!(html, "<p><span class=\"", (outcome(run.outcome)), "\">", (run.outcome.name()), "</span> ");
    if let Some(ended) = run.ended {
        put!(html, (when(ended)), ", ", (ago(ended, page.now)), ", ");
    }
    put!(html, "after ", (span(Duration::try_from_secs_f64(run.duration_s).unwrap_or_default())), ". ");
    if run.kind == RunKind::Collect {
        put!(html, (thousands(totals.done)), " of ", (counted(totals.accounts, "account")), " collected, ");
        put!(html, (counted(totals.nodes, "node")), ", ", (counted(totals.faults, "fault")), ", ");
        put!(html, (counted(totals.denied, "denied call")), ".");
    } else {
        put!(html, (&run.summary), ".");
    }
    put!(html, "</p>");
    if let Some(message) = &run.message {
        put!(html, "<p>", (message), "</p>");
    }
}

fn outcome(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Done => "tag ok",
        RunOutcome::SomeFailed | RunOutcome::Stopped => "tag warn",
        RunOutcome::Failed => "tag bad",
    }
}

pub(super) fn faults(html: &mut Html, page: &Page<'_>) {
    let groups = page.view.faults.sorted();
    if groups.is_empty() {
        return;
    }
    put!(html, "<section aria-labelledby=\"h-faults\"><h2 id=\"h-faults\">Faults</h2><table><caption>");
    put!(
        html,
        "Each cause once; what costs something comes first</caption><thead><tr><th scope=\"col\">Kind</th>"
    );
    put!(html, "<th scope=\"col\">What happened, and what to do</th><th scope=\"col\">Where</th>");
    put!(html, "<th scope=\"col\" class=\"n\">Times</th></tr></thead><tbody>");
    for group in groups.iter().take(MOST_FAULTS) {
        put!(html, "<tr><th scope=\"row\"><span class=\"");
        put!(
            html,
            (if group.costs { "tag bad" } else { "tag" }),
            "\">",
            (&group.error.kind),
            "</span></th><td class=\"what\">"
        );
        error(html, Some(&group.error));
        put!(html, "</td><td>", (group.whom.join(", ")));
        if group.more > 0 {
            put!(html, " and ", (thousands(group.more)), " more");
        }
        put!(html, "</td><td class=\"n\" data-label=\"times\">", (thousands(group.count)), "</td></tr>");
    }
    put!(html, "</tbody></table>");
    let more = groups.len().saturating_sub(MOST_FAULTS) as u64 + page.view.faults.beyond();
    if more > 0 {
        put!(html, "<p class=\"soft\">And ", (thousands(more)), " more: the report of the run has all.</p>");
    }
    put!(html, "</section>");
}

pub(super) fn cleanup(html: &mut Html, page: &Page<'_>) {
    let view = page.view;
    if view.cleanup.is_none() && view.cleaned.is_none() {
        return;
    }
    put!(html, "<section aria-labelledby=\"h-clean\"><h2 id=\"h-clean\">Cleanup</h2>");
    if let Some(now) = &view.cleanup {
        put!(
            html,
            "<p><span class=\"tag busy\">running</span> since ",
            (when(now.began)),
            ", ",
            (since(now.began, page.now)),
            "</p>"
        );
        put!(html, "<ul class=\"plain\">");
        for (account, (ended, all)) in now.accounts.iter().take(MOST_RESOURCES) {
            put!(
                html,
                "<li><progress max=\"",
                (all),
                "\" value=\"",
                (ended),
                "\" aria-label=\"",
                (account),
                "\"></progress> "
            );
            put!(html, (account), ": ", (ended), " of ", (all), " resources</li>");
        }
        put!(html, "</ul>");
    }
    if let Some((ended, dry_run, said, resources)) = &view.cleaned {
        put!(html, "<p>");
        if *dry_run {
            put!(html, "<span class=\"tag\">dry run</span> ");
        }
        put!(
            html,
            "The last one ended ",
            (when(*ended)),
            ", ",
            (ago(*ended, page.now)),
            ": ",
            (said),
            "</p>"
        );
        cleaned(html, resources);
    }
    put!(html, "</section>");
}

fn cleaned(html: &mut Html, resources: &[ResourceReport]) {
    if resources.is_empty() {
        return;
    }
    put!(
        html,
        "<details><summary>",
        (counted(resources.len() as u64, "resource")),
        "</summary><table><thead><tr>"
    );
    put!(html, "<th scope=\"col\">Resource</th><th scope=\"col\">Account</th><th scope=\"col\">Fate</th>");
    put!(html, "<th scope=\"col\">Why, or what would be done</th></tr></thead><tbody>");
    for resource in resources.iter().take(MOST_RESOURCES) {
        let class = match resource.fate.as_str() {
            "gone" | "planned" => "tag ok",
            "failed" | "unfinished" => "tag bad",
            _ => "tag warn",
        };
        put!(
            html,
            "<tr><th scope=\"row\">",
            (&resource.resource),
            "</th><td>",
            (resource.account.as_deref().unwrap_or(""))
        );
        put!(
            html,
            "</td><td><span class=\"",
            (class),
            "\">",
            (&resource.fate),
            "</span></td><td class=\"what\">"
        );
        put!(html, (resource.reason.as_deref().unwrap_or("")), (resource.steps.join("; ")), "</td></tr>");
    }
    put!(html, "</tbody></table>");
    if resources.len() > MOST_RESOURCES {
        let more = (resources.len() - MOST_RESOURCES) as u64;
        put!(html, "<p class=\"soft\">And ", (thousands(more)), " more: the report of the run has all.</p>");
    }
    put!(html, "</details>");
}

pub(super) fn runs(html: &mut Html, page: &Page<'_>) {
    put!(html, "<section aria-labelledby=\"h-runs\"><h2 id=\"h-runs\">Last runs</h2>");
    if page.runs.is_empty() {
        put!(html, "<p class=\"soft\">None yet.</p></section>");
        return;
    }
    put!(
        html,
        "<table><thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Outcome</th><th scope=\"col\">What it did</th>"
    );
    put!(html, "<th scope=\"col\" class=\"n\">Faults</th><th scope=\"col\" class=\"n\">Denied</th>");
    put!(html, "<th scope=\"col\" class=\"n\">Time</th></tr></thead><tbody>");
    for run in page.runs.iter().take(MOST_RUNS) {
        put!(
            html,
            "<tr data-key=\"run-",
            (&run.id),
            "\"><th scope=\"row\"><a class=\"whole\" data-view=\"\" href=\"?run=",
            (&run.id),
            "\">"
        );
        put!(
            html,
            (&run.id),
            "</a></th><td><span class=\"",
            (outcome(run.outcome)),
            "\">",
            (run.outcome.name()),
            "</span></td><td class=\"what\">"
        );
        if run.dry_run == Some(true) {
            put!(html, "dry run: ");
        }
        put!(
            html,
            (run.message.as_ref().unwrap_or(&run.summary)),
            "</td><td class=\"n\" data-label=\"faults\">"
        );
        put!(
            html,
            (thousands(run.totals.faults)),
            "</td><td class=\"n\" data-label=\"denied\">",
            (thousands(run.totals.denied))
        );
        let took = Duration::try_from_secs_f64(run.duration_s).unwrap_or_default();
        put!(html, "</td><td class=\"n\" data-label=\"time\">", (span(took)), "</td></tr>");
    }
    put!(html, "</tbody></table></section>");
}
