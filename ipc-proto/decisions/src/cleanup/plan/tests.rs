use std::time::{Duration, Instant};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> Rules {
    Rules {
        pool: 2,
        policy: Policy { max_attempts: 3, backoff_initial: SECOND, backoff_max: 10 * SECOND },
        pause: 5 * SECOND,
        pause_max: 60 * SECOND,
        patience: 300 * SECOND,
        give_up_held: true,
        dry_run: false,
    }
}

fn item(account: usize, dependents: &[usize]) -> Item {
    Item {
        name: format!("r{account}"),
        account: Some(account),
        dependents: dependents.to_vec(),
        held: false,
        fate: None,
    }
}

/// Names by number, so that reasons can be told apart.
fn items(of: &[(usize, &[usize])]) -> Vec<Item> {
    let named = |(number, (account, dependents)): (usize, &(usize, &[usize]))| Item {
        name: format!("r{number}"),
        ..item(*account, dependents)
    };
    of.iter().enumerate().map(named).collect()
}

struct Run {
    planner: Planner,
    now: Instant,
}

impl Run {
    fn new(items: Vec<Item>, accounts: usize, rules: Rules) -> (Self, Vec<Effect>) {
        let mut run = Self { planner: Planner::new(items, accounts, rules), now: Instant::now() };
        let effects = run.step(Event::Tick);
        (run, effects)
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        self.planner.step(event, self.now)
    }

    fn answer(&mut self, item: usize, answer: Answer) -> Vec<Effect> {
        self.step(Event::Answered { item, answer })
    }

    fn complete(&mut self, account: usize) -> Vec<Effect> {
        self.step(Event::PassEnded { account, end: PassEnd::Complete })
    }

    fn fail(&mut self, account: usize, class: Class) -> Vec<Effect> {
        let end = PassEnd::Failed { class, message: "the child was killed".into(), jitter: 1.0 };
        self.step(Event::PassEnded { account, end })
    }

    /// Lets time pass until the plan wants to go on, and returns how long that was.
    fn wake(&mut self) -> (Duration, Vec<Effect>) {
        let at = self.planner.wake_at().expect("the plan waits for time to pass");
        let waited = at.saturating_duration_since(self.now);
        self.now = at;
        (waited, self.step(Event::Tick))
    }
}

fn start(account: usize, items: &[usize]) -> Effect {
    Effect::Start { account, items: items.to_vec(), attempt: 1, careful: false }
}

fn ended(item: usize, fate: Fate) -> Effect {
    Effect::Ended { item, fate }
}

fn close(account: usize) -> Effect {
    Effect::Close { account }
}

#[test]
fn leaves_go_first_and_the_rest_follows_pass_by_pass() {
    // 0 needs 1 and 2 gone; 2 needs 1.
    let (mut run, effects) = Run::new(items(&[(0, &[1, 2]), (0, &[]), (0, &[1])]), 1, rules());
    assert_eq!(effects, [start(0, &[1])]);
    assert_eq!(run.answer(1, Answer::Gone), [ended(1, Fate::Gone)]);
    assert_eq!(run.complete(0), [start(0, &[2])]);
    run.answer(2, Answer::Gone);
    assert_eq!(run.complete(0), [start(0, &[0])]);
    run.answer(0, Answer::Gone);
    assert_eq!(run.complete(0), [close(0)]);
    assert_eq!(run.step(Event::Closed { account: 0 }), [Effect::Finished]);
    assert_eq!(run.step(Event::Tick), [], "it is over");
}

#[test]
fn what_goes_with_another_one_ends_as_it_does() {
    // 0 waits for 1, which goes with it, and for 2.
    let run = || Run::new(items(&[(0, &[1, 2]), (0, &[]), (0, &[])]), 1, rules()).0;
    let mut gone = run();
    assert_eq!(gone.answer(1, Answer::GoesWith(0)), [], "nothing is gone yet");
    gone.answer(2, Answer::Gone);
    assert_eq!(gone.complete(0), [start(0, &[0])], "it holds nothing up");
    assert_eq!(gone.answer(0, Answer::Gone), [ended(0, Fate::Gone), ended(1, Fate::Gone)]);

    let mut stays = run();
    stays.answer(1, Answer::GoesWith(0));
    stays.answer(2, Answer::Gone);
    stays.complete(0);
    let effects = stays.answer(0, Answer::Failed("in use".into()));
    let why = Fate::Skipped("it goes with r0, which could not be deleted".into());
    assert_eq!(effects, [ended(0, Fate::Failed("in use".into())), ended(1, why)]);

    let mut stopped = run();
    stopped.answer(1, Answer::GoesWith(0));
    stopped.step(Event::Stop("the end".into()));
    let fates = stopped.complete(0);
    let unfinished = |effect: &&Effect| matches!(effect, Effect::Ended { fate: Fate::Unfinished(_), .. });
    assert_eq!(fates.iter().filter(unfinished).count(), 3, "{fates:?}");
}

#[test]
fn what_goes_with_something_that_was_refused_before_stays() {
    let mut both = items(&[(0, &[1]), (0, &[])]);
    both[0].fate = Some(Fate::Refused("protected".into()));
    let (mut run, effects) = Run::new(both, 1, rules());
    assert_eq!(effects, [ended(0, Fate::Refused("protected".into())), start(0, &[1])]);
    let why = Fate::Skipped("it goes with r0, which cannot be deleted".into());
    assert_eq!(run.answer(1, Answer::GoesWith(0)), [ended(1, why)]);
}

#[test]
fn nothing_to_do_is_over_at_once() {
    let (_, effects) = Run::new(Vec::new(), 0, rules());
    assert_eq!(effects, [Effect::Finished]);
}

#[test]
fn what_a_failed_resource_depends_on_is_not_touched() {
    let (mut run, _) = Run::new(items(&[(0, &[1]), (0, &[2]), (0, &[]), (0, &[])]), 1, rules());
    let effects = run.answer(2, Answer::Failed("denied".into()));
    assert_eq!(
        effects,
        [
            ended(2, Fate::Failed("denied".into())),
            ended(1, Fate::Skipped("r2 depends on it and could not be deleted".into())),
            ended(0, Fate::Skipped("r1 depends on it and was not touched".into())),
        ]
    );
    run.answer(3, Answer::Refused("no".into()));
    assert_eq!(run.complete(0), [close(0)]);
}

#[test]
fn fates_that_are_decided_before_take_others_with_them_and_ask_nobody() {
    let refused = Fate::Refused("it is protected".into());
    let mut all = items(&[(0, &[1]), (0, &[])]);
    all[1].fate = Some(refused.clone());
    let (_, effects) = Run::new(all, 1, rules());
    let skipped = Fate::Skipped("r1 depends on it and cannot be deleted".into());
    assert_eq!(effects, [ended(1, refused), ended(0, skipped), Effect::Finished]);
}

#[test]
fn accounts_share_the_pool_and_wait_for_each_other_only_where_they_must() {
    let (mut run, effects) = Run::new(items(&[(0, &[]), (1, &[]), (2, &[0])]), 3, rules());
    assert_eq!(effects, [start(0, &[0]), start(1, &[1])]);
    run.answer(0, Answer::Gone);
    assert_eq!(run.complete(0), [close(0)], "the third account waits for a slot");
    assert_eq!(run.step(Event::Closed { account: 0 }), [start(2, &[2])]);
}

#[test]
fn what_could_not_go_yet_is_tried_again_at_once_after_a_deletion_and_otherwise_after_a_pause() {
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[])]), 1, rules());
    assert_eq!(run.answer(0, Answer::Later("in use".into())), []);
    run.answer(1, Answer::Gone);
    assert_eq!(run.complete(0), [start(0, &[0])], "something was deleted: that may have been it");
    run.answer(0, Answer::Later("in use".into()));
    assert_eq!(run.complete(0), []);
    assert_eq!(run.wake(), (5 * SECOND, vec![start(0, &[0])]));
    run.answer(0, Answer::Later("in use".into()));
    run.complete(0);
    assert_eq!(run.wake().0, 10 * SECOND, "the pause doubles");
    run.answer(0, Answer::Gone);
    assert_eq!(run.complete(0), [close(0)]);
}

#[test]
fn what_never_can_go_is_given_up_when_patience_ends() {
    let (mut run, _) = Run::new(items(&[(0, &[])]), 1, rules());
    let began = run.now;
    for _ in 0..100 {
        run.answer(0, Answer::Later("in use".into()));
        let effects = run.complete(0);
        if !effects.is_empty() {
            let [Effect::Ended { fate: Fate::Failed(reason), .. }, Effect::Close { .. }] = effects.as_slice()
            else {
                panic!("{effects:?}");
            };
            assert!(reason.starts_with("in use (tried "), "{reason}");
            assert_eq!(run.now - began, 300 * SECOND, "the last try is when patience ends");
            return;
        }
        run.wake();
    }
    panic!("it is tried for ever");
}

#[test]
fn a_child_that_dies_is_replaced_and_asked_for_the_rest_only() {
    let (mut run, effects) = Run::new(items(&[(0, &[]), (0, &[]), (0, &[])]), 1, rules());
    assert_eq!(effects, [start(0, &[0, 1, 2])]);
    run.answer(0, Answer::Gone);
    assert_eq!(run.fail(0, Class::Passing), []);
    let again = Effect::Start { account: 0, items: vec![2, 1], attempt: 1, careful: true };
    assert_eq!(run.wake(), (SECOND, vec![again]), "the one it died over goes last");
}

#[test]
fn attempts_without_any_answer_are_counted_and_progress_begins_anew() {
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[1, 0]), (0, &[])]), 1, rules());
    run.fail(0, Class::Passing);
    assert!(matches!(run.wake().1.as_slice(), [Effect::Start { attempt: 2, .. }]));
    run.answer(2, Answer::Gone);
    run.fail(0, Class::Passing);
    let (waited, effects) = run.wake();
    assert!(
        matches!(effects.as_slice(), [Effect::Start { attempt: 1, .. }]) && waited == SECOND,
        "{effects:?}"
    );
}

#[test]
fn a_resource_that_kills_every_child_fails_alone() {
    let mut rules = rules();
    rules.policy.max_attempts = 2;
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[])]), 1, rules);
    run.fail(0, Class::Passing);
    run.wake();
    run.answer(1, Answer::Gone);
    let effects = run.fail(0, Class::Passing);
    let [Effect::Ended { item: 0, fate: Fate::Failed(reason) }, Effect::Finished] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(reason, "the child failed 2 times while it was working on it: the child was killed");
}

#[test]
fn with_one_attempt_the_account_is_given_up_whatever_was_in_work() {
    let mut rules = rules();
    rules.policy.max_attempts = 1;
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[])]), 1, rules);
    let effects = run.fail(0, Class::Passing);
    let fate = Fate::Failed("the child was killed; no further attempt: all attempts are used up".into());
    assert_eq!(effects, [ended(0, fate.clone()), ended(1, fate), Effect::Finished]);
}

#[test]
fn an_account_without_credentials_is_given_up_at_once_and_others_go_on() {
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[0]), (1, &[])]), 2, rules());
    let effects = run.fail(0, Class::Lasting);
    let [
        Effect::Ended { item: 0, fate: Fate::Failed(reason) },
        Effect::Ended { item: 1, fate: Fate::Skipped(_) },
    ] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert!(
        reason.starts_with("the child was killed; no further attempt: it would end the same"),
        "{reason}"
    );
    assert_eq!(run.answer(2, Answer::Gone), [ended(2, Fate::Gone)]);
}

#[test]
fn a_stop_interrupts_and_everything_open_says_how_far_it_was() {
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[]), (0, &[0]), (0, &[])]), 1, rules());
    run.answer(0, Answer::Gone);
    run.answer(3, Answer::Later("in use".into()));
    let effects = run.step(Event::Stop("the run was aborted".into()));
    assert_eq!(effects, [Effect::Interrupt { account: 0 }]);
    assert_eq!(run.planner.wake_at(), None);
    assert_eq!(run.step(Event::Stop("again".into())), []);
    let effects = run.fail(0, Class::Cancelled);
    let fates: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Ended { item, fate: Fate::Unfinished(reason) } => Some((*item, reason.as_str())),
            _ => None,
        })
        .collect();
    let expected = [
        (1, "it was in work when the run was aborted, and may be deleted"),
        (2, "it was not tried before the run was aborted"),
        (3, "it could not go before the run was aborted: in use"),
    ];
    assert_eq!(fates, expected);
    assert_eq!(effects.last(), Some(&Effect::Finished));
}

#[test]
fn a_stop_before_the_first_pass_ends_at_once() {
    let mut planner = Planner::new(items(&[(0, &[])]), 1, rules());
    let effects = planner.step(Event::Stop("the run was aborted".into()), Instant::now());
    let unfinished = Fate::Unfinished("it was not tried before the run was aborted".into());
    assert_eq!(effects, [ended(0, unfinished), Effect::Finished]);
}

#[test]
fn an_account_that_only_waits_lends_its_slot() {
    let mut rules = rules();
    rules.pool = 1;
    let (mut run, effects) = Run::new(items(&[(0, &[]), (1, &[])]), 2, rules);
    assert_eq!(effects, [start(0, &[0])]);
    run.answer(0, Answer::Later("in use".into()));
    assert_eq!(run.complete(0), [close(0)]);
    assert_eq!(run.step(Event::Closed { account: 0 }), [start(1, &[1])]);
    run.answer(1, Answer::Gone);
    assert_eq!(run.complete(1), [close(1)]);
    assert_eq!(run.step(Event::Closed { account: 1 }), []);
    assert_eq!(run.wake().1, [start(0, &[0])]);
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let (mut run, _) = Run::new(items(&[(0, &[]), (0, &[0])]), 1, rules());
    assert_eq!(run.answer(1, Answer::Gone), [], "it was not asked for");
    assert_eq!(run.answer(9, Answer::Gone), []);
    run.answer(0, Answer::Gone);
    assert_eq!(run.answer(0, Answer::Failed("no".into())), [], "it has its fate");
    assert_eq!(run.step(Event::Closed { account: 0 }), []);
}

#[test]
fn a_dry_run_goes_through_all_passes_and_waits_for_nothing() {
    let mut rules = rules();
    rules.dry_run = true;
    let (mut run, effects) = Run::new(items(&[(0, &[1]), (0, &[])]), 1, rules);
    let careful =
        |items: &[usize]| Effect::Start { account: 0, items: items.to_vec(), attempt: 1, careful: true };
    assert_eq!(effects, [careful(&[1])]);
    run.answer(1, Answer::Planned);
    assert_eq!(run.complete(0), [careful(&[0])]);
    assert_eq!(run.answer(0, Answer::Later("x".into())), [ended(0, Fate::Failed("x".into()))]);
}

#[test]
fn a_circle_that_was_not_cut_does_not_hang_the_run() {
    let (_, effects) = Run::new(items(&[(0, &[1]), (0, &[0])]), 1, rules());
    assert_eq!(effects.last(), Some(&Effect::Finished));
    assert!(
        matches!(&effects[0], Effect::Ended { fate: Fate::Failed(why), .. } if why.contains("fault of fixworker"))
    );
}

#[test]
fn an_account_for_other_workers_is_left_to_them_without_a_second_try() {
    // r1 waits for r0 in the same account, r2 for r0 from another one.
    let (mut run, effects) = Run::new(items(&[(0, &[]), (0, &[0]), (1, &[0]), (1, &[])]), 2, rules());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Start { account: 0, .. })), "{effects:?}");
    let end = PassEnd::Foreign { message: "the credentials are those of b".into() };
    let effects = run.step(Event::PassEnded { account: 0, end });
    let fate = |number: usize| {
        effects.iter().find_map(|effect| match effect {
            Effect::Ended { item, fate } if *item == number => Some(fate.clone()),
            _ => None,
        })
    };
    let left = Some(Fate::Elsewhere("the credentials are those of b".into()));
    assert_eq!((fate(0), fate(1)), (left.clone(), left));
    let reason = "r0 depends on it and is left to a worker with credentials for it";
    assert_eq!(fate(2), Some(Fate::Skipped(reason.into())));
    assert_eq!(fate(3), None, "its own account goes on");
}

#[test]
fn what_was_decided_before_is_told_of_each_also_if_they_depend_on_each_other() {
    let mut circle = items(&[(0, &[1]), (0, &[0])]);
    let fate = || Fate::Skipped("it depends on itself".into());
    for item in &mut circle {
        item.fate = Some(fate());
    }
    let (_, effects) = Run::new(circle, 1, rules());
    let ended = |item: usize| Effect::Ended { item, fate: fate() };
    assert_eq!(effects, [ended(0), ended(1), Effect::Finished]);
}

#[test]
fn what_something_that_stays_holds_is_given_up_when_it_says_the_same_twice() {
    let mut held = items(&[(0, &[]), (0, &[])]);
    held[0].held = true;
    let (mut run, _) = Run::new(held, 1, rules());
    let later = || Answer::Later("it is in use".into());
    run.answer(0, later());
    run.answer(1, later());
    assert!(run.complete(0).is_empty(), "once may be chance");
    run.now += 5 * SECOND;
    let effects = run.step(Event::Tick);
    assert!(matches!(&effects[..], [Effect::Start { items, .. }] if *items == [0, 1]), "{effects:?}");
    run.answer(0, later());
    run.answer(1, later());
    let fate = Fate::Failed("it is in use (tried 2 times)".into());
    assert_eq!(run.complete(0), [Effect::Ended { item: 0, fate }], "the other one may still go");
}

#[test]
fn what_something_that_stays_holds_is_tried_until_patience_ends_where_that_is_the_rule() {
    let mut held = items(&[(0, &[])]);
    held[0].held = true;
    let (mut run, _) = Run::new(held, 1, Rules { give_up_held: false, ..rules() });
    let began = run.now;
    loop {
        run.answer(0, Answer::Later("it is in use".into()));
        if !run.complete(0).is_empty() {
            break;
        }
        run.wake();
    }
    assert_eq!(run.now - began, 300 * SECOND);
}
