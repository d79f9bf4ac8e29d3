//! The auth settings of an instance's Deployment, and its rollout.

mod contest;
mod desired;
mod foresee;
mod shared;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};

pub use desired::desired;
pub use foresee::foresee;

use super::{
    context::{Context, deleting, key},
    delivery, keys,
    registry::Connection,
    rollout,
    status::{Detail, Verdict},
    stores::tenant_key,
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::AuthMode},
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judge_live, judged_dry_run},
        apply_error::ApplyError,
        container,
        delivered::Delivered,
        diff::{Blocked, Change, Finding, diff},
        env::{AUTH_HASH, DesiredAuth, UNAUTHORIZED_ROLE},
        env_from::SourceKind,
        refusal::Refusal,
        startup::anonymous_role,
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
    /// Every replica ran with them, and by now there is none.
    Idle,
    /// They are delivered, and whether a Hasura runs with them can not be seen.
    Delivered,
    /// Every replica ran with them, but by now somebody has to change something.
    Objected(Outcome),
}

/// How far the Deployment is, and what stays to be warned of.
pub struct Looked {
    /// How far it is.
    pub configured: Configured,
    /// A condition that stays. It is as it was where nobody came to the Deployment.
    pub warning: Option<Detail>,
}

/// Writes the settings where they differ, and looks at the rollout. What was written goes into the instance's status.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn configure(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Looked, Error> {
    let unlooked = |instance: &HasuraInstance, configured| Looked {
        configured,
        warning: rollout::last_warning(instance),
    };
    let objection = objection(instance, ctx, connection);
    let Some(named) = instance.spec.deployment_ref.clone() else {
        let result = deliver_alone(instance, ctx, connection, objection.as_ref()).await;
        let configured = match (result, objection) {
            (Err(outcome), _) => Configured::No(outcome),
            (Ok(()), Some(objection)) => Configured::Objected(objection),
            (Ok(()), None) => Configured::Delivered,
        };
        return Ok(unlooked(instance, configured));
    };
    let Some(live) = deployment(instance, ctx, &named.name).await? else {
        let configured = Configured::No(not_found(&named.name));
        return Ok(unlooked(instance, configured));
    };
    let mut visit = Visit {
        instance,
        ctx,
        connection,
        objection: objection.as_ref(),
        wanted: &named.container,
        forced_from: None,
    };
    let (deployment, container, desired) = match visit.patched(live).await {
        Ok(patched) => patched,
        Err(outcome) => return Ok(unlooked(instance, Configured::No(outcome))),
    };
    let forced_from = visit.forced_from;
    let place = (&deployment, container.as_str());
    let (configured, warning) = rollout::look(instance, ctx, place, &desired, forced_from).await;
    let configured = match (configured, objection) {
        (Configured::RolledOut | Configured::Idle, Some(objection)) => {
            Configured::Objected(objection)
        }
        (Configured::RollingOut(_), Some(objection)) => Configured::RollingOut(objection),
        (_, None) if !rollout::is_watched(instance) => Configured::Delivered,
        (configured, _) => configured,
    };
    Ok(Looked {
        configured,
        warning,
    })
}

/// What speaks against writing the settings, whatever the Deployment is.
fn objection(instance: &HasuraInstance, ctx: &Context, connection: &Connection) -> Option<Outcome> {
    match instance.spec.auth.mode {
        AuthMode::Jwt => None,
        AuthMode::Webhook => webhook::check(ctx, instance, connection).err(),
    }
}

async fn deployment(
    instance: &HasuraInstance,
    ctx: &Context,
    name: &str,
) -> Result<Option<Deployment>, Error> {
    let namespace = instance.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(ctx.client.clone(), &namespace);
    Ok(deployments.get_opt(name).await?)
}

fn not_found(name: &str) -> Outcome {
    let message = format!("Deployment {name:?} is not in this namespace; it is waited for");
    Outcome::waiting(reasons::DEPLOYMENT_NOT_FOUND, message)
}

/// Delivers the Secret or ConfigMap of a Hasura that runs elsewhere.
async fn deliver_alone(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    objection: Option<&Outcome>,
) -> Result<(), Outcome> {
    let mut desired = desired(instance, connection, None)?;
    let seen = delivery::see(instance, ctx, &desired, None).await?;
    if seen.needs_write {
        may_patch(instance, ctx, connection, objection).await?;
        desired = desired::desired(instance, connection, None)?;
    }
    delivery::deliver(instance, ctx, &desired, None).await
}

/// What there is to say of an instance whose settings are rolled out.
pub fn well(instance: &HasuraInstance) -> String {
    let indicator = &instance.spec.api_resource.indicator;
    let auth = &instance.spec.auth;
    let well = match (auth.mode, &auth.unauthorized_role) {
        (AuthMode::Jwt, _) => {
            format!("tokens for {indicator:?} are accepted as of the last rollout")
        }
        (AuthMode::Webhook, Some(role)) => format!(
            "Hasura asks Logto at each request; who does not send Expected-Role, or does not hold that role, is {role:?}"
        ),
        (AuthMode::Webhook, None) => {
            "Hasura asks Logto at each request. Requests without the header Expected-Role are \
             refused, since there is no spec.auth.unauthorizedRole"
                .to_owned()
        }
    };
    well + &delivery::of_before(instance)
}

struct Visit<'a> {
    instance: &'a mut HasuraInstance,
    ctx: &'a Context,
    connection: &'a Connection,
    /// What speaks against writing the settings.
    objection: Option<&'a Outcome>,
    /// The container that the spec names.
    wanted: &'a str,
    /// The manager that an entry was taken from in this visit.
    forced_from: Option<String>,
}

impl Visit<'_> {
    /// The Deployment with the settings on it, the container that has them, and these: patched where they differ, after the
    /// keys were seen to answer and a dry run was judged.
    async fn patched(
        &mut self,
        live: Deployment,
    ) -> Result<(Deployment, String, DesiredAuth), Outcome> {
        let container = container::choose(&live, self.wanted)
            .map_err(|missing| Outcome::stalled(reasons::CONTAINER_NOT_FOUND, missing.to_string()))?
            .name
            .clone();
        let mut desired = desired(self.instance, self.connection, Some(&live))?;
        let seen = delivery::see(self.instance, self.ctx, &desired, Some(&live)).await?;
        // Before the bound roles are looked at, so that a binding that comes meanwhile makes another visit.
        let delivered_role = seen.anonymous_role;
        let role = anonymous_role(&live, &container).or_else(|| delivered_role.clone());
        let anonymous_roles = &self.ctx.stores.anonymous_roles;
        anonymous_roles.note(key(self.instance), role);
        let bound_roles = bound_roles(self.instance, self.ctx);
        let changes = diff(&live, &container, Some(&desired));
        let dropped = Change::Drop(UNAUTHORIZED_ROLE.to_owned());
        let goes = matches!(&changes, Ok(changes) if changes.contains(&dropped));
        self.refuse_bound(delivered_role.filter(|_| !goes), &bound_roles)?;
        if seen.needs_write {
            self.may_patch().await?;
        }
        let namespace = self.instance.namespace().unwrap_or_default();
        let apis = Apis::new(&self.ctx.client, &namespace);
        let changes = match changes {
            Ok(changes) => changes,
            Err(blocked) => {
                let outcome = self.blocked(&apis, &live, &container, &desired, &blocked);
                return Err(outcome.await);
            }
        };
        let allow_recreate = self.instance.spec.delivery.allow_recreate;
        let patch = |desired| AuthPatch {
            live: &live,
            container: &container,
            desired: Some(desired),
            bound_roles: &bound_roles,
            allow_recreate,
            force: false,
        };
        if changes.is_empty() {
            judge_live(&apis, patch(&desired))
                .await
                .map_err(|error| refused(&error))?;
            delivery::deliver(self.instance, self.ctx, &desired, Some(&live)).await?;
            return Ok((live, container, desired));
        }
        if !seen.needs_write {
            self.may_patch().await?;
        }
        // The keys were read again, so that a first deployment and a change of keys take one rollout.
        desired = desired::desired(self.instance, self.connection, Some(&live))?;
        if desired.delivered.is_some() {
            // Pods that start with the patch read the object, so it is written between the judgement and the patch.
            judged_dry_run(&apis, patch(&desired))
                .await
                .map_err(|error| refused(&error))?;
            delivery::deliver(self.instance, self.ctx, &desired, Some(&live)).await?;
        }
        let judged = self.apply(&apis, patch(&desired), &changes).await?;
        if judged.deployment.metadata.generation != live.metadata.generation {
            rollout::unlatch(self.instance);
        }
        let mut note = what_was_written(&changes, &container, &live.name_any());
        for further in &judged.notes {
            note.push_str(&format!("; {further}"));
        }
        self.ctx
            .event(self.instance, EventType::Normal, "DeploymentPatched", &note)
            .await;
        if desired.delivered.is_none() {
            // What a switch left behind goes once no pod refers to it.
            delivery::deliver(self.instance, self.ctx, &desired, Some(&judged.deployment)).await?;
        }
        Ok((judged.deployment, container, desired))
    }

    /// Speaks up against a role of signed-in users that the Secret or ConfigMap gives callers without a token, though the
    /// spec does not ask for it any more: a container that names the key goes on reading it.
    fn refuse_bound(
        &self,
        role: Option<String>,
        bound_roles: &BTreeSet<String>,
    ) -> Result<(), Outcome> {
        let asked_for = &self.instance.spec.auth.unauthorized_role;
        match role.filter(|role| asked_for.is_none() && bound_roles.contains(role)) {
            Some(role) => {
                let place = format!("the reference {UNAUTHORIZED_ROLE}");
                let refusal = Refusal::UnauthorizedRoleBound { place, role };
                Err(Outcome::stalled(refusal.reason(), refusal.to_string()))
            }
            None => Ok(()),
        }
    }

    async fn may_patch(&self) -> Result<(), Outcome> {
        may_patch(self.instance, self.ctx, self.connection, self.objection).await
    }
}

/// Whether nothing speaks against writing the settings in Logto, read just now.
async fn may_patch(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    objection: Option<&Outcome>,
) -> Result<(), Outcome> {
    if let Some(objection) = objection {
        return Err(objection.clone());
    }
    let verdict = keys::check(ctx, &tenant_key(instance), connection).await;
    if !matches!(verdict, Verdict::Ready(_)) {
        let next = Next::Backoff;
        return Err(Outcome { verdict, next });
    }
    match instance.spec.auth.mode {
        AuthMode::Jwt => Ok(()),
        AuthMode::Webhook => webhook::check_roles(instance, connection).await,
    }
}

/// The roles of signed-in users, which nobody may have without a token.
fn bound_roles(instance: &HasuraInstance, ctx: &Context) -> BTreeSet<String> {
    let bindings = ctx.stores.bindings_of(instance);
    let bound = bindings.iter().filter(|binding| !deleting(&***binding));
    let jwt = instance.spec.auth.jwt.iter();
    let of_everyone = jwt.flat_map(|jwt| jwt.everyone_roles.iter().chain(&jwt.default_role));
    bound
        .map(|binding| binding.spec.hasura_role.clone())
        .chain(of_everyone.cloned())
        .collect()
}

/// What a Deployment comes to that must not be patched as it is.
fn blocked_by(instance: &HasuraInstance, blocked: &Blocked) -> Outcome {
    let reason = blocked.finding.reason();
    match &blocked.finding {
        Finding::EnvUsesValueFrom { name } => {
            let name_of_object = format!("{}-auth", instance.name_any());
            let secret = Delivered {
                kind: SourceKind::Secret,
                name: name_of_object,
            };
            if let Some(before) = delivery::left_behind(instance) {
                let message = format!(
                    "{blocked}. If it refers to {before}, take it out of the manifest that has it: the operator holds it too, so \
                     that it stays until the value takes its place, in one rollout"
                );
                return Outcome::stalled(reason, message);
            }
            let message = format!(
                "{blocked}; or keep valueFrom: set spec.delivery.mode to Secret, and let the entry be\n{}",
                secret.stanza([name.as_str()])
            );
            Outcome::stalled(reason, message)
        }
        Finding::NotReferenced { .. } | Finding::StaleReference { .. } => {
            Outcome::waiting(reason, blocked.to_string())
        }
        _ => Outcome::stalled(reason, blocked.to_string()),
    }
}

fn what_was_written(changes: &[Change], container: &str, deployment: &str) -> String {
    if changes == [Change::Set(AUTH_HASH)] {
        return format!(
            "the tenant's signing keys changed, or come without a caching header by now: Deployment {deployment:?} rolls \
             once, so that its pods read them"
        );
    }
    format!(
        "the auth settings were written to container {container:?} of Deployment {deployment:?}"
    )
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
