//! Compiled plans: what the tables say, checked, with everything spelled out.

mod call;
mod cloud;
mod condition;
mod edge;
mod function;
mod kind;
mod mapping;
mod metric;
mod path;
mod scope;
mod template;

pub use call::{
    BatchCall, Call, DeletePlan, EachOf, ErrorSaid, FollowUp, GoesWith, Hold, Into, Join, ListCall, NodeCall,
    Refusal, TagPlan,
};
pub use cloud::{
    CloudPlan, ErrorMeaning, ErrorRules, Filter, NextPage, OperationPlan, Paging, ParamPlace, Per,
    ServicePlan,
};
pub use condition::{Condition, Test};
pub use edge::{DeleteEdge, Direction, EdgeRule, EdgeType, Lookup, Other};
pub use function::Function;
pub use kind::{FilePlan, HomePlan, KeyPart, KeyPlan, KindPlan, KindScope, MadeByCloud, PlaceKind, Source};
pub use mapping::{Extractor, Mapping, ObjectMap, Properties, Property, Stage};
pub use metric::{MetricRule, Stat};
pub use path::{ITEM, ITEM_KEY, Path, PathError, Root, Step};
pub use scope::{Place, Scope};
pub use template::{Argument, Arguments, MissingArgument, Part, Template};

pub(crate) use condition::truthy;
#[cfg(feature = "compiler")]
pub(crate) use scope::PLACE_NAMES;
#[cfg(feature = "compiler")]
pub(crate) use template::optional;
pub(crate) use template::text_of;
