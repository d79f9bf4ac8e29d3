//! What the API server says against an apply, by what can be done about it.

use crate::api::conditions::reasons;
use kube::core::Status;
use kube::core::response::StatusCause;

use super::Target;

/// Why an apply did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Others hold the fields with other values. A retry does not help.
    #[error(
        "{target}: {}; remove the value there, so that the operator can set it",
        held(conflicts)
    )]
    Conflict {
        /// What was applied to.
        target: Target,
        /// Who holds what.
        conflicts: Vec<FieldConflict>,
    },
    /// An entry has `valueFrom`, which can not stand beside a value. A retry does not help.
    #[error(
        "{target}: one of the operator's env entries uses valueFrom; remove that entry, so that its value can be set"
    )]
    ValueFrom {
        /// What was applied to.
        target: Target,
    },
    /// The container is not there, so the API server took the entry for a new one.
    #[error("{target}: the Deployment has no such container; set spec.deploymentRef.container")]
    ContainerMissing {
        /// What was applied to.
        target: Target,
    },
    /// The Deployment is deleted, or another one has its name. The next look at the cluster tells.
    #[error("Deployment {deployment} is not there any more, or another one took its name")]
    Gone {
        /// `namespace/name`.
        deployment: String,
    },
    /// The Deployment is not what it was when it was last seen. To be tried again with what it is now.
    #[error("Deployment {deployment} has changed since it was last read; trying again")]
    Changed {
        /// `namespace/name`.
        deployment: String,
    },
    /// The operator may not do it, or an admission policy refused.
    #[error(
        "patching Deployment {deployment} is forbidden: {message}; allow the operator get and patch on Deployments"
    )]
    Forbidden {
        /// `namespace/name`.
        deployment: String,
        /// What the API server says.
        message: String,
    },
    /// Anything else; worth a retry.
    #[error("patching Deployment {deployment} failed: {}", in_short(source))]
    Other {
        /// `namespace/name`.
        deployment: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
}

/// One field that another manager holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The other field manager.
    pub manager: String,
    /// The field's path.
    pub field: String,
}

impl ApplyError {
    /// The reason for a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => reasons::ENV_CONFLICT,
            Self::ValueFrom { .. } => reasons::ENV_USES_VALUE_FROM,
            Self::ContainerMissing { .. } => reasons::CONTAINER_NOT_FOUND,
            Self::Gone { .. } => reasons::DEPLOYMENT_NOT_FOUND,
            Self::Changed { .. } => reasons::DEPLOYMENT_CHANGED,
            Self::Forbidden { .. } => reasons::FORBIDDEN,
            Self::Other { .. } => reasons::APPLY_FAILED,
        }
    }

    /// Sorts the client's error by what the API server meant. The answers are those of kube-apiserver 1.36.
    pub(super) fn of(target: &Target, error: kube::Error) -> Self {
        let deployment = target.deployment.clone();
        let target = target.clone();
        match error {
            kube::Error::Api(status) if status.is_not_found() => Self::Gone { deployment },
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden {
                deployment,
                message: status.message,
            },
            kube::Error::Api(status) if has_cause(&status, |c| c.reason == FIELD_CONFLICT) => {
                Self::Conflict {
                    target,
                    conflicts: conflicts(&status),
                }
            }
            kube::Error::Api(status) if is_other_object(&status) => Self::Gone { deployment },
            kube::Error::Api(status) if status.is_conflict() => Self::Changed { deployment },
            kube::Error::Api(status) if has_cause(&status, |c| c.field.ends_with(".valueFrom")) => {
                Self::ValueFrom { target }
            }
            kube::Error::Api(status) if has_cause(&status, is_missing_image) => {
                Self::ContainerMissing { target }
            }
            other => Self::Other {
                deployment,
                source: Box::new(other),
            },
        }
    }
}

/// The client's error without the whole answer that its own text holds.
pub(super) fn in_short(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} {}", status.code, status.message),
        other => other.to_string(),
    }
}

const FIELD_CONFLICT: &str = "FieldManagerConflict";

fn causes(status: &Status) -> impl Iterator<Item = &StatusCause> {
    status.details.iter().flat_map(|details| &details.causes)
}

fn has_cause(status: &Status, is: impl Fn(&StatusCause) -> bool) -> bool {
    causes(status).any(is)
}

/// The uid in the body is that of an object that is gone: 409 when nothing has the name now, 422 when something else has.
fn is_other_object(status: &Status) -> bool {
    (status.is_conflict() && status.message.contains("uid mismatch"))
        || has_cause(status, |cause| cause.field == "metadata.uid")
}

fn is_missing_image(cause: &StatusCause) -> bool {
    cause.reason == "FieldValueRequired"
        && cause.field.starts_with("spec.template.spec.containers[")
        && cause.field.ends_with(".image")
}

fn conflicts(status: &Status) -> Vec<FieldConflict> {
    causes(status)
        .filter(|cause| cause.reason == FIELD_CONFLICT)
        .map(|cause| FieldConflict {
            manager: manager(&cause.message),
            field: cause.field.clone(),
        })
        .collect()
}

/// The manager in `conflict with "kubectl-edit" using apps/v1`; the whole message where it reads otherwise.
fn manager(message: &str) -> String {
    let quoted = message
        .strip_prefix("conflict with \"")
        .and_then(|rest| rest.split_once('"'));
    quoted.map_or(message, |(manager, _)| manager).to_owned()
}

fn held(conflicts: &[FieldConflict]) -> String {
    let all: Vec<_> = conflicts
        .iter()
        .map(|c| {
            format!(
                "{} is held by field manager {:?} with another value",
                c.field, c.manager
            )
        })
        .collect();
    all.join(", ")
}
