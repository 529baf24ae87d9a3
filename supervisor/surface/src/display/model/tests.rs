use proptest::prelude::*;

use super::*;

fn account(id: u32) -> AccountName {
    AccountName { cloud: "aws".to_owned(), id: format!("{id:012}"), name: format!("team-{id}") }
}

fn started(id: u32, attempt: u32) -> Event {
    Event::AccountStarted { account: account(id), attempt, pid: 4000 + id }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Two accounts: one gets done at the second attempt, one fails.
#[test]
fn the_story_of_a_run() {
    let mut model = DisplayModel::default();
    let heartbeat = |id, rss| Event::Heartbeat {
        account: account(id),
        rss,
        step: "ec2: volumes".to_owned(),
        nodes: 1234,
    };
    let progress = |id, current| Event::Progress {
        account: account(id),
        name: "eu-west-1".to_owned(),
        current,
        total: 20,
    };
    let failed = |retry_in| Event::AttemptFailed {
        account: account(1),
        attempt: 1,
        message: "the child was killed by signal 9".to_owned(),
        retry_in,
    };
    let story = [
        (0, Event::AccountsListed { collector: "aws".to_owned(), count: 2 }),
        (1, started(1, 1)),
        (2, started(2, 1)),
        (7, heartbeat(1, 40 << 20)),
        (8, progress(1, 3)),
        (9, failed(Some(secs(2)))),
        (11, started(1, 2)),
        (16, heartbeat(1, 30 << 20)),
        (17, progress(1, 25)),
        (18, Event::Note("merging 1 account".to_owned())),
        (20, Event::AccountDone { account: account(1), nodes: 3121, edges: 4090, faults: 1 }),
        (
            75,
            Event::AccountFailed {
                account: account(2),
                message: "the access key is not known".to_owned(),
                hint: Some("renew the profile".to_owned()),
            },
        ),
    ];
    let mut text = Vec::new();
    for (now, event) in story {
        if let Some(line) = model.apply(secs(now), event) {
            text.push(format!("{now:>3} {:?}: {} {}", line.kind, line.word, line.text));
        }
        let view = model.view(secs(now));
        text.extend(view.rows.iter().map(|row| format!("{now:>3}   | {row}")));
        text.push(format!("{now:>3}   {}/{} {}", view.position, view.length, view.status));
    }
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn of_500_running_children_only_some_have_a_row() {
    let mut model = DisplayModel::default();
    model.apply(secs(0), Event::AccountsListed { collector: "aws".to_owned(), count: 500 });
    for id in 0..500 {
        model.apply(secs(1), started(id, 1));
    }
    let view = model.view(secs(2));
    assert_eq!(view.rows.len(), MAX_ROWS);
    assert!(view.rows[0].starts_with("aws/000000000000 team-0"), "{view:?}");
    assert_eq!(view.rows[MAX_ROWS - 1], "and 485 more running");
    assert!(view.status.starts_with("0 of 500 done, 500 running"), "{view:?}");
}

#[test]
fn the_status_is_a_line_every_half_minute() {
    let mut model = DisplayModel::default();
    let times: Vec<_> = (0..100).filter(|&now| model.status_line(secs(now)).is_some()).collect();
    assert_eq!(times, [30, 60, 90]);
}

#[test]
fn text_of_others_stays_in_its_line() {
    let mut model = DisplayModel::default();
    let evil = AccountName { cloud: "a\n".to_owned(), id: "b\x1b[2J".to_owned(), name: "c\r".to_owned() };
    model.apply(secs(0), Event::AccountStarted { account: evil.clone(), attempt: 1, pid: 1 });
    let (step, name) = ("d\n".to_owned(), "e\n".to_owned());
    model.apply(secs(0), Event::Heartbeat { account: evil.clone(), rss: 1, step, nodes: 1 });
    model.apply(secs(0), Event::Progress { account: evil.clone(), name, current: 1, total: 1 });
    let rows = model.view(secs(1)).rows;
    assert!(!rows[0].contains(char::is_control), "{rows:?}");
    let failed =
        Event::AccountFailed { account: evil, message: "f\n".to_owned(), hint: Some("g\x07".to_owned()) };
    let line = model.apply(secs(1), failed).expect("a line");
    assert!(!line.text.contains(char::is_control), "{line:?}");
}

fn any_event() -> impl Strategy<Value = Event> {
    (0..6u32, 0..9u8).prop_map(|(id, what)| {
        let account = account(id);
        match what {
            0 | 1 => Event::AccountStarted { account, attempt: 1, pid: id },
            2 => Event::Progress { account, name: "r".to_owned(), current: 9, total: 3 },
            3 => Event::Heartbeat { account, rss: 1, step: "s".to_owned(), nodes: 1 },
            4 => {
                Event::AttemptFailed { account, attempt: 1, message: "m".to_owned(), retry_in: Some(secs(1)) }
            }
            5 => Event::AttemptFailed { account, attempt: 1, message: "m".to_owned(), retry_in: None },
            6 => Event::AccountDone { account, nodes: 1, edges: 1, faults: 0 },
            7 => Event::AccountFailed { account, message: "m".to_owned(), hint: None },
            _ => Event::AccountCancelled { account },
        }
    })
}

proptest! {
    #[test]
    fn events_in_any_order_leave_a_sound_view(events in proptest::collection::vec(any_event(), 0..60)) {
        let mut model = DisplayModel::default();
        for (now, event) in events.into_iter().enumerate() {
            let now = secs(now as u64);
            let ends = matches!(
                event,
                Event::AccountDone { .. } | Event::AccountFailed { .. } | Event::AccountCancelled { .. }
            );
            let before = model.view(now).position;
            let line = model.apply(now, event);
            let view = model.view(now);
            prop_assert_eq!(view.position, before + u64::from(ends));
            prop_assert!(!ends || line.is_some(), "the end of an account is always told");
            prop_assert!(view.position <= view.length && view.rows.len() <= 6);
            prop_assert!(model.retrying.iter().all(|key| model.running.iter().all(|running| &running.key != key)));
        }
    }
}
