//! Faults as people want them: each cause once, with whom it hit.

use indexmap::IndexMap;

use crate::report::{FaultReport, Report, ReportError};

/// Causes that are told apart; more are counted only.
const MOST: usize = 200;
/// Accounts that are named for one cause.
const NAMED: usize = 5;

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultGroup {
    /// What it is, and what to do.
    pub error: ReportError,
    /// It costs an account, or something of one.
    pub costs: bool,
    /// Whom it hit first.
    pub whom: Vec<String>,
    /// Whom it hit besides.
    pub more: u64,
    /// How often it occurred.
    pub count: u64,
}

/// All causes, in the order of their first time.
#[derive(Debug, Clone, Default)]
pub struct FaultGroups {
    groups: IndexMap<(String, String), FaultGroup>,
    /// Faults without a group of their own.
    beyond: u64,
}

impl FaultGroups {
    /// Takes in one fault of `whom`, which occurred `count` times.
    pub fn add(&mut self, whom: &str, error: &ReportError, costs: bool, count: u32) {
        let key = (error.kind.clone(), error.message.clone());
        if !self.groups.contains_key(&key) && self.groups.len() >= MOST {
            self.beyond += u64::from(count);
            return;
        }
        let new = || FaultGroup { error: error.clone(), costs, whom: Vec::new(), more: 0, count: 0 };
        let group = self.groups.entry(key).or_insert_with(new);
        group.costs |= costs;
        group.count += u64::from(count.max(1));
        if group.whom.iter().any(|known| known == whom) {
            return;
        }
        if group.whom.len() < NAMED {
            group.whom.push(whom.to_owned());
        } else {
            group.more += 1;
        }
    }

    /// Those of a run that is over.
    pub fn of_report(report: &Report) -> Self {
        let mut groups = Self::default();
        for failed in &report.collectors {
            groups.add(&failed.collector, &failed.error, true, 1);
        }
        for account in &report.accounts {
            if let Some(error) = &account.error {
                groups.add(&account.title(), error, true, 1);
            }
        }
        for fault in &report.faults {
            groups.add(&whom(fault), &fault.error, !fault.remark, fault.count);
        }
        groups
    }

    /// What costs something first, then what is most frequent.
    pub fn sorted(&self) -> Vec<FaultGroup> {
        let mut groups: Vec<_> = self.groups.values().cloned().collect();
        groups.sort_by_key(|group| (!group.costs, std::cmp::Reverse(group.count)));
        groups
    }

    /// Faults that have no group.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

/// Account, region, service and call.
fn whom(fault: &FaultReport) -> String {
    let account = match &fault.account {
        Some(account) => format!("{}/{account}", fault.cloud),
        None => format!("accounts of {}", fault.cloud),
    };
    let parts = fault.region.iter().chain(&fault.service).chain(&fault.action);
    parts.fold(account, |text, part| format!("{text} {part}"))
}
