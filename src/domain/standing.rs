//! What is known of an API resource beside what Logto shows, and what of a status is believed.

use jiff::Timestamp;

use crate::api::{Origin, instance::ApiResourceStatus};

/// How long the intent to make a resource explains one that is found, in seconds.
const CREATING_IS_GOOD_FOR: i64 = 600;

/// What the operator knows of an API resource beside what Logto shows, since a resource has no place for a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// The status says that it was absent a while ago and that a request to make it may have been sent.
    Creating,
    /// The status says that it was made or taken over under this id, which is no proof: a status may have been restored
    /// from elsewhere.
    Remembered,
    /// It is proved: this process made it, or saw a scope in it that the operator had made, or the status has a proof.
    Known,
}

/// What is known of the resource with this id. `is_proved` says whether it is proved to be the instance's.
pub fn standing(
    status: Option<&ApiResourceStatus>,
    found: &str,
    is_proved: bool,
    now: Timestamp,
) -> Standing {
    match status {
        _ if is_proved => Standing::Known,
        Some(status) if status.id.as_deref() == Some(found) => Standing::Remembered,
        Some(status) if is_creating(status, now) => Standing::Creating,
        _ => Standing::Unknown,
    }
}

/// Where the resource with this id comes from, for the status. `proved` is what was proved of it.
pub fn origin(
    status: Option<&ApiResourceStatus>,
    found: &str,
    proved: Option<Origin>,
    took_over: bool,
    now: Timestamp,
) -> Origin {
    match (status, proved) {
        _ if took_over => Origin::Adopted,
        (_, Some(origin)) => origin,
        (status, None) => remembered_origin(status, found, now),
    }
}

fn remembered_origin(status: Option<&ApiResourceStatus>, found: &str, now: Timestamp) -> Origin {
    match status {
        Some(status) if status.id.as_deref() == Some(found) => status.origin,
        Some(status) if is_creating(status, now) => Origin::Created,
        // Found by a mark on one of its scopes: the status was lost, and what made it can not be told any more.
        _ => Origin::Adopted,
    }
}

/// Whether a status notes a creation that was begun a short while ago.
pub fn is_creating(status: &ApiResourceStatus, now: Timestamp) -> bool {
    let since = status.creating_since.as_ref().map(|since| since.0);
    let age = since.map(|since| now.as_second().saturating_sub(since.as_second()));
    status.origin == Origin::Creating
        && age.is_some_and(|age| (0..=CREATING_IS_GOOD_FOR).contains(&age))
}
