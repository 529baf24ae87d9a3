//! A filter of system calls as a program for the kernel (classic BPF), which runs it at each call that it cannot decide
//! beforehand.
//!
//! The numbers of calls are searched by halves and not one after the other: the kernel runs the program for every
//! number once whenever a process gets it, and that was the larger part of what the filter of a child cost.

use nix::libc::sock_filter;

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    /// It fails with this error.
    Refuse(u16),
    /// It fails with this error if all tests of one of the questions hold.
    Ask(u16, Vec<Vec<Test>>),
}

/// A look at the lower half of an argument, which is all that the kernel takes of an `int`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    /// Which one, from 0 on.
    pub(super) argument: u32,
    /// The bits that are looked at.
    pub(super) mask: u32,
    pub(super) is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Equal(u32),
    Not(u32),
    /// Any of these bits is set.
    Having(u32),
}

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_FROM: u16 = 0x35;
const IF_ANY: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const ERROR: u32 = 0x0005_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

/// Places in what the kernel shows of a call: its number, the architecture, six arguments of eight bytes each.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

const fn refuse(error: u16) -> sock_filter {
    step(RETURN, 0, 0, ERROR | error as u32)
}

/// The program for calls of this architecture; those of another kill the process. `verdicts` are the numbers from
/// which on each verdict counts, up to the next one; in order, beginning with 0.
pub(super) fn program(architecture: u32, verdicts: &[(u32, Verdict)]) -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD, 0, 0, ARCHITECTURE),
        step(IF_EQUAL, 1, 0, architecture),
        step(RETURN, 0, 0, KILL_PROCESS),
        step(LOAD, 0, 0, NUMBER),
    ];
    program.extend(search(verdicts));
    program
}

fn search(verdicts: &[(u32, Verdict)]) -> Vec<sock_filter> {
    let half = verdicts.len() / 2;
    let (lower, upper) = verdicts.split_at(half);
    if lower.is_empty() {
        return upper.first().map_or_else(Vec::new, |(_, verdict)| decide(verdict));
    }
    let border = upper[0].0;
    let (lower, upper) = (search(lower), search(upper));
    let mut steps = if let Ok(len) = u8::try_from(lower.len()) {
        vec![step(IF_FROM, len, 0, border)]
    } else {
        // A condition jumps over 255 steps at most.
        let len = u32::try_from(lower.len()).unwrap_or(u32::MAX);
        vec![step(IF_FROM, 0, 1, border), step(JUMP, 0, 0, len)]
    };
    steps.extend(lower);
    steps.extend(upper);
    steps
}

fn decide(verdict: &Verdict) -> Vec<sock_filter> {
    match verdict {
        Verdict::Allow => vec![step(RETURN, 0, 0, ALLOW)],
        Verdict::Refuse(error) => vec![refuse(*error)],
        Verdict::Ask(error, questions) => {
            let mut steps: Vec<_> = questions.iter().flat_map(|tests| ask(tests, *error)).collect();
            steps.push(step(RETURN, 0, 0, ALLOW));
            steps
        }
    }
}

/// Fails the call if all tests hold; else goes on behind it.
fn ask(tests: &[Test], error: u16) -> Vec<sock_filter> {
    // From behind, because a test that does not hold jumps over all that comes after it.
    let mut steps = vec![refuse(error)];
    for test in tests.iter().rev() {
        let away = u8::try_from(steps.len()).unwrap_or(u8::MAX);
        let condition = match test.is {
            Is::Equal(value) => step(IF_EQUAL, 0, away, value),
            Is::Not(value) => step(IF_EQUAL, away, 0, value),
            Is::Having(bits) => step(IF_ANY, 0, away, bits),
        };
        steps.insert(0, condition);
        if test.mask != u32::MAX {
            steps.insert(0, step(AND, 0, 0, test.mask));
        }
        let low = if cfg!(target_endian = "little") { 0 } else { 4 };
        steps.insert(0, step(LOAD, 0, 0, ARGUMENTS + 8 * test.argument + low));
    }
    steps
}

/// What the kernel does with a program.
#[cfg(test)]
pub(super) fn run(program: &[sock_filter], architecture: u32, number: u32, arguments: [u32; 6]) -> u32 {
    let (mut at, mut value) = (0, 0);
    loop {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            LOAD if k == NUMBER => value = number,
            LOAD if k == ARCHITECTURE => value = architecture,
            LOAD => value = arguments[usize::try_from((k - ARGUMENTS) / 8).unwrap()],
            AND => value &= k,
            JUMP => at += usize::try_from(k).unwrap(),
            IF_EQUAL => at += branch(value == k),
            IF_FROM => at += branch(value >= k),
            IF_ANY => at += branch(value & k != 0),
            RETURN => return k,
            other => panic!("{other:#x} at {at}"),
        }
    }
}

/// The error that a call fails with; `None` if it is allowed.
#[cfg(test)]
pub(super) fn error_of(result: u32) -> Option<u16> {
    assert!(result == ALLOW || result & 0xffff_0000 == ERROR, "{result:#x}");
    (result != ALLOW).then_some(u16::try_from(result & 0xffff).unwrap())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn calls_of_another_architecture_kill() {
        let program = program(7, &[(0, Verdict::Allow)]);
        assert_eq!(run(&program, 8, 0, [0; 6]), KILL_PROCESS);
        assert_eq!(error_of(run(&program, 7, 0, [0; 6])), None);
    }

    #[test]
    fn all_tests_of_one_question_refuse() {
        let test = |argument, mask, is| Test { argument, mask, is };
        let questions = vec![
            vec![test(0, u32::MAX, Is::Equal(2)), test(1, 0xf, Is::Not(1)), test(1, 0xf, Is::Not(2))],
            vec![test(3, u32::MAX, Is::Having(0x30))],
        ];
        let program =
            program(7, &[(0, Verdict::Allow), (5, Verdict::Ask(13, questions)), (6, Verdict::Allow)]);
        let ask = |arguments| error_of(run(&program, 7, 5, arguments));
        assert_eq!(ask([2, 0x81, 0, 0, 0, 0]), None);
        assert_eq!(ask([2, 0x83, 0, 0, 0, 0]), Some(13));
        assert_eq!(ask([3, 0x83, 0, 0, 0, 0]), None);
        assert_eq!(ask([3, 0x83, 0, 0x10, 0, 0]), Some(13));
        assert_eq!(ask([2, 1, 0, 0xcf, 0, 0]), None);
        for number in [4, 6] {
            assert_eq!(error_of(run(&program, 7, number, [2, 3, 0, 0x10, 0, 0])), None);
        }
    }

    proptest! {
        /// However many, so that jumps are longer than a condition can jump.
        #[test]
        fn each_number_gets_its_verdict(
            refused in proptest::collection::btree_set(1_u32..3000, 0..600),
            looked_at in proptest::collection::vec(0_u32..3001, 50),
        ) {
            let mut verdicts = vec![(0, Verdict::Allow)];
            for number in &refused {
                verdicts.push((*number, Verdict::Refuse(u16::try_from(*number).unwrap())));
                if !refused.contains(&(number + 1)) {
                    verdicts.push((number + 1, Verdict::Allow));
                }
            }
            let program = program(7, &verdicts);
            for number in looked_at {
                let expected = refused.contains(&number).then(|| u16::try_from(number).unwrap());
                prop_assert_eq!(error_of(run(&program, 7, number, [0; 6])), expected);
            }
        }
    }
}
