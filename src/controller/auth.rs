//! The auth settings of an instance's Deployment, and its rollout.

mod contest;
mod desired;
mod foresee;
mod release;
mod shared;
mod trouble;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};

pub use desired::desired;
pub use foresee::foresee;
use trouble::{blocked_by, refused};

use super::{
    context::{Context, deleting, key},
    delivery, keys, lasting, moving,
    registry::Connection,
    resync, rollout,
    status::{Detail, Verdict},
    stores::tenant_key,
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::AuthMode},
    hasura::{
        anonymous::anonymous_role,
        apply::{Apis, AuthPatch, judge_live, judged_dry_run},
        delivered::Delivered,
        diff::{Change, diff},
        env::{AUTH_HASH, DesiredAuth, UNAUTHORIZED_ROLE},
        env_from::EnvFromKeys,
        place::Place,
        refusal::Refusal,
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

/// What a look at the Deployment found besides.
pub struct Looked {
    /// How far the Deployment is.
    pub configured: Configured,
    /// Conditions that last, if the Deployment was looked at.
    pub lasting: Option<Vec<Detail>>,
    /// When to look again at what nobody watches.
    pub look_again: Next,
}

impl From<Configured> for Looked {
    fn from(configured: Configured) -> Self {
        Self {
            configured,
            lasting: None,
            look_again: Next::Change,
        }
    }
}

/// Writes the settings where they differ, and looks at the rollout. What was written goes into the instance's status, and
/// `stored` is what of it the API server has.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn configure(
    instance: &mut HasuraInstance,
    stored: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Looked, Error> {
    let objection = objection(instance, ctx, connection);
    let Some(named) = instance.spec.deployment_ref.clone() else {
        let result = deliver_alone(instance, ctx, connection, objection.as_ref()).await;
        let configured = match (result, objection) {
            (Err(outcome), _) => Configured::No(outcome),
            (Ok(()), Some(objection)) => Configured::Objected(objection),
            (Ok(()), None) => Configured::Delivered,
        };
        return Ok(Looked {
            lasting: Some(Vec::new()),
            ..configured.into()
        });
    };
    let Some(live) = deployment(instance, ctx, &named.name).await? else {
        return Ok(Looked {
            lasting: Some(Vec::new()),
            ..Configured::No(not_found(&named.name)).into()
        });
    };
    let mut visit = Visit {
        instance,
        stored,
        ctx,
        connection,
        objection: objection.as_ref(),
        is_noted: true,
        forced_from: None,
        lasting: None,
        look_again: Next::Change,
    };
    let patched = visit.patched(live).await;
    let (lasting, look_again) = (visit.lasting.take(), visit.look_again);
    let forced_from = visit.forced_from;
    let configured = match patched {
        Err(outcome) => Configured::No(outcome),
        Ok((deployment, container, desired)) => {
            let place = (&deployment, container.as_str());
            let configured = rollout::look(instance, ctx, place, &desired, forced_from).await;
            let configured = judged_with(instance, configured, objection);
            release::released(instance, ctx, configured, &deployment).await?
        }
    };
    Ok(Looked {
        configured,
        lasting,
        look_again,
    })
}

/// How far the Deployment is, with what speaks against its settings whatever it is.
fn judged_with(
    instance: &HasuraInstance,
    configured: Configured,
    objection: Option<Outcome>,
) -> Configured {
    match (configured, objection) {
        (Configured::RolledOut | Configured::Idle, Some(objection)) => {
            Configured::Objected(objection)
        }
        (Configured::RollingOut(_), Some(objection)) => Configured::RollingOut(objection),
        (_, None) if !rollout::is_watched(instance) => Configured::Delivered,
        (configured, _) => configured,
    }
}

/// When to look again at what nobody watches, though nothing was found in it that speaks against the settings: pods read it
/// whenever they start anew.
fn next_look(instance: &HasuraInstance, ctx: &Context, env_from: &EnvFromKeys) -> Next {
    let tenant = ctx.stores.tenant(&tenant_key(instance));
    match tenant {
        Some(tenant) if !env_from.is_empty() => Next::After(resync::period(ctx, &tenant)),
        _ => Next::Change,
    }
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

struct Visit<'a> {
    instance: &'a mut HasuraInstance,
    /// The same as the API server has it.
    stored: &'a mut HasuraInstance,
    ctx: &'a Context,
    connection: &'a Connection,
    /// What speaks against writing the settings.
    objection: Option<&'a Outcome>,
    /// Whether the stored status says where the settings go, as it has to before anything is written there.
    is_noted: bool,
    /// The manager that an entry was taken from in this visit.
    forced_from: Option<String>,
    /// Conditions that last, once the Deployment was looked at.
    lasting: Option<Vec<Detail>>,
    /// When to look again at what nobody watches.
    look_again: Next,
}

impl Visit<'_> {
    /// The Deployment with the settings on it, the container that has them, and these: patched where they differ, after the
    /// keys were seen to answer and a dry run was judged.
    async fn patched(
        &mut self,
        live: Deployment,
    ) -> Result<(Deployment, String, DesiredAuth), Outcome> {
        let to = moving::container(self.instance, &live)?;
        self.is_noted = !moving::note(self.instance, &live, &to)?;
        let container = to.name;
        let mut desired = desired(self.instance, self.connection, Some(&live))?;
        let seen = delivery::see(self.instance, self.ctx, &desired, Some(&live)).await?;
        if let Some(object) = &desired.delivered {
            delivery::misread(object, &live)?;
        }
        // Before the bound roles are looked at, so that a binding that comes meanwhile makes another visit.
        let (delivered_role, needs_write) = (seen.anonymous_role, seen.needs_write);
        let namespace = self.instance.namespace().unwrap_or_default();
        let apis = Apis::new(&self.ctx.client, &namespace);
        let env_from = apis.env_from(&live, &container).await;
        let env_from = env_from.map_err(|error| refused(self.ctx, &error))?;
        let is_watched = rollout::is_watched(self.instance);
        self.lasting = Some(lasting::look(&live, &container, &env_from, is_watched));
        self.look_again = next_look(self.instance, self.ctx, &env_from);
        let role = anonymous_role(&live, &container, &env_from);
        let role = role.or_else(|| delivered_role.clone());
        let anonymous_roles = &self.ctx.stores.anonymous_roles;
        anonymous_roles.note(key(self.instance), role);
        let bound_roles = bound_roles(self.instance, self.ctx);
        let changes = diff(&live, &container, Some(&desired));
        let dropped = Change::Drop(UNAUTHORIZED_ROLE.to_owned());
        let goes = matches!(&changes, Ok(changes) if changes.contains(&dropped));
        self.refuse_bound(delivered_role.filter(|_| !goes), seen.object, &bound_roles)?;
        if needs_write {
            self.may_patch().await?;
        }
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
            judge_live(patch(&desired), env_from)
                .map_err(|error| refused(self.ctx, &error.into()))?;
            delivery::deliver(self.instance, self.ctx, &desired, Some(&live)).await?;
            return Ok((live, container, desired));
        }
        if !needs_write {
            self.may_patch().await?;
        }
        // The keys were read again, so that a first deployment and a change of keys take one rollout.
        desired = desired::desired(self.instance, self.connection, Some(&live))?;
        if desired.delivered.is_some() {
            // Pods that start with the patch read the object, so it is written between the judgement and the patch.
            judged_dry_run(&apis, patch(&desired))
                .await
                .map_err(|error| refused(self.ctx, &error))?;
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
        object: Option<Delivered>,
        bound_roles: &BTreeSet<String>,
    ) -> Result<(), Outcome> {
        let asked_for = &self.instance.spec.auth.unauthorized_role;
        match role.filter(|role| asked_for.is_none() && bound_roles.contains(role)) {
            Some(role) => {
                let place = Place::Reference {
                    name: UNAUTHORIZED_ROLE,
                    object: object.map(|object| (object.kind, object.name)),
                };
                let refusal = Refusal::UnauthorizedRoleBound { place, role };
                Err(Outcome {
                    next: Next::After(self.ctx.clocks.credentials_retry),
                    ..Outcome::stalled(refusal.reason(), refusal.to_string())
                })
            }
            None => Ok(()),
        }
    }

    /// Sees to it that the status says where the settings go, before anything is written there.
    async fn save(&mut self) -> Result<(), Outcome> {
        if !self.is_noted {
            moving::save(self.instance, self.ctx).await?;
            self.stored.clone_from(self.instance);
            self.is_noted = true;
        }
        Ok(())
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
pub fn bound_roles(instance: &HasuraInstance, ctx: &Context) -> BTreeSet<String> {
    let bindings = ctx.stores.bindings_of(instance);
    let bound = bindings.iter().filter(|binding| !deleting(&***binding));
    let jwt = instance.spec.auth.jwt.iter();
    let of_everyone = jwt.flat_map(|jwt| jwt.everyone_roles.iter().chain(&jwt.default_role));
    bound
        .map(|binding| binding.spec.hasura_role.clone())
        .chain(of_everyone.cloned())
        .collect()
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
