//! The accounts: a table of one page of them, with what chooses them above.

use jiff::Timestamp;

use super::Page;
use super::html::{Html, put};
use super::words::{class, sign, since, span};
use crate::report::{AccountState, ReportError};
use crate::status::{Filter, Phase, Query, Row};
use crate::text::{counted, duration, size, thousands};

pub(super) fn section(html: &mut Html, page: &Page<'_>) {
    let view = page.view;
    put!(html, "<section id=\"accounts\" aria-labelledby=\"h-accounts\"><h2 id=\"h-accounts\">");
    put!(html, (title(page)), "</h2>");
    if view.accounts == 0 {
        put!(html, "<p class=\"soft\">", (nothing(page)), "</p></section>");
        return;
    }
    chips(html, page);
    form(html, page.query);
    table(html, page);
    pages(html, page);
    put!(html, "</section>");
}

fn title(page: &Page<'_>) -> String {
    match (&page.past, &page.view.run) {
        (Some(run), _) => format!("Accounts of run {}", run.id),
        (None, Some(_)) => "Accounts of this run".to_owned(),
        (None, None) => "Accounts of the last run".to_owned(),
    }
}

fn nothing(page: &Page<'_>) -> &'static str {
    match (&page.past, &page.view.run) {
        (Some(_), _) => "This run had no accounts.",
        (None, Some(run)) if !run.listing.is_empty() => "They are being listed.",
        (None, Some(_)) => "There is none to collect.",
        (None, None) => {
            "Nothing has been collected yet. fixcore says when: 'workflow run collect' in its shell."
        }
    }
}

/// All, and each phase that has accounts.
fn chips(html: &mut Html, page: &Page<'_>) {
    let view = page.view;
    let all: usize = view.counts.iter().sum();
    let phases = Phase::ALL.into_iter().map(|phase| (Filter::Only(phase), view.counts[phase as usize]));
    put!(html, "<ul class=\"chips\" aria-label=\"Which accounts are shown\">");
    for (filter, count) in std::iter::once((Filter::All, all)).chain(phases) {
        let chosen = filter == page.query.filter;
        if count == 0 && !chosen && filter != Filter::All {
            continue;
        }
        let address = Query { filter, ..page.query.clone() }.on_page(0);
        put!(html, "<li data-key=\"chip-", (filter.name()), "\"><a data-view=\"\" href=\"", (address), "\"");
        if chosen {
            put!(html, " aria-current=\"true\"");
        }
        put!(html, ">", (filter.name()), " ", (thousands(count as u64)), "</a></li>");
    }
    put!(html, "</ul>");
}

fn form(html: &mut Html, query: &Query) {
    put!(html, "<form method=\"get\" role=\"search\" data-key=\"search-", (query.filter.name()));
    put!(html, (query.run.as_ref().map_or("", |run| run.as_str())), "\" data-keep=\"\">");
    put!(
        html,
        "<input type=\"search\" name=\"q\" aria-label=\"Name, id or collector\" value=\"",
        (&query.text)
    );
    put!(html, "\" placeholder=\"name, id or collector\" autocomplete=\"off\" maxlength=\"200\">");
    put!(html, "<input type=\"hidden\" name=\"state\" value=\"", (query.filter.name()), "\">");
    if let Some(run) = &query.run {
        put!(html, "<input type=\"hidden\" name=\"run\" value=\"", (run), "\">");
    }
    put!(html, "<button>Search</button></form>");
}

fn table(html: &mut Html, page: &Page<'_>) {
    let view = page.view;
    put!(
        html,
        "<table><caption>",
        (thousands(view.matching as u64)),
        " of ",
        (thousands(view.accounts as u64))
    );
    put!(
        html,
        " accounts; what needs attention comes first</caption><thead><tr><th scope=\"col\">Account</th>"
    );
    put!(
        html,
        "<th scope=\"col\">State</th><th scope=\"col\">What it does, or why</th><th scope=\"col\" class=\"n\">Try</th>"
    );
    put!(html, "<th scope=\"col\" class=\"n\">Memory</th><th scope=\"col\" class=\"n\">Nodes</th>");
    put!(html, "<th scope=\"col\" class=\"n\">Time</th><th scope=\"col\">Last runs</th></tr></thead><tbody>");
    for (account, ends) in &view.rows {
        row(html, page, account, ends);
    }
    put!(html, "</tbody></table>");
    if view.rows.is_empty() {
        put!(html, "<p class=\"soft\">No account is like that.</p>");
    }
}

fn row(html: &mut Html, page: &Page<'_>, row: &Row, ends: &[AccountState]) {
    let key = &row.key;
    put!(html, "<tr data-key=\"", (&key.cloud), "/", (&key.id), "\"><th scope=\"row\">");
    put!(
        html,
        (if row.name.is_empty() { &key.id } else { &row.name }),
        "<br><small>",
        (&key.cloud),
        "/",
        (&key.id)
    );
    if !row.collector.is_empty() && row.collector != key.cloud {
        put!(html, " by ", (&row.collector));
    }
    put!(
        html,
        "</small></th><td><span class=\"",
        (class(row.phase)),
        "\">",
        (row.phase.name()),
        "</span></td>"
    );
    put!(html, "<td class=\"what\">");
    what(html, page, row);
    put!(html, "</td><td class=\"n\" data-label=\"try\">");
    if row.attempt > 0 {
        put!(html, (row.attempt));
    }
    put!(html, "</td><td class=\"n\" data-label=\"memory\">");
    if row.rss > 0 {
        put!(html, (size(row.rss)));
    }
    put!(html, "</td><td class=\"n\" data-label=\"nodes\">");
    if row.nodes > 0 {
        put!(html, (thousands(row.nodes)));
    }
    put!(html, "</td><td class=\"n\" data-label=\"time\">");
    time(html, row, page.now);
    put!(html, "</td><td data-label=\"last runs\">");
    past(html, ends);
    put!(html, "</td></tr>");
}

/// The step of what runs, and why what does not run does not.
fn what(html: &mut Html, page: &Page<'_>, row: &Row) {
    match row.phase {
        Phase::Running => {
            put!(html, (if row.step.is_empty() { "it begins" } else { &row.step }));
            if let Some((name, at, of)) = row.progress.as_ref().filter(|(_, _, of)| *of > 0) {
                put!(
                    html,
                    "<br><progress max=\"",
                    (of),
                    "\" value=\"",
                    (at),
                    "\" aria-label=\"",
                    (name),
                    "\"></progress> "
                );
                put!(html, "<small>", (name), " ", (at), " of ", (of), "</small>");
            }
            if let Some(pid) = row.pid {
                put!(html, " <small>pid ", (pid), "</small>");
            }
        }
        Phase::Waiting => put!(html, "for its turn"),
        Phase::Sending => put!(html, "collected; waits until fixcore has merged it"),
        Phase::Retrying => {
            let wait = row.retry_at.map_or_else(String::new, |at| since(page.now, at));
            put!(html, "again in ", (wait), ": ");
            error(html, row.error.as_ref());
        }
        Phase::Failed | Phase::Cancelled => error(html, row.error.as_ref()),
        Phase::Done => {}
    }
    if row.faults > 0 {
        put!(html, " <small>", (counted(row.faults, "fault")), ", see below</small>");
    }
}

pub(super) fn error(html: &mut Html, error: Option<&ReportError>) {
    let Some(error) = error else { return };
    put!(html, (&error.message));
    if let Some(hint) = &error.hint {
        put!(html, "<br><small>To do: ", (hint), "</small>");
    }
}

fn time(html: &mut Html, row: &Row, now: Timestamp) {
    match (row.phase, row.began, row.took) {
        (Phase::Running, Some(began), _) => put!(html, (since(began, now))),
        (_, _, Some(took)) if !took.is_zero() => put!(html, (duration(took))),
        _ => {}
    }
    if let Some(last) = row.last.filter(|_| !row.phase.is_over() || row.phase == Phase::Done) {
        put!(html, "<br><small>last time ", (span(last)), "</small>");
    }
}

fn past(html: &mut Html, ends: &[AccountState]) {
    if ends.is_empty() {
        return;
    }
    let words: Vec<_> = ends.iter().map(|end| end.name()).collect();
    put!(html, "<span class=\"ends\" role=\"img\" aria-label=\"newest first: ", (words.join(", ")), "\">");
    for end in ends {
        let (class, sign) = sign(*end);
        put!(html, "<span class=\"", (class), "\">", (sign), "</span>");
    }
    put!(html, "</span>");
}

fn pages(html: &mut Html, page: &Page<'_>) {
    let view = page.view;
    if view.pages < 2 {
        return;
    }
    put!(html, "<nav aria-label=\"Pages of accounts\"><ul class=\"chips\">");
    let link = |html: &mut Html, to: usize, word: &'static str| {
        put!(
            html,
            "<li data-key=\"page-",
            (word),
            "\"><a data-view=\"\" href=\"",
            (page.query.on_page(to)),
            "\">"
        );
        put!(html, (word), "</a></li>");
    };
    if view.page > 0 {
        link(html, 0, "first");
        link(html, view.page - 1, "previous");
    }
    put!(html, "<li data-key=\"page-here\">page ", (view.page + 1), " of ", (view.pages), "</li>");
    if view.page + 1 < view.pages {
        link(html, view.page + 1, "next");
        link(html, view.pages - 1, "last");
    }
    put!(html, "</ul></nav>");
}
