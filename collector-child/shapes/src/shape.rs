//! What a value looks like: the shapes of a service and the members of its structures.

/// A shape of one service. Ids of different services have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeId(pub(crate) u32);

/// The form of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// An object with named members.
    Structure(Structure),
    /// A sequence of equal members.
    List(List),
    /// An object whose keys are data.
    Map(Map),
    /// Text; with the values that are known, if the service names them.
    String {
        /// The values that the service names; it may answer with others. Empty if it names none.
        values: Vec<&'static str>,
    },
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number with single precision.
    Float,
    /// A number with double precision.
    Double,
    /// true or false.
    Boolean,
    /// A point in time; in answers text of the form `2026-11-22T18:40:01Z`.
    Timestamp,
    /// Bytes; in answers text, in base64 if the bytes are not UTF-8.
    Blob,
}

impl Shape {
    /// The name of the form for people, as in "a list".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Structure(_) => "structure",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::String { .. } => "string",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Blob => "blob",
        }
    }

    /// The structure, if it is one.
    pub fn as_structure(&self) -> Option<&Structure> {
        match self {
            Self::Structure(structure) => Some(structure),
            _ => None,
        }
    }
}

/// An object with named members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// The members in the order of the service's description.
    pub members: Vec<Member>,
    /// Free JSON: what is sent and received is not described by members.
    pub document: bool,
    /// Exactly one of the members is set.
    pub union: bool,
    /// A sequence of events instead of one answer; these cannot be read here.
    pub event_stream: bool,
    /// The member that is the whole body of the message.
    pub(crate) payload: Option<&'static str>,
    /// Positions of the members, sorted by their names on the wire.
    pub(crate) by_wire: Vec<u16>,
}

/// Few structures of answers have more members; as many as a table of eight places takes.
const USUAL_MEMBERS: usize = 7;

impl Structure {
    /// The member of this name, by the name that users know.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The member whose element or key in the body has this name.
    pub(crate) fn by_wire(&self, wire: &str) -> Option<&Member> {
        let found = self.by_wire.binary_search_by(|at| self.members[usize::from(*at)].wire().cmp(wire));
        found.ok().map(|at| &self.members[usize::from(self.by_wire[at])])
    }

    /// The member that is the whole body.
    /// A map with room for what most answers have of these members: growing to that costs more than anything else
    /// about it.
    pub(crate) fn empty_map(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::with_capacity(self.members.len().min(USUAL_MEMBERS))
    }

    pub(crate) fn payload(&self) -> Option<&Member> {
        self.payload.and_then(|name| self.member(name))
    }
}

/// A sequence of equal members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What the list holds.
    pub member: Member,
}

/// An object whose keys are data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// The form of the keys, always a string.
    pub key: Member,
    /// The form of the values.
    pub value: Member,
}

/// A place where a shape is used, and how its value travels there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name that users know; of lists `member`, of maps `key` and `value`.
    pub name: &'static str,
    /// The form of the value.
    pub shape: ShapeId,
    /// A request without it is refused. Services keep no such promise for their answers.
    pub required: bool,
    pub(crate) traits: Traits,
}

impl Member {
    /// Whether requests get a token here that is new each time, unless the caller gives one.
    pub fn is_filled_in(&self) -> bool {
        self.traits.idempotency_token
    }

    /// The name in the message, where it has one of its own.
    pub(crate) fn wire(&self) -> &'static str {
        self.traits.in_xml.or(self.traits.wire).unwrap_or(self.name)
    }
}

/// How a value travels.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one trait of the services' descriptions, in any combination"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Name of the element, key, header or parameter.
    pub(crate) wire: Option<&'static str>,
    /// Name in the ec2 protocol's requests.
    pub(crate) query: Option<&'static str>,
    /// Name of the elements of a flattened list, which stand where the list would.
    pub(crate) in_xml: Option<&'static str>,
    pub(crate) location: Location,
    pub(crate) timestamp: Option<TimestampFormat>,
    /// `prefix|uri`, the prefix may be empty.
    pub(crate) namespace: Option<&'static str>,
    pub(crate) flattened: bool,
    pub(crate) attribute: bool,
    pub(crate) idempotency_token: bool,
    pub(crate) streaming: bool,
    pub(crate) host_label: bool,
    /// JSON in base64, in a header.
    pub(crate) json_header: bool,
    /// A policy: JSON that is percent-encoded in the answer.
    pub(crate) policy: bool,
    /// An id of Route 53 that may come with a path before it.
    pub(crate) last_segment: bool,
}

/// Where in a message a member travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Location {
    #[default]
    Body,
    Header,
    /// All headers with a prefix.
    Headers,
    Query,
    Uri,
    Status,
}

/// How a point in time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampFormat {
    Iso8601,
    Unix,
    Rfc822,
}
