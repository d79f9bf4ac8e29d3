//! Conditions with kstatus meaning, and writing a status only when it says something new.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::{Api, Client, Resource, ResourceExt, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::{
    FIELD_MANAGER, HasuraInstance, HasuraInstanceStatus, HasuraRoleBinding,
    HasuraRoleBindingStatus, LogtoTenant, LogtoTenantStatus, NOT_OBSERVED,
    conditions::{reasons, types},
};

/// Longest message, in characters; whatever a message quotes was cut before.
const MAX_MESSAGE: usize = 2048;

/// What a reconcile came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was looked at yet.
    Starting,
    /// All is verified.
    Ready(String),
    /// All was looked at, and nothing written.
    Observed(String),
    /// Nothing is looked at.
    Suspended,
    /// It will go on by itself.
    Waiting(&'static str, String),
    /// Somebody has to change something.
    Stalled(&'static str, String),
}

impl Verdict {
    /// Whether all is verified, or all was looked at where nothing is to be written.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_) | Self::Observed(_))
    }
}

/// One detail condition: type, status, reason, message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The condition's type.
    pub type_: &'static str,
    /// True, False, or none for Unknown.
    pub status: Option<bool>,
    /// Out of [`reasons`].
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Detail {
    /// The condition is True.
    pub fn well(type_: &'static str, message: impl Into<String>) -> Self {
        Self {
            type_,
            status: Some(true),
            reason: reasons::SUCCEEDED,
            message: message.into(),
        }
    }

    /// The condition is False, for the reason that the verdict gives.
    pub fn ill(type_: &'static str, verdict: &Verdict) -> Self {
        let (reason, message) = match verdict {
            Verdict::Waiting(reason, message) | Verdict::Stalled(reason, message) => {
                (*reason, message.clone())
            }
            Verdict::Ready(message) => (reasons::SUCCEEDED, message.clone()),
            Verdict::Observed(message) => (reasons::OBSERVED, message.clone()),
            Verdict::Suspended => (reasons::SUSPENDED, String::new()),
            Verdict::Starting => (reasons::PROGRESSING, String::new()),
        };
        Self {
            type_,
            status: Some(false),
            reason,
            message,
        }
    }
}

/// All conditions of an object; a transition time moves only where the status flips.
pub fn conditions(
    previous: &[Condition],
    generation: i64,
    verdict: &Verdict,
    details: Vec<Detail>,
) -> Vec<Condition> {
    let detail = |type_, status, reason, message: &str| Detail {
        type_,
        status,
        reason,
        message: message.to_owned(),
    };
    let mut all = match verdict {
        Verdict::Starting => vec![
            detail(
                types::READY,
                None,
                reasons::PROGRESSING,
                "not looked at yet",
            ),
            detail(
                types::RECONCILING,
                Some(true),
                reasons::PROGRESSING,
                "the first visit",
            ),
        ],
        Verdict::Ready(message) => vec![detail(
            types::READY,
            Some(true),
            reasons::SUCCEEDED,
            message,
        )],
        Verdict::Observed(message) => {
            vec![detail(types::READY, Some(true), reasons::OBSERVED, message)]
        }
        Verdict::Suspended => vec![detail(
            types::READY,
            None,
            reasons::SUSPENDED,
            "spec.suspend is true, here or above: nothing is looked at, and nothing done",
        )],
        Verdict::Waiting(reason, message) => vec![
            detail(types::READY, Some(false), reason, message),
            detail(
                types::RECONCILING,
                Some(true),
                reasons::PROGRESSING_WITH_RETRY,
                message,
            ),
        ],
        Verdict::Stalled(reason, message) => vec![
            detail(types::READY, Some(false), reason, message),
            detail(types::STALLED, Some(true), reason, message),
        ],
    };
    all.extend(details);
    all.into_iter()
        .map(|detail| condition(previous, generation, detail))
        .collect()
}

/// The conditions of an object that is not looked at: what they said of the last look stays, but for what `withdrawn` says.
pub fn suspended(
    previous: &[Condition],
    generation: i64,
    withdrawn: Option<Detail>,
) -> Vec<Condition> {
    use types::{GRANT_WITHDRAWN, IN_SYNC, RECONCILING, STALLED};
    let details: Vec<Detail> = withdrawn.into_iter().collect();
    let mut all = conditions(previous, generation, &Verdict::Suspended, details);
    let passing = [RECONCILING, STALLED, IN_SYNC, GRANT_WITHDRAWN];
    for before in previous {
        let is_new = all.iter().any(|condition| condition.type_ == before.type_);
        if !is_new && !passing.contains(&before.type_.as_str()) {
            all.push(before.clone());
        }
    }
    all
}

/// With policy Observe: whether Manage would write nothing.
pub fn in_sync(steps: usize, trouble: Option<&Verdict>) -> Detail {
    match (steps, trouble) {
        (_, Some(verdict)) => Detail::ill(types::IN_SYNC, verdict),
        (0, None) => Detail::well(types::IN_SYNC, "Manage would write nothing"),
        (steps, None) => Detail {
            type_: types::IN_SYNC,
            status: Some(false),
            reason: reasons::CHANGES_PLANNED,
            message: format!(
                "with managementPolicy Manage, {steps} steps would be taken: see status.plan"
            ),
        },
    }
}

/// One condition; its transition time moves only where the status flips.
pub fn condition(previous: &[Condition], generation: i64, detail: Detail) -> Condition {
    let status = match detail.status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let before = previous
        .iter()
        .find(|condition| condition.type_ == detail.type_ && condition.status == status);
    Condition {
        type_: detail.type_.to_owned(),
        status: status.to_owned(),
        observed_generation: Some(generation),
        last_transition_time: before
            .map_or_else(now, |condition| condition.last_transition_time.clone()),
        reason: detail.reason.to_owned(),
        message: detail.message.chars().take(MAX_MESSAGE).collect(),
    }
}

/// Now, to the second: a status read back has no more.
pub fn now() -> Time {
    let seconds = jiff::Timestamp::now().as_second();
    Time(jiff::Timestamp::from_second(seconds).unwrap_or_default())
}

/// The status of one of our kinds.
pub trait HasStatus: Resource<Scope = NamespaceResourceScope, DynamicType = ()> {
    /// Its type.
    type Status: Clone + Default + Debug + PartialEq + Serialize + Send + Sync;
    /// The status as it was read.
    fn status(&self) -> Option<&Self::Status>;
    /// Where the status goes.
    fn status_mut(&mut self) -> &mut Option<Self::Status>;
    /// Its conditions.
    fn conditions(&self) -> &[Condition];
    /// The generation that the status speaks of; none before the first visit.
    fn observed_generation(&self) -> Option<i64>;
    /// The last value of the reconcile annotation that was acted on.
    fn last_handled(&self) -> Option<&str>;
}

macro_rules! has_status {
    ($kind:ty, $status:ty) => {
        impl HasStatus for $kind {
            type Status = $status;
            fn status(&self) -> Option<&$status> {
                self.status.as_ref()
            }
            fn status_mut(&mut self) -> &mut Option<$status> {
                &mut self.status
            }
            fn conditions(&self) -> &[Condition] {
                self.status
                    .as_ref()
                    .map_or(&[], |status| &status.conditions)
            }
            fn observed_generation(&self) -> Option<i64> {
                let observed = self.status.as_ref()?.observed_generation;
                observed.filter(|generation| *generation != NOT_OBSERVED)
            }
            fn last_handled(&self) -> Option<&str> {
                self.status.as_ref()?.last_handled_reconcile_at.as_deref()
            }
        }
    };
}

has_status!(LogtoTenant, LogtoTenantStatus);
has_status!(HasuraInstance, HasuraInstanceStatus);
has_status!(HasuraRoleBinding, HasuraRoleBindingStatus);

/// Puts the status if it differs from the one that was read; gives the object as it is now.
///
/// It is a PUT with the resourceVersion that was read, so nothing written in between is lost, and what somebody else put
/// into the status goes.
///
/// # Errors
/// 409 when the object changed since it was read; the change brings the next visit.
pub async fn write<K>(client: &Client, object: &K, status: K::Status) -> Result<K, kube::Error>
where
    K: HasStatus + Clone + Debug + Serialize + DeserializeOwned,
{
    let mut object = object.clone();
    if object.status() == Some(&status) {
        return Ok(object);
    }
    *object.status_mut() = Some(status);
    let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let mut written = api
        .replace_status(&object.name_any(), &params, &object)
        .await?;
    written.managed_fields_mut().clear();
    Ok(written)
}

/// Whether a condition is there and True.
pub fn is_true<K: HasStatus>(object: &K, type_: &str) -> bool {
    let mut conditions = object.conditions().iter();
    conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
}

#[cfg(test)]
mod tests;
