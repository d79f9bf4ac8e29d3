//! A binding's subjects: who is given its role and from whom it is taken back, looked at once in a resync period.
//!
//! Before anybody is given the role, the status says `Assigning`: a crash between the request and the status forgets
//! nothing and claims nothing that is somebody else's. What can not be told is in [`crate::domain::subjects`].

mod checks;
mod conditions;
mod look;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kube::{ResourceExt, runtime::events::EventType};

pub use checks::Checks;
pub use conditions::{is_extra_news, not_looked_at};

use super::{
    resync,
    role_sync::RoleSync,
    status::{self, Detail},
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraRoleBinding, HasuraRoleBindingStatus,
        binding::{RoleStatus, SubjectKind, SubjectState, SubjectStatus},
        conditions::reasons,
    },
    domain::{
        precedence::Key,
        subjects::{self, Name, Plan, kind_of},
    },
    logto::{self, Client},
};
use checks::{Check, Due};

/// Plans that one visit carries out: each after the first follows something that changed under its feet.
const MOST_ROUNDS: usize = 4;

/// One visit's view of a binding whose role is there and holds its scope.
pub struct SubjectSync<'a> {
    /// Whose subjects.
    pub binding: &'a Arc<HasuraRoleBinding>,
    /// The visit that the role was seen in.
    pub visit: &'a RoleSync<'a>,
    /// The binding's tenant.
    pub tenant: &'a Key,
    /// The role; it bears the binding's mark.
    pub role: &'a RoleStatus,
}

/// What a visit came to for the subjects.
pub struct Assignments {
    /// The binding as it was last written.
    pub binding: Arc<HasuraRoleBinding>,
    /// For the status.
    pub rows: Vec<SubjectStatus>,
    /// The role that the rows speak of.
    pub role: Option<RoleStatus>,
    /// For the status.
    pub details: Vec<Detail>,
    /// When to come again.
    pub next: Next,
}

/// What came in the way.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Logto(#[from] logto::Error),
    #[error("the API server: {0}")]
    Kube(#[from] Box<kube::Error>),
    #[error("who holds the role kept changing while it was set right; it is tried again")]
    KeptChanging,
}

/// How far a visit got.
struct Progress {
    binding: Arc<HasuraRoleBinding>,
    rows: Vec<SubjectStatus>,
    role: Option<RoleStatus>,
    /// Whether somebody would be given the role if it held no other scopes.
    held_back: bool,
    given: usize,
    taken: usize,
}

impl SubjectSync<'_> {
    /// Looks at the subjects when it is time, or at once.
    pub async fn sync(&self, now: bool) -> Assignments {
        let binding = self.binding;
        let before = binding.status.clone().unwrap_or_default();
        let wanted = wanted(binding);
        let checks = &self.visit.ctx.subjects;
        let mut progress = Progress {
            binding: Arc::clone(binding),
            rows: before.subjects.clone(),
            role: Some(self.role.clone()),
            held_back: false,
            given: 0,
            taken: 0,
        };
        if wanted.is_empty() && before.subjects.is_empty() {
            checks.forget(&uid(binding));
            return self.end(progress, &wanted, None);
        }
        let client = match self.due(&before, &wanted, now) {
            Due::Later { held_back } => {
                progress.held_back = held_back;
                return self.end(progress, &wanted, None);
            }
            Due::Now => self.visit.session.client().clone(),
            Due::Again => self.visit.session.client().background(),
        };
        if before.role.as_ref().map(|role| &role.id) != Some(&self.role.id) {
            progress.rows = subjects::without_role(&before.subjects);
            // Until the rows are looked at they speak of the role that was lost.
            progress.role = before.role.clone();
        }
        let result = self.check(&client, &wanted, &mut progress).await;
        if progress.role != Some(self.role.clone()) && result.is_err() {
            progress.rows = before.subjects;
        }
        self.tell(&progress).await;
        let failure = result.err().map(|failure| self.failed(&failure));
        let again = failure
            .as_ref()
            .is_some_and(|outcome| outcome.next != Next::Change);
        checks.put(&uid(binding), self.checked(again, progress.held_back));
        self.end(progress, &wanted, failure)
    }

    fn due(&self, before: &HasuraRoleBindingStatus, wanted: &BTreeSet<Name>, now: bool) -> Due {
        if now {
            return Due::Now;
        }
        let settled = subjects::are_settled(wanted, &before.subjects);
        let seen = before.observed_generation == self.binding.metadata.generation
            && before
                .role
                .as_ref()
                .is_some_and(|role| role.id == self.role.id);
        let no_extra = self.extra_scopes().is_some_and(|extra| extra.is_empty());
        let expected = self.checked(false, false);
        self.visit.ctx.subjects.due(
            &uid(self.binding),
            &expected,
            settled && seen && !conditions::was_held_back(self.binding),
            |check: &Check| (check.held_back && no_extra) || (!check.held_back && !settled),
        )
    }

    /// A look that was just made; the next one is a resync period away, unless it is to be made `again` as soon as there
    /// is a visit.
    fn checked(&self, again: bool, held_back: bool) -> Check {
        let ctx = self.visit.ctx;
        let period = ctx.stores.tenant(self.tenant);
        let period = period
            .map(|tenant| resync::period(ctx, &tenant))
            .unwrap_or_default();
        Check {
            generation: self.binding.metadata.generation,
            role: self.role.id.clone(),
            held_back,
            due: checks::after(if again { Duration::ZERO } else { period }),
            period,
        }
    }

    /// Plans and carries out until nothing is left to do.
    async fn check(
        &self,
        client: &Client,
        wanted: &BTreeSet<Name>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (session, kind) = (self.visit.session, self.kind());
        for _ in 0..MOST_ROUNDS {
            let plan = self.plan(client, wanted, &progress.rows).await?;
            self.take_back(&plan, wanted, progress).await?;
            if plan.assign.is_empty() || self.is_held_back().await? {
                progress.held_back = !plan.assign.is_empty();
                progress.rows = plan.held_back();
                progress.role = Some(self.role.clone());
                return Ok(());
            }
            self.record(&plan, progress).await?;
            match session.assign(kind, &self.role.id, &plan.assign).await {
                Ok(()) => {
                    progress.given += plan.assign.len();
                    progress.rows = assigned(plan.rows);
                    return Ok(());
                }
                // Nobody was given anything, so who holds the role now has it from somebody else: the rows stay as they
                // were before this plan.
                Err(error @ logto::Error::Reread { .. }) if !error.may_have_happened() => {}
                Err(error) => {
                    progress.rows = plan.rows;
                    if !matches!(error, logto::Error::Reread { .. }) {
                        return Err(error.into());
                    }
                }
            }
        }
        Err(Failure::KeptChanging)
    }

    async fn take_back(
        &self,
        plan: &Plan,
        wanted: &BTreeSet<Name>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let named: BTreeSet<String> = wanted.iter().map(Name::to_string).collect();
        for id in &plan.unassign {
            self.visit
                .session
                .unassign(self.kind(), &self.role.id, id)
                .await?;
            progress.taken += 1;
            // Should somebody else give it to that one again, it is no longer the binding's.
            progress
                .rows
                .retain(|row| named.contains(&row.named) || row.id.as_ref() != Some(id));
        }
        Ok(())
    }

    /// Says in the status who is about to be given the role.
    async fn record(&self, plan: &Plan, progress: &mut Progress) -> Result<(), Failure> {
        let mut status = progress.binding.status.clone().unwrap_or_default();
        status.subjects.clone_from(&plan.rows);
        status.role = Some(self.role.clone());
        let written = status::write(&self.visit.ctx.client, &*progress.binding, status).await;
        progress.binding = Arc::new(written.map_err(Box::new)?);
        progress.role = Some(self.role.clone());
        Ok(())
    }

    async fn tell(&self, progress: &Progress) {
        let Progress { given, taken, .. } = progress;
        if *given == 0 && *taken == 0 {
            return;
        }
        let note = format!(
            "the role {:?} was given to {given} of the subjects and taken back from {taken}",
            self.role.name
        );
        let (ctx, binding) = (self.visit.ctx, self.binding);
        ctx.event(&**binding, EventType::Normal, "SubjectsChanged", &note)
            .await;
    }

    fn failed(&self, failure: &Failure) -> Outcome {
        match failure {
            Failure::Logto(error) => self.visit.failed(error, self.tenant),
            Failure::Kube(_) => Outcome::retry(reasons::KUBERNETES_ERROR, failure.to_string()),
            Failure::KeptChanging => {
                Outcome::retry(reasons::PROGRESSING_WITH_RETRY, failure.to_string())
            }
        }
    }

    fn end(
        &self,
        progress: Progress,
        wanted: &BTreeSet<Name>,
        failure: Option<Outcome>,
    ) -> Assignments {
        let extra = self.extra_scopes();
        let next = match &failure {
            Some(outcome) if outcome.next != Next::Change => outcome.next,
            _ => self.visit.ctx.subjects.next(&uid(self.binding)),
        };
        let details = conditions::Looked {
            binding: self.binding,
            wanted,
            rows: &progress.rows,
            extra: extra.as_deref(),
            held_back: progress.held_back,
            failure: failure.as_ref().map(|outcome| &outcome.verdict),
        };
        Assignments {
            details: details.details(),
            binding: progress.binding,
            rows: progress.rows,
            role: progress.role,
            next,
        }
    }

    fn kind(&self) -> SubjectKind {
        kind_of(self.visit.desired.role_type)
    }
}

/// Whom the spec names.
fn wanted(binding: &HasuraRoleBinding) -> BTreeSet<Name> {
    binding.spec.subjects.iter().filter_map(Name::of).collect()
}

fn assigned(mut rows: Vec<SubjectStatus>) -> Vec<SubjectStatus> {
    for row in &mut rows {
        if row.state == SubjectState::Assigning {
            row.state = SubjectState::Assigned;
        }
    }
    rows
}

fn uid(binding: &HasuraRoleBinding) -> String {
    binding.uid().unwrap_or_default()
}
