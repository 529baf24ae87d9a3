//! Services that answer with nothing but "slow down": given up after a while without any other answer.
//!
//! Throttling passes, and is waited out as long as something is answered in between. Where nothing is, the first
//! service gets all the patience of the policy, each further one of the account half of what the one before got: one
//! that is overloaded is waited for, an account that is throttled altogether does not cost the same wait for each
//! service. Counted are whole services, single operations and single buckets. What was given up is asked again after
//! a rest.
//!
//! All times are since some fixed moment of the process.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::Key;

/// How long nothing is asked of what was given up; then a single call finds out.
const REST: Duration = Duration::from_mins(1);
/// Throttled answers before anything is given up, as long as nothing of the account is.
const ENOUGH: u32 = 5;

/// So many services of an account that are given up are the account, which gets no patience any more.
const MANY: usize = 4;

/// A service of an account in one region.
pub(crate) type Lane = (String, String, String);

/// What was throttled lately, by account, region and service.
#[derive(Debug, Default)]
pub(crate) struct Droughts {
    lanes: HashMap<Lane, Drought>,
    /// Services that are given up, by account.
    dry: HashMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Drought {
    service: Spell,
    /// By bucket, or by operation where there are none.
    parts: HashMap<String, Spell>,
}

/// A time without any answer but throttling.
#[derive(Debug, Clone, Copy, Default)]
struct Spell {
    began: Option<Duration>,
    throttled: u32,
    rests_until: Option<Duration>,
    /// One call is finding out whether it is over.
    tried: bool,
}

impl Droughts {
    /// Whether a call may be made. After the rest one may, and the others wait for what becomes of it.
    pub(crate) fn admits(&mut self, now: Duration, lane: &Lane, key: Key<'_>) -> bool {
        let Some(drought) = self.lanes.get_mut(lane) else { return true };
        let resting = |spell: &Spell| spell.rests_until.is_some_and(|until| now < until);
        let own = drought.parts.get_mut(key.unit());
        if resting(&drought.service) || own.as_deref().is_some_and(resting) {
            return false;
        }
        for spell in own.into_iter().chain([&mut drought.service]) {
            spell.tried = spell.rests_until.is_some();
            spell.rests_until = spell.rests_until.map(|_| now + REST);
        }
        true
    }

    /// Whether another attempt makes sense.
    pub(crate) fn may_retry(&self, lane: &Lane, key: Key<'_>) -> bool {
        let given_up = |spell: &Spell| spell.rests_until.is_some() && !spell.tried;
        self.lanes.get(lane).is_none_or(|drought| {
            !given_up(&drought.service) && !drought.parts.get(key.unit()).is_some_and(given_up)
        })
    }

    /// Anything but throttling was answered.
    pub(crate) fn answered(&mut self, lane: &Lane, key: Key<'_>) {
        let Some(drought) = self.lanes.get_mut(lane) else { return };
        drought.parts.remove(key.unit());
        drought.service = Spell::default();
        if drought.parts.is_empty() {
            self.lanes.remove(lane);
        }
        // It passes after all.
        self.dry.remove(&lane.0);
    }

    /// Throttling was answered, which is waited out for `patience`; whether something is given up with that.
    pub(crate) fn throttled(&mut self, now: Duration, lane: &Lane, key: Key<'_>, patience: Duration) -> bool {
        let dry = self.dry.get(&lane.0).map_or(0, BTreeSet::len);
        let (patience, enough) =
            if dry < MANY { (patience / (1 << dry), ENOUGH) } else { (Duration::ZERO, 1) };
        let drought = self.lanes.entry(lane.clone()).or_default();
        let service = drought.service.throttled(now, patience, enough);
        let part = drought.parts.entry(key.unit().to_owned()).or_default();
        let part = part.throttled(now, patience, enough);
        if service {
            self.dry.entry(lane.0.clone()).or_default().insert(lane.2.clone());
        }
        service || part
    }
}

impl Spell {
    /// Counts a throttled answer; whether the patience is over.
    fn throttled(&mut self, now: Duration, patience: Duration, enough: u32) -> bool {
        let began = *self.began.get_or_insert(now);
        self.throttled = self.throttled.saturating_add(1);
        let over = self.throttled >= enough && now.saturating_sub(began) >= patience;
        if over {
            (self.rests_until, self.tried) = (Some(now + REST), false);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(40);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lane(service: &str) -> Lane {
        ("1".to_owned(), "eu-west-1".to_owned(), service.to_owned())
    }

    fn of(operation: &str) -> Key<'_> {
        Key { operation, bucket: None }
    }

    /// When it is given up, if it throttles once in a second from `from` on.
    fn gives_up(droughts: &mut Droughts, lane: &Lane, key: Key<'_>, from: u64) -> Option<u64> {
        (from..from + 1000).find(|now| droughts.throttled(at(*now), lane, key, PATIENCE))
    }

    #[test]
    fn what_only_throttles_is_given_up_and_asked_again_after_a_rest() {
        let mut droughts = Droughts::default();
        let kms = lane("kms");
        assert!(droughts.admits(at(0), &kms, of("ListKeys")));
        assert_eq!(gives_up(&mut droughts, &kms, of("ListKeys"), 0), Some(40));
        assert!(!droughts.may_retry(&kms, of("ListAliases")), "the whole service");
        assert!(!droughts.admits(at(41), &kms, of("ListAliases")));
        assert!(droughts.admits(at(41), &lane("sns"), of("ListTopics")));
        assert!(droughts.admits(at(100), &kms, of("ListKeys")), "one finds out");
        assert!(!droughts.admits(at(101), &kms, of("ListKeys")), "the others wait for it");
        assert!(droughts.may_retry(&kms, of("ListKeys")), "it is not called off itself");
        assert!(
            droughts.throttled(at(102), &kms, of("ListKeys"), PATIENCE)
                && !droughts.may_retry(&kms, of("ListKeys"))
        );
        droughts.answered(&kms, of("ListKeys"));
        assert!(droughts.admits(at(103), &kms, of("ListKeys")) && droughts.may_retry(&kms, of("ListKeys")));
        assert!(droughts.lanes.is_empty() && droughts.dry.is_empty(), "nothing is remembered");
    }

    #[test]
    fn what_answers_in_between_is_waited_for_without_end() {
        let mut droughts = Droughts::default();
        for now in 0..10_000 {
            assert!(droughts.admits(at(now), &lane("ec2"), of("DescribeVpcs")));
            assert!(!droughts.throttled(at(now), &lane("ec2"), of("DescribeVpcs"), PATIENCE));
            if now % 30 == 0 {
                droughts.answered(&lane("ec2"), of("DescribeVpcs"));
            }
        }
    }

    #[test]
    fn an_operation_or_a_bucket_is_given_up_alone_while_others_answer() {
        let bucket = |bucket| Key { operation: "GetBucketTagging", bucket: Some(bucket) };
        for (slow, well) in [(of("LookupEvents"), of("DescribeTrails")), (bucket("slow"), bucket("well"))] {
            let mut droughts = Droughts::default();
            let lane = lane("some");
            let gave_up = (0..100).find(|now| {
                droughts.answered(&lane, well);
                droughts.throttled(at(*now), &lane, slow, PATIENCE)
            });
            assert_eq!(gave_up, Some(40));
            assert!(!droughts.admits(at(41), &lane, slow) && droughts.admits(at(41), &lane, well));
            assert!(droughts.dry.is_empty(), "the service is well");
        }
    }

    #[test]
    fn an_account_that_is_throttled_altogether_costs_little_more_than_one_service() {
        let mut droughts = Droughts::default();
        let mut now = 0;
        for service in 0..60 {
            now = gives_up(&mut droughts, &lane(&format!("s{service}")), of("List"), now).unwrap();
        }
        assert!(now < 90, "all sixty, one after the other: {now} s");
        droughts.answered(&lane("s7"), of("List"));
        let again = gives_up(&mut droughts, &lane("other"), of("List"), 1000).unwrap();
        assert_eq!(again - 1000, 40, "one answer, and there is patience again");
    }

    #[test]
    fn other_regions_of_one_service_do_not_cost_the_patience_of_others() {
        let mut droughts = Droughts::default();
        for region in 0..17 {
            let lane = ("1".to_owned(), format!("r{region}"), "cloudtrail".to_owned());
            gives_up(&mut droughts, &lane, of("LookupEvents"), 0).unwrap();
        }
        assert_eq!(gives_up(&mut droughts, &lane("kms"), of("ListKeys"), 0), Some(20));
    }
}
