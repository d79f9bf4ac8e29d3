//! The auth settings of an instance's Deployment, and its rollout.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};

use super::{
    context::{Context, deleting, key},
    keys,
    registry::Connection,
    rollout,
    status::Verdict,
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::AuthMode},
    domain::{auth_hook::auth_hook, jwt_secret::JwtSecret, precedence::Key},
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judge_live, judged_apply},
        apply_error::ApplyError,
        container,
        diff::{Change, diff},
        env::{AUTH_HASH, AuthEnv, DesiredAuth},
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
    /// Every replica ran with them, but by now somebody has to change something.
    Objected(Outcome),
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
    let objection = match instance.spec.auth.mode {
        AuthMode::Jwt => None,
        AuthMode::Webhook => webhook::check(ctx, instance, connection).err(),
    };
    let visit = Visit {
        instance,
        ctx,
        connection,
        objection: objection.as_ref(),
    };
    let (deployment, desired) = match visit.patched(live).await {
        Ok(patched) => patched,
        Err(outcome) => return Ok(Configured::No(outcome)),
    };
    Ok(
        match (rollout::look(instance, &deployment, &desired), objection) {
            (Configured::RolledOut, Some(objection)) => Configured::Objected(objection),
            (Configured::RollingOut(_), Some(objection)) => Configured::RollingOut(objection),
            (configured, _) => configured,
        },
    )
}

/// What there is to say of an instance whose settings are rolled out.
pub fn well(instance: &HasuraInstance) -> String {
    let indicator = &instance.spec.api_resource.indicator;
    let auth = &instance.spec.auth;
    match (auth.mode, &auth.unauthorized_role) {
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
    }
}

struct Visit<'a> {
    instance: &'a HasuraInstance,
    ctx: &'a Context,
    connection: &'a Connection,
    /// What speaks against writing the settings.
    objection: Option<&'a Outcome>,
}

impl Visit<'_> {
    /// The Deployment with the settings on it, and these: patched where they differ, after the keys were seen to answer
    /// and a dry run was judged.
    async fn patched(&self, live: Deployment) -> Result<(Deployment, DesiredAuth), Outcome> {
        let wanted = &self.instance.spec.deployment_ref.container;
        let container = container::choose(&live, wanted)
            .map_err(|missing| Outcome::stalled(reasons::CONTAINER_NOT_FOUND, missing.to_string()))?
            .name
            .clone();
        let mut desired = self.desired(&live)?;
        let changes = diff(&live, &container, Some(&desired))
            .map_err(|blocked| Outcome::stalled(blocked.finding.reason(), blocked.to_string()))?;
        // Before the bound roles are looked at, so that a binding that comes meanwhile makes another visit.
        let role = anonymous_role(&live, &container);
        self.ctx
            .stores
            .anonymous_roles
            .note(key(self.instance), role);
        let namespace = self.instance.namespace().unwrap_or_default();
        let apis = Apis::new(&self.ctx.client, &namespace);
        let bound_roles = self.bound_roles();
        let patch = |desired| AuthPatch {
            live: &live,
            container: &container,
            desired: Some(desired),
            bound_roles: &bound_roles,
            allow_recreate: self.instance.spec.delivery.allow_recreate,
        };
        if changes.is_empty() {
            judge_live(&apis, patch(&desired))
                .await
                .map_err(|error| refused(&error))?;
            return Ok((live, desired));
        }
        self.may_patch().await?;
        // The keys were read again, so that a first deployment and a change of keys take one rollout.
        desired = self.desired(&live)?;
        let judged = judged_apply(&apis, patch(&desired))
            .await
            .map_err(|error| refused(&error))?;
        let mut note = what_was_written(&changes, &container, &live.name_any());
        for further in &judged.notes {
            note.push_str(&format!("; {further}"));
        }
        self.ctx
            .event(self.instance, EventType::Normal, "DeploymentPatched", &note)
            .await;
        Ok((judged.deployment, desired))
    }

    /// What the Deployment should say.
    fn desired(&self, live: &Deployment) -> Result<DesiredAuth, Outcome> {
        let Self {
            instance,
            connection,
            ..
        } = self;
        let auth = &instance.spec.auth;
        let indicator = &instance.spec.api_resource.indicator;
        if auth.mode == AuthMode::Webhook {
            // At the origin of the keys, since the same check says whether it is the tenant's.
            let role = auth.unauthorized_role.as_deref();
            let url = auth_hook(&connection.jwk_url, indicator, role).into();
            return Ok(DesiredAuth {
                env: AuthEnv::Webhook { url },
                key_hash: None,
            });
        }
        let jwt = auth.jwt.clone().unwrap_or_default();
        let secret = JwtSecret::for_logto(
            connection.jwk_url.clone(),
            &connection.session.client().discovery().issuer,
            indicator,
            &jwt.claims_namespace,
            jwt.allowed_skew_seconds.unsigned_abs(),
        );
        let secret = secret.map_err(|invalid| {
            let message = format!("Hasura would not start with these settings: {invalid}");
            Outcome::stalled(reasons::JWT_SECRET_INVALID, message)
        })?;
        Ok(DesiredAuth {
            env: AuthEnv::Jwt {
                secret: secret.to_canonical_json(),
                unauthorized_role: auth.unauthorized_role.clone(),
            },
            key_hash: keys::key_hash(connection, live),
        })
    }

    /// Whether nothing speaks against a patch in Logto, read just now.
    async fn may_patch(&self) -> Result<(), Outcome> {
        if let Some(objection) = self.objection {
            return Err(objection.clone());
        }
        let tenant = Key {
            namespace: self.instance.namespace().unwrap_or_default(),
            name: self.instance.spec.tenant_ref.name.clone(),
        };
        let verdict = keys::check(self.ctx, &tenant, self.connection).await;
        if !matches!(verdict, Verdict::Ready(_)) {
            let next = Next::Backoff;
            return Err(Outcome { verdict, next });
        }
        match self.instance.spec.auth.mode {
            AuthMode::Jwt => Ok(()),
            AuthMode::Webhook => webhook::check_roles(self.instance, self.connection).await,
        }
    }

    /// The roles of signed-in users, which nobody may have without a token.
    fn bound_roles(&self) -> BTreeSet<String> {
        let namespace = self.instance.namespace().unwrap_or_default();
        let bindings = self
            .ctx
            .stores
            .bindings_of(&namespace, &self.instance.name_any());
        let bound = bindings.iter().filter(|binding| !deleting(&***binding));
        let jwt = self.instance.spec.auth.jwt.iter();
        let of_everyone = jwt.flat_map(|jwt| jwt.everyone_roles.iter().chain(&jwt.default_role));
        bound
            .map(|binding| binding.spec.hasura_role.clone())
            .chain(of_everyone.cloned())
            .collect()
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
