//! The walls around children: what was tried, as one line for each wall.

use fixworker_settings::Sandbox;

use super::finding::{Area, Finding, State};
use crate::walls::{Mark, Trial};

/// What the trials say, by these settings. Pure.
pub(super) fn judge(trials: &Result<Vec<Trial>, String>, wanted: Sandbox) -> Vec<Finding> {
    let trials = match trials {
        Ok(trials) => trials,
        Err(error) => {
            let said = format!("cannot be tried: {error}");
            return vec![Finding::failed(Area::Sandbox, "walls", said).todo("see 'fixworker check --walls'")];
        }
    };
    if wanted == Sandbox::Off {
        let off = "children have no walls: supervisor.sandbox is off";
        return vec![Finding::note(Area::Sandbox, "walls", off).todo("set it to auto")];
    }
    let of = |mark| {
        let mut walls: Vec<&str> = trials
            .iter()
            .map(|trial| trial.wall.as_str())
            .filter(|wall| worst(trials, wall) == mark)
            .collect();
        walls.sort_unstable();
        walls.dedup();
        walls
    };
    let (held, absent) = (of(Mark::Held), of(Mark::Absent));
    let mut findings = vec![Finding::ok(Area::Sandbox, "walls", format!("hold: {}", held.join(", ")))];
    if !absent.is_empty() {
        let said = format!("this host has nothing to make them of: {}", absent.join(", "));
        let todo = "a kernel of Linux 6.12 or later has all of them, and a delegated cgroup those of memory and processes";
        let require = wanted == Sandbox::Require;
        let state = if require { State::Failed } else { State::Note };
        let finding = Finding::new(Area::Sandbox, "absent walls", state, said).todo(todo);
        findings.push(Finding { usage: require, ..finding });
    }
    findings.extend(trials.iter().filter(|trial| trial.mark == Mark::Open).map(|trial| {
        Finding::failed(Area::Sandbox, &trial.wall, format!("{}: {}", trial.what, trial.said))
            .todo("it should hold here: please report it, with the output of 'fixworker check --walls'")
    }));
    findings
}

fn worst(trials: &[Trial], wall: &str) -> Mark {
    let of_wall = trials.iter().filter(|trial| trial.wall == wall);
    of_wall.map(|trial| trial.mark).max().unwrap_or(Mark::Held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(wall: &str, mark: Mark) -> Trial {
        Trial { wall: wall.to_owned(), what: "read".to_owned(), said: "it works".to_owned(), mark }
    }

    #[test]
    fn a_wall_holds_if_all_tries_fail() {
        let trials =
            Ok(vec![trial("files", Mark::Held), trial("files", Mark::Open), trial("tcp", Mark::Held)]);
        let found = judge(&trials, Sandbox::Auto);
        assert_eq!(found[0].said, "hold: tcp");
        assert_eq!((found[1].state, found[1].subject.as_str()), (State::Failed, "files"));
    }

    #[test]
    fn what_a_host_lacks_fails_only_if_it_is_required() {
        let trials = Ok(vec![trial("tcp", Mark::Absent)]);
        assert_eq!(judge(&trials, Sandbox::Auto)[1].state, State::Note);
        assert_eq!(judge(&trials, Sandbox::Require)[1].state, State::Failed);
        assert_eq!(judge(&trials, Sandbox::Off)[0].state, State::Note);
    }
}
