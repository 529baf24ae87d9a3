//! What each rogue child does, and what must come of it: the model of the fixture. Tests read the table, the
//! rogue child reads the modes.
//!
//! The account id names the mode; a suffix `-1`, `-2` makes several accounts of one mode.

/// How a rogue child behaves while it collects the account of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    // Well-behaved, more or less.
    /// Sends a small graph.
    Good,
    /// Sends a small graph and two faults.
    Faults,
    /// Its name, its steps and its faults are markup that a browser would obey.
    Script,
    /// Waits until the file `release` is in the directory of markers, with signs of life, and is good then.
    Hold,
    /// Like Hold, and deaf to SIGTERM.
    HoldDeaf,
    /// Crashes on the first attempt, is good on the second.
    Flaky,
    /// Writes 20 MB to standard output and standard error first.
    Noisy,
    /// Leaves a process behind that holds its standard output and error.
    Grandchild,
    /// Leaves processes behind that have left its group and session, if it can; good otherwise.
    SetsidSurvivor,
    /// Tries to read, signal and change its supervisor, and notes in the file `stolen` what worked.
    ReadSupervisor,
    /// Tries to take the connections of the other children, and notes in the file `stolen` what worked.
    TokenThief,
    /// Looks at what it was born with, and for what its siblings have; notes in the file `stolen` what it should not have.
    LookAround,
    /// Connects to fixcore by TCP.
    ReachFixcore,
    /// Tries to change the graphs of others that wait to be sent, until it is released as Hold is; notes what it found.
    StagedFileChanged,
    /// Does not end after Done, whatever happens to the socket.
    Linger,
    /// Sends as many megabytes of nodes as its number says, as fast as it can.
    Bulk,
    /// Sends a property of the wrong type, which only fixcore notices.
    WrongType,
    /// Sends an edge to a node that does not exist.
    Dangling,

    // Poison in the graph.
    /// `metadata.replace` on a resource.
    PoisonedReplace,
    /// `replace` beside `metadata`.
    PoisonedTopReplace,
    /// `ancestors` of another account.
    PoisonedAncestors,
    /// `metadata.exported_at`.
    PoisonedExportedAt,
    /// The account node is that of another account.
    ForeignAccount,
    /// A second account node.
    TwoAccounts,
    /// A resource whose id belongs to the account `good`.
    StolenId,
    /// A resource whose id is that of the account node of `good`.
    StolenAccount,
    /// The cloud has the id of the account node of `good`.
    ForeignCloudNode,
    /// An organizational unit with the id of the account node of `good`.
    OrgTakesAccount,
    /// Text of its own in the lines of root and cloud.
    SharedLines,
    /// `desired` on the cloud.
    MarkedCloud,
    /// `metadata.protected` on the account.
    MarkedAccount,
    /// A resource whose id no rule explains, the same in each account of this mode.
    Contested,
    /// Edges and deferred edges of all types from, to and between nodes that are not its own.
    ForeignEdges,
    /// A million edges to nodes that do not exist.
    UnknownEnds,
    /// 60 faults of 3.9 MB.
    BigFaults,
    /// 900 faults with 40 kB of region and hint, and what a terminal obeys.
    ManyFaults,
    /// 25 lines of progress of 3.9 MB.
    BigProgress,
    /// 200,000 lines of progress.
    ManyProgress,
    /// Listed with a name of 3.9 MB.
    BigAccountName,
    /// Listed as an account of the cloud `example`.
    ListingOtherCloud,
    /// Listed with the account node of `good`.
    ListingOtherNode,
    /// The id in the frame is not the id in the line.
    IdMismatch,
    /// A kind that no model knows.
    UnknownKind,
    /// A line that is no JSON.
    InvalidJson,
    /// A line break inside a line.
    RawNewline,
    /// A node that nothing leads to.
    Detached,
    /// A cycle of delete edges.
    Cycle,

    // Lies about what was sent.
    /// A chunk is left out.
    SeqGap,
    /// Done counts more than was sent.
    TotalsLie,
    /// Done has another digest.
    DigestLie,

    // Ends.
    /// Aborts.
    Crash,
    /// Kills itself with SIGKILL, as the kernel does when memory is short.
    KillSelf,
    /// Ends with 0 before Done.
    EndEarly,
    /// Ends with this code before Done.
    Exit(u8),
    /// Says Fatal: credentials.
    FatalCredentials,
    /// Says Fatal: unavailable, try later.
    FatalUnavailable,
    /// Ends with 70 after Done.
    ExitAfterDone,

    // Silence.
    /// Says nothing at all after Start.
    NeverReady,
    /// Says nothing after Ready.
    Silent,
    /// Says that it lives, and does nothing.
    Stuck,

    // Broken frames.
    /// A payload that is no message.
    Junk,
    /// A length above the cap.
    Oversize,
    /// A length of zero.
    Empty,
    /// Ends in the middle of a frame.
    Truncated,

    // Before Welcome.
    /// Never connects.
    NeverConnect,
    /// Connects and says nothing.
    NeverHello,
    /// Opens with other magic bytes.
    BadMagic,
    /// Speaks only a version of the future.
    WrongVersion,
}

/// What the report says about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its graph is in the output.
    Done,
    /// It is not.
    Failed,
}

/// What must come of a mode, with two attempts allowed.
#[derive(Debug, Clone, Copy)]
pub struct Expectation {
    /// The name, which is the account id.
    pub name: &'static str,
    /// What the child does.
    pub mode: Mode,
    /// How the account ends.
    pub state: State,
    /// How many attempts it takes.
    pub attempts: u64,
    /// `error.kind` in the report; empty without an error.
    pub kind: &'static str,
    /// Parts of `error.message` or `error.hint` in the report.
    pub says: &'static [&'static str],
}

const fn done(name: &'static str, mode: Mode, attempts: u64) -> Expectation {
    Expectation { name, mode, state: State::Done, attempts, kind: "", says: &[] }
}

const fn failed(
    name: &'static str,
    mode: Mode,
    attempts: u64,
    kind: &'static str,
    says: &'static [&'static str],
) -> Expectation {
    Expectation { name, mode, state: State::Failed, attempts, kind, says }
}

/// A broken protocol is tried again: the next process may do better.
const fn violation(name: &'static str, mode: Mode, says: &'static [&'static str]) -> Expectation {
    failed(name, mode, 2, "protocol_violation", says)
}

/// All modes. The sections of the tests are slices of it, by [`among`].
pub const TABLE: &[Expectation] = &[
    done("good", Mode::Good, 1),
    done("faults", Mode::Faults, 1),
    done("script", Mode::Script, 1),
    done("hold", Mode::Hold, 1),
    done("hold_deaf", Mode::HoldDeaf, 1),
    done("flaky", Mode::Flaky, 2),
    done("noisy", Mode::Noisy, 1),
    done("grandchild", Mode::Grandchild, 1),
    done("setsid_survivor", Mode::SetsidSurvivor, 1),
    done("read_supervisor_environ", Mode::ReadSupervisor, 1),
    done("token_thief", Mode::TokenThief, 1),
    done("look_around", Mode::LookAround, 1),
    done("reach_fixcore", Mode::ReachFixcore, 1),
    done("staged_file_changed", Mode::StagedFileChanged, 1),
    done("linger", Mode::Linger, 1),
    done("bulk", Mode::Bulk, 1),
    done("wrong_type", Mode::WrongType, 1),
    done("dangling", Mode::Dangling, 1),
    violation("poisoned_replace", Mode::PoisonedReplace, &["replace", "only the supervisor"]),
    violation("poisoned_top_replace", Mode::PoisonedTopReplace, &["\"replace\""]),
    violation("poisoned_ancestors", Mode::PoisonedAncestors, &["\"ancestors\""]),
    violation("poisoned_exported_at", Mode::PoisonedExportedAt, &["exported_at"]),
    violation("foreign_account", Mode::ForeignAccount, &["its id is", "has to be"]),
    violation("two_accounts", Mode::TwoAccounts, &["second account"]),
    failed("stolen_id", Mode::StolenId, 1, "protocol_violation", &["belong to", "good"]),
    failed("steal_account", Mode::StolenAccount, 1, "protocol_violation", &["belong to", "good"]),
    violation("foreign_cloud_node", Mode::ForeignCloudNode, &["its id is", "has to be", ids::CLOUD]),
    violation("org_takes_account", Mode::OrgTakesAccount, &["not the one that an organization"]),
    done("shared_lines", Mode::SharedLines, 1),
    violation("marked_cloud", Mode::MarkedCloud, &["it carries desired"]),
    violation("marked_account", Mode::MarkedAccount, &["it carries protected"]),
    failed("contested", Mode::Contested, 1, "contested", &["claims as well", "contested"]),
    done("foreign_edges", Mode::ForeignEdges, 1),
    violation("unknown_ends", Mode::UnknownEnds, &["edge ends that are no nodes"]),
    done("big_faults", Mode::BigFaults, 1),
    done("many_faults", Mode::ManyFaults, 1),
    done("big_progress", Mode::BigProgress, 1),
    done("many_progress", Mode::ManyProgress, 1),
    done("big_account_name", Mode::BigAccountName, 1),
    violation("listing_other_cloud", Mode::ListingOtherCloud, &["it collects cloud rogue only"]),
    violation("listing_other_node", Mode::ListingOtherNode, &["not the one of this account"]),
    violation("id_mismatch", Mode::IdMismatch, &["id"]),
    violation("unknown_kind", Mode::UnknownKind, &["rogue_nonsense", "not in the model"]),
    violation("invalid_json", Mode::InvalidJson, &["not valid JSON"]),
    violation("raw_newline", Mode::RawNewline, &["not valid JSON"]),
    failed("detached", Mode::Detached, 1, "internal", &["not valid", "detached"]),
    failed("cycle", Mode::Cycle, 1, "internal", &["not valid", "cycle"]),
    violation("seq_gap", Mode::SeqGap, &["chunk"]),
    violation("totals_lie", Mode::TotalsLie, &["announced"]),
    violation("digest_lie", Mode::DigestLie, &["digest"]),
    failed("crash", Mode::Crash, 2, "killed", &["SIGABRT"]),
    failed("kill_self", Mode::KillSelf, 2, "out_of_memory", &["likely out of memory"]),
    failed("end_early", Mode::EndEarly, 2, "exited", &["before the job was done"]),
    failed("exit_65", Mode::Exit(65), 1, "exited", &["65"]),
    failed("exit_70", Mode::Exit(70), 2, "exited", &["70"]),
    failed("exit_75", Mode::Exit(75), 2, "exited", &["75"]),
    failed("exit_77", Mode::Exit(77), 1, "credentials", &["77"]),
    failed("exit_78", Mode::Exit(78), 1, "config", &["78"]),
    failed("fatal_credentials", Mode::FatalCredentials, 1, "credentials", &["the token has expired"]),
    failed("fatal_unavailable", Mode::FatalUnavailable, 2, "unavailable", &["the cloud is down"]),
    done("exit_after_done", Mode::ExitAfterDone, 1),
    failed("never_ready", Mode::NeverReady, 2, "handshake_timeout", &["not ready"]),
    failed("silent", Mode::Silent, 2, "stalled", &["sent nothing"]),
    failed("stuck", Mode::Stuck, 2, "no_progress", &["nothing done"]),
    violation("junk", Mode::Junk, &["not a valid message"]),
    violation("oversize", Mode::Oversize, &["above the cap"]),
    violation("empty", Mode::Empty, &["length zero"]),
    failed("truncated", Mode::Truncated, 2, "", &[]),
    failed("never_connect", Mode::NeverConnect, 2, "handshake_timeout", &["not ready"]),
    failed("never_hello", Mode::NeverHello, 2, "handshake_timeout", &["not ready"]),
    violation("bad_magic", Mode::BadMagic, &["does not speak"]),
    failed("wrong_version", Mode::WrongVersion, 1, "version", &["999", "same release"]),
];

/// The rows of these names, in this order.
#[track_caller]
pub fn among(names: &[&str]) -> Vec<&'static Expectation> {
    names.iter().map(|name| of(name).unwrap_or_else(|| panic!("no mode is called {name}"))).collect()
}

/// The row of an account id.
pub fn of(account: &str) -> Option<&'static Expectation> {
    let name = split(account).map_or(account, |(name, _)| name);
    TABLE.iter().find(|row| row.name == name)
}

/// The number at the end of an account id.
pub fn number_of(account: &str) -> Option<usize> {
    split(account).map(|(_, number)| number)
}

fn split(account: &str) -> Option<(&str, usize)> {
    let (name, number) = account.rsplit_once('-')?;
    Some((name, number.parse().ok()?))
}

/// Node ids as the hash rule makes them, for the nodes above the accounts.
pub mod ids {
    use inventory::NodeKey;

    /// `('graph_root', 'undefined', 'undefined', 'undefined', 'undefined', 'root')`
    pub const ROOT: &str = "jhGgCglHlbuWRQy1l0y_FA";
    /// `('cloud', 'rogue', 'undefined', 'undefined', 'undefined', 'rogue')`
    pub const CLOUD: &str = "H77YjnSh5dJ9lAp_5oZ4tg";

    /// The account node of an account of the rogue collector.
    pub fn account(id: &str) -> String {
        NodeKey::of("example_account", Some("rogue"), Some(id), None, None, id).id().to_string()
    }

    /// `reported.id` of a volume of an account of the rogue collector.
    pub fn volume_name(account: &str, number: usize) -> String {
        format!("rogue-volume-{account}-{number}")
    }

    /// A volume of an account of the rogue collector.
    pub fn volume(account: &str, number: usize) -> String {
        named(account, &volume_name(account, number))
    }

    /// The volume of this `reported.id`.
    pub fn named(account: &str, name: &str) -> String {
        NodeKey::of("example_volume", Some("rogue"), Some(account), None, None, name).id().to_string()
    }
}

/// What would run in a browser that takes it for markup.
pub const MARKUP: &str = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>";

/// Volumes of an account of the rogue collector.
pub const VOLUMES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_makes_another_account_of_the_same_mode() {
        assert_eq!(of("good").map(|row| row.mode), Some(Mode::Good));
        assert_eq!(of("good-12").map(|row| row.mode), Some(Mode::Good));
        assert_eq!(of("exit_77").map(|row| row.mode), Some(Mode::Exit(77)));
        assert!(of("unheard-of").is_none());
        assert_eq!((number_of("bulk-256"), number_of("bulk")), (Some(256), None));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }
}
