//! Resources that wait for each other: none of them could ever be the first.

/// Groups of nodes that depend on each other in circles, each with one circle as a path. `edges[a]` are the nodes
/// that have to go before `a`.
pub(super) fn circles(edges: &[Vec<usize>]) -> Vec<Circle> {
    let mut search = Search {
        edges,
        next: 0,
        number: vec![None; edges.len()],
        lowest: vec![0; edges.len()],
        on_stack: vec![false; edges.len()],
        stack: Vec::new(),
        found: Vec::new(),
    };
    for node in 0..edges.len() {
        search.from(node);
    }
    let groups = search.found;
    groups.into_iter().filter_map(|group| Circle::of(group, edges)).collect()
}

/// A group of nodes of which each depends, in the end, on itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Circle {
    /// All nodes of the group, in order.
    pub(super) members: Vec<usize>,
    /// A shortest circle through the first member, which is also the last of the path.
    pub(super) path: Vec<usize>,
}

impl Circle {
    fn of(mut members: Vec<usize>, edges: &[Vec<usize>]) -> Option<Self> {
        members.sort_unstable();
        let first = *members.first()?;
        if members.len() == 1 && !edges[first].contains(&first) {
            return None;
        }
        let path = shortest(first, &members, edges);
        Some(Self { members, path })
    }
}

/// The shortest way from `first` back to it, by breadth-first search within the group.
fn shortest(first: usize, members: &[usize], edges: &[Vec<usize>]) -> Vec<usize> {
    let mut ways: Vec<Vec<usize>> = vec![vec![first]];
    let mut seen = Vec::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let Some(&last) = way.last() else { continue };
            for &next in &edges[last] {
                if next == first {
                    return [way, vec![first]].concat();
                }
                if members.binary_search(&next).is_ok() && !seen.contains(&next) {
                    seen.push(next);
                    longer.push([way.clone(), vec![next]].concat());
                }
            }
        }
        ways = longer;
    }
    vec![first]
}

/// Tarjan's search for strongly connected components, without recursion: chains may be as long as the estate.
struct Search<'a> {
    edges: &'a [Vec<usize>],
    next: usize,
    number: Vec<Option<usize>>,
    lowest: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn from(&mut self, start: usize) {
        if self.number[start].is_some() {
            return;
        }
        let mut path: Vec<(usize, usize)> = vec![self.enter(start)];
        while let Some((node, at)) = path.pop() {
            if let Some(next) = self.edges[node].get(at).copied() {
                path.push((node, at + 1));
                match self.number[next] {
                    None => path.push(self.enter(next)),
                    Some(number) if self.on_stack[next] => {
                        self.lowest[node] = self.lowest[node].min(number);
                    }
                    Some(_) => {}
                }
                continue;
            }
            self.leave(node);
            if let Some((parent, _)) = path.last() {
                self.lowest[*parent] = self.lowest[*parent].min(self.lowest[node]);
            }
        }
    }

    fn enter(&mut self, node: usize) -> (usize, usize) {
        self.number[node] = Some(self.next);
        self.lowest[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
        (node, 0)
    }

    fn leave(&mut self, node: usize) {
        if self.number[node] != Some(self.lowest[node]) {
            return;
        }
        let mut group = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack[member] = false;
            group.push(member);
            if member == node {
                break;
            }
        }
        self.found.push(group);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn circles_are_found_with_a_way_around() {
        // 0 -> 1 -> 2 -> 0 with a tail 3 -> 0, a loop at 4, and nothing at 5.
        let edges = [vec![1], vec![2], vec![0], vec![0], vec![4], vec![3, 4]].map(|to: Vec<usize>| to);
        let mut found = circles(&edges);
        found.sort_by_key(|circle| circle.members[0]);
        assert_eq!(
            found,
            [
                Circle { members: vec![0, 1, 2], path: vec![0, 1, 2, 0] },
                Circle { members: vec![4], path: vec![4, 4] },
            ]
        );
    }

    #[test]
    fn a_long_chain_is_no_circle_and_no_recursion() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|node| vec![(node + 1).min(199_999)]).collect();
        assert_eq!(circles(&edges).len(), 1, "only the loop at the end");
    }

    proptest! {
        /// What is in no circle can be put in an order; what is in one reaches itself.
        #[test]
        fn the_rest_has_an_order(edges in prop::collection::vec(prop::collection::vec(0_usize..12, 0..3), 12)) {
            let found = circles(&edges);
            let mut gone: Vec<bool> = vec![false; edges.len()];
            for circle in &found {
                prop_assert_eq!(circle.path.first(), circle.path.last());
                prop_assert!(circle.path.len() > 1);
                prop_assert!(circle.path.windows(2).all(|step| edges[step[0]].contains(&step[1])));
                circle.members.iter().for_each(|member| gone[*member] = true);
            }
            for _ in 0..edges.len() {
                for node in 0..edges.len() {
                    gone[node] |= edges[node].iter().all(|next| gone[*next]);
                }
            }
            prop_assert!(gone.iter().all(|gone| *gone), "{:?}", found);
        }
    }
}
