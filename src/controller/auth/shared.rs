//! What is done on a Deployment that must not be patched as it is: nothing that its pods read, but what makes the user's
//! own change of it possible, or spares Hasura the time without settings.

use k8s_openapi::api::apps::v1::Deployment;

use super::{Visit, blocked_by, refused};
use crate::{
    controller::{delivery, rollout, visit::Outcome},
    hasura::{
        apply::{Apis, JudgedApplyError},
        diff::{Blocked, Finding},
        env::DesiredAuth,
        hold::{hold, with_references, without_shared_values},
    },
};

impl Visit<'_> {
    /// What a Deployment comes to that must not be patched as it is.
    pub(super) async fn blocked(
        &mut self,
        apis: &Apis,
        live: &Deployment,
        container: &str,
        desired: &DesiredAuth,
        blocked: &Blocked,
    ) -> Outcome {
        rollout::unlatch(self.instance);
        let result = match &blocked.finding {
            Finding::EnvUsesValueFrom { .. } if desired.delivered.is_none() => {
                self.hold_references(apis, live, container, desired).await
            }
            // The lines that the message asks for need the object to be there.
            _ => delivery::deliver_unjudged(self.instance, self.ctx, desired, live).await,
        };
        if let Err(why) = result {
            return why;
        }
        if matches!(blocked.finding, Finding::NotReferenced { .. })
            && let Some(kept) = without_shared_values(live, container)
        {
            if let Err(why) = self.save().await {
                return why;
            }
            if let Err(error) = hold(apis, live, container, &kept).await {
                return refused(self.ctx, &JudgedApplyError::Apply(error));
            }
        }
        blocked_by(self.instance, self.ctx, (live, container), blocked).await
    }

    /// Holds the references to the object of before a switch to values: the manifest gives them up, they stay, and become
    /// values in one apply.
    async fn hold_references(
        &mut self,
        apis: &Apis,
        live: &Deployment,
        container: &str,
        desired: &DesiredAuth,
    ) -> Result<(), Outcome> {
        let entries = desired.entries();
        let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
        let before = delivery::left_behind(self.instance);
        let held = before.and_then(|object| with_references(live, container, &object, &names));
        let Some(held) = held else { return Ok(()) };
        self.save().await?;
        hold(apis, live, container, &held)
            .await
            .map_err(|error| refused(self.ctx, &JudgedApplyError::Apply(error)))
    }
}
