//! The end of an instance: what becomes of Hasura's settings, the claims and the API resource.
//!
//! In this order, so that nothing is left half open: Hasura is told to accept no token, the tokens say nothing of it any
//! more, and only then the resource goes.

use std::time::Duration;

use kube::{
    ResourceExt,
    runtime::{controller::Action, events::EventType},
};

use super::{
    api_resource, claims,
    context::{Context, deleting, deleting_for, key},
    delivery,
    policy::{self, Hands},
    rivals,
    stores::tenant_key,
    visit::Error,
};
use crate::{
    api::{HasuraInstance, instance::DeletionPolicy},
    domain::consent::Consent,
    logto,
};

/// Cleans up after an instance that is being deleted. `Ok` releases its finalizer.
///
/// # Errors
/// [`Error`] keeps the finalizer: the instance is visited again.
pub async fn cleanup(instance: &HasuraInstance, ctx: &Context) -> Result<Action, Error> {
    // Bindings that are being deleted too need the instance to find what they made, but not for ever.
    let waited = deleting_for(instance);
    let bindings = ctx.stores.bindings_naming(&key(instance));
    let patience = ctx.clocks.release_after;
    if waited < patience && bindings.iter().any(|binding| deleting(&**binding)) {
        return Err(Error::Held(patience - waited));
    }
    let is_granted = claims::outlives_consent(ctx, instance);
    if waited < patience && is_granted {
        return Err(Error::Held(
            (patience - waited).min(ctx.clocks.claims_pause),
        ));
    }
    let was_taken = policy::instance_was_taken(instance);
    let hands = policy::of_leaving_instance(&ctx.stores, instance, was_taken);
    let is_managed = hands == Hands::Manage;
    let policy = if is_managed {
        instance.spec.deletion_policy
    } else {
        // The Secret or ConfigMap would go with its owner, if it were not let go of.
        DeletionPolicy::Retain
    };
    let mut left = settings(instance, ctx, policy, is_managed).await?;
    if is_managed {
        if policy == DeletionPolicy::Delete {
            left.extend(in_logto(instance, ctx, waited).await?);
        }
    } else {
        let note = "nothing was taken away, because spec.suspend is true or spec.managementPolicy is Observe, here or above";
        ctx.event(instance, EventType::Normal, "Released", note)
            .await;
    }
    if is_granted {
        left.push("its claims stay in the Custom JWT script, although the LogtoTenant does not allow it any more: the script could not be written".to_owned());
    }
    for note in left {
        ctx.event(instance, EventType::Warning, "LeftBehind", &note)
            .await;
    }
    let entry = ctx.registry.get(&tenant_key(instance));
    if let Some(connection) = entry.and_then(|entry| entry.connection) {
        connection.unvouch(&instance.spec.api_resource.indicator, &key(instance));
        if !(is_managed && api_resource::note_retained(instance, ctx, &connection).await?) {
            connection.forget_proof(&instance.spec.api_resource.indicator, &key(instance));
        }
    }
    ctx.stores.anonymous_roles.note(key(instance), None);
    // Before it is gone, so that no binding is visited in between that would not know what it said.
    ctx.stores.gone.instances.note(instance);
    ctx.forget(instance);
    Ok(Action::await_change())
}

/// Takes the settings from Hasura, or leaves them for good; gives what could not be taken away.
async fn settings(
    instance: &HasuraInstance,
    ctx: &Context,
    policy: DeletionPolicy,
    is_managed: bool,
) -> Result<Vec<String>, Error> {
    if !is_managed {
        return delivery::let_go(instance, ctx).await;
    }
    // The loser of two instances on one Deployment has nothing there.
    let holds_claim = rivals::instance_lost(&ctx.stores, instance).is_none();
    delivery::end(instance, ctx, holds_claim, policy).await
}

/// Takes the claims and the API resource from Logto; gives what was left.
async fn in_logto(
    instance: &HasuraInstance,
    ctx: &Context,
    waited: Duration,
) -> Result<Option<String>, Error> {
    let tenant = tenant_key(instance);
    let indicator = &instance.spec.api_resource.indicator;
    let left = |why: &str| {
        Ok(Some(format!(
            "the API resource {indicator:?} stays in Logto: {why}"
        )))
    };
    if rivals::instance_lost(&ctx.stores, instance).is_some() {
        return Ok(None);
    }
    let consent = ctx.stores.consent_to_instance(instance);
    let connection = ctx.registry.for_cleanup(&tenant, ctx.clocks.release_after);
    // Without consent a tenant is as if it were not there, and of one that never was there is nothing to wait for.
    let is_there = connection.is_some() && consent == Consent::Given;
    if !is_there && !policy::instance_was_taken(instance) {
        return Ok(None);
    }
    if consent == Consent::Withheld {
        return left("the LogtoTenant does not allow this instance any more");
    }
    let Some(connection) = connection else {
        if waited < ctx.clocks.release_after {
            return Err(Error::Held(
                (ctx.clocks.release_after - waited).min(ctx.clocks.credentials_retry),
            ));
        }
        return left("there is no way to the tenant any more");
    };
    // Credentials that were taken away first do not come back; a Logto that is merely down does.
    let has_waited = waited >= ctx.clocks.release_after;
    let refused = "the credentials of its LogtoTenant are gone or do not work any more";
    if has_waited && ctx.registry.lacks_credentials(&tenant) {
        return left(refused);
    }
    // The claims go with the tenant's next write, which leaves out whoever is being deleted with policy Delete.
    if claims::is_still_named(ctx, &tenant, &connection, indicator) {
        return Err(Error::Held(ctx.clocks.claims_pause));
    }
    match api_resource::delete(instance, ctx, &connection).await {
        Ok(None) => Ok(None),
        Ok(Some(why)) => left(&why),
        Err(logto::Error::Credentials { .. }) if has_waited => left(refused),
        Err(error) => {
            connection.session.note(&error);
            if connection.session.is_down() {
                ctx.triggers.tenant(&tenant);
            }
            tracing::warn!(instance = %key(instance), %error, "the API resource could not be deleted; it is tried again");
            let uid = instance.uid().unwrap_or_default();
            Err(Error::Held(ctx.backoff.next(&uid)))
        }
    }
}
