//! The API resource of an instance: made once, found again, never taken from somebody else.

mod memory;
mod retained;

use std::time::Duration;

pub use memory::recall_all;
pub use retained::{note as note_retained, renewed};

use super::{
    context::{Context, key},
    registry::Connection,
    role_sync::reason_of_conflict,
    status,
    stores::{Stores, tenant_key},
    visit::{Error, Outcome},
};
use crate::{
    api::{
        HasuraInstance, Origin,
        instance::ApiResourceStatus,
        policy::{PlannedAction, PlannedStep},
    },
    domain::{
        adoption::{self, Permission},
        consent::{self, Consent},
        desired::Resource,
        observed::{self, Observed},
        plan::{Conflict, Step, Whose, plan_resource, takes_over},
        release::release_resource,
        standing::{self, Standing},
        words,
    },
    logto,
};

/// How old a listing may be that shows that a resource is absent.
const RECENT: Duration = Duration::from_secs(10);

/// Plans that one visit carries out.
const MOST_ROUNDS: usize = 4;

/// Whether the resource is as the spec says.
pub enum Synced {
    /// It is, and the instance's status says which it is.
    Yes,
    /// Not yet, or never.
    No(Outcome),
}

/// Brings the resource about. What is known of it goes into the instance's status, and at once into the one that is stored
/// when it has to be known after a crash.
///
/// # Errors
/// When the API server fails.
pub async fn sync(
    instance: &mut HasuraInstance,
    stored: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: bool,
) -> Result<Synced, Error> {
    let recent = connection.session.listed_within(RECENT);
    let mut fresh = false;
    let mut took_over = false;
    if reread {
        if let Err(error) = reread_resource(instance, connection).await {
            return Ok(failed(ctx, instance, connection, &error));
        }
        fresh = true;
    }
    for _ in 0..MOST_ROUNDS {
        let result = match plan(instance, ctx, connection) {
            Ok(planned) if planned.steps.is_empty() => {
                took_over |= planned.takes_over;
                remember(instance, ctx, connection, took_over);
                return Ok(Synced::Yes);
            }
            Err(conflict) if fresh => {
                let outcome = stalled(instance, ctx, connection, &conflict);
                return Ok(Synced::No(outcome));
            }
            Ok(planned) if fresh || recent || !makes(&planned.steps) => {
                took_over |= planned.takes_over;
                carry_out(instance, stored, ctx, connection, planned.steps).await?
            }
            // Nothing is made, and nothing called taken, on the word of an old listing.
            Ok(_) | Err(_) => {
                fresh = true;
                reread_resource(instance, connection).await
            }
        };
        match result {
            Err(logto::Error::Reread { .. } | logto::Error::NotFound { .. }) => {
                fresh = true;
                if let Err(error) = reread_resource(instance, connection).await {
                    return Ok(failed(ctx, instance, connection, &error));
                }
            }
            Err(error) => return Ok(failed(ctx, instance, connection, &error)),
            Ok(()) => {}
        }
    }
    let message = "the API resource kept changing while it was set right; it is tried again";
    Ok(Synced::No(Outcome::retry(
        crate::api::conditions::reasons::PROGRESSING_WITH_RETRY,
        message,
    )))
}

/// The steps that [`sync`] would take, in words; or what it would say.
///
/// # Errors
/// Why Logto could not be read.
pub async fn foresee(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: bool,
) -> Result<Result<Vec<PlannedStep>, Conflict>, Outcome> {
    let mut fresh = reread;
    loop {
        if fresh && let Err(error) = reread_resource(instance, connection).await {
            return Err(outcome_of(ctx, instance, connection, &error));
        }
        match plan(instance, ctx, connection) {
            // Nothing is called taken on the word of an old listing.
            Err(_) if !fresh => fresh = true,
            Err(conflict) => return Ok(Err(conflict)),
            Ok(planned) => {
                let words = |observed: &Observed| in_words(instance, &planned, observed);
                return Ok(Ok(connection.session.observe(words)));
            }
        }
    }
}

/// Whether the resource is somebody else's, as far as Logto was seen.
pub fn is_in_conflict(instance: &HasuraInstance, ctx: &Context, connection: &Connection) -> bool {
    plan(instance, ctx, connection).is_err()
}

/// The steps in words. To take a resource over is no write of its own: only the status remembers it.
fn in_words(instance: &HasuraInstance, planned: &Planned, observed: &Observed) -> Vec<PlannedStep> {
    let indicator = &instance.spec.api_resource.indicator;
    let adopt = planned.takes_over.then(|| {
        let what = format!("the API resource {indicator:?}, which stays when the instance goes");
        words::in_bounds(PlannedAction::Adopt, &what)
    });
    let further = planned.steps.iter();
    let further = further.map(|step| words::planned(step, observed));
    adopt.into_iter().chain(further).collect()
}

/// What is to be done for a resource.
struct Planned {
    steps: Vec<Step>,
    /// Whether a resource is there that is taken over by it.
    takes_over: bool,
}

fn plan(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Planned, Conflict> {
    let desired = Resource::from(&instance.spec);
    connection.session.observe(|observed| {
        let found = observed.resources.get(&desired.indicator);
        let standing = found.map_or(Standing::Unknown, |found| {
            memory::standing(instance, ctx, connection, &found.id)
        });
        let adoption = adoption(&ctx.stores, instance);
        let steps = plan_resource(&desired, found, standing, &ctx.owner, adoption)?;
        let takes_over =
            found.is_some_and(|found| takes_over(&desired, found, standing, &ctx.owner));
        Ok(Planned { steps, takes_over })
    })
}

/// Whether an instance may take over an API resource of its indicator, by its own word and its tenant's.
pub fn adoption(stores: &Stores, instance: &HasuraInstance) -> Permission {
    let Some(tenant) = stores.tenant(&tenant_key(instance)) else {
        return Permission::NotAsked;
    };
    let namespace = key(instance).namespace;
    stores.namespaces.with(|known| {
        adoption::of_indicator(
            instance.spec.adoption_policy,
            &tenant.spec.adoption,
            &instance.spec.api_resource.indicator,
            |selector| consent::selects(selector, &namespace, known) == Consent::Given,
        )
    })
}

/// Deletes the API resource, read just now, if it was made for the instance and nobody else has anything in it; gives why
/// it stays otherwise.
///
/// # Errors
/// Those of the requests.
pub async fn delete(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Option<String>, logto::Error> {
    reread_resource(instance, connection).await?;
    let indicator = &instance.spec.api_resource.indicator;
    let step = connection.session.observe(|observed| {
        let found = observed.resources.get(indicator)?;
        let proved = proved_at_the_end(instance, ctx, connection, found);
        // The status is believed only for the very resource that it speaks of.
        let said = memory::said(instance).filter(|said| said.id.as_ref() == Some(&found.id));
        Some(release_resource(
            indicator,
            found,
            instance.spec.deletion_policy,
            proved.or(said.map(|said| said.origin)),
            proved.is_some(),
            &ctx.owner,
        ))
    });
    match step {
        None => Ok(None),
        Some(Err(stays)) => Ok(Some(stays.to_string())),
        Some(Ok(step)) => {
            connection.session.execute(&step).await?;
            Ok(None)
        }
    }
}

/// Where a resource comes from whose instance is being deleted: one that was being made, and was not seen since, was made.
fn proved_at_the_end(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    found: &observed::Resource,
) -> Option<Origin> {
    let desired = Resource::from(&instance.spec);
    let standing = memory::standing(instance, ctx, connection, &found.id);
    let was_made =
        standing == Standing::Creating && !takes_over(&desired, found, standing, &ctx.owner);
    memory::proved(instance, ctx, connection, &found.id).or(was_made.then_some(Origin::Created))
}

fn makes(steps: &[Step]) -> bool {
    steps
        .iter()
        .any(|step| matches!(step, Step::CreateResource { .. }))
}

fn is_creating(status: &ApiResourceStatus) -> bool {
    standing::is_creating(status, status::now().0)
}

async fn reread_resource(
    instance: &HasuraInstance,
    connection: &Connection,
) -> Result<(), logto::Error> {
    let id = memory::said(instance).and_then(|said| said.id.clone());
    connection
        .session
        .reread_resources(&instance.spec.api_resource.indicator, id.as_deref())
        .await
}

/// Carries out steps; the intent to make a resource is in the status before the request is sent, so that a crash in
/// between leaves no resource that nobody knows.
async fn carry_out(
    instance: &mut HasuraInstance,
    stored: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    steps: Vec<Step>,
) -> Result<Result<(), logto::Error>, Error> {
    for step in steps {
        let makes = matches!(step, Step::CreateResource { .. });
        let before = memory::remembered(instance, ctx, connection).cloned();
        if makes && !before.as_ref().is_some_and(is_creating) {
            let intent = memory::intent(instance, ctx, connection);
            write(instance, stored, ctx, Some(intent)).await?;
        }
        if let Err(error) = connection.session.execute(&step).await {
            if makes && !error.may_have_happened() {
                // A definite refusal: this request made nothing. What was known before it stands, an older intent too.
                write(instance, stored, ctx, before).await?;
            }
            return Ok(Err(error));
        }
        if makes {
            note_made(instance, ctx, connection);
        }
    }
    Ok(Ok(()))
}

/// Notes which resource was made just now.
fn note_made(instance: &mut HasuraInstance, ctx: &Context, connection: &Connection) {
    if let Some(id) = connection.resource_id(&instance.spec.api_resource.indicator) {
        memory::note_proved(instance, ctx, connection, id, Origin::Created);
    }
}

async fn write(
    instance: &mut HasuraInstance,
    stored: &mut HasuraInstance,
    ctx: &Context,
    resource: Option<ApiResourceStatus>,
) -> Result<(), Error> {
    let mut status = instance.status.clone().unwrap_or_default();
    status.api_resource = resource;
    *stored = status::write(&ctx.client, stored, status).await?;
    instance.clone_from(stored);
    Ok(())
}

/// Notes which resource it is and where it comes from, for the status that ends the visit.
fn remember(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    took_over: bool,
) {
    let indicator = &instance.spec.api_resource.indicator;
    let seen = connection.session.observe(|observed| {
        let found = observed.resources.get(indicator)?;
        let bears_mark = found.has_scope_marked(|mark| mark.was_made_by(&ctx.owner));
        Some((found.id.clone(), bears_mark))
    });
    if let Some((id, bears_mark)) = seen {
        memory::note(instance, ctx, connection, id, (bears_mark, took_over));
    }
}

fn stalled(
    instance: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    conflict: &Conflict,
) -> Outcome {
    // What only the status knows, or proves, is as good as lost without it.
    let is_kept = match conflict {
        Conflict::Resource { id, whose, .. } => {
            *whose == Whose::Unproved || memory::proved(instance, ctx, connection, id).is_some()
        }
        _ => false,
    };
    if !is_kept {
        instance.status.get_or_insert_default().api_resource = None;
    }
    Outcome::stalled(reason_of_conflict(conflict), conflict.to_string())
}

fn failed(
    ctx: &Context,
    instance: &HasuraInstance,
    connection: &Connection,
    error: &logto::Error,
) -> Synced {
    Synced::No(outcome_of(ctx, instance, connection, error))
}

fn outcome_of(
    ctx: &Context,
    instance: &HasuraInstance,
    connection: &Connection,
    error: &logto::Error,
) -> Outcome {
    connection.session.note(error);
    if connection.session.is_down() {
        ctx.triggers.tenant(&tenant_key(instance));
    }
    Outcome::of(error)
}
