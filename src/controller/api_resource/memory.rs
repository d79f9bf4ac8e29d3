//! What is known of an instance's API resource without asking Logto: what its status says, what of that is proved, and
//! what is noted there.

use kube::ResourceExt;

use super::retained;
use crate::{
    api::{HasuraInstance, LogtoTenant, Origin, instance::ApiResourceStatus},
    controller::{
        context::{Context, key},
        registry::Connection,
        status,
    },
    domain::{
        provenance::Subject,
        standing::{self, Standing},
    },
};

/// What the status says, whoever wrote it.
pub fn said(instance: &HasuraInstance) -> Option<&ApiResourceStatus> {
    instance.status.as_ref()?.api_resource.as_ref()
}

/// What of it is believed.
pub fn remembered<'a>(
    instance: &'a HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Option<&'a ApiResourceStatus> {
    let said = said(instance);
    as_subject(instance, ctx, |subject| {
        connection.proof_key.believed(subject, said)
    })
}

/// Where the resource with this id comes from, when it is proved to be the instance's.
pub fn proved(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    found: &str,
) -> Option<Origin> {
    let indicator = &instance.spec.api_resource.indicator;
    let by_status = |subject: &Subject<'_>| {
        let proof_key = &connection.proof_key;
        proof_key.origin(subject, said(instance), found)
    };
    connection
        .proved(indicator, &key(instance), found)
        .or_else(|| as_subject(instance, ctx, by_status))
        .or_else(|| {
            let is_its_own = retained::is_its_own(instance, ctx, connection, found);
            is_its_own.then_some(Origin::Created)
        })
}

/// What is known of the resource with this id beside what Logto shows.
pub fn standing(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    found: &str,
) -> Standing {
    let is_proved = proved(instance, ctx, connection, found).is_some();
    let remembered = remembered(instance, ctx, connection);
    standing::standing(remembered, found, is_proved, status::now().0)
}

/// Notes which resource it is and where it comes from, for the status that ends the visit; with a proof where that is
/// proved: it was before, or by a scope that the operator made (`bears_mark`), or by the intent to make it.
pub fn note(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    id: String,
    (bears_mark, took_over): (bool, bool),
) {
    let before = proved(instance, ctx, connection, &id);
    let remembered = remembered(instance, ctx, connection);
    let was_being_made = remembered.is_some_and(|status| status.origin == Origin::Creating);
    let origin = standing::origin(remembered, &id, before, took_over, status::now().0);
    let is_proved = before.is_some() || bears_mark || (was_being_made && origin == Origin::Created);
    if is_proved {
        note_proved(instance, ctx, connection, id, origin);
        return;
    }
    instance.status.get_or_insert_default().api_resource = Some(found(id, origin));
}

/// Notes what is proved of a resource, also for the connections to come.
pub fn note_proved(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    id: String,
    origin: Origin,
) {
    let indicator = &instance.spec.api_resource.indicator;
    connection.prove(indicator, key(instance), id.clone(), origin);
    let status = with_proof(instance, ctx, connection, found(id, origin));
    instance.status.get_or_insert_default().api_resource = Some(status);
}

/// The intent to make the resource, from now on.
pub fn intent(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> ApiResourceStatus {
    let intent = ApiResourceStatus {
        id: None,
        origin: Origin::Creating,
        creating_since: Some(status::now()),
        proof: None,
    };
    with_proof(instance, ctx, connection, intent)
}

/// Keeps what the statuses of a tenant and its instances prove before the key changes that they were written with.
pub fn recall_all(ctx: &Context, tenant: &LogtoTenant, before: &Connection) {
    retained::recall(ctx, tenant, before);
    for instance in ctx.stores.instances_naming(&key(tenant)) {
        let Some(id) = said(&instance).and_then(|said| said.id.clone()) else {
            continue;
        };
        if let Some(origin) = proved(&instance, ctx, before, &id) {
            let indicator = &instance.spec.api_resource.indicator;
            before.prove(indicator, key(&*instance), id, origin);
        }
    }
}

fn found(id: String, origin: Origin) -> ApiResourceStatus {
    ApiResourceStatus {
        id: Some(id),
        origin,
        creating_since: None,
        proof: None,
    }
}

fn with_proof(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    said: ApiResourceStatus,
) -> ApiResourceStatus {
    as_subject(instance, ctx, |subject| {
        connection.proof_key.prove(subject, said)
    })
}

fn as_subject<T>(
    instance: &HasuraInstance,
    ctx: &Context,
    say: impl FnOnce(&Subject<'_>) -> T,
) -> T {
    say(&Subject {
        owner: &ctx.owner,
        uid: &instance.uid().unwrap_or_default(),
        instance: &key(instance),
        indicator: &instance.spec.api_resource.indicator,
    })
}
