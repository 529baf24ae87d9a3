//! Whether anything could be read in each region. Where nothing was, for other reasons than denial, the region is not empty
//! but unknown: the account is given up and tried again later, and what fixcore has of it stays.
//!
//! A region that does not accept the credentials at all is unknown, too: those of a session may be good elsewhere only.
//!
//! Denials are another matter: what a role may not see it never saw, and trying again would not change that. They only
//! outweigh other troubles where they are more, as in a region that a policy of the organization closes and where one host
//! does not answer besides.

use collector::fault;
use http_client::{CallError, Class};
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Retry};

use crate::facts::CloudFacts;
use crate::faults::listed;
use crate::regions::{RegionIndex, Regions};

/// What became of the listings, by region.
#[derive(Debug)]
pub(crate) struct Reach(Vec<Place>);

#[derive(Debug, Clone, Default)]
struct Place {
    read: bool,
    denied: u32,
    /// The account has not signed up for the region or the service.
    disabled: u32,
    /// Of no use to anybody who wants to know what is there.
    failed: u32,
    /// Those of them where the credentials were not accepted, which others accept.
    refused: u32,
    /// Those of them whose host does not resolve.
    nameless: u32,
    first: Option<CallError>,
}

impl Reach {
    pub(crate) fn new(regions: &Regions) -> Self {
        Self(vec![Place::default(); regions.len()])
    }

    /// Something was answered there.
    pub(crate) fn read(&mut self, region: RegionIndex) {
        self.0[region.position()].read = true;
    }

    /// A call failed there.
    pub(crate) fn failed(&mut self, facts: &CloudFacts, region: RegionIndex, error: &CallError) {
        let place = &mut self.0[region.position()];
        match error.class {
            Class::Expected => place.read = true,
            // There is nothing to read.
            Class::NoEndpoint => {}
            Class::AccessDenied { .. } => place.denied += 1,
            Class::RegionDisabled => {
                place.disabled += 1;
                place.first.get_or_insert_with(|| error.clone());
            }
            Class::RegionRefuses
            | Class::Credentials(_)
            | Class::Throttled
            | Class::Service
            | Class::Unavailable
            | Class::Network
            | Class::Garbage
            | Class::RepeatedToken
            | Class::NoToken
            | Class::EndlessPages
            | Class::Config
            | Class::Deadline
            | Class::Input => {
                place.failed += 1;
                place.refused += u32::from(error.class == Class::RegionRefuses);
                place.nameless += u32::from(is_nameless(facts, error));
                place.first.get_or_insert_with(|| error.clone());
            }
        }
    }

    /// Regions that seem unread for the only reason that there may be no such hosts.
    pub(crate) fn nameless(&self, regions: &Regions) -> Vec<RegionIndex> {
        let nameless = |place: &Place| place.is_unread(false) && place.nameless == place.failed;
        regions.all().zip(&self.0).filter(|(_, place)| nameless(place)).map(|((index, _), _)| index).collect()
    }

    fn refused_everywhere(&self) -> Option<&CallError> {
        let only_refused = |place: &Place| !place.read && place.denied == 0 && place.failed == place.refused;
        if !self.0.iter().all(only_refused) {
            return None;
        }
        self.0.iter().find_map(|place| place.first.as_ref())
    }

    /// Why the account cannot be done, if there is a region of which nothing was read. Where the user names the regions
    /// (`by_user`), also one that the account has not signed up for: who names it wants to know what is there.
    pub(crate) fn verdict(&self, facts: &CloudFacts, regions: &Regions, by_user: bool) -> Option<Fault> {
        let places = || regions.all().zip(&self.0);
        if let Some(error) = self.refused_everywhere() {
            return Some(refused(facts, error));
        }
        let unread: Vec<_> = places().filter(|(_, place)| place.is_unread(by_user)).collect();
        let error = unread.iter().find_map(|(_, place)| place.first.as_ref())?;
        let names: Vec<&str> = unread.iter().map(|((_, region), _)| region.name.as_str()).collect();
        let all = !places().any(|(_, place)| place.read);
        let subject = if all { "nothing of the account".to_owned() } else { "nothing".to_owned() };
        let message = format!(
            "{subject} could be read in {}, so it is not known what is there: {}:{}: {}",
            listed(&names),
            error.service,
            error.operation,
            error.words()
        );
        // What belongs to no region cannot be left out.
        let regional = unread.iter().filter(|((index, _), _)| *index != RegionIndex::GLOBAL);
        let regional: Vec<&str> = regional.map(|((_, region), _)| region.name.as_str()).collect();
        let setting = facts.region_setting;
        let leave_out = (!all && !setting.is_empty() && !regional.is_empty())
            .then(|| format!("leave {} out with {setting}", listed(&regional)));
        let own = error.to_fault().hint;
        let leave_out = leave_out.filter(|_| !own.as_deref().is_some_and(|own| own.contains(setting)));
        let hint: Vec<String> = own.into_iter().chain(leave_out).collect();
        let only = |names: &[&str]| (names.len() == 1).then(|| unread[0].0.1.id.clone());
        let scope = FaultScope { region: only(&names), ..FaultScope::default() };
        // A setting does not mend itself.
        let (kind, retry, source) = match error.class {
            Class::Config => (FaultKind::Config, Retry::Never, FaultSource::User),
            Class::RegionRefuses | Class::RegionDisabled => {
                (FaultKind::Credentials, Retry::Never, FaultSource::User)
            }
            _ => (FaultKind::Unavailable, Retry::Later, FaultSource::Cloud),
        };
        let hint = Some(hint.join("; or ")).filter(|hint| !hint.is_empty());
        Some(Fault { scope, retry, source, hint, ..fault(kind, message) })
    }
}

/// Whether there may be no such host at all. A proxy does not say why it gives no connection.
fn is_nameless(facts: &CloudFacts, error: &CallError) -> bool {
    error.class == Class::Network
        && error.has_code(&["DnsFailure", "ProxyFailure"])
        && facts.without_host.contains(&error.service.as_str())
}

/// A region that is not enabled looks like a key that was deleted meanwhile; where no region accepts it, it is the key, or
/// a region of another partition.
fn refused(facts: &CloudFacts, error: &CallError) -> Fault {
    let message = format!(
        "nothing of the account could be read, as {} does not accept the credentials anywhere: {}:{} in {}: {}",
        facts.name,
        error.service,
        error.operation,
        error.region,
        error.words()
    );
    Fault {
        retry: Retry::Never,
        source: FaultSource::User,
        hint: Some(match facts.region_setting {
            "" => "look whether the credentials are still active".to_owned(),
            setting => {
                let own = error.to_fault().hint.map(|own| format!("{own}; or ")).unwrap_or_default();
                format!(
                    "{own}look whether the key is still active, and whether {setting} names regions of its partition"
                )
            }
        }),
        ..fault(FaultKind::Credentials, message)
    }
}

impl Place {
    fn is_unread(&self, by_user: bool) -> bool {
        let (lost, known) = if by_user {
            (self.failed + self.disabled, self.denied)
        } else {
            (self.failed, self.denied + self.disabled)
        };
        !self.read && lost > 0 && lost >= known
    }
}
