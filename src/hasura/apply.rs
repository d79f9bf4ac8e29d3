//! The server-side apply of the operator's env entries and annotation, always after a dry run that was judged.

use std::collections::BTreeSet;

use crate::api::conditions::reasons;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Secret};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::apply_error::{ApplyError, in_short};
use super::container::named;
use super::diff::{Blocked, diff};
use super::entries::applied;
use super::env::{AUTH_HASH, DesiredAuth, FIELD_MANAGER};
use super::env_from::{self, EnvFromKeys};
use super::live::containers_of_ours;
use super::place::Place;
use super::refusal::{Note, Refused};
use super::startup::{Proposal, judge};
use super::visibility::returning;
use super::{Target, full_name};

/// The parts of the API that an apply needs, all in the Deployment's namespace: get and patch on Deployments; get on the
/// Secrets and ConfigMaps that the container takes its env from is asked for and can be refused.
#[derive(Clone)]
pub struct Apis {
    pub(super) deployments: Api<Deployment>,
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
}

impl Apis {
    /// The parts of this client's API in one namespace.
    pub fn new(client: &Client, namespace: &str) -> Self {
        Self {
            deployments: Api::namespaced(client.clone(), namespace),
            secrets: Api::namespaced(client.clone(), namespace),
            config_maps: Api::namespaced(client.clone(), namespace),
        }
    }

    /// What the container takes from objects: one get for each `envFrom` source, and one for the role of callers without a
    /// token where that is a reference.
    ///
    /// # Errors
    /// [`JudgedApplyError::EnvFrom`] for another failure than a missing right or object.
    pub async fn env_from(
        &self,
        deployment: &Deployment,
        container: &str,
    ) -> Result<EnvFromKeys, JudgedApplyError> {
        let Some(container) = named(deployment, container) else {
            return Ok(EnvFromKeys::default());
        };
        let found = env_from::read(&self.secrets, &self.config_maps, container).await;
        found.map_err(|source| JudgedApplyError::EnvFrom {
            deployment: full_name(deployment),
            source: Box::new(source),
        })
    }
}

/// The change of one container's environment and of the pod template's annotation.
#[derive(Clone, Copy)]
pub struct AuthPatch<'a> {
    /// The Deployment as it was last seen. Its uid and version go with the patch, so no other object of its name is touched,
    /// and what was looked at, judged and patched is one version.
    pub live: &'a Deployment,
    /// Name of Hasura's container.
    pub container: &'a str,
    /// What they shall be; nothing takes all of them away.
    pub desired: Option<&'a DesiredAuth>,
    /// Roles of signed-in users, which callers without a token must not have.
    pub bound_roles: &'a BTreeSet<String>,
    /// Whether all old pods may be stopped before a new one is ready.
    pub allow_recreate: bool,
    /// Whether entries are taken from other managers that set them to another value.
    pub force: bool,
}

impl AuthPatch<'_> {
    /// The other containers, which lose the operator's entries by it.
    pub fn leaves(&self) -> BTreeSet<String> {
        let mut others = containers_of_ours(self.live);
        others.remove(self.container);
        others
    }
}

/// A patch that was judged and found good.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The Deployment with the patch in it.
    pub deployment: Deployment,
    /// What is worth saying about it.
    pub notes: Vec<Note>,
    /// Settings of others that work again in the containers that the operator's entries are taken away from.
    pub returning: Vec<Place>,
}

/// Why a patch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum JudgedApplyError {
    /// An apply would fail, or destroy what is somebody else's.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// Hasura would not start, or not be safe.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The API server said no, or did not answer.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// What the container takes its env from could not be read for another reason than a missing right. Worth a retry.
    #[error(
        "reading what the container of Deployment {deployment} takes its env from failed: {}",
        in_short(source)
    )]
    EnvFrom {
        /// `namespace/name`.
        deployment: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
}

impl JudgedApplyError {
    /// The reason for a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Blocked(blocked) => blocked.finding.reason(),
            Self::Refused(refused) => refused.reason(),
            Self::Apply(error) => error.reason(),
            Self::EnvFrom { .. } => reasons::ENV_FROM_UNREADABLE,
        }
    }
}

/// Lets the API server work the patch out without storing it, and judges the result by Hasura's start-up rules.
///
/// One patch with `dryRun`, and the gets of [`Apis::env_from`]; the caller sets the time limit.
///
/// # Errors
/// [`JudgedApplyError`]; nothing has been changed.
pub async fn judged_dry_run(apis: &Apis, patch: AuthPatch<'_>) -> Result<Judged, JudgedApplyError> {
    diff(patch.live, patch.container, patch.desired)?;
    let result = apply_auth(&apis.deployments, patch, true).await?;
    let env_from = apis.env_from(&result, patch.container).await?;
    let mut works_again = match patch.desired {
        Some(_) => Vec::new(),
        None => returning(patch.live, &result, patch.container, &env_from),
    };
    let notes = judged(&result, patch, env_from)?;
    works_again.extend(judge_left(apis, &result, patch).await?);
    Ok(Judged {
        deployment: result,
        notes,
        returning: works_again,
    })
}

/// Judges a Deployment that carries the operator's entries already by Hasura's start-up rules: somebody may have added
/// a webhook or taken the admin secret away since. `env_from` was just read of it.
///
/// # Errors
/// [`Refused`] when new pods would not start, or not be safe.
pub fn judge_live(patch: AuthPatch<'_>, env_from: EnvFromKeys) -> Result<Vec<Note>, Refused> {
    judged(patch.live, patch, env_from)
}

/// Judges each other container that loses the settings by the same patch; gives what works again there.
async fn judge_left(
    apis: &Apis,
    result: &Deployment,
    patch: AuthPatch<'_>,
) -> Result<Vec<Place>, JudgedApplyError> {
    let mut works_again = Vec::new();
    for container in patch.leaves() {
        let env_from = apis.env_from(result, &container).await?;
        works_again.extend(returning(patch.live, result, &container, &env_from));
        let left = AuthPatch {
            container: &container,
            desired: None,
            ..patch
        };
        judged(result, left, env_from)?;
    }
    Ok(works_again)
}

fn judged(
    deployment: &Deployment,
    patch: AuthPatch<'_>,
    env_from: EnvFromKeys,
) -> Result<Vec<Note>, Refused> {
    let env_from = match patch.desired {
        Some(desired) => env_from.with(desired),
        None => env_from,
    };
    judge(&Proposal {
        deployment,
        container: patch.container,
        desired: patch.desired,
        bound_roles: patch.bound_roles,
        env_from: &env_from,
        rolls: template(patch.live) != template(deployment),
        allow_recreate: patch.allow_recreate,
    })
}

/// Applies the patch if its dry run is judged good, and then only to the very version that was judged.
///
/// Field manager `logto-hasura`. Calls as [`judged_dry_run`], and one more patch.
///
/// # Errors
/// [`JudgedApplyError`]; nothing has been changed, except that [`ApplyError::Other`] can stand for a lost answer.
pub async fn judged_apply(apis: &Apis, patch: AuthPatch<'_>) -> Result<Judged, JudgedApplyError> {
    let judged = judged_dry_run(apis, patch).await?;
    Ok(Judged {
        deployment: apply_auth(&apis.deployments, patch, false).await?,
        ..judged
    })
}

async fn apply_auth(
    api: &Api<Deployment>,
    patch: AuthPatch<'_>,
    dry_run: bool,
) -> Result<Deployment, ApplyError> {
    let body = body(&patch);
    let how = (patch.force, dry_run);
    send(api, patch.live, patch.container, &body, how).await
}

/// Applies a body to the very Deployment that was seen. `how`: by force, and as a dry run.
pub(super) async fn send(
    api: &Api<Deployment>,
    live: &Deployment,
    container: &str,
    body: &Value,
    (force, dry_run): (bool, bool),
) -> Result<Deployment, ApplyError> {
    let target = Target::new(live, container);
    let metadata = &live.metadata;
    // Without a uid the API server would make a Deployment that is not there.
    let (Some(name), Some(uid), Some(version)) =
        (&metadata.name, &metadata.uid, &metadata.resource_version)
    else {
        return Err(ApplyError::Gone {
            deployment: target.deployment,
        });
    };
    let mut body = body.clone();
    body["apiVersion"] = json!("apps/v1");
    body["kind"] = json!("Deployment");
    body["metadata"] = json!({"name": name, "uid": uid, "resourceVersion": version});
    let params = PatchParams {
        dry_run,
        force,
        ..PatchParams::apply(FIELD_MANAGER)
    };
    api.patch(name, &params, &Patch::Apply(body))
        .await
        .map_err(|error| ApplyError::of(&target, error))
}

/// Only what the operator owns: a typed Deployment would claim an empty selector and template as well.
fn body(patch: &AuthPatch<'_>) -> Value {
    let mut body = json!({});
    if let Some(desired) = patch.desired {
        let env = applied(patch.live, patch.container, desired);
        if !env.is_empty() {
            let container = json!({"name": patch.container, "env": env});
            body["spec"]["template"]["spec"] = json!({"containers": [container]});
        }
        if let Some(hash) = &desired.key_hash {
            body["spec"]["template"]["metadata"] = json!({"annotations": {AUTH_HASH: hash}});
        }
    }
    body
}

pub(super) fn template(deployment: &Deployment) -> Option<&PodTemplateSpec> {
    deployment.spec.as_ref().map(|spec| &spec.template)
}
