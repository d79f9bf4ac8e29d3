//! The apply against others who want another value, or none at all, as often as that makes sense.

use kube::{ResourceExt, runtime::events::EventType};

use super::{Visit, refused};
use crate::{
    api::{conditions::reasons, delivery::ConflictPolicy},
    controller::{delivery, force::MOST_TURNS, rollout, visit::Outcome},
    hasura::{
        apply::{Apis, AuthPatch, Judged, JudgedApplyError, judged_apply, judged_dry_run},
        apply_error::{ApplyError, FieldConflict},
        diff::Change,
        newest_other_manager,
    },
};

impl Visit<'_> {
    /// Applies a patch that makes these changes; with conflictPolicy Force also against another manager.
    pub(super) async fn apply(
        &mut self,
        apis: &Apis,
        patch: AuthPatch<'_>,
        changes: &[Change],
    ) -> Result<Judged, Outcome> {
        let sets = changes
            .iter()
            .any(|change| matches!(change, Change::Set(_)));
        if sets {
            // Also when the answer of the apply is lost.
            rollout::unlatch(self.instance);
        }
        // Somebody changed or removed what was there: who removes it causes no conflict, and may go on for ever as well.
        let again = sets
            && patch
                .desired
                .is_some_and(|desired| rollout::was_written(self.instance, patch.live, desired));
        if again && !self.may_take_a_turn() {
            let newest = newest_other_manager(patch.live);
            return Err(fight(&newest.map_or_else(
                || "somebody else".to_owned(),
                |manager| format!("others (the last to write was {manager})"),
            )));
        }
        self.save().await?;
        let uid = self.instance.uid().unwrap_or_default();
        let conflicts = match self.applied(apis, patch).await {
            Ok(judged) => {
                if again {
                    self.ctx.fights.took_a_turn(&uid);
                }
                return Ok(judged);
            }
            Err(JudgedApplyError::Apply(ApplyError::Conflict { conflicts, .. }))
                if self.instance.spec.delivery.conflict_policy == ConflictPolicy::Force =>
            {
                conflicts
            }
            Err(error) => return Err(refused(self.ctx, &error)),
        };
        let managers = managers(conflicts);
        if !self.may_take_a_turn() {
            return Err(fight(&managers));
        }
        let forced = AuthPatch {
            force: true,
            ..patch
        };
        let judged = self
            .applied(apis, forced)
            .await
            .map_err(|error| refused(self.ctx, &error))?;
        self.ctx.fights.took_a_turn(&uid);
        let note = format!("conflictPolicy Force: the settings were taken from {managers}");
        self.ctx
            .event(self.instance, EventType::Warning, "TakenByForce", &note)
            .await;
        self.forced_from = Some(managers.chars().take(128).collect());
        Ok(judged)
    }

    /// Says before a container is left which settings of others work again there.
    async fn applied(&self, apis: &Apis, patch: AuthPatch<'_>) -> Result<Judged, JudgedApplyError> {
        if !patch.leaves().is_empty() {
            let foreseen = judged_dry_run(apis, patch).await?;
            let name = patch.live.name_any();
            delivery::say_what_returns(self.instance, self.ctx, &name, &foreseen.returning).await;
        }
        judged_apply(apis, patch).await
    }

    fn may_take_a_turn(&self) -> bool {
        let uid = self.instance.uid().unwrap_or_default();
        let generation = self.instance.metadata.generation;
        self.ctx.fights.may_take_a_turn(&uid, generation)
    }
}

/// Who holds what the patch would set.
pub(super) fn managers(conflicts: Vec<FieldConflict>) -> String {
    let mut managers: Vec<String> = conflicts.into_iter().map(|found| found.manager).collect();
    managers.sort();
    managers.dedup();
    managers.join(", ")
}

fn fight(who: &str) -> Outcome {
    let message = format!(
        "{who} set the settings back {MOST_TURNS} times within ten minutes, so they are left as they are: let them leave these \
         env entries alone (docs/gitops.md has the setting that each tool needs). The reconcile annotation, or a change of \
         the spec, tries again"
    );
    Outcome::stalled(reasons::FIELD_FIGHT, message)
}
