//! What a Deployment comes to whose settings are not written: the words and the reason for the status.

use k8s_openapi::api::apps::v1::Deployment;

use crate::{
    api::HasuraInstance,
    controller::{
        context::Context,
        delivery,
        visit::{Next, Outcome},
    },
    hasura::{
        apply::JudgedApplyError,
        apply_error::ApplyError,
        diff::{Blocked, Finding},
    },
};

/// What a Deployment comes to that must not be patched as it is.
pub async fn blocked_by(
    instance: &HasuraInstance,
    ctx: &Context,
    (live, container): (&Deployment, &str),
    blocked: &Blocked,
) -> Outcome {
    let reason = blocked.finding.reason();
    match &blocked.finding {
        Finding::EnvUsesValueFrom { name } => {
            if let Some(before) = delivery::left_behind(instance) {
                let message = format!(
                    "{blocked}. If it refers to {before}, take it out of the manifest that has it: the operator holds it too, so \
                     that it stays until the value takes its place, in one rollout"
                );
                return Outcome::stalled(reason, message);
            }
            let fitting = delivery::fitting(instance, ctx, (live, container), name, None).await;
            let keep = fitting.unwrap_or_else(|| {
                let secret = delivery::default_secret(instance);
                let stanza = secret.stanza([name.as_str()]);
                format!("set spec.delivery.mode to Secret, and let the entry be\n{stanza}")
            });
            let message = format!("{blocked}; or keep valueFrom: {keep}");
            Outcome::stalled(reason, message)
        }
        Finding::NotReferenced { missing, .. } => {
            let mut message = blocked.to_string();
            let asked_for = delivery::object_of(instance);
            if let [variable, ..] = missing.as_slice()
                && let Some(fitting) = delivery::fitting(
                    instance,
                    ctx,
                    (live, container),
                    variable,
                    asked_for.as_ref(),
                )
                .await
            {
                message.push_str(&format!("\n{fitting}"));
            }
            Outcome::waiting(reason, message)
        }
        Finding::StaleReference { .. } => Outcome::waiting(reason, blocked.to_string()),
        _ => Outcome::stalled(reason, blocked.to_string()),
    }
}

/// What an apply comes to that failed or was refused. What hinges on something that nobody watches is looked at again.
pub fn refused(ctx: &Context, error: &JudgedApplyError) -> Outcome {
    let message = error.to_string();
    match error {
        JudgedApplyError::Apply(ApplyError::Gone { .. }) => {
            Outcome::waiting(error.reason(), message)
        }
        JudgedApplyError::Apply(
            ApplyError::Changed { .. } | ApplyError::Forbidden { .. } | ApplyError::Other { .. },
        )
        | JudgedApplyError::EnvFrom { .. } => Outcome::retry(error.reason(), message),
        JudgedApplyError::Refused(refused) if refused.unwatched => Outcome {
            next: Next::After(ctx.clocks.credentials_retry),
            ..Outcome::stalled(error.reason(), message)
        },
        JudgedApplyError::Blocked(_)
        | JudgedApplyError::Refused(_)
        | JudgedApplyError::Apply(_) => Outcome::stalled(error.reason(), message),
    }
}
