//! Names that somebody may have meant.

use std::fmt;

use strsim::osa_distance;

/// Known names close to an unknown one, best first; printed as `; did you mean a or b?`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Close(pub Vec<String>);

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; did you mean {}?", self.0.join(" or ")) }
    }
}

/// At most three of `known` that are near to `name`: few edits for its length, or one contains the other.
pub fn close_to<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Close {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let distance = osa_distance(&wanted, &candidate.to_lowercase());
            let part = wanted.len() > 3 && candidate.contains(&wanted)
                || candidate.len() > 3 && wanted.contains(candidate);
            (distance <= allowed || part).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    Close(near.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant_and_nothing_far_away() {
        let known = ["pool_size", "graph_sender_pool_size", "cleanup_pool_size", "timeout", "graph"];
        assert_eq!(close_to("pol_size", known).0, ["pool_size"]);
        assert_eq!(close_to("time_out", known).0, ["timeout"]);
        assert!(close_to("xyz", known).0.is_empty());
        assert_eq!(close_to("size", known).to_string().matches(" or ").count(), 2);
        assert_eq!(Close::default().to_string(), "");
    }
}
