use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const GONE: Standing = Standing { cleaned: true, phantom: false, stays: None };
const PHANTOM: Standing = Standing { cleaned: false, phantom: true, stays: None };
const PROTECTED: Standing = Standing { cleaned: false, phantom: false, stays: Some(Standing::PROTECTED) };

/// Nodes called `n0` and so on, of which `resources` are to be deleted.
fn holds_of(resources: &[usize], nodes: &[Standing], edges: &[(usize, usize)]) -> Vec<Hold> {
    holds(resources, nodes, edges.iter().copied(), &|node| format!("n{node}"))
}

fn plain(count: usize) -> Vec<Standing> {
    vec![Standing::default(); count]
}

/// Node 0 is to be deleted, 1 depends on it and is not; 2 depends on 1, is what `last` says, and to be deleted if it is
/// a resource.
fn chain(resources: &[usize], last: Standing) -> Hold {
    let nodes = [Standing::default(), Standing::default(), last];
    holds_of(resources, &nodes, &[(0, 1), (1, 2)]).swap_remove(0)
}

fn skipped(reason: &str) -> Fate {
    Fate::Skipped(reason.to_owned())
}

#[test]
fn dependents_count_once_and_what_is_not_to_be_deleted_is_told_apart() {
    let nodes = [&plain(3)[..], &[GONE]].concat();
    let found = holds_of(&[0, 1], &nodes, &[(0, 1), (0, 1), (0, 2), (0, 3)]);
    assert_eq!((&found[0].dependents, &found[0].unmarked, found[0].held), (&vec![1], &vec![2], false));
    assert!(found[1].dependents.is_empty() && found[1].unmarked.is_empty() && !found[1].held);
    assert_eq!((&found[0].fate, &found[1].fate), (&None, &None));
}

#[test]
fn order_goes_through_what_is_not_to_be_deleted() {
    let through = chain(&[0, 2], Standing::default());
    assert_eq!((through.dependents, through.unmarked, through.held), (vec![1], vec![1], false));
    assert!(chain(&[0], Standing::default()).held, "nobody touches what depends on it");
    // What is gone holds nothing, and nothing behind it matters.
    let nodes = [Standing::default(), GONE, Standing::default()];
    let past = holds_of(&[0, 2], &nodes, &[(0, 1), (1, 2)]).swap_remove(0);
    assert!(past.dependents.is_empty() && past.unmarked.is_empty() && !past.held);
}

#[test]
fn what_stays_keeps_what_it_depends_on_also_from_behind() {
    let direct = holds_of(&[0], &[Standing::default(), PROTECTED], &[(0, 1)]).swap_remove(0);
    assert_eq!(direct.fate, Some(skipped("n1 depends on it and is protected")));
    let behind = chain(&[0], PROTECTED);
    assert_eq!(behind.fate, Some(skipped("n2 holds n1, which depends on it, and is protected")));
    // To be deleted and protected: its own fate decides.
    let both = chain(&[0, 2], PROTECTED);
    assert_eq!((both.dependents, both.fate), (vec![1], None));
}

#[test]
fn nothing_goes_with_what_no_cloud_deletes() {
    let through = holds_of(&[0, 2], &[plain(1)[0], PHANTOM, plain(1)[0]], &[(0, 1), (1, 2)]).swap_remove(0);
    assert_eq!((through.dependents, through.unmarked, through.held), (vec![], vec![1], true));
    assert!(chain(&[0], PHANTOM).held);
}

#[test]
fn circles_are_named_and_all_of_them_stay() {
    let found = holds_of(&[0, 1, 2, 3, 4], &plain(5), &[(0, 1), (1, 0), (0, 2), (3, 0), (4, 4)]);
    let circle = skipped("it depends on itself in a circle of delete edges: n0 -> n1 -> n0");
    let own = skipped("it depends on itself in a circle of delete edges: n4 -> n4");
    let fates: Vec<_> = found.into_iter().map(|hold| hold.fate).collect();
    assert_eq!(
        fates,
        [Some(circle.clone()), Some(circle), None, None, Some(own)],
        "the plan decides on the others"
    );
}

#[test]
fn circles_of_what_is_not_to_be_deleted_hold_nobody() {
    // Two groups, each with an interface that depends on it and holds the other one.
    let edges = [(0, 2), (2, 1), (1, 3), (3, 0), (2, 3), (3, 2)];
    for hold in holds_of(&[0, 1], &plain(4), &edges) {
        assert_eq!((hold.dependents, hold.fate), (vec![], None));
    }
}

/// Everything that can be reached from `from`.
fn reached(from: usize, next: impl Fn(usize) -> Vec<usize>) -> BTreeSet<usize> {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(at) = open.pop() {
        open.extend(next(at).into_iter().filter(|next| seen.insert(*next)));
    }
    seen
}

proptest! {
    /// The order between resources is the same whether what is between them is to be deleted or not, as long as it can go.
    #[test]
    fn what_is_between_changes_nothing_of_the_order(
        edges in prop::collection::vec((0..8_usize, 0..8_usize), 0..16),
        marks in prop::collection::vec(any::<bool>(), 8),
    ) {
        // Edges lead from smaller to greater numbers, so there are no circles.
        let edges: Vec<(usize, usize)> = edges.into_iter().filter(|(from, to)| from < to).collect();
        let resources: Vec<usize> = (0..8).filter(|node| marks[*node]).collect();
        let found = holds_of(&resources, &plain(8), &edges);
        for (number, node) in resources.iter().enumerate() {
            let order = reached(number, |at| found[at].dependents.clone());
            let all = reached(*node, |at| edges.iter().filter(|(from, _)| *from == at).map(|(_, to)| *to).collect());
            let order: BTreeSet<usize> = order.into_iter().map(|number| resources[number]).collect();
            prop_assert_eq!(order, all.into_iter().filter(|node| marks[*node]).collect::<BTreeSet<_>>());
        }
    }
}
