//! The auth settings of an instance's Deployment, and its rollout.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};
use sha2::{Digest, Sha256};

use super::{
    connect,
    context::Context,
    registry::Connection,
    status::Verdict,
    visit::{Error, Next, Outcome},
};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::DeploymentStatus},
    domain::jwt_secret::JwtSecret,
    hasura::{
        apply::{Apis, EnvPatch, JudgedApplyError, judge_live, judged_apply},
        apply_error::ApplyError,
        container,
        diff::diff,
        env::DesiredEnv,
        rollout::{Rollout, rollout},
    },
};

/// How far the Deployment is.
pub enum Configured {
    /// It does not carry the settings.
    No(Outcome),
    /// It carries them, but not every replica runs with them.
    RollingOut(Outcome),
    /// Every replica ran with them.
    RolledOut,
}

/// Writes the settings where they differ, and looks at the rollout. What was written goes into the instance's status.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn configure(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Configured, Error> {
    let name = instance.spec.deployment_ref.name.clone();
    let namespace = instance.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(ctx.client.clone(), &namespace);
    let Some(live) = deployments.get_opt(&name).await? else {
        let message = format!("Deployment {name:?} is not in this namespace; it is waited for");
        return Ok(Configured::No(Outcome::waiting(
            reasons::DEPLOYMENT_NOT_FOUND,
            message,
        )));
    };
    let desired = match desired_env(instance, connection) {
        Ok(desired) => desired,
        Err(outcome) => return Ok(Configured::No(outcome)),
    };
    let deployment = match patched(instance, ctx, connection, live, &desired).await {
        Ok(deployment) => deployment,
        Err(outcome) => return Ok(Configured::No(outcome)),
    };
    Ok(rolled_out(instance, &deployment, &desired))
}

/// What the env entries should be.
fn desired_env(instance: &HasuraInstance, connection: &Connection) -> Result<DesiredEnv, Outcome> {
    let auth = &instance.spec.auth;
    let secret = JwtSecret::for_logto(
        connection.jwk_url.clone(),
        &connection.session.client().discovery().issuer,
        &instance.spec.api_resource.indicator,
        &auth.jwt.claims_namespace,
        auth.jwt.allowed_skew_seconds.unsigned_abs(),
    );
    match secret {
        Ok(secret) => Ok(DesiredEnv {
            jwt_secret: secret.to_canonical_json(),
            unauthorized_role: auth.unauthorized_role.clone(),
        }),
        Err(invalid) => {
            let message = format!("Hasura would not start with these settings: {invalid}");
            Err(Outcome::stalled(reasons::JWT_SECRET_INVALID, message))
        }
    }
}

/// The Deployment with the entries on it: patched where they differ, after the keys were seen to answer and a dry run
/// was judged.
async fn patched(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    live: Deployment,
    desired: &DesiredEnv,
) -> Result<Deployment, Outcome> {
    let wanted = &instance.spec.deployment_ref.container;
    let container = container::choose(&live, wanted)
        .map_err(|missing| Outcome::stalled(reasons::CONTAINER_NOT_FOUND, missing.to_string()))?
        .name
        .clone();
    let changes = diff(&live, &container, Some(desired))
        .map_err(|blocked| Outcome::stalled(blocked.finding.reason(), blocked.to_string()))?;
    let apis = Apis::new(&ctx.client, &instance.namespace().unwrap_or_default());
    let patch = EnvPatch {
        live: &live,
        container: &container,
        desired: Some(desired),
        allow_recreate: instance.spec.delivery.allow_recreate,
    };
    if changes.is_empty() {
        judge_live(&apis, patch)
            .await
            .map_err(|error| refused(&error))?;
        return Ok(live);
    }
    match connect::check_keys(connection).await {
        Verdict::Ready(_) => {}
        verdict => {
            return Err(Outcome {
                verdict,
                next: Next::Backoff,
            });
        }
    }
    let judged = judged_apply(&apis, patch)
        .await
        .map_err(|error| refused(&error))?;
    let mut note = format!(
        "the auth settings were written to container {container:?} of Deployment {:?}",
        live.name_any()
    );
    for further in &judged.notes {
        note.push_str(&format!("; {further}"));
    }
    ctx.event(instance, EventType::Normal, "DeploymentPatched", &note)
        .await;
    Ok(judged.deployment)
}

fn refused(error: &JudgedApplyError) -> Outcome {
    let message = error.to_string();
    match error {
        JudgedApplyError::Apply(ApplyError::Gone { .. }) => {
            Outcome::waiting(error.reason(), message)
        }
        JudgedApplyError::Apply(
            ApplyError::Changed { .. } | ApplyError::Forbidden { .. } | ApplyError::Other { .. },
        )
        | JudgedApplyError::EnvFrom { .. } => Outcome::retry(error.reason(), message),
        JudgedApplyError::Blocked(_)
        | JudgedApplyError::Refused(_)
        | JudgedApplyError::Apply(_) => Outcome::stalled(error.reason(), message),
    }
}

/// Looks at the rollout of what was last written. Once seen complete it stays so: a later rollout, of a new image or to
/// no replicas at all, is not the operator's.
fn rolled_out(
    instance: &mut HasuraInstance,
    deployment: &Deployment,
    desired: &DesiredEnv,
) -> Configured {
    let status = instance.status.get_or_insert_default();
    let uid = deployment.uid().unwrap_or_default();
    let auth_hash = hash(desired);
    let written = |before: &&DeploymentStatus| before.uid == uid && before.auth_hash == auth_hash;
    let latched = status
        .deployment
        .as_ref()
        .filter(written)
        .is_some_and(|before| before.rolled_out);
    let state = if latched {
        Rollout::RolledOut
    } else {
        rollout(deployment)
    };
    let rolled_out = state == Rollout::RolledOut;
    status.deployment = Some(DeploymentStatus {
        uid,
        auth_hash,
        rolled_out,
    });
    match state {
        Rollout::RolledOut => Configured::RolledOut,
        Rollout::InProgress { message } => Configured::RollingOut(Outcome::waiting(
            reasons::ROLLING_OUT,
            format!("the rollout goes on: {message}"),
        )),
        Rollout::Paused => {
            let message = "the Deployment is paused, so no pod gets the new settings: resume it";
            Configured::RollingOut(Outcome::waiting(reasons::ROLLOUT_PAUSED, message))
        }
        Rollout::Stuck { message } => {
            let message = format!(
                "the rollout is stuck, the old pods go on serving: {message}. The log of a new pod says why; once the \
                 cause is mended this goes on by itself"
            );
            Configured::RollingOut(Outcome::stalled(reasons::ROLLOUT_STUCK, message))
        }
    }
}

fn hash(desired: &DesiredEnv) -> String {
    let mut hash = Sha256::new();
    for (name, value) in desired.entries() {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    hash.finalize()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
