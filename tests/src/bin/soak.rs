//! `soak [MINUTES] [SEED]`: collect runs without end, kills at random, and a look at what is left behind.
//!
//! Beside the worker whose graph must stay what it is, a second one has children that break every rule. Both have their
//! sandbox on, as always.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fixworker_tests::core::Fixcore;
use fixworker_tests::expect::{self, State, VOLUMES, ids};
use fixworker_tests::graph::StoredGraph;
use fixworker_tests::oneshot::Alone;
use fixworker_tests::worker::{Worker, WorkerOptions};
use fixworker_tests::{process, procfs, wait};
use nix::sys::signal::Signal;
use serde_json::json;

const SETTINGS: [&str; 3] =
    ["random.accounts=12", "random.resources_per_account=60", "random.seconds_per_account=1"];
/// What one life of the supervisor may grow between its second run and its last.
const MEMORY_GROWTH: u64 = 24 << 20;
/// The same for the second worker: how much of what its children say is there at once is chance.
const HOSTILE_GROWTH: u64 = 64 << 20;
const DESCRIPTOR_GROWTH: usize = 8;
/// Accounts of the second worker: some that do well, and what hostile children do.
const HOSTILE: [&str; 28] = [
    "good",
    "good-1",
    "stolen_id",
    "steal_account",
    "foreign_cloud_node",
    "org_takes_account",
    "shared_lines",
    "marked_account",
    "foreign_edges",
    "poisoned_replace",
    "poisoned_ancestors",
    "two_accounts",
    "foreign_account",
    "invalid_json",
    "detached",
    "seq_gap",
    "digest_lie",
    "read_supervisor_environ",
    "token_thief",
    "setsid_survivor",
    "grandchild",
    "noisy",
    "big_faults",
    "crash",
    "kill_self",
    "exit_after_done",
    "junk",
    "oversize",
];
/// On a machine that is busy with others the time alone would prove little.
const FEWEST_RUNS: u32 = 5;
/// A supervisor lives for so many runs before it is killed.
const RUNS_PER_LIFE: u32 = 6;

/// What a test does to a run in progress.
#[derive(Debug, Clone, Copy)]
enum Mischief {
    KillChild,
    DropConnections,
    FailMerge,
    LoseAnswer,
    CrashFixcore,
    KillSupervisor,
}

fn main() {
    let mut args =
        std::env::args().skip(1).map(|arg| arg.parse::<u64>().expect("MINUTES and SEED are numbers"));
    let minutes = args.next().unwrap_or(10);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let mut dice = Dice(args.next().unwrap_or(now.as_secs()).max(1));
    say(&format!("{minutes} minutes, seed {}", dice.0));
    let Some(mut core) = Fixcore::http() else { panic!("the soak needs fixcore") };
    let settings = ["supervisor.max_attempts=10", "fixworker.pool_size=6"];
    let options = WorkerOptions::new(&core, "random").set_all(&SETTINGS).set_all(&settings);
    let mut worker = options.start(&core);
    let mut hostile = hostile_worker(&core);
    let sandbox = hostile.get("/info").json()["sandbox"].clone();
    assert_eq!(sandbox["sandbox"], "auto", "{sandbox}");
    say(&sandbox["summary"].to_string());
    let expected = Alone::collect_all("random", &SETTINGS[..2]);

    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let (mut life, mut hostile_life) = (Life::default(), Life::default());
    for run in 1.. {
        let task = core.start_workflow("collect");
        let mut done = Vec::new();
        while core.workflow(&task)["done"] != true {
            wait::idle(Duration::from_millis(dice.below(600)));
            let mischief = dice.mischief(life.runs >= RUNS_PER_LIFE);
            if do_mischief(mischief, &mut core, &mut worker, &mut dice) {
                life = Life::default();
            }
            hostile.await_connected(&core);
            done.push(mischief);
        }
        if run == 1 {
            // The first run may have lost accounts to the mischief; the next ones must not lose any more.
            undisturbed(&core);
        }
        let (ours, theirs) = core.graph().split("rogue");
        ours.assert_is(&expected);
        assert_only_themselves(&theirs);
        assert_walls_hold(&hostile, &sandbox);
        for (worker, life, growth) in
            [(&worker, &mut life, MEMORY_GROWTH), (&hostile, &mut hostile_life, HOSTILE_GROWTH)]
        {
            worker.scratch().await_no_collectors();
            life.look(worker, growth);
        }
        let (one, other) = (life.describe(), hostile_life.describe());
        say(&format!("run {run}: {one}; hostile: {other}; {} merges; {done:?}", core.merged().len()));
        if Instant::now() > end && run >= FEWEST_RUNS {
            break;
        }
    }
    // fixcore, when it was restarted, may have given up on a run that a worker is not through with; this one it waits for.
    undisturbed(&core);
    for worker in [&mut worker, &mut hostile] {
        assert_eq!(worker.stop(), 0);
        assert_eq!(procfs::mentioning(worker.scratch().path()), [], "processes are left");
    }
    say("nothing was lost, nothing was left behind");
}

/// One run to its end. Seeds run side by side and fixcore starts a process for each merge, so that it takes minutes on a
/// machine that is busy: this limit is for hangs only.
fn undisturbed(core: &Fixcore) {
    const LONGEST: Duration = Duration::from_mins(15);
    let task = core.start_workflow("collect");
    wait::within(LONGEST, "a run without mischief is done", || {
        (core.workflow(&task)["done"] == true).then_some(())
    });
}

fn hostile_worker(core: &Fixcore) -> Worker {
    let settings = ["supervisor.max_attempts=2", "fixworker.pool_size=6"];
    WorkerOptions::new(core, "rogue")
        .rogue(&HOSTILE)
        .set_all(&settings)
        .subscriber("hostile.worker")
        .start(core)
}

/// Who breaks a rule costs one account, and the others are what they say.
#[track_caller]
fn assert_only_themselves(graph: &StoredGraph) {
    for account in graph.accounts() {
        let row = expect::of(&account).unwrap_or_else(|| panic!("nobody is called {account}"));
        assert_eq!(row.state, State::Done, "{account} must not be in the graph");
    }
    for account in ["good", "good-1"] {
        let node = &graph.nodes[&ids::account(account)];
        assert_eq!(
            (&node["reported"]["id"], &node["reported"]["kind"]),
            (&json!(account), &json!("example_account"))
        );
        for number in 0..VOLUMES {
            let volume = &graph.nodes[&ids::volume(account, number)];
            assert_eq!(volume["reported"]["id"], ids::volume_name(account, number));
            assert_eq!(volume["ancestors"]["account"]["reported"]["id"], account);
        }
    }
}

/// What came out of the walls, by the word of those who tried.
#[track_caller]
fn assert_walls_hold(hostile: &Worker, sandbox: &serde_json::Value) {
    let stolen = std::fs::read_to_string(hostile.scratch().path().join("markers/stolen")).unwrap_or_default();
    if ["files", "signals"].iter().all(|wall| sandbox["walls"][wall] == true) {
        assert!(stolen.lines().all(|line| line.starts_with("found ")), "{stolen}");
    }
}

/// Returns whether the supervisor has begun a new life.
fn do_mischief(mischief: Mischief, core: &mut Fixcore, worker: &mut Worker, dice: &mut Dice) -> bool {
    match mischief {
        Mischief::KillChild => {
            let children = worker.children();
            if let Some(child) = children.get(dice.index(children.len())) {
                process::signal(child.pid, Signal::SIGKILL);
            }
        }
        Mischief::DropConnections => core.drop_connections(""),
        Mischief::FailMerge => core.fault(&json!({"do": "answer", "status": 500})),
        Mischief::LoseAnswer => core.fault(&json!({"do": "drop", "when": "after"})),
        Mischief::CrashFixcore => {
            core.crash_and_restart();
            // It refuses what an unfinished merge was about until it gives that up, by default after four hours.
            core.call("DELETE", "/harness/in_progress", None).expect_success();
            worker.await_connected(core);
        }
        Mischief::KillSupervisor => {
            worker.process().kill_hard();
            worker.scratch().await_no_collectors();
            worker.start_again(core);
            return true;
        }
    }
    false
}

/// What one life of the supervisor holds on to.
#[derive(Debug, Default)]
struct Life {
    runs: u32,
    first: Option<(u64, usize)>,
    last: (u64, usize),
}

impl Life {
    /// The first run of a life fills caches and pools, so the second one is the measure.
    fn look(&mut self, worker: &Worker, growth: u64) {
        self.runs += 1;
        let memory = procfs::memory(worker.pid(), "VmRSS").expect("the supervisor lives");
        let descriptors = procfs::descriptors(worker.pid()).expect("the supervisor lives");
        self.last = (memory, descriptors);
        if self.runs == 2 {
            self.first = Some(self.last);
        }
        if let Some((first_memory, first_descriptors)) = self.first {
            assert!(memory < first_memory + growth, "memory grows: {}", self.describe());
            assert!(
                descriptors < first_descriptors + DESCRIPTOR_GROWTH,
                "descriptors leak: {}",
                self.describe()
            );
        }
        assert_eq!(procfs::zombies_of(worker.pid()), 0, "children are not reaped");
    }

    fn describe(&self) -> String {
        let (memory, descriptors) = self.last;
        format!("run {} of this life, {} MiB, {descriptors} descriptors", self.runs, memory >> 20)
    }
}

/// A small generator: the same seed gives the same mischief.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    fn mischief(&mut self, supervisor_too: bool) -> Mischief {
        match self.below(20) {
            0 if supervisor_too => Mischief::KillSupervisor,
            1 => Mischief::CrashFixcore,
            2..=4 => Mischief::DropConnections,
            5..=7 => Mischief::FailMerge,
            8..=9 => Mischief::LoseAnswer,
            _ => Mischief::KillChild,
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn say(text: &str) {
    println!("{text}");
}
